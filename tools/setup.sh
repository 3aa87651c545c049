#!/bin/sh
# Finds any Python that can run tools/setup.py, which finds the right one. A `python3` on the PATH
# may be a shim for a version that is not there, so each is tried.
cd "$(dirname "$0")/.." || exit 1
for python in "${PITSTOP_PYTHON:-}" python3.10 python3 python /usr/bin/python3 /usr/local/bin/python3; do
    if [ -n "$python" ] &&
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then
        exec "$python" -m tools.setup "$@"
    fi
done
echo "pitstop: no Python 3 found. Install Python 3.10, or set PITSTOP_PYTHON to one." >&2
exit 1
