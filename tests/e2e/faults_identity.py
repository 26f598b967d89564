#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is at the other end: two of one name, one identity twice, another service, ourselves. Nobody
gets what is not theirs, and nobody is dialled without end."""

import re
import shutil

from hashflow_test import main, test, wait_until
from hashflow_test.proxy import Proxy

QUICK = 6  #: seconds in which dials without backoff would come by the hundred


def keeper(scene, label, folder=None, *options):
    return scene.node(label, "--state", scene.path(folder or label), "--no-exchange", *options)


def known(scene, port, *options):
    """Alice, who has met a bob at that port that has ended since."""
    alice = keeper(scene, "alice", "a", "-e", *options)
    bob = scene.node("bob", "-p", port, "--state", scene.path("b"))
    alice.connect(bob.address)
    assert bob.finish() == 0
    alice.expect(f"* down {bob.address} bob")
    return alice, bob.address


@test("two nodes are called bob: one bears the name, both are shown apart and work")
def two_bobs(scene):
    alice = keeper(scene, "alice", None, "-e")
    bobs = [keeper(scene, "bob", f"bob{number}") for number in range(2)]
    alice.connect(*(bob.address for bob in bobs))
    names = [alice.peers()[bob.address].name for bob in bobs]
    assert sorted(names)[0] == "bob" and sorted(names)[1].startswith("bob~"), names
    for bob, name in zip(bobs, names):
        alice.send(f"/msg {name} you, {bob.address}")
        bob.hears(f"you, {bob.address}", "alice")
        bob.send("/bcast here")
        alice.hears("here", name)
    assert [bob.texts() for bob in bobs] == [[f"you, {bob.address}"] for bob in bobs]
    assert alice.finish() == 0


@test("a state folder is copied and both run: a third says so loudly, and there is no ping-pong")
def cloned(scene):
    first = keeper(scene, "twin", "one")
    assert first.finish() == 0
    shutil.copytree(scene.path("one"), scene.path("two"))
    third = keeper(scene, "third", None, "-e")
    twins = [keeper(scene, "twin", folder) for folder in ("one", "two")]
    proxies = [scene.add(Proxy(third.address)) for _ in twins]
    for twin, proxy in zip(twins, proxies):
        twin.send(f"/connect {proxy.address}")
    third.complains(re.compile("copied|copy|same id|twice"))
    third.send(f"/wait up=9 {QUICK}")
    third.sync()
    opened = sum(proxy.opened for proxy in proxies)
    assert opened <= 8, f"{opened} connections in {QUICK} s"
    assert len(third.events()) <= 8, third.events()
    assert len(third.err) <= 6, third.errors()
    third.send("/bcast to one of you")
    wait_until(lambda: any("to one of you" in twin.texts() for twin in twins), "one of them hears")
    assert sum(twin.texts().count("to one of you") for twin in twins) == 1


@test("a silent service has taken the peer's port: it gets a handshake, no line, and few dials")
def silent(scene):
    port = scene.ports(1)[0]
    alice, address = known(scene, port, "--drain", "0")
    alice.send("/msg bob secret one", "/bcast secret two")
    service = scene.listener(port=port, accepted=lambda sock: sock)
    first = service.connection()
    alice.send(f"/msg {address} secret three", f"/wait up=1 {QUICK}")
    alice.sync()
    first.settimeout(5)
    heard = first.recv(4096)
    assert heard[0] == 0x16 and b"secret" not in heard, heard
    assert len(service.connections) <= 8, f"{len(service.connections)} dials in {QUICK} s"
    assert alice.finish() == 4, "what waits is kept, and the wait has timed out"
    service.close()
    alice = keeper(scene, "alice", "a", "-e")
    bob = scene.node("bob", "-p", port, "--state", scene.path("b"))
    bob.hears("secret three")
    assert bob.texts() == ["secret one", "secret two", "secret three"]
    alice.send("/wait delivered 20")
    assert alice.finish() == 0


@test("a service that talks has taken the peer's port: the same")
def talking(scene):
    port = scene.ports(1)[0]
    alice, _ = known(scene, port, "--drain", "0")
    alice.send("/msg bob secret one")

    def banner(sock):
        sock.sendall(b"220 mail.example.org ready\r\n")
        return sock
    service = scene.listener(port=port, accepted=banner)
    first = service.connection()
    alice.send(f"/wait up=1 {QUICK}")
    alice.sync()
    first.settimeout(5)
    heard = first.recv(4096)
    assert heard[0] == 0x16 and b"secret" not in heard, heard
    assert len(service.connections) <= 8, f"{len(service.connections)} dials in {QUICK} s"
    assert alice.finish() == 4


@test("our own address, by every name it has, is refused and not dialled again")
def ourselves(scene):
    port = scene.ports(1)[0]
    alice = keeper(scene, "alice", None, "-e", "-p", port)
    for address in (f"127.0.0.1:{port}", f"localhost:{port}", f"127.0.0.9:{port}"):
        before = len(alice.err)
        alice.send(f"/connect {address}", f"/msg {address} hello me")
        alice.sync()
        assert len(alice.err) > before, f"not a word about {address}"
    proxy = scene.add(Proxy(alice.address))
    alice.send(f"/connect {proxy.address}")
    alice.complains(re.compile("ourselves|own|this node"))
    alice.send(f"/wait up=1 {QUICK}")
    alice.sync()
    assert proxy.opened <= 8, f"{proxy.opened} dials in {QUICK} s"
    assert alice.texts() == []
    assert not [line for line in alice.events() if line.startswith("* up")], alice.events()


if __name__ == "__main__":
    main(workers=6)
