# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever sits between a dialer and a listener: as bytes (Relay), or with a key of his own, so that
he reads and changes lines (Middle)."""

import re
import socket
import threading

from .sockets import CHUNK, Connection, Listener, connect
from .tls import Tls, is_encrypted, make_key
from .waiting import DEADLINE, Log


class _Leg(Connection):
    """One side of a middle; the other is told of each line and of the end."""

    def __init__(self, sock, middle, to_target, legs, ready):
        self._middle, self._to_target = middle, to_target
        self._legs, self._ready = legs, ready
        super().__init__(sock, f"leg of {middle.label}")

    def _other(self):
        self._ready.wait(DEADLINE)
        return self._legs[1 if self._to_target else 0]

    def on_line(self, line):
        super().on_line(line)
        passed = self._middle.passed(self._to_target, line)
        try:
            if passed is not None:
                self._other().send(passed)
        except (OSError, AssertionError):
            pass

    def _read(self):
        super()._read()
        try:
            self._other().half_close()
        except OSError:
            pass


class Middle(Listener):
    """Ends the encryption of both sides, with the same key towards both, and passes lines on.

    change(middle, to_target, line) gives what is said instead, or None for nothing; it may be set
    anew. seen: every line, as (to_target, line)."""

    def __init__(self, scene, target, change=None, port=0):
        self._scene, self._target, self.change = scene, target, change
        self._key = scene.path(f"middle of {target}.pem")
        self.fingerprint = make_key(self._key)
        self.seen = Log("lines seen in the middle")
        super().__init__(port=port, label="middle", accepted=self._take)

    def passed(self, to_target, line):
        """What becomes of a line."""
        self.seen.add((to_target, line))
        return self.change(self, to_target, line) if self.change else line

    def knows(self, text):
        """Has it read that?"""
        return any(text in line for _, line in self.seen.items())

    def _take(self, sock):
        legs, ready = [], threading.Event()
        encrypted, target = is_encrypted(sock), connect(self._target)
        for end, server in ((sock, True), (target, False)):
            if encrypted:
                end = self._scene.add(Tls(end, server=server, key=self._key)).inside
            legs.append(self._scene.add(_Leg(end, self, server, legs, ready)))
        ready.set()
        return legs


def own_key(middle, _, line):
    """What a middle must change so that its own key is believed."""
    if not line.startswith("/hello "):
        return line
    return re.sub(" (node|key)=[a-z2-7]{52}", rf" \1={middle.fingerprint}", line)


class Relay:
    """Passes bytes on. change(number, to_target, bytes) gives what is passed instead; None ends
    both sides, by a FIN. sent, got: all bytes that the dialers and the target have sent, by the
    number of the connection."""

    def __init__(self, target, change=None, port=0):
        self._target, self._change = target, change or (lambda number, to_target, data: data)
        self.sent, self.got = [], []
        self._pairs = []
        self._listener = Listener(port=port, label="relay", accepted=self._take)
        self.address = self._listener.address
        self.connections = self._listener.connections

    def _take(self, sock):
        pair = (sock, connect(self._target))
        for end in pair:
            end.settimeout(None)
        self._pairs.append(pair)
        self.sent.append(bytearray())
        self.got.append(bytearray())
        for to_target in (True, False):
            threading.Thread(target=self._pass, args=(len(self._pairs) - 1, to_target),
                             daemon=True).start()
        return sock

    def _pass(self, number, to_target):
        here, there = self._pairs[number] if to_target else reversed(self._pairs[number])
        record = (self.sent if to_target else self.got)[number]
        try:
            while data := here.recv(CHUNK):
                record += data
                data = self._change(number, to_target, data)
                if data is None:
                    break
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)
            if data is None:
                here.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def cut(self):
        """Ends every connection, without a word inside TLS."""
        for end in (end for pair in self._pairs for end in pair):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._listener.close_listener()
        self.cut()
        for end in (end for pair in self._pairs for end in pair):
            end.close()
