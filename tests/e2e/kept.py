#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for peers that are away or slow, with a store: they wait in order, within bounds, and each
peer fails alone. A reader that has stopped costs the others nothing and the sender no memory."""

import re

from hashflow_test import main, test, wait_until
from hashflow_test.ledger import Transcript, as_input, check_each_once, entries
from hashflow_test.node import has_sanitizer

#: What a sender may hold, whatever waits for whom. A sanitizer keeps freed memory.
MEMORY_KIB = (400 if has_sanitizer() else 32) * 1024


class Kept:
    """A node that keeps its state and its port over its runs."""

    def __init__(self, scene, name, *options):
        self._scene, self._name = scene, name
        port = scene.ports(1)[0]
        self.address = f"127.0.0.1:{port}"
        self._options = ("-p", port, "--state", scene.path(name), "--no-exchange", *options)

    def node(self, *options, **more):
        return self._scene.node(self._name, *self._options, *options, **more)

    def transcript(self):
        """Starts a run whose stdout goes to a file; the node and the transcript."""
        transcript = Transcript(self._scene, self._name)
        return transcript.node(*self._options), transcript


def away(scene, *options):
    """Alice, who knows bob, with these options; bob has left. Returns (alice's Kept, node, bob)."""
    alice, bob = Kept(scene, "alice"), Kept(scene, "bob")
    first, other = alice.node("-e"), bob.node()
    first.connect(bob.address)
    assert other.finish() == 0
    first.expect(f"* down {bob.address} bob")
    assert first.finish() == 0
    node = alice.node("-e", *options)
    node.expect(f"* unreachable {bob.address} bob")
    return alice, node, bob


def kinds(node):
    return [kind for kind, _, _ in node.receipts()]


@test("what is sent to a peer that is away is queued, and sent and delivered when it is back")
def waits(scene):
    _, node, bob = away(scene)
    node.send("/msg bob one", "/bcast two")
    node.sync()
    assert kinds(node) == ["queued", "queued"]
    other = bob.node("--ids")
    other.hears("two")
    assert other.texts() == ["one", "two"]
    node.send("/wait delivered 20")
    assert node.finish() == 0, node.errors()
    ids = [message.id for message in other.messages()]
    for kind in ("queued", "sent", "delivered"):
        assert node.receipts(kind) == [(kind, id, bob.address) for id in ids], node.receipts()


@test("what waits for a node stays with it when another one has its address, over restarts too")
def address_taken(scene):
    alice, node, bob = away(scene, "--drain", "0")
    options = ("--no-exchange", "--state", scene.path("carol"))
    carol = scene.node("carol", "-p", scene.ports(1)[0], *options)
    carol.connect(node.address)
    assert carol.finish() == 0
    carol = scene.node("carol", "-p", bob.address.rpartition(":")[2], *options)
    node.expect(f"* up {bob.address} carol")
    node.send("/msg bob one")
    assert node.finish() == 3
    assert carol.finish() == 0
    node = alice.node("-e")
    node.send("/msg bob two")
    back = scene.node("bob", "-p", scene.ports(1)[0], "--state", scene.path("bob"), "--no-exchange")
    back.connect(node.address)
    back.hears("two")
    assert back.texts() == ["one", "two"]


@test("a restart keeps what waits, in order, and adds to it")
def restart(scene):
    alice, node, bob = away(scene, "--drain", "0")
    node.send("/msg bob one", "/bcast two")
    assert node.finish() == 3
    node.complains(re.compile(re.escape(bob.address)))
    node = alice.node("--drain", "0")
    node.send("/msg bob three")
    node.sync()
    node.kill()
    node = alice.node()
    node.send("/msg bob four")
    other = bob.node()
    other.hears("four")
    assert other.texts() == ["one", "two", "three", "four"]
    node.send("/wait delivered 20")
    assert node.finish() == 0, node.errors()


@test("what waits only in the store of one that ends without a word to the peer is no failure")
def kept_back(scene):
    _, node, bob = away(scene, "--drain", "5")
    node.send("/bcast for later")
    assert node.finish() == 0
    node.complains(re.compile(re.escape(bob.address)))


@test("lines that have waited longer than --queue-age are given up, and told")
def expired(scene):
    _, node, bob = away(scene, "--queue-age", "1s")
    node.send("/msg bob too late", "/bcast also too late")
    node.expect(re.compile(rf"^\* failed \S+ {bob.address}$"))
    node.complains(re.compile(r"queue-age"))
    wait_until(lambda: len(node.receipts("failed")) == 2, "both are given up")
    other = bob.node("-e")
    node.expect(f"* up {bob.address} bob")
    node.send("/msg bob in time")
    other.hears("in time")
    assert other.texts() == ["in time"]
    assert node.finish() == 3


@test("a full queue fails alone: the others get everything, the status is 3, the first lines wait")
def full(scene):
    _, node, bob = away(scene, "--queue-lines", "10")
    carol = scene.node("carol")
    node.connect(carol.address)
    texts = entries(25)
    node.send(*(f"/bcast {text}" for text in texts))
    carol.hears(texts[-1])
    assert carol.texts() == texts
    node.complains(re.compile(rf"{re.escape(bob.address)} bob: \d+ lines .*queue"))
    # Counted once a second, and at the end.
    node.send("/wait idle=2 20")
    node.sync()
    assert len(node.receipts("failed")) == 15
    assert all(address == bob.address for _, _, address in node.receipts("failed"))
    other = bob.node()
    other.hears(texts[9])
    node.send("/wait delivered 20", "/bcast there is room again")
    other.hears("there is room again")
    assert other.texts() == texts[:10] + ["there is room again"]
    assert node.finish() == 3
    told = sum(int(number) for line in node.complaints()
               for number in re.findall(r": (\d+) lines? ", line))
    assert told == 15, node.errors()


@test("a queue with room for some of the lines that are read together takes those")
def full_together(scene):
    _, node, bob = away(scene, "--queue-lines", "10")
    carol = scene.node("carol")
    node.connect(carol.address)
    texts = entries(25)
    node.send(*texts)
    carol.hears(texts[-1])
    assert carol.texts() == texts
    node.sync()
    assert len([1 for _, _, address in node.receipts("queued") if address == bob.address]) == 10
    other = bob.node()
    other.hears(texts[9])
    assert node.finish() == 3
    assert other.texts() == texts[:10]
    assert len(node.receipts("failed")) == 15


@test("a full queue in bytes fails alone as well")
def full_bytes(scene):
    _, node, bob = away(scene, "--queue-bytes", "100K", "--drain", "0")
    texts = entries(30, width=10000)
    node.send(*(f"/msg bob {text}" for text in texts))
    node.sync()
    kept = len(node.receipts("queued"))
    assert 8 <= kept <= 10 and len(node.receipts("failed")) == len(texts) - kept
    assert node.finish() == 3
    other = bob.node()
    other.sync()
    assert other.texts() == []


@test("nodes without a store that follow each other at one address leave no queue that grows")
def followers(scene):
    alice, port = Kept(scene, "alice").node("-e"), scene.ports(1)[0]
    for number in range(3):
        bob = scene.node("bob", "-p", port, "--no-store")
        alice.connect(bob.address)
        alice.send(f"/bcast for all {number}")
        bob.hears(f"for all {number}")
        alice.send("/wait sent 20")
        alice.sync()
        mark = len(alice.out)
        bob.kill()
        alice.expect(re.compile(r"^\* down "), since=mark)
    bob = scene.node("bob", "-p", port, "--no-store")
    alice.connect(bob.address)
    waiting = alice.ask("/outbox")
    alice.send("/bcast only for the last one")
    bob.hears("only for the last one")
    alice.send("/wait sent 20")
    assert alice.ask("/outbox") == waiting


@test("/forget of a peer that is away gives up what waits for it, and says so")
def forgotten(scene):
    _, node, bob = away(scene)
    node.send("/msg bob one", "/msg bob two", "/forget bob")
    node.sync()
    node.complains(re.compile(rf"{re.escape(bob.address)} bob: 2 lines"))
    assert len(node.receipts("failed")) == 2
    assert node.finish() == 3


@test("one of four readers stops: the others go on, the sender's memory is flat, it catches up")
def stopped(scene):
    keepers = [Kept(scene, f"reader{number}") for number in range(4)]
    readers = [keeper.transcript() for keeper in keepers]
    sender = Kept(scene, "sender").node("-t", "all", "--drain", "60",
                                        *(keeper.address for keeper in keepers))
    texts = entries(30000, width=1000)
    sender.write(as_input(texts[:1]))
    for _, transcript in readers:
        transcript.grown(1000)
    frozen, late = readers[3]
    frozen.stop()
    most = 0
    for start in range(1, len(texts), 1000):
        sender.write(as_input(texts[start:start + 1000]), 60)
        most = max(most, sender.memory_kib())
    for _, transcript in readers[:3]:
        transcript.grown(len(texts) * 1000)
    assert late.size() < 20 << 20, "it has not been behind; this shows nothing"
    assert max(most, sender.memory_kib()) < MEMORY_KIB, f"{most} KiB in use"
    frozen.resume()
    late.grown(len(texts) * 1000)
    assert sender.finish(60) == 0, sender.errors()
    for node, transcript in readers:
        assert node.finish() == 0
        check_each_once([message.text for message in transcript.messages()], texts)


if __name__ == "__main__":
    main(workers=4)
