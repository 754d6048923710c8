#!/usr/bin/env bash
# Fuzzes the readers: `fuzz.sh [SECONDS [KIND...]]`. KIND is LMW, Llama2c, GGUF and so on, a folder
# Sources/FuzzKIND without its "Fuzz"; by default all in turn, 60 seconds each. A finding ends its
# fuzzer, and its input is left in FuzzTesting/.findings/KIND.
set -euo pipefail
seconds=${1:-60}
kinds=("${@:2}")
cd "$(dirname "$0")"

if [ ${#kinds[@]} = 0 ]; then
    kinds=(LMW Llama2c GGUF Safetensors Index Config Tokenizer Trace Decoder)
fi
for kind in "${kinds[@]}"; do
    [ -d "Sources/Fuzz$kind" ] || { echo "Error: no kind $kind; see Sources" >&2; exit 1; }
    # Of two sanitizers, the Swift compiler heeds the option that comes last. The checks of a debug build
    # find what the address sanitizer cannot see: a read beyond a mapped file.
    swift build -c release --sanitize=fuzzer --sanitize=address -Xswiftc -sanitize=fuzzer,address \
        -Xswiftc -assert-config -Xswiftc Debug \
        --product "Fuzz$kind"
done
# the corpus is written by a program without libFuzzer, which has a main function of its own
swift run --scratch-path .build-corpus MakeCorpus .corpus/valid

# A finding would wait for a backtrace and a symbolizer. libsentencepiece's leaks are not ours.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=symbolize=0:detect_leaks=0
if [ -d /dev/shm ]; then export TMPDIR=/dev/shm; fi
status=0
for kind in "${kinds[@]}"; do
    mkdir -p ".corpus/found/$kind" ".findings/$kind" "FailCases/$kind"
    options=()
    if [ -f "Dictionaries/$kind.dict" ]; then options=(-dict="Dictionaries/$kind.dict"); fi
    echo "Fuzz$kind, $seconds seconds"
    ".build/release/Fuzz$kind" ${options[@]+"${options[@]}"} -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -malloc_limit_mb=512 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix=".findings/$kind/" ".corpus/found/$kind" ".corpus/valid/$kind" \
        "FailCases/$kind" 2>&1 | tail -25 || status=1
done
exit $status
