# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that a measurement starts, their figures from /proc, and the gauge that drives them.

Everything that was started in a `with Stage(...)` has ended behind it. Must not know what is
compared, nor what is asked of it.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time

from hashflow_test.node import BINARY, environment
from hashflow_test.sockets import split_address
from hashflow_test.waiting import Timeout, wait_until

GAUGE = os.environ.get("HASHFLOW_GAUGE") or os.path.join(os.path.dirname(__file__), "gauge")
FOLDER = os.environ.get("BENCH_DIR") or os.path.dirname(BINARY)
#: Seconds after which a program that hangs ends a measurement.
LIMIT = 120
WIDTH = 100
#: Lines that are different from each other; a file repeats them.
DIFFERENT = 10000


class Hung(Exception):
    """A program did not do its part in time; the measurement has no result."""


def cpu_seconds(pid):
    """What a process has used so far, to the nanosecond; of its first thread."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) * 1e-9


def status_field(pid, field):
    """A number of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{field}:"))


def listens(port):
    wanted = f":{port:04X} 00000000:0000 0A"
    with open("/proc/net/tcp", encoding="ascii") as file:
        return any(wanted in line for line in file)


def sockets_of(pid):
    folder = f"/proc/{pid}/fd"
    count = 0
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(os.path.join(folder, fd)).startswith("socket:")
    return count


class Stage:
    """One run: a folder of its own, and all that was started."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bench-", dir=FOLDER)
        self._stack = contextlib.ExitStack()
        self._started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._started:
            process.kill()
        for process in self._started:
            process.wait()
            for stream in filter(None, (process.stdin, process.stdout, process.stderr)):
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._stack.close()
        shutil.rmtree(self.folder)

    def keep(self, thing):
        """Closes it at the end."""
        return self._stack.enter_context(thing)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *argv, **pipes):
        """A program whose stdin and stdout are closed to it unless they are given."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                 "stderr": subprocess.DEVNULL, "bufsize": 0, **pipes}
        process = subprocess.Popen([str(word) for word in argv], env=environment(self.folder),
                                   **pipes)
        self._started.append(process)
        return process

    def end(self, process):
        """Ends it in its own time, so that it can write what it wants to keep."""
        process.terminate()
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Hung(f"{process.args[0]} does not end") from None

    def node(self, *options, listen="127.0.0.1:0", wait=True, **pipes):
        """hashflow; .address is where it listens, .ready the descriptor that tells it if the
        caller does not want to wait."""
        ready, given = os.pipe()
        process = self.start(BINARY, "-q", "-l", listen, "--ready-fd", given, *options,
                             pass_fds=[given], **pipes)
        os.close(given)
        process.ready = self.keep(os.fdopen(ready))
        process.address = read_ready(process) if wait else listen
        return process

    def talker(self, *options, **pipes):
        """A node whose stdin and stdout are pipes."""
        return self.node(*options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **pipes)

    def connect(self, port, source="127.0.0.1"):
        return self.keep(socket.create_connection(("127.0.0.1", port), LIMIT,
                                                  source_address=(source, 0)))

    def tcp_pairs(self, count):
        """Connected pairs, as (our ends, their ends)."""
        server = self.keep(socket.create_server(("127.0.0.1", 0)))
        ours, theirs = [], []
        for _ in range(count):
            ours.append(self.connect(server.getsockname()[1]))
            theirs.append(self.keep(server.accept()[0]))
        return ours, theirs

    def gauge(self, mode, *arguments, fds=(), **pipes):
        """Runs it; the numbers that it has reported."""
        process = self.start(GAUGE, mode, *arguments, pass_fds=fds, stderr=subprocess.PIPE, **pipes)
        try:
            _, report = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            raise Hung(f"{mode}: no end") from None
        if process.returncode != 0:
            raise Hung(f"{mode}: {report.decode().strip()}")
        return [float(word) for word in report.split()]


def read_ready(process):
    address = process.ready.readline().strip()
    if not address:
        raise Hung("hashflow did not start")
    return address


def port_of(address):
    return split_address(address)[1]


def read_until(stream, wanted):
    """Reads lines until one begins so."""
    for line in stream:
        if line.startswith(wanted):
            return
    raise Hung(f"no {wanted.decode()}")


def wait_for_sockets(process, count):
    wait_until(lambda: sockets_of(process.pid) >= count, f"{count} connections", LIMIT)


def wait_for_port(port):
    wait_until(lambda: listens(port), f"a listener at {port}", LIMIT)


def write_lines(path, count, header=b""):
    """`count` lines of WIDTH bytes behind `header`; the path."""
    block = [header + f"{n:09d} ".encode().ljust(WIDTH - 1, b"x") + b"\n" for n in range(DIFFERENT)]
    whole = b"".join(block)
    with open(path, "wb") as file:
        for _ in range(count // DIFFERENT):
            file.write(whole)
        file.write(b"".join(block[:count % DIFFERENT]))
    return path


class Flow:
    """What came of lines that went through somebody to `inlets`: .rate in lines a second, all
    inlets together; .share of them that arrived; .cpu seconds that `meter` has used for each."""

    def __init__(self, stage, file, count, width, outlet, inlets, meter=None):
        before = cpu_seconds(meter.pid) if meter else 0
        fds = [inlet.fileno() for inlet in inlets]
        seconds, taken = stage.gauge("flow", file, count * width, *fds, fds=fds, stdout=outlet)
        arrived = taken / width
        if arrived < 1 or seconds <= 0:
            raise Hung("nothing arrived")
        self.rate = arrived / seconds
        self.share = arrived / (count * len(inlets))
        self.cpu = (cpu_seconds(meter.pid) - before) / arrived if meter else None


def sync_time(folder, syncs=200):
    """The median of writing 4 KiB and fdatasync(2), in seconds."""
    times = []
    path = os.path.join(folder, "bench-sync")
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    for _ in range(syncs):
        before = time.perf_counter()
        os.write(fd, b"x" * 4096)
        os.fdatasync(fd)
        times.append(time.perf_counter() - before)
    os.close(fd)
    os.unlink(path)
    return sorted(times)[syncs // 2]
