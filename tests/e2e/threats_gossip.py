#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others tell of peers and their keys is a hint where to look, and never who is there."""

import re

from hashflow_test import dead_address, main, test
from hashflow_test.node import has_sanitizer
from hashflow_test.session import HELLO
from hashflow_test.sockets import free_port
from hashflow_test.tls import Stranger, TlsListener, base32, dial_tls, write_group

GROUP = bytes(range(32))
SECRET = "for bob alone"


def keeper(scene, label, *options, group=None):
    if group:
        write_group(scene.path(label), group)
    return scene.node(label, "--state", scene.path(label), "-e", *options)


def key_of(node):
    return node.ask("/whoami")[0].split(" ")[2]


def gossip(scene, node, secret=None, **more):
    """A peer like others, who is going to lie."""
    session = dial_tls(scene, node.address, identity=Stranger("gossip", dead_address()), **more)
    session.enter(secret)
    return session


def acquainted(scene):
    """alice knows bob, who is away, and has something to say to him; and the liar."""
    alice = keeper(scene, "alice")
    bob = keeper(scene, "bob", "-l", f"127.0.0.1:{free_port()}")
    alice.connect(bob.address)
    key, address = key_of(bob), bob.address
    bob.kill()
    alice.expect(re.compile(r"\* down"))
    alice.send(f"/msg bob {SECRET}")
    alice.sync()
    return alice, key, address, gossip(scene, alice)


def goes_on(alice, address):
    """bob is where he was, and what is for him waits."""
    peers = alice.peers()
    assert peers[address].name == "bob" and peers[address].state != "up"
    assert [peer.name for peer in peers.values()].count("bob") == 1


@test("a lie about where a key is leads to whoever is there, under his own key, not to its owner")
def wrong_place(scene):
    alice, key, address, liar = acquainted(scene)
    listener = scene.add(TlsListener(identity=Stranger("bob")))
    liar.send(f"/peer {listener.address} {key} bob")
    plain = listener.connection()
    plain.expect(re.compile(" Connected$"))
    plain.send(plain.identity.greeting(), f"{plain.identity.hello()} caps=tls")
    found = listener.connection(1)
    found.expect_line(HELLO)
    found.say_hello()
    alice.expect(re.compile(rf"\* up {re.escape(listener.address)} bob~"))
    alice.send("/bcast for everyone", "/msg bob another one")
    found.hears("for everyone")
    assert found.texts() == ["for everyone"]
    goes_on(alice, address)


@test("a plain peer is not who others, or it itself, say that it is")
def plain_claim(scene):
    alice, key, address, liar = acquainted(scene)
    listener = scene.session_listener("bob")
    listener.identity.node = key
    liar.send(f"/peer {listener.address} {key} bob")
    plain = listener.connection()
    plain.expect(re.compile(" Connected$"))
    plain.send(plain.identity.greeting(), plain.identity.hello())
    plain.wait_end()
    assert SECRET.encode() not in plain.raw
    goes_on(alice, address)


@test("an address that is known by a key stays so, whatever others say about it")
def known_address(scene):
    alice, _, address, liar = acquainted(scene)
    other = base32(bytes(range(32)))
    liar.send(f"/peer {address} {other} mallory", f"/gone {other} 99")
    liar.ping("heard")
    goes_on(alice, address)


@test("nobody who is here is dialled elsewhere, or gone, because somebody says so")
def connected(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob")
    alice.connect(bob.address)
    liar, key = gossip(scene, alice), key_of(bob)
    trap, other = scene.listener(), scene.listener()
    liar.send(f"/peer {trap.address} {key} bob", f"/peer {trap.address} {key_of(alice)} alice",
              f"/gone {key} 9999999999999999", f"/peer {other.address} abc somebody")
    other.connection()
    liar.ping("heard")
    assert not trap.connections.items(), "dialled on somebody's word"
    alice.send(f"/msg bob {SECRET}")
    bob.hears(SECRET)
    assert [line for line in alice.events() if " down " in line] == []


@test("members who are told of a stranger dial him encrypted, say /hello, and nothing more")
def stranger_told(scene):
    alice = keeper(scene, "alice", group=GROUP)
    member = gossip(scene, alice, GROUP)
    listener = scene.add(TlsListener(identity=Stranger("bob")))
    member.send(f"/peer {listener.address} {base32(bytes(range(32)))} bob")
    session = listener.connection()
    session.expect_line(HELLO)
    alice.send(f"/bcast {SECRET}")
    member.hears(SECRET)
    session.attempt(session.identity.hello(), "/resume 1 0")
    session.wait_end()
    verbs = {line.split(" ")[0] for line in session.lines.items()}
    assert verbs == {"/hello", "/error"}, session.lines.items()
    assert listener.address not in alice.peers()
    assert not alice.complaints()[1:], alice.errors()


@test("strangers' gossip is not listened to")
def strangers_gossip(scene):
    alice, trap = keeper(scene, "alice", group=GROUP), scene.listener()
    told = f"/peer {trap.address} {base32(bytes(range(32)))} bob"
    for early in (True, False):
        stranger = dial_tls(scene, alice.address)
        stranger.attempt(*([told] if early else []), stranger.identity.hello(), told)
        stranger.wait_end()
    member, other = gossip(scene, alice, GROUP), scene.listener()
    member.send(f"/peer {other.address} abc somebody")
    other.connection()
    assert not trap.connections.items()


@test("what is no fingerprint, no name, or no address does no harm as gossip")
def malformed(scene):
    alice = keeper(scene, "alice")
    key, where = base32(bytes(range(32))), dead_address()
    lines = [f"/peer {where} {key[:-1]} bob", f"/peer {where} {key}a bob",
             f"/peer {where} {key} bob~", f"/peer {where} {key.upper()} bob",
             f"/peer {where} {key} \x1b[2Jbob", f"/peer {where} {key}", f"/peer {where}",
             f"/peer 0.0.0.0:1 {key} bob", f"/peer 255.255.255.255:1 {key} bob",
             f"/peer {where} ../../x bob", f"/peer {where} {key} '; drop table peers; --",
             f"/gone {key}", f"/gone {key} x", f"/gone {'a' * 2000} 1"]
    for line in lines:
        liar = gossip(scene, alice)
        liar.attempt(line, "/ping x")
        liar.expect(re.compile("^/(pong x|error )"))
        liar.close()
    alice.sync()
    assert "bob" not in [peer.name for peer in alice.peers().values()]
    assert "\x1b" not in "".join(alice.out.items() + alice.err.items())


@test("a flood of addresses and keys fills neither memory nor the directory; others are served")
def flood(scene):
    alice = keeper(scene, "alice")
    good = dial_tls(scene, alice.address, identity=Stranger("good", dead_address()))
    good.enter()
    liar, memory = gossip(scene, alice), alice.memory_kib()
    for block in range(20):
        liar.send(*(f"/peer 127.0.0.1:{1 + (block * 500 + n) % 9} "
                    f"{base32((block * 500 + n).to_bytes(32, 'big'))} n{n}" for n in range(500)))
        good.ping(f"p{block}", 5)
    liar.ping("all")
    assert len(alice.peers()) == 2
    assert alice.memory_kib() - memory < (64 if has_sanitizer() else 8) * 1024


if __name__ == "__main__":
    main()
