"""Measures what fewer bytes cost: the included model in four formats, on held-out stories, as a Markdown table.

    python3 Benchmarks/formats.py          # a story at once: only the weights are rounded
    python3 Benchmarks/formats.py -fill1   # token by token, as in decode: activations are rounded, too

It needs the programs in .build/release and the packages of Benchmarks/requirements.txt. Further arguments are
full-llama's. Each story is a text of its own, as in training. The loss counts all its tokens, but not EOS."""

import json
import re
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

import gguf

import llama2c
from peer_files import NAMES, OUTER

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


def write(c, tensors, element, path):
    """Writes a GGUF file whose matrices have this type."""
    kind = gguf.GGMLQuantizationType[element]
    writer = gguf.GGUFWriter(path, 'llama')
    writer.add_context_length(c['seq_len'])
    writer.add_embedding_length(c['dim'])
    writer.add_feed_forward_length(c['hidden'])
    writer.add_block_count(c['n_layers'])
    writer.add_head_count(c['n_heads'])
    writer.add_head_count_kv(c['n_kv_heads'])
    writer.add_layer_norm_rms_eps(1e-5)
    named = {f'{OUTER[name]}.weight': x for name, x in tensors.items() if name in OUTER}
    for i in range(c['n_layers']):
        named |= {f'blk.{i}.{theirs}.weight': tensors[name][i] for name, theirs in NAMES.items()}
    for name, x in named.items():
        if x.ndim == 1:
            writer.add_tensor(name, x)
        else:
            writer.add_tensor(name, gguf.quants.quantize(x, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


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
        source = f'{folder}/weights.bin'
        run('llama-weights', 'convert', MODEL, source)
        c, tensors = llama2c.read(source)
        for element in TYPES:
            path = f'{folder}/{element}.gguf'
            write(c, tensors, element, path)
            losses, share, tokens = score(path, texts, sys.argv[1:])
            if element == TYPES[0]:
                row('F32', MODEL, losses[0], 1)
            row(element, path, losses[1], share)
    print(f'\n{STORIES} held-out stories, {tokens:,} tokens')


if __name__ == '__main__':
    main()
