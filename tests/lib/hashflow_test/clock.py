# SPDX-License-Identifier: GPL-3.0-or-later
"""A wall clock that is wrong, for one node; skipped where faketime is missing."""

import shutil
import subprocess

from .node import has_sanitizer
from .tap import Skip


class FakeClock:
    """A wall clock for one node; the monotonic one stays true."""

    def __init__(self, scene, offset="+0"):
        if not shutil.which("faketime"):
            raise Skip("faketime is missing")
        if has_sanitizer():
            raise Skip("faketime and a sanitizer both want to be loaded first")
        self._path = scene.path("clock")
        self.set(offset)
        asked = subprocess.run(["faketime", "-f", "+0", "sh", "-c", "echo $LD_PRELOAD"],
                               capture_output=True, text=True, timeout=20, check=True)
        self.env = {"LD_PRELOAD": asked.stdout.strip(), "FAKETIME_TIMESTAMP_FILE": self._path,
                    "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                    "DONT_FAKE_MONOTONIC": "1"}

    def set(self, offset):
        with open(self._path, "w", encoding="ascii") as file:
            file.write(f"{offset}\n")

    def shown_by(self, node, address):
        """When a node says it has seen a peer."""
        return node.peers()[address].seen
