#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several nodes: who hears what, from whom, in which order, whatever the dialects are."""

import re
import signal

from hashflow_test import main, test, wait_until
from hashflow_test.seed import check_manners


def mesh(scene, *names, **more):
    """Nodes that all know each other; each later one has dialled the earlier ones."""
    nodes = []
    for name in names:
        node = scene.node(name, *more.get("options", ()))
        if nodes:
            node.connect(*(other.address for other in nodes))
        nodes.append(node)
    for node in nodes:
        node.wait_up(len(nodes) - 1)
    return nodes


@test("three nodes: a broadcast reaches the two others once, with address and name")
def three(scene):
    nodes = mesh(scene, "alice", "bob", "carol")
    for node in nodes:
        node.send(f"/bcast hello from {node.label}")
    for node in nodes:
        for other in nodes:
            if other is not node:
                got = node.hears(f"hello from {other.label}")
                assert (got.address, got.name) == (other.address, other.label)
    for node in nodes:
        node.sync()
        assert len(node.messages()) == 2, node.messages()
        assert all(peer[2:4] == ("session", "up") for peer in node.peers().values())
        assert len(node.peers()) == 2


@test("/msg reaches one and no other; NAME, ADDRESS and NAME@ADDRESS name it")
def direct(scene):
    alice, bob, carol = mesh(scene, "alice", "bob", "carol")
    alice.send("/msg bob by name", f"/msg {bob.address} by address",
               f"/msg bob@{bob.address} by both",
               "/bcast marker")
    for node in (bob, carol):
        node.hears("marker", "alice")
    assert bob.texts() == ["by name", "by address", "by both", "marker"]
    assert carol.texts() == ["marker"]


@test("broadcasts are never relayed: who knows only the middle hears only the middle")
def no_relay(scene):
    middle, left, right = (scene.node(name) for name in ("middle", "left", "right"))
    left.connect(middle.address)
    right.connect(middle.address)
    left.send("/bcast from left")
    middle.hears("from left")
    middle.send("/wait up=2 20", "/bcast from middle")
    right.hears("from middle")
    assert right.texts() == ["from middle"]


@test("three nodes talk at once: each line arrives once and in its sender's order")
def order(scene):
    nodes = mesh(scene, "alice", "bob", "carol")
    count = 2000
    for node in nodes:
        node.write("".join(f"{node.label} {n}\n" for n in range(count)))
    for node in nodes:
        for other in nodes:
            if other is not node:
                node.hears(f"{other.label} {count - 1}")
                assert node.texts(other.label) == [f"{other.label} {n}" for n in range(count)]


@test("a broadcast to a node, an original, a stream and a person with nc reaches each in its form")
def four_ways(scene):
    alice, bob = mesh(scene, "alice", "bob")
    seed, stream = scene.seed(thorough=True), scene.listener()
    alice.connect(seed.address, dialect="oneshot")
    alice.connect(stream.address, dialect="stream")
    person = scene.client(alice)
    person.send("hi, I have only nc")
    alice.hears("hi, I have only nc")
    texts = ["to all four", "ünï 👋", "/slash", "  spaces  ", "exit"]
    for text in texts:
        alice.send("/bcast " + text if text[0] != "/" else "/" + text)
    for text in texts:
        bob.hears(text, "alice")
        stream.connection().expect(f"{alice.address} alice {text}")
        person.expect(f"{alice.address} alice {text}")
        seed.hears("exit " if text == "exit" else text, "alice")
    assert bob.texts() == texts
    assert person.lines.items() == [f"{alice.address} alice {text}" for text in texts]
    check_manners(seed, alice.address)
    person.send("from the person")
    stream.connection().send("from the stream")
    seed.send(alice.address, "from the original")
    bob.send("/bcast from the node")
    for who in ("person", "stream", "original", "node"):
        alice.hears(f"from the {who}")
    alice.sync()
    assert len(alice.messages()) == 5
    assert alice.finish() == 0
    seed.hears("exit")


@test("nodes named on the command line are dialled at the start")
def named(scene):
    bob, carol = scene.node("bob"), scene.node("carol")
    alice = scene.node("alice", bob.address, carol.address)
    alice.wait_up(2)
    alice.send("/bcast here")
    bob.hears("here")
    carol.hears("here")


@test("a host name is resolved and dialled")
def host_name(scene):
    bob = scene.node("bob")
    alice = scene.node("alice")
    lines = alice.ask(f"/connect localhost:{bob.port}")
    assert len(lines) == 1 and lines[0].endswith(" bob session"), lines
    address = lines[0].split(" ")[1]  # IPv4 or IPv6, as the machine has it
    alice.send(f"/msg localhost:{bob.port} by host name")
    bob.hears("by host name")
    assert alice.ask(f"/ping localhost:{bob.port}")[0].startswith(f"/ping {address} bob ")
    alice.send(f"/disconnect localhost:{bob.port}", "/echo parted")
    alice.expect("/echo parted")
    assert alice.peers()[address].state == "down"


