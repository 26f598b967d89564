#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strangers: what they claim, leave half said, never read, or send in floods harms nobody else."""

import os
import re
import select
import socket

from hashflow_test import DEADLINE, Skip, dead_address, main, send_once, test, wait_until
from hashflow_test.node import BINARY, environment, has_sanitizer, read_ready
from hashflow_test.process import pipe_size
from hashflow_test.seed import unique_ip
from hashflow_test.session import GREETING, HELLO, Identity, SessionConnection, dial_session
from hashflow_test.sockets import Connection, connect, join_address
from hashflow_test.waiting import wait_ready

LOWEST = "0" * 32

#: Far more than the kernel and the node keep of the answers to a connection that is not read.
UNREAD = 64 << 20

#: A sanitizer keeps freed memory.
MEMORY_KIB = (200 if has_sanitizer() else 12) * 1024


def outer_ip():
    """This machine's address towards others; sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            raise Skip("this machine has loopback addresses only") from None
        return sock.getsockname()[0]


def works(scene, node):
    """A newcomer is heard, and hears."""
    client = scene.client(node)
    client.send("I am new")
    node.expect(f"{client.local} - I am new")
    node.send("/bcast welcome")
    client.expect(re.compile(" alice welcome$"))
    client.close()
    wait_until(lambda: client.local not in node.peers(), "a raw client leaves no entry")


def away_with_queue(scene, *options):
    """A node and the address of bob, a session that has gone while two lines wait for it."""
    node, listener = scene.node("alice", "-e", *options), scene.session_listener("bob")
    node.send(f"/connect {listener.address}")
    listener.open()
    node.expect(f"* up {listener.address} bob")
    listener.close()
    node.expect(f"* down {listener.address} bob")
    node.send("/msg bob secret one", "/msg bob secret two")
    node.sync()
    return node, listener.identity


@test("a stranger with our address who becomes a stream and then a session leaves nothing behind")
def late_session(scene):
    node = scene.node("alice")
    identity = Identity("stranger", node.address)
    client = scene.add(SessionConnection(connect(node.address), identity))
    client.send(identity.greeting())
    client.expect_line(HELLO)
    wait_until(lambda: client.send("raw") or node.peers(), "it is heard as a stream")
    identity.address = dead_address()
    client.send(identity.hello())
    wait_until(lambda: [p for p in node.peers().values() if p.dialect == "session"], "a session")
    assert len(node.peers()) == 1, node.peers()
    client.close()
    wait_until(lambda: "up" not in [p.state for p in node.peers().values()], "it is gone")
    node.send("/bcast boom", "/bcast boom again")
    works(scene, node)


@test("whoever claims a session peer's address is heard, and gets nothing of what waits for it")
def claimant(scene):
    node, bob = away_with_queue(scene, "--drain", "1")
    eve = scene.client(node)
    eve.send(f"{bob.address} eve hi")
    node.hears("hi")
    eve.send(f"{bob.address} eve again")
    node.hears("again")
    assert node.peers()[bob.address][1:3] == ("bob", "session")
    assert node.finish() == 3, "nobody has got what waited"
    eve.wait_end()
    assert b"secret" not in eve.raw, eve.lines.items()


@test("a session peer that greets and then hangs gets nothing of what waits for it unnumbered")
def hanging(scene):
    node, bob = away_with_queue(scene, "--drain", "3")
    client = scene.add(SessionConnection(connect(node.address), bob))
    client.send(bob.greeting())
    client.expect_line(HELLO)
    assert node.finish() == 3
    client.wait_end()
    assert b"secret" not in client.raw, client.lines.items()


@test("a dial that nobody answers does not take the place of the session that came in meanwhile")
def unanswered(scene):
    node, listener = scene.node("alice", "-e"), scene.listener()
    node.send(f"/connect {listener.address}")
    silent = listener.connection()
    silent.expect_line(GREETING)
    bob = scene.add(dial_session(node.address, identity=Identity("bob", listener.address, LOWEST)))
    node.expect(f"* up {listener.address} bob")
    node.send("/msg bob before")
    bob.hears("before")
    silent.wait_end()
    node.send("/msg bob after")
    bob.hears("after")
    assert bob.texts() == ["before", "after"]
    assert silent.lines.items()[1:] == ["/bye duplicate"], silent.lines.items()
    assert [line.split(" ")[1] for line in node.events()] == ["up"]


def say_hello(address, number, claimed, source=None):
    """One connection with the /hello of a node of its own."""
    identity = Identity(f"n{number}", claimed, f"{number:032}")
    send_once(address, f"{identity.greeting()}\n{identity.hello()}\n", source)


@test("new nodes that come in from one host by the dozen are forgotten beyond sixteen")
def hello_flood(scene):
    ip, node = outer_ip(), scene.node("alice")
    for number in range(40):
        say_hello(f"{ip}:{node.port}", number, f"{ip}:{number + 1}", ip)
    assert len(node.peers()) <= 16
    works(scene, node)


@test("new nodes that come in by the thousand are forgotten beyond a thousand")
def hello_flood_here(scene):
    node = scene.node("alice")
    for number in range(1100):
        say_hello(node.address, number, f"127.77.{number // 250}.{number % 250 + 1}:9")
    rows = len(node.peers())
    assert rows <= 1000, f"{rows} peers"
    works(scene, node)


@test("a /hello that names no port: its messages and events have an address all the same")
def no_port(scene):
    node = scene.node("alice", "-e")
    for name, extra in (("#", ""), ("+", " listen=0")):
        client = scene.add(SessionConnection(connect(node.address),
                                             Identity(name, "127.0.0.1:9")))
        client.send(client.identity.greeting(),
                    f"/hello 1 node=zz{extra[-1:]} boot=5 epoch=5 name={name}{extra}",
                    f"/bcast 1 up 1.2.3.4:5 bob{extra}")
        node.expect(f"{client.local} {name} up 1.2.3.4:5 bob{extra}")
        node.expect(f"* up {client.local} {name}")
        assert client.local in node.peers()


@test("with few descriptors, connections that have sent one byte make room for newcomers in time")
def one_byte(scene):
    node = scene.node("alice", ulimit=64)
    crowd = [scene.add(Connection(connect(node.address), f"number {n}")) for n in range(70)]
    for client in crowd:
        try:
            client.write("x")
        except OSError:
            pass  # it has been refused
    node.complains(re.compile("descriptors"))
    node.send("/wait up=99 11")
    node.sync(30)
    works(scene, node)


@test("a third party's exit neither cuts nor renames a stream")
def foreign_exit(scene):
    node, address = scene.node("alice", "-e"), dead_address()
    carl = scene.client(node)
    carl.send(f"{address} carl one")
    node.hears("one", "carl")
    send_once(node.address, f"{address} mallory exit", source="127.0.0.9")
    carl.send(f"{address} carl two")
    node.hears("two", "carl")
    assert node.peers()[address][1:4] == ("carl", "stream", "up")
    node.send("/msg carl three")
    carl.expect(re.compile(" alice three$"))


@test("a third party's exit does not rename a session peer that is away")
def foreign_name(scene):
    node, bob = away_with_queue(scene, "--drain", "0")
    send_once(node.address, f"{bob.address} mallory exit")
    assert node.peers()[bob.address].name == "bob"


@test("what a stream says right after its own exit is heard")
def after_exit(scene):
    node, address = scene.node("alice", "-e"), dead_address()
    bob = scene.client(node)
    bob.send(f"{address} bob one")
    node.hears("one")
    bob.send(f"{address} bob exit", f"{address} bob back again")
    node.hears("back again", "bob")


PING = b"/ping " + b"a" * 64 + b"\n"
QUESTION = b"/ask " + b"a" * 64 + b" x\n"


def never_reading(scene, line=PING):
    """A node, and a session that says one thing without end and never reads an answer."""
    node, identity = scene.node("alice", "-e"), Identity("pinger", dead_address())
    sock = scene.add(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", node.port))
    sock.sendall(f"{identity.greeting()}\n{identity.hello()}\n".encode())
    node.expect(f"* up {identity.address} pinger")
    pacer = scene.session(node, "pacer", listening=dead_address())
    lines = line * 1000
    sock.settimeout(DEADLINE)
    for number in range(UNREAD // len(lines)):
        sock.sendall(lines)
        if number % 50 == 0:
            pacer.ping(f"p{number}")
    return node, pacer, identity, sock


@test("of the answers to a session that pings and never reads few are kept; nobody else notices")
def unread_pongs(scene):
    node, pacer, _, _ = never_reading(scene)
    assert node.memory_kib() < MEMORY_KIB, f"{node.memory_kib()} KiB"
    pacer.msg("unharmed")
    node.hears("unharmed")
    works(scene, node)


@test("of the refusals to a session that asks questions and never reads few are kept as well")
def unread_refusals(scene):
    node, pacer, _, _ = never_reading(scene, QUESTION)
    assert node.memory_kib() < MEMORY_KIB, f"{node.memory_kib()} KiB"
    pacer.msg("unharmed")
    node.hears("unharmed")
    works(scene, node)


@test("a connection whose answers were not read and that then breaks is noticed and closed")
def unread_and_gone(scene):
    node, pacer, identity, sock = never_reading(scene)
    before = node.descriptors()
    sock.close()  # with bytes unread: a reset
    node.expect(f"* down {identity.address} pinger")
    wait_until(lambda: node.descriptors() < before, "its descriptor is given back")
    pacer.msg("unharmed")
    node.hears("unharmed")


def filled(fd):
    """Fills a pipe; whoever shares it writes as before."""
    os.set_blocking(fd, False)
    try:
        while os.write(fd, b"x"):
            pass
    except BlockingIOError:
        os.set_blocking(fd, True)


@test("a full stderr that nobody reads stops nothing; what was left out there is told later")
def unread_stderr(scene):
    (errors, full), (ready, given) = os.pipe(), os.pipe()
    pipe_size(full, 4096)
    # By its path: not every shell duplicates a descriptor of two digits.
    process = scene.process("sh", "-c", f'exec "$@" 2>/dev/fd/{full}', "sh", BINARY, "-p", "0",
                            "--ready-fd", given, pass_fds=(full, given),
                            env=environment(scene.home()))
    os.close(given)
    address = read_ready(ready, process, DEADLINE)
    filled(full)
    scene.add(Connection(connect(address))).write("a\0b\n" * 100 + "after\n")
    process.out.wait(re.compile(" - after$"))
    process.send("/echo alive")
    process.out.wait("/echo alive")
    os.read(errors, 4096)
    scene.add(Connection(connect(address))).write("a\0b\nagain\n")
    process.out.wait(re.compile(" - again$"))
    assert wait_ready(select.POLLIN, DEADLINE, errors), "nothing is told of what was left out"
    assert b"left out" in os.read(errors, 4096)
    for fd in (errors, full, ready):
        os.close(fd)


def probed(scene, ip, source):
    """Claims the node's own address from elsewhere; nothing of that may be shown or kept."""
    address = join_address(ip, scene.ports(1)[0])
    node = scene.node("alice", "-e", "--no-store", "-l", address)
    send_once(address, f"{address} alice PING", source)
    send_once(address, f"{address} alice Connected", source)
    stranger = scene.add(Connection(connect(address, source)))
    stranger.send(f"{address} alice hello from yourself", "marker")
    node.hears("marker")
    assert node.texts() == ["marker"]
    assert [address for address in node.peers() if address != stranger.local] == []


@test("a claim of our own address from another loopback address is ignored")
def own_claim(scene):
    probed(scene, unique_ip(), unique_ip())


@test("a claim of our own address from another host's is ignored")
def own_claim_outside(scene):
    probed(scene, outer_ip(), "127.0.0.1")


if __name__ == "__main__":
    main(workers=6)
