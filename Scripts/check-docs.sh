#!/usr/bin/env bash
# Checks README.md, CONTRIBUTING.md and docs/: runs every command, and compares what the programs print with the
# transcripts, and links and excerpts with the sources. `make check-docs` runs it; --update rewrites the
# transcripts, with the figures of this run, and the line numbers in links.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v python3 >/dev/null || { echo "Error: check-docs needs python3" >&2; exit 1; }
Scripts/install-packages.sh
swift build --configuration release
exec python3 Scripts/check_docs.py "$@"
