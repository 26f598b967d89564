#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control socket: a client's lines are orders, it sees its own answers and what it follows, and
whatever it does, the node goes on."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys

from hashflow_test import Skip, Stopwatch, main, test, wait_until
from hashflow_test.node import has_sanitizer
from hashflow_test.sockets import read_to_end
from hashflow_test.control import dial_control, pair, with_state

CLIENTS = 32


@test("a client's lines are answered to that client alone, and the last line is how it went")
def own_answers(scene):
    alice, folder, bob = pair(scene)
    one, two = scene.control(folder), scene.control(folder)
    assert re.fullmatch(rf"/peers {bob.address} bob session up \S+ \S+ \S+", *one.ask("/peers"))
    one.send("hello from one")
    bob.hears("hello from one", "alice")
    two.send("/echo second")
    two.expect("/echo second")
    assert one.finish() == 0
    assert two.finish() == 0
    assert two.lines.items() == ["/echo second", "/detach 0"]
    assert not alice.messages() and alice.finish() == 0
    assert not [line for line in alice.out.items() if "/peers" in line or "second" in line]


@test("a node takes the same lines from nc -U")
def by_nc(scene):
    if not shutil.which("nc"):
        raise Skip("nc is missing")
    _, folder, bob = pair(scene)
    nc = scene.process("nc", "-U", os.path.join(folder, "control"))
    nc.send("by nc", "/echo done", "/detach")
    nc.out.wait("/detach 0")
    assert nc.out.items() == ["/echo done", "/detach 0"]
    bob.hears("by nc")


@test("the socket is ours alone, and goes with the node; a stale one is in nobody's way")
def the_file(scene):
    alice, folder = with_state(scene, "alice")
    path = os.path.join(folder, "control")
    scene.control(folder).sync()
    found = os.stat(path)
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600
    alice.kill()
    assert os.path.exists(path)
    again, _ = with_state(scene, "alice")
    assert scene.control(folder).ask("/whoami")[0].startswith("/whoami alice ")
    assert again.finish() == 0
    assert not os.path.exists(path)


@test("a state folder with a path longer than an address holds has its socket too")
def long_path(scene):
    folder = os.path.join(scene.dir, "x" * 120, "y" * 120)
    scene.node("alice", "--state", folder)
    assert scene.control(folder).finish() == 0


@test("another user is refused, even where the file lets everyone through")
def other_user(scene):
    if os.geteuid() != 0:
        raise Skip("needs root: it becomes somebody else")
    _, folder = with_state(scene, "alice")
    scene.control(folder).sync()
    os.chmod(folder, 0o711)
    os.chmod(os.path.join(folder, "control"), 0o666)
    program = """import os, socket
at = os.open(os.sys.argv[1], os.O_PATH)
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.connect(f"/proc/self/fd/{at}/control")
try:
    s.sendall(b"/quit\\n")
except BrokenPipeError:
    pass
while data := s.recv(4096):
    os.write(1, data)
"""
    done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.stdout == "! this node belongs to another user\n/detach 1\n", done
    assert scene.control(folder).finish() == 0


@test("nothing is told to a client that does not follow, and what it follows it may change")
def follow(scene):
    alice, folder, bob = pair(scene)
    client = scene.control(folder)
    client.sync()
    bob.send("unheard")
    bob.sync()
    client.send("/wait messages=1 10")
    assert client.ask("/follow messages") == []
    bob.send("heard\ttab \\ end ")
    client.expect(f"{bob.address} bob heard\ttab \\ end ")
    client.send("/follow events ids", "/follow messages ids")
    client.sync()
    bob.send("with id")
    client.expect(re.compile(rf"^{bob.address} bob [a-z0-9]+\.\d+\.\d+ with id$"))
    client.ask("/follow events")
    carol = scene.node("carol", alice.address)
    client.expect(re.compile(r"^\* up \S+ carol$"))
    carol.send("to all")
    carol.sync()
    client.send("/wait messages=4 10")
    client.ask("/follow none")
    assert carol.finish() == 0
    client.send("/wait up=1 10")
    client.sync()
    assert client.finish() == 0
    lines = client.lines.items()
    assert not [line for line in lines if "unheard" in line or "to all" in line]


@test("with /follow json everything is an object, complaints and the last line aside")
def as_json(scene):
    _, folder, bob = pair(scene)
    client = scene.control(folder)
    client.send("/follow messages json", "/echo following")
    client.expect(re.compile('"text":"following"'))
    bob.send('quotes " and \\ and \xff')
    heard = json.loads(client.expect(re.compile('"type":"message"')))
    assert heard["name"] == "bob" and heard["address"] == bob.address
    client.send("/whoami", "/nosuch")
    reply = json.loads(client.expect(re.compile('"command":"whoami"')))
    assert reply["type"] == "reply" and reply["name"] == "alice"
    client.complains("/nosuch")
    assert client.finish() == 1
    for line in client.lines.items()[:-1]:
        assert line.startswith("! ") or json.loads(line)


