# SPDX-License-Identifier: GPL-3.0-or-later
"""A pseudo-terminal for some descriptors of a node, where no more than rows is wanted to be seen.

Knows carriage returns and line feeds, no escape sequences; tests/lib/screen.c knows those.
"""

import fcntl
import os
import struct
import termios
import threading

from .process import decode
from .waiting import Log


class Terminal:
    def __init__(self, columns=100):
        self._master, self._slave = os.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self._path = os.ttyname(self._slave)
        self._parts = Log("terminal")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            while data := os.read(self._master, 65536):
                self._parts.add(decode(data))
        except OSError:
            pass
        self._parts.close()

    def within(self, *descriptors):
        """Words that run a command with these descriptors on the terminal, which is its own."""
        to = " ".join(f"{fd}{'<' if fd == 0 else '>'}{self._path}" for fd in descriptors)
        return ["sh", "-c", f'exec "$@" {to}', "sh"]

    def type(self, keys):
        os.write(self._master, keys.encode())

    def text(self):
        """All that was written to it, as it came."""
        return "".join(self._parts.items())

    def rows(self):
        """What a person sees."""
        rows, at = [""], 0
        for char in self.text():
            if char == "\r":
                at = 0
            elif char == "\n":
                rows.append("")
            else:
                rows[-1] = rows[-1][:at].ljust(at) + char + rows[-1][at + 1:]
                at += 1
        return [row.rstrip() for row in rows]

    def close(self):
        os.close(self._slave)
        self._thread.join(2)
        os.close(self._master)
