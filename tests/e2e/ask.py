#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""/ask: whom it asks and when, what is taken for an answer, and who is named for having none."""

import re
import signal

from hashflow_test import Stopwatch, main, test, wait_until
from hashflow_test.session import Identity, dial_session
from hashflow_test.sockets import dead_address

LONGEST = "x" * 65000


def meet(scene, node, name="bob", port=9):
    """A session peer that has dialled the node, and its address."""
    session = scene.session(node, name, listening=f"127.0.0.1:{port}")
    session.ping("met")
    return session, f"127.0.0.1:{port}"


def answers(node):
    return [line for line in node.out.items() if line.startswith("/ask ")]


def missing(node, who, why, **more):
    """Waits until `who` is named for that reason."""
    return node.complains(re.compile(rf"/ask: \S+ !?{who}: .*{why}"), **more)


@test("an answer is printed line by line as it comes, and the next command waits for its end")
def one_answer(scene):
    node = scene.node("alice")
    bob, at = meet(scene, node)
    node.send("/ask bob how  are you? ", "/echo later")
    token = bob.asked("how  are you? ")
    bob.answer(token, "fine", status=None)
    node.expect(f"/ask {at} bob fine")
    bob.answer(token, "", " and \xe9 you? ", b"\xff\x1b[31m", status=None)
    node.expect(f"/ask {at} bob  and \xe9 you? ")
    bob.ping("waits")
    assert "/echo later" not in node.out.items()
    bob.answer(token)
    node.expect("/echo later")
    assert answers(node) == [f"/ask {at} bob {text}" for text in
                             ("fine", "", " and \xe9 you? ", "\udcff\x1b[31m")]
    assert node.finish() == 0
    assert not node.complaints()


@test("everyone is asked, each answers for himself, and an answer may have no line at all")
def everyone(scene):
    node = scene.node("alice")
    bob, at_bob = meet(scene, node, "bob", 9)
    carol, at_carol = meet(scene, node, "carol", 10)
    dave, _ = meet(scene, node, "dave", 11)
    node.send("/ask all ready?", "/echo later")
    tokens = [peer.asked("ready?") for peer in (bob, carol, dave)]
    dave.answer(tokens[2])
    carol.answer(tokens[1], "in a", "moment")
    node.expect(f"/ask {at_carol} carol moment")
    dave.ping("waits")
    assert "/echo later" not in node.out.items()
    bob.answer(tokens[0], "yes")
    node.expect("/echo later")
    assert answers(node) == [f"/ask {at_carol} carol in a", f"/ask {at_carol} carol moment",
                             f"/ask {at_bob} bob yes"]
    assert node.finish() == 0


@test("plain peers are left out and named, the others answer, and the status is 3")
def plain_peers(scene):
    node = scene.node("alice")
    bob, at = meet(scene, node)
    seed = scene.seed()
    seed.send(node.address, "hi")
    node.hears("hi")
    person = scene.client(node)
    person.send("hello")
    node.hears("hello")
    before = len(seed.texts())
    node.send("/ask all ready?")
    bob.answer(bob.asked("ready?"), "yes")
    node.expect(f"/ask {at} bob yes")
    missing(node, "seed", "plain lines and cannot be asked")
    missing(node, "-", "plain lines and cannot be asked")
    node.sync()
    assert len(node.complaints()) == 2
    assert len(seed.texts()) == before and not person.lines.items()
    assert node.finish() == 3


@test("whoever is silent is named after SECS, and his late answer is not printed")
def silent(scene):
    node = scene.node("alice")
    bob, at = meet(scene, node, "bob", 9)
    carol, at_carol = meet(scene, node, "carol", 10)
    watch = Stopwatch()
    node.send("/ask all ready? 1")
    token = bob.asked("ready?")
    carol.answer(carol.asked("ready?"), "nearly", status=None)
    missing(node, "bob", "no answer within 1 s")
    missing(node, "carol", "has not ended within 1 s")
    assert 0.9 < watch.seconds() < 5
    bob.answer(token, "late")
    bob.ping("heard")
    node.sync()
    assert answers(node) == [f"/ask {at_carol} carol nearly"]
    assert node.finish() == 3


@test("a number behind some text is SECS, anything else is text")
def seconds(scene):
    node = scene.node("alice")
    bob, _ = meet(scene, node)
    for line, text in (("what is 2 2", "what is 2"), ("5", "5"), (" 5", " 5"), ("x 2.5", "x"),
                       ("x 5s", "x 5s"), ("x -5", "x -5"), ("x 5 ", "x 5 "), ("x  7", "x "),
                       ("x 1e3", "x 1e3")):
        before = len(bob.lines)
        node.send(f"/ask bob {line}")
        bob.answer(bob.asked(text, since=before))
        node.sync()
    node.send("/ask bob", "/ask")
    node.complains("hashflow: usage: /ask PEER|all TEXT [SECS]")
    assert node.finish() == 1


