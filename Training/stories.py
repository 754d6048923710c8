"""Synthetic stories: small events from templates, and counting stories about a bag of things.

`python Training/stories.py` prints some, and `--vocabulary` prints each word they use.

Templates mark words that must stay the same through a story as `<kind:word>`: n name, m parent,
o object or animal, c colour, # number, p pronoun, l place. `finish` removes the marks and keeps
their positions for the copy probe. The loss leaves out the first mention of a rare word and odd
openings (kind x), because only a prompt introduces them."""

import argparse
import random
import re
import zlib
from collections import namedtuple
from itertools import islice

from templates import (ENDS, FOODS, NEEDS, ODD, OPENINGS, SCHEMAS, SKILLS, SPOTS, TRAIT, UNNAMED)
from words import (ADJECTIVES, ANIMALS, BOYS, COLOURS, COUNTED, GIRLS, NUMBERS, OBJECTS, PLACES,
                   RARE_ADJECTIVES, RARE_ANIMALS, RARE_BOYS, RARE_COUNTED, RARE_GIRLS, RARE_OBJECTS,
                   RARE_PLACES, RARE_ROLES)

# probes: (start, end, kind) of words that must repeat an earlier word or agree with it.
# masked: (start, end) of text that the loss leaves out. held_out: kept for validation.
Story = namedtuple('Story', 'text probes masked held_out')

EXAMPLE = (3, 4, 'red', 'green')  # numbers and colours of the project's example, never held out
PRONOUNS = {'she': ('her', 'her'), 'he': ('him', 'his'), 'it': ('it', 'its')}
STATIVE = r'liked|loved|had|could not|was [ahs]'  # "One day," does not precede these


def pick(rng, weighted):
    """Returns a key of {key: (weight, value)}."""
    return rng.choices(list(weighted), [weight for weight, _ in weighted.values()])[0]


def expand(rng, text):
    """Chooses one of a|b and of each [a|b], the innermost first. ?a is a or nothing."""
    def choose(alternatives):
        chosen = rng.choice(alternatives.split('|'))
        return rng.choice([chosen[1:], '']) if chosen.startswith('?') else chosen

    while '[' in text:
        text = re.sub(r'\[([^][]*)\]', lambda m: choose(m[1]), text)
    return choose(text)


def article(words):
    return ('an ' if re.sub(r'<\w:', '', words)[0] in 'aeiou' else 'a ') + words


def one_in(n, *combination):
    """Selects one combination in n by a hash, so the choice is the same in every run."""
    return zlib.crc32(' '.join(map(str, combination)).encode()) % n == 0