@test("with /follow times each message has its time before it")
def times(scene):
    _, folder, bob = pair(scene)
    client = scene.control(folder)
    client.ask("/follow messages times")
    bob.send("now")
    client.expect(re.compile(rf"^\d{{4}}-\d\d-\d\dT\S+ {bob.address} bob now$"))


@test("/follow with a word that it does not know, none at all, or two that do not fit is an error")
def wrong_follow(scene):
    _, folder = with_state(scene, "alice")
    client = scene.control(folder)
    for words in ("nonsense", "", " ", "people ids", "colour", "messages Events", "json times"):
        assert re.match("! /follow: ", *client.ask(f"/follow {words}")), words
    assert client.finish() == 1


@test("a command is answered before the next one is run, and a last line needs no LF")
def order(scene):
    alice, folder, bob = pair(scene)
    client = scene.control(folder)
    client.write("/wait messages=1\n/echo after\nlast words")
    client.half_close()
    alice.sync()
    assert not client.lines.items()
    bob.send("go")
    client.expect("/echo after")
    bob.hears("last words")
    assert client.outcome() == 0


@test("each client has its own target")
def targets(scene):
    alice, folder, bob = pair(scene)
    carol = scene.node("carol")
    alice.connect(carol.address)
    one, two = scene.control(folder), scene.control(folder)
    one.send("/to bob", "to bob")
    two.send("/to carol", "to carol")
    bob.hears("to bob")
    carol.hears("to carol")
    assert one.finish() == 0 and two.finish() == 0
    assert bob.texts() == ["to bob"] and carol.texts() == ["to carol"]


@test("complaints begin with ! and are escaped; the status says what has failed")
def statuses(scene):
    _, folder = with_state(scene, "alice", "--drain", "0.2")
    client = scene.control(folder)
    client.send("/nosuch \x1b[31m", "/\x1b]0;x")
    client.complains("/nosuch: no such command")
    client.complains(re.escape("\\x1b]0;x"))
    assert client.finish() == 1
    late = scene.control(folder)
    late.send("/wait up=1 0.1")
    late.complains("not within 0.1 s")
    assert late.finish() == 4


@test("the end waits until what this client has sent is delivered, and for nobody else's lines")
def delivered(scene):
    alice, folder, bob = pair(scene, "--drain", "1")
    carol = scene.node("carol", "--no-exchange")
    alice.connect(carol.address)
    bob.stop()
    one = scene.control(folder)
    one.send("/msg bob for you")
    watch = Stopwatch()
    assert one.finish() == 3
    assert watch.seconds() >= 1
    one.complains("not everything that was sent is delivered yet")
    two = scene.control(folder)
    two.send("/msg carol for you")
    watch = Stopwatch()
    assert two.finish() == 0
    assert watch.seconds() < 1
    bob.resume()
    bob.hears("for you")


@test("what this client has sent and is lost is told, and makes the status 3")
def lost(scene):
    _, folder = with_state(scene, "alice", "--drain", "0.3")
    listener = scene.listener()
    client, other = scene.control(folder), scene.control(folder)
    client.send(f"/connect {listener.address}", f"/msg {listener.address} into the void",
                f"/forget {listener.address}")
    client.expect(re.compile(f"^/msg failed {listener.address} "))
    assert client.finish() == 3
    assert other.finish() == 0


@test("/cancel gives up what is waited for and what comes before it, at once")
def cancel(scene):
    _, folder = with_state(scene, "alice")
    client = scene.control(folder)
    client.send("/wait up=9", "/echo dropped", "/cancel", "/echo goes on")
    client.expect("/echo goes on")
    client.send("/cancel")
    assert client.finish() == 0
    assert "/echo dropped" not in client.lines.items()


@test("a line that is too long is refused whole, and the next one is run")
def long_line(scene):
    _, folder = with_state(scene, "alice")
    client = scene.control(folder)
    for size in (65536, 300000):
        client.write("x" * size)
        client.write(f"\n/echo behind {size}\r\n")
        client.expect(f"/echo behind {size}")
    assert client.lines.count(re.compile("^! a line is longer")) == 2
    assert client.finish() == 1


@test("more clients than there may be are told so; a place is free again when one has gone")
def too_many(scene):
    _, folder = with_state(scene, "alice", "--drain", "0.2")
    clients = [scene.control(folder) for _ in range(CLIENTS)]
    clients[-1].sync()
    refused = scene.control(folder)
    assert refused.outcome() == 1 and refused.lines.items()[0].startswith("! too many")
    for number, client in enumerate(clients):
        if number % 2:
            client.send("/wait up=9")
        client.close()

    def has_room():
        with dial_control(folder) as sock:
            sock.shutdown(1)
            return read_to_end(sock) == b"/detach 0\n"
    wait_until(has_room, "there is room again")


