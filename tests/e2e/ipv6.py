#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv6 alone, IPv4 alone, and both at once."""

import re

from hashflow_test import main, send_once, test
from hashflow_test.sockets import connect, needs_ipv6


def refused(address):
    try:
        connect(address).close()
    except ConnectionError:
        return True
    return False


@test("-6: everything over [::1] and nothing over IPv4")
def only_six(scene):
    needs_ipv6()
    alice, bob = scene.node("alice", "-6", "-e"), scene.node("bob", "-6")
    assert re.fullmatch(r"\[::1\]:\d+", alice.address), alice.address
    assert refused(f"127.0.0.1:{alice.port}")
    alice.connect(bob.address)
    alice.expect(f"* up {bob.address} bob")
    alice.send(f"/msg {bob.address} over six", "/bcast to all", "/to bob", "bare")
    assert bob.hears("bare").address == alice.address
    assert bob.texts() == ["over six", "to all", "bare"]
    assert list(alice.peers()) == [bob.address]
    client = scene.client(alice)
    client.send("raw", "[::1]:9 carol with header", "<[::1]:9> carol angled")
    alice.hears("angled", "carol")
    assert [m.address for m in alice.messages()] == [client.local, "[::1]:9", "[::1]:9"]
    assert all(line.startswith("[::1]:") for line in alice.out.items() if line[:1] == "[")
    alice.send("/bcast back")
    client.expect(f"{alice.address} alice back")


@test("-6: an IPv4 address is refused with a reason")
def six_dials_four(scene):
    needs_ipv6()
    listener = scene.listener()
    node = scene.run("alice", "-6", "--drain", "1", stdin=f"/connect {listener.address}\n".encode())
    assert node.wait() in (1, 2) and listener.address in node.errors()
    assert len(listener.connections) == 0


@test("-4: IPv4 only")
def only_four(scene):
    node = scene.node("alice", "-4")
    assert re.fullmatch(r"127\.0\.0\.1:\d+", node.address)
    client = scene.client(node)
    client.send("over four")
    node.hears("over four")
    needs_ipv6()
    assert refused(f"[::1]:{node.port}")


@test("one node speaks both families at once, and one broadcast reaches all")
def both(scene):
    needs_ipv6()
    node = scene.node("alice")
    four, six = scene.node("four", "-4"), scene.node("six", "-6")
    four.connect(node.address)
    six.connect(f"[::1]:{node.port}")
    node.wait_up(2)
    node.send("/bcast to both")
    for peer, me in ((four, node.address), (six, f"[::1]:{node.port}")):
        assert peer.hears("to both").address == me
    assert set(node.peers()) == {four.address, six.address}


@test("-l [::1]:PORT listens there alone")
def listen(scene):
    needs_ipv6()
    node = scene.node("alice", "-l", "[::1]:0", "--no-store")
    assert node.address.startswith("[::1]:")
    assert refused(f"127.0.0.1:{node.port}")
    send_once(node.address, "[::1]:9 carol hello")
    assert node.hears("hello", "carol").address == "[::1]:9"


@test("a mapped address is the IPv4 address that it maps")
def mapped(scene):
    needs_ipv6()
    alice, bob = scene.node("alice"), scene.node("bob")
    alice.send(f"/msg [::ffff:127.0.0.1]:{bob.port} mapped")
    assert bob.hears("mapped").address == alice.address
    assert list(alice.peers()) == [bob.address]


@test("the ways to write one IPv6 address are one peer")
def spelled(scene):
    needs_ipv6()
    alice, bob = scene.node("alice"), scene.node("bob", "-6")
    for spelling in ("[::1]", "[0:0:0:0:0:0:0:1]", "[0::0:1]", "<[::1]"):
        end = ">" if spelling[0] == "<" else ""
        alice.send(f"/msg {spelling}:{bob.port}{end} via {spelling}")
        bob.hears(f"via {spelling}")
    assert list(alice.peers()) == [bob.address]


if __name__ == "__main__":
    main()
