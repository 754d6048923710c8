"""Checks the documents; check-docs.sh builds the programs and runs this.

In ```sh and ```console blocks it runs every command. `make` and `swift` run in the checkout, other commands in a
temporary folder that links to all its files, so that what they write disappears. In a console block, the lines
after a command are its transcript. Spaces, line breaks, speeds and sizes may differ; `…` stands for any lines.
A command whose transcript ends in an error must fail, every other one must succeed.
Commands in `backticks` run as well, and so does every option in a table of options, with full-llama.
The address of a view in `page.html#…` needs that page, written by a command before, with the view and the line.
A relative link must lead to a file or heading. A link to a line needs its text, if in backticks, on that line."""

import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = {'README.md': 199}
COLUMNS = 100  # longer lines of a transcript are broken at spaces
SKIPPED = {  # a command that matches is not run, for this reason
    r'apt-get|brew |git clone|pip install|docker |^make stories|download\.sh': 'needs the network',
    r'^make check-portable': 'needs root, and minutes',
    r'^make (test|bench|fuzz|soak)|^swift test|^\.ci/run|^full-llama bench(?!.*stories260K)|^python3? .*train\.py': 'takes minutes',
    r'pip download|^tar |^cmake |^export |^ggml-rpc|^llama-completion|LLAMA_CPP=|^vllm': 'needs llama.cpp or vLLM',
    r'formats\.py': 'takes a minute',
    r'^make check-docs|^Scripts/check-docs': 'is this program',
}
PROGRAMS = r'(?:make|swift|compact-llama|full-llama|llama-weights|python3|apt-get|docker) [^`]+'
OPTION = 'full-llama --seqlength 16 '  # runs an option
INPUTS = r'(?:-w|-t|-f|--perplexity|--beside|--weights|--tokenizer|info|convert|convert\.py|plot\.py) ([\w./-]*\w)'
ENVIRONMENT = {'COLUMNS': '80', 'PATH': f'{ROOT}/.build/release:{os.environ["PATH"]}'}
MEASURES = r'--timer|--reportmem|bench'  # a transcript of these is compared without its numbers
FAILURE = r'Error: |make: \*\*\* '  # begins the last line of a command that fails
MEASURED = r'[\d.,]+(?= (?:tok/s|ms|kB|MB|GB|GB/s|GFLOP/s)\b)'


def skip_reason(command, folder):
    for pattern, reason in SKIPPED.items():
        if re.search(pattern, command.removeprefix('.build/release/')):
            return reason
    missing = [path for path in re.findall(INPUTS, command) if not (Path(folder) / path).exists()]
    return f'needs {missing[0]}' if missing else None


def run(command, folder, must_fail=False):
    """The lines that a command prints, without those of a build; an unexpected exit code raises an error."""
    in_checkout = re.match(r'make|swift', command)
    result = subprocess.run(
        ['bash', '-c', command], cwd=ROOT if in_checkout else folder, stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, env=os.environ | ENVIRONMENT)
    output = re.sub(r'\[Makefile:\d+: ', '[', result.stdout)
    lines = [line.rstrip() for line in output.split('\n')]
    while lines and not lines[-1]:
        lines.pop()
    built = [i for i, line in enumerate(lines) if re.match(r'Build .*complete!', line)]
    if built and in_checkout:
        lines = lines[built[-1] + 1:]
    if (result.returncode != 0) != must_fail:
        raise ValueError(f'exit code {result.returncode}: ' + ' / '.join(lines[-3:]))
    return lines


def masked(text, command):
    pattern = r'[\d.,]+(?:–[\d.,]+)?' if re.search(MEASURES, command) else MEASURED
    return ' '.join(re.sub(pattern, '#', text).split())


def agrees(command, expected, found):
    parts = [masked(part, command) for part in '\n'.join(expected).split('…')]
    pattern = '.*'.join(re.escape(part.strip()).replace('\\ ', ' ') for part in parts)
    return re.fullmatch(pattern.replace('.* ', '.*').replace(' .*', '.*'), masked('\n'.join(found), command))


def wrapped(lines):
    """Lines as a transcript shows them: text broken at spaces, tables as they are."""
    for line in lines:
        is_text = len(line) > COLUMNS and '  ' not in line
        yield from textwrap.wrap(line, COLUMNS, break_on_hyphens=False) if is_text else [line]


def transcript(command, expected, found):
    """What was found, with `…` between the same lines as before."""
    def place(line):
        places = [i for i, other in enumerate(found) if masked(other, command) == masked(line, command)]
        if not places:
            raise ValueError(f'the line beside … is missing now: {line}')
        return places[0]

    lines, start = [], 0
    for i, line in enumerate(expected):
        if line == '…':
            end = place(expected[i - 1]) + 1 if i > 0 else 0
            lines += [*wrapped(found[start:end]), '…']
            start = place(expected[i + 1]) if i + 1 < len(expected) else len(found)
    return lines + list(wrapped(found[start:]))


def commands(block):
    """The commands of a block with their transcripts: (command, lines of the command, lines after it)."""
    is_console = block[0] == '```console'
    pending, found = [], []
    for line in block[1:]:
        if pending or not is_console or line.startswith('$ '):
            if line.strip() and not line.startswith('#'):
                pending.append(line)
                if not line.endswith('\\'):
                    text = ' '.join(part.removesuffix('\\').strip() for part in pending)
                    text = text.removeprefix('$ ') if is_console else re.sub(r'\s+#.*', '', text)
                    found.append((text, pending, []))
                    pending = []
        elif found:
            found[-1][2].append(line)
    return found


