#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain sockets: a person with nc as client and as listener, and headers written by hand."""

import re
import socket

from hashflow_test import Stopwatch, main, send_once, test, wait_until
from hashflow_test.sockets import connect, read_to_end, reset

CAROL = "127.0.0.1:9"


@test("a raw line is heard from the observed address, and hears broadcasts on its connection")
def raw_client(scene):
    node = scene.node("alice")
    client = scene.client(node)
    client.send("hello, world")
    got = node.hears("hello, world")
    assert (got.address, got.name) == (client.local, "-")
    node.send("/bcast hi  you", "bare line")
    client.expect(f"{node.address} alice bare line")
    assert client.lines.items() == [f"{node.address} alice hi  you",
                                    f"{node.address} alice bare line"]
    client.send("second", "third")
    node.hears("third")
    assert node.texts() == ["hello, world", "second", "third"]
    client.close()
    node.sync()
    wait_until(lambda: client.local not in node.peers(), "a raw client leaves no entry")
    assert node.finish() == 0


@test("a client that has said nothing is told nothing")
def silent_client(scene):
    node = scene.node("alice")
    silent, talker = scene.client(node), scene.client(node)
    talker.send("x")
    node.hears("x")
    node.send("/bcast news")
    talker.expect(f"{node.address} alice news")
    assert not silent.raw and silent.open


@test("a one-shot message is taken at its end and answered by nothing, at any split")
def one_shot(scene):
    node = scene.node("alice")
    data = f"{CAROL} carol one shot".encode()
    assert send_once(node.address, data) == b""
    node.hears("one shot", "carol")
    for cut in (1, 5, 11, 13, 18, len(data) - 1):
        with connect(node.address) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(data[:cut])
            sock.sendall(data[cut:])
            sock.shutdown(socket.SHUT_WR)
            assert read_to_end(sock) == b""
    assert send_once(node.address, f"{CAROL} carol " + "y" * (1010 - len(CAROL))) == b""
    node.hears("y" * (1010 - len(CAROL)))
    assert node.texts("carol")[:-1] == ["one shot"] * 7


@test("a header may be bare, in angle brackets or IPv6; a CR before the LF is no part of the text")
def headers(scene):
    node = scene.node("alice")
    client = scene.client(node)
    client.send(f"{CAROL} carol bare", f"<{CAROL}> carol angled", "[::1]:9 carol six",
                "<[::1]:9> carol angled six", f"{CAROL} carol ends with CR\r", "raw with CR\r")
    node.hears("raw with CR")
    assert [(m.address, m.name, m.text) for m in node.messages()] == [
        (CAROL, "carol", "bare"), (CAROL, "carol", "angled"), ("[::1]:9", "carol", "six"),
        ("[::1]:9", "carol", "angled six"), (CAROL, "carol", "ends with CR"),
        (client.local, "-", "raw with CR")]


@test("one-shot peers of the family: angle brackets, a newline, an empty text, emoji, odd texts")
def family(scene):
    node = scene.node("alice")
    for number, text in enumerate(("connect", "connect_ack", "handshake", "quit", "PING",
                                   "naïve 👋🏽")):
        send_once(node.address, f"<127.0.0.1:{number + 20}> carol {text}")
    send_once(node.address, f"{CAROL} carol with newline\n")
    send_once(node.address, f"{CAROL} carol ")
    send_once(node.address, f"{CAROL} carol end")
    node.hears("end")
    for text in ("connect", "connect_ack", "handshake", "quit", "naïve 👋🏽", "with newline", ""):
        assert text in node.texts("carol"), f"{text!r} is missing"


@test("a reset that cuts a greeting off is reported, and makes nobody of whom it was from")
def cut_greeting(scene):
    node = scene.node("alice", "-e")
    for number, text in enumerate(("", "Conne", "Connected")):
        before = len(node.err)
        sock = connect(node.address)
        sock.sendall(f"127.0.0.1:{number + 20} carol {text}".encode())
        reset(sock)
        node.complains(re.compile("broke in the middle of a line"), since=before)
    assert not node.texts() and not node.events() and not node.peers()
    send_once(node.address, f"{CAROL} carol Connecting")
    node.hears("Connecting", "carol")


