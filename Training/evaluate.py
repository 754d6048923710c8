"""Measures the stories that the model writes: `python Training/evaluate.py` (some minutes).

The checks know what the generator means, so they also run on held-out stories of the generator:
what they find there (`--check`) is how far they can be trusted."""

import argparse
import re
from itertools import islice
from pathlib import Path

import torch

import tokenizer as tok
from export import read_lmw
from generate import SHIPPED, generate
from stories import stories, vocabulary, words
from words import (ADJECTIVES, ANIMALS, BOYS, COLOURS, GIRLS, NUMBERS, OBJECTS, RARE_ADJECTIVES,
                   RARE_ANIMALS, RARE_BOYS, RARE_GIRLS, RARE_OBJECTS, RARE_ROLES)

OPENINGS = [
    '', 'Once upon a time', 'Once upon a time, there was a', 'One day, a little girl', 'Lily wanted to',
    'Tom and his dog', 'There was a big tree', 'The sun was shining', 'In the morning,', 'Mia had a red ball.',
    'It was raining', 'A little bird', 'Ben found a', 'The cat', 'Anna and Max were', 'Last night,',
    'Once there was a boy who', 'Lucy was sad because', 'Sam went to the', 'It was a cold day and Emma',
    'Zoe found an umbrella', 'Peter lost his', 'There was an old man', 'The elephant was', 'Nora had a trumpet.',
    'Oliver and Ruby', 'A girl named Clara', 'In the castle, there was a', 'The queen had a golden',
    'My friend Hugo', 'Jack and Sue went to the library', 'Tim saw a penguin', 'Leo has a yellow',
    'Mom said', 'The little fox was hungry.', 'Amy looked out of the window', 'Jane wanted a guitar for her birthday.',
    'One night, the moon', 'Dan was playing with his robot', 'They walked']
SIGNATURE = 'There are three red balls and four green balls in the bag. If I take out'
NAMES = {name: 'she' for name in GIRLS + RARE_GIRLS} | {name: 'he' for name in BOYS + RARE_BOYS}
ROLES = {role: gender for gender, roles in RARE_ROLES.items() for role in roles}
FURNITURE = set('box bag book blanket bike kite ball flower seed chair table spoon ladder bowl plate branch '
                'glass rope watch letter top picture present toy stick car cake'.split())  # may stand beside the story's thing
MODIFIERS = set(COLOURS + ADJECTIVES + RARE_ADJECTIVES) - {'magic', 'new', 'warm'}


def faults(text, prompt=''):
    """What is not consistent in a story: a set of 'names', 'pronouns', 'objects', 'colours', 'loop'."""
    found, given, said = set(), words(prompt), words(text)
    names = [w for w in said if w in NAMES]
    if len(set(names) - set(given)) > max(0, 2 - len(set(names) & set(given))):
        found.add('names')
    narrated = re.sub(r'"[^"]*"', '', re.sub(r'hurt (his|her|its) leg', '', text))
    people = [NAMES.get(w) or ROLES.get(w) for w in said if w in NAMES or w in ROLES]
    pronouns = {{'he': 'he', 'him': 'he', 'his': 'he', 'she': 'she', 'her': 'she'}[w]
                for w in map(str.lower, words(narrated)) if w in ('he', 'him', 'his', 'she', 'her')}
    if len(pronouns) > 1 or people and pronouns - {people[0]}:
        found.add('pronouns')
    things = {w for w in said if w in OBJECTS + RARE_OBJECTS} - FURNITURE
    animals = {w for w in said if w in ANIMALS + RARE_ANIMALS}
    if len(things - set(given)) > (0 if things & set(given) else 1) or len(animals - set(given)) > 2:
        found.add('objects')
    looks = {}
    for before, noun in zip(said, said[1:]):
        if before in MODIFIERS and noun in OBJECTS + RARE_OBJECTS:
            looks.setdefault(noun, set()).add(before)
    coloured = {(a, noun) for noun, adjectives in looks.items() for a in adjectives if a in COLOURS}
    if any(len(a) > 1 for noun, a in looks.items() if noun not in FURNITURE) or len(coloured) > 1:
        found.add('colours')
    sentences = re.split(r'(?<=[.!?])"? ', text)
    if any(a == b == c for a, b, c in zip(sentences, sentences[1:], sentences[2:])):
        found.add('loop')
    return found


def counts(text):
    """{colour: number} of the things counted in a text, or None where one and many are mixed up."""
    found = re.findall(rf'({"|".join(NUMBERS)}) ({"|".join(COLOURS)}) (\w+)', text)
    if any((number == 'one') == noun.endswith('s') for number, _, noun in found):
        return None
    return {colour: NUMBERS.index(number) for number, colour, _ in found}


def counts_right(text):
    """Whether all numbers and colours are right in a text that begins 'There are … If I take out'."""
    start, _, rest = text.partition('If I take out')
    before = counts(start)
    taken, _, after = rest.partition(',')
    left, _, later = after.partition('.')
    colours = [c for c in COLOURS if c in words(taken)]
    if not before or not after or len(colours) != 1 or colours[0] not in before:
        return False
    expected = dict(before)
    if re.search(r'^ (one|an?) ', taken):
        expected[colours[0]] -= 1
    else:
        expected[colours[0]] = 0
    expected = {colour: n for colour, n in expected.items() if n}
    if counts(left) != expected or not expected and 'empty' not in left:
        return False
    for sentence in later.split('.'):
        if 'There' in sentence and counts(sentence) != before:
            return False
    return set(COLOURS) & set(words(rest)) <= set(before)


