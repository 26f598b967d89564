#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""--on: programs that are run when something happens, what they get, and what becomes of them."""

import os
import re
import signal

from hashflow_test import Stopwatch, main, test, wait_until
from hashflow_test.node import BINARY
from hashflow_test.process import is_there

#: What a text may hold: everything but LF and NUL.
TEXTS = [b"plain", b"", b"  two  spaces\t", b"'\"\\ $HOME `id` %s", b"\xff\xfe not UTF-8 \x1b[31m",
         "grüße".encode(), b"x" * 65000]


class Notes:
    """A file that handlers append to, and the commands to do so."""

    def __init__(self, scene, name="notes"):
        self.path = scene.path(name)
        self._scene = scene

    def read(self):
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def lines(self):
        return self.read().decode("utf-8", "surrogateescape").split("\n")[:-1]

    def wait(self, number):
        return wait_until(lambda: len(self.lines()) >= number and self.lines(),
                          f"{number} lines in {self.path}, which has {self.lines()[-5:]}")

    def script(self, text, name="handler"):
        """A program that runs a script, whose {notes} is the file."""
        path = self._scene.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text.replace("{notes}", f"'{self.path}'") + "\n")
        os.chmod(path, 0o755)
        return path


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def programs(node):
    """The pids of the programs that a node runs: its spawner's children."""
    return [pid for spawner in children(node.pid) for pid in children(spawner) if is_there(pid)]


def connected(scene, *options, **more):
    """A node with these options, and one that talks to it."""
    node = scene.node("bob", *options, **more)
    talker = scene.node("alice")
    talker.connect(node.address)
    node.wait_up()
    return node, talker


@test("a message: its text byte for byte, and who, how and which in the environment")
def message(scene):
    notes = Notes(scene)
    handler = notes.script('cat >{notes}."$HASHFLOW_ID"\nprintf "%s\\n" "$HASHFLOW_EVENT '
                           '$HASHFLOW_ADDRESS $HASHFLOW_NAME $HASHFLOW_NODE $HASHFLOW_KIND '
                           '$HASHFLOW_ID $HASHFLOW_TIME" >>{notes}')
    node = scene.node("bob", "--on", f"message={handler}", "--on-jobs", "1", "--ids")
    talker = scene.node("alice", "-t", "bob", node.address)
    talker.write(b"\n".join(TEXTS) + b"\n")
    node.out.wait_count(len(TEXTS))
    another = scene.node("carol", node.address)
    another.send("for everyone")
    lines = notes.wait(len(TEXTS) + 1)
    heard = node.out.wait_count(len(TEXTS) + 1)
    assert len(heard) == len(lines)
    for line, message, text in zip(lines, node.messages(), TEXTS + [b"for everyone"]):
        word = line.split(" ")
        speaker = another if text == b"for everyone" else talker
        assert word[:3] == ["message", speaker.address, speaker.label], line
        assert word[3] == message.id.split(".")[0] and word[5] == message.id, line
        assert word[4] == ("bcast" if speaker is another else "msg"), line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", word[6]), line
        with open(f"{notes.path}.{message.id}", "rb") as file:
            assert file.read() == text + b"\n", text[:50]


@test("a message from a plain peer has neither a node nor an id")
def plain(scene):
    notes = Notes(scene)
    handler = notes.script('echo "$HASHFLOW_NAME ${HASHFLOW_NODE-none} ${HASHFLOW_ID-none} $(cat)" '
                           '>>{notes}')
    node = scene.node("bob", "--on-plain", "--on", f"message={handler}")
    scene.client(node).send("127.0.0.1:9 carol hello")
    assert notes.wait(1) == ["carol none none hello"]


@test("plain peers make nothing run without --on-plain; with it a program learns that they are")
def plain_peers(scene):
    notes = Notes(scene)
    kinds = ("message", "up", "name")
    handler = notes.script('echo "$HASHFLOW_EVENT ${HASHFLOW_PLAIN-none} $(cat)" >>{notes}')
    on = [word for kind in kinds for word in ("--on", f"{kind}={handler}")]
    careful, other = (scene.node(name, "-e", "--on-jobs", "1", "--answer", "echo yes", *on, *more)
                      for name, more in (("bob", ()), ("ben", ("--on-plain",))))
    for node in (careful, other):
        session = scene.session(node, "carol")
        session.send("/name cora")
        session.msg("hello")
        session.send("/ask 1 ready?")
        session.expect_line("/answered 1 " + ("ok" if node is other else "none"))
        scene.client(node).send("127.0.0.1:9 dave hi")
        node.hears("hi")
        assert node.finish() == 0
    assert sorted(notes.lines()) == sorted(["up 1 ", "name 1 ", "message 1 hello", "message 1 hi"])


