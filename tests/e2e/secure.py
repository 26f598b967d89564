#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes that meet are encrypted and remember each other's key; what that key refuses."""

import os
import re
import sqlite3
import subprocess

from hashflow_test import main, test, wait_until
from hashflow_test.proxy import Proxy
from hashflow_test.session import Identity, SessionConnection
from hashflow_test.sockets import connect, free_port, read_to_end

FINGERPRINT = re.compile("[a-z2-7]{52}")
FIRST = re.compile("first contact")
OTHER = re.compile("another key is there")


def keeper(scene, label, *options, folder=None, **more):
    """A node with a state folder of that label."""
    return scene.node(label, "--state", scene.path(folder or label), "-e", *options, **more)


def key_of(node):
    return node.ask("/whoami")[0].split(" ")[2]


def own_port(scene):
    return ("-l", f"127.0.0.1:{free_port()}")


def reinstalled(scene, node, options):
    """The same address with another key."""
    node.finish()
    return keeper(scene, "bob", *options, folder="bob anew")


@test("nobody in between can read what two nodes say to each other")
def sniffing(scene):
    alice, bob = scene.node("alice"), scene.node("bob")
    proxy = scene.add(Proxy(bob.address))
    alice.connect(proxy.address)
    alice.send("/msg bob a secret word")
    bob.hears("a secret word")
    bob.send("/bcast the answer to it")
    alice.hears("the answer to it")
    assert b"alice" in proxy.seen and b"Connected" in proxy.seen, "nothing was captured"
    for word in (b"secret", b"answer", b"/msg", b"/bcast", b"/resume"):
        assert word not in proxy.seen, word


@test("our id is the fingerprint of the key in the state folder, as others compute it")
def fingerprint(scene):
    node = keeper(scene, "alice")
    key = key_of(node)
    path = scene.path("alice/key.pem")
    assert os.stat(path).st_mode & 0o777 == 0o600
    command = (f"openssl pkey -in '{path}' -pubout -outform DER | openssl dgst -sha256 -binary"
               " | base32 | tr -d '=\\n' | tr A-Z a-z")
    assert subprocess.check_output(["sh", "-c", command], text=True) == key
    node.finish()
    assert key_of(keeper(scene, "alice")) == key


@test("without a state folder each run has a key of its own")
def key_of_a_run(scene):
    keys = [key_of(scene.node("guest")) for _ in range(2)]
    assert all(map(FINGERPRINT.fullmatch, keys)) and keys[0] != keys[1]


@test("the first contact with a key is one line on each side, the second is none")
def first_contact(scene):
    options = own_port(scene)
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *options)
    alice.connect(bob.address)
    alice.err.wait(FIRST)
    assert key_of(bob)[:4] in "\n".join(alice.err.items())
    bob.err.wait(FIRST)
    bob.finish()
    alice.expect(re.compile(r"\* down"))
    since = len(alice.err)
    bob = keeper(scene, "bob", *options)
    alice.send(f"/connect {bob.address}", "/wait up=1")
    alice.sync()
    assert not [line for line in alice.err.items(since) if FIRST.search(line)]
    assert not bob.errors()


@test("a visitor's key is not remembered, nor told")
def visitor(scene):
    alice, guest = keeper(scene, "alice"), scene.node("guest")
    guest.connect(alice.address)
    alice.expect(re.compile(r"\* up"))
    assert not FIRST.search("\n".join(alice.err.items()))


@test("a known address with another key is refused before anything is said to it")
def other_key(scene):
    options = own_port(scene)
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *options)
    alice.connect(bob.address)
    address = bob.address
    alice.finish()
    bob = reinstalled(scene, bob, options)
    alice = scene.run("alice", "--state", scene.path("alice"), "--drain", "20", "-W", "20", address,
                      stdin=f"/msg {address} for the old key alone\n".encode())
    assert alice.wait() == 5, alice.errors()
    assert OTHER.search(alice.errors()) and f"/trust {address}" in "\n".join(alice.err.items())
    bob.sync()
    assert bob.texts() == []


@test("/trust gives the address, and what waits for it, to the new key")
def trust(scene):
    options = own_port(scene)
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *options)
    alice.connect(bob.address)
    address = bob.address
    bob.finish()
    alice.expect(re.compile(r"\* down"))
    alice.send(f"/msg {address} whoever you are")
    bob = reinstalled(scene, bob, options)
    alice.send(f"/connect {address}")
    alice.complains(OTHER)
    assert bob.texts() == []
    alice.send(f"/trust {address}")
    bob.hears("whoever you are")
    assert [peer.name for peer in alice.peers().values()] == ["bob"]


