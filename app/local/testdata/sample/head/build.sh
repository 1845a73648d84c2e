#!/bin/sh
set -eu
# Start from nothing.
rm -rf "$1/"*
find src -name '*.tmp' -exec sh -c 'rm {}' \;
