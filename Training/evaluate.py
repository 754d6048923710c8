"""Measures the model on prompts that are not in its training data (minutes).

The checks know how the generator tells a story. `--check` runs them on held-out stories of the
generator itself, so the faults that it finds are errors of the checks."""

import argparse
import re
from itertools import islice

import torch

from generate import add_model_option, generate, load_folder
from stories import stories, vocabulary, words_in
from train import BATCH_SIZE, CHUNK_SIZE, STEPS, training_chunks, validate
from words import (ADJECTIVES, ANIMALS, BOYS, COLOURS, GIRLS, NUMBERS, OBJECTS, RARE_ADJECTIVES,
                   RARE_ANIMALS, RARE_BOYS, RARE_GIRLS, RARE_OBJECTS, RARE_ROLES)

EXAMPLE = 'There are three red balls and four green balls in the bag. If I take out'
OPENINGS = [  # not used to improve the stories
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
GENDERS = {name: 'she' for name in GIRLS + RARE_GIRLS} | {name: 'he' for name in BOYS + RARE_BOYS}
NAMES = GENDERS.keys()
PEOPLE = GENDERS | {role: gender for gender, roles in RARE_ROLES.items() for role in roles}
THINGS = {*OBJECTS, *RARE_OBJECTS}
BEASTS = {*ANIMALS, *RARE_ANIMALS}
# Any story may mention these beside its own thing.
COMMON_THINGS = set('box bag book blanket bike kite ball flower seed chair table spoon ladder bowl '
                    'plate cake branch glass rope watch letter top picture present toy stick '
                    'car'.split())
LOOKS = {*COLOURS, *ADJECTIVES, *RARE_ADJECTIVES} - {'magic', 'new', 'warm'}
# Lily and Lily; "Thank you, Lily!" said Lily
SAME_PERSON = re.compile(r'\b([A-Z]\w+) and \1\b|, (\w+)[,.!?]" \w+ \2\b')
PRONOUNS = {'he': 'he', 'him': 'he', 'his': 'he', 'she': 'she', 'her': 'she'}


def faults(text, prompt=''):
    """Returns the faults of a story, of 'names', 'objects', 'pronouns', 'colours' and 'loop'."""
    found, given, said = set(), {*words_in(prompt)}, words_in(text)

    # A story has at most two people, two animals and one thing of its own.
    def too_many(seen, most):
        return len(seen - given) > max(0, most - len(seen & given))

    if too_many(NAMES & {*said}, 2) or SAME_PERSON.search(text):
        found.add('names')
    if too_many(THINGS & {*said} - COMMON_THINGS, 1) or too_many(BEASTS & {*said}, 2):
        found.add('objects')

    # The narrator's pronouns refer to the hero, who comes first.
    narrated = re.sub(r'"[^"]*"|hurt (his|her|its) leg', '', text)
    pronouns = {PRONOUNS[w.lower()] for w in words_in(narrated) if w.lower() in PRONOUNS}
    people = [PEOPLE[w] for w in said if w in PEOPLE]
    if len(pronouns) > 1 or people and pronouns - {people[0]}:
        found.add('pronouns')

    # A thing keeps its look, and only one thing has a colour.
    looks = {}
    for look, thing in zip(said, said[1:]):
        if look in LOOKS and thing in THINGS:
            looks.setdefault(thing, set()).add(look)
    coloured = [look for seen in looks.values() for look in seen if look in COLOURS]
    if len(coloured) > 1 or any(len(looks[thing]) > 1 for thing in looks.keys() - COMMON_THINGS):
        found.add('colours')

    sentences = re.split(r'(?<=[.!?])"? ', text)
    if any(a == b == c for a, b, c in zip(sentences, sentences[1:], sentences[2:])):
        found.add('loop')
    return found


def counts(text):
    """Returns {colour: number} of the things in a text, or None if a plural is wrong."""
    found = re.findall(rf'({"|".join(NUMBERS)}) ({"|".join(COLOURS)}) (\w+)', text)
    if any((number == 'one') == noun.endswith('s') for number, _, noun in found):
        return None
    return {colour: NUMBERS.index(number) for number, colour, _ in found}


def counts_right(text):
    """Returns whether a text such as 'There are three red balls ... If I take out' is right."""
    start, _, rest = text.partition('If I take out')
    before, (taken, _, after) = counts(start), rest.partition(',')
    left, _, later = after.partition('.')
    colours = [c for c in COLOURS if c in words_in(taken)]
    if not before or len(colours) != 1 or colours[0] not in before:
        return False
    one = re.match(r' (one|an?) ', taken)
    expected = before | {colours[0]: before[colours[0]] - 1 if one else 0}
    expected = {colour: n for colour, n in expected.items() if n}
    if counts(left) != expected or not expected and 'empty' not in left:
        return False
    again = [counts(sentence) for sentence in later.split('.') if 'There' in sentence]
    return all(n == before for n in again) and {*words_in(rest)} & {*COLOURS} <= before.keys()


def held_out_stories(n, known):
    """Returns n held-out stories without blended names."""
    texts = (story.text for story in stories('evaluate', held_out=True, counting_share=0))
    return [*islice((text for text in texts
                     if text.count('.') > 5 and known.issuperset(words_in(text))), n)]


def beginning(story, extra):
    """Returns the first sentence of a story and some words more."""
    first = re.match(r'.*?[.!?]"? ', story)[0].split()
    return ' '.join(story.split()[:len(first) + extra])


def bag_prompts(n):
    texts = (story.text for story in stories('evaluate', held_out=True, counting_share=1))
    start = re.compile(r'There (is|are) .* balls? and .* balls? in the bag\. If I take out')
    return [m[0] for m in islice(filter(None, map(start.match, texts)), n)]


def overlaps(texts, corpus, least=12):
    """Returns, for each word of each text, the length of the longest run that starts there and is
    also in the corpus. Runs shorter than `least` words count as 0. Texts are lists of words."""
    longest = [[0] * len(text) for text in texts]
    places = {}
    for k, text in enumerate(texts):
        for i in range(len(text) - least + 1):
            places.setdefault(tuple(text[i:i + least]), []).append((k, i))
    for story in corpus:
        for j in range(len(story) - least + 1):
            for k, i in places.get(tuple(story[j:j + least]), ()):
                n = least
                while story[j + n:j + n + 1] == texts[k][i + n:i + n + 1] != []:
                    n += 1
                longest[k][i] = max(longest[k][i], n)
    return longest


def memorisation(title, texts, corpus):
    """Prints the shares of runs of 12, 20 and 30 words that are in the corpus, and the longest."""
    longest = overlaps([words_in(text) for text in texts], corpus)
    shares = []
    for n in (12, 20, 30):
        runs = [run >= n for text in longest for run in text[:max(0, len(text) - n + 1)]]
        shares.append(f'{percent(runs)} of runs of {n} words')
    most = sorted(max(text, default=0) for text in longest)
    print(f'{title} that are also in training:', ', '.join(shares) +
          f'; longest run: median {most[len(most) // 2]}, maximum {most[-1]} words', flush=True)


def percent(values):
    values = [*values]
    return f'{100 * sum(values) / max(1, len(values)):.1f} %'


def report_stories(title, prompts, texts, ended, known, show):
    words = [word in known or word in prompt for prompt, text in zip(prompts, texts)
             for word in words_in(text[len(prompt):])]
    found = [faults(text, prompt) for prompt, text in zip(prompts, texts)]
    kinds = sorted(kind for fault in found for kind in fault)
    print(f'{title} ({len(texts)}): consistent {percent(not fault for fault in found)}, '
          f'known words {percent(words)}, ended {percent(ended)}; faults:',
          ', '.join(f'{kinds.count(kind)} {kind}' for kind in dict.fromkeys(kinds)), flush=True)
    if show:
        for text, fault in zip(texts, found):
            print('   ', *sorted(fault), '|', text)


def report_bags(title, texts, show):
    print(f'{title} ({len(texts)}): right {percent(map(counts_right, texts))}', flush=True)
    if show:
        for text in texts:
            print('   ', counts_right(text), '|', text)


def check(n, known):
    """Runs the checks on stories of the generator."""
    found = percent(not faults(text) for text in held_out_stories(n, known))
    print('held-out stories without a fault:', found)
    texts = (story.text for story in islice(stories('evaluate', counting_share=1), n))
    print('counts right:', percent(counts_right(t) for t in texts if 'If I take out' in t))


def evaluate(model, tokenizer, n, known, show, memory):
    loss, accuracy = validate(model, tokenizer)
    print(f'held-out loss {loss:.3f}, probe', *(f'{kind} {a:.3f}' for kind, a in accuracy.items()))
    held_out = held_out_stories(n, known)
    beginnings = [beginning(story, i % 9) for i, story in enumerate(held_out)]
    bags = bag_prompts(n)
    for how, temperature in (('greedy', 0.0), ('at temperature 0.8', 0.8)):
        def complete(prompts):
            outs = generate(model, tokenizer, prompts, temperature=temperature)
            return outs, [tokenizer.decode(prompt + new) for prompt, new, _ in outs]

        for title, prompts in (('openings', OPENINGS), ('held-out beginnings', beginnings)):
            outs, texts = complete(prompts)
            ended = [end for *_, end in outs]
            report_stories(f'{title}, {how}', prompts, texts, ended, known, show)
            if prompts is beginnings and temperature == 0:
                continuations = [tokenizer.decode(new) for _, new, _ in outs]
        report_bags(f'example, {how}', complete([EXAMPLE] * (100 if temperature else 1))[1], show)
        report_bags(f'held-out bags, {how}', complete(bags)[1], show)
    if memory:
        chunks = islice(training_chunks(), -(-STEPS * BATCH_SIZE // CHUNK_SIZE))
        corpus = [words_in(story.text) for chunk in chunks for story in chunk]
        memorisation('greedy continuations', continuations, corpus)
        memorisation('the held-out stories', held_out, corpus)


def main():
    parser = argparse.ArgumentParser(description='Measure the stories of a model.')
    add_model_option(parser)
    parser.add_argument('-n', type=int, default=100, help='number of held-out prompts of each kind')
    parser.add_argument('--show', action='store_true', help='print the stories too')
    parser.add_argument('--memory', action='store_true', help='compare with the training stories')
    parser.add_argument('--check', action='store_true', help='run the checks on generated stories')
    args = parser.parse_args()
    known = vocabulary()
    if args.check:
        check(10 * args.n, known)
    else:
        torch.set_flush_denormal(True)
        evaluate(*load_folder(args.model), args.n, known, args.show, args.memory)


if __name__ == '__main__':
    main()
