#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Too many connections, silent ones, slow ones: refused with a reason, and nobody else notices."""

import re
import resource

from hashflow_test import Skip, main, test, wait_until
from hashflow_test.sockets import Connection, connect

CAROL = "127.0.0.1:9"


def crowd(scene, node, number):
    """That many plain connections, whether or not they will be accepted."""
    return [scene.add(Connection(connect(node.address), f"number {n}")) for n in range(number)]


def works(node, session, token):
    """The established session goes on in both directions."""
    session.msg(f"in {token}")
    node.hears(f"in {token}")
    node.send(f"/msg {session.identity.address} out {token}")
    session.hears(f"out {token}")


def spins_not(node, seconds=2):
    """Asserts that the node is idle: its own clock waits, its processor time hardly moves."""
    before = node.cpu_seconds()
    node.send(f"/wait up=999 {seconds}")
    node.sync()
    used = node.cpu_seconds() - before
    assert used < seconds / 4, f"{used:.2f} s of processor time in {seconds} s"


@test("connections that send nothing, one byte, or half a header stay and harm nobody")
def silent(scene):
    node = scene.node("alice")
    session = scene.session(node, "carol")
    clients = crowd(scene, node, 150)
    for client in clients[50:100]:
        client.write("x")
    for client in clients[100:]:
        client.write(f"{CAROL} ca")
    works(node, session, "one")
    spins_not(node)
    works(node, session, "two")
    closed = [client.label for client in clients if not client.open]
    assert not closed, f"silence alone closed {closed}"
    for client in clients[50:100]:
        client.send("yz")
    for client in clients[50:100]:
        node.expect(f"{client.local} - xyz")
    assert len(node.texts("-")) == 50


@test("a line that comes one byte at a time is one line")
def bytewise(scene):
    node = scene.node("alice")
    client = scene.client(node)
    for byte in b"127.0.0.1:9 carol hello\r\n":
        client.write(bytes([byte]))
        node.sync()
    node.hears("hello", "carol")
    assert node.texts() == ["hello"]


@test("few descriptors: newcomers are refused with a reason, peers go on, nothing spins")
def few_descriptors(scene):
    node = scene.node("alice", ulimit=32)
    session = scene.session(node, "carol")
    clients = crowd(scene, node, 60)
    node.complains(re.compile(r"(?i)full|many|limit|descriptor|refus"))
    works(node, session, "crowded")
    spins_not(node)
    works(node, session, "still crowded")
    refused = [client for client in clients if client.raw or not client.open]
    for client in refused:
        client.wait_end()
        assert client.ended == "reset" or client.lines.count(re.compile("^/error "))
    assert len(node.err) < 20, f"{len(node.err)} lines about it"
    for client in clients:
        client.close()
    wait_until(lambda: node.descriptors() < 20, "the crowd is gone")
    fresh = scene.client(node)
    fresh.send("room again")
    node.hears("room again")


@test("few descriptors: dials that find none are failed commands with a reason")
def few_for_dials(scene):
    node = scene.node("alice", "--drain", "1", ulimit=24)
    session = scene.session(node, "carol")
    listeners = [scene.listener() for _ in range(30)]
    node.send("/connect " + " ".join(listener.address for listener in listeners))
    works(node, session, "meanwhile")
    node.sync()
    assert node.complaints()
    spins_not(node)
    works(node, session, "after")
    assert node.finish() in (1, 3, 4)


@test("more connections than select can hold: the newcomer is refused, the thousand stay")
def beyond_select(scene):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 6000:
        raise Skip("the limit on open files is too low here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000) if hard > 0 else 20000, hard))
    node = scene.node("alice", ulimit=4096)
    session = scene.session(node, "carol")
    clients = crowd(scene, node, 1100)
    node.complains(re.compile(r"(?i)full|many|limit|descriptor|refus"))
    works(node, session, "thousand")
    wait_until(lambda: any(client.ended for client in clients), "somebody is refused")
    refused = [client for client in clients if not client.open]
    assert 0 < len(refused) < 500, f"{len(refused)} of 1100 refused"
    assert any(client.lines.count(re.compile("^/error ")) for client in refused)
    stays = next(client for client in clients if client.open)
    stays.send("I am in")
    node.expect(f"{stays.local} - I am in")
    spins_not(node)


@test("two hundred connections that open and close at once leave no descriptor behind")
def churn(scene):
    node = scene.node("alice")
    session = scene.session(node, "carol")
    before = node.descriptors()
    for _ in range(5):
        for number, client in enumerate(crowd(scene, node, 40)):
            if number % 3 == 0:
                client.send("x")
            client.reset() if number % 2 else client.close()
    works(node, session, "after")
    wait_until(lambda: node.descriptors() <= before, "all descriptors are given back")


@test("a flood from one plain client does not keep a session from being served")
def flood(scene):
    node = scene.node("alice", stdout="null")
    session = scene.session(node, "carol")
    client = scene.client(node)
    block = b"flood\n" * 10000
    for number in range(30):
        client.write(block)
        session.ping(f"p{number}")
    assert session.open and client.open


@test("a client that sends without end and without LF is cut off at the bound")
def endless(scene):
    node = scene.node("alice")
    session = scene.session(node, "carol")
    client = scene.client(node)
    idle = node.memory_kib()
    try:
        for _ in range(200):
            client.write(b"x" * 65536)
    except OSError:
        pass
    client.wait_end()
    works(node, session, "after")
    assert node.memory_kib() - idle < 16 * 1024


if __name__ == "__main__":
    main()
