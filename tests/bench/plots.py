# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws what bench.csv says with gnuplot, as SVG beside it: how far each figure is from its target,
and the rates of all that took part."""

import csv
import os
import subprocess

TARGETS = """
set terminal svg size 900,{height} dynamic background 'white'
set output '{output}'
set title '{machine}' noenhanced font ',10'
set style fill solid
set logscale x
set xlabel 'times better than the target (1: reached)'
set grid x
unset key
set yrange [-0.7:{rows}-0.3]
set ytics noenhanced font ',9'
set lmargin 46
set arrow from 1, graph 0 to 1, graph 1 nohead lw 2
plot '-' using (1):0:(1):2:($0-0.35):($0+0.35):($2 < 1 ? 0xcc4444 : 0x448844):ytic(1) \\
    with boxxyerror lc rgb variable
{data}
e
"""

RATES = """
set terminal svg size 900,420 dynamic background 'white'
set output '{output}'
set title '{machine}' noenhanced font ',10'
set style fill solid
set logscale y
set ylabel 'lines, deliveries, connections a second'
set grid y
unset key
set xtics noenhanced rotate by -25 font ',9'
set boxwidth 0.7
set bmargin 6
plot '-' using 0:2:xtic(1) with boxes lc rgb 0x4466aa
{data}
e
"""


def read(path):
    """(the machine, the lines)"""
    with open(path, encoding="utf-8", newline="") as file:
        machine = file.readline()[2:].strip()
        return machine, list(csv.DictReader(file))


def margin(line):
    """How many times better than its target; None where there is none or it says nothing."""
    word, _, bound = line["target"].rpartition(" ")
    figure, bound = float(line["ratio"] or line["figure"] or 0), bound.replace(",", "")
    if not word or figure <= 0 or float(bound) <= 0:
        return None
    return figure / float(bound) if word == "at least" else float(bound) / figure


def label(line):
    text = f"{line['row']}: {line['case']}" + (f" / {line['rival']}" if line["rival"] else "")
    return text.replace('"', "")


def rates(lines):
    """(who and what, lines a second), each once."""
    found = {}
    for line in lines:
        if line["unit"].endswith("/s") and line["figure"]:
            found[f"{line['row']} {line['case']}: hashflow"] = float(line["figure"])
            if line["rival"]:
                found[f"{line['row']} {line['case']}: {line['rival']}"] = float(
                    line["rival_figure"])
    return found


def gnuplot(script):
    subprocess.run(["gnuplot"], input=script, text=True, check=False)


def draw(path, bench):
    if not bench.needs("gnuplot"):
        return
    machine, lines = read(path)
    base = os.path.splitext(path)[0]
    margins = [(label(line), margin(line)) for line in lines if margin(line) is not None]
    if margins:
        data = "\n".join(f'"{name}" {value:.6g}' for name, value in reversed(margins))
        gnuplot(TARGETS.format(output=f"{base}-targets.svg", machine=machine.replace("'", ""),
                               height=80 + 22 * len(margins), rows=len(margins), data=data))
    found = rates(lines)
    if found:
        data = "\n".join(f'"{name}" {value:.6g}' for name, value in found.items())
        gnuplot(RATES.format(output=f"{base}-rates.svg", machine=machine.replace("'", ""),
                             data=data))
