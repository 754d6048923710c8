"""Measures what fewer bytes cost: the included model in four formats, on held-out stories, as a Markdown table.

    python3 Benchmarks/formats.py

It needs the programs in .build/release, and no packages. Further arguments are full-llama's. Each story is a text of
its own, as in training. The loss counts all its tokens, but not EOS."""

import json
import re
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / 'Training'))
from stories import stories  # noqa: E402

MODEL, TOKENIZER = ROOT / 'Models/tinytales/tinytales.lmw', ROOT / 'Models/tinytales/tokenizer.model'
TYPES = 'BF16', 'Q8_0', 'Q4_0'  # the model's rows of 160 and 448 numbers are no multiples of 256, as K types need
STORIES = 400
RESULT = re.compile(r'(\d+) tokens?, loss ([\d.]+), perplexity [\d.]+(?:, the same likeliest token (\d+) times)?')


def run(program, *arguments, text=None):
    return subprocess.run([ROOT / '.build/release' / program, *arguments], input=text, check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def score(path, texts, options):
    """The mean losses of the model and of another file of it, and the share of positions with the same likeliest
    token."""
    tokens = agreeing = 0
    losses = [0.0, 0.0]
    for text in texts:
        models = '-w', MODEL, '-t', TOKENIZER, '--beside', path
        results = RESULT.findall(run('full-llama', '--perplexity', '-', *models, *options, text=text))
        for i, (count, loss, _) in enumerate(results):
            losses[i] += int(count) * float(loss)
        tokens += int(results[0][0])
        agreeing += int(results[1][2])
    return [loss / tokens for loss in losses], agreeing / tokens, tokens


def decode_rate(path):
    output = run('full-llama', 'bench', '--weights', path, '--threads', '1', '--position', '16', '--json')
    return json.loads(output)[0]['rate']


def main():
    texts = [story.text for story in islice(stories('formats', held_out=True), STORIES)]
    print('| type | bytes | decode | loss | same likeliest token |\n|---|---|---|---|---|')

    def row(element, path, loss, share):
        print(f'| {element} | {Path(path).stat().st_size:,} | {decode_rate(path):,.0f} tok/s | {loss:.4f} | '
              f'{100 * share:.1f} % |', flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for element in TYPES:
            path = f'{folder}/{element}.gguf'
            run('llama-weights', 'convert', MODEL, path, '--type', element)
            losses, share, tokens = score(path, texts, sys.argv[1:])
            if element == TYPES[0]:
                row('F32', MODEL, losses[0], 1)
            row(element, path, losses[1], share)
    print(f'\n{STORIES} held-out stories, {tokens:,} tokens')


if __name__ == '__main__':
    main()