@test("a client that is gone is obeyed all the same, as far as it need not wait")
def gone(scene):
    _, folder, bob = pair(scene)
    sock = dial_control(folder)
    sock.sendall(b"said in passing\n/echo unread\nand this")
    sock.close()
    bob.hears("and this")
    assert bob.texts() == ["said in passing", "and this"]


@test("a follower that does not read is closed and told of on stderr; all others get everything")
def slow_follower(scene):
    alice, folder, bob = pair(scene, "--no-history")
    stopped, reading = dial_control(folder), scene.control(folder)
    stopped.sendall(b"/follow messages\n/echo following\n")
    assert stopped.recv(100) == b"/echo following\n"
    reading.ask("/follow messages")
    before = alice.memory_kib()
    for first in range(0, 20000, 1000):
        bob.write("".join(f"{n:06d} {'x' * 990}\n" for n in range(first, first + 1000)), 60)
    reading.expect(re.compile(" 019999 x"), 60)
    alice.complains(re.compile("does not read"))
    alice.expect(re.compile(" 019999 x"), 60)
    grown = alice.memory_kib() - before
    assert grown < (400 if has_sanitizer() else 24) * 1024, f"{grown} KiB more"
    assert len(alice.messages()) == 20000
    messages = [line for line in reading.lines.items() if " bob 0" in line]
    assert len(messages) == 20000
    stopped.close()


@test("a client that does not read its answers is not run any further, and nobody else waits")
def slow_asker(scene):
    _, folder, bob = pair(scene)
    lazy = dial_control(folder)
    lazy.setblocking(False)
    lines = b"/help\n" * 10000
    sent = 0
    try:
        while sent < len(lines):
            sent += lazy.send(lines[sent:])
    except BlockingIOError:
        pass
    client = scene.control(folder)
    client.send("still here")
    bob.hears("still here")
    assert client.finish() == 0
    lazy.setblocking(True)
    lazy.settimeout(20)
    lazy.shutdown(1)
    data = read_to_end(lazy, 60)
    lazy.close()
    assert data.count(b"/help /quit") == lines[:sent].count(b"/help\n")
    assert data.endswith(b"/detach 0\n") or not lines[:sent].endswith(b"\n")


@test("/quit ends the node whatever it is waiting for, and says how that went")
def quits(scene):
    alice, folder, bob = pair(scene)
    alice.send("/wait up=9")
    client, other = scene.control(folder), scene.control(folder)
    other.sync()
    client.send("bye all", "/quit", "/echo never")
    assert client.outcome() == 0
    assert other.outcome() == 1
    other.complains("the node has left")
    bob.hears("bye all")
    assert alice.wait() == 0
    assert "/echo never" not in client.lines.items()


@test("a node that is told to end by a signal tells its clients")
def told(scene):
    alice, folder = with_state(scene, "alice")
    client = scene.control(folder)
    client.sync()
    alice.signal(signal.SIGTERM)
    assert client.outcome() == 1
    client.complains("the node has left")
    assert alice.wait() == 0


@test("a console gets lines for people, and its prompt whenever that changes")
def console(scene):
    alice, folder, bob = pair(scene)
    client = scene.control(folder)
    client.send("/follow console")
    client.expect("> - alice all")
    client.send("/to bob")
    client.expect("> - alice bob")
    client.send("hello")
    client.expect("> + alice bob")
    bob.send("/msg alice \x1b[31mred")
    line = client.expect(re.compile("red"))
    assert re.fullmatch(r"\| \d\d:\d\d bob → you: \\x1b\[31mred", line), line
    client.send("/name albert")
    client.expect("> + albert bob")
    scene.session(alice, "carol", listening="127.0.0.1:9").ping("met")
    client.send("/to carol")
    client.expect("> + albert !carol")
    client.send("/nosuch")
    client.complains("/nosuch")
    assert re.match(r"\| 127\.0\.0\.1:\d+ +bob +session +up", client.ask("/peers")[0])
    assert client.finish() == 1


@test("a client that is not read, for it has said too much, is noticed when it goes")
def gone_unread(scene):
    alice, folder = with_state(scene, "alice", "--drain", "1")
    alice.sync()
    idle = alice.descriptors()
    clients = [dial_control(folder) for _ in range(3)]
    for client in clients:
        client.sendall(b"/wait up=5\n" + b"hello\n" * 20000)
    wait_until(lambda: alice.descriptors() == idle + 3, "they were let in")
    for client in clients:
        client.close()
    wait_until(lambda: alice.descriptors() == idle, "they were let go")
    assert scene.control(folder).ask("/echo still here") == ["/echo still here"]
    assert alice.finish() == 0


@test("without a state folder there is no socket")
def nothing_kept(scene):
    for options in (("-p", "0"), ("--no-store", "-l", "127.0.0.1:0")):
        node = scene.node("alice", *options)
        node.sync()
        found = [name for _, _, names in os.walk(node.home) for name in names]
        assert "control" not in found


if __name__ == "__main__":
    main()
