#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node in the background: --daemon, --log, and what a service manager is told."""

import ctypes
import os
import re
import select
import signal
import socket

from hashflow_test import DEADLINE, main, test, wait_until
from hashflow_test.netns import Space, required
from hashflow_test.sockets import connect, read_to_end
from hashflow_test.waiting import wait_ready


PR_SET_CHILD_SUBREAPER = 36


class Daemon:
    """The process that holds a state folder. Use: scene.add(Daemon(folder))."""

    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "lock"), encoding="ascii") as file:
            self.pid = int(file.read())
        self._handle = os.pidfd_open(self.pid)
        self._status = None

    def link(self, name):
        return os.readlink(f"/proc/{self.pid}/{name}")

    def session(self):
        return os.getsid(self.pid)

    @property
    def running(self):
        return not wait_ready(select.POLLIN, 0, self._handle)

    def signal(self, number):
        signal.pidfd_send_signal(self._handle, number)

    def _wait(self):
        """We are its parent since the one that it had has ended."""
        assert wait_ready(select.POLLIN, DEADLINE, self._handle), "the daemon has not ended"
        self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def stop(self):
        self.signal(signal.SIGTERM)
        self._wait()
        assert self._status == 0, f"the daemon has ended with {self._status}"

    def close(self):
        if self._status is None:
            self.signal(signal.SIGKILL)
            self._wait()
        os.close(self._handle)


def start(scene, *options, log="syslog", **more):
    """A daemon that was started with success: what started it, and itself. Without syslog the
    stderr of the one who started it stays open."""
    folder = scene.path(f"state{len(scene.nodes)}")
    node = scene.node("alice", "--daemon", "--log", log, "--state", folder, *options, stdin="null",
                      **more)
    wait_until(lambda: not node.running, "the command that was typed ends")
    return node, scene.add(Daemon(folder))


class Manager:
    """The socket of a service manager. Use: scene.add(Manager(path))."""

    def __init__(self, name):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(name.replace("@", "\0", 1))
        self._socket.settimeout(DEADLINE)

    def hear(self):
        return self._socket.recv(65536).decode().splitlines()

    def is_silent(self):
        return not wait_ready(select.POLLIN, 0, self._socket.fileno())

    def close(self):
        self._socket.close()


# ---- the daemon

