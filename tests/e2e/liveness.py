#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is still there: heartbeats, suspicion, and the end of a peer that says nothing."""

import os
import re
import signal

from hashflow_test import main, test
from hashflow_test.waiting import Stopwatch

#: Seconds, far apart enough that a slow machine does not mix them up.
HEARTBEAT, SUSPECT, DOWN = 0.4, 1.6, 3.2
PATIENCE = ("--heartbeat", HEARTBEAT, "--suspect-after", SUSPECT, "--down-after", DOWN)
HEART = re.compile(r"^/ping h")


def watcher(scene, *options):
    return scene.node("alice", "-e", *PATIENCE, *options)


@test("an idle session is asked for a sign of life, and stays up as long as it answers")
def heartbeats(scene):
    alice = watcher(scene)
    bob = scene.session(alice, "bob")
    mark = 0
    for _ in range(2 * int(DOWN / HEARTBEAT)):
        mark = bob.lines.wait_at(HEART, since=mark)[0] + 1
    assert len(alice.events()) == 1, alice.events()


@test("who says nothing is suspected, then down, and the reason says for how long")
def silent(scene):
    alice = watcher(scene, "-v")
    bob = scene.session(alice, "bob", answer_pings=False)
    watch = Stopwatch()
    alice.expect(f"* suspect {bob.identity.address} bob")
    assert watch.seconds() >= SUSPECT * 0.9, watch.seconds()
    assert bob.open, "suspected is not down"
    alice.expect(f"* down {bob.identity.address} bob")
    assert watch.seconds() >= DOWN * 0.9, watch.seconds()
    alice.complains(re.compile(f"silent for {DOWN:g} s"))
    alice.sync()
    assert alice.events() == [f"* {word} {bob.identity.address} bob"
                              for word in ("up", "suspect", "down")]


@test("whoever is suspected and speaks, in whatever verb, is back and stays")
def back(scene):
    alice = watcher(scene)
    bob = scene.session(alice, "bob", answer_pings=False)
    for verb in ("/pong h1", "/msg 1 here", "/some-verb"):
        mark = len(alice.out)
        alice.expect(f"* suspect {bob.identity.address} bob", since=mark)
        bob.send(verb)
        alice.expect(f"* back {bob.identity.address} bob", since=mark)
    assert bob.open and not [line for line in alice.events() if line.startswith("* down")]


@test("a node that is stopped is suspected and comes back without having been down")
def stopped(scene):
    alice = watcher(scene)
    bob = scene.node("bob", "-e", *PATIENCE)
    alice.connect(bob.address)
    bob.stop()
    alice.expect(f"* suspect {bob.address} bob")
    bob.signal(signal.SIGCONT)
    alice.expect(f"* back {bob.address} bob")
    alice.send("/bcast still together")
    bob.hears("still together")
    assert f"* down {bob.address} bob" not in alice.events()
    assert len(bob.events()) == 1, "bob has slept, alice was not silent"


@test("what we have slept through is nobody's silence")
def slept(scene):
    alice = watcher(scene)
    bob = scene.session(alice, "bob")
    bob.answer_pings = False
    bob.ping("everything-is-read")
    alice.stop()
    other = scene.node("clock", "-e", *PATIENCE)
    carol = scene.session(other, "carol", answer_pings=False)
    other.expect(f"* down {carol.identity.address} carol")
    watch = Stopwatch()
    alice.signal(signal.SIGCONT)
    alice.expect(f"* suspect {bob.identity.address} bob")
    assert watch.seconds() >= (SUSPECT - HEARTBEAT) * 0.5, "the sleep was counted"
    bob.answer_pings = True
    bob.send("/pong h1")
    alice.expect(f"* back {bob.identity.address} bob")
    assert bob.open


@test("a peer whose kernel takes our lines but that says nothing is down all the same")
def busy(scene):
    alice = watcher(scene)
    bob = scene.session(alice, "bob", answer_pings=False)
    for number in range(3):
        alice.send(f"/msg bob line {number}")
        bob.hears(f"line {number}")
    alice.expect(f"* down {bob.identity.address} bob")


@test("a node whose output is stuck is alive, and takes its peers for alive")
def stuck(scene):
    unread, stdout = os.pipe()
    try:
        bob = scene.node("bob", "-e", "-v", *PATIENCE, stdout=stdout)
        alice = watcher(scene)
        alice.connect(bob.address)
        text = "x" * 60000
        alice.send(*(f"/msg {bob.address} {text}" for _ in range(40)))
        clock = scene.session(alice, "clock")
        mark = 0
        for _ in range(2 * int(DOWN / HEARTBEAT)):
            mark = clock.lines.wait_at(HEART, since=mark)[0] + 1
        told = [line for line in alice.events() if re.match(r"\* (suspect|down) ", line)]
        assert not told and not re.search("nothing any more|is gone", bob.errors()), told
    finally:
        os.close(unread)
        os.close(stdout)


@test("plain connections get no heartbeat and no suspicion")
def plain(scene):
    alice = watcher(scene)
    person = scene.client(alice)
    person.send("I only listen")
    alice.hears("I only listen")
    bob = scene.session(alice, "bob", answer_pings=False)
    alice.expect(f"* down {bob.identity.address} bob")
    alice.send("/bcast still there?")
    person.expect(f"{alice.address} alice still there?")
    assert person.lines.items() == [f"{alice.address} alice still there?"]
    assert not [
        line for line in alice.events() if re.match(r"\* (suspect|down) .* -$", line)]


if __name__ == "__main__":
    main()
