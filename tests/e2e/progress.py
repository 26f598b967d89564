#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""--progress: one line on a stderr that is a terminal, which mixes with nothing else there."""

import os
import re

from hashflow_test import Skip, Stopwatch, main, test, wait_until
from hashflow_test.ledger import as_input, entries
from hashflow_test.terminal import Terminal

FIGURES = re.compile(r"sent (\d+) lines, [\d.]+ k?M?B; acked (\d+), [\d.]+ k?M?B; [\d.]+ k?M?B/s;"
                     r" left (\d+), [\d.]+ k?M?B")


class Figures(Terminal):
    """A terminal with figures in it: frames, what stood in a row before it was written anew or
    ended."""

    def frames(self):
        return [frame.strip() for frame in re.split("[\r\n]", self.text()) if frame.strip()]

    def figures(self):
        """(sent, acked, left) of each frame that shows them."""
        return [tuple(map(int, found.groups())) for frame in self.frames()
                if (found := FIGURES.fullmatch(frame))]

    def shows(self, sent, acked, left):
        wait_until(lambda: (sent, acked, left) in self.figures(), f"{sent}, {acked}, {left}")


@test("sent, acknowledged, left: each figure as it changes, and the last ones stay in a line")
def figures(scene):
    terminal = scene.add(Figures())
    peer = scene.session_listener(ack=False)
    node = scene.node("alice", "--progress", "-q", "-t", "all", peer.address,
                      within=terminal.within(2))
    session = peer.open()
    terminal.shows(0, 0, 0)
    node.write(as_input(entries(1000)))
    terminal.shows(1000, 0, 1000)
    session.hears("entry 999")
    session.ack(session.numbered()[399][0])
    terminal.shows(1000, 400, 600)
    session.ack()
    terminal.shows(1000, 1000, 0)
    assert node.finish() == 0
    wait_until(lambda: terminal.text().endswith("\n"), "the end of the line")
    rows = terminal.rows()
    assert len(rows) == 2 and rows[1] == "", rows
    assert FIGURES.fullmatch(rows[0]).groups() == ("1000", "1000", "0")
    assert " 0 B/s" not in rows[0]


@test("a line for three peers counts three times, plain peers count too")
def copies(scene):
    terminal = scene.add(Figures())
    bob, stream, seed = scene.node("bob"), scene.listener(), scene.seed()
    node = scene.node("alice", "--progress", "-q", "-c", f"/connect {bob.address}", "-c",
                      f"/connect {stream.address}", "-c", f"/connect {seed.address}",
                      within=terminal.within(2))
    node.sync()
    for number in range(10):
        node.send(f"text {number}")
    node.send("/wait delivered")
    node.sync()
    terminal.shows(30, 30, 0)
    assert node.finish() == 0


@test("what a new connection brings again does not count again")
def again(scene):
    terminal = scene.add(Figures())
    peer = scene.session_listener(ack=False)
    node = scene.node("alice", "--progress", "-q", "-t", "all", peer.address,
                      within=terminal.within(2))
    session = peer.open()
    node.write(as_input(entries(10)))
    session.hears("entry 9")
    terminal.shows(10, 0, 10)
    session.close()
    session = peer.open(1)
    session.hears("entry 9")
    session.ack()
    terminal.shows(10, 10, 0)
    assert node.finish() == 0
    assert {sent for sent, _, _ in terminal.figures()} <= {0, 10}


@test("a copy for a peer that is away is not among what is left")
def away(scene):
    terminal = scene.add(Figures())
    node = scene.node("alice", "--progress", "-q", "-e", "-p", *scene.ports(1),
                      within=terminal.within(2))
    bob, carol = scene.session(node, "bob"), scene.session(node, "carol")
    node.wait_up(2)
    bob.send("/bye leaving")
    bob.wait_end()
    node.expect(re.compile(r"^\* down \S+ bob$"))
    node.send("/bcast one")
    carol.hears("one")
    terminal.shows(1, 1, 0)
    assert node.ask("/outbox")
    assert node.finish() == 0


