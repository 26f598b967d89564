# SPDX-License-Identifier: GPL-3.0-or-later
"""A running hashflow, seen from outside: its options, its ready signal, its stdout grammar."""

import collections
import itertools
import os
import re
import select
import signal

from .process import UNENDED, Process, decode
from .tap import Skip
from .waiting import DEADLINE, Timeout, describe, matcher, wait_ready

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BINARY = os.path.abspath(os.environ.get("HASHFLOW") or os.path.join(ROOT, "src", "hashflow"))

#: What a test inherits of the caller's environment: nothing that could change how we behave.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TMPDIR",
             "GCOV_PREFIX", "GCOV_PREFIX_STRIP", "LLVM_PROFILE_FILE")

Message = collections.namedtuple("Message", "address name text id", defaults=[None])
Peer = collections.namedtuple("Peer", "address name dialect state rtt seen key")

MESSAGE = re.compile(r"(\S+) (\S+) (.*)", re.S)
#: The same with --ids: NODE.EPOCH.SEQ, or - where a line has no number.
ID = r"[a-z0-9]{1,64}\.[0-9]+\.[0-9]+|-"
MESSAGE_WITH_ID = re.compile(rf"(?P<address>\S+) (?P<name>\S+) (?P<id>{ID}) (?P<text>.*)", re.S)
#: What is no complaint: where it listens, and whose key it has seen for the first time.
NOTICE = re.compile(r"hashflow: (listening on |\S+ \S+: first contact, )")
#: What a stdout line may be: a message, a reply, an event of exactly four words.
LINE = re.compile(r"(\[[0-9a-f:.%\w]+\]|[\d.]+):\d+ \S+ .*|/[a-z]+( .*)?"
                  r"|\* (up|down|suspect|back|unreachable|name) \S+ \S+"
                  rf"|\* (queued|sent|delivered|failed) ({ID}) \S+", re.S)
RECEIPT = re.compile(rf"\* (queued|sent|delivered|failed) ({ID}) (\S+)")
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:")
_tokens = itertools.count(1)


def environment(home):
    """A private, plain environment whose state goes below `home`."""
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    env.update(HOME=home, XDG_STATE_HOME=os.path.join(home, "state"), LC_ALL="C.UTF-8", TERM="dumb")
    return env


def has_sanitizer():
    """Was the program built with one? It needs more memory then."""
    with open(BINARY, "rb") as file:
        return b"__asan_" in file.read()


def needs_readline():
    """Skips the test where lines are typed without it."""
    with open(BINARY, "rb") as file:
        if b"libreadline" not in file.read():
            raise Skip("hashflow was built without readline")


def parse_message(line, ids=False):
    """A Message if this stdout line is one, else None. ids: whether it was printed with --ids."""
    if line[:1].isdigit() or line[:1] == "[":
        if ids:
            found = MESSAGE_WITH_ID.fullmatch(line)
            return Message(**found.groupdict()) if found else None
        found = MESSAGE.fullmatch(line)
        return Message(*found.groups()) if found else None
    return None


def said(text, name=None, ids=False):
    """A predicate on stdout lines: a message with this text (a value or a pattern)."""
    matches = matcher(text)

    def predicate(line):
        message = parse_message(line, ids)
        return message is not None and matches(message.text) and name in (None, message.name)
    predicate.__doc__ = f"message {text!r}"
    return predicate


def read_ready(fd, process, timeout):
    """Reads the one line of the ready descriptor; none means that the start has failed."""
    data = b""
    while not data.endswith(b"\n"):
        if not wait_ready(select.POLLIN, timeout, fd):
            raise Timeout(f"{process.label} was not ready in {timeout:g} s")
        part = os.read(fd, 256)
        if not part:
            status = process.wait(timeout)
            raise AssertionError(f"{process.label} ended with {status} before it was ready: "
                                 f"{process.errors()}")
        data += part
    return decode(data[:-1])


