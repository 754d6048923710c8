# Tests docs/beyond.md: other programs open what llama-weights converts, and write the same greedy text. It skips, with a
# reason, each program that is not installed. `make test` runs it after the programs are built.
#
#   LLAMA_CPP=FOLDER python3 Scripts/test_beyond.py -v    FOLDER has llama.cpp's programs; else PATH

import importlib.util
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / 'Models/tinytales'
PROMPT, LENGTH = 'Lily has two apples and a pear.', 64


def program(name):
    """A program of ours, from the newest build."""
    builds = [path for path in ROOT.glob(f'.build/*/{name}') if path.is_file()]
    return max(builds, key=lambda path: path.stat().st_mtime, default=None)


def peer(name):
    """A program of llama.cpp, or None."""
    return shutil.which(name, path=os.environ.get('LLAMA_CPP')) or shutil.which(name)


def has_module(*names):
    return all(importlib.util.find_spec(name) for name in names)


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300,
                            stdin=subprocess.DEVNULL)
    if result.returncode:
        raise AssertionError(f'{command[0]} ended with {result.returncode}:\n{result.stderr}')
    return result.stdout


@unittest.skipUnless(program('llama-weights') and program('full-llama'), 'llama-weights and full-llama are not built')
class Beyond(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        weights, cls.tokenizer = MODEL / 'tinytales.lmw', MODEL / 'tokenizer.model'
        cls.gguf = cls.folder / 'model.gguf'
        run(program('llama-weights'), 'convert', weights, cls.gguf, '-t', cls.tokenizer)
        run(program('llama-weights'), 'convert', weights, cls.folder / 'model.safetensors')
        shutil.copy(cls.tokenizer, cls.folder)
        cls.text = run(program('full-llama'), '-i', PROMPT, '--seqlength', LENGTH).strip()

    def assert_same(self, text):
        """The other program may stop a few tokens earlier or later."""
        text, ours = text.strip(), self.text
        length = min(len(text), len(ours))
        self.assertGreater(length, len(PROMPT) + 20)
        self.assertEqual(text[:length], ours[:length])

    def llama_cpp(self, *options):
        for _ in range(5):  # it sometimes ends before it has written its whole text
            # the KV cache in F32, like ours
            text = run(peer('llama-completion'), '-m', self.gguf, '-p', PROMPT, '-n', LENGTH - 20, '--temp', 0, '-no-cnv',
                       '-ctk', 'f32', '-ctv', 'f32', *options).removesuffix('[end of text]\n')
            if len(text) > len(PROMPT) + 20:
                break
        return text

    @unittest.skipUnless(peer('llama-completion'), 'llama.cpp is not installed: set LLAMA_CPP')
    def test_llama_cpp(self):
        self.assert_same(self.llama_cpp())

    @unittest.skipUnless(peer('ggml-rpc-server'), "llama.cpp's ggml-rpc-server is not installed: set LLAMA_CPP")
    def test_llama_cpp_on_two_servers(self):
        ports, servers = [], []
        for _ in range(2):
            with socket.socket() as free:
                free.bind(('127.0.0.1', 0))
                ports.append(free.getsockname()[1])
            servers.append(subprocess.Popen([peer('ggml-rpc-server'), '-H', '127.0.0.1', '-p', str(ports[-1])],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        try:
            for port in ports:
                self.wait(port)
            addresses = ','.join(f'127.0.0.1:{port}' for port in ports)
            self.assert_same(self.llama_cpp('--rpc', addresses, '-ngl', 99))
        finally:
            for server in servers:
                server.kill()
                server.wait()

    def wait(self, port):
        for _ in range(100):
            with socket.socket() as client:
                if client.connect_ex(('127.0.0.1', port)) == 0:
                    return
            time.sleep(0.1)
        self.fail(f'no server answers at {port}')

    @unittest.skipUnless(has_module('torch', 'transformers', 'sentencepiece'),
                         'transformers is not installed: pip install torch transformers sentencepiece')
    def test_transformers(self):
        import sentencepiece
        import torch
        import transformers
        pieces = sentencepiece.SentencePieceProcessor(str(self.tokenizer))
        model = transformers.LlamaForCausalLM.from_pretrained(self.folder, dtype=torch.float32)
        prompt = [pieces.bos_id()] + pieces.encode(PROMPT)
        tokens = model.generate(torch.tensor([prompt]), max_length=LENGTH, do_sample=False, pad_token_id=0,
                                eos_token_id=[pieces.bos_id(), pieces.eos_id()])[0].tolist()
        self.assert_same(pieces.decode(tokens))

    @unittest.skipUnless(has_module('llama_cpp'), 'llama-cpp-python is not installed: pip install llama-cpp-python')
    def test_llama_cpp_python(self):
        import llama_cpp
        model = llama_cpp.Llama(str(self.gguf), n_ctx=256, verbose=False, type_k=0, type_v=0)
        answer = model.create_completion(PROMPT, max_tokens=LENGTH - 20, temperature=0)
        self.assert_same(PROMPT + answer['choices'][0]['text'])


if __name__ == '__main__':
    unittest.main()