@test("up, name, suspect, back, down and unreachable, with the former name and the reason")
def events(scene):
    notes = Notes(scene)
    handler = notes.script('echo "$HASHFLOW_EVENT $HASHFLOW_ADDRESS $HASHFLOW_NAME '
                           '${HASHFLOW_FORMER-none} ${HASHFLOW_CAUSE-none}$(cat)" >>{notes}')
    kinds = ("up", "name", "suspect", "back", "down", "unreachable")
    options = [word for kind in kinds for word in ("--on", f"{kind}={handler}")]
    node = scene.node("bob", "--on-plain", "--on-jobs", "1", "--heartbeat", "0.2",
                      "--suspect-after", "0.4", "--down-after", "60", *options)
    session = scene.session(node, "carol", answer_pings=False)
    session.send("/name cora")
    notes.wait(3)
    session.send("/ping x")
    notes.wait(4)
    session.send("/bye done")
    lines = notes.wait(5)
    assert lines[:4] == ["up 127.0.0.1:9 carol none none", "name 127.0.0.1:9 cora carol none",
                         "suspect 127.0.0.1:9 cora none silent for 0.4 s",
                         "back 127.0.0.1:9 cora none none"], lines
    assert re.fullmatch("down 127.0.0.1:9 cora none .+", lines[4]), lines
    dead = f"127.0.0.1:{scene.ports(1)[0]}"
    node.send(f"/connect {dead}")
    assert re.fullmatch(f"unreachable {dead} - none .+", notes.wait(6)[5])


@test("several handlers of a kind run for each event; those of other kinds do not")
def several(scene):
    first, second, other = Notes(scene, "one"), Notes(scene, "two"), Notes(scene, "three")
    node, talker = connected(scene,
                             "--on", "message=" + first.script("cat >>{notes}", "first"),
                             "--on", "message=" + second.script("cat >>{notes}", "second"),
                             "--on", "down=" + other.script("echo x >>{notes}", "third"))
    talker.send("hello")
    assert first.wait(1) == second.wait(1) == ["hello"]
    node.sync()
    assert not other.lines()


@test("COMMAND is cut as a shell does, and nothing in it is expanded")
def words(scene):
    notes = Notes(scene)
    handler = notes.script('for word; do echo "<$word>" >>{notes}; done')
    _, talker = connected(scene, "--on", f"message={handler} a 'b  $HOME' \"c\\\"d\" e\\ f '' *;>g")
    talker.send("go")
    assert notes.wait(6) == ["<a>", "<b  $HOME>", '<c"d>', "<e f>", "<>", "<*;>g>"]


@test("a program has its own group, the caller's umask, and nothing that it was not given")
def environment(scene):
    notes = Notes(scene)
    handler = notes.script("{ tr '\\0' '\\n' </proc/$$/environ | cut -d= -f1 | sort | "
                           "tr '\\n' ' '; echo; umask; ls /proc/self/fd | wc -l; "
                           # Signals 1 to 28: the C library has kept two of the higher ones.
                           "grep -cE 'Sig(Blk|Ign):.*0{7}$' /proc/self/status; "
                           "read -r pid name state parent group rest </proc/$$/stat; "
                           '[ "$pid" = "$group" ] && echo own; wc -c; } >>{notes}')
    more = {"SECRET": "x", "HASHFLOW_SECRET": "x", "LC_TIME": "C", "TZ": "UTC", "USER": "bob"}
    node = scene.node("bob", "--on-plain", "--on", f"up={handler}", env=more)
    scene.session(node, "carol")
    got = notes.wait(6)
    names = set(got[0].split()) - {"PWD", "OLDPWD", "SHLVL", "_"}
    assert {"PATH", "HOME", "LC_ALL", "LC_TIME", "TZ", "USER", "HASHFLOW_EVENT"} <= names, names
    assert not [name for name in names if "SECRET" in name or name in ("TERM", "XDG_STATE_HOME")]
    before = os.umask(0)
    os.umask(before)
    # Its three, and the one that ls reads the folder with.
    assert [line.strip() for line in got[1:]] == [f"{before:04o}", "4", "2", "own", "0"], got


