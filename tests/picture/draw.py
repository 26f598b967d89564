#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws what record.py has recorded as an SVG: windows side by side as far as they fit, light or
dark as whoever looks at it likes. The text is text. Knows nothing of what was played.

    PYTHONPATH=tests/lib tests/picture/draw.py <doc/conversation.ansi >doc/conversation.svg
"""

import itertools
import re
import sys

from hashflow_test.screen import Screen

# Pixels. A cell is as wide as in the widest of the usual fonts, so that no line leaves its window.
FONT, CELL, LINE = 14, 8.43, 20
PAD, BAR, GAP, BASELINE = 16, 34, 18, 14
WIDTH = 1296

HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" xml:space="preserve">
<title>{title}</title>
<style>
  text {{ font: {font}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", \
"Liberation Mono", monospace; fill: #24292f }}
  .window {{ fill: #ffffff; stroke: #c5ccd3 }}
  .bar {{ fill: #eef1f4; stroke: #c5ccd3 }}
  .button {{ fill: #c5ccd3 }}
  .name {{ text-anchor: middle; fill: #57606a }}
  .bold {{ font-weight: bold }}
  .dim {{ fill: #6a737d }}
  .red {{ fill: #cf222e }}
  .cursor {{ fill: #8c959f }}
  @media (prefers-color-scheme: dark) {{
    text {{ fill: #d7dde4 }}
    .window {{ fill: #12161c; stroke: #39414b }}
    .bar {{ fill: #1f252d; stroke: #39414b }}
    .button {{ fill: #4b5561 }}
    .name {{ fill: #9aa5b1 }}
    .dim {{ fill: #8a94a0 }}
    .red {{ fill: #ff7b72 }}
    .cursor {{ fill: #b1bac4 }}
  }}
</style>"""

FRAME = """
<g transform="translate({left} {top})">
<rect class="window" x="0.5" y="0.5" width="{width}" height="{height}" rx="8"/>
<path class="bar" d="M0.5 {bar}v-{side}a8 8 0 0 1 8 -8h{straight}a8 8 0 0 1 8 8v{side}z"/>
<circle class="button" cx="18" cy="17" r="5"/>
<circle class="button" cx="36" cy="17" r="5"/>
<circle class="button" cx="54" cy="17" r="5"/>
<text class="name" x="{middle}" y="22">{name}</text>"""

CURSOR = '<tspan class="cursor">\u2588</tspan>'


def escape(text):
    """Only what must be, as people may read it."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


class Frame:
    """A window with its screen and its name."""

    def __init__(self, name, columns, text):
        self.name = name
        self.screen = Screen(columns)
        self.screen.feed(text.replace("\n", "\r\n").encode())
        self.width = round(2 * PAD + columns * CELL)
        self.height = BAR + 2 * PAD - 4 + LINE * len(self.screen.rows)

    def draw(self, left, top, width, height):
        yield FRAME.format(left=left, top=top, width=width - 1, height=height - 1, bar=BAR + 0.5,
                           side=BAR - 8, straight=width - 17, middle=width // 2,
                           name=escape(self.name))
        for number, cells in enumerate(self.screen.rows):
            cursor = number == self.screen.row
            if cells or cursor:
                y = BAR + PAD + BASELINE + LINE * number
                yield f'<text x="{PAD}" y="{y}">{spans(cells)}{CURSOR * cursor}</text>'
        yield "</g>"


def spans(cells):
    """Neighbours of one style become one span, those without any plain text."""
    drawn = ""
    for style, group in itertools.groupby(cells, key=lambda cell: cell[1]):
        text = escape("".join(char for char, _ in group))
        drawn += f'<tspan class="{" ".join(style)}">{text}</tspan>' if style else text
    return drawn


def read(recording):
    """The windows of a recording."""
    pieces = re.split(r"^== (.*), ([0-9]+) columns\n", recording, flags=re.M)[1:]
    for name, columns, text in zip(pieces[::3], pieces[1::3], pieces[2::3]):
        yield Frame(name, int(columns), text.removesuffix("\n"))


def shelves(frames):
    """Lists of those that fit side by side."""
    shelf = []
    for frame in frames:
        if shelf and sum(other.width + GAP for other in shelf) + frame.width > WIDTH:
            yield shelf
            shelf = []
        shelf.append(frame)
    yield shelf


def draw(frames):
    """Those of one shelf are of one height, and together as wide as the picture."""
    drawn, top = [], 0
    for shelf in shelves(frames):
        height = max(frame.height for frame in shelf)
        width = (WIDTH - GAP * (len(shelf) - 1)) // len(shelf)
        for number, frame in enumerate(shelf):
            drawn += frame.draw(number * (width + GAP), top, width, height)
        top += height + GAP
    names = [escape(frame.name) for frame in frames]
    head = HEAD.format(width=WIDTH, height=top - GAP, font=FONT,
                       title=f"Terminals: {'; '.join(names)}")
    return [head, *drawn, "</svg>"]


sys.stdin.reconfigure(encoding="utf-8")
sys.stdout.reconfigure(encoding="utf-8")
print(*draw(list(read(sys.stdin.read()))), sep="\n")
