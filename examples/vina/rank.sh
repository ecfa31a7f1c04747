#!/bin/sh
# Ligands by best affinity. With the results of plain.sh as second argument: compares all scores, and fails if any differs.
# usage: rank.sh RESULTS [PLAIN]     each a directory with LIGAND/poses.pdbqt
set -eu
results=$1
plain=${2:-}

# scores FILE: the affinities of all its poses, on one line, the best first.
scores() { awk '/^REMARK VINA RESULT:/ { printf "%s%s", separator, $4; separator = " " }' "$1"; }

set -- "$results"/*/poses.pdbqt
[ -f "$1" ] || { echo "no LIGAND/poses.pdbqt in $results" >&2; exit 2; }
table=$(mktemp)
trap 'rm -f "$table"' EXIT
for poses; do
    ligand=$(basename "$(dirname "$poses")")
    ours=$(scores "$poses")
    verdict=
    if [ -n "$plain" ]; then
        verdict=differs
        other=$plain/$ligand/poses.pdbqt
        if [ -f "$other" ] && [ "$ours" = "$(scores "$other")" ]; then verdict=equal; fi
    fi
    printf '%s\t%s\t%s\t%s\n' "$ligand" "${ours%% *}" "$ours" "$verdict"
done | sort -t "$(printf '\t')" -k 2,2g -k 1,1 >"$table"

awk -F '\t' -v plain="$plain" '
    BEGIN { printf "%4s  %-14s %10s  %-26s %s\n", "rank", "ligand", "kcal/mol", "all poses", plain == "" ? "" : "plain vina" }
    { printf "%4d  %-14s %10.3f  %-26s %s\n", NR, $1, $2, $3, $4; if ($4 == "differs") different++ }
    END {
        if (plain != "") printf "\n%d of %d ligands have the same scores as plain vina with the same seed\n", NR - different, NR
        exit different > 0
    }' "$table"
