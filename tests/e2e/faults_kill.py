#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at any moment, and connections that are reset: what was taken arrives, once and in order.

Exactly once holds where lines are stored and for a reader who drops the ids that it has seen; on
stdout alone what was printed last may come again after a crash.
"""

import os
import threading

from hashflow_test import main, test, wait_until
from hashflow_test.ledger import (Transcript, as_input, check_each_once, check_rising, drop_repeats,
                                  entries, number_of)
from hashflow_test.node import Node
from hashflow_test.process import pipe_size
from hashflow_test.proxy import Proxy
from hashflow_test.session import Identity, dial_session
from hashflow_test.sockets import needs_ipv6

KILLS = 8
WIDTH = 1500

#: The most that can be printed again after one crash: what one turn reads, in bytes.
BATCH = 1 << 20


def kept(scene, name):
    """Options of a node that keeps its state and its port over its runs, and its address."""
    port = scene.ports(1)[0]
    return ("-p", port, "--state", scene.path(name), "--no-exchange"), f"127.0.0.1:{port}"


def acquaint(scene, options, address):
    """Lets a node with these options learn the address; then it ends."""
    node = scene.node("alice", *options)
    node.connect(address)
    assert node.finish() == 0, node.errors()


def feeding(node, texts):
    """Writes lines to a node's stdin in a thread, at the speed at which it takes them."""
    thread = threading.Thread(target=node.write, args=(as_input(texts), 120), daemon=True)
    thread.start()
    return thread


