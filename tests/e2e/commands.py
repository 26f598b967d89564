#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each command's answer, prefixes, /help, and /wait's conditions."""

import re

from hashflow_test import Stopwatch, main, test
from hashflow_test.sockets import send_once

ALL = ("connect", "disconnect", "msg", "bcast", "to", "peers", "forget", "ping", "name", "whoami",
       "wait", "echo", "help", "quit")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def pair(scene, *options):
    alice, bob = scene.node("alice", *options), scene.node("bob")
    alice.connect(bob.address)
    return alice, bob


@test("/echo prints its text as it is")
def echo(scene):
    node = scene.node("alice")
    for text in ("one", "two  spaces", "  lead", "é 👋", "\\n", "/quit", "* x"):
        node.send(f"/echo {text}")
        node.expect(f"/echo {text}")
    node.send("/echo")
    node.expect(re.compile("^/echo ?$"))


@test("an unambiguous prefix is the command, an ambiguous one is an error that lists what fits")
def prefixes(scene):
    node = scene.node("alice")
    node.send("/ec short", "/echo long", "/w")
    node.expect("/echo short")
    node.complains(lambda line: "whoami" in line and "wait" in line)
    node.send("/who")
    node.expect(re.compile("^/whoami alice "))
    node.send("/ECHO case", "/echoes x")
    node.sync()
    assert "/echo case" not in node.out.items()
    assert node.finish() == 1


@test("//text sends /text, and a line of one slash more sends the rest")
def slashes(scene):
    alice, bob = pair(scene)
    alice.send("//quit", "///x", "// spaced")
    bob.hears("/ spaced")
    assert bob.texts() == ["/quit", "//x", "/ spaced"]


@test("/help lists every command, /help CMD explains one, each line begins with /help")
def help_text(scene):
    node = scene.node("alice")
    listing = "\n".join(node.ask("/help"))
    for name in ALL:
        assert f"/{name}" in listing, name
        lines = node.ask(f"/help {name}")
        assert lines and f"/{name}" in " ".join(lines)
    assert node.ask("/help msg") != node.ask("/help bcast")


@test("/whoami says name, node id and addresses")
def whoami(scene):
    node = scene.node("alice")
    lines = node.ask("/whoami")
    assert len(lines) == 1
    words = lines[0].split(" ")
    assert words[:2] == ["/whoami", "alice"] and re.fullmatch("[a-z0-9]{1,64}", words[2])
    addresses = words[3:]
    assert addresses and all(re.fullmatch(rf"(\S+\.\S+|\[\S+\]):{node.port}", a)
                             for a in addresses), words
    other = scene.node("bob")
    assert other.ask("/whoami")[0].split(" ")[2] != words[2]


@test("/peers has address, name, dialect, state, round trip and time of each peer")
def peers(scene):
    alice, bob = pair(scene)
    seed = scene.seed()
    seed.send(alice.address, "hi")
    alice.hears("hi")
    rows = alice.peers()
    assert set(rows) == {bob.address, seed.address}
    for row in rows[bob.address], bob.peers()[alice.address]:
        assert row[2:4] == ("session", "up")
        assert re.fullmatch(r"[\d.]+ms", row.rtt), row
        assert STAMP.fullmatch(row.seen), row
    assert rows[bob.address].name == "bob"
    row = rows[seed.address]
    assert (row.name, row.dialect, row.rtt) == ("seed", "oneshot", "-")
    assert STAMP.fullmatch(row.seen)
    assert scene.node("lonely").ask("/peers") == []


@test("/ping answers with address, name and milliseconds, or says why not")
def ping(scene):
    alice, bob = pair(scene)
    for who in ("bob", bob.address, f"bob@{bob.address}"):
        lines = alice.ask(f"/ping {who}")
        assert len(lines) == 1 and re.fullmatch(rf"/ping {re.escape(bob.address)} bob [\d.]+ ?ms",
                                                lines[0])
    seed = scene.seed(thorough=True)
    alice.connect(seed.address, dialect="oneshot")
    before = len(alice.err)
    assert not [line for line in alice.ask(f"/ping {seed.address}") if "ms" in line]
    alice.err.wait(lambda line: seed.address in line, since=before)
    assert alice.finish() == 1
    seed.hears("exit")
    assert seed.texts() == ["Connected\n", "exit"], "an original is never probed"


@test("/ping of a stopped node is a failure in bounded time, and others go on")
def ping_stopped(scene):
    alice, bob = pair(scene)
    bob.stop()
    watch = Stopwatch()
    alice.ask("/ping bob", 40)
    assert watch.seconds() < 35
    assert alice.errors()
    bob.resume()


@test("/to sends bare lines to one, /to all to everyone again")
def to(scene):
    alice, bob = pair(scene)
    carol = scene.node("carol")
    alice.connect(carol.address)
    alice.send("for all", "/to bob", "for bob", f"/to {carol.address}", "for carol", "/to all",
               "all again")
    for node in (bob, carol):
        node.hears("all again")
    assert bob.texts() == ["for all", "for bob", "all again"]
    assert carol.texts() == ["for all", "for carol", "all again"]


@test("after a /to that has failed bare lines go nowhere until one succeeds")
def to_nobody(scene):
    alice, bob = pair(scene)
    alice.send("/to bbo", "the secret", "/to bob", "for bob")
    bob.hears("for bob")
    alice.complains(re.compile("/to: bbo is not known"))
    alice.send("/to bbo", "another secret", "/to all", "for all")
    bob.hears("for all")
    assert bob.texts() == ["for bob", "for all"]
    assert alice.finish() == 1