@test("the line is written anew at most five times a second")
def seldom(scene):
    terminal = scene.add(Figures())
    with open(os.devnull, "wb") as sink:
        bob = scene.node("bob", stdout=sink)
    node = scene.node("alice", "--progress", "-q", "-t", "all", bob.address,
                      within=terminal.within(2))
    clock = Stopwatch()
    while clock.seconds() < 2:
        node.write(as_input(entries(1000)))
    assert node.finish() == 0
    count = len(terminal.figures())
    assert 4 <= count <= 5 * clock.seconds() + 2, (count, clock.seconds())


@test("diagnostics find an empty line, and the figures come back below them")
def diagnostics(scene):
    terminal = scene.add(Figures())
    node = scene.node("alice", "--progress", within=terminal.within(2))
    client = scene.client(node)
    for number in range(1, 4):
        wait_until(lambda: FIGURES.fullmatch(terminal.rows()[-1]), "figures below")
        client.write(f"{number}\0\n")
    wait_until(lambda: "NUL" in terminal.text(), "a diagnostic")
    wait_until(lambda: FIGURES.fullmatch(terminal.rows()[-1]), "figures below again")
    assert node.finish() == 0
    wait_until(lambda: terminal.text().endswith("\n"), "the end of the line")
    rows = terminal.rows()
    assert all(row.startswith("hashflow: ") for row in rows[:-2]), rows
    assert not any("sent" in row for row in rows[:-2]), rows
    assert FIGURES.fullmatch(rows[-2]), rows


@test("what is printed on the same terminal finds an empty line as well")
def output(scene):
    terminal = scene.add(Figures())
    node = scene.node("alice", "--progress", "-q", "-r", within=terminal.within(1, 2))
    session = scene.session(node, "bob")
    for number in range(3):
        wait_until(lambda: FIGURES.fullmatch(terminal.rows()[-1]), "figures below")
        session.msg(f"text {number}")
        wait_until(lambda n=number: f"text {n}" in terminal.text(), "a message")
    node.signal(15)
    assert node.wait() == 0
    wait_until(lambda: terminal.text().endswith("\n"), "the end of the line")
    rows = [row for row in terminal.rows() if row]
    assert len(rows) == 4 and all(f"text {n}" in rows[n] for n in range(3)), rows
    assert not any("sent" in row for row in rows[:3]), rows


@test("a narrow terminal gets what fits into a row")
def narrow(scene):
    terminal = scene.add(Figures(columns=20))
    node = scene.node("alice", "--progress", "-q", within=terminal.within(2))
    wait_until(lambda: "sent 0 lines" in terminal.text(), "figures")
    assert node.finish() == 0
    wait_until(lambda: terminal.text().endswith("\n"), "the end of the line")
    assert all(len(frame) <= 19 for frame in re.split("[\r\n]", terminal.text()))


@test("a stderr that is no terminal gets nothing")
def no_terminal(scene):
    bob = scene.node("bob")
    node = scene.run("alice", "--progress", "-t", "all", bob.address, stdin=as_input(entries(100)))
    assert node.wait() == 0
    assert not node.complaints(), node.complaints()


@test("where lines are typed there are no figures")
def typed(scene):
    terminal = scene.add(Figures())
    node = scene.node("alice", "--progress", within=terminal.within(0, 1, 2),
                      env={"TERM": "xterm"})
    session = scene.session(node, "bob")
    session.msg("one")
    wait_until(lambda: "one" in terminal.text(), "a message")
    if "alice> " not in terminal.text():
        raise Skip("hashflow was built without readline: no lines are typed")
    other = scene.node("clock", "--idle", "0.5", stdin="null")
    other.wait()
    assert "acked" not in terminal.text()
    node.signal(15)
    assert node.wait() == 0


main()