def parts(texts, number):
    size = -(-len(texts) // number)
    return [texts[start:start + size] for start in range(0, len(texts), size)]


def repeated(runs):
    """How many bytes of texts each run printed that an earlier one had printed."""
    seen, amounts = set(), []
    for run in runs:
        amounts.append(sum(len(m.text) for m in run if m.id in seen))
        seen.update(message.id for message in run)
    return amounts


@test("the receiver is killed again and again under load: each line once, at most a batch repeated")
def receiver(scene):
    options, address = kept(scene, "b")
    bob = Transcript(scene, "bob")
    node = bob.node(*options, "--ids")
    alice = scene.node("alice", *kept(scene, "a")[0], "-t", address, "--drain", "60", address)
    texts = entries(40000, width=60)
    for kill, part in enumerate(parts(texts, KILLS)):
        thread = feeding(alice, part)
        # Later and later within its run, from its very start on.
        bob.grown(1 + kill * 50000)
        node.kill()
        node = bob.node(*options, "--ids")
        thread.join(60)
    assert alice.finish(90) == 0, alice.errors()
    assert node.finish() == 0
    runs = bob.runs(ids=True)
    once = drop_repeats(message for run in runs for message in run)
    check_rising(once)
    check_each_once([message.text for message in once], texts)
    assert max(repeated(runs)) < BATCH, repeated(runs)


class Sender:
    """A node that is fed and killed, over and over; what each run was told of its lines."""

    def __init__(self, scene, options, address):
        self._scene, self._options, self._address = scene, options, address
        self.queued = []

    def run(self, texts, enough, end):
        """One run that is fed until `enough` lines are queued, then ended by end(node)."""
        node = self._scene.node("alice", *self._options, "-e", "-t", self._address)
        pushing = threading.Thread(target=self._feed, args=(node, as_input(texts)), daemon=True)
        pushing.start()
        wait_until(lambda: len(node.receipts("queued")) >= enough, f"{enough} lines queued")
        status = end(node)
        pushing.join(20)
        # A pipe gives out what was written to it before the end.
        node.out.wait_closed()
        self.queued += [id for _, id, _ in node.receipts("queued")]
        return status

    @staticmethod
    def _feed(node, data):
        try:
            node.write(data)
        except OSError:
            pass  # it has been killed


@test("the sender is killed again and again: no number is used twice, and what was queued arrives")
def sender(scene):
    bob_options, address = kept(scene, "b")
    bob = Transcript(scene, "bob")
    node = bob.node(*bob_options, "--ids")
    options, _ = kept(scene, "a")
    acquaint(scene, options, address)
    alice, size = Sender(scene, options, address), 4000
    for kill in range(KILLS):
        alice.run(entries(size, kill * size, WIDTH), 1 + kill * 100, Node.kill)
    last = entries(10, KILLS * size, WIDTH)
    assert alice.run(last, len(last), lambda node: node.finish(60)) == 0
    assert node.finish() == 0
    got = bob.messages(ids=True)
    assert len({m.id for m in got}) == len(got), "an id came twice to a receiver that never ended"
    assert len({m.text for m in got}) == len(got), "a text came twice"
    check_rising(got)
    assert len(set(alice.queued)) == len(alice.queued), "a number was given to two lines"
    missing = set(alice.queued) - {message.id for message in got}
    assert not missing, f"{len(missing)} queued lines never arrived: {sorted(missing)[:5]}"
    order = [int(message.text.split(" ")[0]) for message in got]
    assert order == sorted(order), "the order of the input is lost"
    assert [message.text for message in got[-len(last):]] == last
    assert len(got) < KILLS * size, "no run was killed before it had read all: this shows nothing"


@test("what is sent to a peer that is away arrives after both have been started again")
def both_restarted(scene):
    (bob, address), (alice, _) = kept(scene, "b"), kept(scene, "a")
    node = scene.node("bob", *bob)
    acquaint(scene, alice, address)
    assert node.finish() == 0
    for number in range(3):
        node = scene.node("alice", *alice, "--drain", "0")
        node.send(f"/msg {address} direct {number}", f"/bcast to all {number}")
        # What is kept for later counts as not delivered.
        assert node.finish() == 3
        assert "direct" not in node.errors(), "texts are nobody's business"
    away = scene.node("alice", *alice)
    node = scene.node("bob", *bob)
    node.hears("to all 2", "alice")
    assert node.texts() == [f"{kind} {n}" for n in range(3) for kind in ("direct", "to all")]
    away.send("/wait delivered 20")
    assert away.finish() == 0, away.errors()
    assert node.finish() == 0


@test("lines that were confirmed while nobody read stdout survive kill -9, and are printed first")
def stuck(scene):
    options, address = kept(scene, "b")
    read_end, write_end = os.pipe()
    pipe_size(write_end, 4096)
    node = scene.node("bob", *options, "--ids", stdout=write_end)
    os.close(write_end)
    session = scene.session(node, "carol")
    texts = entries(3000, width=1000)
    session.write(b"".join(b"/bcast %d %s\n" % (n, t.encode()) for n, t in enumerate(texts, 1)))
    session.ping("read")
    wait_until(lambda: session.confirmed() > 200, "far more is confirmed than the pipe takes")
    session.ping("still")
    confirmed = session.confirmed()
    node.kill()
    with open(read_end, "rb") as pipe:
        whole = pipe.read().count(b"\n")
    session.close()
    node = scene.node("bob", *options, "--ids")
    later = scene.session(node, identity=session.identity)
    assert later.resumed()[1] >= confirmed
    confirmed = later.resumed()[1]
    later.msg("afterwards", confirmed + 1)
    node.hears("afterwards")
    got = node.messages()
    first = number_of(got[0])[1]
    # At the seam nothing is missing; what the pipe had taken may come again.
    assert 1 <= first <= whole + 1, f"{whole} were printed, the next run begins with {first}"
    assert [number_of(m)[1] for m in got] == list(range(first, confirmed + 2))
    assert [m.text for m in got] == texts[first - 1:confirmed] + ["afterwards"]
    assert node.finish() == 0


@test("what is confirmed and not read stays within its bound, over restarts too")
def stuck_again(scene):
    options, _ = kept(scene, "b")
    texts, identity, resumed = entries(3000, width=1000), Identity("carol", "127.0.0.1:9"), []
    for _ in range(4):
        read_end, write_end = os.pipe()
        pipe_size(write_end, 4096)
        node = scene.node("bob", *options, stdout=write_end)
        os.close(write_end)
        session = scene.add(dial_session(node.address, identity=identity))
        first = session.resumed()[1]
        resumed.append(first)
        session.write(b"".join(b"/bcast %d %s\n" % (first + n, t.encode())
                               for n, t in enumerate(texts, 1)))
        session.ping("read")
        wait_until(lambda: first or session.confirmed() > 200, "it is confirmed as far as it may")
        node.kill()
        session.close()
        os.close(read_end)
    assert 200 < resumed[1] <= resumed[3] < 1300, resumed


def through_cuts(scene, options, texts, cuts):
    """Feeds a node alice with texts for bob; resets its connection so often meanwhile. Returns
    alice and bob's transcript."""
    needs_ipv6()
    bob = Transcript(scene, "bob")
    node = bob.node("-p", scene.ports(1)[0], "--ids", "--no-exchange", *options("b"))
    proxy = scene.add(Proxy(node.address))
    # It listens where the address that it leaves from is not: the only way is by the proxy.
    alice = scene.node("alice", "-l", f"[::1]:{scene.ports(1)[0]}", "-t", proxy.address, "-e",
                       "--drain", "60", "--no-exchange", *options("a"), proxy.address)
    for part in parts(texts, cuts):
        before = bob.size()
        thread = feeding(alice, part)
        wait_until(lambda: bob.size() > before + 1000, "lines come", 60)
        proxy.cut()
        thread.join(60)
    assert alice.finish(90) == 0, alice.errors()
    assert node.finish() == 0
    assert proxy.opened > cuts / 2, f"{proxy.opened} connections"
    return alice, bob


@test("two hundred thousand lines through ten resets of the connection: each once, in order")
def resets(scene):
    texts = entries(200000)
    _, bob = through_cuts(scene, lambda name: ("--state", scene.path(name)), texts, 10)
    got = bob.messages(ids=True)
    check_each_once([message.text for message in got], texts)
    check_rising(got)


@test("without a store the protocol is the same: nothing is lost or doubled while both live")
def no_store(scene):
    texts = entries(30000)
    alice, bob = through_cuts(scene, lambda name: ["--no-store"], texts, 4)
    got = bob.messages(ids=True)
    check_each_once([message.text for message in got], texts)
    check_rising(got)
    assert not alice.receipts("queued"), "nothing outlives a node without a store"
    assert [id for _, id, _ in alice.receipts("delivered")] == [message.id for message in got]


if __name__ == "__main__":
    main(workers=2)
