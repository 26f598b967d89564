# SPDX-License-Identifier: GPL-3.0-or-later
"""A link between a dialer and a listener that can be cut and counted.

One thread, plain TCP; knows no dialect.
"""

import select
import socket
import struct
import threading

from .sockets import join_address, listen, split_address
from .waiting import wait_until

CHUNK = 1 << 16
RESET = struct.pack("ii", 1, 0)


class _Pair:
    """Two connected sockets, and what is on its way from the one to the other."""

    def __init__(self, client, server, seen):
        self.ends = (client, server)
        self.seen = seen
        self.held = {client: b"", server: b""}

    def other(self, sock):
        return self.ends[1] if sock is self.ends[0] else self.ends[0]

    def move(self, readable, writable):
        """False when the pair has ended."""
        try:
            for sock in self.ends:
                if sock in readable and not self.held[sock]:
                    self.held[sock] = sock.recv(CHUNK)
                    self.seen += self.held[sock]
                    if not self.held[sock]:
                        return False
                other = self.other(sock)
                if self.held[sock] and (other in writable or sock in readable):
                    self.held[sock] = self.held[sock][other.send(self.held[sock]):]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def close(self, reset):
        for sock in self.ends:
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()


class Proxy:
    """Listens at `address` and passes every connection on to the target. seen: every byte."""

    def __init__(self, target, ip="127.0.0.1"):
        self._target = split_address(target)
        self._server = listen(ip)
        self.address = join_address(*self._server.getsockname()[:2])
        self.opened = 0
        self.seen = bytearray()
        self._cut = self._closing = False
        self._pairs = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self):
        """Resets both ends of every connection; what was on its way is lost."""
        self._cut = True
        wait_until(lambda: not self._cut, "the connections are cut")

    def _accept(self):
        client, _ = self._server.accept()
        try:
            server = socket.create_connection(self._target, 5)
        except OSError:
            client.close()
            return
        for sock in (client, server):
            sock.setblocking(False)
        self._pairs.append(_Pair(client, server, self.seen))
        self.opened += 1

    def _run(self):
        while not self._closing:
            readers = [self._server]
            writers = []
            for pair in self._pairs:
                for sock in pair.ends:
                    readers += [] if pair.held[sock] else [sock]
                    writers += [pair.other(sock)] if pair.held[sock] else []
            readable, writable, _ = select.select(readers, writers, [], 0.02)
            if self._cut:
                self._drop(self._pairs, True)
                self._cut = False
                continue
            if self._server in readable:
                self._accept()
            self._drop([pair for pair in self._pairs if not pair.move(readable, writable)])
        self._drop(self._pairs)

    def _drop(self, pairs, reset=False):
        for pair in list(pairs):
            pair.close(reset)
            self._pairs.remove(pair)

    def close(self):
        self._closing = True
        self._thread.join(5)
        self._server.close()
