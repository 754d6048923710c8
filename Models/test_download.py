# Tests download.sh against a local server that misbehaves: it truncates, stalls, cannot resume, or
# serves an error page or wrong bytes. The checksums of its small files replace those in the script.
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
    """Serves the two files; `mode` says how it misbehaves with the model."""

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
        if mode in ("truncates", "no ranges") and len(Server.requests) < 4:
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
        # stands in for compact-llama, which checks models without a checksum
        self.program = pathlib.Path(self.folder.name, ".build/release/compact-llama")
        self.program.parent.mkdir(parents=True)
        self.write_program(accepts=True)

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def write_program(self, accepts):
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

    def test_resumes_a_truncated_download(self):
        self.check(self.download("truncates"), 0)
        self.assertEqual(
            Server.requests[1:], [("stories15M.bin", 300_000 * i) for i in range(3)])

    def test_resumes_after_a_stall(self):
        self.check(self.download("stalls"), 0)

    def test_resumes_the_download_of_an_earlier_run(self):
        self.downloads.mkdir()
        (self.downloads / "stories15M.bin.part").write_bytes(MODEL[:1000])
        self.check(self.download("good"), 0)
        self.assertIn(("stories15M.bin", 1000), Server.requests)

    def test_uses_a_complete_part_of_an_earlier_run(self):
        self.downloads.mkdir()
        (self.downloads / "stories15M.bin.part").write_bytes(MODEL)
        self.check(self.download("good"), 0)

    def test_restarts_if_the_server_cannot_resume(self):
        self.check(self.download("no ranges"), 0)

    def test_retries_an_overloaded_server(self):
        self.check(self.download("overloaded"), 0)

    def test_reports_a_missing_file(self):
        result = self.download("missing")
        self.check(result, 1)
        self.assertIn("the server answered 404", result.stderr)

    def test_removes_an_error_page(self):
        self.check(self.download("error page"), 1)
        self.assertEqual(list(self.downloads.glob("stories15M*")), [])

    def test_removes_wrong_bytes(self):
        result = self.download("wrong bytes")
        self.check(result, 1)
        self.assertIn("expected SHA-256", result.stderr)
        self.assertEqual(list(self.downloads.glob("stories15M*")), [])

    def test_removes_a_part_of_another_file(self):
        self.downloads.mkdir()
        (self.downloads / "stories15M.bin.part").write_bytes(b"other" * 100)
        self.check(self.download("good"), 1)
        self.check(self.download("good"), 0)

    def test_prints_the_checksum_if_none_is_known(self):
        result = self.download("good", model="stories42M")
        self.check(result, 0, model="stories42M")
        self.assertIn("no checksum is known", result.stdout)
        self.assertIn(hashlib.sha256(MODEL).hexdigest(), result.stdout)

    def test_removes_a_file_that_is_not_a_model(self):
        self.write_program(accepts=False)
        self.check(self.download("error page", model="stories110M"), 1, model="stories110M")
        self.assertEqual(list(self.downloads.glob("stories110M*")), [])

    def test_refuses_an_unknown_model(self):
        self.assertEqual(self.download("good", model="stories7B").returncode, 64)


if __name__ == "__main__":
    unittest.main()
