#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell script's view: what is delivered when it has ended, and what stdin's end means."""

import fcntl
import re
import signal
import socket
import struct
import termios

from hashflow_test import Stopwatch, dead_address, main, send_once, test
from hashflow_test.process import encode
from hashflow_test.sockets import split_address


def lines(*texts):
    return encode("".join(text + "\n" for text in texts))


@test("/connect and /msg from a pipe have delivered when it exits 0")
def connect_and_msg(scene):
    bob = scene.node("bob")
    for number in range(10):
        alice = scene.run("alice",
                          stdin=lines(f"/connect {bob.address}", f"/msg {bob.address} hi {number}"))
        assert alice.wait() == 0, alice.errors()
        # No wait: it must be there already, whatever is still to be printed.
        bob.sync()
        assert f"hi {number}" in bob.texts()
    assert len(bob.messages()) == 10


@test("/msg to an address never met dials it; to an original and to a stream too")
def msg_alone(scene):
    bob, seed, stream = scene.node("bob"), scene.seed(thorough=True), scene.listener()
    for address in (bob.address, seed.address, stream.address):
        assert scene.run("alice", stdin=lines(f"/msg {address} unmet")).wait() == 0
    bob.hears("unmet", "alice")
    seed.hears("unmet", "alice")
    stream.connection().expect_line(r"\S+ alice unmet")


def to_session_and_stream(scene, *data):
    """Texts that bob, a session, and a stream have of a run with this input, and the run."""
    bob, stream = scene.node("bob"), scene.listener()
    alice = scene.run("alice", "-e", f"plain:{bob.address}", stream.address, "-c", "/wait up=2 20",
                      stdin=b"".join(data))
    status = alice.wait()
    bob.sync()
    connection = stream.connection()
    connection.wait_end()
    heard = [line.split(" ", 2)[2] for line in connection.lines.items()]
    return bob.texts(), [text for text in heard if text not in ("Connected", "exit")], alice, status


@test("texts that are read together go in order, and commands between them have their turn")
def together(scene):
    texts = [f"text {number}" for number in range(3000)]
    ordered = [*texts[:700], "/echo first", *texts[700:701], "", "//slash", "/bcast said",
               *texts[701:], "/echo last"]
    session, stream, alice, status = to_session_and_stream(scene, lines(*ordered))
    expected = [*texts[:701], "/slash", "said", *texts[701:]]
    assert status == 0, alice.errors()
    assert session == expected and stream == expected
    echoed = [line for line in alice.out.items() if line.startswith("/echo")]
    assert echoed == ["/echo first", "/echo last"]
    numbers = [int(line.split(" ")[2].rsplit(".", 1)[1]) for line in alice.out.items()
               if line.startswith("* sent")]
    assert sorted(set(numbers)) == list(range(min(numbers), min(numbers) + len(expected)))
    assert len(numbers) == 2 * len(expected)


@test("a text that cannot go is refused alone, in its place among those read together")
def refused_alone(scene):
    texts = [f"text {number}" for number in range(600)]
    bad = [b"with a \0 byte\n", b"x" * 65001 + b"\n", b"y" * 65536 + b"\n"]
    session, stream, alice, status = to_session_and_stream(
        scene, lines(*texts[:100]), bad[0], lines(*texts[100:200]), bad[1], lines(*texts[200:201]),
        bad[2], lines(*texts[201:]))
    assert status == 1
    assert session == texts and stream == texts
    told = [line for line in alice.errors().splitlines() if "NUL" in line or "longer" in line]
    assert len(told) == 3 and "NUL byte" in told[0] and "65000 bytes" in told[1], told
    assert "line 204 is longer" in told[2], told


@test("where nobody answers it exits 3, with a reason that names the address")
def undelivered(scene):
    dead = dead_address()
    for data in (lines(f"/connect {dead}", f"/msg {dead} hi"), lines(f"/msg {dead} hi")):
        alice = scene.run("alice", "--drain", "1", stdin=data)
        assert alice.wait() == 3
        assert dead in alice.errors()


@test("a peer that is there only later gets what was sent to its address meanwhile")
def late_peer(scene):
    port = scene.ports(1)[0]
    alice = scene.node("alice", f"127.0.0.1:{port}")
    alice.send("/bcast early bird")
    alice.eof()
    bob = scene.node("bob", "-p", port, "--no-store")
    bob.hears("early bird")
    assert alice.wait() == 0


@test("/bcast right after the start waits for the named addresses")
def named_then_bcast(scene):
    bob, seed, stream = scene.node("bob"), scene.seed(thorough=True), scene.listener()
    alice = scene.run("alice", bob.address, seed.address, stream.address, stdin=b"at once\n")
    assert alice.wait() == 0, alice.errors()
    bob.hears("at once", "alice")
    seed.hears("at once", "alice")
    stream.connection().expect_line(r"\S+ alice at once")