@test("why there is no answer is said: no answerer, busy, failed, cut, and what is not known yet")
def statuses(scene):
    node = scene.node("alice")
    bob, at = meet(scene, node)
    for status, why in (("none", "takes no questions"), ("busy", "it is busy"),
                        ("failed", "its command failed"), ("cut", "too long, or not text"),
                        ("melted later=1", "its command failed")):
        before, said = len(node.err), len(bob.lines)
        node.send("/ask bob ready?")
        bob.answer(bob.asked("ready?", since=said), "so far", status=status)
        missing(node, "bob", why, since=before)
    node.sync()
    assert answers(node) == [f"/ask {at} bob so far"] * 5
    assert node.finish() == 3


@test("a node without somebody who answers says so at once")
def no_answerer(scene):
    alice, bob = scene.node("alice"), scene.node("bob")
    alice.connect(bob.address)
    watch = Stopwatch()
    alice.send("/ask bob ready? 60")
    missing(alice, "bob", "takes no questions")
    assert watch.seconds() < 20
    alice.sync()
    assert alice.finish() == 3
    assert not bob.out.items() and not bob.complaints()


@test("a peer that goes away before its answer is whole has not answered, and nobody waits for it")
def gone(scene):
    node = scene.node("alice")
    for end, why in ((lambda s: s.close(), "it went away: closed"),
                     (lambda s: s.reset(), "it went away: "),
                     (lambda s: s.send("/bye leaving"), "it went away: left"),
                     (lambda s: s.send("not a verb"), "it went away: ")):
        before = len(node.err)
        bob, _ = meet(scene, node)
        node.send("/ask bob ready? 60")
        bob.answer(bob.asked("ready?"), "nearly", status=None)
        end(bob)
        missing(node, "bob", why, since=before)
        bob.close()
        node.send("/forget bob")
        node.sync()
    assert len(answers(node)) == 4
    assert node.finish() == 3


@test("nobody else can answer, nor under another token, nor twice")
def forged(scene):
    node = scene.node("alice")
    bob, at = meet(scene, node, "bob", 9)
    eve, _ = meet(scene, node, "eve", 10)
    node.send("/ask bob ready?")
    token = bob.asked("ready?")
    for wrong in (token, str(int(token) + 1), "0", "-1", "x" * 64, "18446744073709551616"):
        eve.answer(wrong, "forged")
    for wrong in (token + "x", str(int(token) + 1), "0"):
        bob.answer(wrong, "wrong")
    eve.ping("heard")
    bob.answer(token, "yes")
    bob.answer(token, "again", status="failed")
    bob.ping("heard")
    node.sync()
    assert answers(node) == [f"/ask {at} bob yes"]
    assert node.finish() == 0


@test("an answer over 64 KiB is cut and named; the longest line that may be passes")
def too_long(scene):
    node = scene.node("alice")
    bob, at = meet(scene, node)
    node.send(f"/ask bob {LONGEST}")
    bob.answer(bob.asked(LONGEST), LONGEST)
    node.expect(f"/ask {at} bob {LONGEST}")
    node.send("/ask bob ready?")
    token = bob.asked("ready?")
    bob.answer(token, LONGEST, "y" * 534, "z", "after")
    missing(node, "bob", "too long")
    bob.ping("there")
    node.sync()
    assert [line.split(" ", 3)[3][0] for line in answers(node)] == ["x", "x", "y"]
    node.send(f"/ask bob {LONGEST}x")
    node.complains(lambda line: "longer than 65000 bytes" in line)
    node.send("/ask bob a\0b")
    node.complains(lambda line: "NUL byte" in line)
    before = len(bob.lines)
    node.send("/ask bob ready?")
    token = bob.asked("ready?", since=before)
    bob.answer(token, LONGEST + "x", status=None)
    bob.expect("/error too-long a text of more than 65000 bytes")
    missing(node, "bob", "it went away: a text of more than 65000 bytes")
    assert node.finish() == 3


