"""Tests of the Python in this folder (seconds): `python Training/test_training.py`."""

import io
import json
import re
import signal
import tempfile
import unittest
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path
from unittest import mock

import torch

import convert
import tokenizer as tok
import train
from evaluate import counts_right, faults, overlaps
from generate import generate
from model import Config, Llama
from stories import EXAMPLE, stories
from weights import FIELDS, load_model, read_lmw, save_model
from words import ANIMALS, BOYS, COLOURS, GIRLS, NUMBERS, OBJECTS

STORIES = [*islice(stories('test'), 3000)]
SMALL = Config(dim=32, n_layers=2, n_heads=2, vocab_size=1088)


def temporary_folder(test):
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return Path(folder.name)


def train_tokenizer():
    texts = (story.text for story in islice(stories('tokenizer', counting_share=0.4), 10000))
    with tempfile.NamedTemporaryFile(suffix='.model') as file:
        file.write(tok.train(texts))
        file.flush()
        return tok.load(file.name)


TOKENIZER = train_tokenizer()


class StoriesTest(unittest.TestCase):
    def test_same_seed_gives_the_same_stories(self):
        self.assertEqual([*islice(stories('test'), 300)], STORIES[:300])
        self.assertNotEqual([*islice(stories('other'), 300)], STORIES[:300])

    def test_no_marks_are_left(self):
        for story in STORIES:
            self.assertNotRegex(story.text, r'[\[\]{}<>|]|  | [.,!?]|[.!?] [a-z]')

    def test_counts_are_right(self):
        bags = [story.text for story in STORIES if 'If I take out' in story.text]
        self.assertGreater(len(bags), 300)
        for text in bags:
            self.assertTrue(counts_right(text), text)

    def test_wrong_counts_are_found(self):
        text = ('There are three red balls and four green balls in the bag. If I take out all the '
                'red balls, only {} green balls are left in the bag.')
        self.assertTrue(counts_right(text.format('four')))
        self.assertFalse(counts_right(text.format('three')))

    def test_stories_are_consistent(self):
        whole = [s.text for s in STORIES if not s.masked and s.text.count('.') > 5]
        found = [text for text in whole if faults(text)]
        self.assertLess(len(found), 0.03 * len(whole), found[:5])
        other = {'He': 'She', 'She': 'He'}
        swapped = [re.sub(r'\b(He|She)\b', lambda m: other[m[0]], text)
                   for text in whole if re.search(r'\. (He|She) ', text)]
        self.assertGreater(sum('pronouns' in faults(text) for text in swapped), 0.9 * len(swapped))

    def test_training_has_no_held_out_combination(self):
        def combinations(texts):
            pair = r'There are (\w+ \w+) balls and (\w+ \w+) balls in'
            return {m.groups() for s in texts if (m := re.match(pair, s.text))}

        trained = combinations(islice(stories(1), 20000))
        held_out = combinations(islice(stories(2, held_out=True), 2000))
        self.assertTrue(trained and held_out)
        self.assertFalse(trained & held_out)
        self.assertEqual(EXAMPLE, (3, 4, 'red', 'green'))
        self.assertIn(('three red', 'four green'), trained)


class TokenizerTest(unittest.TestCase):
    def test_common_words_are_one_piece(self):
        for word in GIRLS + BOYS + COLOURS + OBJECTS + ANIMALS + NUMBERS[1:]:
            self.assertEqual(len(TOKENIZER.encode(word)), 1, word)

    def test_probes_find_their_words(self):
        story = next(s for s in stories(3) if {kind for *_, kind in s.probes} >= set('ncop'))
        ids, _, probes = tok.encode(TOKENIZER, story)
        self.assertEqual((ids[0], ids[-1]), (1, 2))
        expected = {}
        for start, end, kind in story.probes:
            expected.setdefault(kind, []).append(story.text[start:end])
        self.assertEqual({kind: [TOKENIZER.decode([ids[i] for i in word]) for word in words]
                          for kind, words in probes.items()}, expected)

    def test_the_mask_hides_the_masked_words(self):
        for story in islice((s for s in STORIES if s.masked), 100):
            ids, mask, _ = tok.encode(TOKENIZER, story)
            hidden = TOKENIZER.decode([i for i, flag in zip(ids, mask) if not flag][1:])
            masked = ''.join(story.text[start:end] for start, end in sorted(story.masked))
            self.assertEqual(hidden.replace(' ', ''), masked.replace(' ', ''))


class ModelTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.model = Llama(SMALL)

    def test_lmw_round_trip(self):
        path = temporary_folder(self) / 'model.lmw'
        save_model(self.model, path)
        loaded = load_model(path)
        self.assertEqual(loaded.config, SMALL)
        for name, weight in self.model.state_dict().items():
            self.assertTrue(torch.equal(weight, loaded.state_dict()[name]), name)

    def test_padding_changes_nothing(self):
        tokens = torch.randint(3, 1088, (1, 9))
        alone, padded = self.model(tokens), self.model(torch.cat((tokens, tokens), 1))[:, :9]
        torch.testing.assert_close(alone, padded)

    def test_generation_stops_at_its_length(self):
        (prompt, new, ended), _ = generate(self.model, TOKENIZER, ['Lily', ''], seqlength=12)
        self.assertEqual(len(new), 0 if ended else 12 - len(prompt) + 1)


class TrainTest(unittest.TestCase):
    def test_pad_masks_the_padding(self):
        encoded = [([1, 5, 2], [False, True, True], {}), ([1, 2], [False, True], {})]
        tokens, mask = train.pad(encoded)
        self.assertEqual(tokens.tolist(), [[1, 5, 2], [1, 2, 0]])
        self.assertEqual(mask.tolist(), [[False, True, True], [False, True, False]])

    @mock.patch.object(train, 'validate', lambda *_: (0.0, {}))
    def test_a_resumed_run_gives_the_same_weights(self):
        folder, masked_loss = temporary_folder(self), train.masked_loss

        def run(name, **options):
            torch.manual_seed(0)
            model = Llama(SMALL)
            with redirect_stdout(io.StringIO()):
                train.train(model, TOKENIZER, folder / name, 3, checkpoint_every=9, **options)
            return torch.cat([p.detach().flatten() for p in model.parameters()])

        def interrupt(*args):
            steps.append(args)
            if len(steps) == 2:
                signal.raise_signal(signal.SIGINT)
            return masked_loss(*args)

        whole, steps = run('whole'), []
        with mock.patch.object(train, 'masked_loss', interrupt):
            with self.assertRaisesRegex(SystemExit, 'stopped at step 2'):
                run('parts')
        self.assertTrue(torch.equal(run('parts', resume=True), whole))


class OverlapTest(unittest.TestCase):
    def test_longest_runs(self):
        self.assertEqual(overlaps([list('abcde')], [list('xbcdy'), list('zab')], least=2),
                         [[2, 3, 2, 0, 0]])


class ConvertTest(unittest.TestCase):
    CONFIG = {'dim': 16, 'n_layers': 2, 'n_heads': 4, 'n_kv_heads': 2, 'vocab_size': 10,
              'multiple_of': 8, 'norm_eps': 2**-20, 'max_seq_len': 32}

    def setUp(self):
        torch.manual_seed(1)
        self.folder = temporary_folder(self)
        self.tensors = {name: torch.randn(shape)
                        for name, shape in convert.shapes(self.CONFIG | {'hidden_dim': 24})}

    def assert_converts(self, source, tensors):
        convert.convert(source, self.folder / 'out.lmw', 32)
        config, found = read_lmw(self.folder / 'out.lmw')
        self.assertEqual(config, {field: self.CONFIG[field] for field in FIELDS})
        self.assertEqual([*found], [*tensors])
        for name, tensor in tensors.items():
            self.assertTrue(torch.equal(found[name], tensor.float()), name)

    def write_params(self, **changes):
        params = {key: value for key, value in self.CONFIG.items() if key != 'max_seq_len'}
        (self.folder / 'params.json').write_text(json.dumps(params | changes))

    def test_llama2c(self):
        for prefix in ('', '_orig_mod.'):
            state = {prefix + name: tensor for name, tensor in self.tensors.items()}
            state[prefix + 'freqs_cos'] = torch.ones(32, 2)
            path = self.folder / 'ckpt.pt'
            torch.save({'model': state, 'model_args': self.CONFIG | {'dropout': 0.0}}, path)
            self.assert_converts(path, self.tensors)

    def test_meta(self):
        self.write_params(vocab_size=-1)
        for n in (1, 2):
            for dtype in (torch.float32, torch.float16, torch.bfloat16):
                rounded = {name: tensor.to(dtype) for name, tensor in self.tensors.items()}
                for i in range(n):
                    shard = {'rope.freqs': torch.ones(2)}
                    for name, tensor in rounded.items():
                        axis = any(part in name for part in ('.wo.', '.w2.', 'tok_embeddings'))
                        part = tensor if tensor.dim() == 1 else tensor.chunk(n, int(axis))[i]
                        shard[name] = part.clone()
                    torch.save(shard, self.folder / f'consolidated.{i:02}.pth')
                with self.subTest(shards=n, dtype=dtype):
                    self.assert_converts(self.folder, rounded)

    def test_another_rope_theta_fails(self):
        self.write_params(rope_theta=500000.0)
        torch.save(self.tensors, self.folder / 'consolidated.00.pth')
        with self.assertRaisesRegex(ValueError, 'rope_theta'):
            convert.convert(self.folder, self.folder / 'out.lmw', 32)
        self.assertFalse((self.folder / 'out.lmw').exists())


if __name__ == '__main__':
    unittest.main()
