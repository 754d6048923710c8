"""Measures the model on prompts it was not trained on: `python Training/evaluate.py` (minutes).

The checks know how the generator tells a story. `--check` runs them on held-out stories of the
generator itself: the faults found there are the checks' own."""

import argparse
import re
from itertools import islice
from pathlib import Path

import torch

import tokenizer as tok
from export import read_lmw
from generate import SHIPPED, generate
from stories import stories, vocabulary, words
from train import CHUNK, ROWS, STEPS, probe, training_stories
from words import (ADJECTIVES, ANIMALS, BOYS, COLOURS, GIRLS, NUMBERS, OBJECTS, RARE_ADJECTIVES,
                   RARE_ANIMALS, RARE_BOYS, RARE_GIRLS, RARE_OBJECTS, RARE_ROLES)

SIGNATURE = 'There are three red balls and four green balls in the bag. If I take out'
OPENINGS = [  # written after the stories were final, and not used to improve them
    '', 'Once upon a time', 'Once upon a time, there was an old woman', 'One day, Leo',
    'Emma wanted to', 'A little girl named Lucy', 'Amy and her rabbit', 'There was a big box',
    'The sky was blue', 'In the afternoon,', 'Sue had a yellow boat.', 'It was a windy day.',
    'The little bear', 'Ella and Dan', 'One night, Sara', 'Tom was sad because',
    'Mom and Ben went to', 'A dog named Max', 'On a rainy day, Finn found', 'There was a red bird',
    'Mia loved her', 'Jack could not', 'The cat was hungry.', 'Bob went to the farm with',
    'One morning, Anna woke up and', 'Jane saw a', '"Where is my ball?" asked',
    'Tim was happy. He had a new', 'Lily has a green', 'One day, the fox', 'Ruby had a violin.',
    'Once there was a king named Arthur.', 'Lucas found a lantern', 'A penguin wanted to',
    'Hannah wanted to bake', 'George and Molly went', 'In the castle, Ivan saw',
    'Eva had a golden crown', 'The farmer had', 'Max saw a hedgehog']
NAMES = {name: 'she' for name in GIRLS + RARE_GIRLS} | {name: 'he' for name in BOYS + RARE_BOYS}
ROLES = {role: gender for gender, roles in RARE_ROLES.items() for role in roles}
THINGS = set(OBJECTS + RARE_OBJECTS)
BEASTS = set(ANIMALS + RARE_ANIMALS)
SIDE = set('box bag book blanket bike kite ball flower seed chair table spoon ladder bowl plate '
           'cake branch glass rope watch letter top picture present toy stick car'.split())
LOOKS = set(COLOURS + ADJECTIVES + RARE_ADJECTIVES) - {'magic', 'new', 'warm'}
# Lily and Lily; "Thank you, Lily!" said Lily
TO_ONESELF = r'\b([A-Z]\w+) and \1\b|, (\w+)[,.!?]" \w+ \2\b'
PRONOUNS = {'he': 'he', 'him': 'he', 'his': 'he', 'she': 'she', 'her': 'she'}


def faults(text, prompt=''):
    """What does not hold together: 'names', 'pronouns', 'objects', 'colours', 'loop'."""
    found, given, said = set(), set(words(prompt)), words(text)

    # two people at most, one thing besides those that any story may mention, two animals
    def too_many(seen, most):
        return len(seen - given) > max(0, most - len(seen & given))

    if too_many({w for w in said if w in NAMES}, 2) or re.search(TO_ONESELF, text):
        found.add('names')
    if too_many(THINGS & set(said) - SIDE, 1) or too_many(BEASTS & set(said), 2):
        found.add('objects')

    # the narrator's he and she are the hero, who is named first
    narrated = re.sub(r'"[^"]*"|hurt (his|her|its) leg', '', text)
    pronouns = {PRONOUNS[w.lower()] for w in words(narrated) if w.lower() in PRONOUNS}
    people = [(NAMES | ROLES)[w] for w in said if w in NAMES or w in ROLES]
    if len(pronouns) > 1 or people and pronouns - {people[0]}:
        found.add('pronouns')

    # a thing keeps its look, and only one has a colour
    looks = {}
    for look, thing in zip(said, said[1:]):
        if look in LOOKS and thing in THINGS:
            looks.setdefault(thing, set()).add(look)
    coloured = [look for seen in looks.values() for look in seen if look in COLOURS]
    if len(coloured) > 1 or any(len(looks[thing]) > 1 for thing in looks.keys() - SIDE):
        found.add('colours')

    sentences = re.split(r'(?<=[.!?])"? ', text)
    if any(a == b == c for a, b, c in zip(sentences, sentences[1:], sentences[2:])):
        found.add('loop')
    return found


