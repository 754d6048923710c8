#!/usr/bin/env bash
# Installs the system packages that the build needs, where they are missing: libsentencepiece with its
# headers and, on Debian and Ubuntu, the C++ headers. `make` runs it; arguments name further commands.
set -euo pipefail

command -v swift >/dev/null || {
    echo "Error: Swift is missing. Debian 13: apt-get install swiftlang; elsewhere: https://swift.org/install" >&2
    exit 1
}

has_file() { for file in "$@"; do [ ! -e "$file" ] || return 0; done; return 1; }

missing=()
header=sentencepiece_processor.h
if ! has_file /usr/include/$header /usr/local/include/$header /opt/homebrew/include/$header; then
    missing+=(libsentencepiece-dev)
fi
if [ "$(uname)" = Linux ] && ! has_file /usr/include/c++/*/cstring; then missing+=(g++); fi
for name in "$@"; do
    command -v "$name" >/dev/null || missing+=("$name" ca-certificates)
done
[ ${#missing[@]} -gt 0 ] || exit 0

if command -v apt-get >/dev/null; then
    install="apt-get install -y ${missing[*]}"
    if [ "$(id -u)" = 0 ]; then
        apt-get update && env DEBIAN_FRONTEND=noninteractive $install
    elif command -v sudo >/dev/null; then
        sudo apt-get update && sudo env DEBIAN_FRONTEND=noninteractive $install
    else
        echo "Error: missing ${missing[*]}. Ask an administrator to run: $install" >&2
        exit 1
    fi
elif command -v brew >/dev/null; then
    brew install "${missing[@]/libsentencepiece-dev/sentencepiece}"
else
    echo "Error: missing ${missing[*]} (or what your system calls them). Install them and try again." >&2
    exit 1
fi
