# make run             builds and tells a story; PROMPT="…" SEQLENGTH=… WEIGHTS=… TOKENIZER=… as you like
# make test            builds and tests everything
# make bench           measures speed beside the machine's limits; OPTIONS="--shape 110M --threads 1"
# make report          writes report.html, a page about a run; PROMPT="…" OPTIONS="--seqlength 64"
# make diff            shows what the full variant adds to the compact file
# make stories15M      downloads a larger story model and tells a story (also stories42M, stories110M)
# make check-docs      runs every command of the documents; OPTIONS=--update rewrites their transcripts
# make check-portable  builds with Swift 6.0.3 and for arm64 (needs root and Debian or Ubuntu)
#
# All but diff install missing system packages: on Debian and Ubuntu libsentencepiece-dev and g++, on macOS
# Homebrew's sentencepiece.

.PHONY: run build test bench report diff stories15M stories42M stories110M check-docs check-portable packages curl
.DEFAULT_GOAL := run

# The shell reads the values from the environment, so that a prompt may contain any character.
export PROMPT WEIGHTS TOKENIZER
SEQLENGTH ?= 256
command = .build/release/compact-llama --seqlength $(SEQLENGTH) \
	$${WEIGHTS:+-w "$$WEIGHTS"} $${TOKENIZER:+-t "$$TOKENIZER"} $${PROMPT:+-i "$$PROMPT"}

run: build
	@$(command)

build: packages
	swift build --configuration release --product compact-llama

test: packages
	swift test
	@if command -v python3 >/dev/null; then python3 Models/test_download.py; \
	else echo "skipped: the test of Models/download.sh needs python3"; fi
	@if command -v python3 >/dev/null; then python3 Tests/Browser/test_report.py; fi

bench: packages
	swift build --configuration release --product full-llama
	.build/release/full-llama bench $(OPTIONS)

report: packages
	swift build --configuration release --product full-llama
	.build/release/full-llama $${WEIGHTS:+-w "$$WEIGHTS"} $${TOKENIZER:+-t "$$TOKENIZER"} $${PROMPT:+-i "$$PROMPT"} \
		--report report.html $(OPTIONS)

diff:
	@git diff --no-index --color --word-diff=color --word-diff-regex='//.*|[[:alnum:]_]+|[^[:space:]]' \
		Sources/CompactLlama/CompactLlama.swift Sources/FullLlama/FullLlama.swift || true

stories15M stories42M stories110M: build curl
	Models/download.sh $@
	.build/release/compact-llama -t Models/downloads/tokenizer.model -w Models/downloads/$@.bin \
		-i "There are three red balls and four green balls in the bag. If I take out"

check-docs:
	Scripts/check-docs.sh $(OPTIONS)

check-portable:
	Scripts/check-portable.sh

packages:
	@Scripts/install-packages.sh

curl:
	@Scripts/install-packages.sh curl
