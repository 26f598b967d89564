#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""stdout as a slow pipe, a full one, a non-blocking one, a file, a full disk, and gone."""

import fcntl
import os
import pathlib
import re
import threading

from hashflow_test import Log, Skip, Stopwatch, main, test, wait_until
from hashflow_test.process import Lines, collect, pipe_size
from hashflow_test.node import has_sanitizer
from hashflow_test.seed import unique_ip

COUNT, WIDTH = 3000, 1000

#: What a node may hold for one sender: 8 MiB, and some. A sanitizer keeps freed memory.
MEMORY_KIB = (400 if has_sanitizer() else 30) * 1024


def line(number):
    return f"{number:08d} " + "x" * WIDTH


def numbered(count):
    return b"".join(b"/bcast %d %s\n" % (n + 1, line(n).encode()) for n in range(count))


def push(session, count=COUNT):
    """Sends numbered lines in a thread: a receiver may make the sender wait."""
    data = numbered(count)
    thread = threading.Thread(target=quietly, args=(session.write, data, 120), daemon=True)
    thread.start()
    return thread


def quietly(function, *args):
    try:
        function(*args)
    except (AssertionError, OSError):
        pass


class Pipe:
    """A pipe whose reading begins when the test says so."""

    def __init__(self, scene, size=4096):
        self.read_end, self.write_end = os.pipe()
        pipe_size(self.write_end, size)
        self.lines = Log("slow reader")
        self._scene = scene

    def node(self, label, *options, **more):
        try:
            return self._scene.node(label, *options, stdout=self.write_end, **more)
        finally:
            os.close(self.write_end)

    def read_all(self):
        lines = Lines(self.read_end, self.lines)
        threading.Thread(target=collect, args=(lines,), daemon=True).start()
        return self.lines

    def close(self):
        os.close(self.read_end)


def kernel_buffers():
    """The most that the kernel holds of a connection's bytes, at both ends."""
    return sum(int(pathlib.Path(f"/proc/sys/net/ipv4/tcp_{kind}mem").read_text().split()[2])
               for kind in "rw")


def texts(lines):
    return [item.split(" ", 2)[2] for item in lines]


@test("nobody reads stdout for a while: the node still serves others, and nothing is lost")
def not_read(scene):
    pipe = Pipe(scene)
    node = pipe.node("alice")
    sender = scene.session(node, "sender")
    other = scene.session(node, "other", listening="127.0.0.1:8")
    pushing = push(sender)
    for number in range(20):
        other.ping(f"p{number}")
    node.send("/bcast I still speak")
    other.hears("I still speak")
    lines = pipe.read_all()
    got = lines.wait_count(COUNT)
    pushing.join(30)
    assert texts(got) == [line(n) for n in range(COUNT)]
    assert sender.open, "the sender was cut off"


@test("a session that minds no window is held back by a slow stdout, at 8 MiB, and nobody else is")
def bounded(scene):
    count = 100000
    pipe = Pipe(scene)
    node = pipe.node("alice")
    bob = scene.node("bob", "-e", "--heartbeat", "0.3", "--suspect-after", "1.5",
                     "--down-after", "60")
    bob.connect(node.address)
    # Its answers would come between two parts of a line.
    sender = scene.session(node, "sender", answer_pings=False)
    data = numbered(count)
    taken = sender.offer(data, 1)
    assert 7 << 20 < taken < (12 << 20) + kernel_buffers(), f"{taken} bytes taken"
    assert node.memory_kib() < MEMORY_KIB, f"{node.memory_kib()} KiB"
    # Time enough to suspect somebody who does not answer.
    bob.send("/wait messages=1 3")
    bob.complains(re.compile("not within 3 s"))
    assert bob.events() == [f"* up {node.address} alice"]
    lines = pipe.read_all()
    sender.write(data[taken:], 60)
    assert texts(lines.wait_count(count, 60)) == [line(n) for n in range(count)]


def confirms_unread(scene, *options):
    """Sends lines to a node whose stdout nobody reads; how many bytes of them it confirms."""
    pipe = Pipe(scene)
    node = pipe.node("alice", *options)
    sender = scene.session(node, "sender")
    other = scene.session(node, "other", listening="127.0.0.1:8")
    sender.write(numbered(COUNT))
    sender.ping("read")
    # Each answer is a turn of the node, in which it could confirm more.
    for number in range(200):
        other.ping(f"p{number}")
    confirmed = sender.confirmed()
    lines = pipe.read_all()
    sender.acked(COUNT)
    assert texts(lines.wait_count(COUNT)) == [line(n) for n in range(COUNT)]
    return confirmed * WIDTH


@test("without a store a line counts as delivered when it has left for stdout, and not before")
def confirmed(scene):
    assert confirms_unread(scene) <= 4096


@test("with a store it counts as delivered when it is stored, but of those nobody reads only a MiB")
def confirmed_stored(scene):
    amount = confirms_unread(scene, "--state", scene.path("state"))
    assert 256 << 10 < amount < 2 << 20, f"{amount} bytes confirmed"


