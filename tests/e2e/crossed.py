#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both dial at once: it ends in one session, and nothing comes twice or not at all."""

import os
import re
import threading

from hashflow_test import main, said, test, wait_until
from hashflow_test.proxy import Proxy
from hashflow_test.session import GREETING, HELLO, Identity, SessionConnection
from hashflow_test.sockets import connect
from hashflow_test.tls import Stranger, TlsListener, dial_tls

ROUNDS = 1000
LOWEST, HIGHEST = "0" * 32, "z" * 64
CONNECTED = re.compile(r"^/connect ")
DOWN = re.compile(r"^\* down ")


def sockets_of(pid):
    """The inodes of a process's sockets."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def established(node):
    """How many TCP connections a node has that are open on both sides."""
    count, own = 0, sockets_of(node.pid)
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}", encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        count += sum(1 for row in rows if row[3] == "01" and row[9] in own)
    return count


def together(*calls):
    """Runs the calls in threads that start at one barrier."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        call()
    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def settled(*nodes):
    wait_until(lambda: all(established(node) == len(nodes) - 1 for node in nodes),
               "one connection between each two nodes")


def talk(alice, bob, number, since=(0, 0)):
    """A line each way, said while the dials may still be crossing."""
    together(lambda: alice.send(f"/bcast from alice {number}"),
             lambda: bob.send(f"/bcast from bob {number}"))
    alice.expect(said(f"from bob {number}"), since=since[0])
    bob.expect(said(f"from alice {number}"), since=since[1])


@test("dials that cross a thousand times end in one session each time, with each line once")
def rounds(scene):
    nodes = alice, bob = scene.node("alice", "-e"), scene.node("bob", "-e")
    for number in range(ROUNDS):
        marks = [len(node.out) for node in nodes]
        together(lambda: alice.send(f"/connect {bob.address}"),
                 lambda: bob.send(f"/connect {alice.address}"))
        talk(alice, bob, number, marks)
        for node, mark in zip(nodes, marks):
            node.expect(CONNECTED, since=mark)
        if number % 50 == 0:
            settled(alice, bob)
        leaver, other = nodes if number % 2 else nodes[::-1]
        leaver.send(f"/disconnect {other.address}")
        for node, mark in zip(nodes, marks):
            node.expect(DOWN, since=mark)
    wait_until(lambda: established(alice) == established(bob) == 0, "disconnected")
    assert alice.texts() == [f"from bob {n}" for n in range(ROUNDS)]
    assert bob.texts() == [f"from alice {n}" for n in range(ROUNDS)]
    for node in nodes:
        assert len(node.events()) == 2 * ROUNDS, f"{len(node.events())} events in {ROUNDS} rounds"
    assert alice.finish() == 0 and bob.finish() == 0


@test("fresh nodes that are started with each other's address end in one session")
def fresh(scene):
    for number in range(5):
        port = scene.ports(2)
        addresses = [f"127.0.0.1:{p}" for p in port]
        nodes = []
        for me, other, name in ((0, 1, "alice"), (1, 0, "bob")):
            nodes.append(scene.node(f"{name}{number}", "--no-store", "-p", port[me],
                                    addresses[other]))
        alice, bob = nodes
        for node in nodes:
            node.wait_up(1)
        talk(alice, bob, number)
        settled(alice, bob)
        assert len(alice.peers()) == len(bob.peers()) == 1
        assert alice.texts() == [f"from bob {number}"] and bob.texts() == [f"from alice {number}"]


@test("three nodes that all dial each other at once end in one session for each two")
def triangle(scene):
    nodes = [scene.node(name) for name in ("alice", "bob", "carol")]
    calls = []
    for node in nodes:
        others = " ".join(other.address for other in nodes if other is not node)
        calls.append(lambda n=node, o=others: n.send(f"/connect {o}", f"/bcast from {n.label}"))
    together(*calls)
    for node in nodes:
        for other in nodes:
            if other is not node:
                node.hears(f"from {other.label}")
    settled(*nodes)
    for node in nodes:
        assert len(node.texts()) == 2 and len(node.peers()) == 2