class Node(Process):
    """hashflow with stdin a pipe, unless told otherwise. `address` is what it wrote when ready.

    Without a port among the options it gets -p 0, without a name its label. within: words of a
    command that runs another, as nsenter does; env: what it gets besides environment()."""

    free_form = False

    def __init__(self, label, *options, home, ready=True, ulimit=None, pass_fds=(), within=(),
                 env=None, **pipes):
        argv = [*map(str, within), BINARY, *self._defaults(label, options)]
        ready_end, given_end = os.pipe() if ready else (None, None)
        if ready:
            argv += ["--ready-fd", str(given_end)]
        argv += map(str, options)
        if ulimit is not None:
            argv = ["sh", "-c", f'ulimit -n {ulimit} && exec "$@"', "sh", *argv]
        self.home = home
        self.address = None
        self.ids = "--ids" in options
        try:
            super().__init__(argv, env={**environment(home), **(env or {})}, cwd=home, label=label,
                             pass_fds=(*pass_fds, given_end) if ready else pass_fds, **pipes)
        finally:
            if ready:
                os.close(given_end)
        if ready:
            try:
                self.address = read_ready(ready_end, self, DEADLINE)
            finally:
                os.close(ready_end)

    @staticmethod
    def _defaults(label, options):
        texts = [str(option) for option in options]
        port = any(re.match(r"-[pl]|--(port|listen)", text) for text in texts)
        name = any(re.match(r"-n|--name", text) for text in texts)
        return ([] if port else ["-p", "0"]) + ([] if name else ["-n", label])

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])

    # ---- stdout

    def expect(self, wanted, timeout=DEADLINE, since=0):
        """The first stdout line from `since` on that is wanted (predicate, value or pattern)."""
        return self.out.wait(wanted, timeout, since)

    def hears(self, text, name=None, timeout=DEADLINE):
        """Waits for a message with this text and returns it."""
        return parse_message(self.out.wait(said(text, name, self.ids), timeout), self.ids)

    def messages(self):
        return [m for line in self.out.items() if (m := parse_message(line, self.ids))]

    def texts(self, name=None):
        return [m.text for m in self.messages() if name in (None, m.name)]

    def events(self):
        """What has happened to peers."""
        return [line for line in self.out.items()
                if line.startswith("*") and not RECEIPT.fullmatch(line)]

    def receipts(self, kind=None):
        """What has happened to lines that were sent, as (kind, id, address)."""
        found = map(RECEIPT.fullmatch, self.out.items())
        return [match.groups() for match in found if match and kind in (None, match[1])]

    # ---- stderr, without notices

    def complaints(self):
        return [line for line in self.err.items() if not NOTICE.match(line)]

    def errors(self):
        return "\n".join(self.complaints())

    def complains(self, wanted, timeout=DEADLINE, since=0):
        """Waits for a complaint, which may be looked for from a line of err on."""
        matches = matcher(wanted)

        def complaint(line):
            return not NOTICE.match(line) and matches(line)
        complaint.__doc__ = f"complaint {describe(wanted)}"
        return self.err.wait(complaint, timeout, since)

    # ---- commands

    def sync(self, timeout=DEADLINE):
        """Waits until everything written to stdin so far has been answered."""
        token = f"/echo sync-{next(_tokens)}"
        self.send(token)
        self.expect(token, timeout)

    def ask(self, command, timeout=DEADLINE):
        """Runs a command and returns the lines that answered it."""
        before = len(self.out)
        self.send(command)
        self.sync(timeout)
        verb = command.split()[0]
        return [line for line in self.out.items(before)
                if line.split(" ")[0] == verb and not line.startswith("/echo sync-")]

    def peers(self):
        """The directory by address."""
        rows = [line.split(" ")[1:] for line in self.ask("/peers")]
        for row in rows:
            assert len(row) >= 7, f"/peers line with too few fields: {row}"
        return {row[0]: Peer(*row[:7]) for row in rows}

    def connect(self, *addresses, dialect="session"):
        """/connect, which must succeed with every address as the given dialect."""
        lines = self.ask("/connect " + " ".join(addresses))
        answered = {line.split(" ")[1]: line.split(" ")[3:4] for line in lines}
        for address in addresses:
            assert answered.get(address) == [dialect], f"/connect {address} was answered by {lines}"

    def wait_up(self, number=1, timeout=DEADLINE):
        """Waits until `number` peers are connected."""
        self.send(f"/wait up={number} {int(timeout)}")
        self.sync(timeout + 5)

    # ---- what must hold for every run

    def flaws(self):
        """What no run may show: a sanitizer's report, a foreign line, an end by a fault of its own.

        free_form excuses stdout (--help)."""
        found = [f"sanitizer: {line}" for line in self.err.items() if SANITIZER.search(line)]
        found += [f"stderr line of another form: {line[:200]!r}"
                  for line in self.err.items() if not line.startswith("hashflow: ")]
        status = None if self.running else self._popen.returncode
        lines = self.out.items()
        if status == -signal.SIGKILL and lines and lines[-1].endswith(UNENDED):
            lines.pop()
        found += [f"stdout line of no known form: {line[:200]!r}"
                  for line in lines if not self.free_form and not LINE.fullmatch(line)]
        if status is not None and -status in (4, 5, 6, 7, 8, 11, 31):
            found.append(f"ended by signal {-status}")
        return found
