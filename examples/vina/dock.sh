#!/bin/bash
# One docking: the arguments go to vina. Writes poses.pdbqt and scores.csv; vina's progress bar becomes the file
# fraction_done, which the volunteer's client shows.
set -euo pipefail

# vina draws 51 stars under a scale that ends in "|". A slow terminal is no concern: it prints a few hundred bytes.
report_progress() {
    local character last='' stars=0
    while IFS= read -r -N 1 character; do
        printf '%s' "$character"
        if [ "$last$character" = '|*' ] || { [ "$character" = '*' ] && [ $stars -gt 0 ]; }; then
            stars=$((stars + 1))
            # Renamed, so that nobody reads half a number.
            printf '0.%02d\n' $((stars * 100 / 52)) >fraction_done.new
            mv fraction_done.new fraction_done
        fi
        [ "$character" = $'\n' ] || last=$character
    done
}

vina --config box.txt --receptor receptor.pdbqt --out poses.pdbqt --cpu 1 "$@" | report_progress

awk 'BEGIN { print "mode,affinity_kcal_per_mol,rmsd_lower_bound,rmsd_upper_bound" }
     /^REMARK VINA RESULT:/ { printf "%d,%s,%s,%s\n", ++mode, $4, $5, $6 }' poses.pdbqt >scores.csv
