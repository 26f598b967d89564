#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node remembers, where it keeps that, and that it opens again whatever happened."""

import os
import re
import signal
import stat
import threading

from hashflow_test import main, test, wait_until
from hashflow_test.node import BINARY, environment


def keeper(scene, label, folder, *options, **more):
    """A node with a state folder of its own."""
    return scene.node(label, "--state", scene.path(folder), *options, **more)


def files_below(folder):
    return [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]


@test("a restarted node dials the peers it remembers, without a word")
def redials(scene):
    bob, seed = keeper(scene, "bob", "b"), scene.seed(thorough=True)
    alice = keeper(scene, "alice", "a")
    alice.connect(bob.address)
    alice.connect(seed.address, dialect="oneshot")
    assert alice.finish() == 0
    alice = keeper(scene, "alice", "a", "-e")
    alice.expect(f"* up {bob.address} bob")
    alice.send("/bcast back again")
    bob.hears("back again", "alice")
    seed.hears("back again")
    rows = alice.peers()
    assert rows[bob.address].dialect == "session" and rows[seed.address].dialect == "oneshot"


@test("a peer that is lost is dialled again until it is back")
def comes_back(scene):
    port = scene.ports(1)[0]
    bob = keeper(scene, "bob", "b", "-p", port)
    alice = keeper(scene, "alice", "a", "-e")
    alice.connect(bob.address)
    bob.kill()
    alice.expect(f"* down {bob.address} bob")
    mark = len(alice.out)
    again = keeper(scene, "bob", "b", "-p", port)
    alice.expect(f"* up {bob.address} bob", since=mark)
    alice.send("/bcast welcome back")
    again.hears("welcome back")
    assert len(alice.peers()) == 1


@test("a node that comes back on another port is the same peer")
def moves(scene):
    bob = keeper(scene, "bob", "b")
    alice = keeper(scene, "alice", "a", "-e")
    bob.connect(alice.address)
    alice.expect(f"* up {bob.address} bob")
    bob.kill()
    again = keeper(scene, "bob", "b")
    alice.out.wait(re.compile(rf"^\* up {re.escape(again.address)} bob"))
    alice.send("/msg bob found you")
    again.hears("found you")
    assert len(alice.peers()) == 1


@test("-p 0 leaves nothing behind, here or with its peers")
def passing(scene):
    bob = keeper(scene, "bob", "b")
    home = scene.home()
    visitor = scene.node("visitor", home=home)
    visitor.connect(bob.address)
    visitor.send("/bcast just passing")
    bob.hears("just passing")
    settled = keeper(scene, "settled", "s")
    settled.connect(bob.address)
    assert visitor.finish() == 0 and settled.finish() == 0
    assert files_below(home) == [], files_below(home)
    wait_until(lambda: visitor.address not in bob.peers(), "the visitor is not remembered")
    assert bob.finish() == 0
    bob = keeper(scene, "bob", "b")
    assert list(bob.peers()) == [settled.address]


@test("--no-store leaves nothing behind either, on a fixed port")
def no_store(scene):
    home = scene.home()
    node = scene.node("alice", "-p", scene.ports(1)[0], "--no-store", home=home)
    bob = scene.node("bob")
    node.connect(bob.address)
    assert node.finish() == 0
    assert files_below(home) == []


@test("the state is kept by port below XDG_STATE_HOME, for our eyes only")
def place(scene):
    home, port = scene.home(), scene.ports(1)[0]
    node = scene.node("alice", "-p", port, home=home)
    folder = os.path.join(home, "state", "hashflow", str(port))
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    for path in files_below(folder):
        assert not stat.S_IMODE(os.stat(path).st_mode) & 0o077, path
    assert node.finish() == 0


@test("a second node on the same state is refused with the holder's pid, until that one ends")
def in_use(scene):
    holder = keeper(scene, "holder", "shared")
    second = scene.run("second", "--state", scene.path("shared"))
    assert second.wait() == 1
    assert len(second.err) == 1, second.errors()
    assert re.search(rf"\b{holder.pid}\b", second.errors()), second.errors()
    holder.send("/echo unharmed")
    holder.expect("/echo unharmed")
    holder.signal(signal.SIGKILL)
    holder.wait()
    third = keeper(scene, "third", "shared")
    assert third.finish() == 0


@test("two ports of one home never share state")
def two_ports(scene):
    home, (one, two) = scene.home(), scene.ports(2)
    nodes = [scene.node(f"n{port}", "-p", port, home=home) for port in (one, two)]
    ids = {node.ask("/whoami")[0].split(" ")[2] for node in nodes}
    assert len(ids) == 2
    for node in nodes:
        assert node.finish() == 0


@test("a state folder that cannot be used is one clear line and exit 1")
def unusable(scene):
    path = scene.path("file")
    with open(path, "w", encoding="ascii") as file:
        file.write("not a folder")
    node = scene.run("alice", "--state", path)
    assert node.wait() == 1 and len(node.err) == 1 and path in node.errors()
    loose = scene.path("loose")
    os.mkdir(loose)
    os.chmod(loose, 0o777)
    node = scene.run("alice", "--state", loose)
    mode = stat.S_IMODE(os.stat(loose).st_mode)
    assert (node.wait() == 1 and loose in node.errors()) or not mode & 0o077, oct(mode)


