#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""State folders that fail: a full disk, a damaged database, one put back from a backup. What was
committed stays, what cannot be is not confirmed, and nothing is swallowed afterwards."""

import glob
import os
import re
import signal
import shutil
import threading

from hashflow_test import Stopwatch, main, test
from hashflow_test.ledger import as_input, check_each_once, entries
from hashflow_test.netns import SmallDisk
from hashflow_test.session import Identity

DATABASE = "hashflow.db"


class Keeper:
    """A node that keeps its state and its port over its runs."""

    def __init__(self, scene, name, folder=None, **more):
        self._scene, self._name, self._more = scene, name, more
        port = scene.ports(1)[0]
        self.address = f"127.0.0.1:{port}"
        self.folder = folder or scene.path(name)
        self._options = ("-p", port, "--state", self.folder, "--no-exchange")

    def node(self, *options):
        return self._scene.node(self._name, *self._options, *options, **self._more)


def node_id(node):
    return node.ask("/whoami")[0].split(" ")[2]


# ---- a full disk


def on_small_disk(scene, name):
    disk = scene.add(SmallDisk(scene.path("small"), "3m"))
    return disk, Keeper(scene, name, os.path.join(scene.path("small"), "state"),
                        within=disk.within)


@test("the receiver's disk is full: a clear error, no confirmations, and later nothing is lost")
def receiver_full(scene):
    disk, keeper = on_small_disk(scene, "bob")
    bob = keeper.node()
    session = scene.session(bob, "alice")
    texts = entries(60)
    for text in texts[:20]:
        last = session.msg(text)
    session.acked(last)
    disk.fill()
    watch = Stopwatch()
    for text in texts[20:]:
        last = session.msg(text)
    bob.complains(re.compile(r"hashflow\.db.*full", re.I))
    session.ping("full")
    confirmed = session.confirmed()
    # After a second it is tried again, and the ballast may have made room.
    assert watch.seconds() > 0.9 or confirmed < last, "a line was confirmed that was not stored"
    disk.make_room()
    session.acked(last)
    assert bob.texts() == texts
    assert len(bob.err) < 5, bob.errors()
    bob.kill()
    bob = keeper.node()
    again = scene.session(bob, identity=session.identity)
    assert again.resumed() == (session.identity.epoch, last)
    again.msg("afterwards")
    bob.hears("afterwards")
    assert bob.texts() == ["afterwards"]


@test("the sender's disk is full: a clear error, nothing numbered leaves, and all of it does later")
def sender_full(scene):
    disk, keeper = on_small_disk(scene, "alice")
    alice, listener = keeper.node("-e"), scene.session_listener("bob")
    alice.send(f"/connect {listener.address}")
    session = listener.open()
    alice.send("/msg bob before", "/wait delivered 20")
    session.hears("before")
    alice.sync()
    disk.fill()
    texts = entries(50, width=1000)
    alice.send(*(f"/msg bob {text}" for text in texts))
    alice.complains(re.compile(r"hashflow\.db.*full", re.I))
    session.ping("full")
    seen = len(session.texts())
    queued = len(alice.receipts("queued"))
    assert seen == queued, f"{seen - 1} lines were sent, {queued - 1} stored"
    session.ping("still")
    assert len(session.texts()) == seen < len(texts)
    disk.make_room()
    session.hears(texts[-1])
    assert session.texts() == ["before", *texts]
    assert alice.finish() == 0, alice.errors()


def push(node, data):
    """Writes for as long as it is read."""
    try:
        node.write(data, 60)
    except OSError:
        pass


@test("a sender that leaves while its disk is full says which lines were not even stored")
def sender_leaves(scene):
    _, keeper = on_small_disk(scene, "alice")
    alice, away = keeper.node("-e", "--drain", "0.2"), Keeper(scene, "bob")
    bob = away.node()
    alice.connect(bob.address)
    bob.kill()
    alice.expect(f"* unreachable {bob.address} bob")
    texts = entries(4000, width=1000)
    lines = as_input([f"/msg bob {text}" for text in texts])
    threading.Thread(target=push, args=(alice, lines), daemon=True).start()
    full = re.compile(r"hashflow\.db.*full", re.I)
    first, _ = alice.err.wait_at(full)
    alice.complains(full, since=first + 1)  # the ballast is used up as well
    alice.signal(signal.SIGTERM)
    assert alice.wait() == 3
    failed = {key for _, key, _ in alice.receipts("failed")}
    queued = {key for _, key, _ in alice.receipts("queued")}
    assert failed and not failed & queued
    alice.complains(re.compile(rf"bob: {len(failed)} lines? (was|were) not delivered: .*stored"))
    bob, again = away.node(), keeper.node("-e")
    again.send("/msg bob after")
    bob.hears("after")
    assert bob.texts() == [*texts[:len(queued)], "after"]


@test("a disk is full of what waits for a peer: it comes back and gets all, and that makes room")
def full_of_waiting(scene):
    _, keeper = on_small_disk(scene, "alice")
    alice, bob = keeper.node(), Keeper(scene, "bob")
    other = bob.node()
    alice.connect(bob.address)
    assert other.finish() == 0
    texts = entries(4000, width=1000)
    lines = [f"/msg bob {text}" for text in texts]
    pushing = threading.Thread(target=alice.write, args=(as_input(lines), 120), daemon=True)
    pushing.start()
    full = re.compile(r"hashflow\.db.*full", re.I)
    first, _ = alice.err.wait_at(full)
    alice.complains(full, since=first + 1)  # the ballast is used up as well
    other = bob.node()
    other.connect(keeper.address)
    other.hears(texts[-1])
    pushing.join()
    check_each_once(other.texts(), texts)
    assert alice.finish() == 0, alice.errors()


@test("the sender's disk is full: what the peer says that it has does not go again, the rest does")
def resumed_full(scene):
    _, keeper = on_small_disk(scene, "alice")
    alice, large, small = keeper.node(), entries(20, width=50000), entries(3000, 20, 1000)
    session = scene.session(alice, "bob", ack=False)
    alice.send(*(f"/msg bob {text}" for text in large))
    session.hears(large[-1])
    session.close()
    bob = Identity("bob", session.identity.address, session.identity.node, window=100)
    lines = as_input([f"/msg bob {text}" for text in small])
    pushing = threading.Thread(target=alice.write, args=(lines, 120), daemon=True)
    pushing.start()
    full = re.compile(r"hashflow\.db.*full", re.I)
    first, _ = alice.err.wait_at(full)
    alice.complains(full, since=first + 1)  # the ballast is used up as well
    session = scene.session(alice, identity=bob, resume=10)
    session.hears(small[-1])
    pushing.join()
    check_each_once(session.texts(), large[10:] + small)
    assert alice.finish() == 0, alice.errors()


@test("kill -9 while the disk is full: what was committed is there, and no number comes twice")
def killed_full(scene):
    disk, keeper = on_small_disk(scene, "alice")
    alice, bob = keeper.node("-e"), Keeper(scene, "bob")
    other = bob.node()
    alice.connect(bob.address)
    assert other.finish() == 0
    alice.expect(f"* down {bob.address} bob")
    texts = entries(20)
    alice.send(*(f"/msg bob {text}" for text in texts))
    alice.sync()
    disk.fill()
    alice.send(*(f"/msg bob {text}" for text in entries(100, 20, 1000)))
    alice.complains(re.compile(r"full", re.I))
    queued = [id for _, id, _ in alice.receipts("queued")]
    alice.kill()
    disk.make_room()
    alice, other = keeper.node(), bob.node("--ids")
    alice.send("/msg bob at last", "/wait delivered 20")
    other.hears("at last")
    got = other.messages()
    assert set(queued) <= {message.id for message in got}
    assert len({message.id for message in got}) == len(got)
    assert [message.text for message in got[:20]] == texts
    assert alice.finish() == 0, alice.errors()


# ---- a damaged database


def spoil(path, offset, size=4096):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(b"\xa5 no page " * (size // 10))


def damaged(scene, spoiling, clean=True):
    """Runs two nodes, spoils the database of one, and starts that again."""
    alice, bob = Keeper(scene, "alice"), Keeper(scene, "bob")
    first, other = alice.node(), bob.node("-e")
    first.connect(bob.address)
    first.send("/msg bob one", "/msg bob two", "/wait delivered 20")
    other.hears("two")
    before = node_id(first)
    if clean:
        assert first.finish() == 0
    else:
        first.kill()
    other.expect(f"* down {alice.address} alice")
    spoiling(os.path.join(alice.folder, DATABASE))
    second = alice.node()
    complaint = second.complains(re.compile(re.escape(DATABASE)))
    aside = glob.glob(os.path.join(alice.folder, f"{DATABASE}.*-*"))
    assert aside and any(path in complaint for path in aside), (complaint, aside)
    assert node_id(second) == before, "it is somebody else to its peers now"
    second.send(f"/connect {bob.address}", "/msg bob three", "/wait delivered 20")
    other.hears("three")
    other.send("/msg alice and back")
    second.hears("and back")
    assert other.texts() == ["one", "two", "three"]
    assert len(other.peers()) == 1
    assert second.finish() == 0, second.errors()


@test("bytes over the database's header: moved aside and said; the same node, and it works")
def header(scene):
    damaged(scene, lambda path: spoil(path, 0))


@test("bytes over a page in its middle: the same")
def page(scene):
    damaged(scene, lambda path: spoil(path, 4096 * 2, os.path.getsize(path) - 4096 * 2))


@test("the database is cut off: the same")
def cut(scene):
    damaged(scene, lambda path: os.truncate(path, os.path.getsize(path) // 2))


@test("bytes over the header after kill -9, and over the journal beside it: the same")
def header_after_kill(scene):
    def both(path):
        spoil(path, 0)
        spoil(f"{path}-wal", 0)
    damaged(scene, both, clean=False)


@test("bytes over a page after kill -9 that the journal still has: healed, or the same")
def page_in_journal(scene):
    alice, bob = Keeper(scene, "alice"), Keeper(scene, "bob")
    first, other = alice.node(), bob.node()
    first.connect(bob.address)
    first.send("/msg bob one", "/wait delivered 20")
    other.hears("one")
    before = node_id(first)
    first.kill()
    spoil(os.path.join(alice.folder, DATABASE), 0)
    second = alice.node()
    assert node_id(second) == before
    second.send(f"/connect {bob.address}", "/msg bob two", "/wait delivered 20")
    other.hears("two")
    assert other.texts() == ["one", "two"]
    assert second.finish() == 0, second.errors()


@test("a journal of nonsense beside a good database: it opens with what it holds")
def journal(scene):
    alice, bob = Keeper(scene, "alice"), Keeper(scene, "bob")
    first, _ = alice.node(), bob.node()
    first.connect(bob.address)
    before = node_id(first)
    assert first.finish() == 0
    with open(os.path.join(alice.folder, f"{DATABASE}-wal"), "wb") as file:
        file.write(b"no frame at all " * 1000)
    second = alice.node()
    assert bob.address in second.peers() and node_id(second) == before
    assert second.finish() == 0


# ---- a backup


def restored(scene, later):
    """Alice's state of ten lines is put back after sixty; then she says `later` to bob, who is away
    until that is stored."""
    alice, bob = Keeper(scene, "alice"), Keeper(scene, "bob")
    backup = scene.path("backup")
    other = bob.node()
    for start, count in ((0, 10), (10, 50)):
        node = alice.node()
        node.connect(bob.address)
        node.send(*(f"/msg bob {text}" for text in entries(count, start)), "/wait delivered 20")
        assert node.finish() == 0, node.errors()
        if start == 0:
            shutil.copytree(alice.folder, backup)
    assert other.texts() == entries(60)
    assert other.finish() == 0
    shutil.rmtree(alice.folder)
    shutil.copytree(backup, alice.folder)
    node = alice.node()
    node.send(*(f"/msg bob {text}" for text in later))
    node.sync()
    other = bob.node()
    other.hears(later[-1])
    assert other.texts() == later
    node.complains(re.compile(r"older"))
    node.send("/wait delivered 20")
    assert node.finish() == 0, node.errors()
    assert other.finish() == 0


@test("a state folder from a backup: nothing that is said afterwards is swallowed")
def backup_few(scene):
    restored(scene, entries(5, 1000))


@test("a state folder from a backup, and more is said before the peer is there than was forgotten")
def backup_many(scene):
    restored(scene, entries(200, 1000))


if __name__ == "__main__":
    main(workers=4)
