#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Together with the original program: its six menu functions, in both roles, and its manners."""

import re

from hashflow_test import main, send_once, test, wait_until
from hashflow_test.seed import check_manners


def met(scene, options=(), **more):
    """A node and an original that it has dialled; the original watches the whole connection."""
    seed, node = scene.seed(thorough=True, **more), scene.node("alice", "-e", *options)
    node.connect(seed.address, dialect="oneshot")
    seed.hears("Connected\n", "alice")  # it closes before it has noted what it read
    return node, seed


@test("a dialled original gets one ordinary Connected and then whole messages only")
def dialled(scene):
    node, seed = met(scene)
    node.send(f"/msg {seed.address} hello  there ", "/bcast to all")
    seed.hears("to all", "alice")
    node.connect(seed.address, dialect="oneshot")
    node.send(f"/msg {seed.address} last")
    seed.hears("last")
    assert [m.raw for m in check_manners(seed, node.address)] == [
        f"{node.address} alice {text}".encode()
        for text in ("Connected\n", "hello  there ", "to all", "last")]


@test("menu 1: a message from an original is shown as it came, and can be answered")
def message_in(scene):
    seed, node = scene.seed(thorough=True), scene.node("alice")
    seed.send(node.address, "good  day, é and 👋")
    got = node.hears("good  day, é and 👋")
    assert (got.address, got.name) == (seed.address, "seed")
    assert node.out.items()[-1] == f"{seed.address} seed good  day, é and 👋"
    node.send("/msg seed and to you")
    seed.hears("and to you", "alice")
    check_manners(seed, node.address)
    assert node.peers()[seed.address].name == "seed"
    assert node.finish() == 0


@test("menu 2: an original knows who has spoken to it, by the address where that one listens")
def listed(scene):
    node, seed = met(scene)
    wait_until(lambda: [row[:2] for row in seed.list()] == [(node.address, "alice")], "noted")


@test("menu 3: Connected from an original is an event and no chat, and it is answered by nothing")
def connected_in(scene):
    seed, node = scene.seed(thorough=True), scene.node("alice", "-e")
    seed.knows(node.address)
    seed.connect_all()
    node.expect(f"* up {seed.address} seed")
    seed.send(node.address, "marker")
    node.hears("marker")
    assert node.texts() == ["marker"]
    node.send(f"/msg {seed.address} reply")
    seed.hears("reply")
    check_manners(seed, node.address)


@test("menu 4: a broadcast of an original reaches every node once")
def broadcast_in(scene):
    seed = scene.seed()
    nodes = [scene.node(name) for name in ("alice", "bob")]
    for node in nodes:
        seed.knows(node.address)
    seed.broadcast("to you all")
    for node in nodes:
        node.hears("to you all", "seed")
        seed.send(node.address, "marker")
        node.hears("marker")
        assert node.texts() == ["to you all", "marker"]


@test("menu 5: an original that disconnects locally is still reached, and reaches us")
def disconnected(scene):
    node, seed = met(scene)
    seed.connect_all()
    seed.disconnect(node.address)
    node.send("/bcast still there?")
    seed.hears("still there?")
    seed.send(node.address, "yes")
    node.hears("yes")
    check_manners(seed, node.address)


@test("menu 6: an original that leaves is down, gets nothing more, and is back when it speaks")
def exit_in(scene):
    node, seed = met(scene)
    other = scene.seed("other", thorough=True)
    node.connect(other.address, dialect="oneshot")
    seed.exit()
    node.expect(f"* down {seed.address} seed")
    assert seed.address in node.peers(), "a peer that leaves is not forgotten"
    assert "exit" not in node.texts()
    again = scene.seed("seed", port=int(seed.address.split(":")[1]), thorough=True)
    node.send("/bcast one")
    other.hears("one")
    again.send(node.address, "here again")
    node.hears("here again")
    node.send("/bcast two")
    again.hears("two")
    assert again.texts() == ["two"], "nothing went to a peer that had left"
    assert node.finish() == 0


