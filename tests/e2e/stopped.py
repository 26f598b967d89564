#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hashflow that has been stopped, or that hangs, is still a hashflow: nothing is poured out to it
unnumbered, and what was sent meanwhile arrives once or is said to be undelivered."""

import re

from hashflow_test import main, test


def acquainted(scene, *options):
    """Two nodes with state that know each other; the first has ended. Returns (folder, bob)."""
    folder, bob = scene.path("a"), scene.node("bob", "--state", scene.path("b"))
    alice = scene.node("alice", "--state", folder, *options)
    alice.connect(bob.address)
    assert alice.finish() == 0
    return folder, bob


@test("a stopped node that was once a session is a failed dial and no stream: exit 3")
def not_another(scene):
    folder, bob = acquainted(scene)
    bob.stop()
    alice = scene.node("alice", "--state", folder, "--drain", "4")
    alice.send(f"/msg {bob.address} secret", "/bcast secret too")
    alice.sync()
    assert alice.finish() == 3
    alice.complains(re.compile(re.escape(bob.address)))
    bob.resume()
    bob.sync()
    assert not [text for text in bob.texts() if "secret" in text], bob.texts()


@test("it is still a session peer in the directory, and works again when it runs again")
def works_again(scene):
    folder, bob = acquainted(scene)
    bob.stop()
    alice = scene.node("alice", "--state", folder, "-e")
    alice.expect(f"* unreachable {bob.address} bob")
    assert alice.peers()[bob.address].dialect == "session"
    bob.resume()
    alice.expect(f"* up {bob.address} bob")
    alice.send("/bcast good morning")
    bob.hears("good morning", "alice")
    bob.sync()
    assert bob.texts() == ["good morning"]


@test("what is sent while it is stopped arrives once and in order when it runs again in time")
def in_time(scene):
    alice, bob = scene.node("alice", "--drain", "25"), scene.node("bob")
    alice.connect(bob.address)
    bob.stop()
    texts = [f"line {number}" for number in range(100)]
    alice.send(*texts)
    alice.send("/wait sent 1", "/echo still waiting")
    alice.expect("/echo still waiting")
    bob.resume()
    alice.eof()
    bob.hears("line 99")
    assert alice.wait() == 4
    assert bob.texts() == texts


@test("a stopped node does not hold the drain longer than --drain")
def not_in_time(scene):
    alice, bob = scene.node("alice", "--drain", "2"), scene.node("bob")
    alice.connect(bob.address)
    bob.stop()
    alice.send("will not be confirmed")
    assert alice.finish() == 3
    alice.complains(re.compile(re.escape(bob.address)))
    bob.resume()
    bob.sync()


@test("a stopped node never met may look like a stream, and is a session when it speaks")
def never_met(scene):
    alice, bob = scene.node("alice", "-e"), scene.node("bob")
    bob.stop()
    alice.send(f"/connect {bob.address}", f"/msg {bob.address} first words", "/echo sent")
    alice.expect("/echo sent")
    bob.resume()
    bob.hears("first words")
    alice.send("/wait peer=bob 20")
    alice.sync()
    alice.expect(lambda line: line.startswith("* up"))
    alice.send("/msg bob second words")
    bob.hears("second words", "alice")
    bob.sync()
    assert bob.texts() == ["first words", "second words"]
    assert alice.peers()[bob.address].dialect == "session"


@test("a session that stops reading is not taken for dead by a node that has nothing to say to it")
def idle(scene):
    alice, bob = scene.node("alice", "-e"), scene.node("bob")
    alice.connect(bob.address)
    bob.stop()
    alice.send("/wait up=2 3")
    alice.sync()
    bob.resume()
    alice.send("/msg bob awake?")
    bob.hears("awake?")
    assert not [line for line in alice.events() if line.startswith("* down")]


@test("a known session whose port now belongs to something else gets a handshake and nothing more")
def port_taken(scene):
    port = scene.ports(1)[0]
    bob = scene.node("bob", "-p", port, "--state", scene.path("b"))
    alice = scene.node("alice", "--state", scene.path("a"), "-e", "--drain", "3")
    alice.connect(bob.address)
    bob.kill()
    alice.expect(f"* down {bob.address} bob")
    alice.send("/bcast secret one", f"/msg {bob.address} secret two")
    stranger = scene.listener(port=port)
    connection = stranger.connection()
    connection.send("220 smtp.example.org ready")
    assert alice.finish() == 3
    heard = [bytes(c.raw) for c in stranger.connections.items()]
    assert heard[0][:1] == b"\x16", heard
    assert not [data for data in heard if b"secret" in data or b"Connected" in data], heard


if __name__ == "__main__":
    main()
