# SPDX-License-Identifier: GPL-3.0-or-later
"""A child process with its pipes: lines in, lines out, its end, its figures from /proc.

Must not know the program that runs; node.py does.
"""

import fcntl
import os
import re
import select
import signal
import subprocess
import threading
import time

from .waiting import DEADLINE, Log, Timeout, wait_ready, wait_until

CHUNK = 1 << 18
UNENDED = "<no newline>"


def decode(data):
    return data.decode("utf-8", "surrogateescape")


def encode(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def is_there(pid):
    """Does a process run, whosever child it is? One that only waits to be reaped does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def write_all(fd, data, timeout=DEADLINE):
    """Writes all of data to a descriptor that may block, within the deadline."""
    os.set_blocking(fd, False)
    view = memoryview(data)
    end = time.monotonic() + timeout
    while view:
        if not wait_ready(select.POLLOUT, end - time.monotonic(), fd):
            raise Timeout(f"{len(view)} bytes not taken in {timeout:g} s")
        try:
            view = view[os.write(fd, view[:65536]):]
        except BlockingIOError:
            continue


class Lines:
    """Lines from a descriptor, which it takes, into a log; what has no LF at the end is marked."""

    def __init__(self, fd, log):
        self.fd, self._log, self._rest = fd, log, b""
        os.set_blocking(fd, False)

    def read(self):
        """What is there now; none at the end, None if there is nothing."""
        try:
            return os.read(self.fd, CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def add(self, data):
        """Logs what read() has returned."""
        if data:
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._log.extend([decode(line) for line in lines])
        elif data is not None:
            self._end()

    def _end(self):
        os.close(self.fd)
        self.fd = None
        if self._rest:
            self._log.add(decode(self._rest) + UNENDED)
        self._log.close()


def collect(err, out=None):
    """Reads Lines to their ends. What was written to err before out is logged before it, so that
    whoever has seen an answer has seen the complaints before it as well."""
    while open_ones := [lines for lines in (err, out) if lines and lines.fd is not None]:
        ready = wait_ready(select.POLLIN, None, *(lines.fd for lines in open_ones))
        data = out.read() if out and out.fd in ready else None
        if err.fd is not None:
            err.add(err.read())
        if data is not None:
            out.add(data)


class Process:
    """stdin, stdout: "pipe", "null", "closed", or a descriptor, which stays the caller's.

    stderr is always collected. out, err: Logs of lines."""

    def __init__(self, argv, env=None, cwd=None, stdin="pipe", stdout="pipe", pass_fds=(),
                 label=None):
        self.label = label or os.path.basename(argv[0])
        self.out, self.err = Log(f"stdout of {self.label}"), Log(f"stderr of {self.label}")
        self._ended = threading.Event()
        self._threads = []
        argv = self._close_by_shell(argv, stdin, stdout)
        self._popen = subprocess.Popen(
            argv, env=env, cwd=cwd, pass_fds=pass_fds, stderr=subprocess.PIPE, bufsize=0,
            stdin=self._source(stdin), stdout=self._source(stdout), start_new_session=True)
        self.pid = self._popen.pid
        self.stdin = self._popen.stdin.fileno() if stdin == "pipe" else None
        if stdout != "pipe":
            self.out.close()
        self._start(collect, self._lines(self._popen.stderr, self.err),
                    self._lines(self._popen.stdout, self.out))
        self._start(self._reap)

    @staticmethod
    def _lines(stream, log):
        """Takes the stream, if there is one."""
        if not stream:
            return None
        with stream:
            return Lines(os.dup(stream.fileno()), log)

    @staticmethod
    def _source(which):
        named = {"pipe": subprocess.PIPE, "null": subprocess.DEVNULL, "closed": None}
        return named.get(which, which)

    @staticmethod
    def _close_by_shell(argv, stdin, stdout):
        closing = (" <&-" if stdin == "closed" else "") + (" >&-" if stdout == "closed" else "")
        return ["sh", "-c", f'exec "$@"{closing}', "sh", *argv] if closing else argv

    def _start(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _reap(self):
        self._popen.wait()
        self._ended.set()

    # ---- in

    def write(self, data, timeout=DEADLINE):
        write_all(self.stdin, encode(data), timeout)

    def send(self, *lines):
        """Writes each line with its LF."""
        self.write(b"".join(encode(line) + b"\n" for line in lines))

    def eof(self):
        """Ends stdin."""
        if self.stdin is not None:
            self.stdin = None
            self._popen.stdin.close()

    # ---- end

    @property
    def running(self):
        return not self._ended.is_set()

    def wait(self, timeout=DEADLINE):
        """Waits for the end and for all that was printed; returns the exit status, -N by signal."""
        if not self._ended.wait(timeout):
            raise Timeout(f"{self.label} has not ended in {timeout:g} s")
        self.err.wait_closed(timeout)
        self.out.wait_closed(timeout)
        return self._popen.returncode

    def finish(self, timeout=DEADLINE):
        """Ends stdin and waits for the exit status."""
        self.eof()
        return self.wait(timeout)

    def signal(self, number):
        if self.running:
            self._popen.send_signal(number)

    def stop(self):
        """SIGSTOP, and waits until it has stopped."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self.stat()[0] == "T", f"{self.label} stopped")

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        self.signal(signal.SIGKILL)
        self._ended.wait(DEADLINE)

    def close(self):
        self.kill()
        self.eof()
        for thread in self._threads:
            thread.join(2)

    # ---- figures

    def stat(self):
        """The fields of /proc/PID/stat from the state on."""
        with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()

    def cpu_seconds(self):
        fields = self.stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_kib(self):
        """Anonymous resident memory; a sanitizer's shadow counts in."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
            return int(re.search(r"^RssAnon:\s+(\d+) kB", file.read(), re.M).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def errors(self):
        return "\n".join(self.err.items())


def pipe_size(fd, size):
    """Sets the capacity of a pipe, as far as the kernel lets us."""
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ if hasattr(fcntl, "F_SETPIPE_SZ") else 1031, size)
