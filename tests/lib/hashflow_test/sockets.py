# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain sockets: what a person with nc, a stranger's service or a broken peer does on a connection.

Knows addresses and bytes, no dialect.
"""

import os
import random
import re
import select
import socket
import struct
import threading

from .process import decode, encode
from .tap import Skip
from .waiting import DEADLINE, Log, Timeout, wait_ready

CHUNK = 1 << 18


def split_address(address):
    """("host", port) from IP:PORT or [IP]:PORT."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def join_address(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _name(of_socket):
    """What a socket is called: IP:PORT, or the path of a UNIX one."""
    return of_socket if isinstance(of_socket, str) else join_address(*of_socket[:2])


def connect(address, source=None, timeout=DEADLINE):
    """A connected socket; leaves from the IP `source` if one is given."""
    where = (source, 0) if source else None
    return socket.create_connection(split_address(address), timeout, source_address=where)


def listen(ip="127.0.0.1", port=0, backlog=64):
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((ip, port))
    server.listen(backlog)
    return server


def free_port():
    """A port nobody listens on, below the range the kernel picks from, so that it stays free."""
    pick = random.Random(os.urandom(8))
    while True:
        port = pick.randrange(10000, 32000)
        try:
            for family, any_ip in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                with socket.socket(family, socket.SOCK_STREAM) as probe:
                    if family == socket.AF_INET6:
                        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    probe.bind((any_ip, port))
        except OSError:
            continue
        return port


def reset(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def needs_ipv6():
    """Skips the test where there is no ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        raise Skip(f"no IPv6 here: {error}") from None


def dead_address(ip="127.0.0.1"):
    """An address where every dial is refused."""
    return join_address(ip, free_port())


def send_once(address, data, source=None, timeout=DEADLINE):
    """One connection with these bytes, our end of it, and whatever came back until the other's."""
    with connect(address, source, timeout) as sock:
        try:
            sock.sendall(encode(data))
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            # The other side has closed already, as one that takes a single recv does.
            pass
        return read_to_end(sock, timeout)


def push(address, data, source=None):
    """One connection with these bytes, closed at once."""
    with connect(address, source) as sock:
        sock.sendall(encode(data))


def read_to_end(sock, timeout=DEADLINE):
    """All bytes until EOF or reset."""
    sock.settimeout(timeout)
    data = b""
    try:
        while part := sock.recv(CHUNK):
            data += part
    except ConnectionError:
        pass
    except TimeoutError:
        raise Timeout(f"no end of the connection in {timeout:g} s; got {data[:200]!r}") from None
    return data


class Connection:
    """One connection, read all the time: its lines, its raw bytes, and how it ended.

    ended: None while open, then "eof" or "reset", or "closed" by ourselves."""

    def __init__(self, sock, label="connection"):
        self.sock = sock
        self.sock.settimeout(None)
        self.label = label
        self.lines = Log(f"lines on {label}")
        self.raw = bytearray()
        self.ended = None
        self.local, self.remote = _name(sock.getsockname()), _name(sock.getpeername())
        self._writing = threading.Lock()
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _receive(self):
        """The next bytes; none, with the reason in `ended`, at the end or when we are to close."""
        try:
            ready = wait_ready(select.POLLIN, None, self.sock.fileno(), self._wake)
            data = b"" if self._wake in ready else self.sock.recv(CHUNK)
            self.ended = None if data else "closed" if self._wake in ready else "eof"
        except OSError:
            self.ended, data = "reset", b""
        return data

    def _read(self):
        rest = b""
        while data := self._receive():
            self.raw += data
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.on_line(decode(line))
            self.on_pause()
        self.lines.close()

    def on_line(self, line):
        self.lines.add(line)

    def on_pause(self):
        """All lines of a read have been seen."""

    def offer(self, data, patience):
        """Writes until nothing has been taken for so long; returns how many bytes were."""
        view = memoryview(data)
        with self._writing:
            while view and wait_ready(select.POLLOUT, patience, self.sock.fileno()):
                view = view[self.sock.send(view[:65536], socket.MSG_DONTWAIT):]
        return len(data) - len(view)

    def write(self, data, timeout=DEADLINE):
        data = encode(data)
        left = len(data) - self.offer(data, timeout)
        if left:
            raise Timeout(f"{left} bytes not taken by {self.label} in {timeout:g} s")

    def send(self, *lines):
        self.write(b"".join(encode(line) + b"\n" for line in lines))

    def expect(self, wanted, timeout=DEADLINE, since=0):
        return self.lines.wait(wanted, timeout, since)

    def expect_line(self, pattern, timeout=DEADLINE, since=0):
        """The match of the first line that matches the whole pattern."""
        whole = re.compile(pattern, re.S)
        return whole.fullmatch(self.lines.wait(re.compile(f"^(?:{pattern})$", re.S), timeout,
                                               since))

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def wait_end(self, timeout=DEADLINE):
        """Waits until the other side has ended the connection; "eof" or "reset"."""
        self.lines.wait_closed(timeout)
        return self.ended

    @property
    def open(self):
        return self.ended is None

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        """Closes; with a FIN, unless unread bytes make it a reset."""
        if self._waker is None:
            return
        if self._writing.locked():
            # Somebody still writes what nobody takes: that ends now.
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        os.write(self._waker, b"x")
        self._thread.join(2)
        os.close(self._waker)
        os.close(self._wake)
        self._waker = None
        self.sock.close()


class Listener:
    """A listening socket; every connection is made by `accepted(sock)` and kept in order.

    Never answers by itself."""

    def __init__(self, ip="127.0.0.1", port=0, label="listener", accepted=None):
        self.label = label
        self.connections = Log(f"connections to {label}")
        self._make = accepted or (lambda sock: Connection(sock, f"connection to {label}"))
        self._server = listen(ip, port)
        self.address = join_address(*self._server.getsockname()[:2])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            self.connections.add(self._make(sock))

    def connection(self, number=0, timeout=DEADLINE):
        """The connection with this number, as soon as it is there."""
        return self.connections.wait_count(number + 1, timeout)[number]

    def close_listener(self):
        try:
            self._server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(2)
        self._server.close()

    def close(self):
        self.close_listener()
        for connection in self.connections.items():
            close = getattr(connection, "close", None)
            if close:
                close()
