#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power losses: the order of system calls shows what would be on disk at any moment. Nothing is
confirmed, and nothing numbered is sent, before it has been synced; and what has been synced is
enough to go on with."""

import ast
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
    if os.geteuid() != 0:
        raise Skip("only root may look into a node")
    if not shutil.which("strace"):
        raise Skip("strace is missing")
    if has_sanitizer():
        raise Skip("the leak checker cannot run while it is traced")
    probe = scene.process("strace", "-o", scene.path("probe"), "true")
    if probe.finish() != 0:
        raise Skip(f"strace cannot trace here: {probe.errors()[:100]}")
    return ["strace", "-D", "-yy", "-s", "70000", "-o", path, *options]


class Trace:
    """The calls in their order, and what was not synced yet before each of them."""

    def __init__(self, path):
        wait_until(lambda: "\n+++ " in self._read(path), "the end of the trace")
        lines = self._read(path).splitlines()
        self.calls = [match for match in map(CALL.match, lines) if match]

    @staticmethod
    def _read(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

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


class Disk:
    """What a disk would hold that loses all that was not synced, from the writes of a trace."""

    WRITTEN = re.compile(r', (?P<data>".*"), \d+, (?P<at>\d+)\) = \d+$')

    def __init__(self):
        self._written, self._synced = {}, {}

    def take(self, call):
        name, where = call["name"], os.path.basename(call["file"])
        if name == "pwrite64":
            found = self.WRITTEN.match(call["rest"])
            data, at = ast.literal_eval("b" + found["data"]), int(found["at"])
            file = self._written.setdefault(where, bytearray())
            file.extend(bytes(max(0, at + len(data) - len(file))))
            file[at:at + len(data)] = data
        elif name in ("fsync", "fdatasync") and where in self._written:
            self._synced[where] = bytes(self._written[where])

    def save(self, folder):
        os.mkdir(folder, 0o700)
        for name in ("hashflow.db", "hashflow.db-wal"):
            if name in self._synced:
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(self._synced[name])


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


@test("a disk that has lost all that was not synced holds every line that was confirmed until then")
def at_each_ack(scene):
    path, (read_end, write_end) = scene.path("trace"), full_pipe()
    # Nobody reads its stdout: all that it confirms must come from the files.
    bob = scene.node("bob", "--state", scene.path("b"), stdout=write_end,
                     within=tracer(scene, path, "-e", CALLS))
    os.close(write_end)
    session = scene.session(bob, "alice")
    for number in range(1, 8):
        session.acked(session.msg(f"line {number}"))
    session.close()
    bob.kill()
    os.close(read_end)
    disk, checked = Disk(), 0
    for call in Trace(path).calls:
        disk.take(call)
        found = re.search(r'"/ack (\d+)\\n', call["rest"]) if call["name"] in SENDS else None
        if found:
            checked += 1
            disk.save(scene.path(f"copy{checked}"))
            check_copy(scene, scene.path(f"copy{checked}"), session.identity, int(found[1]))
    assert checked == 7, f"{checked} confirmations in the trace"


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
