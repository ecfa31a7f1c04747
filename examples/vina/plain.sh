#!/usr/bin/env bash
# The same dockings without Buoy: vina by itself, two at a time, in the image that the Dockerfile describes.
# usage: plain.sh DIRECTORY [docker|podman]     writes DIRECTORY/LIGAND/poses.pdbqt
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
engine=${2:-docker}
cd "$(dirname "$0")"

image=example-vina-plain
if ! "$engine" build -q -t "$image" . >"$out/build.log" 2>&1; then
    cat "$out/build.log" >&2
    exit 1
fi

dock_plainly() {
    local ligand=$1 file=$2 seed=$3
    mkdir -p "$out/$ligand"
    "$engine" run --rm --network none -v "$PWD:/in:ro" -v "$out/$ligand:/out" --entrypoint vina "$image" \
        --config /in/box.txt --receptor /in/data/receptor.pdbqt --ligand "/in/$file" --seed "$seed" --cpu 1 \
        --out /out/poses.pdbqt >"$out/$ligand/log.txt" 2>&1
}
export -f dock_plainly
export out engine image
tail -n +2 ligands.csv | tr ',' ' ' | xargs -P 2 -L 1 bash -euc 'dock_plainly "$@"' dock
