#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody in between, with a key of his own: what he reads at a first contact of open nodes, and
that he reads nothing afterwards, nor with a group."""

import os
import re

from hashflow_test import main, test, wait_until
from hashflow_test.middle import Middle, Relay, own_key
from hashflow_test.sockets import Connection, connect, free_port, read_to_end
from hashflow_test.tls import write_group

SECRET = "the word that nobody else may read"
GROUP = bytes(range(32))
OTHER_KEY = re.compile("another key is there")


def keeper(scene, label, *options, group=None):
    folder = scene.path(label)
    if group:
        write_group(folder, group)
    return scene.node(label, "--state", folder, "-e", *options)


def key_of(node):
    return node.ask("/whoami")[0].split(" ")[2]


def own_port():
    return ("-l", f"127.0.0.1:{free_port()}")


def met(scene, middle):
    """Two open nodes that have met by way of the middle while it only passed bytes on."""
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob")
    between = scene.add(middle(bob.address))
    alice.connect(between.address)
    alice.send("/msg bob the first word")
    bob.hears("the first word")
    return alice, bob, between


@test("at the first contact of open nodes a middle with its own key is not seen: it reads all, and"
      " only comparing /whoami with /peers shows it")
def first_contact(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob")
    middle = scene.add(Middle(scene, bob.address, own_key))
    alice.connect(middle.address)
    alice.send(f"/msg bob {SECRET}")
    bob.hears(SECRET)
    assert middle.knows(SECRET)
    shown = alice.err.wait(re.compile("first contact"))
    assert key_of(bob)[:4] not in shown and middle.fingerprint[:4] in shown, shown


@test("at the first contact of open nodes encryption can be taken away, and both show plain text")
def stripped_at_first(scene):
    alice, bob = keeper(scene, "alice", "--json"), keeper(scene, "bob", "--json")

    def strip(_middle, _to_target, line):
        return re.sub(r" (caps=tls|key=\S+)", "", line)
    middle = scene.add(Middle(scene, bob.address, strip))
    alice.free_form = bob.free_form = True
    alice.send(f"/connect {middle.address}", "/wait up=1", f"/msg bob {SECRET}")
    bob.expect(re.compile(SECRET))
    assert middle.knows(SECRET)
    assert re.search('"plain": ?true', bob.expect(re.compile(SECRET)))


@test("after the first contact a middle with its own key is refused, and hears nothing at all")
def after_first_contact(scene):
    alice, bob, relay = met(scene, Relay)
    bob.kill()  # else he would dial alice himself
    relay.close()
    alice.expect(re.compile(r"\* down"))
    target, address = scene.listener(), relay.address
    port = int(address.rpartition(":")[2])
    middle = scene.add(Middle(scene, target.address, own_key, port=port))
    alice.send(f"/msg {address} {SECRET}", f"/connect {address}")
    alice.complains(OTHER_KEY)
    assert f"/trust {address}" in alice.errors()
    assert not middle.seen.items(), middle.seen.items()


@test("after the first contact the same middle is refused by the one that is dialled, too")
def after_first_contact_dialled(scene):
    options = own_port()
    alice, bob = keeper(scene, "alice", *options), keeper(scene, "bob")
    alice.connect(bob.address)
    alice.send("/msg bob hello")
    bob.hears("hello")
    alice.finish()
    bob.expect(re.compile(r"\* down"))
    bob.send(f"/msg alice {SECRET}")
    middle = scene.add(Middle(scene, bob.address, own_key))
    guest = scene.node("alice", "--state", scene.path("anew"), "-e", *options)
    guest.send(f"/connect {middle.address}")
    bob.complains(OTHER_KEY)
    bob.sync()
    assert not middle.knows(SECRET) and SECRET not in guest.texts()


@test("after the first contact encryption cannot be taken away from a dialer")
def stripped_dialer(scene):
    options = own_port()
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob", *options)
    alice.connect(bob.address)
    address = bob.address
    bob.finish()
    alice.expect(re.compile(r"\* down"))
    liar = scene.listener(port=int(address.rpartition(":")[2]))
    alice.send(f"/msg {address} {SECRET}", f"/connect {address}")
    heard = liar.connection()
    heard.send(f"{address} bob Connected", "/hello 1 node=abc boot=1 epoch=1 name=bob")
    heard.wait_end()
    assert heard.raw[:1] == b"\x16"
    assert SECRET.encode() not in heard.raw and b"alice" not in heard.raw, bytes(heard.raw)
    alice.complains(re.compile(f"{re.escape(address)} .*cannot be reached"))
    for connection in liar.connections.items():
        assert connection.raw[:1] in (b"", b"\x16"), bytes(connection.raw)


@test("after the first contact encryption cannot be taken away from the one that is dialled")
def stripped_listener(scene):
    options = own_port()
    alice, bob = keeper(scene, "alice", *options), keeper(scene, "bob")
    bob.connect(alice.address)
    address, key = alice.address, key_of(alice)
    alice.finish()
    bob.expect(re.compile(r"\* down"))
    bob.send(f"/msg alice {SECRET}")
    for said in (f"node=abc1 key={key}", "node=abc2"):
        liar = scene.add(Connection(connect(bob.address)))
        liar.send(f"{address} alice Connected")
        liar.expect(re.compile("^/hello 1 "))
        liar.send(f"/hello 1 {said} boot=1 epoch=1 listen={address.rpartition(':')[2]} name=alice")
        liar.expect(re.compile("^/error tls "))
        liar.wait_end()
        assert SECRET.encode() not in liar.raw
    bob.sync()
    assert not [line for line in bob.events()[1:] if " up " in line], bob.events()


@test("members never say a word in the clear, nor their name, nor their secret")
def members_in_the_clear(scene):
    alice, bob = (keeper(scene, name, group=GROUP) for name in ("alice", "bob"))
    relay = scene.add(Relay(bob.address))
    alice.connect(relay.address)
    alice.send(f"/msg bob {SECRET}")
    bob.hears(SECRET)
    passed = b"".join((*relay.sent, *relay.got))
    for word in (SECRET.encode(), b"alice", b"bob", b"Connected", b"/hello", GROUP):
        assert word not in passed, word
    assert all(sent[:1] == b"\x16" for sent in relay.sent)


@test("with a group a middle gets no further than the first /hello, even at a first contact")
def members(scene):
    alice, bob = (keeper(scene, name, group=GROUP) for name in ("alice", "bob"))
    for change in (own_key, None):
        middle = scene.add(Middle(scene, bob.address, change))
        alice.send(f"/msg {middle.address} {SECRET}", f"/connect {middle.address}")
        alice.complains(re.compile(f"{re.escape(middle.address)}.*(refused|does not let us in)"))
        middle.seen.wait(lambda said: said[1].startswith("/error "))
        assert not middle.knows(SECRET)
        verbs = {line.split(" ")[0] for _, line in middle.seen.items()}
        assert verbs == {"/hello", "/error"}, verbs
    assert not [line for node in (alice, bob) for line in node.events() if " up " in line]
    assert bob.texts() == []


@test("a member's proof is no answer to itself, whatever a middle makes of it")
def reflected(scene):
    alice = keeper(scene, "alice", group=GROUP)

    mirror = scene.add(Middle(scene, alice.address, own_key))
    alice.send(f"/msg {mirror.address} {SECRET}", f"/connect {mirror.address}")
    mirror.seen.wait(lambda said: said[1].startswith("/error "))
    alice.complains(re.compile("refused|does not let us in"))
    assert not mirror.knows(SECRET)
    assert not [line for line in alice.events() if " up " in line]


@test("what was recorded says nothing when it is played again, to either side")
def replayed(scene):
    alice, bob, relay = met(scene, Relay)
    alice.finish()
    bob.expect(re.compile(r"\* down"))
    recorded = [bytes(sent) for sent in relay.sent if sent[:1] == b"\x16"]
    assert recorded, "nothing was encrypted"
    for sent in recorded:
        again = scene.add(Connection(connect(bob.address)))
        again.write(sent)
        again.wait_end()
    bob.sync()
    assert bob.texts() == ["the first word"]
    assert len([line for line in bob.events() if " up " in line]) == 1


@test("to the dialer nothing of it is worth anything either")
def replayed_to_dialer(scene):
    alice, bob, relay = met(scene, Relay)
    bob.send("/msg alice an answer")
    alice.hears("an answer")
    bob.kill()
    relay.close()
    alice.expect(re.compile(r"\* down"))
    recorded = next(bytes(got) for sent, got in zip(relay.sent, relay.got) if sent[:1] == b"\x16")
    port = int(relay.address.rpartition(":")[2])
    liar = scene.listener(port=port, accepted=lambda sock: [sock, sock.sendall(recorded)])
    alice.send(f"/msg {relay.address} {SECRET}", f"/connect {relay.address}")
    sock = liar.connection()[0]
    assert SECRET.encode() not in read_to_end(sock)
    assert alice.texts() == ["an answer"]


@test("a byte that was changed on the way ends the connection; the text comes whole, and once")
def changed_byte(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob")
    spoilt = []

    def spoil(number, to_target, data):
        if to_target and armed and not spoilt and data[:1] == b"\x17":
            spoilt.append(number)
            return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
        return data
    armed = []
    relay = scene.add(Relay(bob.address, spoil))
    alice.connect(relay.address)
    armed.append(True)
    alice.send(f"/msg bob {SECRET}")
    bob.hears(SECRET)
    alice.send("/msg bob the last")
    bob.hears("the last")
    assert spoilt and bob.texts() == [SECRET, "the last"]


@test("an end that nobody has announced inside is a break: no half line is taken for a whole one")
def truncated(scene):
    alice, bob = keeper(scene, "alice"), keeper(scene, "bob")
    state = {"left": None}

    def cut(_number, to_target, data):
        if not to_target or state["left"] is None:
            return data
        part, state["left"] = data[:state["left"]], None
        return part if part else None
    relay = scene.add(Relay(bob.address, cut))
    alice.connect(relay.address)
    lines = [f"{number} {'x' * 3000}" for number in range(20)]
    state["left"] = 20000
    alice.send(*(f"/msg bob {line}" for line in lines))
    bob.hears("0 " + "x" * 3000)
    wait_until(lambda: state["left"] is None, "bytes have passed")
    relay.cut()
    bob.hears(lines[-1])
    assert bob.texts() == lines


if __name__ == "__main__":
    main()
