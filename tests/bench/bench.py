#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hashflow reaches, beside what a user would take instead, and beside what is to be reached.

    bench.py [--turns N] [--size PART] [--csv FILE] [ROW ...]

Without ROW all are measured. Contenders work on the same lines in turns, five times unless --turns
says otherwise; --size 0.1 takes a tenth of the lines, for a trial. Installs nothing; what is missing
is named, and left out. No figure makes it fail.
"""

import argparse
import os
import platform
import re
import resource
import shutil
import tempfile

import plots
import standing
import streams
import wide
from figures import Book, Turns
from stage import FOLDER, sync_time, write_lines

ROWS = {
    "fan-out": ("one stdin to N stream peers, --no-store", streams.fan_out),
    "pipe": ("one node's stdin to the other's stdout, --no-store", streams.one_to_one),
    "durable": ("the same, durable at both ends", streams.durable),
    "encrypted": ("the same, encrypted, --no-store", streams.encrypted),
    "round-trip": ("a line there and a line back", streams.round_trip),
    "one-shot": ("messages that come a connection each", streams.one_shot),
    "stopped": ("fan-out with one of 100 peers stopped", streams.stopped),
    "memory": ("private memory", standing.memory),
    "rest": ("processor at rest, with 100 peers", standing.rest),
    "start": ("from the start to listening, state present", standing.start),
    "mesh": ("a full mesh, each node given the addresses", wide.mesh),
    "growth": ("what more peers cost", wide.growth),
}


class Bench:
    """What the rows share: sizes, files of lines, the book, and what is missing here."""

    def __init__(self, folder, turns, size):
        self.book = Book()
        self.size = size
        self._folder, self._turns, self._missing = folder, turns, set()

    def path(self, name):
        return os.path.join(self._folder, name)

    def sized(self, count):
        return max(1, int(count * self.size))

    def lines(self, count):
        """A file of so many lines."""
        path = self.path(f"lines-{count}")
        return path if os.path.exists(path) else write_lines(path, count)

    def needs(self, *programs):
        """Are they there? Those that are not are named, once."""
        missing = [name for name in programs if not shutil.which(name)]
        for name in missing:
            if name not in self._missing:
                self.book.note(f"{name} is missing here: left out")
                self._missing.add(name)
        return not missing

    def turns(self, contenders, most=None):
        """most: turns, where they are long."""
        return Turns(contenders, min(self._turns, most or self._turns), self.book.note)


def machine():
    """One line about where the figures come from."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    return (f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, "
            f"{platform.system()} {platform.release()}, fdatasync of 4 KiB "
            f"{sync_time(FOLDER) * 1e3:.3f} ms, load {os.getloadavg()[0]:.1f}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--size", type=float, default=1)
    parser.add_argument("--csv", default="bench.csv")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    chosen = parser.parse_args()
    for row in chosen.rows:
        if row not in ROWS:
            parser.error(f"no row {row}; there are {', '.join(ROWS)}")
    return chosen


def main():
    chosen = arguments()
    # mosquitto is among the programs for administrators.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    where = machine()
    print(where)
    folder = tempfile.mkdtemp(prefix="bench-", dir=FOLDER)
    try:
        bench = Bench(folder, chosen.turns, chosen.size)
        for name in chosen.rows or ROWS:
            title, run = ROWS[name]
            bench.book.title(f"{name}: {title}")
            run(bench)
        bench.book.write(chosen.csv, where)
        plots.draw(chosen.csv, bench)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