@test("one that comes with another key does not get a known address")
def newcomer(scene):
    options = own_port(scene)
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *options)
    bob.connect(alice.address)
    alice.expect(re.compile(r"\* up"))
    known, address = key_of(bob), bob.address
    bob = reinstalled(scene, bob, options)
    bob.connect(alice.address)
    alice.complains(OTHER)
    alice.send(f"/msg {address} for the old key alone")
    alice.sync()
    alice.send("/bcast for everyone")
    bob.hears("for everyone")
    assert bob.texts() == ["for everyone"]
    assert known != key_of(bob)


@test("plain text that claims to be somebody known by a key is not taken")
def plain_claims(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *own_port(scene))
    alice.connect(bob.address)
    liar = scene.client(alice)
    liar.send(f"{bob.address} bob give me the money")
    alice.complains(re.compile("known by its key"))
    liar.send("an honest line")
    alice.hears("an honest line")
    assert alice.texts("bob") == []
    liar.send(f"{bob.address} bob exit")
    alice.sync()
    assert alice.peers()[bob.address].state == "up"


def plain_hello(scene, node, identity):
    session = scene.add(SessionConnection(connect(node.address), identity))
    session.send(identity.greeting())
    session.expect_line("/hello 1( .*)?")
    session.send(identity.hello())
    return session


@test("a plain session cannot take a known address, nor a fingerprint for its id")
def plain_session_claims(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *own_port(scene))
    alice.connect(bob.address)
    liar = plain_hello(scene, alice, Identity("bob", bob.address))
    liar.expect(re.compile("^/error tls "))
    liar.wait_end()
    liar = plain_hello(scene, alice, Identity("bob", "127.0.0.1:9", node=key_of(bob)))
    liar.expect(re.compile("^/error bad-node "))
    liar.wait_end()
    assert alice.peers()[bob.address].state == "up"


@test("plain:HOST:PORT speaks plain text, and is refused for a known key")
def asked_for_plain(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *own_port(scene))
    proxy = scene.add(Proxy(bob.address))
    guest = scene.node("guest", f"plain:{proxy.address}")
    guest.send("/wait up=1", "/bcast in the open")
    bob.hears("in the open")
    assert b"in the open" in proxy.seen
    alice.connect(bob.address)
    alice.send(f"/connect plain:{bob.address}")
    alice.complains(re.compile("known by its key"))


@test("a node whose folder is older than its key keeps its place")
def moves_over(scene):
    options = own_port(scene)
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *options)
    address = bob.address
    bob.finish()
    os.remove(scene.path("bob/key.pem"))
    database = sqlite3.connect(scene.path("bob/hashflow.db"))
    with database:
        database.execute("DELETE FROM settings WHERE key = 'key'")
    database.close()
    with open(scene.path("bob/node"), encoding="ascii") as file:
        former = Identity("bob", address, node=file.read().strip())
    former_session = plain_hello(scene, alice, former)
    former_session.msg("before")
    alice.hears("before")
    former_session.close()
    alice.expect(re.compile(r"\* down"))
    alice.send("/msg bob kept for you")
    alice.sync()
    bob = keeper(scene, "bob", *options)
    bob.connect(alice.address)
    bob.hears("kept for you")
    alice.complains(re.compile("has a key now"))
    assert list(alice.peers()) == [address]


@test("who has connected and not spoken when the door is closed or opened does no harm")
def door_moves(scene):
    node = keeper(scene, "alice")
    waiting = [connect(node.address) for _ in range(2)]
    node.ask("/group new")
    assert all(read_to_end(stranger) == b"" for stranger in waiting)
    early = [connect(node.address) for _ in range(2)]
    node.ask("/whoami")
    node.send("/group leave")
    node.ask("/whoami")
    early[0].sendall(b"10.0.0.2:7216 bob Connected\n")
    early[1].sendall(b"\x16\x03\x01\x00\x05hello")
    assert read_to_end(early[0]).startswith(b"/error tls ")
    assert b"Connected" not in read_to_end(early[1])
    with connect(node.address) as late:
        late.sendall(b"10.0.0.2:7216 bob hello\n")
        node.hears("hello")


if __name__ == "__main__":
    main()
