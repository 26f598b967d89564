#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the conversation that README.md shows: real programs in real terminals, in a network of
their own. Prints what the terminals show at the end, for draw.py and for cat(1); the keys of the
nodes and the clock are set, as all else is the same each time. Ends with 77 where it cannot be
played.

    HASHFLOW=PROGRAM PYTHONPATH=tests/lib tests/picture/record.py >doc/conversation.ansi
"""

import base64
import contextlib
import os
import re
import shutil
import sys
import tempfile

from hashflow_test import Skip
from hashflow_test.netns import Space, need, required
from hashflow_test.node import BINARY, environment
from hashflow_test.screen import STYLES, Window

TITLES = "alice", "bob", "somebody who has only nc", "a script"
COLUMNS = 72
SHELLS = (["dash"], ["bash", "--norc"])
PORT_RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
UNSEEN = 40000, 49999
KEYS = ("alice", 7216), ("bob", 7217)
KEY_HEAD = bytes.fromhex("302e020100300506032b657004220420")  # of Ed25519 in PKCS#8, RFC 8410
KEY_BYTES = 32
CLOCK = re.compile(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d ")
SET_TO = "2026-03-20 20:15 "
CODES = {style: code for code, style in STYLES.items()}


class Stage:
    """A folder and a network, and the terminals in them."""

    def __init__(self):
        self._shell = find_shell()
        self._network = Space("--net")
        self._folder = tempfile.mkdtemp(prefix="hashflow-")
        self.terminals = {}
        os.symlink(BINARY, os.path.join(self._folder, "hashflow"))
        self._network.run("ip", "link", "set", "lo", "up")
        self.give_ports(*UNSEEN)
        for title, port in KEYS:
            self.give_key(title, port)

    def give_ports(self, first, last):
        """Which ports are given to whoever does not ask for one."""
        with required():
            self._network.run("sh", "-c", f"echo {first} {last} >{PORT_RANGE}")

    def _home(self, title):
        return os.path.join(self._folder, f"home{TITLES.index(title)}")

    def terminal(self, title):
        home = self._home(title)
        os.makedirs(home, exist_ok=True)
        env = {**environment(home), "TERM": "xterm", "INPUTRC": "/dev/null", "PS1": "$ ",
               "PATH": f"{self._folder}:{os.environ['PATH']}"}
        terminal = Window([*self._network.enter, *self._shell], COLUMNS, env, home)
        self.terminals[title] = terminal
        terminal.prompts("$ ")
        return terminal

    def give_key(self, title, port):
        """Before the node starts: it would make one that is another one each time."""
        folder = os.path.join(self._home(title), "state", "hashflow", str(port))
        os.makedirs(folder, mode=0o700)
        with open(os.path.join(folder, "key.pem"), "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(key_made_of(f"{title} {port}"))

    def close(self):
        for terminal in self.terminals.values():
            terminal.close()
        self._network.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def key_made_of(text):
    """A private key that is the same each time, as PEM."""
    key = base64.b64encode(KEY_HEAD + text.encode().ljust(KEY_BYTES)).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n"


def find_shell():
    """One that prints its prompt and no more."""
    for shell in SHELLS:
        if shutil.which(shell[0]):
            return shell
    raise Skip("neither dash nor bash is here")


def need_line_editing():
    with open(BINARY, "rb") as file:
        if b"rl_callback_handler_install" not in file.read():
            raise Skip("hashflow was built without readline")


def say(terminal, prompt, text):
    """Types a line once the prompt is this one."""
    terminal.prompts(prompt)
    terminal.type(text)
    terminal.shows(prompt + text)
    terminal.type("\r")


def meet(alice, bob):
    say(alice, "$ ", "hashflow -p 7216 -n alice")
    alice.prompts("alice> ")
    say(bob, "$ ", "hashflow -p 7217 -n bob 127.0.0.1:7216")
    alice.shows("* bob (127.0.0.1:7217) is here")
    bob.shows("* alice (127.0.0.1:7216) is here")
    say(bob, "bob> ", "hello from the second terminal")
    alice.shows("bob: hello from the second terminal")
    say(alice, "alice> ", "welcome, bob")
    bob.shows("alice: welcome, bob")


def be_joined(stage, alice, bob, other):
    stage.give_ports(50000, 50000)
    say(other, "$ ", "nc 127.0.0.1 7216")
    other.edits_lines()
    other.type("I have only nc\r")
    alice.shows(": I have only nc")
    say(alice, "✓ alice> ", "that is enough")
    other.shows("alice that is enough")
    bob.shows("alice: that is enough")
    alice.prompts("✓ alice> ")
    other.type("\x03")
    other.prompts("$ ")
    alice.shows("is gone: closed the connection")


def be_told(stage, alice, script):
    stage.give_ports(50002, 50003)
    say(script, "$ ", "echo 'backup done' |")
    say(script, "> ", "hashflow -p 0 -q -n cron -t all 127.0.0.1:7216")
    say(script, "$ ", 'echo "status $?"')
    script.shows("status 0")
    script.prompts("$ ")
    alice.shows("* cron (127.0.0.1:50003) is gone: left")


def be_away(stage, alice, bob):
    stage.give_ports(*UNSEEN)
    say(bob, "✓ bob> ", "/msg alice this is for you alone")
    alice.shows("this is for you alone")
    say(bob, "✓ bob> ", "/quit")
    alice.shows("* bob (127.0.0.1:7217) is gone: left")
    say(alice, "✓ alice> ", "this waits on disk for you,")
    say(alice, "… alice> ", "and so does this")
    say(bob, "$ ", "hashflow -p 7217 -n bob")
    bob.shows("alice: and so does this")
    bob.prompts("bob> ")
    alice.prompts("✓ alice> ")


def play(stage):
    alice, bob, other, script = map(stage.terminal, TITLES)
    meet(alice, bob)
    be_joined(stage, alice, bob, other)
    be_told(stage, alice, script)
    be_away(stage, alice, bob)
    return alice, bob


def leave(*terminals):
    """What a node keeps in its home is there until it has ended."""
    for terminal in terminals:
        terminal.type("\x04")
        terminal.prompts("$ ")


# ---- what is kept of it

def set_clock(cells):
    """The row with another time in it, of the same length."""
    text = "".join(char for char, _ in cells)
    stamp = CLOCK.match(text)
    shown = SET_TO[-stamp.end():] if stamp else ""
    return [(char, style) for char, (_, style) in zip(shown + text[len(shown):], cells)]


def coloured(cells):
    """The row as text with the codes that a terminal takes."""
    text, last = "", ()
    for char, style in cells:
        if style != last:
            text += "\x1b[0m" * bool(last) + "".join(f"\x1b[{CODES[name]}m" for name in style)
        text, last = text + char, style
    return text + "\x1b[0m" * bool(last)


def recording(stage):
    for title, terminal in stage.terminals.items():
        yield f"== {title}, {COLUMNS} columns"
        yield from (coloured(set_clock(cells)) for cells in terminal.screen.rows)


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        need("ip", "nc", "setsid")
        need_line_editing()
        with contextlib.closing(Stage()) as stage:
            nodes = play(stage)
            print(*recording(stage), sep="\n")
            leave(*nodes)
    except Skip as reason:
        print(f"record: {reason}", file=sys.stderr)
        sys.exit(77)


main()
