#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes tell each other whom they know: what comes of it, and what must not."""

import os
import re
import socket
import threading
import time

from hashflow_test import main, test, wait_until
from hashflow_test.session import GREETING, Identity, SessionConnection
from hashflow_test.sockets import connect, join_address
from hashflow_test.tap import Skip
from hashflow_test.waiting import Stopwatch

PEER = re.compile(r"^/peer ")
BURST = 16


def keeper(scene, label, *options, **more):
    """A node that is to be remembered: only those are told of."""
    return scene.node(label, "--state", scene.path(label), *options, **more)


def settle(nodes):
    """Waits until each is connected with all others."""
    for node in nodes:
        node.wait_up(len(nodes) - 1)


class Victim:
    """Counts who dials it, and never answers."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = join_address(*self._server.getsockname()[:2])
        self.dialled = []
        self._kept = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            self.dialled.append(time.monotonic())
            self._kept.append(sock)

    def close(self):
        try:
            self._server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._server.close()
        for sock in self._kept:
            sock.close()


def memory(node):
    with open(f"/proc/{node.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def barrier(node, session):
    """Everything that the session has said was heard."""
    session.ping(f"b{time.monotonic_ns()}")
    node.sync()


@test("a full mesh of eight forms in seconds from one common acquaintance, and everyone hears all")
def eight(scene):
    nodes = [keeper(scene, name) for name in "abcdefgh"]
    watch = Stopwatch()
    for node in nodes[1:]:
        node.send(f"/connect {nodes[0].address}")
    settle(nodes)
    assert watch.seconds() < 15, watch.seconds()
    for node in nodes:
        node.send(f"/bcast from {node.label}")
    for node in nodes:
        for other in nodes:
            if other is not node:
                node.hears(f"from {other.label}", other.label)
    for node in nodes:
        node.sync()
        assert len(node.peers()) == len(nodes) - 1, node.peers()
        assert len(node.texts()) == len(nodes) - 1, node.texts()
        assert not node.errors(), node.errors()


@test("--no-exchange neither tells nor believes")
def none(scene):
    hub = keeper(scene, "hub", "--no-exchange")
    told = scene.session(hub, "told", listening=f"127.0.0.1:{scene.ports(1)[0]}")
    victim = scene.add(Victim())
    keeper(scene, "other", hub.address).wait_up(1)
    hub.wait_up(2)
    told.send(f"/peer {victim.address} {'v' * 26} victim")
    barrier(hub, told)
    late = scene.session(hub, "late", listening="127.0.0.1:9")
    barrier(hub, late)
    assert not told.lines.count(PEER) and not late.lines.count(PEER)
    assert not victim.dialled


@test("a node that is only visiting tells nobody of others and dials nobody it hears of")
def visiting(scene):
    hub, bob = keeper(scene, "hub"), keeper(scene, "bob", "-e")
    bob.connect(hub.address)
    visitor, carol = scene.node("visitor", "-e"), scene.session_listener("carol")
    visitor.connect(hub.address)
    visitor.send(f"/connect {carol.address}")
    session = carol.open()
    session.ping("known")
    visitor.sync()
    visitor.send("/wait up=3 1")
    visitor.sync()
    assert sorted(visitor.peers()) == sorted([hub.address, carol.address])
    assert not session.lines.count(PEER) and not any("visitor" in line for line in bob.events())


@test("what a node tells: peers in session that want to be known, by address, id and name")
def telling(scene):
    hub, bob = keeper(scene, "hub"), keeper(scene, "bob")
    passing = scene.node("passing")
    for node in (bob, passing):
        node.connect(hub.address)
    person = scene.client(hub)
    person.send("I am no node")
    hub.hears("I am no node")
    carol = scene.session(hub, "carol")
    node_id = bob.ask("/whoami")[0].split(" ")[2]
    carol.expect(f"/peer {bob.address} {node_id} bob")
    barrier(hub, carol)
    assert carol.lines.count(PEER) == 1, carol.lines.items()


@test("whom a node has dialled it tells a little later, and much later if that is one of its own")
def dialled(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", "--no-exchange")
    alice.connect(bob.address)
    node_id = bob.ask("/whoami")[0].split(" ")[2]
    told = f"/peer {bob.address} {node_id} bob"
    friend = scene.session_listener("friend")
    alice.send(f"/connect {friend.address}")
    session = friend.open()
    session.send(told)
    barrier(alice, session)
    newcomer, stranger = scene.session_listener("newcomer"), scene.session_listener("stranger")
    alice.send(f"/connect {newcomer.address}", f"/connect {stranger.address}")
    others = [newcomer.open(), stranger.open()]
    others[1].send(told, f"/peer {scene.add(Victim()).address} {'v' * 26} unknown-here")
    for other in others:
        other.expect(told)
    barrier(alice, session)
    assert not session.lines.count(PEER), session.lines.items()


@test("a peer that leaves is told to the others once")
def gone(scene):
    hub, bob = keeper(scene, "hub"), keeper(scene, "bob")
    bob.connect(hub.address)
    node_id = bob.ask("/whoami")[0].split(" ")[2]
    carol = scene.session(hub, "carol")
    barrier(hub, carol)
    assert bob.finish() == 0
    carol.expect(re.compile(f"^/gone {node_id} [0-9]+$"))
    barrier(hub, carol)
    assert carol.lines.count(re.compile("^/gone ")) == 1


@test("hearsay is nobody: not listed, no event, no line on stderr, until a node answers there")
def nobody(scene):
    alice = keeper(scene, "alice", "-e")
    teller = scene.session(alice, "teller")
    victim = scene.add(Victim())
    stranger = scene.listener()
    teller.send(f"/peer {victim.address} {'v' * 26} silent", "/peer 127.0.0.1:1 x closed",
                f"/peer {stranger.address} {'s' * 26} liar")
    stranger.connection().expect_line(GREETING)
    stranger.connection().send("127.0.0.1:1 liar Connected", "127.0.0.1:1 liar I am no node",
                               "a raw line")
    wait_until(lambda: victim.dialled, "the address is tried")
    stranger.close()
    barrier(alice, teller)
    assert [peer.name for peer in alice.peers().values()] == ["teller"]
    alice.send("/bcast for those I know")
    teller.hears("for those I know")
    listener = scene.session_listener("carol")
    teller.send(f"/peer {listener.address} {'c' * 26} other-name-and-id")
    listener.open().ping("there")
    alice.expect(f"* up {listener.address} carol")
    assert not alice.texts() and not alice.errors(), (alice.texts(), alice.errors())


@test("of ten thousand addresses few are dialled, slowly, each once; the forgotten one stays gone")
def poison(scene):
    alice = keeper(scene, "alice", "-e")
    gone = scene.session_listener("gone")
    alice.send(f"/connect {gone.address}")
    gone.open()
    alice.sync()
    alice.send(f"/forget {gone.address}")
    alice.sync()
    poisoner = scene.session(alice, "poisoner")
    barrier(alice, poisoner)
    before = memory(alice)
    victims = [scene.add(Victim()) for _ in range(40)]
    lines = [f"/peer {gone.address} {gone.identity.node} gone"]
    for index, victim in enumerate(victims):
        lines += 2 * [f"/peer {victim.address} {index:026d} v{index}"]
    poisoner.send(*lines)
    for start in range(0, 10000, 1000):
        poisoner.send(*(f"/peer 127.1.{n // 250}.{n % 250 + 1}:9 {n:026d} n{n}"
                        for n in range(start, start + 1000)), *lines)
        barrier(alice, poisoner)
    watch = Stopwatch()
    dialled = wait_until(lambda: sum(len(v.dialled) for v in victims) > BURST + 2 and
                         sorted(at for v in victims for at in v.dialled), "more than a burst")
    assert watch.seconds() > 1, "the burst has no end"
    assert dialled[-1] - dialled[0] > (len(dialled) - BURST) * 0.8 - 1, dialled
    assert all(len(victim.dialled) <= 1 for victim in victims)
    assert memory(alice) - before < 2 << 20, memory(alice) - before
    alice.sync()
    assert [peer.name for peer in alice.peers().values()] == ["poisoner"]
    assert len(gone.connections) == 1, "the forgotten one was dialled"
    # Neither whoever the user asks for nor another's word waits behind all that.
    watch = Stopwatch()
    alice.connect(scene.node("bob").address)
    honest, carol = scene.session(alice, "honest"), scene.session_listener("carol")
    honest.send(f"/peer {carol.address} {'c' * 26} carol")
    carol.open()
    alice.expect(f"* up {carol.address} carol")
    assert watch.seconds() < 8, watch.seconds()


@test("a banned and a disconnected peer are not brought back by hearsay")
def unwanted(scene):
    alice, hub = keeper(scene, "alice", "-e"), keeper(scene, "hub")
    bob, carol = keeper(scene, "bob", "--no-exchange"), keeper(scene, "carol", "--no-exchange")
    alice.connect(bob.address, carol.address)
    alice.send(f"/ban {bob.address}", f"/disconnect {carol.address}")
    alice.sync()
    for node in (bob, carol):
        node.connect(hub.address)
    hub.wait_up(2)
    mark = len(alice.out)
    alice.connect(hub.address)
    teller = scene.session(alice, "teller")
    listener = scene.session_listener("probe")
    for node in (bob, carol):
        node_id = node.ask("/whoami")[0].split(" ")[2]
        teller.send(f"/peer {node.address} {node_id} {node.label}",
                    f"/peer [::1]:{node.port} {node_id} {node.label}",
                    f"/peer [::1]:{node.port} {'x' * 26} under-another-id")
    teller.send(f"/peer {listener.address} {'p' * 26} probe")
    listener.open()
    alice.expect(f"* up {listener.address} probe", since=mark)
    states = {address: peer.state for address, peer in alice.peers().items()}
    assert states[bob.address] == "banned" and states[carol.address] == "down", states
    assert not [line for line in alice.events()[4:] if "bob" in line or "carol" in line]


@test("from elsewhere nobody makes us dial our own machine, or what is no address of one host")
def loopback(scene):
    alice = keeper(scene, "alice", "-l", "0.0.0.0:0")
    own = [address for address in alice.err.wait(re.compile("listening on")).split(" ")[3:]
           if not address.startswith(("127.", "["))]
    victim = scene.add(Victim())
    if not own:
        raise Skip("this machine has no address but loopback")
    host = own[0].rpartition(":")[0]
    identity = Identity("elsewhere", address="192.0.2.9:9")
    teller = scene.add(SessionConnection(connect(own[0], host), identity))
    teller.open_as_dialer()
    probe = scene.session_listener("probe", ip=host)
    teller.send(f"/peer {victim.address} {'v' * 26} victim",
                f"/peer 224.0.0.1:7216 {'m' * 26} multicast",
                f"/peer 0.0.0.0:7216 {'u' * 26} unspecified",
                f"/peer {own[0]} {'o' * 26} yourself",
                f"/peer {probe.address} {'p' * 26} probe")
    probe.open()
    alice.wait_up(2)
    assert not victim.dialled
    assert {peer.name for peer in alice.peers().values()} == {"elsewhere", "probe"}


if __name__ == "__main__":
    main()
