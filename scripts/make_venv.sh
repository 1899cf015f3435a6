#!/bin/sh
# Make a virtual environment in the folder $1 with the newest Python of 3.11 or later that really runs here.
# A name on the PATH is not enough: version managers leave names behind that only print an error.
set -eu
folder=$1
found=
for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
    found=$candidate
    if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        "$candidate" -m venv --clear "$folder"
        exit 0
    fi
done
if [ -n "$found" ]; then
    echo "$found cannot make virtual environments: its venv package is missing (Debian, Ubuntu: apt-get install python3-venv)" >&2
else
    echo "no Python of 3.11 or later was found; set PYTHON to one, as in: make demo PYTHON=/path/to/python3" >&2
fi
exit 1
