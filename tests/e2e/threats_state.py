#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stranger could make of what a node remembers: addresses and keys of others, whom it dials,
and to whom it has spoken in plain text before its door was closed."""

import re

from hashflow_test import main, test
from hashflow_test.netns import PORT, Network
from hashflow_test.sockets import connect, free_port
from hashflow_test.tls import Stranger, TlsListener, dial_tls, make_key

COUNT_DIALS = """
import socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
for number in range(1, 9):
    listener.accept()[0].close()
    print("dialled", number)
"""
SECRET = "for one pair of eyes"
OTHER = re.compile("another key is there")


def keeper(scene, label, *options, **more):
    return scene.node(label, "--state", scene.path(label), "-e", *options, **more)


def own_port():
    return ("-l", f"127.0.0.1:{free_port()}")


@test("nobody gets the address of somebody else by saying, twice, that it is his own")
def claimed_address(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *own_port())
    alice.connect(bob.address)
    key = scene.path("mallory.pem")
    for _ in range(3):
        liar = dial_tls(scene, alice.address, key=key, identity=Stranger("mallory", bob.address))
        liar.enter()
    alice.send(f"/msg {bob.address} {SECRET}")
    bob.hears(SECRET)
    liar.ping("all-said")
    assert SECRET not in liar.texts()


@test("claims of an address by ever new keys are told once, and trusted is what was found there")
def claims_flood(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *own_port())
    alice.connect(bob.address)
    address = bob.address
    bob.finish()
    alice.expect(re.compile(r"\* down"))
    for i in range(12):
        liar = dial_tls(scene, alice.address, identity=Stranger(f"m{i}", address))
        liar.enter()
        liar.close()
    alice.sync()
    assert len([line for line in alice.complaints() if OTHER.search(line)]) == 1, alice.errors()


@test("what a liar has claimed cannot be trusted by mistake once the right one is back")
def stale_claim(scene):
    options = own_port()
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *options)
    alice.connect(bob.address)
    address = bob.address
    bob.finish()
    alice.expect(re.compile(r"\* down"))
    liar = dial_tls(scene, alice.address, identity=Stranger("mallory", address))
    liar.enter()
    alice.complains(OTHER)
    bob = keeper(scene, "bob", *options)
    bob.connect(alice.address)
    alice.send(f"/trust {address}")
    alice.complains(re.compile("no other key was refused there"))
    bob.send("/bcast still the same")
    alice.hears("still the same", "bob")


@test("a key that is not remembered is not said to be")
def forgettable(scene):
    alice = keeper(scene, "alice")
    for i in range(5):
        tls = dial_tls(scene, alice.address, identity=Stranger(f"m{i}", "127.0.0.1:0"))
        tls.enter()
        tls.close()
    alice.expect(re.compile(r"\* down \S+ m4"))
    assert not [line for line in alice.err.items() if "first contact" in line]


@test("who is refused at a closed door and stays makes room for those who belong")
def refused_and_stays(scene):
    alice = keeper(scene, "alice", ulimit=256)
    assert alice.ask("/group new") == ["/group closed"]
    held = []
    for _ in range(300):
        sock = connect(alice.address)
        sock.sendall(b"x")
        held.append(sock)
    said = [sock.recv(256) for sock in held]
    for sock in held:
        sock.close()
    assert not [line for line in said if line.startswith(b"/error full")]


@test("nobody else can say in plain text that somebody known by a key has left for good")
def said_to_have_left(scene):
    network = scene.add(Network(scene, 3))
    here, there, elsewhere = network.hosts
    alice = network.node(here, "alice", "--state", scene.path("alice"), "-e")
    bob = network.node(there, "bob", "--state", scene.path("bob"))
    alice.connect(bob.address)
    bob.kill()
    alice.expect(f"* down {bob.address} bob")
    elsewhere.space.run("bash", "-c", f"printf '{bob.address} bob exit' > /dev/tcp/{here.ip}/{PORT}")
    alice.sync()
    dials = scene.process(*there.space.enter, "python3", "-uc", COUNT_DIALS, there.ip, PORT)
    dials.out.wait("dialled 2")


@test("an invitation is not accepted where an acquaintance is, and not a word is said there")
def invited_elsewhere(scene):
    alice, pem = keeper(scene, "alice"), scene.path("carol.pem")
    listener = scene.add(TlsListener(key=pem, identity=Stranger("carol")))
    carol = dial_tls(scene, alice.address, key=pem, identity=Stranger("carol", listener.address))
    carol.enter()
    carol.close()
    alice.expect(re.compile(r"\* down \S+ carol"))
    key, token = make_key(scene.path("inviter.pem")), "a" * 26
    alice.send(f"/join hashflow://{listener.address}/{key}/{token}")
    alice.complains(re.compile("^hashflow: /join: .*another key is there"))
    said = [line for c in listener.connections.items() for line in c.lines.items()]
    assert not [line for line in said if "invite=" in line], said
    assert alice.ask("/group") == ["/group open"]
    assert alice.peers()[listener.address].name == "carol"


@test("who comes from behind the address of somebody else is remembered without one")
def without_address(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *own_port())
    alice.connect(bob.address)
    key = scene.path("carol.pem")

    def carol():
        session = dial_tls(scene, alice.address, key=key, identity=Stranger("carol", bob.address))
        session.enter()
        return session
    carol().close()
    alice.expect(re.compile(r"\* down \S+ carol"))
    alice.send(f"/msg carol {SECRET}")
    alice.sync()
    alice.kill()
    alice = keeper(scene, "alice")
    carol().expect(re.compile(f"^/msg [0-9]+ {SECRET}$"))


if __name__ == "__main__":
    main(workers=3)
