#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""--answer: what a program prints goes back to who has asked, and what becomes of it if not."""

import os
import re
import signal

from hashflow_test import Stopwatch, main, test, wait_until
from hashflow_test.process import is_there


def answers(node):
    return [line for line in node.out.items() if line.startswith("/ask ")]


def answerer(scene, command, *options, name="bob"):
    return scene.node(name, "--answer", command, *options)


def asker(scene, *others):
    node = scene.node("alice")
    node.connect(*(other.address for other in others))
    return node


def missing(node, who, why):
    return node.complains(re.compile(rf"/ask: \S+ {who}: .*{why}"))


def note(path):
    """The one line that a program writes to a file, once it is there."""
    return wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0
                      and open(path, encoding="ascii").read(), f"{path} written").split()


@test("the question is the program's input, and its output is the answer, line by line")
def answer(scene):
    bob = answerer(scene, "sh -c 'printf \"a\\n\\n\"; cat; printf \"tail \\t\\r\\nno LF\"'")
    alice = asker(scene, bob)
    for text in (b"how  are you? ", b"it's \"x\" \\ $HOME", b"\xff\xfe\x1b[31m", b"x" * 60000):
        before = len(alice.out)
        alice.write(b"/ask bob " + text + b"\n")
        alice.sync()
        start = f"/ask {bob.address} bob "
        assert alice.out.items(before)[:-1] == [
            start + line for line in ("a", "", text.decode("utf-8", "surrogateescape"),
                                      "tail \t\r", "no LF")]
    assert alice.finish() == bob.finish() == 0
    assert not alice.complaints() and not bob.complaints()


