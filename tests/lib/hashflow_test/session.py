# SPDX-License-Identifier: GPL-3.0-or-later
"""A hand-driven peer of the session dialect, as dialer and as listener.

Says what it is told to say, true or false. By itself it only does what keeps a session going: it
says /resume when both sides have said /hello, answers /ping, and confirms the lines that it gets.
"""

import itertools
import os
import re
import threading
import time

from .process import encode
from .sockets import Connection, Listener, connect
from .waiting import DEADLINE

_runs = itertools.count(1)

GREETING = r"(?P<address>\S+) (?P<name>\S+) Connected\r?"
HELLO = r"/hello 1( .*)?"
RESUME = r"/resume (?P<epoch>[0-9]+) (?P<seq>[0-9]+)"
LINE = re.compile(r"/(?P<verb>msg|bcast) (?P<seq>[0-9]+) (?P<text>.*)", re.S)


def keys(line):
    """The key=value words of a /hello."""
    return dict(word.split("=", 1) for word in line.split(" ")[2:] if "=" in word)


class Identity:
    """Who a scripted peer claims to be, and what it remembers over its connections.

    A new run of the same node has a higher boot; with another epoch its numbers begin anew. first
    is the number of its first line, committed the highest number by (node, epoch) that it has
    confirmed."""

    def __init__(self, name="script", address=None, node=None, caps=None, epoch=None, first=1,
                 window=None):
        self.name = name
        self.address = address
        self.node = node or os.urandom(16).hex()
        self.boot = int(time.time() * 1e6) + next(_runs)
        self.epoch = epoch or int.from_bytes(os.urandom(6), "big") | 1
        self.extra = (f" caps={caps}" if caps else "") + (f" window={window}" if window else "")
        self.numbers = itertools.count(first)
        self.committed = {}

    def greeting(self):
        return f"{self.address} {self.name} Connected"

    def hello(self, extra=""):
        port = self.address.rpartition(":")[2]
        return (f"/hello 1 node={self.node} boot={self.boot} epoch={self.epoch} listen={port}"
                f" name={self.name}{self.extra}{extra}")


