#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every bound at one below, at, and one above: texts, lines, names; and bytes not allowed."""

import re

from hashflow_test import Skip, main, test, wait_until
from hashflow_test.process import encode
from hashflow_test.sockets import send_once

CAROL = "127.0.0.1:9"
TEXT_MAX, LINE_MAX = 65000, 65536


def text(length):
    """A text of this many bytes that differs in every place that could be cut."""
    return ("".join(f"{n:06d}." for n in range(length // 7 + 1)))[:length]


def audience(scene, node):
    """A node, an original and a stream that `node` is connected to."""
    bob, seed, stream = scene.node("bob"), scene.seed(thorough=True), scene.listener()
    node.connect(bob.address)
    node.connect(seed.address, dialect="oneshot")
    node.connect(stream.address, dialect="stream")
    return bob, seed, stream.connection()


def got_all(bob, seed, stream, sender, wanted, marker):
    """Asserts that each has heard the wanted texts, then the marker, and nothing else."""
    bob.hears(marker)
    stream.expect(f"{sender.address} alice {marker}")
    seed.hears(marker)
    assert [len(t) for t in bob.texts()] == [len(t) for t in wanted] + [len(marker)]
    assert bob.texts() == wanted + [marker]
    head = f"{sender.address} alice "
    assert stream.lines.items()[1:] == [head + t for t in wanted + [marker]]
    pieces = seed.texts()[1:-1]
    assert "".join(pieces) == "".join(wanted), f"{len(pieces)} pieces"
    assert all(len(message.raw) <= 1024 for message in seed.received.items())


@test("/bcast and /msg: 64,999 and 65,000 bytes arrive whole, 65,001 are refused whole")
def commands(scene):
    alice = scene.node("alice")
    bob, seed, stream = audience(scene, alice)
    for verb in ("/bcast", f"/msg {bob.address}", f"/msg {seed.address}"):
        before = len(alice.err)
        alice.send(f"{verb} {text(TEXT_MAX + 1)}")
        alice.err.wait(re.compile("65.?000"), since=before)
    alice.send(f"/bcast {text(TEXT_MAX - 1)}", f"/bcast {text(TEXT_MAX)}", "/bcast end")
    got_all(bob, seed, stream, alice, [text(TEXT_MAX - 1), text(TEXT_MAX)], "end")
    assert alice.finish() == 1


@test("a bare line has the same bound")
def bare(scene):
    alice = scene.node("alice")
    bob, seed, stream = audience(scene, alice)
    alice.send(text(TEXT_MAX), text(TEXT_MAX + 1), text(TEXT_MAX - 1), "end")
    got_all(bob, seed, stream, alice, [text(TEXT_MAX), text(TEXT_MAX - 1)], "end")
    alice.complains(re.compile("65.?000"))
    assert alice.finish() == 1


@test("-t has the same bound, and a line of a megabyte is refused whole without harm to the next")
def to(scene):
    bob = scene.node("bob")
    data = [text(TEXT_MAX), text(TEXT_MAX + 1), "a", text(1 << 20), "b", text(LINE_MAX - 1), "c",
            text(LINE_MAX), "d", text(LINE_MAX + 1), "e"]
    alice = scene.run("alice", "-t", bob.address, bob.address, stdin=encode("\n".join(data) + "\n"))
    bob.hears("e")
    assert bob.texts() == [text(TEXT_MAX), *"abcde"]
    assert alice.wait() == 1
    assert alice.complaints()


@test("a last line without LF is a line, at the bound too")
def unended(scene):
    bob = scene.node("bob")
    for data in (b"short", encode(text(TEXT_MAX))):
        assert scene.run("alice", "-t", bob.address, bob.address, stdin=data).wait() == 0
        bob.hears(data.decode())


@test("a bound on bytes, not on characters")
def wide(scene):
    alice, bob = scene.node("alice"), scene.node("bob")
    alice.connect(bob.address)
    alice.send("é" * 32500, "é" * 32501, "👋" * 16250, "end")
    bob.hears("end")
    assert bob.texts() == ["é" * 32500, "👋" * 16250, "end"]


@test("a stream's text over the bound is reported and not delivered; others are not touched")
def stream_in(scene):
    alice = scene.node("alice")
    other, client = scene.client(alice), scene.client(alice)
    client.send(f"{CAROL} carol {text(TEXT_MAX - 1)}", f"{CAROL} carol {text(TEXT_MAX)}",
                text(TEXT_MAX))
    alice.out.wait_count(3)
    assert [m.text for m in alice.messages()] == [text(TEXT_MAX - 1), text(TEXT_MAX),
                                                  text(TEXT_MAX)]
    client.send(f"{CAROL} carol {text(TEXT_MAX + 1)}")
    alice.complains(re.compile("127.0.0.1:"))
    other.send("unharmed")
    alice.hears("unharmed")
    assert len(alice.messages()) == 4


@test("a line of 65,536 bytes with LF is a line; a longer one closes the connection with /error")
def line_in(scene):
    alice = scene.node("alice")
    other, peer = scene.client(alice), scene.session(alice, "carol")
    other.send("here")
    for length in (LINE_MAX + 1, LINE_MAX + 1000, 1 << 20):
        client = scene.client(alice)
        client.send("first")
        try:
            client.send(text(length - 1))
        except OSError:
            pass
        client.wait_end()
        assert client.lines.count(re.compile("^/error ")) or client.ended == "reset"
    client = scene.client(alice)
    client.send("first")
    client.write(text(LINE_MAX))
    client.expect(re.compile("^/error "))
    client.wait_end()
    other.send("unharmed")
    alice.hears("unharmed")
    peer.msg("unharmed too")
    alice.hears("unharmed too")
    assert sorted(set(alice.texts())) == ["first", "here", "unharmed", "unharmed too"]


@test("a session's text at the bound arrives, its line over the bound ends that session alone")
def session_in(scene):
    alice = scene.node("alice")
    other = scene.session(alice, "other", listening="127.0.0.1:8")
    peer = scene.session(alice, "carol")
    peer.msg(text(TEXT_MAX))
    peer.bcast(text(TEXT_MAX - 1))
    alice.hears(text(TEXT_MAX - 1))
    assert alice.texts("carol") == [text(TEXT_MAX), text(TEXT_MAX - 1)]
    peer.write(b"/msg 3 " + b"x" * LINE_MAX)
    peer.expect(re.compile("^/error "))
    peer.wait_end()
    other.msg("unharmed")
    alice.hears("unharmed")
    assert len(alice.messages()) == 3


@test("NUL is refused whole, on every way in, with a reason")
def nul(scene):
    alice, bob = scene.node("alice"), scene.node("bob")
    alice.connect(bob.address)
    alice.send(b"/bcast be\0fore", b"nul\0", b"\0", f"/msg {bob.address} a\0b", "after")
    bob.hears("after")
    assert bob.texts() == ["after"]
    alice.complains(re.compile("NUL"))
    client = scene.client(bob)
    client.send(b"raw\0nul", f"{CAROL} carol head\0er", f"{CAROL} ca\0rol x")
    bob.complains(re.compile("127.0.0.1:"))
    send_once(bob.address, f"{CAROL} carol one\0shot")
    fresh = scene.client(bob)
    fresh.send("fresh")
    bob.hears("fresh")
    assert not [t for t in bob.texts() if "\0" in t or t in ("raw", "head", "one")], bob.texts()
    assert alice.finish() == 1


@test("names of 64 bytes are names, of 65 are refused at the start and as a command")
def names(scene):
    alice = scene.node("n" * 64)
    alice.send("/name " + "m" * 65)
    alice.sync()
    assert alice.errors()
    assert alice.ask("/whoami")[0].split(" ")[1] == "n" * 64
    alice.send("/name " + "é" * 32)
    assert alice.ask("/whoami")[0].split(" ")[1] == "é" * 32
    assert scene.run("n" * 65).wait() == 2


def outer_address(node):
    """Where a node is reached that is not loopback: those of this machine may claim more."""
    found = [address for address in node.ask("/whoami")[0].split(" ")[3:]
             if re.fullmatch(r"[\d.]+:\d+", address) and not address.startswith("127.")]
    if not found:
        raise Skip("this machine has loopback addresses only")
    return found[0]


@test("claimed addresses cost at most 16 entries from one source, and all messages are delivered")
def claims(scene):
    alice = scene.node("alice", "--state", scene.path("state"))
    address = outer_address(alice)
    ip = address.split(":")[0]
    for number in range(40):
        send_once(address, f"{ip}:{20000 + number} claimer{number} hi", source=ip)
        alice.hears("hi", f"claimer{number}")
    assert len(alice.peers()) == 16
    send_once(alice.address, "127.0.0.1:30000 fresh hi there")
    alice.hears("hi there", "fresh")
    assert "127.0.0.1:30000" in alice.peers()


@test("a thousand claimed addresses are the most that are kept")
def many_claims(scene):
    alice = scene.node("alice")
    peer = scene.session(alice, "real", listening="127.0.0.1:8")
    for source in range(70):
        for number in range(16):
            port = 10000 + source * 16 + number
            send_once(alice.address, f"127.0.0.1:{port} claimer x", source=f"127.0.1.{source + 1}")
    wait_until(lambda: len(alice.messages()) == 70 * 16, "every message is delivered all the same")
    rows = alice.peers()
    assert len(rows) in (1000, 1001), f"{len(rows)} entries"
    assert rows["127.0.0.1:8"].state == "up"
    peer.msg("still here")
    alice.hears("still here")


if __name__ == "__main__":
    main()