@test("/quit, stdin's end and SIGTERM say exit to an original, with no newline, once")
def exit_out(scene):
    for way in ("quit", "eof", "term"):
        node, seed = met(scene, name=way)
        if way == "quit":
            node.send("/quit")
        elif way == "eof":
            node.eof()
        else:
            node.signal(15)
        assert node.wait() == 0
        seed.hears("exit", "alice")
        assert seed.texts() == ["Connected\n", "exit"]
        wait_until(lambda s=seed: s.list() == [], "the original has removed us")
        check_manners(seed, node.address)


@test("/disconnect says exit to an original, and it is dialled again when asked")
def disconnect_out(scene):
    node, seed = met(scene)
    node.send(f"/disconnect {seed.address}")
    seed.hears("exit")
    node.send(f"/msg {seed.address} again")
    seed.hears("again")
    check_manners(seed, node.address)


@test("a text that is exit, in any case, gets a space, also as the last piece of a long text")
def text_exit(scene):
    node, seed = met(scene)
    header = len(f"{node.address} alice ")
    for text in ("exit", "EXIT", "eXit", "exiting", "exit now"):
        node.send(f"/msg {seed.address} {text}")
        seed.hears(text + " " if len(text) == 4 else text)
    node.send(f"/msg {seed.address} {'x' * (1024 - header)}exit", "/bcast exit", "exit",
              "/bcast end")
    seed.hears("end")
    tail = [text for text in seed.texts() if text[:1] != "x"]
    assert tail == ["Connected\n", "exit ", "EXIT ", "eXit ", "exiting", "exit now",
                    "exit ", "exit ", "exit ", "end"], tail
    assert seed.list(), "the original believes that we have left"


@test("a long text comes as several messages, cut between characters, with nothing lost")
def long_text(scene):
    node, seed = met(scene)
    for unit in ("x", "é", "€", "👋", "a👋é "):
        text = (unit * 5000)[:5000] + "."
        before = len(seed.received)
        node.send(f"/msg {seed.address} {text}", f"/msg {seed.address} end")
        seed.hears("end", since=before)
        assert "".join(seed.texts()[before:-1]) == text
    for message in check_manners(seed, node.address):
        message.raw.decode("utf-8")


@test("bytes that are no UTF-8 pass a cut unharmed too")
def long_bytes(scene):
    node, listener = scene.node("alice"), scene.seed(thorough=True)
    node.connect(listener.address, dialect="oneshot")
    node.send(b"/msg " + listener.address.encode() + b" " + b"\x80\xbf" * 1500)
    wait_until(lambda: sum(map(len, listener.malformed.items())) >= 3000, "all pieces")
    header = f"{node.address} alice ".encode()
    pieces = listener.malformed.items()
    assert all(piece.startswith(header) and len(piece) <= 1024 for piece in pieces)
    assert b"".join(piece[len(header):] for piece in pieces) == b"\x80\xbf" * 1500


@test("its liveness probe, which claims to come from us, enters no directory and starts no dial")
def probe(scene):
    seed, node = scene.seed(), scene.node("alice", "-e")
    for _ in range(3):
        seed.probe(node.address)
    seed.send(node.address, "marker")
    node.hears("marker")
    assert list(node.peers()) == [seed.address]
    assert not [line for line in node.events() if node.address in line]


@test("an exit in another's name counts for a peer without a session, until that one speaks")
def third_party(scene):
    node, seed = met(scene)
    other = scene.seed("other", thorough=True)
    node.connect(other.address, dialect="oneshot")
    send_once(node.address, f"{seed.address} seed exit")
    node.expect(re.compile(rf"^\* down {seed.address} "))
    node.send("/bcast one")
    other.hears("one")
    seed.send(node.address, "I am here")
    node.hears("I am here")
    node.send("/bcast two")
    seed.hears("two")
    assert seed.texts() == ["Connected\n", "two"]
    check_manners(seed, node.address)


