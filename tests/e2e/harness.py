#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins against each other, without hashflow: that they can see what the tests look for."""

import signal
import threading

from hashflow_test import Log, main, send_once, test, wait_until
from hashflow_test.process import Process
from hashflow_test.seed import check_manners
from hashflow_test.session import Identity, SessionConnection
from hashflow_test.sockets import Connection, connect, push

SENDER = "127.0.0.1:9 eve "


def refuses(function, *args):
    """True if function(*args) fails an assertion."""
    try:
        function(*args)
    except AssertionError:
        return True
    return False


@test("a wait gives up at its deadline, and at once when nothing more can come")
def waits(_scene):
    log = Log()
    assert refuses(log.wait, "never", 0.05)
    assert refuses(wait_until, lambda: False, "never", 0.05)
    log.add("now")
    assert log.wait("now") == "now"
    log.close()
    assert refuses(log.wait, "never")


@test("a message crosses between two originals in each menu function")
def two_originals(scene):
    alice, bob = scene.seed("alice"), scene.seed("bob")
    alice.send(bob.address, "Hello,  two spaces")
    got = bob.hears("Hello,  two spaces")
    assert (got.address, got.name) == (alice.address, "alice")
    assert bob.list() == [(alice.address, "alice", False)]
    bob.connect_all()
    alice.hears("Connected")
    assert bob.list() == [(alice.address, "alice", True)]
    bob.broadcast("to all")
    alice.hears("to all", "bob")
    bob.disconnect(alice.address)
    assert bob.list() == [(alice.address, "alice", False)]
    alice.exit()
    bob.hears("exit", "alice")
    wait_until(lambda: bob.list() == [], "alice removed")


@test("an exit is passed on in the name of who left, without end between two that are connected")
def storm(scene):
    alice, bob = scene.seed("alice"), scene.seed("bob")
    alice.knows(bob.address)
    bob.knows(alice.address)
    alice.connect_all()
    bob.connect_all()
    send_once(alice.address, SENDER + "exit")
    for number in range(3):
        bob.received.wait_count(2 + number)
        alice.received.wait_count(2 + number)
    assert bob.received.items()[-1].address == "127.0.0.1:9"
    bob.disconnect(alice.address)


@test("an original takes one recv of 1024 bytes, and a newline is part of the text")
def one_recv(scene):
    seed = scene.seed()
    send_once(seed.address, SENDER + "exit\n")
    seed.hears("exit\n")
    send_once(seed.address, SENDER + "x" * 2000)
    message = seed.received.wait_count(2)[1]
    assert len(message.raw) == 1024
    push(seed.address, "not a message")
    seed.malformed.wait(b"not a message")
    send_once(seed.address, SENDER + "still there")
    seed.hears("still there")


@test("bad manners towards an original are seen")
def manners(scene):
    me = "127.0.0.1:9"
    for data, greetings in ((SENDER + "a\n", 1), (SENDER + "Connected\n", 0),
                            (SENDER + "x" * 1200, 1),
                            ("garbage", 1)):
        seed = scene.seed(thorough=True)
        push(seed.address, data)
        wait_until(lambda: len(seed.received) + len(seed.malformed), "something received")
        assert refuses(check_manners, seed, me, greetings), data
    seed = scene.seed(thorough=True)
    send_once(seed.address, SENDER + "Connected\n")
    send_once(seed.address, SENDER + "x" * (1024 - len(SENDER)))
    seed.received.wait_count(2)
    assert len(check_manners(seed, me)) == 2


@test("a scripted session opens, answers pings and carries texts both ways")
def sessions(scene):
    server = scene.session_listener("server")
    dialer = scene.add(SessionConnection(connect(server.address),
                                         Identity("dialer", "127.0.0.1:9")))
    opening = Log()
    thread = scene.add(_InThread(lambda: opening.add(server.connection().open_as_listener())))
    theirs = dialer.open_as_dialer()
    assert theirs["node"] == server.identity.node
    assert opening.wait(lambda keys: True)["node"] == dialer.identity.node
    thread.close()
    dialer.bcast("to all  of you")
    assert server.connection().hears("to all  of you").group("verb", "seq") == ("bcast", "1")
    server.connection().msg("for you")
    dialer.hears("for you", "msg")
    assert dialer.texts() == ["for you"]
    dialer.ping("abc")


@test("scripted sessions resume and confirm, as far as they are told to")
def confirmations(scene):
    server = scene.session_listener("server")
    eve = Identity("eve", "127.0.0.1:9", first=7)
    for number, (more, resumed) in enumerate((({}, 0), ({}, 8), ({"resume": 3}, 3))):
        dialer = scene.add(SessionConnection(connect(server.address), eve, ack=number < 1, **more))
        opening = scene.add(_InThread(dialer.open_as_dialer))
        session = server.open(number)
        opening.close()
        assert session.resumed() == (server.identity.epoch, resumed)
        assert dialer.resumed() == (eve.epoch, 6 + 2 * number if number else 0)
        dialer.bcast("one")
        dialer.acked(dialer.msg("two"))
        session.msg("seven", 7)
        session.msg("eight", 8)
        if number < 1:
            session.acked(8)
        else:
            dialer.hears("eight")
            dialer.ping("unconfirmed")
            session.ping("still")
            assert session.confirmed() == 0
            dialer.ack(7)
            session.acked(7)
            dialer.ack(8)


class _InThread:
    def __init__(self, function):
        self._thread = threading.Thread(target=function, daemon=True)
        self._thread.start()

    def close(self):
        self._thread.join(5)


@test("a reset, an end and silence are told apart")
def endings(scene):
    server = scene.listener()
    quiet, ended, broken = (scene.add(Connection(connect(server.address))) for _ in range(3))
    for number in range(3):
        server.connection(number)
    ended.half_close()
    assert [c.wait_end() for c in server.connections.items() if c.remote == ended.local] == ["eof"]
    broken.reset()
    assert [c.wait_end() for c in server.connections.items()
            if c.remote == broken.local] == ["reset"]
    assert quiet.open


@test("what a child has complained of before it answers is known with the answer")
def complaints(scene):
    loud = scene.add(Process(["sh", "-c", "while read n; do echo no $n >&2; echo $n; done"]))
    for number in range(300):
        loud.send(str(number))
        loud.out.wait(str(number))
        assert len(loud.err) == number + 1
    assert loud.finish() == 0


@test("a child's lines, status, signals and figures are seen")
def children(scene):
    cat = scene.add(Process(["cat"]))
    cat.send("one", b"\xff two")
    assert cat.out.wait_count(2) == ["one", "\udcff two"]
    cat.stop()
    cat.resume()
    assert cat.memory_kib() > 0 and cat.cpu_seconds() < 5 and cat.descriptors() >= 3
    assert cat.finish() == 0
    killed = scene.add(Process(["cat"]))
    killed.signal(signal.SIGTERM)
    assert killed.wait() == -signal.SIGTERM
    closed = scene.add(Process(["sh", "-c", "[ -e /proc/self/fd/0 ] || echo closed >&2"],
                               stdin="closed"))
    assert closed.wait() == 0 and closed.err.items() == ["closed"]
    null = scene.add(Process(["cat"], stdin="null"))
    assert null.wait() == 0


if __name__ == "__main__":
    main(needs_program=False)
