#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hot paths take no more instructions than were recorded: a line in, a line out, a broadcast.

callgrind counts two runs with so many and so many lines; the difference is what a line costs. It
does not depend on the machine's load, but on the compiler, its flags and the C library: so there is
a record for each of them in instructions.txt, and without one the test is skipped.
`make instructions` measures and writes that record.
"""

import os
import re
import shutil
import signal
import subprocess
import sys

from hashflow_test import Skip, main, test
from hashflow_test.node import BINARY, has_sanitizer

FEW, MANY = 2000, 22000
WIDTH = 100
BOUND = 0.05
RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.txt")
ENDED = 120


def key():
    """What a figure depends on, as one line; None if that is not known."""
    compiler, flags = os.environ.get("HASHFLOW_COMPILER"), os.environ.get("HASHFLOW_FLAGS", "")
    if not compiler:
        return None
    version = subprocess.run([*compiler.split(), "--version"], capture_output=True, text=True,
                             check=True).stdout.splitlines()[0]
    chosen = [flag for flag in flags.split() if not flag.startswith("-W")]
    return " | ".join((os.uname().machine, version, os.confstr("CS_GNU_LIBC_VERSION"),
                       " ".join(chosen)))


def records():
    """{key: {path: instructions}}"""
    found = {}
    with open(RECORD, encoding="utf-8") as file:
        for line in file:
            if line.startswith("["):
                current = found.setdefault(line.strip()[1:-1], {})
            elif "=" in line:
                path, _, count = line.partition("=")
                current[path.strip()] = int(count)
    return found


def write_records(found):
    with open(RECORD, "w", encoding="utf-8") as file:
        file.write("# Written by make instructions: instructions a line.\n")
        for name, paths in sorted(found.items()):
            file.write(f"\n[{name}]\n")
            file.writelines(f"{path} = {count}\n" for path, count in sorted(paths.items()))


# ---- counting

def lines(scene, count):
    path = scene.path(f"lines-{count}")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{n:09d} ".ljust(WIDTH - 1, "x") + "\n" for n in range(count))
    return open(path, "rb")


def counted(scene, label, count):
    """The words that count, and the file with what they have counted."""
    out = scene.path(f"{label}-{count}")
    return ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}.%p",
            f"--log-file={out}.log"], out


def collected(out, node):
    with open(f"{out}.{node.pid}", encoding="ascii") as file:
        return int(re.search(r"^(?:summary|totals): (\d+)", file.read(), re.M)[1])


def line_in(scene, count):
    """A session's line, from the socket to stdout."""
    within, out = counted(scene, "in", count)
    with open(scene.path(f"printed-{count}"), "wb") as printed:
        node = scene.node("counted", "-r", "--no-store", within=within, stdout=printed)
    with lines(scene, count) as text:
        sender = scene.node("sender", "-t", "all", "--no-store", "--drain", "100", "-c",
                            f"/connect plain:{node.address}", stdin=text)
        assert sender.wait(ENDED) == 0, sender.errors()
    node.signal(signal.SIGTERM)
    assert node.wait(ENDED) == 0, node.errors()
    return collected(out, node)


def out_to(scene, count, receivers):
    within, out = counted(scene, f"out-{receivers}", count)
    others = [scene.node(f"receiver{n}", "-r", "--no-store", stdout="null")
              for n in range(receivers)]
    addresses = " ".join(f"plain:{other.address}" for other in others)
    with lines(scene, count) as text:
        node = scene.node("counted", "-t", "all", "--no-store", "--drain", "100", "-c",
                          f"/connect {addresses}", stdin=text, within=within)
        assert node.wait(ENDED) == 0, node.errors()
    return collected(out, node)


def line_out(scene, count):
    """A line of stdin, until the only peer, a session, has confirmed it."""
    return out_to(scene, count, 1)


def broadcast(scene, count):
    """The same with ten peers."""
    return out_to(scene, count, 10)


PATHS = {"a line in": line_in, "a line out": line_out, "a broadcast to ten": broadcast}


def cost(scene, path):
    """Instructions that a line takes on this path."""
    few, many = (PATHS[path](scene, count) for count in (FEW, MANY))
    return round((many - few) / (MANY - FEW))


# ---- the tests

def recorded(path):
    if shutil.which("valgrind") is None:
        raise Skip("valgrind is missing")
    if has_sanitizer():
        raise Skip("valgrind and sanitizers do not go together")
    built = key()
    found = records().get(built, {}).get(path)
    if found is None:
        raise Skip(f"nothing is recorded for {built}; make instructions does that")
    return found


def make_test(path):
    @test(f"{path} takes as many instructions as recorded")
    def compare(scene):
        wanted = recorded(path)
        found = cost(scene, path)
        assert abs(found - wanted) <= wanted * BOUND, (
            f"{found} instructions, recorded {wanted}; if that is meant: make instructions")
        print(f"# {path}: {found} instructions, recorded {wanted}", flush=True)


def record():
    """Measures all paths with the build at hand, and keeps that."""
    from hashflow_test.scene import Scene
    found = records()
    mine = found.setdefault(key(), {})
    for path in PATHS:
        scene = Scene(path)
        try:
            mine[path] = cost(scene, path)
            scene.verify()
        finally:
            scene.close()
        print(f"{path}: {mine[path]} instructions")
    write_records(found)


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        record()
    else:
        for name in PATHS:
            make_test(name)
        main(workers=2)
