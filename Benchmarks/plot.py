"""Plots the results of `full-llama bench`: `python3 Benchmarks/plot.py RESULTS.json [MORE.json ..] SPEED.svg`.

RESULTS.json is the output of `full-llama bench --json`, with or without other programs. Points are medians, error
bars reach from the slowest to the fastest repeat. The same results give the same file."""

import argparse
import json
import os
from math import log10
from pathlib import Path
from statistics import mean, median

import matplotlib
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

KEYS = {'program', 'model', 'element', 'threads', 'test', 'rates', 'rate', 'workPerToken', 'limits'}
HUES = {'F32': ('#8fbde8', '#174f91'), 'BF16': ('#f7b977', '#b34700'), 'F16': ('#8ed1a5', '#166b38')}
MARKERS = {'CompactLlama': 'o', 'llama.cpp': '^', 'numpy': 's'}
LIMIT = {'linewidth': 0.7, 'dashes': (4, 2)}
STYLE = {
    'svg.hashsalt': 'CompactLlama', 'svg.fonttype': 'none', 'font.size': 7.5, 'axes.titlesize': 8.5,
    'axes.titlelocation': 'left', 'axes.spines.top': False, 'axes.spines.right': False, 'axes.linewidth': 0.6,
    'axes.edgecolor': '#888888', 'axes.grid': True, 'axes.axisbelow': True, 'grid.color': '#e9e9e9',
    'grid.linewidth': 0.6, 'lines.linewidth': 1.2, 'lines.markersize': 3.5, 'xtick.major.size': 0,
    'ytick.major.size': 0}


def grouped(rows, *keys):
    """Groups the rows by the values of these keys."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def own(rows):
    return [row for row in rows if row['program'] == 'CompactLlama']


def color_of(row, threads):
    """A hue for the element type, darker with more threads."""
    shades = LinearSegmentedColormap.from_list('', HUES[row['element']])
    return shades((threads.index(row['threads']) + 1e-9) / (len(threads) - 1 + 1e-9))


def points(axes, x, rows, color, line):
    low, high = zip(*((row['rate'] - min(row['rates']), max(row['rates']) - row['rate']) for row in rows))
    marker = MARKERS[rows[0]['program']]
    axes.errorbar(x, [row['rate'] for row in rows], (low, high), color=color, marker=marker, linestyle=line,
                  elinewidth=0.8, markeredgewidth=0.8, markerfacecolor=color if marker == 'o' else 'white')


def allowed(row):
    """The tokens per second at the machine's limit."""
    return median(row['limits']) * 1e9 / row['workPerToken']


def limit(axes, x, rows, color):
    axes.plot(x, [*map(allowed, rows)], color=color, marker='' if len(rows) > 1 else '_', **LIMIT)


