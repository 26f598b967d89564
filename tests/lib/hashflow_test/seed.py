# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the program that hashflow grew out of, with its faults: it must not be improved.

One connection is one message, received with one recv(1024); the address in a message is where its
sender listens; whoever says `exit` is removed and that is told to everyone connected, in his name.
"""

import collections
import os
import socket
import threading

from .sockets import connect, join_address, listen, split_address
from .waiting import DEADLINE, Log

#: One message. raw: the bytes of the one recv. more: what came on that connection after it.
Received = collections.namedtuple("Received", "address name text raw more")


class SeedPeer:
    """received: every message in order. malformed: the bytes of what did not parse.

    directory: address -> [name, connected]. thorough: goes on reading after the one recv, as some
    programs of the family do, so that a test sees what else was sent on the connection."""

    def __init__(self, name="seed", ip="127.0.0.1", port=0, hello_to=(), thorough=False):
        self.name = name
        self.thorough = thorough
        self.received, self.malformed = Log(f"messages to {name}"), Log(f"garbage to {name}")
        self.failures = Log(f"failed dials of {name}")
        self.directory = {}
        self._lock = threading.Lock()
        self._loose = None
        self._closing = False
        self._server = listen(ip, port, 5)
        self.address = join_address(*self._server.getsockname()[:2])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        for address in hello_to:
            self._transmit(address, "hello")

    # ---- the listener thread

    def _serve(self):
        while not self._closing:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            try:
                self._take(sock)
            except (ValueError, OSError):
                # Nobody closes it: it stays until the next connection takes its variable.
                self._loose = sock

    def _take(self, sock):
        sock.settimeout(DEADLINE)
        raw = sock.recv(1024)
        if self._closing:
            return
        more = self._rest(sock) if self.thorough else b""
        try:
            address, name, text = raw.decode("utf-8").split(" ", 2)
            split_address(address)
        except ValueError:
            self.malformed.add(raw)
            raise
        sock.close()
        self._note(address, name, text)
        self.received.add(Received(address, name, text, raw, more))

    @staticmethod
    def _rest(sock):
        more = b""
        sock.shutdown(socket.SHUT_WR)
        while part := sock.recv(1024):
            more += part
        return more

    def _note(self, address, name, text):
        if text.lower() == "exit":
            with self._lock:
                self.directory.pop(address, None)
                others = [a for a, (_, connected) in self.directory.items() if connected]
            for other in others:
                if other != address:
                    self._dial(other, f"{address} {name} exit")
            return
        with self._lock:
            if address not in self.directory:
                self.directory[address] = [name, False]

    # ---- sending

    def _dial(self, address, message):
        try:
            with connect(address) as sock:
                sock.sendall(message.encode())
        except OSError as error:
            self.failures.add((address, str(error)))

    def _transmit(self, address, text):
        self._dial(address, f"{self.address} {self.name} {text}")

    # ---- the menu

    def send(self, address, text):
        """1: a message to one peer."""
        self._transmit(address, text)

    def list(self):
        """2: everyone known: (address, name, connected)."""
        with self._lock:
            return [(address, *entry) for address, entry in self.directory.items()]

    def connect_all(self):
        """3: says Connected to everyone known who is not yet connected."""
        for address, _, connected in self.list():
            if not connected:
                self._transmit(address, "Connected")
                with self._lock:
                    if address in self.directory:
                        self.directory[address][1] = True

    def broadcast(self, text):
        """4: to everyone known."""
        for address, _, _ in self.list():
            self._transmit(address, text)

    def disconnect(self, address):
        """5: forgets a connection and tells nobody."""
        with self._lock:
            self.directory[address][1] = False

    def exit(self):
        """6: says exit to everyone known and ends."""
        self.broadcast("exit")
        self.close()

    def probe(self, address):
        """The liveness probe, with the receiver's own address as the sender's."""
        self._dial(address, f"{address} {self.name} PING")

    # ---- for tests

    def knows(self, address, name="?"):
        """As if this peer had once spoken."""
        with self._lock:
            self.directory[address] = [name, False]

    def hears(self, text, name=None, timeout=DEADLINE, since=0):
        """Waits for a message with this text."""
        def wanted(message):
            return message.text == text and name in (None, message.name)
        wanted.__doc__ = f"message {text!r}"
        return self.received.wait(wanted, timeout, since)

    def texts(self):
        return [message.text for message in self.received.items()]

    def close(self):
        if self._closing:
            return
        self._closing = True
        try:
            self._server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(2)
        self._server.close()
        if self._loose:
            self._loose.close()


def check_manners(seed, sender, greetings=1):
    """Raises if anything but whole messages of the original form came from the node `sender`."""
    assert len(seed.malformed) == 0, f"not a message: {seed.malformed.items()}"
    own = [message for message in seed.received.items() if message.address == sender]
    said = [message for message in own if message.text == "Connected\n"]
    assert len(said) <= greetings, f"{len(said)} greetings in {greetings} run(s)"
    for message in own:
        assert len(message.raw) <= 1024, f"a message of {len(message.raw)} bytes"
        assert not message.more, f"more bytes on one connection: {message.more!r}"
        if message.text != "Connected\n":
            assert b"\n" not in message.raw, f"a newline in {message.raw!r}"
    return own


def unique_ip():
    """A loopback address that no other test uses at the same time, nearly surely."""
    a, b, c = os.urandom(3)
    return f"127.{a % 253 + 1}.{b}.{c % 253 + 1}"
