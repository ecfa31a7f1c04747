#!/usr/bin/env python3
"""Estimates pi: the share of random points of a square that lie in its circle. Writes pi.txt."""
import random
import sys

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
darts = int(options["--darts"])
random.seed(int(options["--seed"]))

hits = 0
for dart in range(darts):
    hits += random.random() ** 2 + random.random() ** 2 < 1
    if dart % 20_000 == 0:
        with open("fraction_done", "w") as progress:  # for the volunteer to see
            print(dart / darts, file=progress)

with open("pi.txt", "w") as out:
    print(4 * hits / darts, file=out)
