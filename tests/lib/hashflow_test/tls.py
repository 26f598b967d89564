# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers inside TLS, driven by hand: with a key of their own, with somebody's certificate, with
proofs right and wrong.

The TLS itself is done by tests/tools/tlspipe; a proof is computed here, as the manual has it.
"""

import base64
import hashlib
import hmac
import os
import re
import socket
import ssl

from .node import ROOT
from .process import Process
from .session import HELLO, Identity, SessionConnection, keys
from .sockets import Listener, connect
from .tap import Skip
from .waiting import DEADLINE

TOOL = os.environ.get("HASHFLOW_TLSPIPE") or os.path.join(ROOT, "tests", "tools", "tlspipe")
FIRST_BYTE = b"\x16"


def base32(data):
    return base64.b32encode(data).decode().rstrip("=").lower()


def unbase32(text):
    return base64.b32decode(text.upper() + "=" * (-len(text) % 8))


def make_proof(secret, kind, role, dialer, listener, exporter):
    """kind: "group" or "invitation"; role: "dial" or "answer"; dialer, listener: fingerprints."""
    words = "".join(f"{word}\0" for word in ("hashflow/1", kind, role)).encode()
    said = words + unbase32(dialer) + unbase32(listener) + exporter
    return base32(hmac.new(secret, said, hashlib.sha256).digest())


def write_group(folder, *secrets):
    """Makes the folder's node a member. Before it starts."""
    os.makedirs(folder, 0o700, exist_ok=True)
    with open(os.open(os.path.join(folder, "group"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
              "w", encoding="ascii") as file:
        file.writelines(f"{base32(secret)}\n" for secret in secrets)


class Tls(Process):
    """Encrypts a connected socket, which it takes; `inside` is a socket with what passes in the
    clear. key: a file, made if it is not there; else nobody keeps it."""

    def __init__(self, sock, *options, server=False, key=None):
        if not os.access(TOOL, os.X_OK):
            raise Skip(f"no tool at {TOOL}")
        words = [*(["-s"] if server else []), *(["-k", key] if key else []), *map(str, options)]
        self.inside, theirs = socket.socketpair()
        sock.settimeout(None)
        with sock, theirs:
            super().__init__([TOOL, *words, str(sock.fileno())], stdin=theirs.fileno(),
                             stdout=theirs.fileno(), pass_fds=(sock.fileno(),))

    def _told(self, what, timeout=DEADLINE):
        line = self.err.wait(re.compile(f"^({what} |failed )"), timeout)
        assert line.startswith(what), line
        return bytes.fromhex(line.split(" ")[1])

    @property
    def own(self):
        """The fingerprint of the certificate that we show."""
        return base32(self._told("own"))

    @property
    def peer(self):
        return base32(self._told("peer"))

    @property
    def exporter(self):
        return self._told("exporter")

    @property
    def has_shaken(self):
        return any(line.startswith("exporter ") for line in self.err.items())


def make_key(path, *options):
    """A key in a new file; returns its fingerprint."""
    here, there = socket.socketpair()
    tls = Tls(here, *options, key=path)
    try:
        return tls.own
    finally:
        there.close()
        tls.close()


class TlsSession(SessionConnection):
    """Inside a Tls; says nothing by itself before it is told to say /hello."""

    def __init__(self, tls, identity, dials, **more):
        self.tls, self.dials = tls, dials
        identity.node = identity.claim or tls.own
        super().__init__(tls.inside, identity, **more)

    def proof(self, secret, kind="group", role=None, exporter=None):
        """Ours, on this connection, unless told otherwise."""
        ends = (self.tls.own, self.tls.peer)
        dialer, listener = ends if self.dials else reversed(ends)
        return make_proof(secret, kind, role or ("dial" if self.dials else "answer"), dialer,
                          listener, exporter or self.tls.exporter)

    def say_hello(self, secret=None, extra=""):
        said = f" proof={self.proof(secret)}" if secret else ""
        self.send(self.identity.hello(said + extra))

    def attempt(self, *lines):
        """Says what may find nobody any more."""
        try:
            self.send(*lines)
        except OSError:
            pass

    def enter(self, secret=None, extra="", timeout=DEADLINE):
        """Dials in: says /hello, and waits for theirs. Returns its keys."""
        self.say_hello(secret, extra)
        return keys(self.expect_line(HELLO, timeout).group())

    def refused(self, code, timeout=DEADLINE):
        """Waits for the refusal and the end; nothing else may have been said."""
        self.expect(re.compile(f"^/error {code} "), timeout)
        self.wait_end(timeout)
        assert len(self.lines) == 1, self.lines.items()

    def close(self):
        super().close()
        self.tls.close()


class Stranger(Identity):
    """Somebody with a key: its node id is its fingerprint, unless it claims another."""

    def __init__(self, name="mallory", address="127.0.0.1:9", claim=None, **more):
        self.claim = claim
        super().__init__(name, address, **more)


def dial_tls(scene, address, *options, identity=None, key=None, source=None, **more):
    """A connection from a stranger who has said nothing yet."""
    tls = scene.add(Tls(connect(address, source), *options, key=key))
    return scene.add(TlsSession(tls, identity or Stranger(), True, **more))


def tls_client(scene):
    """A context of Python's own, with a key of its own: for many connections, without exporters."""
    key, certificate = scene.path("client.pem"), scene.path("client.crt")
    make_key(key, "-o", certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["hashflow/1"])
    context.load_cert_chain(certificate, key)
    return context


def client_hello(context):
    """The first bytes of a handshake."""
    said = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), said).do_handshake()
    except ssl.SSLWantReadError:
        return said.read()
    raise AssertionError("a handshake with nobody")


def is_encrypted(sock):
    """Looks at what comes first."""
    return sock.recv(1, socket.MSG_PEEK) == FIRST_BYTE


class TlsListener(Listener):
    """A stranger that is dialled: connections are TlsSessions or, where the other side begins in
    plain text, SessionConnections. It answers nothing by itself."""

    def __init__(self, *options, identity=None, key=None, port=0, **more):
        self.identity = identity or Stranger()
        self._tls = lambda sock: Tls(sock, *options, server=True, key=key)
        self._more = more
        super().__init__("127.0.0.1", port, self.identity.name, self._take)
        self.identity.address = self.address

    def _take(self, sock):
        if is_encrypted(sock):
            return TlsSession(self._tls(sock), self.identity, False, **self._more)
        return SessionConnection(sock, self.identity, **self._more)

    def answers(self, number=0, secret=None, timeout=DEADLINE):
        """Waits for the /hello on that connection and answers it. Returns the connection."""
        session = self.connection(number, timeout)
        session.expect_line(HELLO, timeout)
        session.say_hello(secret)
        return session