@test("a program learns which node has started it, and can talk to that one")
def who_asks(scene):
    notes = Notes(scene)
    told = notes.script('echo "state ${HASHFLOW_STATE-none}" >>{notes}', "told")
    nobody = scene.node("bob", "--on-plain", "--on", f"up={told}",
                        env={"HASHFLOW_STATE": "/elsewhere"})
    scene.session(nobody, "carol")
    assert notes.wait(1) == ["state none"]
    talks = notes.script(f"exec {BINARY} --attach \"$HASHFLOW_STATE\" -c '/msg carol welcome' "
                         "</dev/null", "talks")
    home = scene.home()
    node = scene.node("alice", "--state", "state", "--on-plain", "--on", f"up={talks}",
                      "--on", f"up={told}", home=home)
    scene.session(node, "carol").hears("welcome")
    said = notes.wait(2)[1]
    assert said == f"state {os.path.realpath(os.path.join(home, 'state'))}", said


@test("what cannot be meant is wrong usage, and says what is wrong")
def wrong(scene):
    for option, value, cause in (
            ("--on", "message", "KIND"), ("--on", "massage=true", "KIND"),
            ("--on", "=true", "KIND"),
            ("--on", "message=", "no program"), ("--on", "message= \t", "no program"),
            ("--on", "message=''", "no program"), ("--on", "message='a", "never closed"),
            ("--on", 'message=a "', "never closed"), ("--on", "up=a\\", "backslash"),
            ("--on-jobs", "0", "1 to 48"), ("--on-jobs", "49", "1 to 48"),
            ("--on-limit", "0", "0.01 to 86400"), ("--on-limit", "x", "0.01 to 86400")):
        node = scene.run("bob", option, value)
        assert node.wait() == 2, value
        assert cause in node.errors() and option in node.errors(), (value, node.errors())


@test("1,000 messages are heard and confirmed while handlers take 30 s")
def slow(scene):
    node, talker = connected(scene, "--on", "message=sleep 30", "--drain", "0")
    watch = Stopwatch()
    talker.write("".join(f"line {number}\n" for number in range(1000)))
    assert talker.finish() == 0
    node.hears("line 999")
    assert watch.seconds() < 15
    assert len(node.messages()) == 1000
    assert len(programs(node)) == 4
    assert node.finish() == 1
    assert watch.seconds() < 25
    assert node.complaints() == [
        "hashflow: on leaving 996 programs of --on were not run, and 4 stopped"]


def gated(notes):
    """A handler that says that it runs, and goes on when the gate is opened."""
    gate = notes.path + ".gate"
    os.mkfifo(gate)
    return notes.script(f"echo + >>{{notes}}\nread -r x <'{gate}'"), gate


def open_gate(gate):
    """Lets everyone through, now and later."""
    return os.open(gate, os.O_RDWR)


@test("at most --on-jobs programs run at a time")
def jobs(scene):
    notes = Notes(scene)
    handler, gate = gated(notes)
    node, talker = connected(scene, "--on", f"message={handler}", "--on-jobs", "2")
    talker.send(*["go"] * 6)
    node.out.wait_count(6)
    notes.wait(2)
    node.sync()
    assert len(programs(node)) == 2 and len(notes.lines()) == 2
    fd = open_gate(gate)
    for number in range(6):
        os.write(fd, b"\n")
        notes.wait(min(number + 3, 6))
        assert len(notes.lines()) <= number + 4
    wait_until(lambda: not programs(node), "all have ended")
    os.close(fd)
    assert node.finish() == 0


@test("with one job they run in the order of the events")
def order(scene):
    notes = Notes(scene)
    _, talker = connected(scene, "--on", "message=" + notes.script("cat >>{notes}"),
                          "--on-jobs", "1")
    texts = [f"line {number}" for number in range(200)]
    talker.send(*texts)
    assert notes.wait(200) == texts


@test("a full queue leaves out the newest, says how many, and ends with status 1")
def full(scene):
    notes = Notes(scene)
    handler, gate = gated(notes)
    node, talker = connected(scene, "--on", f"message={handler}", "--on-jobs", "1", "--drain", "0")
    talker.send("first")
    notes.wait(1)
    talker.write("".join(f"line {number}\n" for number in range(1300)))
    node.hears("line 1299")
    assert node.finish() == 1
    counts = [int(found.group(1)) for line in node.complaints()
              if (found := re.search(r"not run, too many events are waiting, (\d+) times?", line))]
    assert sum(counts) == 300, node.complaints()
    assert len(counts) < 20
    assert node.complaints()[-1] == (
        "hashflow: on leaving 1000 programs of --on were not run, and 1 stopped")
    assert len(node.messages()) == 1301


@test("4 MiB of text wait at most")
def full_of_bytes(scene):
    notes = Notes(scene)
    handler, _ = gated(notes)
    node, talker = connected(scene, "--on", f"message={handler}", "--on-jobs", "1", "--drain", "0")
    talker.send("first")
    notes.wait(1)
    for _ in range(80):
        talker.send("x" * 60000)
    node.out.wait_count(81)
    assert node.finish() == 1
    waited = re.fullmatch(
        r"hashflow: on leaving (\d+) programs of --on were not run, and 1 stopped",
        node.complaints()[-1])
    assert 65 <= int(waited.group(1)) <= 69, node.complaints()