class Checker:
    def __init__(self, is_updating, folder):
        self.is_updating, self.folder = is_updating, folder
        self.inline = set()  # commands in backticks that have run
        self.counts = {'ok': 0, 'updated': 0, 'skipped': 0, 'WRONG': 0}

    def report(self, outcome, what, *details):
        self.counts[outcome] += 1
        print(f'{outcome:8}{what}', *details, sep='\n        ', flush=True)

    def check(self, path):
        name, lines = str(path.relative_to(ROOT)), path.read_text().split('\n')
        print(f'{name}:')
        result, i, has_options = [], 0, False
        while i < len(lines):
            if not lines[i].startswith('```'):
                has_options = lines[i].startswith('|') and (has_options or lines[i].startswith('| option |'))
                self.code(re.sub(r'\[[^]]*\]\([^)]*\)', '', lines[i]), has_options)
                result.append(self.links(path, lines[i]))
                i += 1
                continue
            end = lines.index('```', i + 1)
            result += [*self.block(lines[i:end]), '```']
            i = end + 1
        if len(result) - 1 > MAX_LINES.get(name, 10000):
            self.report('WRONG', f'{name}: expected at most {MAX_LINES[name]} lines, found {len(result) - 1}')
        if self.is_updating and result != lines:
            path.write_text('\n'.join(result))

    def block(self, block):
        if block[0] not in ('```sh', '```console'):
            return block
        lines = block[:1]
        for command, written, expected in commands(block):
            lines += written + self.command(command, expected)
        return lines if block[0] == '```console' else block

    def code(self, line, has_options):
        """Runs the commands and options in the backticks of a line."""
        found = re.findall(f'`({PROGRAMS})`', line)
        if has_options:
            found += [OPTION + option for option in re.findall('`(-[^`]+)`', line.split('|')[1])]
        for command in found:
            if command not in self.inline:
                self.command(command, [])
            self.inline.add(command)
        for page, fragment in re.findall(r'`(\w+\.html)#([^`]+)`', line):
            self.view(Path(self.folder) / page, fragment)

    def view(self, page, fragment):
        """Checks the address of a view in a report."""
        text = page.read_text() if page.exists() else ''
        fields = dict(part.split('=') for part in fragment.split('&'))
        is_right = f'{fields["view"]}: "' in text and (
            'line' not in fields or f'"name":"{fields["line"]}"' in text)
        self.report('ok' if is_right else 'WRONG', f'{page.name}#{fragment}')

    def command(self, command, expected):
        """Runs a command, and returns the transcript that it should have."""
        if reason := skip_reason(command, self.folder):
            self.report('skipped', f'$ {command}', reason)
            return expected
        try:
            found = run(command, self.folder, bool(expected and re.match(FAILURE, expected[-1])))
            is_right = not expected or agrees(command, expected, found)
            if is_right or self.is_updating:
                self.report('ok' if is_right else 'updated', f'$ {command}')
            else:
                self.report('WRONG', f'$ {command}', *(
                    line for line in difflib.ndiff(expected, list(wrapped(found))) if line[0] != '?'))
            if expected and self.is_updating:
                expected = transcript(command, expected, found)  # with the figures of this run
        except (ValueError, subprocess.TimeoutExpired) as error:
            self.report('WRONG', f'$ {command}', str(error))
        return expected

    def links(self, path, line):
        def replace(match):
            text, target = match.groups()
            if re.match(r'\w+:|\.\./\.\./actions/', target):  # elsewhere, or a page of GitHub
                return match[0]
            file, _, anchor = target.partition('#')
            file_path = path.parent / file if file else path
            if not file_path.exists():
                self.report('WRONG', f'a link to {target}, which does not exist')
            elif number := re.fullmatch(r'L(\d+)', anchor):
                line = self.line(text, file_path, int(number[1]))
                return f'[{text}]({file}#L{line})'
            elif anchor and anchor not in headings(file_path):
                self.report('WRONG', f'a link to {target}: no such heading')
            return match[0]
        return re.sub(r'\[((?:`[^`]*`|[^]`])*)\]\(([^)\s]+)\)', replace, line)

    def line(self, text, path, number):
        """The number of the line that a link should lead to: the nearest that contains the text."""
        lines = path.read_text().split('\n')
        if not re.fullmatch(r'`[^`]+`', text):
            if number > len(lines):
                self.report('WRONG', f'a link to line {number} of {path.name}, which has {len(lines)}')
            return number
        places = [i for i, line in enumerate(lines, 1) if text[1:-1] in line]
        if not places:
            self.report('WRONG', f'{text} is not in {path.name}')
        elif number not in places:
            self.report('updated' if self.is_updating else 'WRONG', f'{text} is not on line {number} of {path.name}')
            return min(places, key=lambda place: abs(place - number))
        return number


def headings(path):
    titles = re.findall(r'^#+ (.*)', path.read_text(), re.M)
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles}


def main():
    parser = argparse.ArgumentParser(description='Checks the documents of this project.')
    parser.add_argument('--update', action='store_true', help='rewrite all transcripts, and the line numbers in links')
    parser.add_argument('documents', nargs='*', type=Path, help='(default: README.md, CONTRIBUTING.md, all of docs)')
    options = parser.parse_args()
    documents = [document.resolve() for document in options.documents] or [
        ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))]
    with tempfile.TemporaryDirectory() as folder:
        for entry in ROOT.iterdir():
            if entry.suffix != '.html':  # written by `make report`; a report does not replace a link
                (Path(folder) / entry.name).symlink_to(entry)
        checker = Checker(options.update, folder)
        for document in documents:
            checker.check(document)
    print(', '.join(f'{count} {outcome}' for outcome, count in checker.counts.items()))
    sys.exit(checker.counts['WRONG'] > 0)


main()