@test("an exit in another's name does nothing to a peer with a session")
def third_party_session(scene):
    alice, bob = scene.node("alice", "-e"), scene.node("bob")
    alice.connect(bob.address)
    for text in ("exit", "EXIT", "exit"):
        send_once(alice.address, f"{bob.address} bob {text}")
    alice.send("/bcast still up?")
    bob.hears("still up?")
    bob.send("/bcast yes")
    alice.hears("yes")
    assert not [line for line in alice.events() if line.startswith("* down")]
    assert alice.peers()[bob.address].state == "up"


@test("a session that was said to have left is dialled again when it is lost")
def third_party_lost(scene):
    node, listener = scene.node("alice"), scene.session_listener("carol")
    node.send(f"/connect {listener.address}")
    session = listener.open()
    node.sync()
    send_once(node.address, f"{listener.address} carol exit")
    session.close()
    listener.open(1).msg("here again")
    node.hears("here again")


@test("the exit storm does not occur: we pass on no departure")
def storm(scene):
    node, first = met(scene, name="first")
    second = scene.seed("second", thorough=True)
    node.connect(second.address, dialect="oneshot")
    for seed in (first, second):
        seed.connect_all()
    gone = "127.0.0.1:9"
    send_once(node.address, f"{gone} gone hello")
    node.hears("hello")
    for number in range(5):
        send_once(first.address, f"{gone} gone exit")
        send_once(second.address, f"{gone} gone exit")
        first.send(node.address, f"marker {number}")
        node.hears(f"marker {number}")
        node.send(f"/bcast round {number}")
        for seed in (first, second):
            seed.hears(f"round {number}")
    for seed in (first, second):
        passed_on = [m for m in seed.received.items() if m.text.lower() == "exit"]
        # The five that were put in from outside.
        assert len(passed_on) == 5, f"{len(passed_on)} exits came to {seed.name}"
        check_manners(seed, node.address)


@test("an original is believed about its port and not about its address, unless both are here")
def addresses(scene):
    node, elsewhere = scene.node("alice"), scene.seed("elsewhere", ip="127.0.1.1", thorough=True)
    elsewhere.send(node.address, "from 127.0.1.1")
    assert node.hears("from 127.0.1.1").address == elsewhere.address
    node.send("/msg elsewhere found")
    elsewhere.hears("found")
    here = scene.seed("here", thorough=True)
    port = here.address.split(":")[1]
    send_once(node.address, f"198.51.100.7:{port} here from afar")
    assert node.hears("from afar").address == here.address
    node.send("/msg here found too")
    here.hears("found too")


@test("an original that is away until the drain is over is a failed delivery: a reason, exit 3")
def absent(scene):
    node, seed = met(scene, options=["--drain", "1"])
    seed.close()
    node.send(f"/msg {seed.address} too late")
    node.eof()
    line = node.expect(re.compile(r"^/msg failed "))
    assert line.split(" ")[2] == seed.address, line
    node.complains(re.compile(re.escape(seed.address)))
    assert node.wait() == 3


@test("an original that starts with hello is known, and is greeted at most once")
def starts(scene):
    node = scene.node("alice")
    seed = scene.seed("early", hello_to=[node.address], thorough=True)
    node.hears("hello", "early")
    node.send("/msg early welcome")
    seed.hears("welcome")
    check_manners(seed, node.address)


@test("a node named on the command line greets an original once a run, remembered ones too")
def once_a_run(scene):
    seed, home, state = scene.seed(thorough=True), scene.home(), scene.path("state")
    for run in (1, 2):
        named = [seed.address] if run == 1 else []
        node = scene.node("alice", "--state", state, *named, home=home)
        node.send(f"/msg {seed.address} run {run}")
        seed.hears(f"run {run}")
        mark = len(seed.received)
        assert node.finish() == 0
        seed.hears("exit", since=mark)
        greetings = seed.received.count(lambda m: m.text == "Connected\n")
        assert greetings <= run, f"{greetings} greetings in {run} runs"
        assert seed.received.count(lambda m: m.text == "exit") == run
    assert not seed.malformed.items()


if __name__ == "__main__":
    main()
