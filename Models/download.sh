#!/usr/bin/env bash
# Fetches a story model of karpathy/tinyllamas and Llama 2's tokenizer into Models/downloads.
#
#   Models/download.sh stories15M        (or stories42M, stories110M)
#
# Downloads to FILE.part and renames it to FILE when it is complete and verified. Resumes an
# interrupted download. MODELS_URL and TOKENIZER_URL set other sources.
set -euo pipefail

models_url=${MODELS_URL:-https://huggingface.co/karpathy/tinyllamas/resolve/main}
tokenizer_url=${TOKENIZER_URL:-https://github.com/karpathy/llama2.c/raw/master/tokenizer.model}
model=${1:-}
program=$(cd "$(dirname "$0")/.." && pwd)/.build/release/compact-llama
folder=${DOWNLOADS:-$(dirname "$0")/downloads}

fail() { printf 'Error: %s\n' "$1" >&2; exit 1; }

checksum() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# fetch URL PART: downloads with curl and resumes up to 8 times
fetch() {
    local url=$1 part=$2 attempt code status
    for attempt in 1 2 3 4 5 6 7 8; do
        status=0
        code=$(curl --fail --location --progress-bar --continue-at - --output "$part" \
            --connect-timeout 20 --speed-limit 100 --speed-time "${STALL_SECONDS:-20}" \
            --write-out '%{http_code}' "$url") || status=$?
        case $status:$code in
            0:*) return ;;
            22:416) return ;;  # PART is complete: the checksum decides
            22:429 | 22:5??) ;;
            22:*) fail "$url: the server answered $code" ;;
            33:*) rm -f "$part" ;;  # the server cannot resume: start again
            18:* | 28:* | 52:* | 55:* | 56:* | 92:*) ;;
            *) fail "$url: curl failed with code $status; run this again to resume" ;;
        esac
        echo "interrupted in attempt $attempt; resuming" >&2
        sleep $((attempt / 2))
    done
    fail "$url: incomplete after $attempt attempts; run this again to resume"
}

# place FILE URL SHA256: downloads and verifies a file; without SHA256, tries it as a model
place() {
    local file=$1 url=$2 expected=$3 found problem
    if [ -e "$file" ]; then
        found=$(checksum "$file")
        if [ -z "$expected" ] || [ "$found" = "$expected" ]; then
            echo "$file already exists"
            return
        fi
        fail "$file: expected SHA-256 $expected, found $found; remove it and run this again"
    fi
    echo "$url -> $file"
    fetch "$url" "$file.part"
    found=$(checksum "$file.part")
    if [ -n "$expected" ] && [ "$found" != "$expected" ]; then
        rm -f "$file.part"
        fail "$url: expected SHA-256 $expected, found $found; nothing was kept"
    elif [ -z "$expected" ]; then
        echo "no checksum is known for $(basename "$file"); found SHA-256 $found"
        if ! problem=$("$program" -t "$folder/tokenizer.model" -w "$file.part" -i "" --seqlength 1 2>&1); then
            rm -f "$file.part"
            fail "$url: not a readable model (${problem#Error: }); nothing was kept"
        fi
    fi
    mv "$file.part" "$file"
}

case $model in
    stories15M) sha256=cd590644d963867a2b6e5a1107f51fad663c41d79c149fbecbbb1f95fa81f49a ;;
    stories42M | stories110M) sha256= ;;
    *) echo "Usage: Models/download.sh stories15M | stories42M | stories110M" >&2; exit 64 ;;
esac
command -v curl >/dev/null || fail "curl is missing: apt-get install curl"
mkdir -p "$folder"
place "$folder/tokenizer.model" "$tokenizer_url" \
    9e556afd44213b6bd1be2b850ebbbd98f5481437a8021afaf58ee7fb1818d347
place "$folder/$model.bin" "$models_url/$model.bin" "$sha256"
