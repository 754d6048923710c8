"""Plots the results of `full-llama bench --json`:

    python3 Benchmarks/plot.py RESULTS.json [MORE.json ..] Benchmarks/speed.svg --model 15M --threads 2
    python3 Benchmarks/plot.py RESULTS.json [MORE.json ..] Benchmarks/speed-all.svg

Each model has two panels: prefill over the prompt, decode over the position. Lines are named at their ends. Points are
medians, bars reach from the slowest to the fastest repeat, dashes are the machine's limit."""

import argparse
import json
from math import log10
from pathlib import Path
from statistics import median

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator

KEYS = {'program', 'model', 'element', 'threads', 'test', 'rates', 'rate', 'workPerToken', 'limits'}
# after Okabe and Ito: colour-blind readers can tell them apart
COLORS = {'CompactLlama': '#0072b2', 'llama.cpp': '#d55e00', 'run.c': '#00795a', 'numpy': '#a8518a', 'limit': '#666666'}
MARKERS = {'CompactLlama': 'o', 'llama.cpp': '^', 'run.c': 's', 'numpy': 'D'}
PANELS = {'prefill of': ('Prefill', 'tokens of the prompt'), 'decode at': ('Decode', 'position')}
STYLE = {
    'svg.hashsalt': 'CompactLlama', 'svg.fonttype': 'none', 'font.family': 'sans-serif', 'font.size': 9,
    'axes.titlelocation': 'left', 'axes.titleweight': 'bold', 'axes.titlesize': 10, 'axes.spines.top': False,
    'axes.spines.right': False, 'axes.edgecolor': '#888888', 'axes.grid': True, 'axes.axisbelow': True,
    'grid.color': '#e9e9e9', 'lines.linewidth': 1.8, 'lines.markersize': 5,
    'xtick.major.size': 0, 'ytick.major.size': 0}


def grouped(rows, *keys):
    """Groups the rows by the values of these keys."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def spread(heights, gap):
    """Moves sorted heights until neighbours are at least a gap apart."""
    for _ in range(200):
        for i in range(len(heights) - 1):
            push = max(0, gap - heights[i + 1] + heights[i]) / 2
            heights[i], heights[i + 1] = heights[i] - push, heights[i + 1] + push
    return heights


def allowed(row):
    """The tokens per second at the machine's limit."""
    return median(row['limits']) * 1e9 / row['workPerToken']


def threads_of(row):
    return f'{row["threads"]} thread{"s" * (row["threads"] > 1)}'


def lines(rows):
    """The lines of a panel: a name, a program, the rows and their heights."""
    detailed = [key for key in ('element', 'threads') if len(grouped(rows, key)) > 1]
    for group in grouped(rows, 'label', *detailed).values():
        settings = ', '.join(threads_of(group[0]) if key == 'threads' else group[0][key] for key in detailed)
        name = f'{group[0]["label"]} {settings}'.strip()
        yield name, group[0]['program'], group, [row['rate'] for row in group]
        if group[0]['program'] == 'CompactLlama':
            yield f'limit {settings}'.strip(), 'limit', group, [*map(allowed, group)]


def panel(axes, rows, title):
    kind, ends = PANELS[rows[0]['kind']], []
    order = [*grouped(sorted(rows, key=lambda row: (row['element'] != 'F32', -row['threads'])), 'element', 'threads')]
    for name, program, group, heights in lines(rows):
        x, color = [row['number'] for row in group], COLORS[program]
        weaker = order.index((group[0]['element'], group[0]['threads'])) / len(order)  # further settings are paler
        style = {'color': color, 'alpha': 1 - 0.6 * weaker}
        if program == 'limit':
            axes.plot(x, heights, linestyle=(0, (3, 2)), linewidth=1, **style)
        else:
            bars = [[y - min(row['rates']) for row, y in zip(group, heights)],
                    [max(row['rates']) - y for row, y in zip(group, heights)]]
            axes.errorbar(x, heights, bars, marker=MARKERS[program], elinewidth=1, **style)
        ends.append((log10(heights[-1]), name, color))
    axes.set(title=f'{kind[0]}{title}', xlabel=kind[1], xscale='log', yscale='log')
    ticks = []
    for x in sorted({row['number'] for row in rows}, reverse=True):
        if not ticks or ticks[-1] / x > 2.5:
            ticks.append(x)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(lambda x, _: f'{x:,.0f}')
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 300 else (1,)))
    axes.yaxis.set_major_formatter(lambda y, _: f'{y:,g}')
    axes.minorticks_off()
    gap = log10(high / low) / 17
    ends.sort()
    for height, (_, name, color) in zip(spread([end[0] for end in ends], gap), ends):
        axes.text(1.02, 10 ** height, name, color=color, va='center', transform=axes.get_yaxis_transform())


def draw(rows, models):
    rows = sorted(rows, key=lambda row: row['number'])
    kinds = [kind for kind in PANELS if (kind,) in grouped(rows, 'kind')]
    figure = Figure((4.8 * len(kinds), 3.4 * len(models)), layout='constrained', facecolor='white')
    for model, line in zip(models, figure.subplots(len(models), len(kinds), squeeze=False)):
        for kind, axes in zip(kinds, line):
            chosen = [row for row in rows if (row['model'], row['kind']) == (model, kind)]
            if not chosen:
                axes.set_axis_off()
                continue
            settings = {f'{row["element"]}, {threads_of(row)}' for row in chosen}
            panel(axes, chosen, f', {model}' + (f', {settings.pop()}' if len(settings) == 1 else ''))
        line[0].set_ylabel('tokens per second')
    return figure


def read(path):
    """The results, with the kind of each test, its number of tokens and the program's name in the picture."""
    try:
        rows = json.loads(path.read_text())
        for row in rows:
            row['kind'], _, number = row['test'].rpartition(' ')
            row['number'] = int(number)
            row['label'] = row['binding'] if row.get('binding') == 'llama-cpp-python' else row['program']
        valid = rows and all(KEYS <= row.keys() and row['program'] in MARKERS and row['kind'] in PANELS for row in rows)
    except (ValueError, TypeError, KeyError, AttributeError):
        valid = False
    if not valid:
        raise ValueError(f'{path}: expected the output of full-llama bench --json')
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('results', type=Path, nargs='+', metavar='RESULTS.json')
    parser.add_argument('output', type=Path, metavar='SPEED.svg')
    parser.add_argument('--model', help='only this model')
    parser.add_argument('--threads', type=int, help='only this number of threads')
    options = parser.parse_args()
    matplotlib.rcParams.update(STYLE)
    try:
        rows = [row for path in options.results for row in read(path)
                if options.model in (None, row['model']) and options.threads in (None, row['threads'])]
        figure = draw(rows, [model for model, in grouped(rows, 'model')])
        figure.savefig(options.output, format='svg', metadata={'Date': None})
    except (ValueError, OSError) as error:
        raise SystemExit(f'Error: {error}') from None


if __name__ == '__main__':
    main()
