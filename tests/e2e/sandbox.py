#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""--sandbox and --user: what a process has given up, and that a node in there lacks nothing."""

import os
import pwd
import re
import resource
import shutil
import signal
import socket

from hashflow_test import main, test, wait_until
from hashflow_test.netns import Space, need
from hashflow_test.node import BINARY, has_sanitizer, needs_readline
from hashflow_test.sockets import connect
from hashflow_test.tap import Skip
from hashflow_test.terminal import Terminal

NOBODY = "nobody"


def status(pid):
    """The fields of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def sandboxed(scene, label, *options, **more):
    """A node in a sandbox that is whole, or the test is skipped."""
    node = scene.node(label, "--sandbox", *options, **more)
    wait_until(lambda: status(node.pid)["Seccomp"] == "2" or "calls are not" in node.errors(),
               "the node is in its sandbox")
    missing = [line for line in node.err.items() if "not restricted" in line]
    if missing:
        raise Skip(missing[0])
    return node


def attached(scene, state, *lines):
    """A script that these lines were run for."""
    options = [word for line in lines for word in ("-c", line)]
    script = scene.process(BINARY, "--attach", state, *options, stdin="null")
    assert script.wait() == 0, script.errors()
    return script


# ---- always

@test("without any option: no core, no new rights, files for us alone")
def always(scene):
    node = scene.node("alice", "--state", scene.path("state"))
    fields = status(node.pid)
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "0", fields
    assert resource.prlimit(node.pid, resource.RLIMIT_CORE)[0] == 0
    for name in os.listdir(scene.path("state")):
        assert os.stat(scene.path(f"state/{name}")).st_mode & 0o77 == 0, name


@test("a program of --on has three descriptors, whatever we were started with")
def descriptors(scene):
    note = scene.path("note")
    ends = os.pipe()
    handler = f"sh -c 'ls -1 /proc/$$/fd >{note}.new; mv {note}.new {note}'"
    node = scene.node("bob", "--on", f"up={handler}", "--state", scene.path("state"), "--sandbox",
                      pass_fds=ends)
    scene.node("carol", node.address)
    wait_until(lambda: os.path.exists(note), "the program has run")
    for fd in ends:
        os.close(fd)
    with open(note, encoding="ascii") as file:
        assert set(file.read().split()) <= {"0", "1", "2", "10"}  # 10: the shell's own


# ---- the sandbox

@test("--sandbox: the process is in it, with all but its spawner")
def inside(scene):
    node = sandboxed(scene, "alice", "--on", "up=true")
    assert status(node.pid)["Seccomp"] == "2"
    (spawner,) = children(node.pid)
    assert status(spawner)["Seccomp"] == "0" and status(spawner)["NoNewPrivs"] == "1"


@test("in the sandbox programs run with their former rights, and answer")
def programs(scene):
    outside = scene.path("outside")
    node = sandboxed(scene, "bob", "--state", scene.path("state"), "--on",
                     f"message=sh -c 'cat >>{outside}'", "--answer", "sh -c 'echo it is; cat'")
    talker = scene.node("alice", node.address)
    talker.send("hello")
    node.hears("hello")
    wait_until(lambda: os.path.exists(outside) and os.path.getsize(outside) == len("hello\n"),
               "the program has written")
    assert any(line.endswith(" it is") for line in talker.ask("/ask bob what")), talker.out.items()


@test("in the sandbox names of hosts are looked up, and what does not exist is said")
def names(scene):
    bob = scene.node("bob")
    node = sandboxed(scene, "alice", "-4", "--drain", "1")
    assert node.ask(f"/connect localhost:{bob.port}")[0].endswith(" bob session")
    node.send(f"/connect {socket.gethostname()}.invalid:7216")
    node.complains(re.compile("invalid"))
    node.finish()


@test("in the sandbox the store, the history and the control socket work, and a restart finds them")
def stored(scene):
    state = scene.path("state")
    for run in range(2):
        node = sandboxed(scene, "alice", "--state", state)
        session = scene.session(node, "carol")
        session.msg(f"line {run}")
        node.hears(f"line {run}")
        control = attached(scene, state, "/history")
        found = [line for line in control.out.items() if "line " in line]
        assert len(found) == run + 1, control.out.items()
        assert node.finish() == 0, node.errors()
        assert not os.path.exists(os.path.join(state, "control"))


@test("in the sandbox a person types, and finds the lines again")
def typed(scene):
    needs_readline()
    sandboxed(scene, "bob")  # whose notices are not on a terminal
    home = scene.home()
    for _ in range(2):
        terminal = scene.add(Terminal())
        node = scene.node("alice", "--sandbox", "-p", scene.ports(1)[0], "--no-history", home=home,
                          within=terminal.within(0, 1), stdin="null", env={"TERM": "xterm"})
        node.free_form = True
        terminal.type("/echo typed and kept\r")
        wait_until(lambda t=terminal: t.text().count("typed and kept") > 1, "the answer")
        terminal.type("/quit\r")
        assert node.wait() == 0
    with open(os.path.join(home, "state", "hashflow", "history"), encoding="utf-8") as file:
        assert file.read().count("/quit") == 2


@test("--sandbox and --daemon: a log, a control socket, and an end that is in order")
def daemon(scene):
    state = scene.path("state")
    node = scene.node("alice", "--sandbox", "--daemon", "--state", state, stdin="null")
    assert node.wait() == 0, node.errors()
    attached(scene, state, "/whoami", "/quit")
    wait_until(lambda: not os.path.exists(os.path.join(state, "control")), "the daemon has ended")


@test("in the sandbox SIGHUP reads the rules again, also from a file that was replaced")
def rules(scene):
    os.mkdir(scene.path("rules"))
    path = scene.path("rules/denied")
    with open(path, "w", encoding="ascii") as file:
        file.write("192.0.2.1\n")
    node = sandboxed(scene, "alice", "--deny", f"@{path}")
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write("127.0.0.0/8\n::1\n")
    os.rename(path + ".new", path)
    node.signal(signal.SIGHUP)
    node.complains(re.compile("read again"))
    assert connect(node.address).recv(100) == b""


# ---- another user

def as_nobody(scene):
    """A folder of nobody's own, and the ids. Needs root."""
    need()
    user = pwd.getpwnam(NOBODY)
    os.chmod(scene.dir, 0o711)
    state = scene.path("state")
    os.mkdir(state, 0o700)
    os.chown(state, user.pw_uid, user.pw_gid)
    return state, user


