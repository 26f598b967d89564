#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copied state folders, the forgotten and the banned: who is turned away, how loudly, how often."""

import re
import shutil

from hashflow_test import main, test, wait_until
from hashflow_test.session import HELLO, Identity, SessionConnection
from hashflow_test.sockets import connect

COPIED = re.compile("state folder was copied")


def keeper(scene, label, folder=None, *options):
    return scene.node(label, "--state", scene.path(folder or label), "-e", *options)


def identity_of(node):
    return node.ask("/whoami")[0].split(" ")[2]


def copy_of(scene, node, folder):
    """The node is ended, and there are two state folders of it then."""
    assert node.finish() in (0, 3)
    shutil.copytree(scene.path(node.label), scene.path(folder))


def hello_again(scene, node, identity):
    """Another connection of this identity, up to its /hello."""
    identity.address = "127.0.0.1:9"
    session = scene.add(SessionConnection(connect(node.address), identity))
    session.send(identity.greeting())
    session.expect_line(HELLO)
    session.send(identity.hello())
    return session


def refused(scene, node, identity, code):
    session = hello_again(scene, node, identity)
    session.expect(re.compile(f"^/error {code} "))
    session.wait_end()


@test("a copy of our own state folder is one loud line on both sides, and is not dialled again")
def own_copy(scene):
    copy_of(scene, keeper(scene, "first"), "second")
    first, second = keeper(scene, "first"), keeper(scene, "second", "second")
    for _ in range(3):
        first.send(f"/connect {second.address}")
        first.sync()
    first.complains(COPIED)
    second.complains(COPIED)
    first.send("/wait up=1 2")
    first.sync()
    for node in (first, second):
        told = [line for line in node.complaints() if "has our node id" in line]
        assert len(told) == 1, node.errors()
        assert not [line for line in node.events() if line.startswith("* up")], node.events()


@test("of two nodes of one id the newer is let in, the older told why, and it does not insist")
def third(scene):
    copy_of(scene, keeper(scene, "first"), "second")
    carol = keeper(scene, "carol")
    first = keeper(scene, "first")
    first.connect(carol.address)
    second = keeper(scene, "second", "second")
    second.connect(carol.address)
    first.complains(re.compile("does not let us in"))
    carol.complains(COPIED)
    carol.send("/wait up=2 3", "/bcast who is there?")
    second.hears("who is there?")
    carol.sync()
    told = [line for line in carol.complaints() if COPIED.search(line)]
    assert first.texts() == [] and len(told) == 1, carol.errors()
    assert len(carol.peers()) == 1
    assert len([line for line in first.complaints() if "let us in" in line]) == 1, first.errors()


@test("a newer run replaces the one before; an older one is refused, once loudly")
def runs(scene):
    node = scene.node("alice", "-e")
    older, newer = Identity("bob"), Identity("bob")
    newer.node = older.node
    first = hello_again(scene, node, older)
    node.wait_up(1)
    second = hello_again(scene, node, newer)
    first.expect(re.compile("^/bye "))
    second.ping("still-here")
    for _ in range(3):
        refused(scene, node, older, "clone")
    second.ping("still-here-too")
    node.sync()
    assert node.events() == ["* up 127.0.0.1:9 bob"], node.events()
    assert len([line for line in node.complaints() if COPIED.search(line)]) == 1, node.errors()


@test("who was forgotten is refused, until it starts anew or the user asks for it")
def forgotten(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob")
    alice.connect(bob.address)
    alice.send(f"/forget {bob.address}")
    alice.sync()
    bob.send(f"/connect {alice.address}")
    bob.complains(re.compile("does not let us in.*forgotten"))
    assert not alice.peers()
    alice.finish()
    alice = keeper(scene, "alice")
    bob.send(f"/connect {alice.address}", "/wait up=1 2")
    bob.sync()
    assert not alice.peers(), "forgotten over a restart, too"
    alice.connect(bob.address)
    assert list(alice.peers()) == [bob.address]
    alice.send(f"/forget {bob.address}")
    alice.sync()
    bob.finish()
    bob = keeper(scene, "bob")
    bob.connect(alice.address)
    wait_until(lambda: list(alice.peers()) == [bob.address], "met anew")
    alice.send("/bcast hello again")
    bob.hears("hello again")


@test("a ban holds over restarts of both, is told once, and ends when the user connects")
def banned(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob")
    alice.connect(bob.address)
    alice.send("/ban bob")
    bob.complains(re.compile("does not let us in"))
    alice.sync()
    assert alice.peers()[bob.address].state == "banned"
    for node in (alice, bob):
        node.finish()
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob")
    for _ in range(3):
        bob.send(f"/connect {alice.address}")
        bob.sync()
    alice.complains(re.compile("bob is banned"))
    (banned_row,) = alice.peers().values()
    assert banned_row.state == "banned"
    alice.send("/bcast not for bob", "/msg bob nor this")
    alice.complains(re.compile("it is banned"))
    alice.sync()
    assert bob.texts() == []
    assert len([line for line in alice.complaints() if "bob is banned" in line]) == 1
    alice.connect(bob.address)
    alice.send("/msg bob welcome")
    bob.hears("welcome")
    assert alice.peers()[bob.address].state == "up"


@test("what waits for a peer is given up when it is banned, and that is said")
def owed(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob")
    alice.connect(bob.address)
    bob.kill()
    alice.expect(f"* down {bob.address} bob")
    alice.send("/msg bob one", "/msg bob two", "/ban bob")
    alice.complains(re.compile("2 .*bob|bob.* 2 "))
    assert alice.finish() == 3


@test("plain messages of a banned address are dropped, and that is said once")
def plain(scene):
    alice, seed = keeper(scene, "alice"), scene.seed("troll")
    seed.send(alice.address, "before")
    alice.hears("before")
    alice.send(f"/ban {seed.address}")
    alice.sync()
    for number in range(3):
        seed.send(alice.address, f"after {number}")
    other = scene.seed("friend")
    other.send(alice.address, "marker")
    alice.hears("marker")
    wait_until(lambda: [line for line in alice.complaints() if seed.address in line],
               "a line about it")
    alice.sync()
    assert alice.texts() == ["before", "marker"]
    assert len([line for line in alice.complaints() if "it is banned" in line]) == 1, alice.errors()
    assert alice.peers()[seed.address].state == "banned"


if __name__ == "__main__":
    main()