@test("a host name that does not resolve is a failed command with a reason, and stops nothing else")
def no_host(scene):
    bob = scene.node("bob")
    alice = scene.node("alice", "-4", "--drain", "1")
    alice.send("/connect no-such-host.invalid:7216", f"/connect {bob.address}", "/bcast meanwhile")
    bob.hears("meanwhile")
    alice.complains(re.compile("no-such-host.invalid"))
    assert alice.finish() == 3, "it was named, so a copy was for it"


@test("a node that dies is down for the others, who go on")
def death(scene):
    alice, bob, carol = mesh(scene, "alice", "bob", "carol", options=["-e"])
    bob.kill()
    for node in (alice, carol):
        node.expect(re.compile(rf"^\* down {re.escape(bob.address)} bob"))
    alice.send("/bcast without bob")
    carol.hears("without bob")


@test("a node that leaves says so, is down at once, and is not dialled again")
def leaves(scene):
    alice, bob, carol = mesh(scene, "alice", "bob", "carol", options=["-e"])
    bob.send("/quit")
    assert bob.wait() == 0
    for node in (alice, carol):
        node.expect(f"* down {bob.address} bob")
    port = int(bob.address.split(":")[1])
    listener = scene.listener(port=port)
    alice.send("/wait up=2 3")
    alice.sync()
    assert len(listener.connections) == 0, "dialled again after its /bye"


@test("a new name reaches the others and goes with every message after it")
def rename(scene):
    alice, bob = mesh(scene, "alice", "bob", options=["-e"])
    bob.send("/name robert", "/bcast renamed")
    alice.expect(f"* name {bob.address} robert")
    alice.hears("renamed", "robert")
    alice.send("/msg robert hi")
    bob.hears("hi")


@test("two of one name: one bears it, and the other one has a suffix")
def two_bobs(scene):
    alice, one, two = scene.node("alice"), scene.node("bob"), scene.node("bob")
    alice.connect(one.address, two.address)
    alice.send(f"/msg bob@{two.address} the second", f"/msg {one.address} the first", "/bcast both")
    one.hears("both")
    two.hears("both")
    assert (one.texts(), two.texts()) == (["the first", "both"], ["the second", "both"])
    assert [(m.address, m.name) for m in one.messages()] == [(alice.address, "alice")] * 2
    one.send("/bcast I am the first")
    heard = alice.hears("I am the first")
    assert heard.address == one.address
    shown = {address: peer.name for address, peer in alice.peers().items()}
    assert heard.name == shown[one.address] != shown[two.address], shown
    bearer, other = sorted((one, two), key=lambda node: shown[node.address])
    assert shown[bearer.address] == "bob", shown
    assert re.fullmatch("bob~[a-z2-7]{4,}", shown[other.address]), shown
    alice.send("/msg bob by the name", f"/msg {shown[other.address]} by its suffix")
    bearer.hears("by the name")
    other.hears("by its suffix")
    assert bearer.finish() == 0
    alice.send("/wait up=1", f"/forget {bearer.address}")
    alice.sync()
    assert alice.peers()[other.address].name == "bob", "there is only one left"
    alice.send(f"/msg {shown[other.address]} still found")
    other.hears("still found")
    alice.send(f"/msg bob@{alice.address} nobody")
    alice.sync()
    assert alice.finish() == 1


@test("/to and -t keep the peer they were given, whatever names change later")
def bound(scene):
    alice, bob, carol = mesh(scene, "alice", "bob", "carol", options=["-e"])
    alice.send("/to bob")
    alice.sync()
    bob.send("/name robert")
    alice.expect(f"* name {bob.address} robert")
    carol.send("/name bob")
    alice.expect(f"* name {carol.address} bob")
    alice.send("still for the first", "/to all", "now for all")
    for node in (bob, carol):
        node.hears("now for all")
    assert bob.texts() == ["still for the first", "now for all"]
    assert carol.texts() == ["now for all"]


@test("a stopped node does not keep the others from talking")
def stopped(scene):
    alice, bob, carol = mesh(scene, "alice", "bob", "carol")
    bob.stop()
    for number in range(50):
        alice.send(f"/bcast line {number}")
        carol.hears(f"line {number}")
    bob.signal(signal.SIGCONT)
    bob.hears("line 49")
    assert bob.texts() == [f"line {number}" for number in range(50)]


@test("a mesh of six forms and every line is heard five times")
def six(scene):
    nodes = mesh(scene, *"abcdef")
    for node in nodes:
        node.send(f"from {node.label}")
    for node in nodes:
        node.out.wait(lambda _l, n=node: len(n.texts()) >= 5)
        assert sorted(node.texts()) == sorted(f"from {o.label}" for o in nodes if o is not node)
    wait_until(lambda: all(len(node.peers()) == 5 for node in nodes), "five peers each")


if __name__ == "__main__":
    main()