def counts(text):
    """{colour: number} of the things counted, or None where one is said of many or many of one."""
    found = re.findall(rf'({"|".join(NUMBERS)}) ({"|".join(COLOURS)}) (\w+)', text)
    if any((number == 'one') == noun.endswith('s') for number, _, noun in found):
        return None
    return {colour: NUMBERS.index(number) for number, colour, _ in found}


def counts_right(text):
    """Whether all is right in a text like 'There are three red balls ... If I take out ...'."""
    start, _, rest = text.partition('If I take out')
    before, (taken, _, after) = counts(start), rest.partition(',')
    left, _, later = after.partition('.')
    colours = [c for c in COLOURS if c in words(taken)]
    if not before or len(colours) != 1 or colours[0] not in before:
        return False
    one = re.match(r' (one|an?) ', taken)
    expected = before | {colours[0]: before[colours[0]] - 1 if one else 0}
    expected = {colour: n for colour, n in expected.items() if n}
    if counts(left) != expected or not expected and 'empty' not in left:
        return False
    again = [counts(sentence) for sentence in later.split('.') if 'There' in sentence]
    return all(n == before for n in again) and set(words(rest)) & set(COLOURS) <= set(before)


def held_out_stories(n, vocab):
    """Stories of held-out combinations, without the invented names."""
    told = (s.text for s in stories('evaluate', held_out=True, counting=0))
    return [*islice((t for t in told if t.count('.') > 5 and vocab.issuperset(words(t))), n)]


def held_out_prompts(n, vocab):
    """The beginnings of held-out stories, from their first sentence to eight words later."""
    first = [len(re.match(r'.*?[.!?]"? ', text)[0].split()) for text in held_out_stories(n, vocab)]
    return [' '.join(text.split()[:k + i % 9])
            for i, (k, text) in enumerate(zip(first, held_out_stories(n, vocab)))]


def bag_prompts(n):
    told = (s.text for s in stories('evaluate', held_out=True, counting=1))
    start = re.compile(r'There (is|are) .* balls? and .* balls? in the bag\. If I take out')
    return [m[0] for m in islice(filter(None, map(start.match, told)), n)]


def overlaps(texts, corpus, least=12):
    """For each text (a list of words) and place in it, how many words from there on are also in the
    corpus in a row; runs shorter than `least` count as none."""
    longest = [[0] * len(text) for text in texts]
    places = {}
    for k, text in enumerate(texts):
        for i in range(len(text) - least + 1):
            places.setdefault(tuple(text[i:i + least]), []).append((k, i))
    for told in corpus:
        for j in range(len(told) - least + 1):
            for k, i in places.get(tuple(told[j:j + least]), ()):
                n = least
                while told[j + n:j + n + 1] == texts[k][i + n:i + n + 1] != []:
                    n += 1
                longest[k][i] = max(longest[k][i], n)
    return longest


def memorisation(texts, corpus):
    """Shares of runs of 12, 20 and 30 words that are in the corpus; the longest of each text."""
    longest = overlaps(texts, corpus)
    for n in (12, 20, 30):
        runs = [run >= n for text in longest for run in text[:max(0, len(text) - n + 1)]]
        yield f'runs of {n} {percent(runs)}'
    most = sorted(max(text, default=0) for text in longest)
    yield f'longest run: median {most[len(most) // 2]}, most {most[-1]} words'


