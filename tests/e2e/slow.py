#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stopped reader beside a working one, with 50 MB pushed: the working one gets all of it, the
sender's memory stays small, and what the stopped one lost is counted."""

import re
import signal

from hashflow_test import main, test
from hashflow_test.node import has_sanitizer
from hashflow_test.sockets import connect

SIZE = 50_000_000
WIDTH = 1000
COUNT = SIZE // WIDTH


#: What the sender may hold: 4 MiB for each peer, and some. A sanitizer keeps freed memory.
MEMORY_KIB = (400 if has_sanitizer() else 32) * 1024


def line(number):
    return (f"{number:08d} ".encode() * (WIDTH // 9 + 1))[:WIDTH - 1]


def push(sender):
    """Writes all lines to the sender's stdin, and returns the most memory that it had meanwhile."""
    most = 0
    step = COUNT // 50
    for start in range(0, COUNT, step):
        sender.write(b"".join(line(n) + b"\n" for n in range(start, min(start + step, COUNT))), 60)
        most = max(most, sender.memory_kib())
    return most


class Reader:
    """A node that writes what it hears to a file."""

    def __init__(self, scene, label):
        self.path = scene.path(f"{label}.out")
        with open(self.path, "wb") as sink:
            self.node = scene.node(label, stdout=sink)
        self.address = self.node.address

    def texts(self):
        with open(self.path, "rb") as file:
            return [line.split(b" ", 2)[2] for line in file.read().splitlines()]


def check_loss(sender, missing):
    """The status and the count on stderr of a sender whose lines did not all arrive."""
    assert sender.finish(60) == 3
    assert len(sender.err) < 40, f"{len(sender.err)} lines about it"
    counts = [int(number) for text in sender.err.items()
              for number in re.findall(r"(?<![\d.:])\d+(?![\d.:])", text)]
    assert missing > 0, "nothing was lost; the test has shown nothing"
    assert missing in counts or sum(counts) >= missing, f"{missing} lost, stderr counts {counts}"


def stopped_node(scene, *options):
    healthy, frozen = Reader(scene, "healthy"), Reader(scene, "frozen")
    sender = scene.node("sender", "-t", "all", "--drain", "20", *options, healthy.address,
                        frozen.address)
    # One line to both, so that both sessions are up before one stops.
    sender.write(line(0) + b"\n")
    for reader in (healthy, frozen):
        scene.until_size(reader.path, WIDTH)
    frozen.node.stop()
    most = push(sender)
    assert most < MEMORY_KIB, f"{most} KiB in use"
    wanted = [line(0)] + [line(n) for n in range(COUNT)]
    scene.until_size(healthy.path, len(wanted) * WIDTH)
    sender.eof()
    sender.wait(60)
    assert healthy.node.finish() == 0
    assert healthy.texts() == wanted, "the healthy reader has lost or changed something"
    frozen.node.signal(signal.SIGCONT)
    assert frozen.node.finish(60) == 0
    got = frozen.texts()
    assert got == wanted[:len(got)], "the stopped reader has got something twice or out of order"
    check_loss(sender, len(wanted) - len(got))


@test("a node stopped for good does not hold the others, and what it lost is counted")
def stopped(scene):
    stopped_node(scene)


@test("the same with a store")
def stopped_with_store(scene):
    stopped_node(scene, "--state", scene.path("state"))


@test("a stream client that never reads does not hold the others")
def deaf_client(scene):
    healthy = Reader(scene, "healthy")
    sender = scene.node("sender", "-t", "all", "-e", "--drain", "20", healthy.address)
    deaf = scene.add(connect(sender.address))
    deaf.sendall(b"I shall never read\n")
    sender.hears("I shall never read")
    most = push(sender)
    assert most < MEMORY_KIB, f"{most} KiB in use"
    scene.until_size(healthy.path, SIZE)
    sender.finish(60)
    assert healthy.node.finish() == 0
    assert healthy.texts() == [line(n) for n in range(COUNT)]
    check_loss(sender, 1)


@test("a slow reader that goes on reading gets everything, and so does the fast one")
def slow_reader(scene):
    healthy = Reader(scene, "healthy")
    listener = scene.listener()
    sender = scene.node("sender", "-t", "all", "--drain", "60", healthy.address, listener.address)
    stream = listener.connection()
    most = push(sender)
    assert most < MEMORY_KIB, f"{most} KiB in use"
    assert sender.finish(60) == 0, sender.errors()
    assert stream.wait_end() == "eof"
    texts = [item.split(" ", 2)[2].encode() for item in stream.lines.items()]
    assert texts == [b"Connected"] + [line(n) for n in range(COUNT)]
    assert healthy.node.finish() == 0
    assert healthy.texts() == [line(n) for n in range(COUNT)]


if __name__ == "__main__":
    main(workers=1)