@test("--daemon: the command ends with 0 once the node listens, and lets go of everything")
def ends(scene):
    node, daemon = start(scene)
    assert node.wait() == 0, node.errors()
    assert len(node.err) == 1 and "listening on" in node.err.items()[0]
    assert daemon.running and daemon.pid != node.pid
    connect(node.address).close()
    assert daemon.session() == daemon.pid
    assert [daemon.link(f"fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
    assert daemon.link("cwd") == "/"


@test("SIGTERM ends a daemon, which says goodbye and leaves its state")
def terminated(scene):
    node, daemon = start(scene)
    peer = scene.session(node, "carol")
    peer.msg("hello")
    daemon.stop()
    peer.expect(re.compile("^/bye"))
    again, second = start(scene)
    assert again.wait() == 0
    second.stop()


@test("a daemon runs its --command lines, and stays")
def commands(scene):
    bob = scene.node("bob", "-e")
    node, daemon = start(scene, "-c", f"/connect {bob.address}", "-c", "/bcast from behind")
    bob.hears("from behind", "alice")
    bob.send(f"/ping {node.address}")
    bob.sync()
    assert daemon.running
    daemon.stop()
    bob.expect(f"* down {node.address} alice")


@test("--ready-fd 1 tells where a daemon listens, though its standard output is /dev/null")
def where(scene):
    state = scene.path("state")
    node = scene.node("alice", "--daemon", "--state", state, "--ready-fd", "1", ready=False,
                      stdin="null")
    node.free_form = True
    assert node.wait() == 0
    daemon = scene.add(Daemon(state))
    (node.address,) = node.out.items()
    scene.session(node, "carol")
    daemon.stop()


@test("a daemon that cannot start: the command says why and ends with its status")
def fails(scene):
    taken = scene.node("taken")
    node = scene.run("alice", "--daemon", "-p", taken.port, "--no-store")
    assert node.wait() == 1 and "in use" in node.errors(), node.errors()
    _, daemon = start(scene)
    node = scene.run("alice", "--daemon", "--state", daemon.folder)
    assert node.wait() == 1 and str(daemon.pid) in node.errors(), node.errors()
    node = scene.run("alice", "--daemon", "nowhere:x")
    assert node.wait() == 2 and len(node.err) == 1, node.errors()


@test("--daemon reads no lines: --to beside it is refused, but takes its place if it is in a file")
def no_lines(scene):
    node = scene.run("alice", "--daemon", "-t", "all")
    assert node.wait() == 2 and " excludes --" in node.errors(), node.errors()
    path = scene.path("config")
    with open(path, "w", encoding="ascii") as file:
        file.write("daemon\n")
    bob = scene.node("bob")
    node = scene.run("alice", "--config", path, "-t", "all", bob.address, stdin=b"a line\n")
    assert node.wait() == 0, node.errors()
    bob.hears("a line", "alice")


@test("a state folder with a relative path stays where it was named")
def relative(scene):
    home = scene.home()
    node = scene.node("alice", "--daemon", "--state", "here", home=home, stdin="null")
    assert node.wait() == 0
    daemon = scene.add(Daemon(os.path.join(home, "here")))
    peer = scene.session(node, "carol")
    peer.msg("hello")
    daemon.stop()
    assert os.path.exists(os.path.join(home, "here", "hashflow.db"))
    assert os.listdir(home) == ["here"]


@test("SIGHUP has a daemon read its rules again, from a path of the folder in which it was started")
def rules(scene):
    home = scene.home()
    listed = os.path.join(home, "listed")
    with open(listed, "w", encoding="ascii") as file:
        file.write("127.26.0.1\n")
    node, daemon = start(scene, "--deny", "@listed", log="stderr", home=home)
    with open(listed, "a", encoding="ascii") as file:
        file.write("127.26.0.2\n")
    daemon.signal(signal.SIGHUP)
    node.complains(re.compile("the rules were read again"))
    with connect(node.address, "127.26.0.2") as sock:
        assert not read_to_end(sock)
    scene.session(node, "carol")
    daemon.stop()


# ---- where it says things

@test("--log stderr: a daemon keeps standard error and goes on saying things there")
def keeps_stderr(scene):
    node, daemon = start(scene, log="stderr")
    peer = scene.session(node, "carol")
    peer.send("x" * 70000)
    node.complains(re.compile("carol: a line of more than"))
    daemon.stop()
    node.err.wait_closed()


class SystemLog:
    """/dev/log in a mount namespace of its own. Use: scene.add(SystemLog(scene))."""

    def __init__(self, scene):
        self.space = Space("--mount")
        with required():
            self.space.run("sh", "-c", "mkdir -p $0 && mount -t tmpfs none $0 &&"
                           " for name in null zero random urandom; do touch $0/$name &&"
                           " mount --bind /dev/$name $0/$name || exit; done &&"
                           " mount --move $0 /dev", scene.path("dev"))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(DEADLINE)
        self._socket.bind(self.space.path("/dev/log"))

    def hear(self):
        """(priority, pid, text) of the next message."""
        text = self._socket.recv(65536).decode().rstrip("\n\0")
        found = re.fullmatch(r"<(\d+)>.*? hashflow\[(\d+)\]: (.*)", text)
        assert found, text
        return int(found[1]), int(found[2]), found[3]

    def close(self):
        self._socket.close()
        self.space.close()


DAEMON_FACILITY, ERROR, NOTICE, INFO = 3 << 3, 3, 5, 6


@test("--daemon says things to syslog, under its pid and by their weight")
def syslog(scene):
    log = scene.add(SystemLog(scene))
    node, daemon = start(scene, "-v", "-c", "/nonsense", within=log.space.enter)
    priority, pid, text = log.hear()
    assert (priority, pid) == (DAEMON_FACILITY | NOTICE, daemon.pid)
    assert f"hashflow: {text}" in node.err.items()
    while (heard := log.hear())[2].startswith("listening on"):
        pass
    assert heard[:2] == (DAEMON_FACILITY | ERROR, daemon.pid) and "/nonsense" in heard[2], heard
    scene.session(node, "carol").msg("hello")
    assert log.hear()[0] == DAEMON_FACILITY | INFO
    assert node.wait() == 0 and not node.complaints(), node.errors()


@test("--log syslog without --daemon leaves standard error empty")
def syslog_alone(scene):
    log = scene.add(SystemLog(scene))
    node = scene.node("alice", "--log", "syslog", within=log.space.enter)
    assert log.hear()[2].startswith("listening on")
    node.send("/nonsense")
    assert "/nonsense" in log.hear()[2]
    assert node.finish() == 1 and not node.err.items(), node.errors()


# ---- the service manager

@test("a service manager hears READY=1 when the node listens, and STOPPING=1 when it leaves")
def notifies(scene):
    for name in (scene.path("notify"), f"@hashflow-test-{os.getpid()}"):
        manager = scene.add(Manager(name))
        node = scene.node("alice", "-k", stdin="null", env={"NOTIFY_SOCKET": name})
        words = manager.hear()
        assert words[0] == "READY=1" and len(words) == 2, words
        assert words[1].startswith("STATUS=listening on ") and node.address in words[1], words
        connect(node.address).close()
        assert manager.is_silent()
        node.signal(signal.SIGTERM)
        assert manager.hear() == ["STOPPING=1"]
        assert node.wait() == 0 and manager.is_silent()
        assert not node.complaints()


@test("a node that cannot listen never says that it is ready")
def never_ready(scene):
    manager = scene.add(Manager(scene.path("notify")))
    taken = scene.node("taken")
    node = scene.run("alice", "-p", taken.port, "--no-store",
                     env={"NOTIFY_SOCKET": scene.path("notify")})
    assert node.wait() == 1 and manager.is_silent()


@test("STOPPING=1 comes before the drain, and once, whatever ends the node")
def stopping(scene):
    manager = scene.add(Manager(scene.path("notify")))
    listener = scene.session_listener("carol")
    node = scene.node("alice", "--drain", "60", listener.address,
                      env={"NOTIFY_SOCKET": scene.path("notify")})
    session = listener.open()
    session.acks = False
    assert manager.hear()[0] == "READY=1"
    node.send("unconfirmed")
    session.hears("unconfirmed")
    node.eof()
    assert manager.hear() == ["STOPPING=1"]
    assert node.running
    node.signal(signal.SIGTERM)
    session.acks = True
    node.wait()
    assert manager.is_silent()


@test("a socket of a service manager that cannot be used is complained of, and nothing else")
def no_manager(scene):
    for name in (scene.path("nothing"), "relative", "/" + "x" * 200, "vsock:2:1"):
        node = scene.node("alice", env={"NOTIFY_SOCKET": name})
        node.complains(re.compile(r"NOTIFY_SOCKET"))
        node.sync()
        assert node.finish() == 0
    node = scene.node("alice", env={"NOTIFY_SOCKET": ""})
    assert node.finish() == 0 and not node.complaints()


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    main()
