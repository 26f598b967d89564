# SPDX-License-Identifier: GPL-3.0-or-later
"""What one test has around it: a private folder, its nodes and peers, and their end.

Everything made through the scene is closed with it, whatever happened.
"""

import os
import shutil
import signal
import tempfile
import time

from . import tap
from .control import Control, dial_control
from .node import BINARY, Node
from .process import Process
from .seed import SeedPeer
from .session import SessionListener, dial_session
from .sockets import Connection, Listener, connect, free_port
from .waiting import wait_until

#: Seconds for nodes to leave at the end of a test, where leaks are looked for; else they are killed.
LEAVE_SECONDS = float(os.environ.get("HASHFLOW_LEAVE_SECONDS", "0"))


class Scene:
    def __init__(self, title):
        self.title = title
        self.dir = tempfile.mkdtemp(prefix="hashflow-")
        self.nodes = []
        self._parts = []
        self._homes = 0

    def path(self, name):
        return os.path.join(self.dir, name)

    def home(self):
        """A new private HOME."""
        self._homes += 1
        path = self.path(f"home{self._homes}")
        os.makedirs(path)
        return path

    def add(self, part):
        """Takes anything with a close()."""
        self._parts.append(part)
        return part

    def node(self, label, *options, home=None, **more):
        """Starts hashflow; see Node. A home of its own unless one is given."""
        node = Node.__new__(Node)
        # Known to the scene before it starts: a node that is never ready is closed too.
        self.nodes.append(node)
        node.__init__(label, *options, home=home or self.home(), **more)
        return node

    def run(self, label, *options, stdin=b"", **more):
        """Starts hashflow without a ready signal and returns it ended. stdin: bytes, given whole,
        or what Process takes."""
        piped = isinstance(stdin, bytes)
        node = self.node(label, *options, ready=False, stdin="pipe" if piped else stdin, **more)
        if piped:
            try:
                node.write(stdin)
            except BrokenPipeError:
                pass
        node.finish()
        return node

    def process(self, *argv, **more):
        """Starts another program."""
        return self.add(Process([str(word) for word in argv], cwd=self.dir, **more))

    def seed(self, name="seed", **more):
        return self.add(SeedPeer(name, **more))

    def session(self, node, name="script", **more):
        """A session that we dialled."""
        return self.add(dial_session(node.address, name, **more))

    def session_listener(self, name="script", **more):
        return self.add(SessionListener(name, **more))

    def client(self, node, source=None):
        """A plain connection to a node, read all the time."""
        return self.add(Connection(connect(node.address, source), "plain client"))

    def control(self, folder):
        """A connection to the control socket of the node whose state is in the folder."""
        return self.add(Control(dial_control(folder), "control client"))

    def listener(self, **more):
        return self.add(Listener(**more))

    @staticmethod
    def ports(number):
        """Different ports that are free now and that the kernel gives to nobody."""
        found = set()
        while len(found) < number:
            found.add(free_port())
        return list(found)

    @staticmethod
    def until_size(path, size):
        """Waits until a file holds at least so many bytes, as long as it grows."""
        seen = -1
        while seen < size:
            wait_until(lambda: os.path.getsize(path) > seen,
                       f"{path} grows beyond {seen} of {size} bytes")
            seen = os.path.getsize(path)

    # ---- the end

    def leave(self):
        """What was never freed is found only in nodes that end by themselves: asks them to."""
        end = time.monotonic() + LEAVE_SECONDS
        running = [node for node in self.nodes if hasattr(node, "_popen") and node.running]
        for node in running:
            node.signal(signal.SIGTERM)
            node.resume()
        for node in running:
            try:
                node.wait(max(0, end - time.monotonic()))
            except AssertionError:
                continue

    def verify(self):
        """Raises if a run showed what none may show."""
        if LEAVE_SECONDS:
            self.leave()
        found = [f"{node.label}: {flaw}" for node in self.nodes for flaw in node.flaws()]
        assert not found, "\n".join(found[:10])

    def transcript(self):
        lines = []
        for node in self.nodes:
            if not hasattr(node, "out"):
                continue
            state = "running" if node.running else "ended"
            lines.append(f"--- {node.label} ({state}, {getattr(node, 'address', None)})")
            for mark, log in (("out", node.out), ("err", node.err)):
                items = log.items()
                shown = items if len(items) <= 40 else items[:15] + ["..."] + items[-25:]
                lines += [f"{mark}: {line[:300]}" for line in shown]
        return lines

    def close(self):
        for node in self.nodes:
            if hasattr(node, "_popen"):
                node.close()
        for part in reversed(self._parts):
            part.close()
        self.nodes, self._parts = [], []
        shutil.rmtree(self.dir, ignore_errors=True)


def main(workers=3, needs_program=True):
    """Runs the file's tests; the whole file is skipped where there is no program to test."""
    if needs_program and not os.access(BINARY, os.X_OK):
        tap.skip_all(f"no program at {BINARY}; set HASHFLOW")
    tap.main(Scene, workers)
