# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes with a control socket, and clients of it, driven by hand: what nc -U does."""

import itertools
import os
import re
import socket

from .sockets import Connection
from .waiting import DEADLINE, wait_until

_tokens = itertools.count(1)


def with_state(scene, label, *options, **more):
    """A node with a state folder, and that folder."""
    folder = scene.path(f"{label}.state")
    return scene.node(label, "--state", folder, *options, **more), folder


def pair(scene, *options):
    """alice with a state folder, connected with bob."""
    alice, folder = with_state(scene, "alice", *options)
    bob = scene.node("bob")
    alice.connect(bob.address)
    return alice, folder, bob


def dial_control(folder):
    """A connected socket; the folder's path may be of any length."""
    path = os.path.join(folder, "control")
    wait_until(lambda: os.path.exists(path), f"{path} is there")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sock.connect(f"/proc/self/fd/{at}/control")
    finally:
        os.close(at)
    return sock


class Control(Connection):
    def sync(self, timeout=DEADLINE):
        """Waits until everything that was sent has been answered."""
        token = f"sync-{next(_tokens)}"
        self.send(f"/echo {token}")
        self.expect(re.compile(rf"^(/echo|\|) {token}$"), timeout)

    def ask(self, *lines):
        """What has come from the lines up to their answers, this client's own and news."""
        before = len(self.lines)
        self.send(*lines)
        self.sync()
        return self.lines.items(before)[:-1]

    def complains(self, pattern, timeout=DEADLINE):
        return self.expect(re.compile(f"^! .*{pattern}"), timeout)

    def finish(self, timeout=DEADLINE):
        """Ends our side; returns the status of the last line, None if there is none."""
        self.half_close()
        return self.outcome(timeout)

    def outcome(self, timeout=DEADLINE):
        self.wait_end(timeout)
        last = self.lines.items()[-1:]
        found = re.fullmatch("/detach ([0-9]+)", last[0]) if last else None
        return int(found[1]) if found else None