@test("a plain client is held back by a slow stdout long before a session is")
def plain_held(scene):
    pipe = Pipe(scene)
    node = pipe.node("alice")
    client = scene.client(node)
    data = b"".join(b"%s\n" % line(n).encode() for n in range(40000))
    taken = client.offer(data, 1)
    assert taken < 24 << 20, f"{taken} bytes taken"
    lines = pipe.read_all()
    client.write(data[taken:], 60)
    assert texts(lines.wait_count(40000, 60)) == [line(n) for n in range(40000)]


@test("nobody reads stdout: who comes now can still open a session, and is confirmed later")
def comes_later(scene):
    pipe = Pipe(scene)
    node = pipe.node("alice")
    sender = scene.session(node, "sender")
    sender.write(b"".join(b"/bcast %d %d\n" % (n, n) for n in range(1, 100001)))
    sender.ping("read")
    late = scene.session(node, "late", listening="127.0.0.1:8")
    late.resumed()
    number = late.msg("late")
    late.ping("read")
    assert late.confirmed() == 0
    pipe.read_all().wait_count(100001)
    late.acked(number)


@test("a non-blocking stdout loses nothing")
def non_blocking(scene):
    pipe = Pipe(scene)
    flags = fcntl.fcntl(pipe.write_end, fcntl.F_GETFL)
    fcntl.fcntl(pipe.write_end, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    node = pipe.node("alice")
    push(scene.session(node, "sender"))
    got = pipe.read_all().wait_count(COUNT)
    assert texts(got) == [line(n) for n in range(COUNT)]


@test("stdout's flags are left as they were: it may be shared")
def flags_kept(scene):
    read_end, write_end = os.pipe()
    node = scene.node("alice", stdout=write_end)
    client = scene.client(node)
    client.send("hello")
    assert b"hello" in os.read(read_end, 100)
    assert not fcntl.fcntl(write_end, fcntl.F_GETFL) & os.O_NONBLOCK
    assert node.finish() == 0
    assert not fcntl.fcntl(write_end, fcntl.F_GETFL) & os.O_NONBLOCK
    os.close(write_end)
    os.close(read_end)


@test("stdout is a file: every line is in it at the end; a file opened to append is appended to")
def to_file(scene):
    path = scene.path("out")
    for run in (1, 2):
        with open(path, "ab") as file:
            node = scene.node("alice", stdout=file)
        push(scene.session(node, "sender"), 500).join()
        node.send("/wait messages=500 20")
        assert node.finish() == 0
        with open(path, "rb") as file:
            assert texts(file.read().decode().splitlines()) == [line(n) for n in range(500)] * run


@test("what was received before the end is printed before the end, also to a slow reader")
def printed_at_end(scene):
    pipe = Pipe(scene)
    node = pipe.node("alice", "--drain", "20")
    sender = scene.session(node, "sender")
    for number in range(100):
        sender.bcast(line(number))
    node.send("/wait messages=100 20")
    node.eof()
    got = pipe.read_all()
    assert node.wait() == 0
    got.wait_closed()
    assert texts(got.items()) == [line(n) for n in range(100)]


@test("the reader of stdout goes away while all is idle: the node ends within a second or two")
def reader_gone(scene):
    for stdin in ("pipe", "null"):
        pipe = Pipe(scene)
        node = pipe.node("alice", stdin=stdin)
        watch = Stopwatch()
        pipe.close()
        status = node.wait()
        assert watch.seconds() < 6, f"{watch.seconds():.1f} s"
        assert status == 1, status


@test("the reader of stdout goes away under load: the node ends, and its peers are told")
def reader_gone_busy(scene):
    pipe = Pipe(scene)
    node = pipe.node("alice")
    sender = scene.session(node, "sender")
    push(sender)
    pipe.close()
    assert node.wait() == 1
    sender.wait_end()


@test("a full disk is said, and is exit 1")
def full(scene):
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full here")
    with open("/dev/full", "wb") as device:
        node = scene.node("alice", stdout=device)
    scene.client(node).send("hello")
    node.complains(lambda text: True)
    node.eof()
    assert node.wait() == 1


@test("stdout closed at the start: no socket takes its place, nothing printed reaches a peer")
def closed(scene):
    ip = unique_ip()
    listening = f"{ip}:{scene.ports(1)[0]}"
    node = scene.node("alice", "-l", listening, "--no-store", stdout="closed", ready=False)
    wait_until(lambda: not node.running or connects(scene, node, listening), "ended or listening")
    if node.running:
        node.address = listening
        client = scene.client(node)
        client.send("is this printed to me?")
        node.send("/echo nor this")
        node.eof()
        node.wait()
        client.wait_end()
        assert not client.raw, client.raw
    else:
        assert node.wait() == 1 and node.complaints()


def connects(scene, node, address):
    node.address = address
    try:
        scene.client(node).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
