#!/usr/bin/env bash
# Builds the project with the oldest Swift it promises to support, 6.0.3 of Debian 13, for x86-64 and,
# across, for arm64. Compares the text of both, arm64 under qemu-user. `make check-portable` runs it.
#
# It needs root, Debian or Ubuntu, and 4 GB in $PORTABLE_ROOT (default: /var/tmp/compact-llama-portable),
# where it keeps a Debian 13 for the next call. The first call takes about five minutes.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)
root=${PORTABLE_ROOT:-/var/tmp/compact-llama-portable}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

[ "$(id -u)" = 0 ] || { echo "Error: check-portable needs root, for debootstrap and chroot" >&2; exit 1; }
[ "$(uname -m)" = x86_64 ] || { echo "Error: check-portable runs on x86-64" >&2; exit 1; }
if ! command -v debootstrap >/dev/null || ! command -v qemu-aarch64-static >/dev/null; then
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q debootstrap qemu-user-static
fi

# Debian 13 with its Swift, and beside it, unpacked into /arm, the arm64 libraries to link against.
if [ ! -e "$root/arm/ready" ]; then
    echo "installing Debian 13 in $root (log: $root.log)"
    {
        debootstrap --variant=minbase trixie "$root" "$mirror"
        cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
        cp /etc/resolv.conf "$root/etc/"
        chroot "$root" bash -euc '
            export DEBIAN_FRONTEND=noninteractive
            dpkg --add-architecture arm64
            apt-get update -q
            apt-get install -y -q --no-install-recommends ca-certificates git make swiftlang \
                g++ libsentencepiece-dev binutils-aarch64-linux-gnu lld
            mkdir -p /debs /arm/usr/lib
            ln -sfn usr/lib /arm/lib
            cd /debs
            apt-get download -q {swiftlang,libswiftlang,libc6,libc6-dev,libcrypt1,libcurl4t64}:arm64 \
                {libgcc-14-dev,libgcc-s1,libstdc++-14-dev,libstdc++6,libxml2,zlib1g}:arm64 \
                {libsentencepiece-dev,libsentencepiece0}:arm64 linux-libc-dev
            for deb in *.deb; do dpkg-deb --fsys-tarfile $deb | tar -x -C /arm --keep-directory-symlink; done
            ln -sfn ../libexec/swift/lib/swift /arm/usr/lib/swift'
        cp "$(command -v qemu-aarch64-static)" "$root/usr/bin/"
        touch "$root/arm/ready"
    } >"$root.log" 2>&1 || { tail -n 5 "$root.log" >&2; exit 1; }
fi

mounts=()
unmount() { for place in "${mounts[@]}"; do umount "$place"; done; }
trap unmount EXIT
bind() {
    mkdir -p "$root$1"
    mount --bind "$1" "$root$1"
    mounts=("$root$1" "${mounts[@]}")
}
bind /proc
bind /dev

# Where git uses a local mirror of GitHub, the Debian inside uses it as well.
packages=$(git config --get-regexp '^url\..*\.insteadof$' |
    sed -nE 's/^url\.(\/.*)\.insteadof .*/\1/Ip' | head -n 1 || true)
if [ -d "$packages" ]; then
    bind "${packages%/}"
    printf '[url "%s"]\n\tinsteadOf = https://github.com/\n[safe]\n\tdirectory = *\n' "$packages" \
        >"$root/root/.gitconfig"
fi

rm -rf "$root/src"
mkdir -p "$root/src/x86-64"
git -C "$checkout" archive HEAD | tar -x -C "$root/src/x86-64"
# The newest swift-log needs Swift 6.2, and a mirror may have no other: without what uses it.
python3 - "$root/src/x86-64/Package.swift" <<'PYTHON'
import re, sys
text = open(sys.argv[1]).read()
text = re.sub(r'        \.executableTarget\(\n            name: "FullLlama".*?\n            \]\),\n', '', text, flags=re.S)
text = re.sub(r'.*(swift-log"|targets: \["FullLlama"\]).*\n', '', text)
open(sys.argv[1], 'w').write(text)
PYTHON
cp -r "$root/src/x86-64" "$root/src/arm64"
sed -i 's/-mcpu=native/-mcpu=cortex-a76/; s/-march=native/-mcpu=cortex-a76/' "$root/src/arm64/Package.swift"
cat >"$root/src/arm64.json" <<'JSON'
{
    "version": 1, "sdk": "/arm", "toolchain-bin-dir": "/usr/bin",
    "target": "aarch64-unknown-linux-gnu", "dynamic-library-extension": "so",
    "extra-cc-flags": ["-fPIC"], "extra-cpp-flags": ["-lstdc++"],
    "extra-swiftc-flags": [
        "-resource-dir", "/arm/usr/libexec/swift/lib/swift", "-use-ld=lld",
        "-sdk", "/arm", "-tools-directory", "/usr/bin"
    ]
}
JSON

build() { # folder, product, then options of swift build
    local folder=$1 product=$2
    shift 2
    chroot "$root" env HOME=/root bash -c "cd /src/$folder && swift build -c release --product $product $*" \
        >"$root/src/$folder.log" 2>&1 || {
        grep -E 'error' "$root/src/$folder.log" | sort -u | head >&2
        echo "Error: $product for $folder does not build with Swift 6.0.3" >&2
        exit 1
    }
}
build x86-64 compact-llama
chroot "$root" /src/x86-64/.build/release/compact-llama -i "Once upon a time" >"$root/src/x86-64.txt"
echo "x86-64: builds with Swift 6.0.3 and runs"
build x86-64 exercise --package-path Exercises --scratch-path .build
echo "x86-64: the exercises build with Swift 6.0.3"
build arm64 compact-llama --destination /src/arm64.json
chroot "$root" qemu-aarch64-static -L /arm -E LD_LIBRARY_PATH=/arm/usr/libexec/swift/lib/swift/linux \
    /src/arm64/.build/aarch64-unknown-linux-gnu/release/compact-llama -i "Once upon a time" \
    >"$root/src/arm64.txt"
echo "arm64: builds with Swift 6.0.3 and runs"
cmp "$root/src/x86-64.txt" "$root/src/arm64.txt"
[ "$(wc -w <"$root/src/arm64.txt")" -gt 20 ]
echo "both give the same text"
