"""Synthetic stories: a small world, schemas that tell what happens in it, and balls in a bag.

`python stories.py` prints some, `python stories.py --vocabulary` every word they use.

Words that must stay the same through a story are first written `<kind:word>` (n name, m parent,
o object or animal, c colour, # number, p pronoun, l place); `annotate` takes the marks out again
and says where they were. The copy probe reads them, and training puts no loss on the first mention
of a rare word or on an odd opening: both are for the prompt to bring.
"""

import argparse
import random
import re
import zlib
from collections import namedtuple

from templates import (ENDS, FOODS, NEEDS, ODD, OPENINGS, SCHEMAS, SKILLS, SPOTS, TRAIT, UNNAMED)
from words import (ADJECTIVES, ANIMALS, BOYS, COLOURS, COUNTED, GIRLS, NUMBERS, OBJECTS, PLACES,
                   RARE_ADJECTIVES, RARE_ANIMALS, RARE_BOYS, RARE_COUNTED, RARE_GIRLS, RARE_OBJECTS,
                   RARE_PLACES, RARE_ROLES)

# text: the story. probes: (start, end, kind) of words that must repeat or agree with earlier ones.
# given: (start, end) of what is not to be learnt. held_out: kept for validation.
Story = namedtuple('Story', 'text probes given held_out')

SIGNATURE = (3, 4, 'red', 'green')  # the prompt of the project: always in training
PRONOUNS = {'she': ('her', 'her'), 'he': ('him', 'his'), 'it': ('it', 'its')}
STATIVE = r'liked|loved|had|could not|was [ahs]'  # "One day," does not go before these


def pick(rng, weighted):
    """One key of {key: (weight, value)}."""
    return rng.choices(list(weighted), [w for w, _ in weighted.values()])[0]


def expand(rng, text):
    """Choose among alternatives: first the innermost [a|b], then a|b; ?a is a half of the time."""
    while '[' in text:
        text = re.sub(r'\[([^][]*)\]', lambda m: maybe(rng, rng.choice(m[1].split('|'))), text)
    return maybe(rng, rng.choice(text.split('|')))


def maybe(rng, text):
    return text if not text.startswith('?') else rng.choice([text[1:], ''])


def article(words):
    return ('an ' if re.sub(r'<\w:', '', words)[0] in 'aeiou' else 'a ') + words


