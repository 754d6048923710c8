# Tests download.sh against a server on this machine that misbehaves: cuts off, stalls, cannot resume,
# serves an error page or the wrong bytes. The files are small stand-ins, so the script's checksums are
# replaced by theirs; nothing else of it is.
#
#   python3 Models/test_download.py

import hashlib
import http.server
import pathlib
import re
import stat
import subprocess
import tempfile
import threading
import time
import unittest

SCRIPT = pathlib.Path(__file__).with_name("download.sh")
TOKENIZER = bytes(range(256)) * 400
MODEL = bytes(reversed(range(256))) * 4000


class Server(http.server.BaseHTTPRequestHandler):
    """Serves the two files, and does to the model what `mode` says."""

    mode = "good"
    requests = []

    def do_GET(self):
        path, mode = self.path.rsplit("/", 1)[-1], Server.mode
        body = TOKENIZER if path == "tokenizer.model" else MODEL
        start = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        Server.requests.append((path, start))
        if path == "tokenizer.model":
            mode = "good"
        if mode == "missing":
            return self.send_error(404)
        if mode == "overloaded" and len(Server.requests) < 4:
            return self.send_error(503)
        if mode == "error page":
            body, start = b"<html>Please log in</html>", 0
        if mode == "wrong bytes":
            body = body[:-1] + b"?"
        if mode == "no ranges":
            start = 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        end = len(body)
        if mode in ("cuts off", "no ranges") and len(Server.requests) < 4:
            end = min(end, start + 300_000)
        if mode == "stalls" and len(Server.requests) < 3:
            self.wfile.write(body[start : start + 300_000])
            time.sleep(5)
            return
        self.wfile.write(body[start:end])

    def log_message(self, *_):
        pass


class DownloadTests(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.folder = tempfile.TemporaryDirectory()
        self.downloads = pathlib.Path(self.folder.name, "Models/downloads")
        script = re.sub(r"cd590644\w+", hashlib.sha256(MODEL).hexdigest(), SCRIPT.read_text())
        script = re.sub(r"9e556afd\w+", hashlib.sha256(TOKENIZER).hexdigest(), script)
        self.script = pathlib.Path(self.folder.name, "Models/download.sh")
        self.script.parent.mkdir()
        self.script.write_text(script)
        # in the place of compact-llama, which judges models without a checksum
        self.program = pathlib.Path(self.folder.name, ".build/release/compact-llama")
        self.program.parent.mkdir(parents=True)
        self.judge(accepts=True)

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def judge(self, accepts):
        self.program.write_text(f"#!/bin/sh\nexit {0 if accepts else 1}\n")
        self.program.chmod(stat.S_IRWXU)

    def download(self, mode, model="stories15M"):
        Server.mode, Server.requests = mode, []
        url = f"http://127.0.0.1:{self.server.server_port}"
        return subprocess.run(
            ["bash", self.script, model], capture_output=True, text=True, timeout=60,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "MODELS_URL": url,
                 "TOKENIZER_URL": f"{url}/tokenizer.model", "STALL_SECONDS": "1"})

    def check(self, result, status, model="stories15M"):
        self.assertEqual(result.returncode, status, result.stderr)
        file = self.downloads / f"{model}.bin"
        if status == 0:
            self.assertEqual(file.read_bytes(), MODEL)
            self.assertEqual((self.downloads / "tokenizer.model").read_bytes(), TOKENIZER)
            self.assertEqual(list(self.downloads.glob("*.part")), [])
        else:
            self.assertFalse(file.exists())
            self.assertIn("Error: ", result.stderr)

    def test_downloads_once(self):
        self.check(self.download("good"), 0)
        self.check(self.download("good"), 0)
        self.assertEqual(Server.requests, [])

    def test_goes_on_where_the_server_cut_off(self):
        self.check(self.download("cuts off"), 0)
        self.assertEqual(
            Server.requests[1:], [("stories15M.bin", 300_000 * i) for i in range(3)])

    def test_goes_on_after_a_stall(self):
        self.check(self.download("stalls"), 0)

    def test_goes_on_where_an_earlier_run_stopped(self):
        self.downloads.mkdir()
        (self.downloads / "stories15M.bin.part").write_bytes(MODEL[:1000])
        self.check(self.download("good"), 0)
        self.assertIn(("stories15M.bin", 1000), Server.requests)

    def test_takes_what_an_earlier_run_had_whole(self):
        self.downloads.mkdir()
        (self.downloads / "stories15M.bin.part").write_bytes(MODEL)
        self.check(self.download("good"), 0)

    def test_begins_again_with_a_server_that_cannot_resume(self):
        self.check(self.download("no ranges"), 0)

    def test_waits_for_an_overloaded_server(self):
        self.check(self.download("overloaded"), 0)

    def test_keeps_nothing_of_a_missing_file(self):
        result = self.download("missing")
        self.check(result, 1)
        self.assertIn("the server answered 404", result.stderr)

    def test_keeps_nothing_of_an_error_page(self):
        self.check(self.download("error page"), 1)
        self.assertEqual(list(self.downloads.glob("stories15M*")), [])

    def test_keeps_nothing_of_wrong_bytes(self):
        result = self.download("wrong bytes")
        self.check(result, 1)
        self.assertIn("expected SHA-256", result.stderr)
        self.assertEqual(list(self.downloads.glob("stories15M*")), [])

    def test_keeps_nothing_when_an_earlier_part_was_of_another_file(self):
        self.downloads.mkdir()
        (self.downloads / "stories15M.bin.part").write_bytes(b"other" * 100)
        self.check(self.download("good"), 1)
        self.check(self.download("good"), 0)

    def test_says_that_no_checksum_is_known(self):
        result = self.download("good", model="stories42M")
        self.check(result, 0, model="stories42M")
        self.assertIn("no checksum is known", result.stdout)
        self.assertIn(hashlib.sha256(MODEL).hexdigest(), result.stdout)

    def test_keeps_nothing_that_is_not_a_model(self):
        self.judge(accepts=False)
        self.check(self.download("error page", model="stories110M"), 1, model="stories110M")
        self.assertEqual(list(self.downloads.glob("stories110M*")), [])

    def test_knows_its_models(self):
        self.assertEqual(self.download("good", model="stories7B").returncode, 64)


if __name__ == "__main__":
    unittest.main()