@test("/name that is no name is an error and changes nothing")
def name(scene):
    node = scene.node("alice")
    for bad in ("all", "-", "a@b", "/x", "1.2.3.4:5", "\x01", "[::1]:5"):
        before = len(node.err)
        node.send(f"/name {bad}")
        node.err.wait(lambda _: True, since=before)
    assert node.ask("/whoami")[0].split(" ")[1] == "alice"
    node.send("/name alicia")
    assert node.ask("/whoami")[0].split(" ")[1] == "alicia"


@test("/connect to several answers with one line for each that was reached")
def connect(scene):
    alice, bob, carol = scene.node("alice"), scene.node("bob"), scene.node("carol")
    lines = alice.ask(f"/connect {bob.address} {carol.address}")
    assert sorted(lines) == sorted([f"/connect {bob.address} bob session",
                                    f"/connect {carol.address} carol session"])
    assert alice.ask(f"/connect {bob.address}") == [f"/connect {bob.address} bob session"]
    assert len(bob.peers()) == 1


@test("/wait up=N and peer=P return when it is so, and the network goes on meanwhile")
def wait_up(scene):
    alice = scene.node("alice")
    alice.send("/wait up=2 25", "/echo two are up")
    client = scene.client(alice)
    client.send("said during the wait")
    alice.hears("said during the wait")
    nodes = [scene.node(name) for name in ("bob", "carol")]
    for node in nodes:
        node.connect(alice.address)
    alice.expect("/echo two are up")
    alice.send("/wait peer=carol 25", f"/wait peer={nodes[0].address} 25", "/echo both")
    alice.expect("/echo both")
    assert not alice.errors().count("time")
    assert alice.finish() == 0


@test("/wait messages=N counts from the start; the messages are printed before it answers")
def wait_messages(scene):
    node = scene.node("alice")
    client = scene.client(node)
    client.send("one", "two")
    node.hears("two")
    node.send("/wait messages=2 20", "/echo had two", "/wait messages=3 20", "/echo had three")
    node.expect("/echo had two")
    assert "/echo had three" not in node.out.items()
    client.send("three")
    node.expect("/echo had three")
    lines = node.out.items()
    assert lines.index(f"{client.local} - three") < lines.index("/echo had three")


@test("/wait sent returns when all is delivered, and not before")
def wait_sent(scene):
    listener = scene.session_listener("carol")
    node = scene.node("alice", "--drain", "1")
    node.send(f"/connect {listener.address}")
    session = listener.open()
    session.acks = False
    node.send("unconfirmed")
    session.hears("unconfirmed")
    node.send("/wait sent 1", "/echo too early")
    node.expect("/echo too early")
    node.complains(re.compile("sent"))
    session.ack()
    before = len(node.err)
    node.send("/wait sent 20")
    node.sync()
    assert len(node.err) == before
    assert node.finish() == 4


@test("/wait idle=SECS returns after that much silence")
def wait_idle(scene):
    node = scene.node("alice")
    client = scene.client(node)
    client.send("noise")
    node.hears("noise")
    watch = Stopwatch()
    node.send("/wait idle=1 20")
    node.sync()
    assert 0.5 < watch.seconds() < 15
    assert node.finish() == 0


@test("a /wait without SECS waits on")
def wait_forever(scene):
    node = scene.node("alice")
    node.send("/wait messages=1", "/echo at last")
    send_once(node.address, "127.0.0.1:9 carol hello")
    node.expect("/echo at last")
    assert node.finish() == 0


@test("a failed delivery of /bcast names each peer that failed, and the others have it")
def failures(scene):
    alice, bob = pair(scene, "--drain", "1")
    seeds = [scene.seed(f"s{n}", thorough=True) for n in range(3)]
    for seed in seeds:
        alice.connect(seed.address, dialect="oneshot")
    for seed in seeds[:2]:
        seed.close()
    alice.send("/bcast who is there?")
    bob.hears("who is there?")
    seeds[2].hears("who is there?")
    # They may come back until the drain is over.
    alice.eof()
    for seed in seeds[:2]:
        alice.expect(re.compile(rf"^/bcast failed {re.escape(seed.address)} \S+ .+"))
        alice.complains(re.compile(re.escape(seed.address)))
    assert alice.wait() == 3
    assert len([line for line in alice.out.items() if line.startswith("/bcast failed")]) == 2


@test("commands with too few or too many words say how they are used")
def words(scene):
    node = scene.node("alice")
    for line, word in (("/msg", "TEXT"), ("/peers x", "peers"), ("/to", "PEER"),
                       ("/wait", "CONDITION"),
                       ("/quit now", "quit"), ("/whoami x", "whoami"), ("/bcast", "TEXT")):
        before = len(node.err)
        node.send(line)
        node.err.wait(lambda text, w=word: w in text, since=before)
    assert node.running


@test("CRLF lines are commands like others; empty lines say nothing to anyone")
def line_ends(scene):
    alice, bob = pair(scene)
    alice.send("/echo dos\r", "", "/bcast from dos\r", "after")
    alice.expect("/echo dos")
    bob.hears("after")
    assert [text for text in bob.texts() if text] == ["from dos", "after"]


if __name__ == "__main__":
    main()