class World:
    """The people, things and places of one story, and the set of its rare words."""

    def __init__(self, rng):
        self.rng, self.rare, self.introduced = rng, set(), False
        self.gender, self.name = self.person()
        self.kind = 'girl' if self.gender == 'she' else 'boy'
        self.adjective = rng.choice(['little ', 'little ', 'small ', 'young ', 'happy ', 'old ',
                                     '', ''])
        hero = rng.choices(['child', 'named', 'animal', 'role'], [80, 7, 7, 6])[0]
        self.named = hero in ('child', 'named')
        self.pronoun = self.gender
        if hero == 'animal':
            self.pronoun = 'it'
        elif hero == 'role':
            self.pronoun = rng.choice(['she', 'she', 'he', 'he', 'it'])
        if hero == 'role' or hero == 'named' and rng.random() < 0.5:
            self.kind = f'<o:{self.word([], RARE_ROLES[self.pronoun], 1)}>'
        elif hero != 'child':
            self.kind = f'<o:{self.word(ANIMALS, RARE_ANIMALS, 0.3)}>'
        # The friend usually has the other gender, so "she" and "he" are unambiguous.
        other = 'he' if self.gender == 'she' else 'she'
        other = other if rng.random() < 0.9 else self.gender
        self.friend_gender, self.friend = self.person(other, self.name)
        self.colour = rng.choices([rng.choice(COLOURS), '', rng.choice(ADJECTIVES),
                                   self.word([], RARE_ADJECTIVES, 1)], [72, 12, 11, 5])[0]
        self.object = self.word(OBJECTS, RARE_OBJECTS, 0.28)
        self.animal = self.word(ANIMALS, RARE_ANIMALS, 0.18)
        while self.animal in self.kind:
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
        self.held_out = one_in(10, self.name, self.colour, self.object)

    def word(self, common, rare, rare_share):
        if self.rng.random() >= rare_share:
            return self.rng.choice(common)
        word = self.rng.choice(rare)
        self.rare.add(word)
        return word

    def person(self, gender=None, taken=None):
        """Returns a gender and a name. Some rare names are blended from two others."""
        gender = gender or self.rng.choice(['she', 'he'])
        common, rare = (GIRLS, RARE_GIRLS) if gender == 'she' else (BOYS, RARE_BOYS)
        name = self.word(common, rare, 0.28)
        if name in self.rare and self.rng.random() < 0.4:
            self.rare.add(name := name[:2] + self.rng.choice(rare)[2:])
        return self.person(gender, taken) if name == taken else (gender, name)

    def slot(self, name):
        """Returns the text of a {slot}."""
        rng, (him, his) = self.rng, PRONOUNS[self.pronoun]
        object_ = f'<o:{self.object}>'
        thing = (f'<c:{self.colour}> ' if self.colour else '') + object_
        kind = self.adjective + self.kind
        slots = {
            'kind': article(kind), 'he': f'<p:{self.pronoun}>', 'him': f'<p:{him}>',
            'his': f'<p:{his}>', 'F': f'<n:{self.friend}>',
            'fhis': f'<p:{PRONOUNS[self.friend_gender][1]}>',
            'fchild': 'girl' if self.friend_gender == 'she' else 'boy',
            'M': f'<m:{self.parent}>', 'm': self.parent.lower(), 'A': f'<o:{self.animal}>',
            'O': thing, 'aO': article(thing), 'on': object_, 'aon': article(object_),
            'D': self.food, 'aD': f'{FOODS[self.food]} {self.food}', 'skill': self.skill,
            'P': self.at, 'L': f'<l:{self.place}>', 'spot': self.spots[0], 'spot2': self.spots[1],
            'spot3': self.spots[2], 'need': self.need, 'helped': NEEDS[self.need], 'trait': TRAIT,
            'end': ENDS, 'c': rng.choice(COLOURS), 'odd': rng.choice(ODD),
            'q': rng.choice(RARE_OBJECTS + RARE_ANIMALS), 'a': rng.choice(RARE_ADJECTIVES),
            'l': rng.choice(list(RARE_PLACES))}
        if name not in ('H', 'Hs'):
            return slots[name]
        new = f'the {kind}' if rng.random() < 0.35 else article(kind)
        hero = f'<n:{self.name}>' if self.named else (
            f'the {self.kind}' if self.introduced else new)
        self.introduced = True
        return hero + ("'s" if name == 'Hs' else '')

    def tell(self, template):
        """Returns the text of a template, with its marks."""
        text = expand(self.rng, template)
        while slot := re.search(r'\{(\w+)\}', text):
            value = self.slot(slot[1])
            if '|' in value or '[' in value:
                value = expand(self.rng, value)
            text = text[:slot.start()] + value + text[slot.end():]
        return text

    def opening(self, first):
        """Returns an opening and the first sentence of a schema, which may complete the opening."""
        # Only children fit any opening. The others need one that does or does not give a name.
        name = pick(self.rng, {name: opening for name, opening in OPENINGS.items()
                               if self.kind in ('girl', 'boy')
                               or (name in ('classic', 'named', 'bare')) == self.named})
        template = ''.join(OPENINGS[name][1])
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


def event_story(rng):
    world = World(rng)
    beats = SCHEMAS[pick(rng, SCHEMAS)][1]
    parts = world.opening(beats[0]) + [world.tell(beat) for beat in beats[1:]]
    if rng.random() < 0.04:  # some stories begin in the middle
        parts = parts[rng.choice([1, 1, 2, 3]):]
    return finish(' '.join(parts), world.rare, world.held_out)