@test("whose first dial goes on is asked when it has ended")
def dialled(scene):
    listener = scene.session_listener("bob")
    for question in (f"/ask {listener.address} ready?", "/ask all ready?"):
        named = [listener.address] if "all" in question else []
        number = len(listener.connections)
        node = scene.node("alice", "-c", question, "-c", "/echo later", *named)
        bob = listener.connection(number)
        bob.expect_line(".* Connected")
        assert "/echo later" not in node.out.items()
        bob.send(bob.identity.greeting(), bob.identity.hello())
        bob.answer(bob.asked("ready?"), "yes")
        node.expect(f"/ask {listener.address} bob yes")
        assert node.finish() == 0


@test("two addresses that turn out to be one node are one to ask")
def two_addresses(scene):
    listener = scene.session_listener("bob")
    node = scene.node("alice", "-c", "/ask all ready?", listener.address,
                      f"localhost:{listener.address.rpartition(':')[2]}")
    bob = listener.open()
    bob.answer(bob.asked("ready?"), "yes")
    node.sync()
    assert answers(node) == [f"/ask {listener.address} bob yes"], node.out.items()
    assert [line[:5] for line in bob.lines.items()].count("/ask ") == 1
    bob.close()


@test("who cannot be reached, or is not connected, or not known, is told at once")
def not_there(scene):
    node = scene.node("alice")
    node.send("/ask all ready?")
    node.complains(lambda line: "nobody to ask" in line)
    node.send("/ask nobody ready?")
    node.complains(lambda line: "no such peer" in line)
    bob, _ = meet(scene, node)
    node.send("/disconnect bob")
    bob.expect("/bye disconnect")
    bob.close()
    watch = Stopwatch()
    node.send("/ask bob ready? 60")
    missing(node, "bob", "it is not connected: disconnected")
    dead = dead_address()
    node.send(f"/ask {dead} ready? 60")
    missing(node, "-", "it is not connected: Connection refused")
    assert watch.seconds() < 30
    assert node.finish() == 3


@test("peers that are away are not part of everyone, named addresses are")
def away(scene):
    node = scene.node("alice")
    bob, at = meet(scene, node, "bob", 9)
    carol, _ = meet(scene, node, "carol", 10)
    carol.close()
    wait_until(lambda: any(row.name == "carol" and row.state != "up"
                           for row in node.peers().values()), "carol is down")
    node.send("/ask all ready?")
    bob.answer(bob.asked("ready?"), "yes")
    node.expect(f"/ask {at} bob yes")
    node.sync()
    assert not [line for line in node.complaints() if "/ask" in line]
    dead = dead_address()
    node.send(f"/connect {dead}", "/ask all sure?")
    bob.answer(bob.asked("sure?"), "yes")
    missing(node, "-", "not connected: Connection refused")
    assert node.finish() == 3


@test("a question follows what was sent before it")
def in_order(scene):
    node = scene.node("alice")
    bob, at = meet(scene, node)
    node.send(*[f"/msg bob {number}" for number in range(1000)], "/bcast all of you",
              "/ask bob got it?", "/msg bob after")
    bob.answer(bob.asked("got it?"), "yes")
    bob.hears("after")
    heard = bob.lines.items()
    asked = next(i for i, line in enumerate(heard) if line.startswith("/ask "))
    before = [line for line in heard[:asked] if re.match("/(msg|bcast) ", line)]
    assert len(before) == 1001 and before[-1].endswith(" all of you")
    assert node.finish() == 0


@test("on a connection in place of another the question is asked again, unless an answer has begun")
def replaced(scene):
    node = scene.node("alice")
    who = Identity("bob")
    first = scene.session(node, identity=who)
    node.send("/ask bob ready? 60")
    old = first.asked("ready?")
    second = scene.add(dial_session(node.address, identity=who))
    first.expect("/bye duplicate")
    new = second.asked("ready?")
    assert new != old
    second.answer(old, "stale")
    second.answer(new, "yes", status=None)
    node.expect("/ask 127.0.0.1:9 bob yes")
    third = scene.add(dial_session(node.address, identity=who))
    missing(node, "bob", "it went away: another connection")
    node.sync()
    assert answers(node) == ["/ask 127.0.0.1:9 bob yes"]
    third.ping("marker")
    assert not [line for line in third.lines.items() if line.startswith("/ask ")]
    assert node.finish() == 3


@test("a signal gives the question up, and the node leaves at once")
def given_up(scene):
    node = scene.node("alice")
    bob, _ = meet(scene, node)
    node.send("/ask bob ready? 60")
    token = bob.asked("ready?")
    watch = Stopwatch()
    node.signal(signal.SIGTERM)
    bob.expect("/bye leaving")
    bob.send(f"/answer {token} late", f"/answered {token} ok", "/bye bye")
    assert node.wait() == 0
    assert watch.seconds() < 5
    assert not answers(node)


main()
