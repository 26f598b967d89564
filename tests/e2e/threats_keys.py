#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has no key but somebody's certificate, name, address or id: takes nobody's place."""

import re

from hashflow_test import dead_address, main, test
from hashflow_test.sockets import free_port
from hashflow_test.tls import Stranger, TlsListener, dial_tls

SECRET = "for one pair of eyes"
BAD_SIGNATURE = re.compile("failed (handshake|read|write)")


def keeper(scene, label, *options, **more):
    return scene.node(label, "--state", scene.path(label), "-e", *options, **more)


def key_of(node):
    return node.ask("/whoami")[0].split(" ")[2]


def ups(node):
    return [line for line in node.events() if " up " in line]


def copied(scene, node):
    """The certificate that a node shows to everybody who asks."""
    path = scene.path("copied.pem")
    asking = dial_tls(scene, node.address, "-w", path)
    assert asking.tls.peer == key_of(node)
    assert asking.tls.exporter
    asking.close()
    return path


def acquainted(scene, *options):
    """alice knows bob, who has left, and has something to say to him."""
    bob = keeper(scene, "bob", *(options or ("-l", f"127.0.0.1:{free_port()}")))
    alice = keeper(scene, "alice")
    alice.connect(bob.address)
    certificate, key, address = copied(scene, bob), key_of(bob), bob.address
    bob.finish()
    alice.expect(re.compile(r"\* down"))
    alice.send(f"/msg {address} {SECRET}")
    alice.sync()
    return alice, address, certificate, key


@test("whoever dials with a copied certificate and no key does not get in, whatever he says early")
def copied_dialer(scene):
    alice, address, certificate, key = acquainted(scene)
    identity = Stranger("bob", address, claim=key)
    liar = dial_tls(scene, alice.address, "-c", certificate, identity=identity)
    assert liar.tls.own == key, "the certificate was not shown"
    liar.attempt(identity.hello(), "/resume 1 0", "/msg 1 believe me", "/bcast 2 believe me")
    liar.tls.err.wait(BAD_SIGNATURE)
    liar.wait_end()
    assert not liar.raw, bytes(liar.raw)
    alice.sync()
    assert alice.texts() == [] and len(ups(alice)) == 1
    assert alice.peers()[address].state != "up"


@test("whoever is dialled and has a copied certificate, but no key, hears not a byte")
def copied_listener(scene):
    alice, address, certificate, key = acquainted(scene)
    liar = scene.add(TlsListener("-c", certificate, identity=Stranger("bob", claim=key),
                                 port=int(address.rpartition(":")[2])))
    alice.send(f"/connect {address}")
    session = liar.connection()
    assert session.tls.own == key, "the certificate was not shown"
    session.tls.err.wait(BAD_SIGNATURE)
    session.wait_end()
    assert not session.raw and not session.tls.has_shaken
    alice.complains(re.compile("cannot be reached"))
    assert len(ups(alice)) == 1 and alice.texts() == []


@test("a /hello under somebody else's id is refused, on either side")
def other_id(scene):
    alice, address, _, key = acquainted(scene)
    liar = dial_tls(scene, alice.address, identity=Stranger("bob", address, claim=key))
    liar.say_hello()
    liar.refused("bad-node")
    listener = scene.add(TlsListener(identity=Stranger("bob", claim=key)))
    alice.send(f"/connect plain:{listener.address}")
    alice.send(f"/connect {listener.address}")
    plain = listener.connection()
    plain.expect(re.compile(" Connected$"))
    plain.send(plain.identity.greeting(), f"{plain.identity.hello()} caps=tls key={key}")
    assert SECRET.encode() not in plain.raw
    assert len(ups(alice)) == 1 and alice.peers()[address].state != "up"


@test("inside TLS, too, an address that is known by a key goes to no other key")
def other_address(scene):
    alice, address, _, _ = acquainted(scene)
    liar = dial_tls(scene, alice.address, identity=Stranger("bob", address))
    liar.enter()
    alice.complains(re.compile("another key is there"))
    liar.ping("all-said")
    assert SECRET not in liar.texts()
    alice.send("/bcast for everyone here")
    liar.hears("for everyone here")
    assert alice.peers()[address].state != "up"