@test("kill -9 at any moment leaves a directory that opens, with what it knew")
def killed(scene):
    bob = keeper(scene, "bob", "b")
    alice = keeper(scene, "alice", "a", "-e")
    alice.connect(bob.address)
    alice.kill()
    known = {bob.address}
    for number in range(12):
        alice = keeper(scene, "alice", "a", "-e")
        assert known <= set(alice.peers()), f"forgotten after kill {number}"
        stranger = scene.node(f"s{number}", "--state", scene.path(f"s{number}"))
        busy = threading.Thread(target=chatter, args=(alice, stranger))
        busy.start()
        alice.expect(f"* up {stranger.address} s{number}")
        known.add(stranger.address)
        alice.sync()
        alice.kill()
        busy.join()
        stranger.kill()
    last = keeper(scene, "alice", "a")
    assert known <= set(last.peers())
    assert last.finish() == 0


def chatter(node, peer):
    """Makes the directory change until the node is gone."""
    try:
        node.send(f"/connect {peer.address}", *(f"/name alice{n}" for n in range(200)))
    except OSError:
        pass


@test("a damaged directory is set aside with a clear message, and the node starts")
def damaged(scene):
    alice, bob = keeper(scene, "alice", "a"), keeper(scene, "bob", "b")
    alice.connect(bob.address)
    assert alice.finish() == 0
    databases = [path for path in files_below(scene.path("a")) if path.endswith(".db")]
    assert databases, files_below(scene.path("a"))
    for path in databases:
        with open(path, "r+b") as file:
            file.write(b"this is no database at all" * 10)
    alice = keeper(scene, "alice", "a")
    assert alice.errors(), "not a word about it"
    alice.connect(bob.address)
    assert alice.finish() == 0


@test("/forget is for good: gone now, after a restart, and not dialled")
def forget(scene):
    alice, bob, carol = (keeper(scene, name, name) for name in ("alice", "bob", "carol"))
    alice.connect(bob.address, carol.address)
    alice.send("/forget bob")
    alice.sync()
    assert list(alice.peers()) == [carol.address]
    alice.send("/msg bob hi")
    alice.sync()
    assert alice.errors()
    alice.finish()
    alice = keeper(scene, "alice", "alice", "-e")
    alice.expect(f"* up {carol.address} carol")
    assert list(alice.peers()) == [carol.address]
    alice.send("/bcast for carol")
    carol.hears("for carol")
    assert bob.texts() == []


@test("/disconnect keeps the peer, tells it, and does not dial it until asked, over a restart too")
def disconnect(scene):
    alice, bob, carol = (keeper(scene, name, name, "-e") for name in ("alice", "bob", "carol"))
    alice.connect(bob.address, carol.address)
    alice.send("/disconnect bob")
    bob.expect(f"* down {alice.address} alice")
    alice.expect(f"* down {bob.address} bob")
    assert bob.address in alice.peers()
    alice.send("/wait up=2 2")
    alice.sync()
    assert bob.events().count(f"* up {alice.address} alice") == 1
    alice.finish()
    alice = keeper(scene, "alice", "alice", "-e")
    alice.expect(f"* up {carol.address} carol")
    alice.send("/wait up=2 2")
    alice.sync()
    assert f"* up {bob.address} bob" not in alice.events()
    alice.connect(bob.address)
    alice.send("/msg bob again")
    bob.hears("again")


@test("a peer that says bye is down and remembered, and dialled at the next start")
def left(scene):
    port = scene.ports(1)[0]
    alice, bob = keeper(scene, "alice", "a", "-e"), keeper(scene, "bob", "b", "-p", port)
    alice.connect(bob.address)
    assert bob.finish() == 0
    alice.expect(f"* down {bob.address} bob")
    assert alice.peers()[bob.address].state == "down"
    assert alice.finish() == 0
    bob = keeper(scene, "bob", "b", "-p", port)
    alice = keeper(scene, "alice", "a", "-e")
    alice.expect(f"* up {bob.address} bob")


@test("a name chosen with /name is there after a restart")
def name(scene):
    node = keeper(scene, "alice", "a")
    node.send("/name alicia")
    node.sync()
    assert node.finish() == 0
    again = scene.node("x", "--state", scene.path("a"), "--name=other")
    assert again.ask("/whoami")[0].split(" ")[1] == "other"
    assert again.finish() == 0
    kept = scene.process(BINARY, "-p", "0", "--state", scene.path("a"),
                         env=environment(scene.home()))
    kept.send("/whoami", "/quit")
    assert kept.out.wait(re.compile("^/whoami")).split(" ")[1] in ("other", "alicia")
    assert kept.wait() == 0


@test("names that look like code or SQL are only names")
def injection(scene):
    state = scene.path("a")
    alice = scene.node("alice", "--state", state)
    names = ["a';DROP/**/TABLE/**/peers;--", '"', "%s%n%n", "$(touch${IFS}x)", "`id`", "../../x",
             "\\", "'"]
    for number, odd in enumerate(names):
        peer = scene.session(alice, odd, listening=f"127.0.0.1:{20 + number}")
        peer.msg("hi")
        alice.hears("hi", odd)
    rows = alice.peers()
    assert sorted(peer.name for peer in rows.values()) == sorted(names)
    assert alice.finish() == 0
    alice = scene.node("alice", "--state", state)
    assert sorted(peer.name for peer in alice.peers().values()) == sorted(names)


if __name__ == "__main__":
    main()
