#!/bin/sh
# Compiles hello into one static file, the only one in the image.
set -eu
cd "$(dirname "$0")"
"${CC:-cc}" -O2 -static -s -o hello hello.c
