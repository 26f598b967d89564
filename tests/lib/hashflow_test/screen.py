# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen, and a window with one: a pseudo-terminal with a program in it.

The screen knows what line editors and coloured lines use of a terminal, and refuses everything
else: better no screen than a wrong one. Knows nothing of hashflow.
"""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from .process import CHUNK, encode, write_all
from .waiting import DEADLINE, Timeout, wait_ready, wait_until

#: Styles by their SGR number; a style of a cell is a tuple of them.
STYLES = {1: "bold", 2: "dim", 31: "red"}
PIECE = re.compile(r"\x1b\[(?P<values>[?0-9;]*)(?P<action>[A-Za-z@])"
                   r"|(?P<keypad>\x1b[=>])|(?P<control>[\x00-\x1f])|(?P<text>[^\x00-\x1f]+)")
UNFINISHED = re.compile(r"\x1b(\[[?0-9;]*)?")
BLANK = (" ", ())
ROWS = 50
CLOSE_SECONDS = 2


class Screen:
    """Rows of cells, a cell being a character and its style; grows downwards without end."""

    def __init__(self, columns):
        self.columns = columns
        self.rows = [[]]
        self.row = self.column = 0
        self._style = ()
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._rest = ""

    def feed(self, data):
        """Shows bytes, which may end anywhere."""
        text, at = self._rest + self._decode(data), 0
        while at < len(text) and not UNFINISHED.fullmatch(text, at):
            piece = PIECE.match(text, at)
            assert piece, f"not known to this screen: {text[at:at + 20]!r}"
            self._obey(piece)
            at = piece.end()
        self._rest = text[at:]

    def _obey(self, piece):
        if piece["text"]:
            self._print(piece["text"])
        elif piece["control"]:
            self._control(piece["control"])
        elif piece["action"] and not piece["values"].startswith("?"):
            action = self._ACTIONS.get(piece["action"])
            assert action, f"not known to this screen: {piece[0]!r}"
            action(self, [int(value or 0) for value in piece["values"].split(";")])

    def _print(self, text):
        cells = self.rows[self.row]
        cells += [BLANK] * (self.column - len(cells))
        cells[self.column:self.column + len(text)] = [(char, self._style) for char in text]
        self.column += len(text)
        assert self.column < self.columns, f"wider than {self.columns}: {self.line(self.row)!r}"

    def _control(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self._move(1, 0)
        elif char == "\b":
            self._move(0, -1)
        else:
            assert char == "\a", f"not known to this screen: {char!r}"

    def _move(self, down, right):
        self.row = max(0, self.row + down)
        self.column = min(max(0, self.column + right), self.columns - 1)
        self.rows += [[] for _ in range(self.row + 1 - len(self.rows))]

    def _erase_line(self, values):
        assert values == [0], "only what is right of the cursor can be erased"
        del self.rows[self.row][self.column:]

    def _erase_below(self, values):
        self._erase_line(values)
        del self.rows[self.row + 1:]

    def _delete(self, values):
        del self.rows[self.row][self.column:self.column + (values[0] or 1)]

    def _insert(self, values):
        self.rows[self.row][self.column:self.column] = [BLANK] * (values[0] or 1)

    def _set_style(self, values):
        for value in values:
            self._style = (*self._style, STYLES[value]) if value else ()

    _ACTIONS = {
        "A": lambda self, values: self._move(-(values[0] or 1), 0),
        "B": lambda self, values: self._move(values[0] or 1, 0),
        "C": lambda self, values: self._move(0, values[0] or 1),
        "D": lambda self, values: self._move(0, -(values[0] or 1)),
        "J": _erase_below, "K": _erase_line, "P": _delete, "@": _insert, "m": _set_style,
    }

    # ---- what it shows

    def line(self, row):
        return "".join(char for char, _ in self.rows[row])

    def lines(self):
        return [self.line(row) for row in range(len(self.rows))]


class Window:
    """A program, usually a shell, that has a terminal to itself."""

    def __init__(self, argv, columns, env, cwd):
        self.screen = Screen(columns)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", ROWS, columns, 0, 0))
        self._program = subprocess.Popen(["setsid", "-c", *argv], stdin=slave, stdout=slave,
                                         stderr=slave, env=env, cwd=cwd)
        os.close(slave)

    def type(self, keys):
        write_all(self._master, encode(keys))

    def until(self, holds, what, timeout=DEADLINE):
        """Takes in what is printed until holds(lines) is true."""
        end = time.monotonic() + timeout
        while not holds(self.screen.lines()):
            ready = wait_ready(select.POLLIN, end - time.monotonic(), self._master)
            data = self._read() if ready else b""
            if not data:
                raise Timeout("\n".join([f"not shown: {what}", *self.screen.lines()]))
            self.screen.feed(data)

    def _read(self):
        """What is there now; nothing at the end."""
        try:
            return os.read(self._master, CHUNK)
        except OSError:
            return b""

    def shows(self, text, timeout=DEADLINE):
        """Waits until a line ends with the text."""
        self.until(lambda lines: any(line.endswith(text) for line in lines), text, timeout)

    def prompts(self, prompt, timeout=DEADLINE):
        """Waits until nothing but this stands in the last line."""
        self.until(lambda lines: lines[-1] == prompt, f"the prompt {prompt!r}", timeout)

    def edits_lines(self):
        """Waits until the program leaves that to the terminal, as shells do before they run one."""
        wait_until(lambda: termios.tcgetattr(self._master)[3] & termios.ICANON, "lines are edited")

    def close(self):
        """Hangs up, as when a window is closed, and waits for the leader of the session."""
        os.close(self._master)
        try:
            self._program.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()