def cross(scene, node_id):
    """A scripted peer with this id whose two connections with a node cross: the node has dialled,
    and before the session is open the peer's own dial says hello. Returns (node, dialled, ours)."""
    node = scene.node("alice", "-e")
    identity = Identity("script", node=node_id)
    listener = scene.session_listener(identity=identity)
    node.send(f"/connect {listener.address}")
    dialled = listener.connection()
    dialled.expect_line(GREETING)
    ours = scene.add(SessionConnection(connect(node.address), identity, "our own dial"))
    ours.send(identity.greeting())
    ours.expect_line(HELLO)
    ours.send(identity.hello())
    return node, dialled, ours


def one_is_left(node, dialled, ours):
    wait_until(lambda: not (dialled.open and ours.open), "one of two connections ended")
    kept = dialled if dialled.open else ours
    kept.ping("alive")
    node.send("/bcast once")
    kept.hears("once")
    kept.msg("and back")
    node.hears("and back")
    assert dialled.texts() + ours.texts() == ["once"]
    assert kept.open and node.texts() == ["and back"]
    assert list(node.peers()) == [dialled.identity.address]
    return kept


@test("a node with the lower id keeps its own dial")
def lower_keeps(scene):
    node, dialled, ours = cross(scene, HIGHEST)
    dialled.send(dialled.identity.greeting(), dialled.identity.hello())
    assert one_is_left(node, dialled, ours) is dialled


@test("a node with the higher id takes the other's dial")
def higher_yields(scene):
    node, dialled, ours = cross(scene, LOWEST)
    dialled.expect("/bye duplicate")
    dialled.close()
    assert one_is_left(node, dialled, ours) is ours


@test("a young session gives way to the other's dial only if that one has the lower id")
def young(scene):
    for node_id, kept in ((HIGHEST, 0), (LOWEST, 1)):
        node, listener = scene.node("alice"), scene.session_listener(
            identity=Identity("script", node=node_id))
        node.send(f"/connect {listener.address}")
        sessions = [listener.open()]
        node.sync()
        sessions.append(scene.add(SessionConnection(connect(node.address), listener.identity)))
        sessions[1].send(listener.identity.greeting())
        sessions[1].expect_line(HELLO)
        sessions[1].send(listener.identity.hello())
        sessions[1 - kept].expect("/bye duplicate")
        sessions[kept].ping("alive")
        assert list(node.peers()) == [listener.address]


@test("a second dial to a node under another address ends, and the session that is there stays")
def second_address(scene):
    alice, bob = scene.node("alice", "-e"), scene.node("bob", "-e")
    proxy = scene.add(Proxy(bob.address))
    for dialer, other, address in ((alice, bob, proxy.address), (bob, alice, alice.address)):
        dialer.connect(other.address)
        other.wait_up(1)
        marks = len(alice.out), len(bob.out)
        dialer.connect(address)
        for node, mark in zip((alice, bob), marks):
            node.sync()
            assert not [line for line in node.out.items(mark) if line.startswith("*")]
    assert established(alice) == 1 and established(bob) == 1


def leaves(_, session):
    session.send("/bye disconnect")


def is_left(node, session):
    node.send(f"/disconnect {session.identity.address}")


@test("a dial from before an encrypted session does not bring back who has left since")
def late(scene):
    for end in (leaves, is_left):
        node, key = scene.node("alice", "-e"), scene.path(f"{end.__name__}.pem")
        listener = scene.add(TlsListener(key=key, identity=Stranger("bob")))
        early = dial_tls(scene, node.address, key=key, identity=listener.identity)
        assert early.tls.exporter
        node.send(f"/connect {listener.address}")
        plain = listener.connection()
        plain.expect_line(GREETING)
        plain.send(plain.identity.greeting(), "/hello 1 node=abc boot=1 epoch=1 caps=tls")
        session = listener.answers(1)
        session.ping("all-said")
        end(node, session)
        session.wait_end()
        session.close()
        node.expect(DOWN)
        early.attempt(early.identity.hello(), "/bye duplicate")
        early.expect("/bye duplicate")
        again = dial_tls(scene, node.address, key=key, identity=listener.identity)
        again.enter()
        again.ping("back")
        node.sync()
        assert [line.split()[1] for line in node.events()] == ["up", "down", "up"], node.events()


if __name__ == "__main__":
    main()
