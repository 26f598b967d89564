#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strangers who keep the door busy: stuck, slow, noisy, many. A good peer is served within a second
all the while, a newcomer gets in, and memory and descriptors are given back."""

import random
import re
import ssl

from hashflow_test import Stopwatch, dead_address, main, test, wait_until
from hashflow_test.node import has_sanitizer
from hashflow_test.sockets import Connection, connect
from hashflow_test.tls import Stranger, client_hello, dial_tls, tls_client, write_group

GROUP = bytes(range(32))
CROWD = 500
PATIENCE = 10 if has_sanitizer() else 1
GROWTH_KIB = (512 if has_sanitizer() else 16) * 1024


class Besieged:
    """A node, open or closed, with one good peer."""

    def __init__(self, scene, closed, **more):
        self.scene, self.secret = scene, GROUP if closed else None
        folder = scene.path("closed" if closed else "open")
        if closed:
            write_group(folder, GROUP)
        self.node = scene.node("alice", "--state", folder, "-e", **more)
        self.context = tls_client(scene)
        self.pings = self.guests = 0
        self.good = self.newcomer("carol")
        self.memory = self.node.memory_kib()
        self.descriptors = self.node.descriptors() - self.guests

    def newcomer(self, name):
        identity = Stranger(name, dead_address())
        session = dial_tls(self.scene, self.node.address, identity=identity)
        session.enter(self.secret)
        self.node.expect(f"* up {identity.address} {name}")
        self.guests += 1
        return session

    def serves(self):
        """The good peer, in time."""
        self.pings += 1
        self.good.ping(f"p{self.pings}", PATIENCE)

    def dial(self):
        return connect(self.node.address)

    def crowd(self, stage, number=CROWD):
        """So many who go as far as the stage and no further."""
        found = []
        for count in range(number):
            found.append(self.scene.add(Connection(stage(self), f"stranger {count}")))
            if count % 10 == 0:
                self.serves()
        return found

    def all_closed(self):
        wait_until(lambda: self.node.descriptors() <= self.descriptors + self.guests,
                   "they are closed")

    def survives(self, strangers):
        """All of it afterwards, with the strangers still there; they are closed in the end."""
        self.newcomer("erin")
        self.serves()
        assert self.node.memory_kib() - self.memory < GROWTH_KIB, self.node.memory_kib()
        for stranger in strangers:
            stranger.wait_end(20)
        self.all_closed()
        assert len(self.node.complaints()) < 10, self.node.errors()


def at_first_byte(siege):
    sock = siege.dial()
    sock.sendall(b"\x16")
    return sock


def in_client_hello(siege):
    sock = siege.dial()
    sock.sendall(client_hello(siege.context)[:100])
    return sock


def after_client_hello(siege):
    sock = siege.dial()
    sock.sendall(client_hello(siege.context))
    return sock


def besieged(scene, stage, closed):
    siege = Besieged(scene, closed)
    siege.survives(siege.crowd(stage))


@test("500 with one byte of a handshake, an open door")
def one_byte(scene):
    besieged(scene, at_first_byte, False)


@test("500 with half a ClientHello, a closed door")
def half_hello(scene):
    besieged(scene, in_client_hello, True)


@test("500 with a ClientHello and nothing after it, an open door")
def hello_open(scene):
    besieged(scene, after_client_hello, False)


@test("500 with a ClientHello and nothing after it, a closed door")
def hello_closed(scene):
    besieged(scene, after_client_hello, True)


@test("500 who have done the whole handshake and never say /hello")
def handshake_only(scene):
    siege = Besieged(scene, True)
    strangers = []
    for count in range(CROWD):
        sock = siege.dial()
        try:
            strangers.append(siege.context.wrap_socket(sock))
        except (ssl.SSLError, OSError):
            sock.close()
        if count % 10 == 0:
            siege.serves()
    assert len(strangers) > CROWD * 0.9
    siege.newcomer("dave")
    assert siege.node.memory_kib() - siege.memory < GROWTH_KIB, siege.node.memory_kib()
    siege.all_closed()
    siege.serves()
    for stranger in strangers:
        stranger.close()


@test("500 who say nothing at all before a closed door make room for members")
def silent(scene):
    siege = Besieged(scene, True)
    siege.survives(siege.crowd(Besieged.dial))


@test("handshakes one after the other that are left at once do not keep a peer from being served")
def handshake_storm(scene):
    siege = Besieged(scene, False)
    hello = client_hello(siege.context)
    slowest = 0
    for count in range(2000):
        with siege.dial() as sock:
            sock.sendall(hello)
        if count % 20 == 0:
            watch = Stopwatch()
            siege.serves()
            slowest = max(slowest, watch.seconds())
    assert slowest < PATIENCE
    siege.survives([])


def trickle(slow, data):
    """One byte at a time, until the other side has had enough; in time, before all was said."""
    left, watch = list(data), Stopwatch()

    def is_closed():
        try:
            if left and slow.open:
                slow.write(bytes([left.pop(0)]))
        except OSError:
            pass
        return not slow.open
    wait_until(is_closed, "it is closed", 20)
    assert left, "all of it was said"
    assert watch.seconds() < 9, watch.seconds()


@test("whoever dribbles a ClientHello is closed in time, open door or closed")
def slow_client_hello(scene):
    for closed in (False, True):
        siege = Besieged(scene, closed)
        slow = scene.add(Connection(siege.dial()))
        trickle(slow, client_hello(siege.context) + bytes(2000))
        siege.serves()


@test("whoever dribbles a /hello inside TLS is closed in time, right proof or not")
def slow_hello(scene):
    siege = Besieged(scene, True)
    slow = dial_tls(scene, siege.node.address)
    hello = slow.identity.hello(f" proof={slow.proof(GROUP)}{' x=y' * 300}\n")
    trickle(slow, hello.encode())
    siege.serves()


@test("whoever dribbles plain text at a closed door hears so at the first byte")
def slow_plain(scene):
    siege = Besieged(scene, True)
    slow = scene.add(Connection(siege.dial()))
    slow.write("1")
    slow.expect(re.compile("^/error closed "))
    slow.wait_end(5)


def flood_of_keys(scene):
    siege = Besieged(scene, True)
    flood = dial_tls(scene, siege.node.address, "-u", 100_000_000)
    assert flood.tls.exporter
    siege.serves()
    return siege, flood


@test("a flood of KeyUpdates from somebody who does not say /hello starves nobody, and is cut off")
def key_updates(scene):
    siege, flood = flood_of_keys(scene)
    watch = Stopwatch()
    while watch.seconds() < 3:
        siege.serves()
    siege.newcomer("dave")
    assert siege.node.memory_kib() - siege.memory < GROWTH_KIB, siege.node.memory_kib()
    updates = flood.tls.err.wait(re.compile("^updates "), 20)
    assert int(updates.split(" ")[1]) > 1000, "that was no flood"
    siege.survives([])


@test("somebody who asks for new keys and then reads nothing makes nothing spin")
def unread_key_updates(scene):
    siege, flood = flood_of_keys(scene)
    flood.tls.stop()
    before = siege.node.cpu_seconds()
    siege.node.send("/wait up=99 2")
    siege.node.sync()
    assert siege.node.cpu_seconds() - before < 0.5
    siege.survives([])


@test("garbage after the first byte of TLS ends the connection, and nothing else")
def garbage(scene):
    siege = Besieged(scene, False)
    pick, hello = random.Random(5), client_hello(siege.context)
    heads = [b"\x16", b"\x16\x03\x01", b"\x16\x03\x01\xff\xff", b"\x16\x03\x03\x00\x00",
             b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", hello[:60], hello]
    for number in range(210):
        stranger = scene.add(Connection(siege.dial()))
        try:
            stranger.write(heads[number % len(heads)] + pick.randbytes(20000))
            stranger.half_close()
        except OSError:
            pass
        stranger.wait_end()
    siege.survives([])


@test("older TLS, and TLS with nothing in common, end in an alert")
def older(scene):
    siege = Besieged(scene, False)
    for change in ("maximum_version", "alpn", "no certificate"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if change == "maximum_version":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2" if change == "alpn" else "hashflow/1"])
        with siege.dial() as sock:
            try:
                with context.wrap_socket(sock) as inside:
                    assert inside.recv(100) == b"", change
                assert change == "no certificate", change
            except (ssl.SSLError, OSError):
                pass
    siege.survives([])


@test("a certificate of many kilobytes is refused, and takes no memory")
def large_certificate(scene):
    siege = Besieged(scene, False)
    dial_tls(scene, siege.node.address, "-b", 2000).enter()
    siege.guests += 1
    for _ in range(20):
        stranger = dial_tls(scene, siege.node.address, "-b", 90000)
        stranger.attempt(stranger.identity.hello())
        stranger.wait_end()
        assert not stranger.raw
    siege.survives([])


if __name__ == "__main__":
    main(workers=2)
