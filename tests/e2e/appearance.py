#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others send cannot look like anything but what it is: not like a notice, another peer or us,
and it does nothing where it ends up: on a terminal, in a pipe, in a program, in the store."""

import json
import os
import re
import sqlite3

from hashflow_test import main, test, wait_until
from hashflow_test.node import needs_readline
from hashflow_test.session import Identity
from hashflow_test.terminal import Terminal

CAROL = "127.0.0.1:9"
#: Bytes that a line can hold.
BYTES = [byte for byte in range(256) if byte not in (0x00, 0x0a)]
#: What a terminal may get of us: its own line ends, and readline's.
OWN_SEQUENCES = re.compile(r"\x1b\[\?2004[hl]\r?|\x1b\[[0-9;]*[ACDKJPm]|\x1b[=>]|\x1b\[\?1[hl]")
DANGERS = ["$(touch {path})", "`touch {path}`", "; touch {path} ;", "&& touch {path}",
           "|touch {path}", "' ; touch {path} ; '", '" ; touch {path} ; "', "--help", "-c", "%n%s",
           "../../../x", "'; DROP TABLE peers; --", "\\n* up 1.2.3.4:5 x", "${{IFS}}touch"]


def friend(scene, node):
    """Bob, who has a key, so that nobody else can be him; and its fingerprint."""
    bob = scene.node("bob")
    bob.connect(node.address)
    return bob, bob.ask("/whoami")[0].split(" ")[2]


def person(scene, columns=200, folder=None):
    """A node with a terminal to itself, and that."""
    terminal = scene.add(Terminal(columns))
    state = ["--state", folder] if folder else []
    node = scene.node("alice", *state, stdin=None, stdout=None, within=terminal.within(0, 1),
                      env={"TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"})
    return node, terminal


def shown(terminal, text):
    """The rows of the terminal once one of them holds the text."""
    return wait_until(lambda: text in terminal.text() and
                      OWN_SEQUENCES.sub("", terminal.text()).split("\n"), f"{text!r} is shown")


@test("every byte as a name and as a text, in a pipe: a line each, of whom it is, and no event")
def bytes_in_a_pipe(scene):
    node = scene.node("alice", "-e")
    client = scene.client(node)
    for byte in BYTES:
        client.write(b"%s a%cb in a name %d\n" % (CAROL.encode(), byte, byte))
        client.write(b"%s mallory %c%c in a text\n" % (CAROL.encode(), byte, byte))
    client.send(f"{CAROL} mallory done")
    node.hears("done")
    lines = node.out.items()
    for line in lines:
        # Where a byte spoils the header there is none, and the line is a text of nobody's.
        assert line.startswith((f"{CAROL} ", "* ")) or line.startswith(f"{client.local} - "), line
    names = {line.split(" ")[1] for line in lines if line.startswith(CAROL)}
    visible = {f"a{chr(byte)}b" for byte in range(0x21, 0x7f) if chr(byte) not in "@~"}
    assert {"-", "mallory", "a"} <= names <= {"-", "mallory", "a"} | visible, names
    assert {line.split(" ")[1] for line in lines if line[0] == "*"} <= {"up", "name"}, lines


@test("every byte as a name and as a text, on a terminal: nothing is obeyed, all of it is marked")
def bytes_on_a_terminal(scene):
    node, terminal = person(scene)
    client = scene.client(node)
    for byte in BYTES:
        client.write(b"%s a%cb in a name\n" % (CAROL.encode(), byte))
        client.write(b"%s mallory <%c> in a text\n" % (CAROL.encode(), byte))
    client.send(f"{CAROL} mallory done")
    rows = shown(terminal, "mallory: done")
    obeyed = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\udc80-\udcff]")
    assert not [row for row in rows if obeyed.search(row)], rows
    said = [row for row in rows if "in a text" in row]
    assert len(said) == len(BYTES), len(said)
    for row in said:
        assert re.search(r"\d\d:\d\d (!mallory|!127\.0\.0\.1:\d+): ", row), row


@test("a text of many lines, or that looks like a line of ours, never stands alone on a terminal")
def no_notice(scene):
    node, terminal = person(scene)
    client = scene.client(node)
    client.write(f"{CAROL} mallory first\r12:00 bob: second\x0b12:00 bob: third\u2028"
                 "12:00 * bob (1.2.3.4:5) is here\x85hashflow: listening\x1b[1;1Halice>\n".encode())
    client.send("12:00 bob: nobody's line", "hashflow: the disk is full", "* up 1.2.3.4:5 bob",
                "/peers 1.2.3.4:5 bob session up - - abcd", f"{CAROL} mallory done")
    rows = shown(terminal, "mallory: done")
    for row in rows:
        if "bob" in row or "hashflow:" in row or "1.2.3.4" in row:
            assert re.match(r"\r?[^\r]*\r*\d\d:\d\d !(mallory|127\.0\.0\.1:\d+): ", row), rows


@test("a text that fills its row does not go on at the beginning of the next one")
def no_row_of_its_own(scene):
    needs_readline()
    node, terminal = person(scene, columns=80)
    client = scene.client(node)
    room = 80 - len("12:00 !mallory: ")
    for filler in ("x" * room, " " * room, "\t" * (room // 8), "\u4f60" * (room // 2)):
        for more in (0, 80):
            client.send(f"{CAROL} mallory {filler}{' ' * more}12:00 bob: I owe him")
    client.send(f"{CAROL} mallory done")
    rows = shown(terminal, "mallory: done")
    owed = [row for row in rows if "12:00 bob" in row]
    assert len(owed) == 8 and all(row.startswith("  ") for row in owed), rows
    assert all(len(row.rstrip("\r")) <= 80 for row in rows), rows


@test("a person sees who is plain, in messages, events and the list of peers, and who has a key")
def marks(scene):
    needs_readline()
    node, terminal = person(scene)
    bob, key = friend(scene, node)
    bob.send("/msg alice from a friend")
    shown(terminal, "from a friend")
    scene.client(node).send(f"{CAROL} carol from anybody")
    rows = shown(terminal, "from anybody")
    assert any(re.search(r"\d\d:\d\d bob → you: from a friend", row) for row in rows), rows
    assert any(re.search(r"\d\d:\d\d !carol: from anybody", row) for row in rows), rows
    assert any(re.search(rf"\* bob \({bob.address}\) is here", row) for row in rows), rows
    assert any(re.search(r"\* !\S+ \(\S+\) is here", row) for row in rows), rows
    terminal.type("/peers\r")
    rows = shown(terminal, " plain\r")
    for wanted in (rf"{bob.address} +bob +session .* {key[:16]}\r",
                   r"127\.0\.0\.1:9 +!carol .* plain\r"):
        assert any(re.search(wanted, row) for row in rows), rows


@test("a person sees it in every answer that names a peer, in complaints and in the prompt")
def marks_in_answers(scene):
    needs_readline()
    node, terminal = person(scene, folder=scene.path("state"))
    bob, _ = friend(scene, node)
    carol = scene.session(node, "carol", listening=CAROL)
    carol.msg("from carol")
    shown(terminal, "!carol → you: from carol")
    bob.send("/msg alice from bob")
    shown(terminal, "bob → you: from bob")

    def see(start, *patterns):
        for pattern in patterns:
            wait_until(lambda: re.search(pattern, OWN_SEQUENCES.sub("", terminal.text()[start:])),
                       f"{pattern!r} is shown")

    def type_and_see(line, *patterns):
        start = len(terminal.text())
        terminal.type(f"{line}\r")
        see(start, *patterns)

    type_and_see("/ping carol", r"\b127\.0\.0\.1:9 +!carol +\d")
    type_and_see("/ping bob", rf"{bob.address} +bob +\d")
    type_and_see("/msg carol to carol", r"✓ alice> ")
    type_and_see("/msg bob to bob", r"✓ alice> ")
    type_and_see("/history", r" !carol +in +from carol", r" bob +in +from bob",
                 r" !carol +out +to carol", r" bob +out +to bob")
    type_and_see("/search from", r" !carol +in +from carol", r" bob +in +from bob")
    start = len(terminal.text())
    terminal.type("/ask all who?\r")
    carol.answer(carol.asked("who?"), "me", status="failed")
    see(start, r"\b127\.0\.0\.1:9 +!carol +me", r"/ask: 127\.0\.0\.1:9 !carol: ",
        rf"/ask: {bob.address} bob: ")
    type_and_see("/to carol", "alice to !carol> ")
    type_and_see("/to bob", "alice to bob> ")
    type_and_see("/to all", "alice> ")


@test("the same for scripts: a key of --json, %s of --format, the last field of /peers")
def marks_for_scripts(scene):
    for options, wanted in ((["--json"], ['"plain":false', '"plain":true']),
                            (["-F", "0 %n %s %p"], ["bob tls", "carol plain"])):
        node = scene.node("alice", *options)
        node.free_form = True
        bob, key = friend(scene, node)
        bob.send("/msg alice one")
        scene.client(node).send(f"{CAROL} carol two")
        for text, mark in zip(("one", "two"), wanted):
            line = node.expect(re.compile(rf"{text}\b"))
            assert mark in line, line
        node.send("/peers")
        keys, marked = {}, {}
        if "--json" in options:
            node.expect(re.compile('"command":"peers".*carol'))
            for line in node.out.items():
                record = json.loads(line)
                if record.get("command") == "peers":
                    keys[record["name"]] = record["key"]
                    marked[record["name"]] = record["plain"]
            assert keys == {"bob": key[:16], "carol": "plain"}, keys
            assert marked == {"bob": False, "carol": True}, marked


@test("nobody is shown as us, or as somebody who has a key")
def impostors(scene):
    node = scene.node("alice", "-e")
    bob, key = friend(scene, node)
    client = scene.client(node)
    for claimed, wanted in (("alice", "alice~plain"), ("bob", "bob~plain"), (f"bob~{key[:4]}", "-"),
                            ("bob~plain", "-"), ("!bob", "-"), ("you", "-"), ("*", "-"),
                            ("bo\u034fb", "bo\u034fb~plain"), ("ｂｏｂ", "ｂｏｂ~plain"),
                            ("Bob", "Bob")):
        client.send(f"{CAROL} {claimed} as {claimed}")
        assert node.hears(f"as {claimed}").name == wanted, ascii(claimed)
    client.send(f"{bob.address} bob from his address")
    assert node.hears("from his address").name == "bob~plain"
    for name in ("alice", "bob"):
        other = scene.session(node, identity=Identity(name, node=f"z2345{name}", address=CAROL))
        other.msg(f"I am {name}")
        assert node.hears(f"I am {name}").name == f"{name}~z234"
    bob.send("/msg alice I am the real one")
    assert node.hears("I am the real one", "bob").address == bob.address
    node.send("/msg bob for the real one", f"/msg bob~{key[:4]} for him too")
    bob.hears("for the real one")
    bob.hears("for him too")


@test("what a shell would run, as name and text, gets to a handler as it is and runs nothing")
def handlers(scene):
    note = scene.path("note")
    os.mkdir(note)
    node = scene.node("alice", "--on-plain", "--on-jobs", "1", "--on",
                      f"message=sh -c 'printf %s \"$HASHFLOW_NAME\" >{note}/$$.name; "
                      f"cat >{note}/$$.text'", "--on", f"name=sh -c ': >{note}/renamed'")
    session = scene.session(node, "carol")
    texts = [danger.format(path="trap") for danger in DANGERS]
    names = [text.replace(" ", "${IFS}") for text in texts]
    for name, text in zip(names, texts):
        session.send(f"/name {name}")
        session.msg(text)

    def written(kind):
        paths = [os.path.join(note, name) for name in os.listdir(note) if name.endswith(kind)]
        return sorted(open(path, encoding="utf-8").read() for path in paths)
    wait_until(lambda: len(written(".text")) == len(texts) and all(written(".text")),
               "all texts are written")
    assert node.finish() == 0
    assert written(".text") == sorted(f"{text}\n" for text in texts)
    assert written(".name") == sorted(names)
    for folder in (note, node.home, scene.dir):
        assert not [name for name in os.listdir(folder) if name.startswith("trap")], folder


@test("paths and SQL in names and texts change no file and no table; they are found as they are")
def store(scene):
    folder = scene.path("state")
    node = scene.node("alice", "--state", folder)
    names = ["../../x", "'),(1,2);DROP/**/TABLE/**/peers;--", "%00", "..", "\"", "a/../../b"]
    for number, name in enumerate(names):
        session = scene.session(node, identity=Identity(name, address=f"127.0.0.1:{number + 10}"))
        session.msg(f"{name}'; DROP TABLE history; -- {number}")
        node.hears(f"{name}'; DROP TABLE history; -- {number}", name)
        session.send("/bye done")
        session.wait_end()
    before = set(os.listdir(folder))
    assert node.finish() == 0
    again = scene.node("alice", "--state", folder)
    assert {peer.name for peer in again.peers().values()} == set(names)
    assert len(again.ask("/search DROP")) == len(names)
    assert len(again.ask("/search '; -- \" OR 1=1")) == 0
    assert set(os.listdir(folder)) == before and not os.path.exists(scene.path("x"))
    assert again.finish() == 0
    with sqlite3.connect(f"file:{folder}/hashflow.db?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


if __name__ == "__main__":
    main()
