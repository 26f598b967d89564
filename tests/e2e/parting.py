#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers that leave, turn out to be another kind of peer, or are given up while something is on its
way to them: nothing crashes, hangs, comes twice or counts as delivered too early."""

import os
import re
import socket

from hashflow_test import Stopwatch, dead_address, main, send_once, test, wait_until
from hashflow_test.seed import check_manners
from hashflow_test.session import GREETING, Identity, SessionConnection, SessionListener
from hashflow_test.sockets import connect, push, read_to_end, split_address

HIGHEST = "z" * 64

#: More than such a small receive buffer takes, less than the sender's kernel does.
TEXT = "x" * 40000


def heard_original(scene, *texts):
    """A node that has heard these texts of an original, and where that one listens."""
    node, listener = scene.node("alice", "-e"), scene.listener()
    for text in texts:
        send_once(node.address, f"{listener.address} bob {text}")
    return node, listener


@test("a stream that says /hello late and loses against a dial under way leaves nothing behind")
def late_duplicate(scene):
    node, bob = scene.node("alice", "-e"), Identity("bob", node=HIGHEST)
    listener = scene.add(SessionListener(identity=bob))
    stream = scene.add(SessionConnection(connect(node.address), bob, "stream"))
    stream.send(bob.greeting())
    # Unanswered for longer than the dial, the greeting becomes a stream while the dial waits.
    node.send("/wait up=1 1", f"/connect {bob.address}")
    dialled = listener.connection()
    node.expect(f"* up {bob.address} bob")
    stream.send(bob.hello())
    stream.expect("/bye duplicate")
    stream.wait_end()
    stream.close()
    listener.open()
    node.send("/bcast by the dial")
    dialled.hears("by the dial")
    listener.close()
    node.expect(f"* down {bob.address} bob")
    node.send("/bcast to nobody")
    assert node.peers()[bob.address].state == "down"


@test("one whose greeting has come in part is told that we leave; one with a message is not")
def half_greeted(scene):
    node = scene.node("alice")
    begun, message = connect(node.address), connect(node.address)
    begun.sendall(b"127.0.0.1:9 bob Conn")
    message.sendall(b"127.0.0.1:9 bob Connect me")
    scene.client(node).send("both have come by now")
    node.hears("both have come by now")
    assert node.finish() == 0
    assert read_to_end(begun) == b"/bye leaving\n"
    assert read_to_end(message) == b""


@test("/connect to an original whose exit is on its way is answered")
def connect_after_exit(scene):
    node, listener = scene.node("alice"), scene.listener()
    node.send(f"/connect {listener.address}")
    listener.connection().expect_line(GREETING)
    listener.connection().half_close()
    node.expect(re.compile(f"^/connect {listener.address} .*oneshot"))
    node.send(f"/disconnect {listener.address}", f"/connect {listener.address}", "/echo answered")
    farewell = listener.connection(1)
    wait_until(lambda: b" exit" in farewell.raw, "the exit")
    farewell.half_close()
    listener.connection(2).expect_line(GREETING)
    listener.connection(2).half_close()
    node.expect("/echo answered")
    assert node.out.count(re.compile(f"^/connect {listener.address} .*oneshot")) == 2


@test("a broadcast before and one after /disconnect come once when two addresses are one node")
def once_of_two(scene):
    node, first = scene.node("alice", "-e"), scene.session_listener("bob")
    node.send(f"/connect {first.address}")
    session = first.open()
    node.expect(f"* up {first.address} bob")
    second = scene.add(SessionListener(ip="127.0.0.2", port=split_address(first.address)[1],
                                       identity=first.identity))
    node.send(f"/msg {second.address} first")
    other = second.connection()
    other.expect_line(GREETING)
    node.send("/bcast before", "/disconnect bob")
    session.expect(re.compile("^/bye "))
    session.close()
    node.expect(f"* down {first.address} bob")
    node.send("/bcast after")
    node.sync()
    other.send(other.identity.greeting(), other.identity.hello())
    other.hears("after")
    node.finish()
    assert session.texts() == ["before"]
    assert other.texts() == ["first", "after"]


@test("a vanished reader of stdout ends the program soon, even if a peer answers no goodbye")
def reader_gone(scene):
    read_end, write_end = os.pipe()
    node = scene.node("alice", stdout=write_end)
    os.close(write_end)
    session = scene.session(node)
    session.ping("here")
    watch = Stopwatch()
    os.close(read_end)
    assert node.wait() == 1
    assert watch.seconds() < 1.5, f"{watch.seconds():.2f} s"
    session.expect(re.compile("^/bye "))


@test("/disconnect while a message to an original that has left is on its way crashes nothing")
def given_up(scene):
    node, listener = heard_original(scene, "hi", "exit")
    node.expect(f"* down {listener.address} bob")
    node.send(f"/msg {listener.address} hey")
    first = listener.connection()
    wait_until(lambda: b" hey" in first.raw, "the message")
    node.send(f"/disconnect {listener.address}", f"/msg {listener.address} another")
    node.sync()
    first.half_close()
    second = listener.connection(1)
    wait_until(lambda: second.raw, "the next connection says something")
    second.half_close()
    assert second.raw.endswith(b" alice another"), second.raw
    node.eof()
    listener.connection(2).half_close()
    assert node.wait() == 3, "hey was given up"
    assert node.out.count(re.compile(f"^/msg failed {listener.address} bob ")) == 1


def late_session(scene, drain):
    """A node, and the socket and identity of a stream that became a session with TEXT unread."""
    node, bob = scene.node("alice", "-e", "--drain", drain), Identity("bob", dead_address())
    sock = scene.add(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(split_address(node.address))
    sock.sendall(f"{bob.greeting()}\n".encode())
    node.expect(f"* up {bob.address} bob")
    assert node.peers()[bob.address].dialect == "stream"
    node.send(f"/msg bob {TEXT}")
    node.sync()
    sock.sendall(f"{bob.hello()}\n".encode())
    wait_until(lambda: node.peers()[bob.address].dialect == "session", "a session")
    node.eof()
    return node, sock, bob


@test("what a stream had not read when it said /hello is not delivered unless it is confirmed")
def unconfirmed(scene):
    node, _, bob = late_session(scene, 1)
    assert node.wait() == 3
    assert node.out.count(re.compile(f"^/msg failed {bob.address} bob ")) == 1


@test("what a stream had not read when it said /hello is delivered once, and confirmed")
def confirmed(scene):
    node, sock, bob = late_session(scene, 20)
    session = scene.add(SessionConnection(sock, bob))
    session.expect(re.compile("^/bye "))
    session.close()
    assert node.wait() == 0, node.errors()
    assert sum(line.count(TEXT) for line in session.lines.items()) == 1


@test("one that ends each message with LF and a close is greeted once, and stays up")
def newline_original(scene):
    node, seed = scene.node("alice", "-e"), scene.seed("bob", thorough=True)
    push(node.address, f"{seed.address} bob hello\n")
    seed.hears("Connected\n")
    wait_until(lambda: node.peers()[seed.address][2:4] == ("oneshot", "up"), "it is known")
    before = len(node.events())
    for number in range(3):
        push(node.address, f"{seed.address} bob text{number}\n")
        node.hears(f"text{number}", "bob")
        node.send(f"/bcast reply{number}")
        seed.hears(f"reply{number}")
    assert not node.events()[before:], node.events()
    check_manners(seed, node.address)

def goodbyes(seed):
    """The texts of a stand-in for the original, from the first exit on."""
    texts = seed.texts()
    return texts[texts.index("exit"):]


@test("/disconnect of an original as a script's last line says exit, once, and nothing empty")
def last_words(scene):
    seed = scene.seed(thorough=True)
    alice = scene.run("alice", stdin="".join(f"{line}\n" for line in (
        f"/connect {seed.address}", f"/msg {seed.address} hi", "/wait sent",
        f"/disconnect {seed.address}")).encode())
    assert alice.wait() == 0, alice.errors()
    seed.hears("exit")
    assert seed.texts() == ["Connected\n", "hi", "exit"]
    assert len(seed.malformed) == 0


@test("what is said to an original after /forget or a second /disconnect is for a new acquaintance")
def afterwards(scene):
    for order in ("/forget", "/disconnect"):
        seed = scene.seed(thorough=True, name=order[1:])
        alice = scene.run("alice", stdin="".join(f"{line}\n" for line in (
            f"/connect {seed.address}", f"{order} {seed.address}", f"/connect {seed.address}",
            f"/msg {seed.address} again", "/wait sent")).encode())
        assert alice.wait() == 0, alice.errors()
        seed.hears("again")
        wait_until(lambda seed=seed: goodbyes(seed)[-1] == "exit", "the last exit")
        assert goodbyes(seed) == ["exit", "Connected\n", "again", "exit"], order


@test("-t may name a peer that a -c line connects")
def named_by_command(scene):
    bob = scene.node("bob")
    alice = scene.run("alice", "-t", "bob", "-c", f"/connect {bob.address}", stdin=b"for bob\n")
    assert alice.wait() == 0, alice.errors()
    bob.hears("for bob", "alice")

@test("/disconnect holds against a connection that crosses it, and is answered")
def crossed_disconnect(scene):
    node = scene.node("alice")
    bob = Identity("bob", address="127.0.0.1:9", node=HIGHEST)
    first, second = (scene.add(SessionConnection(connect(node.address), bob, label))
                     for label in ("first", "second"))
    first.send(bob.greeting(), bob.hello())
    node.send("/wait up=1 20", f"/disconnect {bob.address}", "/echo parted")
    first.expect(re.compile("^/bye disconnect"))
    second.send(bob.greeting(), bob.hello())
    second.expect("/bye duplicate")
    node.expect("/echo parted")
    assert node.peers()[bob.address].state == "down"


@test("a /connect that fails is status 1, also for a peer that was there before")
def gone_again(scene):
    bob, alice = scene.node("bob"), scene.node("alice", "-e")
    alice.connect(bob.address)
    bob.send("/quit")
    alice.expect(f"* down {bob.address} bob")
    bob.finish()
    alice.send(f"/connect {bob.address}")
    assert alice.finish() == 1


@test("a person at nc who has everything and stays does not hold up our leaving")
def stays(scene):
    node = scene.node("alice", "--no-store")
    person = scene.process("nc", *node.address.split(":"))
    person.send("hello")
    node.expect(re.compile(r"\S+ - hello"))
    node.send("/bcast goodbye")
    watch = Stopwatch()
    assert node.finish() == 0
    assert watch.seconds() < 1.8, "it has waited until its patience with a silent peer was over"
    person.out.wait(f"{node.address} alice goodbye")


if __name__ == "__main__":
    main(workers=6)
