#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGTERM, SIGHUP and SIGINT: drain, say bye, leave; a second one ends at once."""

import re
import signal

from hashflow_test import Stopwatch, main, test, wait_until

ALL = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def pending(node, number):
    """Is the signal still waiting to be taken?"""
    with open(f"/proc/{node.pid}/status", encoding="ascii", errors="replace") as file:
        masks = re.findall(r"^(?:SigPnd|ShdPnd):\s+(\w+)$", file.read(), re.M)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def with_session(scene, *options):
    node, listener = scene.node("alice", *options), scene.session_listener("carol")
    node.send(f"/connect {listener.address}")
    session = listener.open()
    node.sync()
    return node, session


@test("each of them says bye to a session and exit to an original, and exits 0")
def bye(scene):
    for number in ALL:
        node, session = with_session(scene)
        seed = scene.seed(thorough=True)
        node.connect(seed.address, dialect="oneshot")
        node.signal(number)
        session.expect(re.compile("^/bye"))
        seed.hears("exit", "alice")
        assert session.wait_end() == "eof"
        session.close()
        assert node.wait() == 0, signal.Signals(number).name


@test("what was sent before the signal is delivered before it leaves")
def drains(scene):
    for number in ALL:
        bob = scene.node("bob")
        node = scene.node("alice", bob.address)
        node.write("".join(f"line {n}\n" for n in range(500)) + "/echo read\n")
        node.expect("/echo read")
        node.signal(number)
        assert node.wait() == 0
        bob.hears("line 499")
        assert len(bob.messages()) == 500
        bob.kill()


@test("a signal does not wait for stdin, which is still open, nor for a /wait")
def open_stdin(scene):
    node = scene.node("alice")
    node.send("/wait up=5")
    node.signal(signal.SIGTERM)
    assert node.wait() == 0


@test("a signal ends the drain time's wait with exit 3 when something is unconfirmed")
def undelivered(scene):
    node, session = with_session(scene, "--drain", "1")
    session.acks = False
    node.send("unconfirmed")
    session.hears("unconfirmed")
    node.signal(signal.SIGTERM)
    assert node.wait() == 3
    assert node.complaints()


@test("a second signal ends it at once, with 128 and its number")
def second(scene):
    for number in ALL:
        node, session = with_session(scene, "--drain", "60")
        session.acks = False
        node.send("unconfirmed")
        session.hears("unconfirmed")
        node.signal(number)
        wait_until(lambda n=node, s=number: not pending(n, s), "the first signal taken")
        assert node.running, "left without draining"
        watch = Stopwatch()
        node.signal(number)
        assert node.wait() in (128 + number, -number)
        assert watch.seconds() < 10


@test("a signal during the drain that stdin's end began ends it at once or drains, never hangs")
def during_drain(scene):
    node, session = with_session(scene, "--drain", "2")
    session.acks = False
    node.send("unconfirmed")
    session.hears("unconfirmed")
    node.eof()
    node.signal(signal.SIGTERM)
    assert node.wait() in (3, 128 + signal.SIGTERM, -signal.SIGTERM)


@test("SIGPIPE: a peer that vanishes while we write does not end us")
def pipe(scene):
    node = scene.node("alice")
    for _ in range(20):
        client = scene.client(node)
        client.send("hi")
        node.out.wait_count(len(node.out) or 1)
        node.send("/bcast " + "x" * 30000, "/bcast " + "y" * 30000)
        client.reset()
    node.sync()
    assert node.running


@test("SIGSTOP and SIGCONT lose nothing")
def stopped(scene):
    bob, alice = scene.node("bob"), scene.node("alice")
    alice.connect(bob.address)
    bob.wait_up()
    for number in range(5):
        alice.stop()
        bob.send(f"/bcast while stopped {number}")
        bob.sync()
        alice.resume()
        alice.hears(f"while stopped {number}")
        alice.send(f"awake {number}")
        bob.hears(f"awake {number}")
    assert len(alice.messages()) == len(bob.messages()) == 5


if __name__ == "__main__":
    main()