@test("the environment says who asks, and that it is a question")
def environment(scene):
    bob = answerer(scene, "sh -c 'echo $HASHFLOW_EVENT $HASHFLOW_ADDRESS $HASHFLOW_NAME "
                          "$HASHFLOW_NODE $HASHFLOW_TIME ${HASHFLOW_KIND-none} "
                          "${HASHFLOW_ID-none}'")
    alice = asker(scene, bob)
    alice.send("/ask bob who am I?")
    line = alice.expect(re.compile("^/ask "))
    me = alice.ask("/whoami")[0].split()
    assert re.fullmatch(rf"/ask {bob.address} bob question {alice.address} alice {me[2]} "
                        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ none none", line), line


@test("everyone answers for himself, and each who has not is named with the reason; status 3")
def everyone(scene):
    nodes = [answerer(scene, "echo yes", name="bob"),
             answerer(scene, "sh -c 'echo nearly; exit 1'", name="carol"),
             answerer(scene, "no-such-program-anywhere", name="dave"),
             answerer(scene, "true", name="erin"),
             answerer(scene, "sleep 30", name="frank"),
             answerer(scene, "sh -c 'kill -9 $$'", name="gina"),
             scene.node("henry")]
    alice = asker(scene, *nodes)
    watch = Stopwatch()
    alice.send("/ask all ready? 2", "/echo later")
    alice.expect("/echo later")
    assert 1.9 < watch.seconds() < 15
    assert sorted(answers(alice)) == sorted([f"/ask {nodes[0].address} bob yes",
                                             f"/ask {nodes[1].address} carol nearly"])
    for who, why in (("carol", "its command failed"), ("dave", "its command failed"),
                     ("frank", "no answer within 2 s"), ("gina", "its command failed"),
                     ("henry", "it takes no questions")):
        missing(alice, who, why)
    assert len(alice.complaints()) == 5, alice.complaints()
    assert alice.finish() == 3
    nodes[2].complains(re.compile("--answer no-such-program-anywhere: cannot be run: No such"))
    nodes[5].complains(re.compile("--answer sh .*: ended by signal 9, 1 time"))
    assert [node.finish() for node in nodes if node.label in ("bob", "dave", "henry")] == [0, 1, 0]


@test("an answer of 64 KiB arrives; a longer one, and one that is not text, is cut and said to be")
def too_much(scene):
    line = "x" * 1023
    bob = answerer(scene, "sh -c 'read -r q; eval \"$q\"'")
    alice = asker(scene, bob)
    alice.send(f"/ask bob yes {line} | head -n 64 5")
    alice.sync()
    assert len(answers(alice)) == 64 and not alice.complaints()
    for number, command in enumerate((f"yes {line} | head -n 65", "yes", "tr '\\0' x </dev/zero",
                                      "printf 'a\\0b\\n'", "head -c 65001 /dev/zero | tr '\\0' x"),
                                     1):
        watch = Stopwatch()
        alice.send(f"/ask bob {command} 20")
        alice.sync()
        assert watch.seconds() < 9
        assert len(alice.complaints()) == number
        assert re.search("/ask: .* bob: its answer is too long, or not text",
                         alice.complaints()[-1])
    assert bob.finish() == 0
    assert not bob.complaints()


@test("a slow answer keeps neither other questions nor messages waiting, nor does a slow handler")
def slow(scene):
    bob = answerer(scene, "sh -c 'read -r q; [ \"$q\" = slow ] && sleep 30; echo $q'",
                   "--on", "message=sleep 30", "--drain", "0")
    alice, carol = asker(scene, bob), scene.node("carol")
    carol.connect(bob.address)
    watch = Stopwatch()
    carol.send("/ask bob slow 30")
    alice.send(*[f"message {number}" for number in range(20)], "/ask bob quick")
    alice.expect(f"/ask {bob.address} bob quick")
    bob.hears("message 19")
    assert watch.seconds() < 10
    assert bob.finish() == 1
    missing(carol, "bob", "it went away")


@test("questions wait for --on-jobs, are answered in their order, and a ninth of one peer is busy")
def busy(scene):
    gate = scene.path("gate")
    os.mkfifo(gate)
    bob = answerer(scene, f"sh -c 'read -r x <{gate}; cat'", "--on-plain", "--on-jobs", "1")
    session = scene.session(bob, "carol")
    for number in range(9):
        session.send(f"/ask {number} question {number}")
    session.expect_line("/answered 8 busy")
    fd = os.open(gate, os.O_RDWR)
    os.write(fd, b"\n" * 8)
    for number in range(8):
        session.expect_line(f"/answered {number} ok")
    said = [line for line in session.lines.items() if line.startswith("/answer ")]
    assert said == [f"/answer {number} question {number}" for number in range(8)]
    os.close(fd)


@test("a program whose asker has gone is stopped with its next line, and nothing is said about it")
def asker_gone(scene):
    pid = scene.path("pid")
    bob = answerer(scene, f"sh -c 'echo $$ >{pid}; while echo x; do sleep 0.05; done'", "--on-plain")
    session = scene.session(bob, "carol")
    session.send("/ask 1 go")
    session.expect_line("/answer 1 x")
    number = note(pid)[0]
    session.close()
    wait_until(lambda: not is_there(number), "the program is gone")
    assert bob.finish() == 0
    assert "--answer" not in bob.errors(), bob.errors()


@test("on leaving, a question that was put is answered first, within the drain time")
def leaving(scene):
    gate = scene.path("gate")
    os.mkfifo(gate)
    bob = answerer(scene, f"sh -c 'echo begun; read -r x <{gate}; echo done'")
    alice = asker(scene, bob)
    alice.send("/ask bob go")
    alice.expect(f"/ask {bob.address} bob begun")
    bob.signal(signal.SIGTERM)
    fd = os.open(gate, os.O_RDWR)
    os.write(fd, b"\n")
    alice.expect(f"/ask {bob.address} bob done")
    assert bob.wait() == 0
    os.close(fd)
    assert alice.finish() == 0


@test("an answer that takes longer than the drain time is stopped, and both sides say so")
def leaving_late(scene):
    pid = scene.path("pid")
    bob = answerer(scene, f"sh -c 'sleep 1000 & echo $$ $! >{pid}; wait'", "--drain", "0.2")
    alice = asker(scene, bob)
    alice.send("/ask bob go")
    pids = note(pid)
    bob.signal(signal.SIGTERM)
    assert bob.wait() == 1
    assert bob.complaints() == ["hashflow: on leaving 0 programs of --answer were not run, "
                                "and 1 stopped"]
    missing(alice, "bob", "it went away")
    for number in pids:
        wait_until(lambda p=number: not is_there(p), f"{number} gone")
    assert alice.finish() == 3


@test("a time limit holds for answers too")
def limit(scene):
    bob = answerer(scene, "sleep 1000", "--on-limit", "0.2")
    alice = asker(scene, bob)
    alice.send("/ask bob go 15")
    missing(alice, "bob", "its command failed")
    bob.complains(re.compile("--answer sleep 1000: stopped after 0.2 s, 1 time"))
    assert bob.finish() == 1


@test("the last --answer counts, and one that cannot be meant is wrong usage")
def option(scene):
    bob = answerer(scene, "echo first", "--answer", "echo second")
    alice = asker(scene, bob)
    alice.send("/ask bob go")
    alice.expect(f"/ask {bob.address} bob second")
    for value, cause in (("", "no program"), ("a 'b", "never closed"), ("a\\", "backslash")):
        node = scene.run("carol", "--answer", value)
        assert node.wait() == 2
        assert cause in node.errors() and "--answer" in node.errors()


if __name__ == "__main__":
    main()
