# SPDX-License-Identifier: GPL-3.0-or-later
"""Books about lines: what was given to a sender, what a reader of stdout has got, and whether that
is each line once and in order."""

import os

from .node import parse_message
from .process import decode


def entries(count, first=0, width=0):
    """Texts that differ, each of at least `width` bytes."""
    return [f"{number} ".ljust(width, "x") if width else f"entry {number}"
            for number in range(first, first + count)]


def as_input(texts):
    return "".join(f"{text}\n" for text in texts).encode()


def check_each_once(got, wanted):
    """Raises unless got is wanted; says what was lost, came twice, and where the order broke."""
    if got == wanted:
        return
    seen = set(got)
    lost = [text for text in wanted if text not in seen]
    extra = len(got) - len(seen)
    at = next((n for n, pair in enumerate(zip(got, wanted)) if pair[0] != pair[1]),
              min(len(got), len(wanted)))
    raise AssertionError(f"{len(got)} lines instead of {len(wanted)}: {len(lost)} lost"
                         f" {_some(lost)}, {extra} too many; they differ at line {at}:"
                         f" {_some(got[at:])} instead of {_some(wanted[at:])}")


def _some(texts):
    return [text[:40] for text in texts[:3]]


class Transcript:
    """What a node has printed over several runs: each run writes to a file of its own, for the last
    line of one that was killed may be a part of one. scene.add() it."""

    def __init__(self, scene, label):
        self._scene, self._label = scene, label
        self.paths = []

    def node(self, *options, **more):
        """Starts the next run."""
        self.paths.append(self._scene.path(f"{self._label}.out{len(self.paths)}"))
        with open(self.paths[-1], "wb") as sink:
            return self._scene.node(self._label, *options, stdout=sink, **more)

    def grown(self, size):
        """Waits until the present run has printed so many bytes."""
        self._scene.until_size(self.paths[-1], size)

    def size(self):
        return sum(os.path.getsize(path) for path in self.paths)

    def runs(self, ids=False):
        """The messages of each run, whole lines only."""
        found = []
        for path in self.paths:
            with open(path, "rb") as file:
                lines = decode(file.read()).split("\n")[:-1]
            found.append([m for line in lines if (m := parse_message(line, ids))])
        return found

    def messages(self, ids=False):
        return [message for run in self.runs(ids) for message in run]


def number_of(message):
    """(node and epoch, seq) of a message with an id."""
    numbering, _, seq = message.id.rpartition(".")
    return numbering, int(seq)


def drop_repeats(messages):
    """What a reader gets who leaves out every id that it has seen. A text never changes."""
    texts = {}
    kept = []
    for message in messages:
        if message.id not in texts:
            texts[message.id] = message.text
            kept.append(message)
        known = texts[message.id]
        assert known == message.text, f"{message.id} was {known[:60]!r}, then {message.text[:60]!r}"
    return kept


def check_rising(messages):
    """The numbers of each sender rise; a reader who drops repeats sees them in order."""
    last = {}
    for message in messages:
        numbering, seq = number_of(message)
        assert seq > last.get(numbering, 0), f"{message.id} after {last[numbering]}"
        last[numbering] = seq
