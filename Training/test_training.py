"""Tests that take seconds: `python Training/test_training.py`."""

import os
import re
import struct
import tempfile
import unittest
from itertools import islice

import torch

import tokenizer as tok
from evaluate import counts_right, faults, overlaps
from export import read_lmw, write_bin, write_lmw
from generate import generate
from model import Config, Llama
from stories import SIGNATURE, stories
from train import batches, pad
from words import ANIMALS, BOYS, COLOURS, GIRLS, NUMBERS, OBJECTS

TOLD = [*islice(stories('test'), 3000)]
TOKENIZER = tok.train((story.text for story in islice(stories('tokenizer', counting=0.4), 10000)))
SMALL = Config(dim=32, n_layers=2, n_heads=2, vocab_size=1088)


def load_tokenizer():
    with tempfile.NamedTemporaryFile(suffix='.model') as file:
        file.write(TOKENIZER)
        file.flush()
        return tok.load(file.name)


class StoriesTest(unittest.TestCase):
    def test_same_seed_tells_the_same(self):
        self.assertEqual([*islice(stories('test'), 300)], TOLD[:300])
        self.assertNotEqual([*islice(stories('other'), 300)], TOLD[:300])

    def test_no_marks_are_left(self):
        for story in TOLD:
            self.assertNotRegex(story.text, r'[\[\]{}<>|]|  | [.,!?]|[.!?] [a-z]')

    def test_counts_are_right(self):
        bags = [story.text for story in TOLD if 'If I take out' in story.text]
        self.assertGreater(len(bags), 300)
        for text in bags:
            self.assertTrue(counts_right(text), text)

    def test_wrong_counts_are_noticed(self):
        text = ('There are three red balls and four green balls in the bag. If I take out all the '
                'red balls, only {} green balls are left in the bag.')
        self.assertTrue(counts_right(text.format('four')))
        self.assertFalse(counts_right(text.format('three')))

    def test_stories_hold_together(self):
        whole = [s.text for s in TOLD if not s.given and s.text.count('.') > 5]
        found = [text for text in whole if faults(text)]
        self.assertLess(len(found), 0.03 * len(whole), found[:5])
        other = {'He': 'She', 'She': 'He'}
        swapped = [re.sub(r'\b(He|She)\b', lambda m: other[m[0]], text)
                   for text in whole if re.search(r'\. (He|She) ', text)]
        self.assertGreater(sum('pronouns' in faults(text) for text in swapped), 0.9 * len(swapped))

    def test_held_out_combinations_are_not_in_training(self):
        def combinations(told):
            pair = r'There are (\w+ \w+) balls and (\w+ \w+) balls in'
            return {m.groups() for s in told if (m := re.match(pair, s.text))}

        trained = combinations(islice(stories(1), 20000))
        held_out = combinations(islice(stories(2, held_out=True), 2000))
        self.assertTrue(trained and held_out)
        self.assertFalse(trained & held_out)
        self.assertEqual(SIGNATURE, (3, 4, 'red', 'green'))
        self.assertIn(('three red', 'four green'), trained)


class TokenizerTest(unittest.TestCase):
    def test_words_to_copy_are_one_piece(self):
        tokenizer = load_tokenizer()
        for word in GIRLS + BOYS + COLOURS + OBJECTS + ANIMALS + NUMBERS[1:]:
            self.assertEqual(len(tokenizer.encode(word)), 1, word)

    def test_probes_are_where_the_words_are(self):
        tokenizer = load_tokenizer()
        story = next(s for s in stories(3) if {kind for *_, kind in s.probes} >= set('ncop'))
        ids, learn, probes = tok.encode(tokenizer, story)
        self.assertEqual((ids[0], ids[-1]), (1, 2))
        wanted = {}
        for start, end, kind in story.probes:
            wanted.setdefault(kind, []).append(story.text[start:end])
        self.assertEqual({kind: [tokenizer.decode([ids[i] for i in place]) for place in places]
                          for kind, places in probes.items()}, wanted)

    def test_given_words_are_not_learnt(self):
        tokenizer = load_tokenizer()
        for story in islice((s for s in TOLD if s.given), 100):
            ids, learn, _ = tok.encode(tokenizer, story)
            hidden = tokenizer.decode([i for i, flag in zip(ids, learn) if not flag][1:])
            given = ''.join(story.text[start:end] for start, end in sorted(story.given))
            self.assertEqual(hidden.replace(' ', ''), given.replace(' ', ''))


class ModelTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.model = Llama(SMALL)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, 'model')

    def test_lmw_round_trip(self):
        write_lmw(self.model, self.path)
        again = read_lmw(self.path)
        self.assertEqual(again.config, SMALL)
        for name, weight in self.model.state_dict().items():
            self.assertTrue(torch.equal(weight, again.state_dict()[name]), name)

    def test_bin_has_the_size_its_header_says(self):
        write_bin(self.model, self.path)
        with open(self.path, 'rb') as file:
            data = file.read()
        self.assertEqual(struct.unpack_from('<7i', data), (32, 96, 2, 2, 2, -1088, 256))
        weights = sum(weight.numel() for weight in self.model.state_dict().values())
        self.assertEqual(len(data), 28 + 4 * (weights + 2 * 256 * 16 // 2))

    def test_padding_changes_nothing(self):
        tokens = torch.randint(3, 1088, (1, 9))
        alone, padded = self.model(tokens), self.model(torch.cat((tokens, tokens), 1))[:, :9]
        torch.testing.assert_close(alone, padded)

    def test_generation_stops_at_its_length(self):
        (prompt, new, ended), _ = generate(self.model, load_tokenizer(), ['Lily', ''], seqlength=12)
        self.assertEqual(len(new), 0 if ended else 12 - len(prompt) + 1)

    def test_batches_go_on_where_they_stopped(self):
        tokenizer = load_tokenizer()
        whole, rest = [*islice(batches(tokenizer), 5)], next(batches(tokenizer, first=4))
        self.assertTrue(torch.equal(whole[4][0], rest[0]))

    def test_pad_learns_nothing_of_the_padding(self):
        tokens, learn = pad([([1, 5, 2], [False, True, True], {}), ([1, 2], [False, True], {})])
        self.assertEqual(tokens.tolist(), [[1, 5, 2], [1, 2, 0]])
        self.assertEqual(learn.tolist(), [[False, True, True], [False, True, False]])


class OverlapTest(unittest.TestCase):
    def test_longest_runs(self):
        self.assertEqual(overlaps([list('abcde')], [list('xbcdy'), list('zab')], least=2),
                         [[2, 3, 2, 0, 0]])


if __name__ == '__main__':
    unittest.main()
