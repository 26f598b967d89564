#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enough: --count, --timeout, --idle, --receive-only. What lies beyond a count is neither confirmed
nor lost."""

import concurrent.futures
import os
import re
import socket
import threading

from hashflow_test import Log, Stopwatch, dead_address, main, test, wait_until
from hashflow_test.ledger import Transcript, as_input, check_each_once, entries
from hashflow_test.process import Lines, collect, pipe_size
from hashflow_test.sockets import join_address, listen
from hashflow_test.terminal import Terminal

LAST = re.compile("came after the last message wanted")


def texts(messages):
    return [message.text for message in messages]


def verbs(count, text="line"):
    return b"".join(b"/bcast %d %s %d\n" % (n, text.encode(), n) for n in range(1, count + 1))


# ---- --count

@test("exactly so many messages are printed, and exactly those are confirmed")
def exact(scene):
    node = scene.node("alice", "-C", "3")
    session = scene.session(node)
    session.write(verbs(10))
    assert node.wait() == 0
    assert node.texts() == ["line 1", "line 2", "line 3"]
    session.wait_end()
    assert session.confirmed() == 3
    session.expect(re.compile("^/bye "))


@test("the count goes over all senders, and a sender beyond it is confirmed nothing")
def several_senders(scene):
    node = scene.node("alice", "--count", "2")
    first, second = scene.session(node, "first"), scene.session(node, "second")
    first.msg("one")
    node.hears("one")
    second.write(b"/msg 1 two\n/msg 2 three\n")
    assert node.wait() == 0
    assert node.texts() == ["one", "two"]
    second.wait_end()
    assert (first.confirmed(), second.confirmed()) == (1, 1)


@test("of a stream's lines those that were read too far are told, and nobody waits for the stream")
def stream(scene):
    node = scene.node("alice", "-C", "2")
    client = scene.client(node)
    client.send("one", "two", "three", "four")
    clock = Stopwatch()
    assert node.wait() == 0
    assert clock.seconds() < 1.5
    assert node.texts() == ["one", "two"]
    found = [line for line in node.complaints() if LAST.search(line)]
    assert len(found) == 1 or "more like that" in node.errors(), node.errors()


@test("a plain connection is not read beyond the count: who writes on learns it")
def not_read(scene):
    node = scene.node("alice", "-C", "1", stdin="null")
    early, late = scene.client(node), scene.client(node)
    early.send("one")
    assert node.wait() == 0
    assert node.texts() == ["one"]
    assert late.wait_end() in ("eof", "reset")


@test("one-shot messages: exactly so many, also when several come at once")
def oneshots(scene):
    node = scene.node("alice", "-C", "3")
    clients = [scene.client(node) for _ in range(8)]
    for number, client in enumerate(clients):
        client.write(f"127.0.0.1:9 bob text {number}")
        client.half_close()
    assert node.wait() == 0
    assert len(node.messages()) == 3, node.messages()


@test("a sender keeps what lies beyond: 40 runs of 25 lines make 1,000 lines, each once, in order")
def runs(scene):
    lines = entries(1000)
    home, (port,) = scene.home(), scene.ports(1)
    script = Transcript(scene, "taker")
    sender = scene.node("sender", "-p", *scene.ports(1), "-t", "all", f"127.0.0.1:{port}")
    sender.write(as_input(lines))
    for _ in range(40):
        taker = script.node("-p", port, "-C", "25", home=home, stdin="null")
        assert taker.wait() == 0, taker.errors()
    assert [len(run) for run in script.runs()] == [25] * 40
    check_each_once(texts(script.messages()), lines)


@test("what a former run has left is printed first, counts, and what lies beyond it stays stored")
def left_over(scene):
    home, (port,) = scene.home(), scene.ports(1)
    read_end, write_end = os.pipe()
    pipe_size(write_end, 4096)
    try:
        node = scene.node("alice", "-p", port, home=home, stdout=write_end)
        session = scene.session(node, resume=0)
        lines = verbs(400, "x" * 50).splitlines(keepends=True)
        for number in range(0, 400, 50):  # each in a turn of its own
            session.write(b"".join(lines[number:number + 50]))
            session.acked(number + 50)
        node.kill()
    finally:
        os.close(read_end)
        os.close(write_end)
    numbers = []
    for options in (("-C", "90"), ("-C", "90"), ("--idle", "0.5")):
        run = scene.node("alice", "-p", port, *options, home=home, stdin="null")
        assert run.wait() == 0, run.errors()
        assert options[0] != "-C" or len(run.texts()) == 90, run.texts()
        numbers += [int(text.split()[1]) for text in run.texts()]
    assert numbers == list(range(numbers[0], 401)), numbers
    assert len(numbers) > 180


@test("a slow stdout: the node leaves when all is printed, and confirms all that")
def slow_stdout(scene):
    read_end, write_end = os.pipe()
    pipe_size(write_end, 4096)
    node = scene.node("alice", "-C", "100", "--no-store", stdout=write_end)
    os.close(write_end)
    session = scene.session(node)
    session.write(verbs(200, "x" * 500))
    session.ping("read")
    assert session.confirmed() < 100
    lines = Log("reader")
    threading.Thread(target=collect, args=(Lines(read_end, lines),), daemon=True).start()
    assert node.wait() == 0
    lines.wait_closed()
    assert len(lines) == 100
    session.wait_end()
    assert session.confirmed() == 100


@test("what was sent is delivered before a node with a count leaves")
def delivers(scene):
    node = scene.node("alice", "-C", "1")
    session = scene.session(node, "bob", ack=False)
    node.send("/bcast question")
    session.hears("question")
    session.msg("answer")
    node.hears("answer")
    session.ping("alive")
    session.ack()
    assert node.wait() == 0


@test("the end of stdin does not end a node that has not got its count")
def stdin_ends(scene):
    node = scene.node("alice", "-C", "1")
    session = scene.session(node)
    node.eof()
    session.ping("alive")
    session.msg("one")
    assert node.wait() == 0
    assert node.texts() == ["one"]


@test("a question and its answer in one line of shell")
def question(scene):
    bob = scene.node("bob")
    asker = scene.node("asker", "-p", "0", "-C", "1", "-W", "20", bob.address, ready=False)
    asker.write("question\n")
    asker.eof()
    address = bob.hears("question").address
    bob.send(f"/msg {address} answer")
    assert asker.wait() == 0, asker.errors()
    assert asker.texts() == ["answer"]


class Crowded:
    """An address where a dial takes long: its queue of connections is full."""

    def __init__(self):
        self._server = listen(backlog=0)
        self.address = join_address(*self._server.getsockname())
        self._others = [socket.socket() for _ in range(4)]
        for other in self._others:
            other.setblocking(False)
            other.connect_ex(self._server.getsockname())

    def close(self):
        for each in (self._server, *self._others):
            each.close()


@test("an address that does not answer neither delays a node with its count nor fails it")
def unreachable(scene):
    node = scene.node("alice", "-C", "1", dead_address(), scene.add(Crowded()).address)
    scene.session(node).msg("one")
    clock = Stopwatch()
    assert node.wait() == 0, node.errors()
    assert clock.seconds() < 5


def chain(scene, port, count):
    """Receivers and senders of one port, one pair after the other; which starts first changes."""
    home = scene.home()
    for number in range(count):
        def receiver():
            return scene.node("receiver", "-p", port, "-C", "1", home=home, stdin="null",
                              ready=False)
        taker = receiver() if number % 2 else None
        sender = scene.node("sender", "-t", "all", f"127.0.0.1:{port}", ready=False)
        sender.write(f"text {number}\n")
        sender.eof()
        taker = taker or receiver()
        assert sender.wait() == 0, sender.errors()
        assert taker.wait() == 0, taker.errors()
        assert taker.texts() == [f"text {number}"], taker.texts()


@test("100 receivers and senders back to back: nothing is lost, nothing is waited for")
def back_to_back(scene):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        chains = [pool.submit(chain, scene, port, 20) for port in scene.ports(5)]
        for done in chains:
            done.result()


# ---- --timeout

@test("-W 2 against a listener that says nothing ends in 2 s, with status 4 and the reason")
def mute(scene):
    listener = scene.listener()
    clock = Stopwatch()
    node = scene.node("alice", "-W", "2", listener.address, ready=False, stdin="null")
    assert node.wait() == 4
    assert 1.9 < clock.seconds() < 3, clock.seconds()
    assert node.complaints() == ["hashflow: no message within 2 s"]


@test("--timeout says how many messages are missing, or just that it is over")
def how_many(scene):
    counted, plain = scene.node("alice", "-W", "1.5", "-C", "10"), scene.node("bob", "-W", "1.5")
    for node in (counted, plain):
        session = scene.session(node)
        session.msg("one")
        session.msg("two")
    assert counted.wait() == 4
    assert counted.complaints() == ["hashflow: 2 of 10 messages within 1.5 s"]
    assert plain.wait() == 4
    assert plain.complaints() == ["hashflow: the 1.5 s of --timeout are over"]


@test("--timeout says what it has cut short: a command, input that goes on, or a wait for messages")
def what(scene):
    waits = scene.node("alice", "-W", "0.5", "-C", "3", "-c", "/wait up=1", "-c", "/echo no more")
    reads = scene.node("bob", "-W", "0.5")
    listens = scene.node("carol", "-W", "0.5", "-r")
    sends = scene.node("dave", "-W", "0.5", "-t", "erin", scene.listener().address)
    for node, complaint in ((waits, "/wait: not answered within the 0.5 s of --timeout"),
                            (reads, "the 0.5 s of --timeout are over"),
                            (listens, "no message within 0.5 s"),
                            (sends, "--to erin: not known within the 0.5 s of --timeout")):
        assert node.wait() == 4
        assert node.complaints()[0] == f"hashflow: {complaint}", node.errors()
    assert "/echo no more" not in waits.out.items()


@test("--timeout ends the wait for deliveries, and says so")
def drain(scene):
    session = scene.session_listener(ack=False)
    node = scene.node("alice", "-W", "1.5", "-t", "all", session.address)
    session.open()
    node.send("one")
    node.eof()
    clock = Stopwatch()
    assert node.wait() == 4
    assert clock.seconds() < 3
    node.complains("hashflow: --timeout is over before all was done")
    node.complains(re.compile("1 "))


@test("--timeout ends a wait for a command, and for a reader of stdout that has stopped")
def others(scene):
    read_end, write_end = os.pipe()
    pipe_size(write_end, 4096)
    stuck = scene.node("alice", "-W", "1", stdout=write_end)
    scene.session(stuck).write(verbs(50, "x" * 500))
    waiting = scene.node("bob", "-W", "1", "-c", "/wait messages=5")
    clock = Stopwatch()
    assert waiting.wait() == 4
    assert stuck.wait() == 4
    assert clock.seconds() < 3
    os.close(read_end)
    os.close(write_end)


@test("--timeout ends handlers that still run")
def handlers(scene):
    node = scene.node("alice", "-W", "1", "--on-plain", "--on", "message=sleep 30", "-C", "1")
    scene.session(node).msg("one")
    clock = Stopwatch()
    assert node.wait() == 4
    assert clock.seconds() < 3
    node.complains("hashflow: --timeout is over before all was done")


@test("--timeout waits for no handler that is deaf to a SIGTERM, and leaves none")
def deaf_handlers(scene):
    deaf, note = scene.path("deaf"), scene.path("note")
    with open(deaf, "w", encoding="ascii") as file:
        file.write(f"trap '' TERM; echo $$ >{note}.new; mv {note}.new {note}\n"
                   "while :; do sleep 1; done\n")
    clock = Stopwatch()
    node = scene.node("alice", "-W", "2", "--on-plain", "--on", f"message=sh {deaf}")
    scene.session(node).msg("one")
    wait_until(lambda: os.path.exists(note), "the handler runs")
    with open(note, encoding="ascii") as file:
        pid = int(file.read())
    assert node.wait() == 4 and clock.seconds() < 3.5, clock.seconds()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the handler is gone")
    node.complains("hashflow: the 2 s of --timeout are over")


@test("a node that has finished in time does not care about its --timeout")
def in_time(scene):
    bob = scene.node("bob")
    node = scene.run("alice", "-W", "30", "-t", "all", bob.address, stdin=b"one\n")
    assert node.wait() == 0
    bob.hears("one")


# ---- --idle

@test("--idle leaves with 0 when nothing has come for so long, and not before")
def idle(scene):
    node = scene.node("alice", "--idle", "1")
    session = scene.session(node)
    clock = Stopwatch()
    for number in range(3):
        node.send("/wait idle=0.6 20")
        node.sync()
        session.msg(f"text {number}")
        node.hears(f"text {number}")
    assert node.running
    assert node.finish() == 0
    assert clock.seconds() > 2.7, clock.seconds()
    session.wait_end()
    assert session.confirmed() == 3


@test("--idle counts from the start if nothing comes, and dialling does not prolong it")
def idle_from_start(scene):
    listener = scene.listener()
    clock = Stopwatch()
    node = scene.node("alice", "--idle", "0.5", listener.address, ready=False, stdin="null")
    node.wait()
    assert 0.4 < clock.seconds() < 4, clock.seconds()


@test("a stdout that takes nothing is no silence")
def idle_slow(scene):
    read_end, write_end = os.pipe()
    pipe_size(write_end, 4096)
    node = scene.node("alice", "--idle", "0.3", "--no-store", stdout=write_end)
    os.close(write_end)
    session = scene.session(node)
    session.write(verbs(50, "x" * 500))
    for number in range(3):
        other = scene.node("clock", "--idle", "0.3", stdin="null")
        assert other.wait() == 0
        node.send(f"/bcast {number}")
        session.hears(f"{number}")
    lines = Log("reader")
    threading.Thread(target=collect, args=(Lines(read_end, lines),), daemon=True).start()
    assert node.wait() == 0
    assert session.confirmed() == 50


# ---- --receive-only

@test("-r reads no stdin: what stands there is not sent, its end ends nothing")
def receive_only(scene):
    bob = scene.node("bob")
    node = scene.node("alice", "-r", "-c", "/bcast by command", bob.address)
    node.write("/bcast from stdin\n/quit\n")
    node.eof()
    bob.hears("by command")
    bob.wait_up()
    bob.send("/bcast one")
    node.hears("one")
    assert bob.texts() == ["by command"]
    assert node.running
    node.signal(15)
    assert node.wait() == 0


@test("-r on a terminal shows what comes, takes no lines, and ends with Ctrl-C")
def on_terminal(scene):
    terminal = scene.add(Terminal())
    node = scene.node("alice", "-r", within=terminal.within(0, 1, 2), env={"TERM": "xterm"})
    session = scene.session(node, "bob")
    terminal.type("/bcast typed\n")
    session.msg("one")
    wait_until(lambda: any("bob" in row and row.endswith("one") for row in terminal.rows()),
               "a message")
    terminal.type("\x03")
    assert node.wait() == 0
    session.wait_end()
    assert not session.texts()


@test("wrong numbers, and -r with -t, are usage errors")
def usage(scene):
    for options in (["-C", "0"], ["-C", "x"], ["-C", "-1"], ["--count", ""], ["-W", "0"],
                    ["-W", "soon"], ["--timeout", "-1"], ["--idle", "0.0"], ["--idle", "1s"],
                    ["-r", "-t", "all"]):
        node = scene.run("alice", *options)
        assert node.wait() == 2, options
        assert len(node.complaints()) == 1, (options, node.errors())


main()