class World:
    """The people, things and places of one story, and which of its words are rare."""

    def __init__(self, rng):
        self.rng, self.rare = rng, set()
        gender, self.name = self.person()
        self.gender = gender  # of the name: an animal as the hero is "it"
        self.child = 'girl' if gender == 'she' else 'boy'
        self.adjective = rng.choice(['little ', 'little ', 'small ', 'young ', 'happy ', 'old ',
                                     '', ''])
        hero = rng.choices(['child', 'named', 'animal', 'role'], [80, 7, 7, 6])[0]
        self.named = hero in ('child', 'named')
        if hero == 'named' and rng.random() < 0.5:
            self.child = f'<o:{self.one_of([], RARE_ROLES[gender], 1)}>'
        elif hero in ('named', 'animal'):
            self.child = f'<o:{self.one_of(ANIMALS, RARE_ANIMALS, 0.3)}>'
        if hero == 'animal':
            gender = 'it'
        if hero == 'role':
            gender = rng.choice(['she', 'she', 'he', 'he', 'it'])
            self.child = f'<o:{self.one_of([], RARE_ROLES[gender], 1)}>'
        self.he = gender
        self.introduced = False
        # mostly one girl and one boy: the model confuses people less, and "she" is clear
        other = 'he' if self.gender == 'she' else 'she'
        other = other if rng.random() < 0.9 else self.gender
        self.friend_gender, self.friend = self.person(other, self.name)
        self.colour = rng.choices([rng.choice(COLOURS), '', rng.choice(ADJECTIVES),
                                   self.one_of([], RARE_ADJECTIVES, 1)], [72, 12, 11, 5])[0]
        self.object = self.one_of(OBJECTS, RARE_OBJECTS, 0.28)
        self.animal = self.one_of(ANIMALS, RARE_ANIMALS, 0.18)
        while self.animal in self.child:
            self.animal = rng.choice(ANIMALS)
        places = PLACES if rng.random() > 0.1 else RARE_PLACES
        self.place = rng.choice(list(places))
        self.at = f'{places[self.place]} the <l:{self.place}>'
        if places is RARE_PLACES:
            self.rare.add(self.place)
        self.parent = rng.choice(['Mom', 'Dad'])
        self.spots = rng.sample(SPOTS, 3)
        self.food = rng.choice(list(FOODS))
        self.need = rng.choice(list(NEEDS))
        self.skill = rng.choice(SKILLS)
        self.held_out = zlib.crc32(f'{self.name} {self.colour} {self.object}'.encode()) % 10 == 0

    def one_of(self, common, rare, share):
        if self.rng.random() >= share:
            return self.rng.choice(common)
        word = self.rng.choice(rare)
        self.rare.add(word)
        return word

    def person(self, gender=None, other=None):
        """A gender and a name; a rare name may be a new one, blended from two."""
        gender = gender or self.rng.choice(['she', 'he'])
        common, rare = (GIRLS, RARE_GIRLS) if gender == 'she' else (BOYS, RARE_BOYS)
        name = self.one_of(common, rare, 0.28)
        if name in self.rare and self.rng.random() < 0.4:
            self.rare.add(name := name[:2] + self.rng.choice(rare)[2:])
        return self.person(gender, other) if name == other else (gender, name)

    def slot(self, name):
        """What a {slot} of a template stands for."""
        rng, (him, his) = self.rng, PRONOUNS[self.he]
        thing = (f'<c:{self.colour}> ' if self.colour else '') + f'<o:{self.object}>'
        kind = self.adjective + self.child
        values = {
            'kind': article(kind), 'he': f'<p:{self.he}>', 'him': f'<p:{him}>', 'his': f'<p:{his}>',
            'F': f'<n:{self.friend}>', 'fhis': f'<p:{PRONOUNS[self.friend_gender][1]}>',
            'fchild': 'girl' if self.friend_gender == 'she' else 'boy',
            'M': f'<m:{self.parent}>', 'm': self.parent.lower(), 'A': f'<o:{self.animal}>',
            'O': thing, 'aO': article(thing), 'on': f'<o:{self.object}>', 'c': rng.choice(COLOURS),
            'aon': article(f'<o:{self.object}>'), 'D': self.food,
            'aD': f'{FOODS[self.food]} {self.food}', 'skill': self.skill,
            'P': self.at, 'L': f'<l:{self.place}>', 'spot': self.spots[0], 'spot2': self.spots[1],
            'spot3': self.spots[2], 'need': self.need, 'helped': NEEDS[self.need], 'trait': TRAIT,
            'end': ENDS, 'odd': rng.choice(ODD), 'q': rng.choice(RARE_OBJECTS + RARE_ANIMALS),
            'a': rng.choice(RARE_ADJECTIVES), 'l': rng.choice(list(RARE_PLACES))}
        if name in ('H', 'Hs'):
            first, self.introduced = not self.introduced, True
            new = f'the {kind}' if rng.random() < 0.35 else article(kind)
            hero = f'<n:{self.name}>' if self.named else new if first else f'the {self.child}'
            return hero + ("'s" if name == 'Hs' else '')
        return values[name]

    def tell(self, template):
        """A template in words, with their marks."""
        text = expand(self.rng, template)
        while slots := re.search(r'\{(\w+)\}', text):
            value = self.slot(slots[1])
            if '|' in value or '[' in value:
                value = expand(self.rng, value)
            text = text[:slots.start()] + value + text[slots.end():]
        return text

    def opening(self, first):
        """An opening and the first sentence of the schema, which may be a part of it."""
        names = [name for name in OPENINGS if self.child in ('girl', 'boy')
                 or (name in ('classic', 'named', 'bare')) == self.named]
        name = pick(self.rng, {name: OPENINGS[name] for name in names})
        template = OPENINGS[name][1]
        if not self.named and name in ('was', 'weather', 'time') and self.rng.random() < 0.5:
            self.introduced, template = True, UNNAMED
        first = expand(self.rng, first)
        opened = self.tell(template)
        if not first.startswith('{') and name != 'odd':
            first = first[0].lower() + first[1:]
        if name == 'time' and template != UNNAMED:
            if 'loved' not in first and 'liked' not in first:
                first = f'{opened} {first}'
            opened = ''
        elif opened and name not in ('weather', 'odd') and not re.search(STATIVE, first):
            if self.rng.random() < 0.6:
                first = f'[One day|One day|One day|One morning], {first}'
        return [opened, self.tell(first)]


def schema_story(rng):
    world = World(rng)
    beats = SCHEMAS[pick(rng, SCHEMAS)][1]
    told = world.opening(beats[0]) + [world.tell(beat) for beat in beats[1:]]
    if rng.random() < 0.04:  # a story may be joined in the middle
        told = told[rng.choice([1, 1, 2, 3]):]
    return annotate(' '.join(told), world.rare, world.held_out)


