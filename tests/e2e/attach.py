#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""hashflow --attach in scripts: lines are run in the node, and answers, complaints and status come
back; whatever becomes of it, the node goes on."""

import json
import os
import re
import signal

from hashflow_test import main, test, wait_until
from hashflow_test.control import pair, with_state
from hashflow_test.ledger import as_input, check_each_once, entries
from hashflow_test.node import BINARY, environment, parse_message
from hashflow_test.process import pipe_size
from hashflow_test.terminal import Terminal


def attach(scene, *options, home=None, **more):
    """Starts hashflow --attach with these options."""
    return scene.process(BINARY, "--attach", *options, env=environment(home or scene.home()),
                         label="attached", **more)


def run(scene, *options, stdin="", status=0, **more):
    """Runs it to its end, which must have this status, and returns it."""
    done = attach(scene, *options, **more)
    done.write(stdin)
    found = done.finish()
    assert found == status, f"status {found}: {done.errors()}"
    return done


@test("the lines of -c are run, then those of stdin, each answered before the next")
def in_order(scene):
    _, folder, bob = pair(scene)
    done = run(scene, folder, "-c", "/echo one", "-c", "from -c",
               stdin="/echo two\nfrom stdin\n/ping bob\n/echo last")
    lines = done.out.items()
    assert lines[:2] == ["/echo one", "/echo two"] and lines[3:] == ["/echo last"]
    assert re.fullmatch(rf"/ping {bob.address} bob \S+", lines[2]), lines
    assert not done.err.items()
    bob.hears("from stdin")
    assert bob.texts() == ["from -c", "from stdin"]


@test("complaints come on stderr as the node's own would, and the status is that of a script")
def statuses(scene):
    _, folder, bob = pair(scene, "--drain", "0.3")
    done = run(scene, folder, "-c", "/nosuch \\ \x1b", "-c", "/echo on", status=1)
    assert done.out.items() == ["/echo on"]
    assert re.match("hashflow: /nosuch: no such command", *done.err.items())
    assert "\x1b" not in done.errors()
    run(scene, folder, "-c", "/wait up=9 0.1", status=4)
    bob.stop()
    late = run(scene, folder, "-c", "/msg bob late", status=3)
    assert "not everything that was sent is delivered yet" in late.errors()
    bob.resume()
    bob.hears("late")


@test("a node is found by its port, its folder, its socket, --port and --state")
def places(scene):
    home = scene.home()
    port = scene.ports(1)[0]
    node = scene.node("alice", "-p", port, home=home)
    node.sync()
    folder = os.path.join(home, "state", "hashflow", str(port))
    for where in ([port], [folder], [os.path.join(folder, "control")], ["--port", port],
                  ["--state", folder], ["-p", port]):
        done = run(scene, *where, "-c", "/whoami", home=home, stdin="")
        assert done.out.items()[0].startswith("/whoami alice "), where


@test("where no node runs one line says so and the status is 1; wrong usage is 2")
def nowhere(scene):
    alice, folder = with_state(scene, "alice")
    for where in ([], [scene.ports(1)[0]], [scene.path("nothing")]):
        done = run(scene, *where, status=1)
        assert re.fullmatch("hashflow: .*: no node is running there", done.errors()), done.errors()
    alice.kill()
    assert "no node is running there" in run(scene, folder, status=1).errors()
    for wrong in (["--name", "x"], ["-t", "all"], ["--no-store"], [folder, "7300"],
                  ["-p", "1", "--state", folder], ["--drain", "1"], ["--daemon"], ["-F", "%p"],
                  ["-C", "1"], ["--json", "--ids"]):
        assert len(run(scene, *wrong, status=2).err.items()) == 1, wrong


@test("messages are printed with -k, events with -e, ids with --ids, otherwise none")
def news(scene):
    alice, folder, bob = pair(scene)
    quiet = attach(scene, folder)
    follower = attach(scene, folder, "-k", "-e", "--ids", "-c", "/echo ready", stdin="null")
    follower.out.wait("/echo ready")
    quiet.send("/echo ready")
    quiet.out.wait("/echo ready")
    bob.send("to all\ttab  two \\n")
    follower.out.wait(re.compile(rf"^{bob.address} bob [a-z0-9]+\.\d+\.\d+ to all\ttab  two \\n$"))
    carol = scene.node("carol", alice.address)
    follower.out.wait(re.compile(r"^\* up \S+ carol$"))
    assert carol.finish() == 0
    follower.out.wait(re.compile(r"^\* down \S+ carol$"))
    assert quiet.finish() == 0
    assert quiet.out.items() == ["/echo ready"]
    follower.signal(signal.SIGTERM)
    assert follower.wait() == 0


@test("--json makes objects of it, --timestamps begins messages with their time, -r only listens")
def forms(scene):
    _, folder, bob = pair(scene)
    done = run(scene, folder, "--json", "-c", "/whoami", "-c", "/nosuch", status=1)
    assert [json.loads(line)["command"] for line in done.out.items()] == ["whoami"]
    assert "/nosuch" in done.errors()
    timed = attach(scene, folder, "-r", "--timestamps", "-c", "/echo ready")
    timed.out.wait("/echo ready")
    timed.send("/echo not read")
    bob.send("now")
    timed.out.wait(re.compile(rf"^\d{{4}}-\d\d-\d\dT\S+ {bob.address} bob now$"))
    timed.signal(signal.SIGTERM)
    assert timed.wait() == 0
    assert "/echo not read" not in timed.out.items()


@test("of the configuration file it reads where the node is, and nothing else")
def configured(scene):
    _, folder = with_state(scene, "alice")
    home = scene.home()
    os.makedirs(os.path.join(home, ".config/hashflow"))
    with open(os.path.join(home, ".config/hashflow/config"), "w", encoding="utf-8") as file:
        file.write(f"state {folder}\nkeep\nevents\njson\ndaemon\nname other\n")
    done = run(scene, "-c", "/whoami", home=home)
    assert done.out.items()[0].startswith("/whoami alice ")


@test("with nothing to say, stdin being /dev/null, it only listens")
def listens(scene):
    alice, folder, bob = pair(scene)
    listener = attach(scene, folder, stdin="null")

    def heard():
        bob.send("are you there?")
        bob.sync()
        return len(listener.out) > 0
    wait_until(heard, "a message")
    assert parse_message(listener.out.items()[0]).text == "are you there?"
    assert alice.finish() == 0
    assert listener.wait() == 1
    assert "the node has left" in listener.errors()


@test("100,000 lines through it arrive once and in order, also beside three others")
def stream(scene):
    alice, folder, bob = pair(scene)
    others = [attach(scene, folder, "-c", "/to bob") for _ in range(3)]
    texts = entries(100_000)
    for number, other in enumerate(others):
        other.write(as_input([f"{number} {n}" for n in range(1000)]))
    main_one = attach(scene, folder)
    main_one.write(as_input(texts), 60)
    assert main_one.finish(60) == 0
    for other in others:
        assert other.finish(60) == 0
    bob.hears(texts[-1])
    got = bob.texts("alice")
    check_each_once([text for text in got if text.startswith("entry ")], texts)
    for number in range(3):
        check_each_once([text for text in got if text.startswith(f"{number} ")],
                        [f"{number} {n}" for n in range(1000)])


@test("a reader of its stdout that is slow gets everything; one that goes ends it, not the node")
def readers(scene):
    alice, folder = with_state(scene, "alice")
    slow_end, given = os.pipe()
    pipe_size(given, 4096)
    slow = attach(scene, folder, stdin="pipe", stdout=given)
    os.close(given)
    slow.write("/help\n" * 300 + "/echo last\n")
    slow.eof()
    data = b""
    while part := os.read(slow_end, 512):
        data += part
    os.close(slow_end)
    assert slow.wait() == 0
    assert data.count(b"/help /quit") == 300 and data.endswith(b"/echo last\n")
    read_end, given = os.pipe()
    broken = attach(scene, folder, "-k", stdin="null", stdout=given)
    os.close(given)
    os.close(read_end)
    assert broken.wait() == 1
    assert "its reader has gone" in broken.errors()
    assert alice.ask("/whoami")


@test("killed or stopped it leaves the node unharmed; one that was stopped for long is told")
def mishaps(scene):
    alice, folder, bob = pair(scene)
    killed = attach(scene, folder, "-c", "said before", "-c", "/wait up=9")
    bob.hears("said before")
    killed.kill()
    stopped = attach(scene, folder, "-k", "-c", "/echo ready", stdin="null")
    stopped.out.wait("/echo ready")
    stopped.stop()
    for first in range(0, 8000, 1000):
        bob.write("".join(f"{n:06d} {'x' * 990}\n" for n in range(first, first + 1000)), 60)
    alice.expect(re.compile(" 007999 x"), 60)
    alice.complains(re.compile("does not read"))
    stopped.resume()
    assert stopped.wait() == 1
    assert "was not read for too long" in stopped.errors()
    assert run(scene, folder, "-c", "/peers").out.items()


@test("a question of one is answered to that one, and who does not answer makes its status 3")
def asks(scene):
    alice, folder, bob = pair(scene)
    carol = scene.node("carol", "--answer", "tr a-z A-Z")
    alice.connect(carol.address)
    other = attach(scene, folder, "-k", "-e", "-c", "/echo ready", stdin="null")
    other.out.wait("/echo ready")
    done = run(scene, folder, "-c", "/ask all olleh 5", status=3)
    assert done.out.items() == [f"/ask {carol.address} carol OLLEH"]
    assert re.match(r"hashflow: /ask: \S+ bob: .*takes no questions", done.errors())
    assert run(scene, folder, "-c", "/ask carol olleh").out.items() == done.out.items()
    other.signal(signal.SIGTERM)
    assert other.wait() == 0
    assert not [line for line in other.out.items() if line.startswith("/ask")]


@test("a node that has stopped holds up nobody for ever: when its door is full that is told")
def stopped_node(scene):
    alice, folder = with_state(scene, "alice")
    alice.stop()
    waiting = [attach(scene, folder, "-c", "/echo ready") for _ in range(20)]
    wait_until(lambda: any(not one.running for one in waiting), "one is turned away")
    for one in waiting:
        if not one.running:
            assert one.wait() == 1
            assert one.errors().endswith("the node there does not answer")
    alice.resume()
    assert alice.ask("/whoami")


@test("the end of the node is told, and /quit is obeyed")
def ends(scene):
    alice, folder = with_state(scene, "alice")
    waits = attach(scene, folder, "-k", "-c", "/echo ready", stdin="null")
    waits.out.wait("/echo ready")
    alice.kill()
    assert waits.wait() == 1
    assert waits.errors() == "hashflow: the node has ended"
    again, _ = with_state(scene, "alice", "-k")
    run(scene, folder, "-c", "/quit")
    assert again.wait() == 0


@test("a signal gives up what is waited for and what would follow; a second one ends it at once")
def signals(scene):
    _, folder = with_state(scene, "alice")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        for stdin in ("pipe", "null"):
            waits = attach(scene, folder, "-c", "/echo ready", "-c", "/wait up=9",
                           "-c", "/echo no more", stdin=stdin)
            waits.out.wait("/echo ready")
            waits.signal(number)
            assert waits.wait() == 0, number
            assert waits.out.items() == ["/echo ready"]
    alice, folder = with_state(scene, "albert")
    stuck = attach(scene, folder, "-c", "/echo ready", "-c", "/wait up=9")
    stuck.out.wait("/echo ready")
    alice.stop()
    stuck.signal(signal.SIGTERM)
    wait_until(lambda: not pending(stuck, signal.SIGTERM), "the first signal is taken")
    stuck.signal(signal.SIGTERM)
    assert stuck.wait() == -signal.SIGTERM
    alice.resume()


def pending(process, number):
    with open(f"/proc/{process.pid}/status", encoding="ascii", errors="replace") as file:
        masks = re.findall(r"^(?:SigPnd|ShdPnd):\s+(\w+)$", file.read(), re.M)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


@test("nothing that commands a terminal gets to one, whatever was followed")
def harmless(scene):
    _, folder, bob = pair(scene)
    terminal = scene.add(Terminal())
    scene.process(*terminal.within(1), BINARY, "--attach", folder, "-k", "-c", "/follow messages",
                  "-c", "/echo ready", env=environment(scene.home()), stdin="null")
    wait_until(lambda: "ready" in terminal.text(), "it is attached")
    bob.send("\x1b]0;evil\x07 \udc9b2J \x1b[31mred end")
    wait_until(lambda: "end" in terminal.text(), "the message is shown")
    assert "\\x1b]0;evil\\x07 \\x9b2J \\x1b[31mred" in terminal.text(), terminal.text()


@test("a backslash gets to a terminal as the node has shown it")
def backslashes(scene):
    _, folder, bob = pair(scene)
    terminal = scene.add(Terminal())
    scene.process(*terminal.within(1), BINARY, "--attach", folder, "-k", "--json",
                  "-c", "/echo ready", env=environment(scene.home()), stdin="null")
    people = scene.add(Terminal())
    scene.process(*people.within(1), BINARY, "--attach", folder, "-k", "-c", "/echo ready",
                  env=environment(scene.home()), stdin="null")
    wait_until(lambda: "ready" in people.text() and "ready" in terminal.text(), "both are attached")
    bob.send('a\\b "quoted" \x07 end')
    wait_until(lambda: "end" in terminal.text() and "end" in people.text(), "the message is shown")
    assert json.loads(terminal.rows()[1])["text"] == 'a\\b "quoted" \x07 end', terminal.text()
    assert 'a\\\\b "quoted" \\x07 end' in people.text(), people.text()


if __name__ == "__main__":
    main()
