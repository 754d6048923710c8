# make run          builds and tells a story; PROMPT="…" SEQLENGTH=… WEIGHTS=… TOKENIZER=… as you like
# make test         builds and tests everything
# make bench        measures speed beside the machine's limits; OPTIONS="--shape 110M --threads 1"
# make diff         shows what the full variant adds to the compact file
# make stories15M   fetches a larger story model, then tells its story (also stories42M, stories110M)
#
# Each installs what is missing: on Debian and Ubuntu libsentencepiece-dev, on macOS Homebrew's sentencepiece.

.PHONY: run build test bench diff stories15M stories42M stories110M sentencepiece curl
.DEFAULT_GOAL := run

# the shell takes the values from the environment, so that no character of a prompt is special
export PROMPT WEIGHTS TOKENIZER
SEQLENGTH ?= 256
command = .build/release/compact-llama --seqlength $(SEQLENGTH) \
	$${WEIGHTS:+-w "$$WEIGHTS"} $${TOKENIZER:+-t "$$TOKENIZER"} $${PROMPT:+-i "$$PROMPT"}

run: build
	@$(command)

build: sentencepiece
	swift build --configuration release --product compact-llama

test: sentencepiece
	swift test
	@if command -v python3 >/dev/null; then python3 Models/test_download.py; \
	else echo "skipped: the test of Models/download.sh needs python3"; fi

bench: sentencepiece
	swift build --configuration release --product full-llama
	.build/release/full-llama bench $(OPTIONS)

diff:
	@git diff --no-index --color --word-diff=color --word-diff-regex='[[:alnum:]_]+|[^[:space:]]' \
		Sources/CompactLlama/CompactLlama.swift Sources/FullLlama/FullLlama.swift || true

stories15M stories42M stories110M: build curl
	Models/download.sh $@
	.build/release/compact-llama -t Models/downloads/tokenizer.model -w Models/downloads/$@.bin \
		-i "There are three red balls and four green balls in the bag. If I take out"

root := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
header := sentencepiece_processor.h

sentencepiece:
	@for folder in /usr/include /usr/local/include /opt/homebrew/include; do \
		if [ -e $$folder/$(header) ]; then exit 0; fi; \
	done; \
	if command -v apt-get >/dev/null; then $(call install,libsentencepiece-dev); \
	elif command -v brew >/dev/null; then brew install sentencepiece; \
	else echo "Please install the sentencepiece library with its headers ($(header))." >&2; exit 1; fi

curl:
	@command -v curl >/dev/null || { $(call install,curl ca-certificates); }

install = $(root) apt-get update && $(root) env DEBIAN_FRONTEND=noninteractive apt-get install -y $(1)