@test("sending to nobody at all is an error")
def nobody(scene):
    for data in (b"hello?\n", b"/bcast hello?\n"):
        alice = scene.run("alice", stdin=data)
        assert alice.wait() in (1, 3) and alice.complaints()


@test("-t streams a growing input: each line is there before the input ends")
def growing(scene):
    bob = scene.node("bob")
    for target in ("all", bob.address):
        alice = scene.node("alice", "-t", target, bob.address)
        for number in range(5):
            alice.send(f"{target} {number}")
            bob.hears(f"{target} {number}")
        assert alice.finish() == 0


@test("-t takes every line for text: slashes, stars, spaces, empty and odd bytes")
def literal(scene):
    bob = scene.node("bob")
    texts = ["/quit", "//x", "/msg bob x", "* star", " lead", "trail ", "exit", "\udcff", "tab\t",
             "a" * 5000]
    assert scene.run("alice", "-t", "all", bob.address, stdin=lines(*texts)).wait() == 0
    bob.hears(texts[-1])
    assert bob.texts() == texts


@test("-t to one reaches that one only")
def to_one(scene):
    bob, carol = scene.node("bob"), scene.node("carol")
    alice = scene.run("alice", "-t", bob.address, bob.address, carol.address, stdin=b"for bob\n")
    assert alice.wait() == 0
    bob.hears("for bob")
    send_once(carol.address, "127.0.0.1:9 x marker")
    carol.hears("marker")
    assert carol.texts() == ["marker"]


@test("twenty thousand lines from a pipe arrive each once and in order, and then it exits 0")
def many(scene):
    bob = scene.node("bob", stdout=(sink := open(scene.path("bob.out"), "wb")))
    count = 20000
    data = b"".join(b"line %d\n" % n for n in range(count))
    alice = scene.run("alice", "-t", "all", bob.address, stdin=data)
    assert alice.wait() == 0
    assert bob.finish() == 0
    sink.close()
    with open(scene.path("bob.out"), "rb") as file:
        got = [line.split(b" ", 2)[2] for line in file.read().splitlines()]
    assert got == data.splitlines()


@test("-c runs its lines in order and before stdin")
def commands(scene):
    bob = scene.node("bob")
    alice = scene.run("alice", "-c", f"/connect {bob.address}", "-c", "one", "-c", "/echo two",
                      "-c", "/msg bob three", stdin=b"four\n")
    assert alice.wait() == 0
    bob.hears("four")
    assert bob.texts() == ["one", "three", "four"]
    assert [line for line in alice.out.items() if line.startswith("/echo")] == ["/echo two"]


@test("a command is answered before the next is read")
def answered(scene):
    bob = scene.node("bob")
    script = lines("/echo 1", f"/connect {bob.address}", "/echo 2", "/ping bob", "/echo 3",
                   "/wait up=1 20", "/peers", "/echo 4")
    alice = scene.run("alice", stdin=script)
    verbs = [line.split(" ")[0] + line[5:7] * line.startswith("/echo") for line in alice.out.items()
             if not line.startswith("/wait")]
    assert verbs == ["/echo 1", "/connect", "/echo 2", "/ping", "/echo 3", "/peers", "/echo 4"]
    assert alice.wait() == 0


@test("stdin ends: it leaves when all is delivered, long before the drain time")
def eof_leaves(scene):
    bob = scene.node("bob")
    watch = Stopwatch()
    assert scene.run("alice", "--drain", "60", bob.address, stdin=b"quick\n").wait() == 0
    assert watch.seconds() < 20


@test("stdin ends at once: an empty script does nothing and exits 0")
def eof_empty(scene):
    assert scene.run("alice", stdin=b"").wait() == 0


@test("stdin ends with -k: it goes on receiving until a signal")
def keep(scene):
    node = scene.node("alice", "-k")
    node.eof()
    client = scene.client(node)
    for number in range(3):
        client.send(f"still there {number}")
        node.hears(f"still there {number}")
    node.signal(signal.SIGTERM)
    assert node.wait() == 0


@test("stdin is /dev/null or closed: it receives only, and does not take descriptor 0 for anything")
def receive_only(scene):
    for stdin in ("null", "closed"):
        node = scene.node("alice", stdin=stdin)
        client = scene.client(node)
        client.send(f"stdin is {stdin}", "/quit", "second")
        node.hears("second")
        assert node.texts() == [f"stdin is {stdin}", "/quit", "second"]
        client.close()
        node.signal(signal.SIGTERM)
        assert node.wait() == 0


