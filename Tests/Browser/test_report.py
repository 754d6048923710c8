# Tests the page of full-llama's --report in a real browser: its numbers beside the trace's, every view, the
# keyboard, narrow and wide windows, light and dark, saving, and texts that try to become a part of the page.
# It needs the built full-llama, Chromium and playwright (pip install playwright); `make test` runs it.
#
#   python3 Tests/Browser/test_report.py

import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PROGRAM = next((p for p in (ROOT / f".build/{kind}/full-llama" for kind in ("debug", "release")) if p.exists()), None)
VIEWS = ["code", "tokens", "attention", "lens", "architecture", "time", "compare"]
HOSTILE = "</script><script>window.hit=1</script><img src=x onerror=window.hit=1>\" ' & \u202eabc\u0007\u2028 \u00e9\U0001f600 {{json}}"


def make(folder, name, *options):
    """Writes a page, and returns its path."""
    path = folder / f"{name}.html"
    subprocess.run([PROGRAM, *options, "--report", path], check=True, cwd=ROOT, capture_output=True)
    return path


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        other, cls.trace = cls.folder / "other.jsonl", cls.folder / "trace.jsonl"
        subprocess.run([PROGRAM, "-i", "Once upon a day", "--seqlength", "20", "--trace", other], check=True, cwd=ROOT,
                       capture_output=True)
        options = ["-i", "Once upon a time", "--seqlength", "24"]
        cls.page_path = make(cls.folder, "page", *options, "--trace", cls.trace, "--compare", other, "--tolerance", "1e9")
        cls.hostile = make(cls.folder, "hostile", "-i", HOSTILE, "--seqlength", "128")
        cls.sampled = make(cls.folder, "sampled", "--temperature", "1.2", "--top-p", "0.8", "--seed", "3", "--seqlength", "40")
        cls.long = make(cls.folder, "long", "-i", "the red ball and " * 63, "--seqlength", "256")
        cls.records = [json.loads(line) for line in cls.trace.read_text().splitlines()]
        cls.playwright = sync_playwright().start()
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()
        shutil.rmtree(cls.folder)

    def open(self, path, fragment="", width=1280, height=800, scheme="light"):
        """A page whose console errors fail the test."""
        page = self.browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
        self.errors = []
        page.on("console", lambda message: message.type in ("error", "warning") and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append("a dialog") or dialog.dismiss())
        page.goto(f"file://{path}#{fragment}")
        self.addCleanup(page.context.close)
        return page

    def test_every_view_opens_without_errors_at_every_size(self):
        for path in (self.page_path, self.hostile, self.sampled, self.long):
            for width, height, scheme in ((1920, 1080, "light"), (1280, 800, "dark"), (390, 844, "light"), (390, 844, "dark")):
                page = self.open(path, "", width, height, scheme)
                for view in VIEWS:
                    page.goto(f"file://{path}#view={view}&token=3")
                    page.wait_for_selector(f"nav a[data-view={view}][aria-current]")
                    self.assertGreater(len(page.inner_text("main")), 100)
                    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    self.assertLessEqual(overflow, 0, f"{view} is wider than {width} pixels")
                background = page.evaluate("getComputedStyle(document.body).backgroundColor")
                self.assertEqual(background == "rgb(255, 255, 255)", scheme == "light")
                self.assertEqual(self.errors, [])
                page.context.close()

    def test_ranges_are_the_trace_s(self):
        page = self.open(self.page_path)
        steps = page.evaluate("steps.filter(step => step.stage).map(step => [step.name, step.stage, step.part])")
        by_stage = {stage: (name, part) for name, stage, part in steps}
        for record in self.records:
            if record["position"] % 7 != 3:
                continue
            parts = record["stage"].split(".")
            name, part = by_stage[parts[-1]]
            layer = parts[1] if part == "layer" else 0
            page.goto(f"file://{self.page_path}#view=code&token={record['position']}&layer={layer}&line={name}")
            text = page.inner_text("section.pane dd.mono")
            low, high = (float(x) for x in text.split(" … "))
            largest = max(map(abs, record["values"]))
            self.assertLessEqual(abs(low - min(record["values"])), 2e-6 * largest, record["stage"])
            self.assertLessEqual(abs(high - max(record["values"])), 2e-6 * largest, record["stage"])
            shape = "[" + ", ".join(map(str, record["shape"])) + "]"
            self.assertIn(shape.strip("[]"), page.inner_text("section.pane .shape"))

    def test_values_are_the_trace_s(self):
        page = self.open(self.page_path, "view=code&token=10&layer=2&line=residual_attention")
        page.click("section.pane summary")
        record = next(r for r in self.records if r["position"] == 10 and r["stage"] == "layers.2.residual_attention")
        rows = page.locator("section.pane table tbody tr").all_inner_texts()
        self.assertEqual(len(rows), len(record["values"]))  # a short run keeps all values
        step = (max(record["values"]) - min(record["values"])) / 510
        for row in rows:
            index, value = row.split("\t")
            self.assertLessEqual(abs(float(value) - record["values"][int(index)]), 1.01 * step)

    def test_candidates_are_the_logits_softmax(self):
        page = self.open(self.page_path, "view=tokens&token=12")
        logits = next(r for r in self.records if r["position"] == 11 and r["stage"] == "logits")["values"]
        powers = [math.exp(x - max(logits)) for x in logits]
        shares = [p / sum(powers) for p in powers]
        order = sorted(range(len(shares)), key=lambda i: -shares[i])[:10]
        page.locator("section.pane summary").last.click()
        rows = [row.split("\t") for row in page.locator("section.pane table tbody tr").all_inner_texts()]
        self.assertEqual([int(row[2]) for row in rows], order)
        for row, token in zip(rows, order):
            self.assertAlmostEqual(float(row[3]) / shares[token], 1, delta=1e-4)
        entropy = -sum(p * math.log2(p) for p in shares if p > 0)
        self.assertAlmostEqual(float(page.inner_text("section.pane dl").split("entropy")[1].split()[0]), entropy, delta=1e-4)

    def test_shares_sum_to_1_and_the_pointer_shows_them(self):
        page = self.open(self.page_path, "view=attention&token=15&layer=1&head=2")
        page.click("main summary")
        rows = [row.split("\t") for row in page.locator("main table tbody tr").all_inner_texts()]
        self.assertEqual(len(rows), 16)
        self.assertAlmostEqual(sum(float(row[2]) for row in rows), 1, delta=1e-3)
        box = page.locator(".area canvas").bounding_box()
        cell = box["width"] / 24
        page.mouse.move(box["x"] + 4.5 * cell, box["y"] + 15.5 * cell)
        text = page.inner_text(".under")
        self.assertIn("(15) to ", text)
        self.assertIn("(4): ", text)
        self.assertAlmostEqual(float(text.split("(4): ")[1].split(" %")[0]), 100 * float(rows[4][2]), delta=0.06)
        page.mouse.move(box["x"] + 20.5 * cell, box["y"] + 15.5 * cell)
        self.assertIn("masked", page.inner_text(".under"))

    def test_the_lens_ends_with_the_model_s_prediction(self):
        page = self.open(self.page_path, "view=lens")
        last = page.locator("td.last").all_inner_texts()
        for position, text in enumerate(last):
            logits = next(r for r in self.records if r["position"] == position and r["stage"] == "logits")["values"]
            token = page.evaluate(f"label({logits.index(max(logits))})")
            self.assertTrue(text.startswith(token), f"{text} at {position}")
        page.set_viewport_size({"width": 390, "height": 844})
        self.assertLess(page.locator("td.last").first.bounding_box()["x"], 390)

    def test_arrow_keys_follow_the_order_of_execution(self):
        page = self.open(self.page_path, "view=code&token=5&layer=0&line=frequencies")
        steps = page.evaluate("steps.map(step => [step.name, step.part])")
        inner = [name for name, part in steps if part == "layer"]
        expected = [(0, name) for name, part in steps if part == "first"]
        expected += [(layer, name) for layer in range(3) for name in inner]
        expected += [(2, name) for name, part in steps if part == "last"]
        for key, order in (("ArrowDown", expected), ("ArrowUp", expected[::-1])):
            for layer, name in order:
                self.assertEqual(page.evaluate("[state.layer, state.line]"), [layer, name])
                current = page.locator("li[aria-current=step]")
                self.assertEqual(current.count(), 1)
                self.assertEqual(current.locator(".tensor").get_attribute("data-step"), name)
                page.keyboard.press(key)
        self.assertEqual(self.errors, [])

    def test_the_keyboard_reaches_everything(self):
        page = self.open(self.page_path, "view=code&token=5")
        for number, view in enumerate(VIEWS, 1):
            page.keyboard.press(str(number))
            self.assertEqual(page.evaluate("state.view"), view)
        page.keyboard.press("3")
        for key, name, value in (("ArrowRight", "token", 6), ("ArrowLeft", "token", 5), ("]", "layer", 1), (".", "head", 1),
                                 ("[", "layer", 0), (",", "head", 0)):
            page.keyboard.press(key)
            self.assertEqual(page.evaluate(f"state.{name}"), value)
        for view in VIEWS:
            page.goto(f"file://{self.page_path}#view={view}")
            reached = set()
            for _ in range(60):
                page.keyboard.press("Tab")
                reached.add(page.evaluate("document.activeElement.closest('nav, .controls, main')?.className + document.activeElement.tagName"))
            self.assertTrue(any(name.endswith("A") for name in reached) and any(name.endswith("INPUT") for name in reached))
            names = page.evaluate("[...document.querySelectorAll('button, a, input, canvas, main svg')].filter(node => "
                                  "!(node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.length || node.title)).length")
            self.assertEqual(names, 0, f"{view} has controls or pictures without a name")

    def test_a_table_stands_behind_every_picture(self):
        page = self.open(self.page_path)
        for view in VIEWS:
            page.goto(f"file://{self.page_path}#view={view}&token=6&layer=1&line=q")
            for summary in page.locator("main summary").all():
                summary.click()
            page.wait_for_selector("main table tbody tr")
            self.assertGreater(page.locator("main table tbody tr").count(), 2, view)

    def test_a_link_and_a_reload_show_the_same(self):
        fragment = "view=attention&token=7&layer=2&head=3&line=mixed"
        page = self.open(self.page_path, fragment)
        before = page.inner_text("main")
        self.assertTrue(page.url.endswith(fragment))
        page.reload()
        self.assertEqual(page.inner_text("main"), before)
        self.assertEqual(page.evaluate("[state.view, state.token, state.layer, state.head, state.line]"), ["attention", 7, 2, 3, "mixed"])
        for odd in ("", "view=none&token=-1&layer=x", "token=9999&layer=99&head=99&line=%3Cscript%3E", "line=attention.wq"):
            page.goto(f"file://{self.page_path}#{odd}")
            page.wait_for_selector("main *")
        self.assertEqual(page.evaluate("state.line"), "wq")
        self.assertEqual(self.errors, [])
        page.goto(f"file://{self.page_path}#view=architecture&token=5")
        page.click("a[aria-label^='softmax'], a[aria-label^='shares']")
        self.assertEqual(page.evaluate("[state.view, state.line, state.token]"), ["code", "shares", 5])
        page.go_back()
        self.assertEqual(page.evaluate("state.view"), "architecture")

    def test_two_runs_stand_side_by_side(self):
        page = self.open(self.page_path, "view=compare")
        text = page.inner_text("main")
        self.assertIn("The texts part at position 4", text)
        self.assertIn("Once upon a day", text)

    def test_top_p_s_cut_is_shown(self):
        page = self.open(self.sampled, "view=tokens")
        cuts = 0
        for position in range(1, 30):
            page.goto(f"file://{self.sampled}#view=tokens&token={position}")
            nucleus = page.evaluate(f"prediction({position - 1}).nucleus")
            shares = page.evaluate(f"prediction({position - 1}).candidates.map(c => c.probability)")
            if 0 < nucleus < 10:
                cuts += 1
                self.assertGreater(sum(shares[:nucleus]), 0.8)
                self.assertLessEqual(sum(shares[:nucleus - 1]), 0.8)
                self.assertIn(f"{nucleus} of 1088 tokens remain", page.inner_text(".cut"))
        self.assertGreater(cuts, 0)

    def test_views_are_saved_as_svg_and_png(self):
        for path in (self.page_path, self.hostile):
            for view in VIEWS:
                # a new page: the browser may hold back the tenth file of one
                page = self.open(path, f"view={view}&token=6&layer=1&line=q")
                for kind in ("SVG", "PNG"):
                    with page.expect_download() as download:
                        page.click(f"text=Save {kind}")
                    data = pathlib.Path(download.value.path()).read_bytes()
                    self.assertEqual(download.value.suggested_filename, f"full-llama-{view}.{kind.lower()}")
                    if kind == "SVG":
                        image = xml.dom.minidom.parseString(data)
                        self.assertFalse(image.getElementsByTagName("script"))
                        continue
                    self.assertTrue(data.startswith(b"\x89PNG"))
                    self.assertGreater(len(data), 20_000, f"the picture of {view} is empty")
                self.assertEqual(self.errors, [])

    def test_texts_are_shown_and_never_run(self):
        page = self.open(self.hostile)
        for view in VIEWS:
            page.goto(f"file://{self.hostile}#view={view}&token=4")
            page.wait_for_timeout(50)
            self.assertIsNone(page.evaluate("window.hit ?? null"))
            self.assertEqual(page.locator("img").count(), 0)
            self.assertEqual(page.locator("script").count(), 3)
        self.assertEqual(self.errors, [])
        text = page.inner_text("header")
        self.assertIn("</script><script>window.hit=1</script>", text)
        self.assertIn("⟨U+202E⟩", text)
        self.assertNotIn("\u202e", page.inner_text("body"))
        # a script or a handler that got into the page nevertheless does not run
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.hit = 1' }))")
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<b id=bad onclick=\"window.hit = 1\">x</b>'); document.getElementById('bad').click()")
        page.evaluate("fetch('https://example.org').catch(() => 0)")
        self.assertIsNone(page.evaluate("window.hit ?? null"))
        self.assertGreaterEqual(len(self.errors), 2)

    def test_print_is_light(self):
        page = self.open(self.page_path, "view=code", scheme="dark")
        page.emulate_media(media="print")
        self.assertEqual(page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        self.assertEqual(page.evaluate("getComputedStyle(document.querySelector('nav')).display"), "none")
        self.assertGreater(len(page.pdf()), 20_000)

    def test_the_time_of_a_change_of_head_is_reported(self):
        page = self.open(self.long, "view=attention&token=200")
        times = page.evaluate("""() => [1, 2, 3, 4].map(head => {
            const start = performance.now();
            go({ head });
            document.body.getBoundingClientRect();
            return performance.now() - start;
        })""")
        size = self.long.stat().st_size / 1e6
        tokens = page.evaluate("count")
        print(f"\n{tokens} tokens, {size:.2f} MB: a change of head takes {max(times):.0f} ms at most", file=sys.stderr)


if __name__ == "__main__":
    missing = [name for name, found in (("playwright", sync_playwright), ("Chromium", CHROMIUM), ("the built full-llama", PROGRAM)) if not found]
    if missing:
        print(f"skipped: the test of the report's page needs {' and '.join(missing)}")
        sys.exit(0)
    unittest.main(verbosity=1)
