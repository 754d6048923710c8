# make run             builds and tells a story; PROMPT="…" SEQLENGTH=… WEIGHTS=… TOKENIZER=… as you like
# make test            builds and tests everything
# make bench           measures speed beside the machine's limits; OPTIONS="--shape 110M --threads 1"
# make report          writes report.html, a page about a run; PROMPT="…" OPTIONS="--seqlength 64"
# make exercise N=3    checks your exercise of chapter 3 of docs/course
# make diff            shows what the full variant adds to the compact file
# make stories15M      downloads a larger story model and tells a story (also stories42M, stories110M)
# make fuzz            fuzzes the readers, each for a minute; SECONDS=1800 TARGET=GGUF for half an hour of one
# make test-asan       runs all tests with the address sanitizer
# make test-ubsan      runs the C of quantised weights and of tokens with the undefined-behaviour sanitizer
# make test-tsan       runs the tests of threads with the thread sanitizer
# make soak            runs for an hour and more, and watches memory and text; MINUTES=5 OPTIONS="--turns 100"
# make check-docs      runs every command of the documents; OPTIONS=--update rewrites their transcripts
# make check-portable  builds with Swift 6.0.3 and for arm64 (needs root and Debian or Ubuntu)
#
# All but diff install missing system packages: on Debian and Ubuntu libsentencepiece-dev and g++, on macOS
# Homebrew's sentencepiece.

.PHONY: run build test test-asan test-ubsan test-tsan bench report exercise fuzz soak diff stories15M stories42M stories110M \
	check-docs check-portable packages curl
.DEFAULT_GOAL := run

# The shell reads the values from the environment, so that a prompt may contain any character.
export PROMPT WEIGHTS TOKENIZER N
SEQLENGTH ?= 256
command = .build/release/compact-llama --seqlength $(SEQLENGTH) \
	$${WEIGHTS:+-w "$$WEIGHTS"} $${TOKENIZER:+-t "$$TOKENIZER"} $${PROMPT:+-i "$$PROMPT"}

run: build
	@$(command)

build: packages
	swift build --configuration release --product compact-llama

test: packages
	swift test
	swift test --package-path Exercises --scratch-path .build
	@if command -v python3 >/dev/null; then \
		python3 Models/test_download.py && python3 Scripts/test_beyond.py && python3 Tests/Browser/test_report.py; \
	else echo "skipped: the tests of Models/download.sh, docs/beyond.md and the report's page need python3"; fi

# The programs end with their model in memory, which is no leak. The sanitizer needs memory itself.
test-asan: packages
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 SWIFT_BACKTRACE=enable=no \
		swift test --scratch-path .build-asan --sanitize=address --skip "peak memory is that of the process"

sanitize = -O1 -g -fsanitize=address,undefined,float-divide-by-zero -fno-sanitize-recover=all \
	$(patsubst %,-I Sources/%/include,CIntrinsics CSentencePiece CSignals)
test-ubsan: packages
	mkdir -p .build/ubsan
	clang $(sanitize) -march=native Tests/Sanitizers/blocks.c -lm -o .build/ubsan/blocks
	.build/ubsan/blocks
	clang $(sanitize) -c Sources/CSignals/CSignals.c -o .build/ubsan/CSignals.o
	clang $(sanitize) -c Tests/Sanitizers/sentencepiece.c -o .build/ubsan/test.o
	clang++ $(sanitize) -std=c++17 Sources/CSentencePiece/CSentencePiece.cpp .build/ubsan/CSignals.o .build/ubsan/test.o \
		-lsentencepiece -o .build/ubsan/sentencepiece
	.build/ubsan/sentencepiece Models/tinytales/tokenizer.model

test-tsan: packages
	TSAN_OPTIONS=halt_on_error=1 swift test --scratch-path .build-tsan --sanitize=thread --filter ThreadPoolTests

bench: packages
	swift build --configuration release --product full-llama
	.build/release/full-llama bench $(OPTIONS)

fuzz: packages
	FuzzTesting/fuzz.sh $(or $(SECONDS),60) $(TARGET)

soak: packages
	swift build --configuration release --product full-llama
	python3 Scripts/soak.py --minutes $(or $(MINUTES),60) $(OPTIONS)

report: packages
	swift build --configuration release --product full-llama
	.build/release/full-llama $${WEIGHTS:+-w "$$WEIGHTS"} $${TOKENIZER:+-t "$$TOKENIZER"} $${PROMPT:+-i "$$PROMPT"} \
		--report report.html $(OPTIONS)

exercise: packages
	swift build --package-path Exercises --scratch-path .build --product exercise
	@SWIFT_BACKTRACE=enable=yes,color=no,limit=6,top=0,threads=crashed,registers=none,images=none .build/debug/exercise "$$N"

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