@test("stdin is /dev/null or closed, with -c: the commands are all, then it leaves")
def commands_only(scene):
    bob = scene.node("bob")
    for stdin in ("null", "closed"):
        node = scene.run("alice", "-c", f"/connect {bob.address}", "-c", f"stdin {stdin}",
                         stdin=stdin)
        assert node.wait() == 0
        bob.hears(f"stdin {stdin}")
    kept = scene.node("kept", "-k", "-c", "/echo began", stdin="null")
    kept.expect("/echo began")
    scene.client(kept).send("and goes on")
    kept.hears("and goes on")


@test("stdin is a file: it is read to its end")
def from_file(scene):
    bob = scene.node("bob")
    path = scene.path("script")
    with open(path, "wb") as file:
        file.write(lines(f"/connect {bob.address}", "from a file", "/echo done"))
    with open(path, "rb") as file:
        node = scene.run("alice", stdin=file.fileno())
    assert node.wait() == 0
    assert "/echo done" in node.out.items()
    bob.hears("from a file")


@test("delivered to an original is when it has ended the connection, and not before")
def slow_original(scene):
    listener = scene.listener()
    alice = scene.node("alice")
    alice.send(f"/connect {listener.address}")
    listener.connection().expect_line(".* Connected")
    listener.connection().close()
    alice.send(f"/msg {listener.address} take your time")
    message = listener.connection(1)
    message.wait_end()
    alice.send("/wait sent 1", "/echo waited")
    alice.expect("/echo waited")
    alice.complains(re.compile("sent"))
    message.close()
    alice.send("/wait sent 20")
    before = len(alice.err)
    alice.sync()
    assert len(alice.err) == before, alice.errors()
    alice.eof()
    listener.connection(2).close()
    assert alice.wait() == 4


@test("delivered to a stream is what its kernel has taken; what is only in ours counts as lost")
def slow_stream(scene):
    alice = scene.node("alice", "--drain", "1")
    deaf = scene.add(socket.socket())
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    deaf.connect(split_address(alice.address))
    deaf.sendall(b"I shall never read\n")
    alice.hears("I shall never read")
    count, text = 5000, "x" * 100
    alice.send(*[text] * count)
    assert alice.finish() == 3
    unread = struct.unpack("i", fcntl.ioctl(deaf, termios.FIONREAD, bytes(4)))[0]
    arrived = unread // len(f"{alice.address} alice {text}\n")
    lost = int(re.search(r" (\d+) lines were not delivered", alice.errors()).group(1))
    assert 0 < arrived and arrived + lost == count, f"{arrived} arrived, {lost} lost of {count}"


@test("a session that does not confirm within the drain time: exit 3, and a count on stderr")
def unconfirmed(scene):
    listener = scene.session_listener("mute")
    alice = scene.node("alice", "--drain", "1")
    alice.send(f"/connect {listener.address}")
    session = listener.open()
    session.acks = False
    alice.send("one", "two", "three")
    session.hears("three")
    watch = Stopwatch()
    assert alice.finish() == 3
    assert 0.5 < watch.seconds() < 15
    alice.complains(re.compile(rf"{re.escape(listener.address)} mute: 3 lines"))


@test("--drain 0 does not wait")
def no_drain(scene):
    listener = scene.session_listener("mute")
    alice = scene.node("alice", "--drain", "0")
    alice.send(f"/connect {listener.address}")
    listener.open().acks = False
    alice.send("unconfirmed")
    watch = Stopwatch()
    assert alice.finish() == 3
    assert watch.seconds() < 8


@test("copies for peers that were away already neither hold the drain nor raise the status")
def away(scene):
    bob, carol = scene.node("bob"), scene.node("carol", "--state", scene.path("c"))
    alice = scene.node("alice", "-e", "--drain", "30")
    alice.connect(bob.address, carol.address)
    carol.kill()
    alice.expect(f"* down {carol.address} carol")
    alice.send("for those here")
    bob.hears("for those here")
    watch = Stopwatch()
    assert alice.finish() == 0
    assert watch.seconds() < 15
    alice.complains(re.compile(rf"{re.escape(carol.address)} carol .*\b1 line\b"))


@test("a command line that names us among others is no error, by address or by host name")
def names_us(scene):
    bob = scene.node("bob")
    (port,) = scene.ports(1)
    for host in ("127.0.0.1", "localhost"):
        alice = scene.run("alice", "-p", port, "--no-store", f"{host}:{port}", bob.address,
                          stdin=f"/wait up=1 10\n/bcast to others by {host}\n".encode())
        assert alice.wait() == 0, alice.errors()
        bob.hears(f"to others by {host}")


@test("what is sent to nobody but ourselves has not been delivered")
def only_us(scene):
    (port,) = scene.ports(1)
    alice = scene.run("alice", "-p", port, "--no-store", "-c", f"/msg localhost:{port} me")
    assert alice.wait() == 3, alice.errors()
    alice.complains(re.compile("1 line was not delivered: that is this node itself"))


if __name__ == "__main__":
    main()