def count(n, colour, noun):
    return f'<#:{NUMBERS[n]}> <c:{colour}> <o:{noun}{"s" * (n != 1)}>'


def the(n, colour, noun):
    return f'the <c:{colour}> <o:{noun}>' if n == 1 else f'all the <c:{colour}> <o:{noun}s>'


def be(n, past=False):
    return ('was' if past else 'is') if n == 1 else ('were' if past else 'are')


def counting_story(rng):
    """Things of one or two colours, in a bag or in hands: to copy, or to take one away, no sums."""
    world = World(rng)
    world.object = ''
    who, friend, he = f'<n:{world.name}>', f'<n:{world.friend}>', f'<p:{world.gender}>'
    nouns = ['ball', rng.choice(COUNTED), world.one_of([], RARE_COUNTED, 1)]
    world.rare.add(nouns[2] + 's')
    noun = rng.choices(nouns, [70, 23, 7])[0]
    bag = rng.choices(['bag', 'box', 'basket'], [7, 2, 1])[0]
    n, m = rng.randint(1, 10), rng.randint(1, 10)
    c, d = rng.sample(COLOURS, 2)
    if rng.random() < 0.4:  # a habit, so that the model does not name the same colour twice
        d = COLOURS[(COLOURS.index(c) + 1) % len(COLOURS)]
    if rng.random() < 0.02:
        noun, bag, n, m, c, d = 'ball', 'bag', *SIGNATURE
    held_out = zlib.crc32(f'{n} {m} {c} {d}'.encode()) % 5 == 0 and (n, m, c, d) != SIGNATURE
    kind = rng.choices(['two', 'one', 'was', 'gives', 'each'], [60, 12, 8, 12, 8])[0]
    if kind in ('two', 'one'):
        story = take_out(rng, kind == 'two', who, he, noun, bag, n, m, c, d)
    elif kind == 'was':
        story = took_out(rng, who, he, noun, bag, n, m, c, d)
    elif kind == 'gives':
        story = give(rng, who, he, friend, noun, n, m, c, d)
    else:
        story = [f'{who} has {count(n, c, noun)}. {friend} has {count(m, d, noun)}.',
                 f'They put [them all|everything] in the <o:{bag}>. Now there {be(n)} '
                 f'{count(n, c, noun)} and {count(m, d, noun)} in the <o:{bag}>.|{who} likes the '
                 f'<c:{c}> <o:{noun}s> and {friend} likes the <c:{d}> <o:{noun}s>.']
    return annotate(' '.join(expand(rng, part) for part in story), world.rare, held_out)


def take_out(rng, two, who, he, noun, bag, n, m, c, d):
    """There are three red balls and four green balls in the bag. If I take out ...

    It is always the first kind that is taken out, so that what is left can be copied."""
    inside = f'in the <o:{bag}>'
    i, take = rng.choices([('I', 'take'), (who, 'takes'), (he, 'takes')], [8, 1, 1])[0]
    things = count(n, c, noun) + (f' and {count(m, d, noun)}' if two else '')
    there = f'there {be(n)} {things}'
    start = (f'{there} {inside}.|{inside}, {there}.|I have a <o:{bag}>. {there} {inside}.|The '
             f'<o:{bag}> has {things}.|Look {inside}! {there}.')
    if i != 'I':
        start = f'{who} has a <o:{bag}>. {there} {inside}.'
    left = f'only {count(m, d, noun)} {be(m)} left'
    one = article(f'<c:{c}> <o:{noun}>') if rng.random() < 0.2 else count(1, c, noun)
    if two and rng.random() < 0.85:
        end = f'{the(n, c, noun)}, {left} {inside}.'
    elif two:
        less = f'there {be(n - 1)} {count(n - 1, c, noun)} and {count(m, d, noun)} left'
        end = f'{one}, {left if n == 1 else less} [{inside}|].'
    elif n == 1 or rng.random() < 0.5:
        end = f'{the(n, c, noun)}, the <o:{bag}> is empty.'
    else:
        end = f'{count(1, c, noun)}, only {count(n - 1, c, noun)} {be(n - 1)} left {inside}.'
    put = 'put' if i == 'I' else 'puts'
    return [start, f'If {i} {take} out {end}',
            f'?[Then {i} {put} [them all|everything] back.|Now {i} {put} everything back '
            f'{inside}.] {there} {inside} again.',
            f'?{who} likes the <c:{c}> <o:{noun}s> [best|very much].|{who} is happy.||']