class Things(namedtuple('Things', 'n colour noun')):
    """A number of things of one colour."""

    def __str__(self):
        return f'<#:{NUMBERS[self.n]}> <c:{self.colour}> <o:{self.noun}{"s" * (self.n != 1)}>'

    @property
    def all(self):
        one = f'the <c:{self.colour}> <o:{self.noun}>'
        return one if self.n == 1 else f'all the <c:{self.colour}> <o:{self.noun}s>'

    one = property(lambda self: self._replace(n=1))
    less = property(lambda self: self._replace(n=self.n - 1))  # without one of them
    are = property(lambda self: 'is' if self.n == 1 else 'are')
    were = property(lambda self: 'was' if self.n == 1 else 'were')


def counting_story(rng):
    """Things in a bag or in hands. The text copies numbers or takes one away, and never adds."""
    world = World(rng)
    hero, friend, he = f'<n:{world.name}>', f'<n:{world.friend}>', f'<p:{world.gender}>'
    nouns = ['ball', rng.choice(COUNTED), world.word([], RARE_COUNTED, 1)]
    world.rare.add(nouns[2] + 's')
    noun = rng.choices(nouns, [70, 23, 7])[0]
    bag = rng.choices(['bag', 'box', 'basket'], [7, 2, 1])[0]
    n, m = rng.randint(1, 10), rng.randint(1, 10)
    c, d = rng.sample(COLOURS, 2)
    if rng.random() < 0.4:  # a habit that keeps the model from naming the same colour twice
        d = COLOURS[(COLOURS.index(c) + 1) % len(COLOURS)]
    if rng.random() < 0.02:
        noun, bag, n, m, c, d = 'ball', 'bag', *EXAMPLE
    held_out = one_in(5, n, m, c, d) and (n, m, c, d) != EXAMPLE
    a, b = Things(n, c, noun), Things(m, d, noun)
    inside = f'in the <o:{bag}>'
    form = rng.choices(['two', 'one', 'was', 'gives', 'each'], [60, 12, 8, 12, 8])[0]
    if form in ('two', 'one'):
        parts = take_out(rng, hero, he, bag, a, b if form == 'two' else None)
    elif form == 'was':
        parts = took_out(rng, hero, he, inside, a, b)
    elif form == 'gives':
        parts = give(rng, hero, he, friend, a, b)
    else:
        parts = [f'{hero} has {a}. {friend} has {b}.',
                 f'They put [them all|everything] {inside}. Now there {a.are} {a} and {b} {inside}.'
                 f'|{hero} likes the <c:{c}> <o:{noun}s> and {friend} likes the '
                 f'<c:{d}> <o:{noun}s>.']
    return finish(' '.join(expand(rng, part) for part in parts), world.rare, held_out)


def take_out(rng, hero, he, bag, a, b):
    """There are three red balls and four green balls in the bag. If I take out ...

    The text always takes out the first kind, so the rest is a copy."""
    inside = f'in the <o:{bag}>'
    i, take = rng.choices([('I', 'take'), (hero, 'takes'), (he, 'takes')], [8, 1, 1])[0]
    things = f'{a} and {b}' if b else str(a)
    there = f'there {a.are} {things}'
    start = (f'{there} {inside}.|{inside}, {there}.|I have a <o:{bag}>. {there} {inside}.|The '
             f'<o:{bag}> has {things}.|Look {inside}! {there}.')
    if i != 'I':
        start = f'{hero} has a <o:{bag}>. {there} {inside}.'
    one = article(f'<c:{a.colour}> <o:{a.noun}>') if rng.random() < 0.2 else a.one
    if b and rng.random() < 0.85:
        end = f'{a.all}, only {b} {b.are} left {inside}.'
    elif b:
        left = f'only {b} {b.are} left' if a.n == 1 else (
            f'there {a.less.are} {a.less} and {b} left')
        end = f'{one}, {left} [{inside}|].'
    elif a.n == 1 or rng.random() < 0.5:
        end = f'{a.all}, the <o:{bag}> is empty.'
    else:
        end = f'{a.one}, only {a.less} {a.less.are} left {inside}.'
    put = 'put' if i == 'I' else 'puts'
    return [start, f'If {i} {take} out {end}',
            f'?[Then {i} {put} [them all|everything] back.|Now {i} {put} everything back '
            f'{inside}.] {there} {inside} again.',
            f'?{hero} likes the <c:{a.colour}> <o:{a.noun}s> [best|very much].|{hero} is happy.||']


