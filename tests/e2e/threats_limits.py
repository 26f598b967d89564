#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inside TLS: the longest line and one byte more, before and after /hello; more than there is room
for; and few descriptors."""

import re

from hashflow_test import dead_address, main, test, wait_until
from hashflow_test.node import has_sanitizer
from hashflow_test.sockets import Connection, connect
from hashflow_test.tls import (Stranger, client_hello, dial_tls, tls_client, TlsListener,
                               write_group)

GROUP = bytes(range(32))
HELLO_BYTES = 2048
LINE_BYTES = 65536
TEXT_BYTES = 65000
GROWTH_KIB = (256 if has_sanitizer() else 16) * 1024


def closed(scene, label="alice", **more):
    write_group(scene.path(label), GROUP)
    return scene.node(label, "--state", scene.path(label), "-e", **more)


def padded(line, size):
    """A /hello with a key that nobody knows, which makes it so long with its LF."""
    return f"{line} x-more={'y' * (size - len(line) - len(' x-more=') - 1)}"


def member(scene, node, name="carol", **more):
    identity = Stranger(name, dead_address())
    session = dial_tls(scene, node.address, identity=identity, **more)
    session.enter(GROUP)
    return session


@test("a /hello of 2047 and 2048 bytes lets a member in, one of 2049 does not")
def hello_length(scene):
    alice = closed(scene)
    for size in (HELLO_BYTES - 1, HELLO_BYTES, HELLO_BYTES + 1):
        session = dial_tls(scene, alice.address, identity=Stranger(f"n{size}", dead_address()))
        hello = padded(session.identity.hello(f" proof={session.proof(GROUP)}"), size)
        assert len(hello) + 1 == size
        session.attempt(hello)
        if size <= HELLO_BYTES:
            session.expect(re.compile("^/hello "))
        else:
            session.refused("too-long")


@test("an answer of 2048 bytes is taken from whom we dial, one of 2049 is not")
def answer_length(scene):
    alice = closed(scene)
    for size in (HELLO_BYTES, HELLO_BYTES + 1):
        listener = scene.add(TlsListener(identity=Stranger(f"n{size}")))
        alice.send(f"/msg {listener.address} for the right length", f"/connect {listener.address}")
        session = listener.connection()
        session.expect(re.compile("^/hello "))
        session.attempt(padded(session.identity.hello(f" proof={session.proof(GROUP)}"), size))
        if size == HELLO_BYTES:
            session.hears("for the right length")
        else:
            session.expect(re.compile("^/error too-long "))
            session.wait_end()
            assert not session.texts()


@test("bytes without LF before /hello are cut off at the limit, many records or one")
def endless_hello(scene):
    alice = closed(scene)
    good, memory = member(scene, alice), alice.memory_kib()
    for part in (b"x" * 100, b"/hello 1 " + b"x" * 60000, b"\0" * 3000):
        session = dial_tls(scene, alice.address)
        try:
            while session.open:
                session.write(part)
        except OSError:
            pass
        session.refused("too-long")
        good.ping("still-served", 10)
    assert alice.memory_kib() - memory < GROWTH_KIB


@test("after /hello a line of 65536 bytes is taken and one more is not; nobody else notices")
def line_length(scene):
    alice = closed(scene)
    good = member(scene, alice, "dave")
    for size in (LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1):
        session = member(scene, alice, f"n{size}")
        session.attempt("/later " + "z" * (size - len("/later ") - 1))
        if size <= LINE_BYTES:
            session.ping(f"after-{size}")
        else:
            session.expect(re.compile("^/error too-long "))
            session.wait_end()
    good.ping("unharmed")


@test("after /hello a text of 65000 bytes arrives, one more is refused whole, and nothing is cut")
def text_length(scene):
    alice = closed(scene)
    session = member(scene, alice)
    for size in (TEXT_BYTES - 1, TEXT_BYTES):
        session.msg("t" * size)
        alice.hears("t" * size)
    session.attempt(f"/msg 9 {'t' * (TEXT_BYTES + 1)}", "/msg 10 after it")
    alice.complains(re.compile("65000"))
    alice.sync()
    lengths = [len(text) for text in alice.texts()]
    assert lengths in ([TEXT_BYTES - 1, TEXT_BYTES], [TEXT_BYTES - 1, TEXT_BYTES, 8]), lengths


@test("every length around a TLS record's arrives whole, in both directions")
def record_lengths(scene):
    alice, bob = closed(scene, "alice"), closed(scene, "bob")
    alice.connect(bob.address)
    texts = [chr(97 + n % 26) * (16384 * part + n - 12) for part in (1, 2, 3) for n in range(24)]
    alice.send(*(f"/msg bob {text}" for text in texts))
    bob.send(*(f"/msg alice {text}" for text in texts))
    bob.hears(texts[-1])
    alice.hears(texts[-1])
    assert alice.texts() == texts and bob.texts() == texts


@test("an end in the middle of a line is no end of that line, whether it was announced or not")
def half_a_line(scene):
    alice = closed(scene)
    for number, options in enumerate(((), ("-n",))):
        identity = Stranger(f"carol{number}", dead_address())
        session = dial_tls(scene, alice.address, *options, identity=identity)
        session.enter(GROUP)
        session.msg(f"whole {number}")
        alice.hears(f"whole {number}")
        session.write("/msg 2 only a ha")
        session.half_close()
        alice.expect(f"* down {identity.address} carol{number}")
    assert alice.texts() == ["whole 0", "whole 1"]


@test("members who send without end and never read are bounded like in plain text")
def unread(scene):
    alice = closed(scene)
    good, greedy = member(scene, alice, "dave"), member(scene, alice, "greedy", ack=False)
    greedy.tls.stop()
    memory = alice.memory_kib()
    for number in range(100):
        alice.send(f"/msg greedy {number} {'x' * 60000}")
        good.ping(f"p{number}")
    alice.sync()
    assert alice.memory_kib() - memory < GROWTH_KIB, alice.memory_kib() - memory
    greedy.tls.resume()


@test("strangers who each begin a handshake of many kilobytes fill no memory")
def large_handshakes(scene):
    alice = closed(scene)
    good, memory = member(scene, alice), alice.memory_kib()
    record = b"\x16\x03\x01\x40\x00"
    begun = b"\x01\x01\xff\x00" + bytes(16380)
    for number in range(200):
        stranger = scene.add(Connection(connect(alice.address)))
        try:
            stranger.write(record + begun + (record + bytes(16384)) * 5)
        except OSError:
            pass
        if number % 20 == 0:
            good.ping(f"p{number}", 10)
    good.ping("all-there", 10)
    assert alice.memory_kib() - memory < GROWTH_KIB, alice.memory_kib() - memory


def besieged_by_few(scene, node, secret):
    """40 stuck strangers where there are descriptors for fewer: a newcomer gets in nevertheless."""
    context = tls_client(scene)
    good = dial_tls(scene, node.address, identity=Stranger("carol", dead_address()))
    good.enter(secret)
    for number in range(40):
        stranger = scene.add(Connection(connect(node.address)))
        try:
            stranger.write(client_hello(context) if number % 2 else b"\x16")
        except OSError:
            pass
        good.ping(f"p{number}", 5)

    def gets_in():
        late = dial_tls(scene, node.address, identity=Stranger("dave", dead_address()))
        late.tls.err.wait(re.compile("^(exporter|failed) "))
        if late.tls.has_shaken:
            late.attempt(late.identity.hello(f" proof={late.proof(secret)}" if secret else ""))
            wait_until(lambda: late.lines.items() or not late.open, "an answer")
        return any(line.startswith("/hello ") for line in late.lines.items())
    assert node.descriptors() > 32, "there was room for all"
    assert gets_in(), "a newcomer is kept out"
    good.ping("unharmed")
    assert len(node.complaints()) < 12, node.errors()


@test("few descriptors, a closed door: stuck strangers keep no member out")
def few_descriptors_closed(scene):
    besieged_by_few(scene, closed(scene, ulimit=40), GROUP)


@test("few descriptors, an open door: the same")
def few_descriptors_open(scene):
    node = scene.node("alice", "--state", scene.path("alice"), "-e", ulimit=40)
    besieged_by_few(scene, node, None)


@test("strangers who are refused and do not go away use up no descriptors")
def refused_and_staying(scene):
    alice = closed(scene, ulimit=128)
    good, crowd = member(scene, alice), []
    for number in range(400):
        crowd.append(scene.add(connect(alice.address)))
        crowd[-1].sendall(b"let me in\n")
        if number % 20 == 0:
            good.ping(f"p{number}")
    member(scene, alice, "dave").ping("in")
    assert not alice.err.count(re.compile("descriptors are in use")), alice.errors()


if __name__ == "__main__":
    main()