@test("what does not parse at all harms nothing and is reported with the address")
def garbage(scene):
    node = scene.node("alice")
    for data in (b"\x00", b"\xff\xfe\xfd", b"x", b"127.0.0.1:9", b"127.0.0.1:9 ",
                 b"127.0.0.1:9 carol", b"999.1.1.1:9 carol x", b"127.0.0.1:99999 carol x", b" ",
                 b"GET / HTTP/1.0\r\n\r\n", b"/", b"/hello", b"/hello 1", b"/bye\n", b"\n", b"\r\n",
                 b"\x16\x03\x01\x00\x05hello"):
        send_once(node.address, data)
    send_once(node.address, f"{CAROL} carol fine")
    node.hears("fine", "carol")
    assert "GET / HTTP/1.0" in node.texts()


@test("a text without a header and without LF is a raw text at the end of its connection")
def unfinished(scene):
    node = scene.node("alice")
    send_once(node.address, b"no header here")
    assert node.hears("no header here").name == "-"


@test("a whole header without LF is a message after 2 s of silence; later bytes are reported")
def silence_rule(scene):
    node = scene.node("alice")
    client = scene.client(node)
    watch = Stopwatch()
    client.write(f"{CAROL} carol never closes")
    node.hears("never closes", "carol")
    assert 1.5 < watch.seconds() < 6, f"taken after {watch.seconds():.1f} s"
    before = len(node.err)
    client.write("late bytes")
    node.complains(re.compile(re.escape(client.local)), since=before)
    assert node.texts() == ["never closes"]
    assert not client.raw, "an original is never written to"
    client.wait_end()
    assert watch.seconds() < 25


@test("a name that would mislead is shown as -, and its message is delivered")
def names(scene):
    node = scene.node("alice")
    client = scene.client(node)
    for number, name in enumerate(("all", "a@b", "/x", "1.2.3.4:5", "[::1]:5", "<1.2.3.4:5>",
                                   "n" * 65, "a\x01b", "you", "bob~a1b2", "bob~", "!bob", "*",
                                   "a\x1b[31m", "\udc80", "a\x7f", "\u0085")):
        client.send(f"{CAROL} {name} bad {number}")
        assert node.hears(f"bad {number}").name == "-", ascii(name)
    for number, name in enumerate(("n" * 64, "é" * 32, "👋", "All", "You", "a/b", "a!", "-x",
                                   "#")):
        client.send(f"{CAROL} {name} good {number}")
        assert node.hears(f"good {number}").name == name, ascii(name)


@test("a claim to be us is ignored, on every dialect")
def claims(scene):
    node = scene.node("alice", "-e")
    client = scene.client(node)
    client.send(f"{node.address} alice hello from yourself", f"{node.address} mallory so do I",
                "marker")
    node.hears("marker")
    send_once(node.address, f"{node.address} mallory exit")
    send_once(node.address, f"{node.address} mallory Connected")
    node.send("/bcast any")
    client.expect(f"{node.address} alice any")
    assert node.address not in node.peers()
    assert not [line for line in node.events() if node.address in line]
    assert not [m for m in node.messages() if m.address == node.address]


@test("a greeting with LF is answered with ours and /hello; silence then makes a stream peer")
def greeter(scene):
    node = scene.node("alice", "-e")
    client = scene.client(node)
    client.send(f"{CAROL} carol Connected")
    client.expect_line(re.escape(node.address) + " alice Connected")
    client.expect_line("/hello 1 .*node=.*")
    assert len(client.lines) == 2
    node.send("/wait peer=carol 20")
    node.sync()
    wait_until(lambda: node.peers().get(CAROL, (0, 0, ""))[2] == "stream", "a stream peer")
    node.send("/msg carol for you")
    client.expect(f"{node.address} alice for you")
    client.send("a line of mine")
    node.hears("a line of mine")
    assert node.texts() == ["a line of mine"], "Connected is no chat"


@test("a greeting without LF is answered by nothing")
def original_greeting(scene):
    node = scene.node("alice", "-e")
    assert send_once(node.address, f"{CAROL} carol Connected") == b""
    node.expect(f"* up {CAROL} carol")


@test("a first line that is not the greeting is answered by nothing, and Connected later neither")
def late_greeting(scene):
    node = scene.node("alice")
    client = scene.client(node)
    client.send(f"{CAROL} carol hi", f"{CAROL} carol Connected", f"{CAROL} carol marker")
    node.hears("marker")
    assert node.texts() == ["hi", "marker"] and not client.raw