def finish(axes, title, xlabel, right=0.05):
    """Adds margins, and ticks with plain numbers."""
    axes.set(title=title, xlabel=xlabel, xscale='log', yscale='log')
    box = axes.dataLim
    for axis, low, high, above in ((axes.xaxis, box.x0, box.x1, right), (axes.yaxis, box.y0, box.y1, 0.08)):
        span = max(0.3, log10(high / low))
        set_limits = axes.set_xlim if axis is axes.xaxis else axes.set_ylim
        set_limits(low / 10 ** (0.05 * span), high * 10 ** (above * span))
        axis.set_major_locator(LogLocator(subs=(1,) if axis is axes.xaxis and span > 1.6 else (1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda number, _: f'{number:,g}'))
        axis.set_minor_locator(NullLocator())


def spread(heights, gap):
    """Moves sorted heights until neighbours are at least a gap apart."""
    for _ in range(200):
        for i in range(len(heights) - 1):
            push = max(0, gap - heights[i + 1] + heights[i]) / 2
            heights[i], heights[i + 1] = heights[i] - push, heights[i + 1] + push
    return heights


def curves(axes, rows, threads, title, xlabel):
    """Plots a curve for each model, type and number of threads over positions or prompts, with its limit."""
    decode, ends = rows[0]['kind'] == 'decode at', {}
    for (model, element, _), group in grouped(rows, 'model', 'element', 'threads').items():
        x, color = [row['number'] for row in group], color_of(group[0], threads)
        points(axes, x, group, color, '-')
        if decode or element == rows[0]['element']:  # prefill has the same limit for every type
            limit(axes, x, group, color if decode else '#888888')
        ends.setdefault((model, element), []).append(log10(group[-1]['rate']))
    finish(axes, title, xlabel)
    ticks = sorted({row['number'] for row in rows})
    least = (ticks[-1] / ticks[0]) ** 0.15  # between two ticks
    ticks = [tick for tick, after in zip(ticks, [*ticks[1:], 1e99]) if after / tick > least]
    axes.set_xticks(ticks, ticks)

    # the names beside the curves' ends
    names = sorted((mean(heights), *name) for name, heights in ends.items())
    gap = log10(axes.get_ylim()[1] / axes.get_ylim()[0]) / 20
    for height, (_, model, element) in zip(spread([name[0] for name in names], gap), names):
        text = f'{model} {element}' if len(grouped(rows, 'element')) > 1 else model
        axes.text(1.02, 10 ** height, text, color=HUES[element][1], va='center',
                  transform=axes.get_yaxis_transform())


def sizes(axes, rows, threads):
    """Plots all programs over the bytes to read for a token, with the bandwidth."""
    rows = sorted(rows, key=lambda row: row['workPerToken'])
    for group in grouped(rows, 'program', 'element', 'threads').values():
        points(axes, [row['workPerToken'] / 1e6 for row in group], group, color_of(group[0], threads), '')
    for group in grouped(own(rows), 'threads').values():
        limit(axes, [row['workPerToken'] / 1e6 for row in group], group, '#888888')
    for (model, work), group in grouped(own(rows), 'model', 'workPerToken').items():
        top = max(max(allowed(row), *row['rates']) for row in group)
        color = HUES[group[0]['element']][1]
        axes.annotate(model, (work / 1e6, top), (2, 2), textcoords='offset points', color=color)
    finish(axes, f"Decode at {rows[0]['number']} over the model's size", 'megabytes to read for a token', 0.2)


def legend(figure, rows, threads):
    entries = [
        Line2D([], [], color=color_of(group[0], threads), marker='o',
               label=f'{element}, {count} thread{"s" if count > 1 else ""}')
        for (element, count), group in sorted(grouped(rows, 'element', 'threads').items(), reverse=True)]
    entries.append(Line2D([], [], color='#666666', label='limit of the machine', **LIMIT))
    entries += [
        Line2D([], [], color='#666666', linestyle='', marker=marker, markerfacecolor='white', label=program)
        for program, marker in MARKERS.items() if marker != 'o' and (program,) in grouped(rows, 'program')]
    figure.legend(handles=entries, loc='outside lower center', ncols=min(len(entries), 7), frameon=False)


def draw(rows):
    rows = sorted(rows, key=lambda row: (row['number'], row['threads']))
    threads = sorted({row['threads'] for row in rows})
    decode, prefill = ([row for row in own(rows) if row['kind'] == kind] for kind in ('decode at', 'prefill of'))
    figure = Figure((9, 3.4), layout='constrained', facecolor='white')
    axes = [*figure.subplots(1, 2 * bool(decode) + bool(prefill), squeeze=False)[0]]
    axes[0].set_ylabel('tokens per second')
    if prefill:
        curves(axes.pop(), prefill, threads, 'Prefill over the prompt', 'tokens of the prompt')
    if decode:
        curves(axes[0], decode, threads, 'Decode over the position', 'position')
        sizes(axes[1], [row for row in rows if row['test'] == decode[0]['test']], threads)
    legend(figure, rows, threads)
    return figure


def read(path):
    """The results, with the kind of each test and its number of tokens."""
    try:
        rows = json.loads(path.read_text())
        for row in rows:
            row['kind'], _, number = row['test'].rpartition(' ')
            row['number'] = int(number)
        valid = own(rows) and all(KEYS <= row.keys() and row['program'] in MARKERS and row['element'] in HUES
                                  and row['kind'] in ('decode at', 'prefill of') for row in rows)
    except (ValueError, TypeError, KeyError, AttributeError):
        valid = False
    if not valid:
        raise ValueError(f'{path}: expected the output of full-llama bench --json')
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('results', type=Path, nargs='+', metavar='RESULTS.json')
    parser.add_argument('output', type=Path, metavar='SPEED.svg')
    options = parser.parse_args()
    matplotlib.rcParams.update(STYLE)
    part = Path(f'{options.output}.part')
    try:
        draw([row for path in options.results for row in read(path)]).savefig(part, format='svg', metadata={'Date': None})
        os.replace(part, options.output)
    except (ValueError, OSError) as error:
        raise SystemExit(f'Error: {error}') from None
    finally:
        part.unlink(missing_ok=True)


if __name__ == '__main__':
    main()
