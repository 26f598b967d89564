# SPDX-License-Identifier: GPL-3.0-or-later
"""A hand-driven peer of the session dialect, as dialer and as listener.

Says what it is told to say, true or false, and by itself only answers /ping.
"""

import itertools
import os
import re
import time

from .sockets import Connection, Listener, connect
from .waiting import DEADLINE

_runs = itertools.count(1)

GREETING = r"(?P<address>\S+) (?P<name>\S+) Connected\r?"
HELLO = r"/hello 1( .*)?"


def keys(line):
    """The key=value words of a /hello."""
    return dict(word.split("=", 1) for word in line.split(" ")[2:] if "=" in word)


class Identity:
    """Who a scripted peer claims to be. A new run of the same node has a higher boot."""

    def __init__(self, name="script", address=None, node=None, caps=None):
        self.name = name
        self.address = address
        self.node = node or os.urandom(16).hex()
        self.boot = int(time.time() * 1e6) + next(_runs)
        self.epoch = int.from_bytes(os.urandom(6), "big") | 1
        self.caps = caps

    def greeting(self):
        return f"{self.address} {self.name} Connected"

    def hello(self, extra=""):
        port = self.address.rpartition(":")[2]
        caps = f" caps={self.caps}" if self.caps else ""
        return (f"/hello 1 node={self.node} boot={self.boot} epoch={self.epoch} listen={port}"
                f" name={self.name}{caps}{extra}")


class SessionConnection(Connection):
    """A connection that speaks for an Identity. verbs: what came but /ping and /pong.

    answer_pings may be turned off: then nothing counts as delivered."""

    def __init__(self, sock, identity, label="session", answer_pings=True):
        self.identity = identity
        self.answer_pings = answer_pings
        self._seq = itertools.count(1)
        super().__init__(sock, label)

    def on_line(self, line):
        if line.startswith("/ping ") and self.answer_pings:
            try:
                self.send("/pong " + line[6:])
            except OSError:
                pass
        super().on_line(line)

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

    # ---- verbs

    def msg(self, text, seq=None):
        self.send(self._numbered("/msg", text, seq))

    def bcast(self, text, seq=None):
        self.send(self._numbered("/bcast", text, seq))

    def _numbered(self, verb, text, seq):
        number = next(self._seq) if seq is None else seq
        return b"%s %d %s" % (verb.encode(), number, text if isinstance(text, bytes)
                              else text.encode("utf-8", "surrogateescape"))

    def ping(self, token, timeout=DEADLINE):
        """Sends a /ping and waits for its /pong: all that was sent before has been read."""
        self.send(f"/ping {token}")
        self.expect(f"/pong {token}", timeout)

    def hears(self, text, verb=None, timeout=DEADLINE):
        """Waits for /msg or /bcast with this text; returns the match (verb, seq)."""
        verbs = verb or "msg|bcast"
        return self.expect_line(f"/(?P<verb>{verbs}) (?P<seq>[0-9]+) {re.escape(text)}", timeout)

    def texts(self):
        """All texts that came by /msg and /bcast."""
        found = (re.fullmatch(r"/(?:msg|bcast) [0-9]+ (.*)", line, re.S)
                 for line in self.lines.items())
        return [match.group(1) for match in found if match]


class SessionListener(Listener):
    """A listening peer; answer: whether it opens a session on every connection by itself."""

    def __init__(self, name="script", ip="127.0.0.1", port=0, identity=None):
        self.identity = identity or Identity(name)
        super().__init__(ip, port, name,
                         lambda sock: SessionConnection(sock, self.identity, f"session of {name}"))
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