@test("somebody with the same name gets nothing of what is said to it, nor does it look the same")
def other_name(scene):
    bob, alice = keeper(scene, "bob"), keeper(scene, "alice")
    alice.connect(bob.address)
    liar = dial_tls(scene, alice.address, identity=Stranger("bob", f"127.0.0.1:{free_port()}"))
    liar.enter()
    liar.msg("I am bob")
    shown = alice.hears("I am bob").name
    assert shown != "bob" and shown.startswith("bob~"), shown
    alice.send(f"/msg bob {SECRET}")
    bob.hears(SECRET)
    alice.send("/bcast done")
    liar.hears("done")
    assert SECRET not in liar.texts()


@test("somebody who takes the name of another, or what stands for one, later on looks no better")
def renamed(scene):
    bob, alice = keeper(scene, "bob"), keeper(scene, "alice")
    alice.connect(bob.address)
    liar = dial_tls(scene, alice.address, identity=Stranger("harmless", dead_address()))
    liar.enter()
    suffix = key_of(bob)[:4]
    for number, name in enumerate(("bob", f"bob~{suffix}", "alice", "bob~", "/msg", "all",
                                   bob.address, "b\x1bob", "b\u202eob", "b\u200bob", "-")):
        liar.send(f"/name {name}")
        liar.msg(f"I am {number}")
        shown = alice.hears(f"I am {number}").name
        assert shown not in ("bob", f"bob~{suffix}", "alice", "/msg", "all"), shown
        assert not set("\x1b:\u202e\u200b") & set(shown), repr(shown)
    alice.send(f"/msg bob {SECRET}")
    bob.hears(SECRET)
    assert SECRET not in liar.texts()


@test("somebody who takes our own name does not look like us")
def our_name(scene):
    alice = keeper(scene, "alice")
    liar = dial_tls(scene, alice.address, identity=Stranger("alice"))
    liar.enter()
    liar.msg("I am you")
    assert alice.hears("I am you").name not in ("alice", "-")


@test("what was somebody's before is not got by claiming to have been him, once he has a key")
def former_id(scene):
    alice, address, _, key = acquainted(scene)
    with open(scene.path("bob/node"), encoding="ascii") as file:
        former = file.read().strip()
    for was in (former, key):
        liar = dial_tls(scene, alice.address, identity=Stranger("bob"))
        liar.say_hello(extra=f" was={was}")
        liar.expect(re.compile("^/(hello|error) "))
        liar.close()
    alice.sync()
    assert SECRET.encode() not in liar.raw
    assert not [line for line in alice.err.items() if "has a key now" in line]
    assert alice.peers()[address].state != "up"


@test("an acquaintance in the place of another is told of, and gets nothing that waits for it")
def acquaintance(scene):
    alice, address, _, _ = acquainted(scene)
    key = scene.path("carol.pem")
    known = dial_tls(scene, alice.address, key=key, identity=Stranger("carol"))
    known.enter()
    known.close()
    alice.expect(re.compile(r"\* down \S+ carol"))
    listener = scene.add(TlsListener(key=key, identity=Stranger("carol"),
                                     port=int(address.rpartition(":")[2])))
    alice.send(f"/connect {address}")
    session = listener.answers()
    session.ping("all-said")
    alice.complains(re.compile("is there now"))
    alice.send("/msg bob another one", "/bcast for everyone here")
    session.hears("for everyone here")
    assert SECRET not in session.texts() and "another one" not in session.texts()


@test("somebody who speaks TLS, but not ours, is no peer")
def other_protocol(scene):
    alice = keeper(scene, "alice")
    for protocol in ("", "h2", "hashflow/2"):
        stranger = dial_tls(scene, alice.address, "-a", protocol)
        stranger.tls.err.wait(re.compile("^(exporter|failed) "))
        if stranger.tls.has_shaken:
            stranger.attempt(stranger.identity.hello())
        stranger.wait_end()
        assert not stranger.raw, (protocol, bytes(stranger.raw))
    assert not ups(alice)


if __name__ == "__main__":
    main()
