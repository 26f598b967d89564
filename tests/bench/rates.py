#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many lines a second go from one node's stdin to the others' stdout, stored and not stored.

    rates.py [LINES [RUNS]]

A run begins when the sender starts and ends when it has left with status 0: everything is
confirmed. Prints medians, the ratio of stored to not stored, and what a sync of the disk costs
here, for that is what storing is made of. Files are kept below BENCH_DIR, by default where the
program was built: on a file system in memory a sync costs nothing.
"""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from hashflow_test.node import BINARY, environment

WIDTH = 100
SYNCS = 200
RECEIVERS = (1, 4)


def sync_time(folder):
    """The median of writing 4 KiB and fdatasync(2), in seconds."""
    times = []
    fd = os.open(os.path.join(folder, "sync"), os.O_CREAT | os.O_WRONLY, 0o600)
    for _ in range(SYNCS):
        before = time.perf_counter()
        os.write(fd, b"x" * 4096)
        os.fdatasync(fd)
        times.append(time.perf_counter() - before)
    os.close(fd)
    return statistics.median(times)


class Receiver:
    """A node that only listens; its stdout is a file."""

    def __init__(self, folder, name, store):
        ready, given = os.pipe()
        self.path = os.path.join(folder, f"{name}.out")
        options = ["--state", os.path.join(folder, name)] if store else ["--no-store"]
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(
                [BINARY, "-q", "-l", "127.0.0.1:0", "-n", name, "--ready-fd", str(given), *options],
                stdin=subprocess.DEVNULL, stdout=out, pass_fds=[given], env=environment(folder))
        os.close(given)
        with os.fdopen(ready) as file:
            self.address = file.readline().strip()

    def finish(self):
        """Ends it; returns how many lines it has printed."""
        self.process.terminate()
        self.process.wait(30)
        with open(self.path, "rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def run(folder, lines, count, receivers, store):
    """Seconds of one run, or an error if a line is missing."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    nodes = [Receiver(folder, f"r{n}", store) for n in range(receivers)]
    options = ["--state", os.path.join(folder, "sender")] if store else ["--no-store"]
    addresses = [node.address for node in nodes]
    with open(lines, "rb") as file:
        before = time.perf_counter()
        sender = subprocess.run([BINARY, "-q", "-l", "127.0.0.1:0", "-n", "sender", "-t", "all",
                                 "-c", "/connect " + " ".join(addresses), "--drain", "120",
                                 *options],
                                stdin=file, stdout=subprocess.DEVNULL, env=environment(folder),
                                check=True, timeout=300)
        seconds = time.perf_counter() - before
    printed = [node.finish() for node in nodes]
    assert sender.returncode == 0 and printed == [count] * receivers, printed
    return seconds


def write_lines(path, count):
    with open(path, "w", encoding="ascii") as file:
        for number in range(count):
            file.write(f"{number:09d} ".ljust(WIDTH - 1, "x") + "\n")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    folder = tempfile.mkdtemp(dir=os.environ.get("BENCH_DIR", os.path.dirname(BINARY)))
    try:
        lines, place = os.path.join(folder, "lines"), os.path.join(folder, "run")
        write_lines(lines, count)
        print(f"{platform.machine()}, {os.cpu_count()} processors, "
              f"fdatasync of 4 KiB: {sync_time(folder) * 1e3:.3f} ms")
        print(f"{count} lines of {WIDTH} bytes, medians of {runs} runs, deliveries a second")
        print(f"{'receivers':>9} {'--no-store':>12} {'durable':>12} {'ratio':>6}")
        for receivers in RECEIVERS:
            times = {store: [] for store in (False, True)}
            for _ in range(runs):
                for store in times:
                    times[store].append(run(place, lines, count, receivers, store))
            rates = [count * receivers / statistics.median(times[store]) for store in times]
            print(f"{receivers:>9} {rates[0]:>12.0f} {rates[1]:>12.0f} {rates[1] / rates[0]:>6.2f}",
                  flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
