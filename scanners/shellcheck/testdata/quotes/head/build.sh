#!/bin/sh
set -eu
# Where the result goes.
out=$1
mkdir -p $out
rm -rf "$out/"*
# shellcheck disable=SC2156
find "$out" -name '*.tmp' -exec sh -c 'rm {}' \;
cp -R $(ls src) "$out"
cp -R src "$out"
