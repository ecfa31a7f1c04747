#!/bin/sh
# Makes ligands/*.pdbqt from ligands.smi, and receptor.pdbqt from the package autodock-vina. Needs Debian's openbabel.
# The results are in the repository; this is how they came about.
set -eu
cd "$(dirname "$0")"
gunzip -c "${1:-/usr/share/doc/autodock-vina/test-data/protein.pdbqt.gz}" >receptor.pdbqt
mkdir -p ligands
while read -r smiles name; do
    obabel -:"$smiles" --title "$name" --gen3d -p 7.4 -opdbqt -O "ligands/$name.pdbqt" </dev/null
done <ligands.smi
