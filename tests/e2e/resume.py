#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""/resume and /ack by hand: what a session that comes back gets again, and what counts as there."""

import re

from hashflow_test import dead_address, main, test, wait_until
from hashflow_test.session import Identity, SessionConnection, dial_session
from hashflow_test.sockets import connect

FAR = 10 ** 9


def again(scene, node, identity, **more):
    """The next connection of the same peer."""
    return scene.add(dial_session(node.address, identity=identity, **more))


def to_listener(scene, node, **more):
    """A session with a peer that the node dials, and the peer's listener."""
    listener = scene.session_listener("bob", **more)
    node.send(f"/connect {listener.address}")
    session = listener.open()
    node.expect(f"/connect {listener.address} bob session")
    return session, listener


@test("/resume says what we have committed of the other's present numbering, and 0 of a new one")
def says(scene):
    node = scene.node("alice")
    session = scene.session(node, "carol")
    carol = session.identity
    assert session.resumed() == (carol.epoch, 0)
    session.msg("five", 5)
    session.acked(5)
    session.close()
    assert (session := again(scene, node, carol)).resumed() == (carol.epoch, 5)
    session.msg("six", 6)
    node.hears("six")
    session.close()
    anew = Identity("carol", carol.address, node=carol.node)
    session = again(scene, node, anew)
    assert session.resumed() == (anew.epoch, 0)
    session.msg("one of a new numbering", 1)
    node.hears("one of a new numbering")
    assert node.texts() == ["five", "six", "one of a new numbering"]


@test("with a store the mark outlives kill -9: what was confirmed does not come twice")
def mark_kept(scene):
    state = scene.path("state")
    node = scene.node("alice", "--state", state)
    session = scene.session(node, "carol")
    session.msg("nine", 9)
    session.acked(9)
    node.hears("nine")
    node.kill()
    session.close()
    node = scene.node("alice", "--state", state)
    session = again(scene, node, session.identity)
    assert session.resumed() == (session.identity.epoch, 9)
    session.msg("nine", 9)
    session.msg("ten", 10)
    node.hears("ten")
    assert node.texts()[-1] == "ten" and node.texts().count("nine") <= 1
    session.acked(10)


@test("no numbered line comes before the other has said /resume")
def waits(scene):
    node = scene.node("alice")
    session = scene.session(node, "carol", resume=False)
    node.send("/bcast patience", "/msg carol more of it")
    node.sync()
    session.ping("read")
    assert session.texts() == []
    session.send(f"/resume {session.theirs['epoch']} 0")
    session.hears("more of it")
    assert session.texts() == ["patience", "more of it"]


@test("what was not confirmed comes again after a break: once, in order, under its old numbers")
def comes_again(scene):
    node = scene.node("alice")
    first, listener = to_listener(scene, node, ack=False)
    node.send("/msg bob one", "/bcast two", "/msg bob three")
    first.hears("three")
    sent = first.numbered()
    first.close()
    second = listener.open(1)
    second.hears("three")
    node.send("/msg bob four")
    second.hears("four")
    assert second.numbered()[:3] == sent
    assert [text for _, text in second.numbered()] == ["one", "two", "three", "four"]


@test("/resume counts as a confirmation: only what is above it comes again")
def resume_confirms(scene):
    node = scene.node("alice", "--drain", "0")
    first, listener = to_listener(scene, node, ack=False)
    node.send("/msg bob one", "/msg bob two", "/msg bob three")
    first.hears("three")
    numbers = dict((text, seq) for seq, text in first.numbered())
    first.ack(numbers["two"])
    first.close()
    second = listener.open(1)
    second.hears("three")
    assert second.texts() == ["three"]
    second.ack()
    node.send("/wait sent 20")
    assert node.finish() == 0, node.errors()


@test("an /ack of what was never sent is an /error, and the end of that session alone")
def false_ack(scene):
    node = scene.node("alice")
    healthy = scene.session(node, "healthy", listening=dead_address())
    for seq in (1, FAR):
        liar = scene.session(node, f"liar{seq}", listening=dead_address())
        liar.send(f"/ack {seq}")
        liar.expect(re.compile(r"^/error \S+ .+"))
        liar.wait_end()
    node.send("/bcast unharmed")
    healthy.hears("unharmed")
    assert healthy.open


@test("an /ack that goes back changes nothing")
def back(scene):
    node = scene.node("alice", "--drain", "0")
    session, _ = to_listener(scene, node)
    node.send("/msg bob one", "/msg bob two", "/wait sent 20")
    session.hears("two")
    first = session.numbered()[0][0]
    session.send(f"/ack {first}", "/ack 0")
    session.ping("read")
    node.sync()
    assert session.texts() == ["one", "two"]
    assert node.finish() == 0, node.errors()


@test("a /resume above all that we ever gave makes a new numbering, once; then it is an /error")
def new_epoch(scene):
    node = scene.node("alice", "--state", scene.path("state"))
    listener = scene.session_listener("bob", resume=FAR)
    node.send(f"/connect {listener.address}")
    first = listener.open()
    first.wait_end()
    node.complains(re.compile("older copy"))
    second = listener.open(1)
    assert int(second.theirs["epoch"]) != int(first.theirs["epoch"])
    second.expect(re.compile(r"^/error \S+ .+"))
    second.wait_end()
    listener.close()
    third = scene.session(node, "carol", listening=dead_address())
    assert third.theirs["epoch"] == second.theirs["epoch"]
    node.send("/bcast to carol")
    third.hears("to carol")


@test("a peer that has seen more than we remember gets everything that is said afterwards")
def seen_more(scene):
    for options in (("--no-store",), ("--state", scene.path("state"))):
        node, bob = scene.node("alice", *options), Identity("bob", dead_address())
        session = again(scene, node, bob, resume=FAR)
        session.wait_end()
        session = again(scene, node, bob)
        node.send("/msg bob not swallowed")
        session.hears("not swallowed")


@test("no more than the other's window is on its way unconfirmed")
def window(scene):
    node, wide = scene.node("alice"), "x" * 10000
    carol = Identity("carol", "127.0.0.1:9", window=50000)
    session = scene.session(node, identity=carol, ack=False)
    node.send(*(f"/msg carol {number} {wide}" for number in range(30)))
    node.sync()
    wait_until(lambda: len(session.texts()) >= 4, "a window full")
    session.ping("more")
    assert len(session.texts()) <= 5
    session.acks = True
    session.ack()
    session.hears(f"29 {wide}")
    assert [int(text.split(" ")[0]) for text in session.texts()] == list(range(30))


@test("a thousand lines that come at once are not confirmed one by one")
def cumulative(scene):
    node = scene.node("alice")
    session = scene.session(node, "carol")
    session.write(b"".join(b"/bcast %d line\n" % n for n in range(1, 1001)))
    session.acked(1000)
    assert session.lines.count(re.compile("^/ack ")) < 200
    assert session.confirmed() == 1000


@test("a connection that takes the place of another one brings nothing twice")
def changes(scene):
    node = scene.node("alice")
    first = scene.session(node, "carol")
    node.send("/msg carol before")
    first.hears("before")
    first.ping("read")
    first.close()
    second = scene.add(SessionConnection(connect(node.address), first.identity))
    second.open_as_dialer()
    node.send("/msg carol after")
    second.hears("after")
    assert second.texts() == ["after"]


if __name__ == "__main__":
    main(workers=6)