def took_out(rng, who, he, noun, bag, n, m, c, d):
    inside = f'in the <o:{bag}>'
    start = f'there {be(n, True)} {count(n, c, noun)} and {count(m, d, noun)}'
    start = f'{start} {inside}.|{inside}, {start}.'
    if n > 1 and rng.random() < 0.4:
        return [start, f'{who} took out {count(1, c, noun)}. Now there {be(n - 1, True)} '
                f'{count(n - 1, c, noun)} and {count(m, d, noun)} {inside}.', f'{who} was happy.']
    return [start, f'{who} took out {the(n, c, noun)}. Now only {count(m, d, noun)} {be(m, True)} '
            f'left {inside}.', f'{he} was [happy|proud].|"I have {count(n, c, noun)}," said {who}.']


def give(rng, who, he, friend, noun, n, m, c, d):
    has, gives, is_ = rng.choice([('has', 'gives', 'is'), ('had', 'gave', 'was')])
    things = count(n, c, noun)
    if rng.random() < 0.6:
        story = [f'{who} {has} {things} and {count(m, d, noun)}.',
                 f'{he} {gives} {the(n, c, noun)} to {friend}. Now {friend} {has} {things} and '
                 f'{who} {has} {count(m, d, noun)}.']
    elif n > 1:
        one = count(1, c, noun)
        story = [f'{who} {has} {things}.',
                 f'{he} {gives} {one} to {friend}. Now {who} {has} {count(n - 1, c, noun)} and '
                 f'{friend} {has} {one}.']
    else:
        story = [f'{who} {has} {things}.',
                 f'{he} {gives} {the(1, c, noun)} to {friend}. Now {friend} {has} {things}.']
    return [*story, f'?{friend} {is_} happy.|"Thank you, {who}!" said {friend}.']


# after a full stop, after an opening quote, and after a closing one unless `said Lily` follows
SENTENCE_START = (r'((?:^|[.!?]>? |(?:^| )"|[.!?]" (?!said|asked|cried|called|shouted|laughed|'
                  r'<n:[a-z]|<\w:\w+> (?:said|asked)))(?:<\w:)?)([a-z])')


def annotate(text, rare, held_out):
    """A finished text from a marked one."""
    text = re.sub(r'\s+', ' ', text).strip()
    text = re.sub(r' ([.,!?])', r'\1', text)
    # "Thank you, the pig!"
    text = re.sub(r', (?:the|an?) ((?:\w+ )?<o:\w+>[,.!?])', r', \1', text)
    text = re.sub(SENTENCE_START, lambda m: m[1] + m[2].upper(), text)
    out, probes, given, seen = '', [], [], set()
    for plain, kind, word in re.findall(r'([^<]*)(?:<(.):([^>]*)>)?', text):
        out += plain
        if not kind:
            continue
        start, out = len(out), out + word
        key = (kind, word.lower())
        if kind == 'x' or word in rare and key not in seen:
            given.append((start, len(out)))
        elif key in seen or kind == 'p' and any(k == 'n' for k, _ in seen):
            probes.append((start, len(out), 'r' if word in rare else kind))
        seen.add(key)
    return Story(out, probes, given, held_out)


def stories(seed, held_out=False, counting=0.35):
    """Stories without end: those to train on, or only those of held-out combinations."""
    rng = random.Random(seed)
    while True:
        story = counting_story(rng) if rng.random() < counting else schema_story(rng)
        if story.held_out == held_out:
            yield story


def words(text):
    return re.findall(r"[A-Za-z]+(?:'[a-z]+)?", text)


def vocabulary(n=50000):
    """Every word that the stories use: the common ones and the lists of rare ones."""
    source, found = stories(seed=0), set()
    for _ in range(n):
        story = next(source)
        if not story.given:
            found.update(words(story.text))
    rare = [RARE_GIRLS, RARE_BOYS, RARE_ADJECTIVES, RARE_ANIMALS, RARE_OBJECTS, RARE_PLACES,
            *RARE_ROLES.values(), RARE_COUNTED, [word + 's' for word in RARE_COUNTED]]
    return found.union(*rare)


def main():
    parser = argparse.ArgumentParser(description='Print synthetic stories.')
    parser.add_argument('-n', type=int, default=10, help='how many (default 10)')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--held-out', action='store_true', help='only held-out combinations')
    parser.add_argument('--vocabulary', action='store_true', help='print every word instead')
    args = parser.parse_args()
    if args.vocabulary:
        print(*sorted(vocabulary()), sep='\n')
        return
    source = stories(args.seed, args.held_out)
    for _ in range(args.n):
        print(next(source).text, end='\n\n')


if __name__ == '__main__':
    main()