@test("silence in answer to the greeting: a stream peer, the connection stays and carries lines")
def silent_listener(scene):
    node, listener = scene.node("alice", "-e"), scene.listener()
    watch = Stopwatch()
    node.connect(listener.address, dialect="stream")
    assert 1.2 < watch.seconds() < 5, f"answered after {watch.seconds():.1f} s"
    connection = listener.connection()
    node.send("/bcast one", f"/msg {listener.address} two", "three")
    connection.expect(f"{node.address} alice three")
    assert connection.lines.items() == [f"{node.address} alice {text}"
                                        for text in ("Connected", "one", "two", "three")]
    connection.send("back")
    assert node.hears("back").address == listener.address
    assert len(listener.connections) == 1
    assert node.finish() == 0
    assert connection.wait_end() == "eof"


@test("a clean end in answer to the greeting: a one-shot peer, one connection a message")
def ending_listener(scene):
    node, listener = scene.node("alice"), scene.listener()
    node.send(f"/connect {listener.address}")
    first = listener.connection()
    first.expect_line(re.escape(node.address) + " alice Connected")
    first.close()
    node.expect(re.compile(rf"^/connect {re.escape(listener.address)} \S+ oneshot$"))
    for number in (1, 2):
        node.send(f"/msg {listener.address} text {number}")
        connection = listener.connection(number)
        connection.wait_end()
        assert connection.raw == f"{node.address} alice text {number}".encode()
        connection.close()
    node.sync()
    assert node.finish() == 0


@test("a reset in answer to the greeting: a failed dial, with a reason, and no dialect learned")
def resetting_listener(scene):
    node, listener = scene.node("alice"), scene.listener()
    node.send(f"/connect {listener.address}")
    first = listener.connection()
    first.expect_line(".* Connected")
    first.reset()
    node.complains(re.compile(re.escape(listener.address)))
    node.sync()
    assert not [line for line in node.out.items() if "oneshot" in line or "stream" in line]
    listener.close_listener()
    assert node.finish() == 1


@test("a reset in answer to a message to an original: not delivered, and not sent again, exit 3")
def resetting_original(scene):
    node, listener = scene.node("alice", "--drain", "1"), scene.listener()
    node.send(f"/connect {listener.address}")
    listener.connection().expect_line(".* Connected")
    listener.connection().close()
    node.expect(re.compile(" oneshot$"))
    node.send(f"/msg {listener.address} once")
    message = listener.connection(1)
    message.wait_end()
    message.reset()
    node.expect(re.compile(rf"^/msg failed {re.escape(listener.address)} "))
    assert node.finish() == 3
    assert not [c for c in listener.connections.items()[2:] if b" once" in c.raw]


@test("an answer that is no greeting makes the listener a stream peer whose lines are heard")
def banner(scene):
    node, listener = scene.node("alice"), scene.listener()
    node.send(f"/connect {listener.address}")
    connection = listener.connection()
    connection.expect_line(".* Connected")
    connection.send("220 some service ready")
    assert node.hears("220 some service ready").address == listener.address
    node.sync()
    node.send(f"/msg {listener.address} line")
    connection.expect(f"{node.address} alice line")


@test("a stream listener that has gone is a failed delivery or is dialled again")
def listener_gone(scene):
    node, listener = scene.node("alice", "--drain", "3"), scene.listener()
    node.connect(listener.address, dialect="stream")
    listener.close()
    node.sync()
    node.send(f"/msg {listener.address} too late")
    node.sync()
    node.complains(re.compile(re.escape(listener.address)))
    assert node.finish() == 3


@test("lines to a client reach it on its own connection also after it has ended its sending side")
def half_closed(scene):
    node = scene.node("alice")
    client = scene.client(node)
    client.send(f"{CAROL} carol I only listen now")
    client.half_close()
    node.hears("I only listen now")
    node.sync()
    assert node.running
    other = scene.client(node)
    other.send("marker")
    node.hears("marker")


@test("two hundred clients talk at once and each line arrives once")
def many(scene):
    node = scene.node("alice")
    clients = [scene.client(node) for _ in range(200)]
    for number, client in enumerate(clients):
        client.send(f"I am {number}")
    for number, client in enumerate(clients):
        assert node.hears(f"I am {number}").address == client.local
    node.send("/bcast to all two hundred")
    for client in clients:
        client.expect(f"{node.address} alice to all two hundred")
    assert len(node.texts()) == 200
    assert all(len(client.lines) == 1 for client in clients)


if __name__ == "__main__":
    main()