@test("a program that takes too long is stopped, with all it has started, and it is said")
def limit(scene):
    notes = Notes(scene)
    handler = notes.script("echo $$ >>{notes}; trap '' TERM; sleep 1000 & echo $! >>{notes}\n"
                           "while :; do sleep 1000; done")
    node, talker = connected(scene, "--on", f"message={handler}", "--on-limit", "0.2")
    talker.send("go")
    pids = notes.wait(2)
    node.err.wait(lambda line: "stopped after 0.2 s, 1 time" in line)
    for pid in pids:
        wait_until(lambda p=pid: not is_there(p), f"{pid} gone")
    assert node.finish() == 1


@test("a program that cannot be run or is killed is said, once a second at most; status 1")
def cannot(scene):
    for command, cause in (("no-such-program-anywhere", "cannot be run: No such file or directory"),
                           ("/dev/null", "cannot be run: Permission denied"),
                           ("sh -c 'kill -9 $$'", "ended by signal 9")):
        node, talker = connected(scene, "--on", f"message={command}")
        talker.send(*["go"] * 40)
        assert talker.finish() == 0
        node.out.wait_count(40)
        assert node.finish() == 1
        found = [re.search(re.escape(cause) + r", (\d+) times?$", line)
                 for line in node.complaints()]
        assert all(found) and sum(int(one.group(1)) for one in found) == 40, node.complaints()
        assert len(found) < 10


@test("the exit status of a program is its own affair, and what it prints goes to stderr")
def status(scene):
    notes = Notes(scene)
    handler = notes.script("echo hashflow: printed; echo hashflow: said >&2; exit 3")
    node, talker = connected(scene, "--on", f"message={handler}")
    talker.send("go")
    node.err.wait("hashflow: printed")
    node.err.wait("hashflow: said")
    assert node.finish() == 0
    assert node.texts() == ["go"]


@test("on leaving, what runs and waits gets the drain time")
def leaving(scene):
    notes = Notes(scene)
    handler, gate = gated(notes)
    node, talker = connected(scene, "--on", f"message={handler}", "--on-jobs", "1")
    talker.send(*["go"] * 5)
    node.out.wait_count(5)
    notes.wait(1)
    node.eof()
    wait_until(lambda: node.address not in talker.peers(), "the goodbye")
    assert node.running
    fd = open_gate(gate)
    for _ in range(5):
        os.write(fd, b"\n")
    assert node.wait() == 0
    os.close(fd)
    assert len(notes.lines()) == 5


@test("with --count each message that was printed is handled before the node leaves")
def counted(scene):
    notes = Notes(scene)
    node, talker = connected(scene, "--count", "20", "--on-jobs", "2",
                             "--on", "message=" + notes.script("cat >>{notes}"))
    talker.send(*[f"line {number}" for number in range(30)])
    assert node.wait() == 0
    assert sorted(notes.lines()) == sorted(node.texts())
    assert len(node.texts()) == 20


@test("our own leaving is no news: nobody went down")
def own_leaving(scene):
    notes = Notes(scene)
    node, _ = connected(scene, "-e", "--on", "down=" + notes.script("echo down >>{notes}"))
    assert node.finish() == 0
    assert node.events()[-1].startswith("* down ")
    assert not notes.lines()


@test("nothing of a handler outlives the node: killed, or ended by a second signal")
def killed(scene):
    for signals in ((signal.SIGKILL,), (signal.SIGTERM, signal.SIGTERM)):
        notes = Notes(scene, f"notes{len(signals)}")
        handler = notes.script("trap '' TERM HUP INT; sleep 1000 & echo $$ $! >>{notes}; wait; "
                               "wait", f"handler{len(signals)}")
        node, talker = connected(scene, "--on", f"message={handler}", "--drain", "60")
        talker.send("go")
        pids = notes.wait(1)[0].split()
        node.signal(signals[0])
        if len(signals) > 1:
            wait_until(lambda p=talker, n=node: n.address not in p.peers(), "the goodbye")
            node.signal(signals[1])
        assert node.wait() == -signals[0], signals
        for pid in pids:
            wait_until(lambda p=pid: not is_there(p), f"{pid} gone")
        talker.kill()


@test("without --on there is no second process")
def none(scene):
    node, _ = connected(scene)
    assert not children(node.pid)


if __name__ == "__main__":
    main()
