#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was said can be looked up: the last lines, those of one peer, and words in them; after a
restart too, within bounds, and without harm to anything else when it cannot be kept."""

import json
import re
import sqlite3

from hashflow_test import main, test, wait_until
from hashflow_test.ledger import as_input
from hashflow_test.node import BINARY, environment

MOST = 10000
#: Bytes that other programs trip over, each as what is typed and as it is kept.
AWKWARD = ["", " blank ", "\ttab\there", "\"quoted\" 'words'", "back\\slash \\n", "caf\u00e9",
           "\udcff\udcfe not UTF-8", "\x1b[31mred", "%s %n", "'); DROP TABLE history; --"]


def keeper(scene, label, *options, folder=None, **more):
    """A node with a state folder of its own."""
    return scene.node(label, "--state", scene.path(folder or label), *options, **more)


def pair(scene, *options):
    """alice and bob, who know each other."""
    bob = keeper(scene, "bob", *options)
    alice = keeper(scene, "alice", *options)
    alice.connect(bob.address)
    return alice, bob


def past(node, command="/history"):
    """What answers it, without the time, which must be one."""
    verb = command.split(" ")[0]
    lines = [line.split(" ", 2) for line in node.ask(command)]
    for said, time, _ in lines:
        assert said == verb and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time), lines
    return [rest for _, _, rest in lines]


def count_rows(scene, folder):
    with sqlite3.connect(scene.path(f"{folder}/hashflow.db"), timeout=20) as db:
        return db.execute("SELECT count(*) FROM history").fetchone()[0]


def tamper(scene, folder, sql, *values):
    db = sqlite3.connect(scene.path(f"{folder}/hashflow.db"), timeout=20)
    with db:
        db.execute(sql, values)
    db.close()


# ---- looking back


@test("both sides can look up at once what was said, oldest first")
def both_sides(scene):
    alice, bob = pair(scene)
    alice.send("to all", "/msg bob to you", "/wait delivered")
    assert past(alice) == ["all - out to all", f"{bob.address} bob out to you"]
    bob.hears("to you")
    bob.send("/msg alice thanks")
    assert past(bob) == [f"{alice.address} alice in to all", f"{alice.address} alice in to you",
                         f"{alice.address} alice out thanks"]
    assert past(bob, "/history 1") == [f"{alice.address} alice out thanks"]
    assert past(bob, "/search YOU") == [f"{alice.address} alice in to you"]


@test("/history PEER has what came from it and what went to it alone")
def one_peer(scene):
    alice, bob = pair(scene)
    carol = keeper(scene, "carol")
    carol.connect(alice.address)
    carol.send("/msg alice from carol")
    bob.send("from bob")
    alice.hears("from carol")
    alice.hears("from bob")
    alice.send("to all", "/msg bob to bob", "/msg carol to carol")
    assert past(alice, "/history bob") == [f"{bob.address} bob in from bob",
                                           f"{bob.address} bob out to bob"]
    assert past(alice, f"/history {carol.address} 1") == [f"{carol.address} carol out to carol"]
    client = scene.client(alice)
    client.send("from nobody")
    nobody = alice.hears("from nobody").address
    assert past(alice, "/history 1") == [f"{nobody} - in from nobody"]
    assert len(past(alice)) == 6


@test("a number that cannot be and a peer that nobody knows are complained about")
def wrong_arguments(scene):
    alice, _ = pair(scene)
    for words in ("0", "10001", "bob 0", "bob x", "1 1 1", "nobody"):
        before = len(alice.complaints())
        assert past(alice, f"/history {words}") == []
        assert len(alice.complaints()) == before + 1, alice.errors()
    alice.send("/search")
    alice.complains("hashflow: usage: /search WORDS")
    assert alice.finish() == 1


@test("20 lines are shown unless more are asked for, and 100 are found")
def how_many(scene):
    alice, _ = pair(scene)
    alice.send(*(f"line {number}" for number in range(150)))
    assert past(alice) == [f"all - out line {number}" for number in range(130, 150)]
    assert len(past(alice, "/history 140")) == 140
    assert past(alice, "/search line")[0] == "all - out line 50"
    assert past(alice, "/search line 149") == ["all - out line 149"]


@test("text comes back as it was, whatever its bytes are, and any word can be searched for")
def awkward_text(scene):
    alice, bob = pair(scene)
    alice.send(*(f"/bcast {text}" for text in AWKWARD if text.strip()))
    kept = [text for text in AWKWARD if text.strip()]
    bob.hears(kept[-1])
    assert past(alice) == [f"all - out {text}" for text in kept]
    assert past(bob) == [f"{alice.address} alice in {text}" for text in kept]
    bob.send(*(f"/search {text}" for text in kept))
    bob.sync()
    assert not bob.complaints(), bob.errors()
    assert past(bob, "/search CAFE") == [f"{alice.address} alice in caf\u00e9"]
    session = scene.session(bob, "carol")
    session.msg("")
    bob.hears("", "carol")
    assert past(bob, "/history 1") == [f"{session.identity.address} carol in "]


@test("with --json the answers have keys")
def as_json(scene):
    run = scene.run("alice", "--json", "--state", scene.path("alice"), "-c", "/connect 127.0.0.1:1",
                    "-c", "/msg 127.0.0.1:1 hello", "-c", "/history", "-c", "/search hello",
                    "--drain", "0")
    run.free_form = True
    found = [json.loads(line) for line in run.out.items() if '"in"' in line or '"out"' in line]
    assert [line["command"] for line in found] == ["history", "search"]
    for line in found:
        assert line["text"] == "hello" and line["direction"] == "out"
        assert line["address"] == "127.0.0.1:1" and "time" in line


@test("with --json each line says whether the other side spoke without encryption")
def plain_as_json(scene):
    alice, bob = keeper(scene, "alice", "--json"), keeper(scene, "bob")
    alice.free_form = True
    bob.connect(alice.address)
    carol = scene.session(alice, "carol")
    carol.msg("from carol")
    alice.expect(re.compile('"text":"from carol"'))
    bob.send("/msg alice from bob")
    alice.expect(re.compile('"text":"from bob"'))
    alice.send("/msg carol to carol", "/msg bob to bob", "/bcast to all", "/history", "/echo done")
    alice.expect(re.compile('"text":"done"'))
    records = [json.loads(line) for line in alice.out.items() if '"command":"history"' in line]
    assert list(records[0]) == ["type", "command", "time", "address", "name", "plain",
                                "direction", "text"], records[0]
    assert {record["text"]: record["plain"] for record in records} == {
        "from carol": True, "from bob": False, "to carol": True, "to bob": False, "to all": False}


@test("what was said before there was any encryption is marked as plain")
def older(scene):
    alice, bob = pair(scene)
    bob.send("/msg alice in")
    alice.hears("in")
    alice.send("/msg bob alone", "/bcast to all")
    bob.hears("to all")
    assert alice.finish() == 0
    with sqlite3.connect(scene.path("alice/hashflow.db"), timeout=20) as db:
        db.executescript("ALTER TABLE history DROP COLUMN plain; DROP TABLE verdicts;"
                         "ALTER TABLE peers DROP COLUMN fleeting; DROP TABLE invitations;"
                         "PRAGMA user_version = 3;")
    alice = keeper(scene, "alice", "--json")
    alice.free_form = True
    alice.send("/history", "/echo done")
    alice.expect(re.compile('"text":"done"'))
    records = [json.loads(line) for line in alice.out.items() if '"command":"history"' in line]
    assert [(record["text"], record["plain"]) for record in records] == [
        ("in", True), ("alone", True), ("to all", False)], records


@test("a client of the control socket can look back too")
def attached(scene):
    alice, bob = pair(scene)
    alice.send("to all")
    bob.hears("to all")
    run = scene.process(BINARY, "--attach", scene.path("bob"), "-c", "/history", "-c",
                        "/search ALL", env=environment(scene.home()))
    assert run.finish() == 0, run.err.items()
    assert [line.split(" ", 2)[::2] for line in run.out.items()] == [
        ["/history", f"{alice.address} alice in to all"],
        ["/search", f"{alice.address} alice in to all"]]


# ---- what is kept


@test("it outlives a restart, and a kill once it is written")
def outlives(scene):
    alice, bob = pair(scene)
    alice.send("before the kill")
    bob.hears("before the kill")
    wait_until(lambda: count_rows(scene, "bob") == 1, "it is written by itself")
    bob.kill()
    bob = keeper(scene, "bob")
    assert past(bob) == [f"{alice.address} alice in before the kill"]
    alice.send("/msg bob before the end")
    bob.hears("before the end")
    assert bob.finish() == 0
    bob = keeper(scene, "bob")
    assert past(bob, "/search before") == [f"{alice.address} alice in before the kill",
                                           f"{alice.address} alice in before the end"]


@test("a line that is printed again in the next run is there once")
def once(scene):
    bob = keeper(scene, "bob")
    session = scene.session(bob, "alice")
    number = session.msg("once")
    session.acked(number)
    assert bob.finish() == 0
    tamper(scene, "bob", "INSERT INTO inbox VALUES (1, ?, ?, ?, 'alice', ?)",
           session.identity.node, session.identity.epoch, session.identity.address,
           f"/msg {number} once\n".encode())
    bob = keeper(scene, "bob")
    bob.hears("once")
    assert past(bob) == [f"{session.identity.address} alice in once"]


@test("of a flood the newest 10,000 lines are kept, on both sides")
def flood(scene):
    alice, bob = pair(scene)
    lines = [f"line {number}" for number in range(MOST + 2500)]
    alice.write(as_input(lines), 60)
    bob.hears(lines[-1])
    for node, label in ((alice, "all - out"), (bob, f"{alice.address} alice in")):
        assert past(node, f"/history {MOST}") == [f"{label} {text}" for text in lines[2500:]]
        assert past(node, "/search 2499") == []
        assert past(node, "/search 2500") == [f"{label} line 2500"]
    assert alice.finish() == 0 and bob.finish() == 0
    assert count_rows(scene, "alice") == count_rows(scene, "bob") == MOST


@test("--no-history keeps and shows nothing, and leaves alone what was there")
def switched_off(scene):
    alice, bob = pair(scene)
    alice.send("kept")
    bob.hears("kept")
    assert bob.finish() == 0
    bob = keeper(scene, "bob", "--no-history")
    alice.send("/msg bob not kept")
    bob.hears("not kept")
    bob.send("/history", "/search kept")
    bob.complains(re.compile("/history: no history is kept"))
    bob.complains(re.compile("/search: no history is kept"))
    assert bob.finish() == 1
    assert not [line for line in bob.out.items() if line.startswith("/history")]
    bob = keeper(scene, "bob")
    assert past(bob) == [f"{alice.address} alice in kept"]


@test("a node without a state folder has no history")
def without_state(scene):
    node = scene.run("alice", "--no-store", "-c", "/history")
    assert "no history is kept" in node.errors() and node.finish() == 1


# ---- what goes wrong


@test("what cannot be written is said once, and costs nothing else")
def cannot_be_written(scene):
    alice, bob = pair(scene)
    alice.send("before")
    bob.hears("before")
    wait_until(lambda: count_rows(scene, "bob") == 1, "it is written")
    tamper(scene, "bob", "ALTER TABLE history RENAME TO lost")
    for number in range(3):
        alice.send(f"line {number}", "/wait delivered")
        bob.hears(f"line {number}")
        bob.send("/history")
        bob.sync()
    alice.sync()
    told = [line for line in bob.complaints() if "is not kept for /history" in line]
    assert len(told) == 1 and "no such table" in told[0], bob.errors()
    tamper(scene, "bob", "ALTER TABLE lost RENAME TO history")
    alice.send("after")
    bob.hears("after")
    assert [line.split(" ", 3)[3] for line in past(bob)] == ["before", "line 0", "line 1", "line 2",
                                                             "after"]
    assert alice.finish() == 0 and bob.finish() == 0


@test("somebody who looks into the database while it is written costs nothing")
def locked(scene):
    alice, bob = pair(scene)
    db = sqlite3.connect(scene.path("bob/hashflow.db"), timeout=20, isolation_level=None)
    db.execute("BEGIN")
    db.execute("SELECT * FROM peers").fetchall()
    alice.send("meanwhile")
    bob.hears("meanwhile")
    wait_until(lambda: count_rows(scene, "bob") == 1, "it is written")
    db.close()
    assert alice.finish() == 0 and bob.finish() == 0
    assert not bob.complaints(), bob.errors()


if __name__ == "__main__":
    main()
