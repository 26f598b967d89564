#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a conversation in README.md: it is what happens, and it is what was drawn."""

import difflib
import os
import re
import subprocess
import sys
import xml.etree.ElementTree

from hashflow_test import DEADLINE, Skip, main, test
from hashflow_test.node import BINARY, ROOT
from hashflow_test.screen import Screen

REMAKE = "if this is as it should be: make picture"


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def run(script, stdin=""):
    """What a script of tests/picture prints."""
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tests", "picture", script)],
                          input=stdin, capture_output=True, encoding="utf-8",
                          env={**os.environ, "HASHFLOW": BINARY}, timeout=4 * DEADLINE, check=False)
    if done.returncode == 77:
        raise Skip(done.stderr.strip())
    assert done.returncode == 0, f"{script} ended with {done.returncode}: {done.stderr}"
    return done.stdout


def assert_same(shown, is_now):
    lines = difflib.unified_diff(shown.splitlines(), is_now.splitlines(), "committed", "now",
                                 lineterm="", n=0)
    assert shown == is_now, "\n".join([REMAKE, *map(repr, lines)])


@test("the conversation, played again in real terminals, goes as it is shown")
def played(_scene):
    assert_same(read("doc", "conversation.ansi"), run("record.py"))


@test("the recording, drawn again, is the picture")
def drawn(_scene):
    assert_same(read("doc", "conversation.svg"), run("draw.py", read("doc", "conversation.ansi")))


@test("the picture is text, and all of it; it runs and loads nothing")
def harmless(_scene):
    tree = xml.etree.ElementTree.fromstring(read("doc", "conversation.svg"))
    kinds = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert kinds == {"svg", "title", "style", "g", "rect", "path", "circle", "text", "tspan"}
    assert not re.search(r"url|import|href|\bon\w+=", read("doc", "conversation.svg"))
    shown = {"".join(element.itertext()).rstrip("\u2588")
             for element in tree.iter("{http://www.w3.org/2000/svg}text")}
    recorded = re.sub(r"\x1b\[\d+m", "", read("doc", "conversation.ansi")).splitlines()
    missing = [line for line in recorded if not line.startswith("== ") and line not in shown]
    assert not missing, missing


@test("README shows it, and names the commands that it begins with")
def shown_in_readme(_scene):
    readme = read("README.md")
    assert "(doc/conversation.svg)" in readme
    commands = re.findall(r"^\$ ((?:hashflow|nc) .*)$", read("doc", "conversation.ansi"), re.M)
    assert len(commands) == 4, commands
    assert not [command for command in commands if command not in readme]


#: What is printed, and what is then on the screen; as line editors do it.
PRINTED = (
    (b"one\r\ntwo", ["one", "two"]),
    (b"abc\rX", ["Xbc"]),
    (b"abc\b\bX", ["aXc"]),
    (b"old prompt\r\x1b[K\xe2\x9c\x93 new", ["\u2713 new"]),
    (b"ab\r\x1b[C\x1b[1@X", ["aXb"]),
    (b"abc\r\x1b[P", ["bc"]),
    (b"abcd\r\x1b[2P", ["cd"]),
    (b"a\x1b[3Cb", ["a   b"]),
    (b"one\r\ntwo\x1b[A\r\x1b[J", [""]),
    (b"one\x1b[Bx\x1b[D\x1b[2Dy", ["one", " y x"]),
    (b"\x1b[?2004h\x1b=\a$ ", ["$ "]),
)


@test("the screen shows what was printed, however it is cut")
def screen(_scene):
    for printed, lines in PRINTED:
        whole, cut = Screen(20), Screen(20)
        whole.feed(printed)
        for at in range(len(printed)):
            cut.feed(printed[at:at + 1])
        assert whole.lines() == lines, (printed, whole.lines())
        assert whole.rows == cut.rows, (printed, cut.lines())


@test("the screen keeps styles, and refuses what it does not know")
def styles(_scene):
    styled = Screen(20)
    styled.feed(b"a\x1b[1mb\x1b[2mc\x1b[0md\x1b[31me")
    assert [style for _, style in styled.rows[0]] == [(), ("bold",), ("bold", "dim"), (), ("red",)]
    for unknown in (b"\x1b[3m", b"\x1b[2K", b"\x1b[5n", b"\x1b]0;title\a", b"\v", b"x" * 20):
        try:
            Screen(20).feed(unknown)
        except (AssertionError, KeyError):
            continue
        raise AssertionError(f"shown all the same: {unknown!r}")


main()