class SessionConnection(Connection):
    """A connection that speaks for an Identity.

    resume: what /resume says, the remembered number if None; False leaves /resume to the test.
    ack may be turned off: then nothing counts as delivered. answer_pings may be turned off: then it
    seems to hang."""

    def __init__(self, sock, identity, label="session", answer_pings=True, ack=True, resume=None):
        self.identity = identity
        self.answer_pings = answer_pings
        self.acks = ack
        self._resume = resume
        self._resuming = threading.Lock()
        self._said_hello = False
        self.theirs = {}
        self.heard = 0
        self._confirmed = 0
        super().__init__(sock, label)

    # ---- what it does by itself

    def on_line(self, line):
        super().on_line(line)
        if line.startswith("/ping ") and self.answer_pings:
            self._answer("/pong " + line[6:])
        elif line.startswith("/hello ") and not self.theirs:
            self.theirs = keys(line)
            self._say_resume()
        elif found := LINE.fullmatch(line):
            self.heard = max(self.heard, int(found["seq"]))

    def on_pause(self):
        if self.acks and self.heard > self._confirmed:
            try:
                self.ack()
            except (OSError, AssertionError):
                pass

    def _answer(self, line):
        try:
            self.send(line)
        except (OSError, AssertionError):
            pass

    def send(self, *lines):
        super().send(*lines)
        if any(encode(line).startswith(b"/hello ") for line in lines):
            self._said_hello = True
            self._say_resume()

    def _say_resume(self):
        """Once, as soon as both have said /hello."""
        with self._resuming:
            due = self._said_hello and "epoch" in self.theirs and self._resume is not False
            seq, self._resume = self._resume, False if due else self._resume
        if due:
            self._answer(f"/resume {self.theirs['epoch']} "
                         f"{self._remembered() if seq is None else seq}")

    def _remembered(self):
        return self.identity.committed.get((self.theirs.get("node"), self.theirs.get("epoch")), 0)

    # ---- opening

    def open_as_dialer(self, timeout=DEADLINE):
        """Greets, and waits for the answer. Returns the keys of their /hello."""
        self.send(self.identity.greeting())
        self.expect_line(GREETING, timeout)
        theirs = self.expect_line(HELLO, timeout).group()
        self.send(self.identity.hello())
        return keys(theirs)

    def open_as_listener(self, timeout=DEADLINE):
        """Waits for the greeting and answers it. Returns the keys of their /hello."""
        self.expect_line(GREETING, timeout)
        self.send(self.identity.greeting(), self.identity.hello())
        return keys(self.expect_line(HELLO, timeout).group())

    def resumed(self, timeout=DEADLINE):
        """Waits for their /resume; returns its epoch and number."""
        found = self.expect_line(RESUME, timeout)
        return int(found["epoch"]), int(found["seq"])

    # ---- verbs

    def msg(self, text, seq=None):
        return self._say("/msg", text, seq)

    def bcast(self, text, seq=None):
        return self._say("/bcast", text, seq)

    def _say(self, verb, text, seq):
        """Sends a line and returns its number."""
        number = next(self.identity.numbers) if seq is None else seq
        self.send(b"%s %d %s" % (verb.encode(), number, encode(text)))
        return number

    def ack(self, seq=None):
        """Confirms up to seq, or all that has been heard."""
        self._confirmed = self.heard if seq is None else seq
        self.identity.committed[self.theirs.get("node"), self.theirs.get("epoch")] = self._confirmed
        self.send(f"/ack {self._confirmed}")

    def acked(self, seq, timeout=DEADLINE):
        """Waits until they have confirmed that number."""
        def enough(line):
            return line.startswith("/ack ") and int(line[5:]) >= seq
        enough.__doc__ = f"/ack {seq} or above"
        self.expect(enough, timeout)

    def confirmed(self):
        """The highest number that they have confirmed; 0 if none."""
        return max((int(line[5:]) for line in self.lines.items() if line.startswith("/ack ")),
                   default=0)

    def ping(self, token, timeout=DEADLINE):
        """Sends a /ping and waits for its /pong: all that was sent before has been read."""
        self.send(f"/ping {token}")
        self.expect(f"/pong {token}", timeout)

    def asked(self, text, timeout=DEADLINE, since=0):
        """Waits for a question with this text; returns its token."""
        return self.expect_line(rf"/ask (\S+) {re.escape(text)}", timeout, since)[1]

    def answer(self, token, *texts, status="ok"):
        """Answers a question. Without a status the answer does not end."""
        self.send(*(b"/answer %s %s" % (token.encode(), encode(text)) for text in texts),
                  *([f"/answered {token} {status}"] if status else []))

    def hears(self, text, verb=None, timeout=DEADLINE):
        """Waits for /msg or /bcast with this text; returns the match (verb, seq)."""
        verbs = verb or "msg|bcast"
        return self.expect_line(f"/(?P<verb>{verbs}) (?P<seq>[0-9]+) {re.escape(text)}", timeout)

    def numbered(self):
        """All lines that came by /msg and /bcast, as (number, text)."""
        found = map(LINE.fullmatch, self.lines.items())
        return [(int(match["seq"]), match["text"]) for match in found if match]

    def texts(self):
        """All texts that came by /msg and /bcast."""
        return [text for _, text in self.numbered()]


class SessionListener(Listener):
    """A listening peer; `more` is for every connection that it accepts."""

    def __init__(self, name="script", ip="127.0.0.1", port=0, identity=None, **more):
        self.identity = identity or Identity(name)
        super().__init__(ip, port, name,
                         lambda sock: SessionConnection(sock, self.identity, f"session of {name}",
                                                        **more))
        self.identity.address = self.address

    def open(self, number=0, timeout=DEADLINE):
        """Accepts connection `number`, opens the session on it, returns it."""
        session = self.connection(number, timeout)
        session.open_as_listener(timeout)
        return session


def dial_session(address, name="script", identity=None, listening="127.0.0.1:9", **more):
    """Dials a node and opens a session. `listening` is the address claimed in the greeting."""
    identity = identity or Identity(name)
    identity.address = identity.address or listening
    session = SessionConnection(connect(address), identity, f"session of {identity.name}", **more)
    session.open_as_dialer()
    return session
