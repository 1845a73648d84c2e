#!/bin/sh
set -eu
out=$1
mkdir -p $out
cp -R src "$out"
