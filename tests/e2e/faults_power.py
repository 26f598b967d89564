#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power losses: the order of system calls shows what would be on disk at any moment. Nothing is
confirmed, and nothing numbered is sent, before it has been synced; and at every sync the files hold
all that was confirmed until the next."""

import os
import re
import shutil

from hashflow_test import Skip, main, test, wait_until
from hashflow_test.ledger import entries
from hashflow_test.node import has_sanitizer
from hashflow_test.session import dial_session

CALLS = "read,write,writev,pwrite64,recvfrom,sendto,sendmsg,fsync,fdatasync"

#: What has been committed is in these; what goes on into the database itself stays in them until
#: that is synced, and the -shm file is an index, made anew after a crash.
DURABLE = ("hashflow.db-wal", "hashflow.db-journal")

#: A call of the trace: the time is not needed, the order is.
CALL = re.compile(r"^(?:\d+\s+)?(?P<name>\w+)\((?P<fd>\d+)<(?P<file>[^>]*)>(?P<rest>.*)$")


def tracer(scene, path, *options):
    """The command that runs a node under strace, which must be there and be allowed to trace."""
    if not shutil.which("strace"):
        raise Skip("strace is missing")
    if has_sanitizer():
        raise Skip("the leak checker cannot run while it is traced")
    probe = scene.process("strace", "-o", scene.path("probe"), "true")
    if probe.finish() != 0:
        raise Skip(f"strace cannot trace here: {probe.errors()[:100]}")
    return ["strace", "-f", "-yy", "-s", "400", "-o", path, *options]


class Trace:
    """The calls in their order, and what was not synced yet before each of them."""

    def __init__(self, path):
        with open(path, encoding="utf-8", errors="replace") as file:
            self.calls = [match for match in map(CALL.match, file) if match]

    def unsynced_before(self, marker, calls):
        """For each call of these names that shows the marker: the database's files that had been
        written since their last sync. At least one such call must be there."""
        dirty, found = set(), []
        for call in self.calls:
            name = os.path.basename(call["file"])
            if call["name"] in calls and marker in call["rest"]:
                found.append(sorted(dirty))
            elif call["name"] in ("write", "pwrite64") and name in DURABLE:
                dirty.add(name)
            elif call["name"] in ("fsync", "fdatasync"):
                dirty.discard(name)
        assert found, f"no {calls} with {marker!r} among {len(self.calls)} calls"
        return found

    def synced_between(self, first, last, calls):
        """Was something written to the database and synced between the read of the text and the
        last call with the marker?"""
        start = next(n for n, call in enumerate(self.calls)
                     if call["name"] in ("read", "recvfrom") and first in call["rest"])
        end = next(n for n, call in enumerate(self.calls)
                   if n > start and call["name"] in calls and last in call["rest"])
        between = [call["name"] for call in self.calls[start:end]
                   if os.path.basename(call["file"]) in DURABLE]
        return "pwrite64" in between and between.index("pwrite64") < max(
            (n for n, name in enumerate(between) if name in ("fsync", "fdatasync")), default=-1)


SENDS = ("write", "writev", "sendto", "sendmsg")


@test("no line is confirmed before it has been written and synced")
def confirmed(scene):
    path = scene.path("trace")
    bob = scene.node("bob", "--state", scene.path("b"), within=tracer(scene, path, "-e", CALLS))
    session = scene.session(bob, "alice")
    for text in entries(5):
        session.acked(session.msg(text))
    session.close()
    assert bob.finish() == 0, bob.errors()
    trace = Trace(path)
    for number, text in enumerate(entries(5), 1):
        assert trace.unsynced_before(f"/ack {number}\\n", SENDS) == [[]], number
        assert trace.synced_between(f"/msg {number} {text}", f"/ack {number}\\n", SENDS), text


@test("no numbered line is sent before it and its number have been written and synced")
def sent(scene):
    path = scene.path("trace")
    listener = scene.session_listener("bob")
    alice = scene.node("alice", "--state", scene.path("a"),
                       within=tracer(scene, path, "-e", CALLS))
    alice.send(f"/connect {listener.address}")
    session = listener.open()
    for text in entries(5):
        alice.send(f"/msg bob {text}")
        session.hears(text)
    assert alice.finish() == 0, alice.errors()
    trace = Trace(path)
    for text in entries(5):
        seq = session.hears(text).group("seq")
        assert trace.unsynced_before(f"/msg {seq} {text}\\n", SENDS) == [[]], text
        assert trace.synced_between(f"/msg bob {text}\\n", f"/msg {seq} {text}\\n", SENDS), text


@test("what is told as queued has been written and synced")
def queued(scene):
    path = scene.path("trace")
    bob = scene.session_listener("bob")
    alice = scene.node("alice", "-e", "--state", scene.path("a"),
                       within=tracer(scene, path, "-e", CALLS))
    alice.send(f"/connect {bob.address}")
    bob.open()
    for text in entries(3):
        alice.send(f"/msg bob {text}", "/wait sent 20")
        alice.sync()
    ids = [id for _, id, _ in alice.receipts("queued")]
    assert len(ids) == 3 and alice.finish() == 0
    trace = Trace(path)
    for id in ids:
        assert trace.unsynced_before(f"* queued {id} ", SENDS) == [[]], id


class Snapshots:
    """A node that is stopped after each sync from now on; its files are copied, and it goes on."""

    def __init__(self, scene, node, folder):
        self._scene, self._node, self._folder = scene, node, folder
        self._strace = scene.process("strace", "-p", node.pid, "-e", "trace=fdatasync,fsync",
                                     "-e", "inject=fdatasync,fsync:signal=SIGSTOP")
        self._strace.err.wait(re.compile("attached"))
        self.copies = []

    def stopped(self):
        return self._node.stat()[0] in "Tt"

    def take(self):
        """Copies the files as of the sync at which the node has stopped, and lets it go on."""
        copy = self._scene.path(f"copy{len(self.copies)}")
        shutil.copytree(self._folder, copy, ignore=shutil.ignore_patterns("*-shm", "lock"))
        self.copies.append(copy)
        self._node.resume()


def full_pipe():
    """A pipe that takes nothing."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    try:
        while os.write(write_end, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(write_end, True)
    return read_end, write_end


@test("the files as of any sync hold every line that is confirmed before the next one")
def at_each_sync(scene):
    folder, (read_end, write_end) = scene.path("b"), full_pipe()
    tracer(scene, scene.path("trace"))
    # Nobody reads its stdout: all that it confirms must come from the files.
    bob = scene.node("bob", "--state", folder, stdout=write_end)
    os.close(write_end)
    session = scene.session(bob, "alice")
    session.acked(session.msg("line 1"))
    shots, confirmed, number = Snapshots(scene, bob, folder), [], 1
    while number < 8:
        number = session.msg(f"line {number + 1}")
        while session.confirmed() < number:
            wait_until(lambda n=number: shots.stopped() or session.confirmed() >= n, "sync or ack")
            if shots.stopped():
                # All that has been confirmed until now was so after the sync before this one.
                confirmed.append(session.confirmed())
                shots.take()
    assert len(shots.copies) >= 7, f"{len(shots.copies)} syncs for 7 lines"
    bob.kill()
    session.close()
    os.close(read_end)
    for copy, upto in zip(shots.copies, confirmed[1:] + [number]):
        check_copy(scene, copy, session.identity, upto)


def check_copy(scene, copy, identity, upto):
    node = scene.node("bob", "--state", copy)
    session = scene.add(dial_session(node.address, identity=identity))
    kept = session.resumed()[1]
    assert kept >= upto, f"{upto} were confirmed, the files know {kept}"
    node.sync()
    assert node.texts() == [f"line {number}" for number in range(1, kept + 1)]
    session.close()
    assert node.finish() == 0


if __name__ == "__main__":
    main(workers=4)
