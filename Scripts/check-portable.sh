#!/usr/bin/env bash
# Builds the project with the oldest Swift it promises to support, 6.0.3 of Debian 13, for x86-64 and,
# across, for arm64, which runs under qemu-user. Both must convert weights into the same bytes, and make
# the same texts from them. The tests of Support and the C of quantised weights run on arm64 with NEON
# alone and with its dot products. `make check-portable` runs it.
#
# It needs root, Debian or Ubuntu, and 6 GB in $PORTABLE_ROOT (default: /var/tmp/compact-llama-portable),
# where it keeps a Debian 13 for the next call. It takes about ten minutes, the first call a few more.
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
text = re.sub(r'        \.executableTarget\(\n            name: "FullLlama".*?\n            []}]\),\n', '', text, flags=re.S)
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
build x86-64 llama-weights
build x86-64 exercise --package-path Exercises --scratch-path .build-exercises
echo "x86-64: the programs and the exercises build with Swift 6.0.3"
build arm64 compact-llama --destination /src/arm64.json
build arm64 llama-weights --destination /src/arm64.json
echo "arm64: the programs build with Swift 6.0.3"

emulate="qemu-aarch64-static -L /arm -E LD_LIBRARY_PATH=/arm/usr/libexec/swift/lib/swift/linux"
# Converts the included model into every format, and writes a text with each. `$1` is the machine's
# folder, `$2` the build's folder in it; `$3` runs its programs.
convert_and_write() {
    chroot "$root" bash -euc "
        programs=/src/$1/.build/$2
        model=/src/$1/Models/tinytales
        mkdir -p /src/$1/results && cd /src/$1/results
        for type in F32 F16 BF16 Q8_0 Q4_0; do
            $3 \$programs/llama-weights convert \$model/tinytales.lmw \$type.gguf --type \$type -t \$model/tokenizer.model
            $3 \$programs/compact-llama -w \$type.gguf -i 'Once upon a time' --seqlength 40 >\$type.txt
        done
        $3 \$programs/llama-weights convert Q8_0.gguf model.bin --verify
        $3 \$programs/llama-weights convert Q4_0.gguf model.safetensors --verify
        cp \$model/tokenizer.model .
        $3 \$programs/compact-llama -w model.safetensors -i 'Once upon a time' --seqlength 40 >safetensors.txt
        cat *.txt | wc -w" >"$root/src/$1.log" 2>&1 || { tail -n 5 "$root/src/$1.log" >&2; exit 1; }
    [ "$(tail -n 1 "$root/src/$1.log")" -gt 100 ]
}
convert_and_write x86-64 release ""
convert_and_write arm64 aarch64-unknown-linux-gnu/release "$emulate"
diff -r "$root/src/x86-64/results" "$root/src/arm64/results"
echo "both convert weights into the same bytes, and write the same texts"

for features in armv8-a armv8.2-a+dotprod; do
    chroot "$root" /usr/libexec/swift/bin/clang --target=aarch64-unknown-linux-gnu --sysroot=/arm -fuse-ld=lld -O2 "-march=$features" \
        -I /src/arm64/Sources/CIntrinsics/include /src/arm64/Tests/Sanitizers/blocks.c -lm -o /src/blocks
    chroot "$root" $emulate /src/blocks >/dev/null
    echo "arm64: the C of quantised weights, $features"
done

# The tests of Support, with the integer dot product of ARMv8.2 and without it.
python3 "$checkout/Scripts/tests_for_swift_6_0.py" "$root/src/arm64"
for processor in cortex-a76 cortex-a57; do
    sed -i "s/-mcpu=cortex-a[0-9]*/-mcpu=$processor/" "$root/src/arm64/Package.swift"
    build arm64 CompactLlamaPackageTests -c debug --destination /src/arm64.json
    chroot "$root" $emulate -cpu $processor \
        /src/arm64/.build/aarch64-unknown-linux-gnu/debug/CompactLlamaPackageTests.xctest \
        --testing-library swift-testing >"$root/src/tests.log" 2>&1 &&
        passed=$(grep -ac '^✔ Test "' "$root/src/tests.log") || {
        grep -aE '✘.* (recorded|failed)|rror: |signal' "$root/src/tests.log" | head >&2 || true
        echo "Error: tests of Support fail on arm64, $processor (log: $root/src/tests.log)" >&2
        exit 1
    }
    echo "arm64: $passed tests of Support, $processor"
done
