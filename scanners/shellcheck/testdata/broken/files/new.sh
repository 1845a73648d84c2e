#!/bin/bash
run() { eval "$@"; }
run $@
