# soak.py: runs full-llama for long, and shows that its memory grows by the KV cache only, and that its text
# does not depend on the load of the cores. Needs Linux. `make soak` runs it.
import argparse
import os
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# the shape of stories260K, with the bundled tokenizer
DIM, HIDDEN, LAYERS, HEADS, KV_HEADS, VOCAB, MAX_LENGTH = 64, 172, 5, 8, 4, 1088, 512
CACHE_BYTES = LAYERS * 2 * (DIM // HEADS * KV_HEADS) * 4  # of a position
SLACK = 32e6  # bytes: buffers that grow with the text, above all a chunk's scores


def write_model(path, end):
    """Random weights. `end` sets the logit of EOS: the hidden vector's first number is nearly 8."""
    generator = random.Random(1)
    kv_dim = DIM // HEADS * KV_HEADS

    def numbers(count, deviation=0.05):
        return [generator.gauss(0, deviation) for _ in range(count)]

    embeddings = [[4.0] + numbers(DIM - 1) for _ in range(VOCAB)]
    classifier = [[0.0] + numbers(DIM - 1, 0.5) for _ in range(VOCAB)]
    classifier[1] = [-2.0] + [0.0] * (DIM - 1)  # BOS
    classifier[2] = [end] + [0.0] * (DIM - 1)  # EOS
    parts = [sum(embeddings, [])]
    for rows, columns in [
        (1, 0), (DIM, DIM), (kv_dim, DIM), (kv_dim, DIM), (DIM, DIM),
        (1, 0), (HIDDEN, DIM), (DIM, HIDDEN), (HIDDEN, DIM),
    ]:
        parts.append([1.0] * DIM * LAYERS if columns == 0 else numbers(rows * columns * LAYERS))
    parts += [[1.0] * DIM, [0.0] * (MAX_LENGTH * DIM // HEADS), sum(classifier, [])]
    with open(path, "wb") as file:
        file.write(struct.pack("<7i", DIM, HIDDEN, LAYERS, HEADS, KV_HEADS, -VOCAB, MAX_LENGTH))
        for part in parts:
            file.write(struct.pack(f"<{len(part)}f", *part))


def command(program, model, *options):
    return [program, "-w", model, "-t", ROOT + "/Models/tinytales/tokenizer.model", *options]


class MemoryWatch(threading.Thread):
    """Records the resident memory of a process twice a second."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.samples = process, []
        self.start()

    def run(self):
        while self.process.poll() is None:
            with open(f"/proc/{self.process.pid}/statm") as file:
                pages = file.read().split()
            if len(pages) > 1 and int(pages[1]) > 0:
                self.samples.append(int(pages[1]) * os.sysconf("SC_PAGE_SIZE"))
            time.sleep(0.5)


def measure(name, arguments, text, positions):
    """Runs a command and checks its memory against a cache of so many positions."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as errors:
        source.write(text.encode())
        source.seek(0)
        process = subprocess.Popen(
            arguments, stdin=source, stdout=subprocess.PIPE, stderr=errors)
        watch = MemoryWatch(process)
        output = process.stdout.read()
        status = process.wait()
        watch.join()
        errors.seek(0)
        notes = errors.read().decode(errors="replace")
    seconds = time.monotonic() - start
    samples = watch.samples or [0]
    # the cache doubles, and the old one lives while it is copied
    limit = samples[0] + 3 * CACHE_BYTES * positions + SLACK
    megabytes = [samples[len(samples) * i // 4] / 1e6 for i in range(4)] + [samples[-1] / 1e6]
    print(f"{name}: {seconds:.0f} s, exit code {status}, {len(output):,} bytes of text")
    print("  memory at 0, 1/4, 1/2, 3/4, 1 of the time:", " ".join(f"{m:.0f}" for m in megabytes),
          f"MB; at most {max(samples) / 1e6:.0f}, limit {limit / 1e6:.0f} MB")
    for line in notes.splitlines()[-1:]:
        print("  " + line)
    return status == 0 and max(samples) <= limit, output, notes


def load(program, model, minutes):
    """Repeats a text while other processes come and go on the cores; it must stay the same."""
    options = ["--seqlength", "400", "--seed", "1", "--temperature", "1"]
    expected = subprocess.run(
        command(program, model, *options, "--threads", "1"), capture_output=True).stdout
    end, runs, generator = time.monotonic() + 60 * minutes, 0, random.Random(1)
    cores = os.cpu_count()
    slowest = 0.0
    while time.monotonic() < end:
        busy = generator.randrange(2 * cores + 1)
        threads = generator.choice([1, 2, cores, 64])
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        try:
            start = time.monotonic()
            result = subprocess.run(
                command(program, model, *options, "--threads", str(threads)),
                capture_output=True, timeout=300)
            slowest = max(slowest, time.monotonic() - start)
        finally:
            for other in others:
                other.kill()
                other.wait()
        runs += 1
        if result.returncode != 0 or result.stdout != expected:
            print(f"load: another text or exit code {result.returncode} with {threads} threads, "
                  f"{busy} busy processes: {result.stderr.decode()}")
            return False
    print(f"load: {runs} runs in {minutes:g} minutes, all with the same text; "
          f"the slowest took {slowest:.1f} s")
    return runs > 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=ROOT + "/.build/release/full-llama")
    parser.add_argument("--minutes", type=float, default=60, help="of changing load")
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        endless, talker = folder + "/endless.bin", folder + "/talker.bin"
        write_model(endless, end=-2)
        write_model(talker, end=1)
        good, _, notes = measure(
            f"{options.tokens:,} tokens",
            command(options.program, endless, "--seqlength", str(options.tokens),
                    "--temperature", "1", "--seed", "1"), "", options.tokens)
        # the last line says how many tokens there were
        good = good and f"generated: {options.tokens} tokens" in notes.replace(",", "")
        length = 200 * options.turns
        message = "Tell me a story about a ball.\n"
        chat, output, _ = measure(
            f"{options.turns:,} turns",
            command(options.program, talker, "--chat", "--seqlength", str(length),
                    "--temperature", "1", "--seed", "1"), message * options.turns, length)
        chat = chat and output.count(b"\n") >= options.turns
        good = load(options.program, endless, options.minutes) and good and chat
    sys.exit(0 if good else "soak: failed (see above)")


if __name__ == "__main__":
    main()
