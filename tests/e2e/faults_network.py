#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that fail without a word: packets vanish in both directions or in one, between two or
between groups, all of them or some. What is silent is noticed, nothing flaps, and when the network
is back everything arrives, once and in order."""

import re

from hashflow_test import main, test, wait_until
from hashflow_test.ledger import as_input, check_each_once, entries
from hashflow_test.netns import Network

#: Short enough for a test, long enough for a machine that is busy.
TIMES = ("--heartbeat", "0.7", "--suspect-after", "1.5", "--down-after", "2.5")

#: A dial that was lost on the way is tried again by the kernel after 1, 3 and 7 seconds, and by the
#: node after that.
HEALED = 25


def nodes_on(scene, names, *options):
    """A network with a node on each host, all known to each other; the network and the nodes."""
    network = scene.add(Network(scene, len(names)))
    nodes = [network.node(host, name, "-e", *TIMES, *options)
             for host, name in zip(network.hosts, names)]
    for number, node in enumerate(nodes[1:], 1):
        node.connect(*(host.address for host in network.hosts[:number]))
    for node in nodes:
        node.wait_up(len(nodes) - 1)
    return network, nodes


def happened(node, host, *kinds):
    """How often these events came for a host."""
    return sum(1 for line in node.events()
               if line.split(" ")[1] in kinds and line.split(" ")[2] == host.address)


def down(node, host, since=0):
    node.expect(re.compile(rf"^\* down {host.address} "), since=since)


def up(node, host, since=0):
    node.expect(re.compile(rf"^\* up {host.address} "), HEALED, since)


@test("a line that is dead while nobody talks is noticed: suspect, then down, and up when it heals")
def idle(scene):
    network, (alice, bob) = nodes_on(scene, ["alice", "bob"])
    here, there = network.hosts
    marks = len(alice.out), len(bob.out)
    network.part([here], [there])
    for node, other, mark in ((alice, there, marks[0]), (bob, here, marks[1])):
        node.expect(re.compile(rf"^\* suspect {other.address} "), since=mark)
        down(node, other, mark)
    marks = len(alice.out), len(bob.out)
    alice.send("/msg bob said in the dark", "/bcast and to all")
    network.heal()
    up(alice, there, marks[0])
    up(bob, here, marks[1])
    bob.hears("and to all")
    assert bob.texts() == ["said in the dark", "and to all"]
    alice.send("/wait delivered 20")
    assert alice.finish() == 0, alice.errors()


@test("a short silence is suspect, and back when it ends; the session goes on")
def short(scene):
    network, (alice, bob) = nodes_on(scene, ["alice", "bob"], "--down-after", "60")
    here, there = network.hosts
    mark = len(alice.out)
    network.part([here], [there])
    alice.expect(f"* suspect {there.address} bob", since=mark)
    network.heal()
    alice.expect(f"* back {there.address} bob", HEALED, mark)
    alice.send("/msg bob still the same session")
    bob.hears("still the same session")
    assert happened(alice, there, "up") == 1 and happened(alice, there, "down") == 0


@test("a line that dies under load is noticed, and what was on its way arrives once it heals")
def loaded(scene):
    network, (alice, bob) = nodes_on(scene, ["alice", "bob"], "--drain", "40")
    here, there = network.hosts
    texts = entries(4000, width=500)
    alice.write(as_input(texts[:2000]))
    wait_until(lambda: len(bob.texts()) > 100, "lines are under way")
    network.part([here], [there])
    alice.write(as_input(texts[2000:]))
    down(alice, there)
    network.heal()
    assert alice.finish(60) == 0, alice.errors()
    wait_until(lambda: len(bob.texts()) >= len(texts), "all lines")
    check_each_once(bob.texts(), texts)


@test("two groups that are parted talk on within, and to each other when it is whole again")
def partition(scene):
    network, nodes = nodes_on(scene, ["alice", "bob", "carol", "dave"])
    (alice, bob, carol, dave), hosts = nodes, network.hosts
    network.part(hosts[:2], hosts[2:])
    for node, others in ((alice, hosts[2:]), (carol, hosts[:2])):
        for other in others:
            down(node, other)
    texts = {node: entries(200, width=100) for node in nodes}
    for node in nodes:
        node.write(as_input(texts[node]))
    for one, other in ((alice, bob), (carol, dave)):
        other.hears(texts[one][-1], one.label)
        one.hears(texts[other][-1], other.label)
    assert alice.texts("carol") == dave.texts("bob") == []
    network.heal()
    for node in nodes:
        for other in nodes:
            if other is not node:
                wait_until(lambda n=node, o=other: len(n.texts(o.label)) >= 200,
                           f"{node.label} has all of {other.label}", HEALED)
                check_each_once(node.texts(other.label), texts[other])


@test("packets that vanish in one direction only: both say down, once, and nothing flaps")
def one_way(scene):
    network, (alice, bob) = nodes_on(scene, ["alice", "bob"])
    here, there = network.hosts
    here.drop(there)
    down(alice, there)
    down(bob, here)
    alice.send("/msg bob not yet", "/wait up=1 6")
    alice.sync()
    for node, other in ((alice, there), (bob, here)):
        assert happened(node, other, "up") == 1, node.events()
        assert happened(node, other, "down") == 1, node.events()
    assert bob.texts() == []
    marks = len(alice.out), len(bob.out)
    network.heal()
    up(alice, there, marks[0])
    up(bob, here, marks[1])
    bob.hears("not yet")


@test("with a tenth of all packets lost, everything arrives, and nobody is taken for down")
def lossy(scene):
    network, (alice, bob) = nodes_on(scene, ["alice", "bob"], "--drain", "60", "--suspect-after",
                                     "20", "--down-after", "40")
    network.part(network.hosts[:1], network.hosts[1:], percent=10)
    texts = entries(1000, width=100)
    for node in (alice, bob):
        node.write(as_input(texts))
    for node, other in ((alice, bob), (bob, alice)):
        wait_until(lambda n=node: len(n.texts()) >= len(texts), f"{node.label} has all", 60)
        check_each_once(node.texts(other.label), texts)
        assert len(node.events()) == 1, node.events()


@test("a slow link fills the queue of that peer alone: it is refused clearly, the others have all")
def slow_link(scene):
    network = scene.add(Network(scene, 4))
    readers = [network.node(host, name)
               for host, name in zip(network.hosts[1:], ("bob", "carol", "slow"))]
    addresses = [reader.address for reader in readers]
    sender = network.node(network.hosts[0], "alice", "-e", "--queue-bytes", "300K", "--drain", "60")
    sender.connect(*addresses)
    network.hosts[3].throttle("1mbit")
    texts = entries(2000, width=1000)
    # What is ahead of the slow one waits for the others, so that only the slow one is outrun.
    for start in range(0, len(texts), 100):
        part = texts[start:start + 100]
        sender.write(as_input(part))
        for reader in readers[:2]:
            reader.hears(part[-1])
    failed = [line.split(" ")[2] for line in sender.out.items()
              if line.startswith("/bcast failed ")]
    sender.complains(re.compile(re.escape(addresses[2])))
    assert sender.finish(90) == 3
    failed = {address for _, _, address in sender.receipts("failed")}
    assert failed == {addresses[2]}, failed
    for reader in readers[:2]:
        check_each_once(reader.texts(), texts)
    lost = len(sender.receipts("failed"))
    wait_until(lambda: len(readers[2].texts()) >= len(texts) - lost, "the rest of it")
    got = readers[2].texts()
    assert 0 < lost and len(got) + lost == len(texts), f"{len(got)} came, {lost} failed"
    assert got == sorted(got, key=texts.index) and got[:100] == texts[:100]
    assert len(sender.err) < 20, f"{len(sender.err)} lines about it"


if __name__ == "__main__":
    main(workers=4)