@test("--user: root's rights are gone for good, programs and files are the user's")
def becomes(scene):
    state, user = as_nobody(scene)
    note = os.path.join(state, "note")
    node = scene.node("alice", "--user", NOBODY, "--state", state, "--on",
                      f"up=sh -c 'id -u >{note}.new; id -G >>{note}.new; mv {note}.new {note}'")
    capable = ("CapPrm", "CapEff", "CapInh", "CapAmb")
    wait_until(lambda: not any(int(status(node.pid)[name], 16) for name in capable),
               "no capability is left")
    fields = status(node.pid)
    assert fields["Uid"].split() == [str(user.pw_uid)] * 4, fields
    assert fields["Gid"].split() == [str(user.pw_gid)] * 4, fields
    assert "0" not in fields["Groups"].split(), fields
    scene.node("carol", node.address)
    wait_until(lambda: os.path.exists(note), "the program has run")
    with open(note, encoding="ascii") as file:
        uid, groups = file.read().splitlines()
    assert uid == str(user.pw_uid) and "0" not in groups.split(), (uid, groups)
    for name in os.listdir(state):
        assert os.stat(os.path.join(state, name)).st_uid == user.pw_uid, name


@test("--user: nobody of that user can look into the process")
def shut(scene):
    state, _ = as_nobody(scene)
    if has_sanitizer():
        raise Skip("a build with sanitizers stays open")
    need("setpriv")
    node = scene.node("alice", "--user", NOBODY, "--state", state, "--sandbox")
    looking = scene.process("setpriv", f"--reuid={NOBODY}", "--clear-groups", "cat",
                            f"/proc/{node.pid}/environ")
    assert looking.wait() != 0, looking.out.items()


@test("--user: a port below 1024 can be listened on, and names and peers are there")
def low_port(scene):
    state, _ = as_nobody(scene)
    space = scene.add(Space("--net"))
    space.run("ip", "link", "set", "lo", "up")
    node = scene.node("alice", "--user", NOBODY, "--sandbox", "--state", state, "-l",
                      "127.0.0.1:216", within=space.enter)
    assert node.address == "127.0.0.1:216"
    talker = scene.node("bob", node.address, within=space.enter)
    talker.send("hello")
    node.hears("hello")
    assert int(status(node.pid)["CapPrm"], 16) == 0


@test("--user: a folder that is not the user's, and a user that is not there, end the start")
def refused(scene):
    need()
    os.chmod(scene.dir, 0o711)
    os.mkdir(scene.path("roots"), 0o700)
    for options, cause in ((("--user", NOBODY, "--state", scene.path("roots")), "roots"),
                           (("--user", "no-such-user-here"), "no such user")):
        node = scene.run("alice", "-p", "0", *options)
        assert node.wait() == 1
        node.complains(re.compile(cause))


@test("--user: only root can become another user; whoever is the user stays")
def not_root(scene):
    need("setpriv")
    os.chmod(scene.dir, 0o711)
    binary = scene.path("hashflow")
    shutil.copy(BINARY, binary)
    os.chmod(binary, 0o755)
    for name, result in (("root", 1), (NOBODY, 0)):
        run = scene.process("setpriv", f"--reuid={NOBODY}", "--clear-groups", binary, "-p", "0",
                            "--user", name, "-c", "/quit", stdin="null")
        assert run.wait() == result, run.errors()
        assert ("only root" in run.errors()) == (result == 1), run.errors()


if __name__ == "__main__":
    main()