def took_out(rng, hero, he, inside, a, b):
    start = f'there {a.were} {a} and {b}'
    start = f'{start} {inside}.|{inside}, {start}.'
    if a.n > 1 and rng.random() < 0.4:
        return [start, f'{hero} took out {a.one}. Now there {a.less.were} {a.less} and {b} '
                f'{inside}.', f'{hero} was happy.']
    return [start, f'{hero} took out {a.all}. Now only {b} {b.were} left {inside}.',
            f'{he} was [happy|proud].|"I have {a}," said {hero}.']


def give(rng, hero, he, friend, a, b):
    has, gives, is_ = rng.choice([('has', 'gives', 'is'), ('had', 'gave', 'was')])
    if rng.random() < 0.6:
        parts = [f'{hero} {has} {a} and {b}.', f'{he} {gives} {a.all} to {friend}. '
                 f'Now {friend} {has} {a} and {hero} {has} {b}.']
    elif a.n > 1:
        parts = [f'{hero} {has} {a}.', f'{he} {gives} {a.one} to {friend}. '
                 f'Now {hero} {has} {a.less} and {friend} {has} {a.one}.']
    else:
        parts = [f'{hero} {has} {a}.',
                 f'{he} {gives} {a.all} to {friend}. Now {friend} {has} {a}.']
    return [*parts, f'?{friend} {is_} happy.|"Thank you, {hero}!" said {friend}.']


# A sentence starts after a full stop, after an opening quote, and after a closing quote unless
# `said Lily` follows.
SENTENCE_START = (r'((?:^|[.!?]>? |(?:^| )"|[.!?]" (?!said|asked|cried|called|shouted|laughed|'
                  r'<n:[a-z]|<\w:\w+> (?:said|asked)))(?:<\w:)?)([a-z])')


def finish(text, rare, held_out):
    """Returns the Story of a marked text."""
    text = re.sub(r'\s+', ' ', text).strip()
    text = re.sub(r' ([.,!?])', r'\1', text)
    # "Thank you, the pig!" becomes "Thank you, pig!"
    text = re.sub(r', (?:the|an?) ((?:\w+ )?<o:\w+>[,.!?])', r', \1', text)
    text = re.sub(SENTENCE_START, lambda m: m[1] + m[2].upper(), text)
    out, probes, masked, seen = '', [], [], set()
    for plain, kind, word in re.findall(r'([^<]*)(?:<(.):([^>]*)>)?', text):
        out += plain
        if not kind:
            continue
        start, out = len(out), out + word
        key = (kind, word.lower())
        if kind == 'x' or word in rare and key not in seen:
            masked.append((start, len(out)))
        elif key in seen or kind == 'p' and any(k == 'n' for k, _ in seen):
            probes.append((start, len(out), 'r' if word in rare else kind))
        seen.add(key)
    return Story(out, probes, masked, held_out)


def stories(seed, held_out=False, counting_share=0.35):
    """Yields stories without end, either for training or of held-out combinations only."""
    rng = random.Random(seed)
    while True:
        story = counting_story(rng) if rng.random() < counting_share else event_story(rng)
        if story.held_out == held_out:
            yield story


def words_in(text):
    return re.findall(r"[A-Za-z]+(?:'[a-z]+)?", text)


def vocabulary(n=50000):
    """Returns the set of words that stories use: the common ones and the lists of rare ones."""
    common = {word for story in islice(stories(seed=0), n) if not story.masked
              for word in words_in(story.text)}
    return common.union(RARE_GIRLS, RARE_BOYS, RARE_ADJECTIVES, RARE_ANIMALS, RARE_OBJECTS,
                        RARE_PLACES, *RARE_ROLES.values(), RARE_COUNTED,
                        (word + 's' for word in RARE_COUNTED))


def main():
    parser = argparse.ArgumentParser(description='Print synthetic stories.')
    parser.add_argument('-n', type=int, default=10, help='number of stories (default: 10)')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--held-out', action='store_true', help='only held-out combinations')
    parser.add_argument('--vocabulary', action='store_true', help='print the words instead')
    args = parser.parse_args()
    if args.vocabulary:
        print(*sorted(vocabulary()), sep='\n')
    else:
        for story in islice(stories(args.seed, args.held_out), args.n):
            print(story.text, end='\n\n')


if __name__ == '__main__':
    main()