def held_out_prompts(n, vocab, seed='evaluate'):
    """Beginnings of held-out stories, cut anywhere after the first sentence; and of counting ones."""
    source = (s.text for s in stories(seed, held_out=True, counting=0)
              if s.text.count('.') > 5 and vocab.issuperset(words(s.text)))
    begun = []
    for i, text in enumerate(islice(source, n)):
        cut = text.split(' ')
        first = next(j for j, word in enumerate(cut) if word.endswith(('.', '.')))
        begun.append(' '.join(cut[:first + 1 + i % 9]))
    source = (s.text for s in stories(seed, held_out=True, counting=1) if 'If I take out' in s.text and ' balls and ' in s.text)
    return begun, [re.match('.*If I take out', text)[0] for text in islice(source, n)]


def overlap(continuations, corpus, sizes=(12, 16, 20, 30)):
    """The share of n-word runs of the continuations that occur in the corpus, for each n."""
    wanted = {n: {tuple(text[i:i + n]) for text in continuations for i in range(len(text) - n + 1)}
              for n in sizes}
    seen = {n: set() for n in sizes}
    for text in corpus:
        for n in sizes:
            for i in range(len(text) - n + 1):
                if (run := tuple(text[i:i + n])) in wanted[n]:
                    seen[n].add(run)
    return {n: len(seen[n]) / max(1, len(wanted[n])) for n in sizes}


def percent(values):
    values = list(values)
    return f'{100 * sum(values) / len(values):5.1f} %'


def report(title, prompts, outs, tokenizer, vocab, show):
    texts = [tokenizer.decode(prompt + new) for prompt, new, _ in outs]
    known = [w in vocab or w in words(prompt) for prompt, text in zip(prompts, texts)
             for w in words(text[len(prompt):])]
    found = [faults(text, prompt) for prompt, text in zip(prompts, texts)]
    kinds = {kind: sum(kind in f for f in found) for kind in ('names', 'pronouns', 'objects', 'colours', 'loop')}
    print(f'{title}: {len(texts)} stories, consistent {percent(not f for f in found)}, known words '
          f'{percent(known)}, ended {percent(end for _, _, end in outs)}, faults {kinds}', flush=True)
    if show:
        for text, f in zip(texts, found):
            print('   ', *sorted(f), '|', text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--model', type=Path, default=SHIPPED, help='folder of tinytales.lmw')
    parser.add_argument('-n', type=int, default=100, help='held-out prompts of each kind')
    parser.add_argument('--show', action='store_true', help='print the stories')
    parser.add_argument('--check', action='store_true', help='only run the checks on held-out stories')
    parser.add_argument('--corpus', type=int, default=0, help='compare with so many training stories')
    args = parser.parse_args()
    if args.check:
        vocab = vocabulary()
        texts = [s.text for s in islice(stories('check', held_out=True, counting=0), 1000)
                 if vocab.issuperset(words(s.text))]
        for text in texts:
            if args.show and faults(text):
                print(faults(text), text)
        print('stories without faults', percent(not faults(text) for text in texts))
        texts = [s.text for s in islice(stories('check', counting=1), 3000) if 'If I take out' in s.text]
        print('counts right', percent(counts_right(text) for text in texts))
        return
    torch.set_flush_denormal(True)
    model, tokenizer = read_lmw(args.model / 'tinytales.lmw'), tok.load(args.model / 'tokenizer.model')
    vocab = vocabulary()
    begun, bags = held_out_prompts(args.n, vocab)
    for name, options in (('greedy', {}), ('sampled at 0.8', {'temperature': 0.8})):
        for title, prompts in (('openings', OPENINGS), ('held-out stories', begun)):
            outs = generate(model, tokenizer, prompts, **options)
            report(f'{title}, {name}', prompts, outs, tokenizer, vocab, args.show)
        texts = [tokenizer.decode(p + new) for p, new, _ in
                 generate(model, tokenizer, [SIGNATURE] * (1 if name == 'greedy' else 50) + bags, **options)]
        signature, texts = texts[:-args.n], texts[-args.n:]
        print(f'counts, {name}: signature {percent(map(counts_right, signature))}, held-out '
              f'{percent(map(counts_right, texts))}', flush=True)
        if args.show:
            print('   ', signature[0])
            for text in texts:
                print('   ', counts_right(text), '|', text)
    if args.corpus:
        texts = [words(tokenizer.decode(new)) for _, new, _ in generate(model, tokenizer, begun)]
        control = [words(s.text) for s in islice(stories('control', held_out=True, counting=0), args.n)]
        for title, found in (('continuations', texts), ('held-out stories themselves', control)):
            corpus = (words(s.text) for s in training_stories(args.corpus))
            print(f'{title}: runs of n words that occur in training:',
                  {n: f'{100 * share:.1f} %' for n, share in overlap(found, corpus).items()}, flush=True)


if __name__ == '__main__':
    main()