def percent(values):
    values = [*values]
    return f'{100 * sum(values) / max(1, len(values)):.1f} %'


def report(title, tokenizer, vocab, prompts, outs, show):
    texts = [tokenizer.decode(prompt + new) for prompt, new, _ in outs]
    known = [word in vocab or word in prompt for prompt, text in zip(prompts, texts)
             for word in words(text[len(prompt):])]
    found = [faults(text, prompt) for prompt, text in zip(prompts, texts)]
    kinds = [kind for fault in found for kind in fault]
    print(f'{title} ({len(texts)}): consistent {percent(not fault for fault in found)}, known '
          f'words {percent(known)}, ended {percent(end for *_, end in outs)}; faults:',
          ', '.join(f'{kinds.count(kind)} {kind}' for kind in sorted(set(kinds))), flush=True)
    for text, fault in zip(texts, found) if show else ():
        print('   ', *sorted(fault), '|', text)


def main():
    parser = argparse.ArgumentParser(description='Measure the stories of a model.')
    parser.add_argument('--model', type=Path, default=SHIPPED, help='folder of tinytales.lmw')
    parser.add_argument('-n', type=int, default=100, help='held-out prompts of each kind')
    parser.add_argument('--show', action='store_true', help='print the stories too')
    parser.add_argument('--memory', action='store_true', help='compare with all training stories')
    parser.add_argument('--check', action='store_true', help='check the checks')
    args = parser.parse_args()
    vocab = vocabulary()
    if args.check:
        texts = held_out_stories(10 * args.n, vocab)
        print('held-out stories without a fault:', percent(not faults(text) for text in texts))
        told = (s.text for s in islice(stories('evaluate', counting=1), 10 * args.n))
        print('counts right:', percent(counts_right(t) for t in told if 'If I take out' in t))
        return

    torch.set_flush_denormal(True)
    model = read_lmw(args.model / 'tinytales.lmw')
    tokenizer = tok.load(args.model / 'tokenizer.model')
    loss, right = probe(model, tokenizer)
    print(f'held-out loss {loss:.3f}, probe', *(f'{kind} {r:.3f}' for kind, r in right.items()))
    beginnings, bags = held_out_prompts(args.n, vocab), bag_prompts(args.n)
    for how, options in (('greedy', {}), ('sampled at 0.8', {'temperature': 0.8})):
        for title, prompts in (('openings', OPENINGS), ('held-out stories', beginnings)):
            outs = generate(model, tokenizer, prompts, **options)
            report(f'{title}, {how}', tokenizer, vocab, prompts, outs, args.show)
            if args.memory and title != 'openings' and how == 'greedy':
                continued = [words(tokenizer.decode(new)) for _, new, _ in outs]
        for title, prompts in (('signature', [SIGNATURE] * 100), ('held-out counts', bags)):
            prompts = prompts[:1] if title == 'signature' and how == 'greedy' else prompts
            texts = [tokenizer.decode(prompt + new)
                     for prompt, new, _ in generate(model, tokenizer, prompts, **options)]
            right = percent(map(counts_right, texts))
            print(f'{title}, {how} ({len(texts)}): right {right}', flush=True)
            for text in texts if args.show else ():
                print('   ', counts_right(text), '|', text)
    if args.memory:
        chunks = islice(training_stories(), -(-STEPS * ROWS // CHUNK))
        corpus = [words(story.text) for chunk in chunks for story in chunk]
        print('continuations found in training:', *memorisation(continued, corpus), sep=' | ')
        print('the held-out stories themselves:',
              *memorisation([*map(words, held_out_stories(args.n, vocab))], corpus), sep=' | ')


if __name__ == '__main__':
    main()
