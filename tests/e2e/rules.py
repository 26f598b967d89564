#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""--allow and --deny: who is neither heard nor dialled, from words and from files, and other rules
while the node runs."""

import os
import re
import signal

from hashflow_test import Stopwatch, free_port, main, test
from hashflow_test.seed import unique_ip
from hashflow_test.sockets import Connection, connect, needs_ipv6, read_to_end

KEPT_OUT = "--allow or --deny keeps it out"


def write(path, *lines):
    """Replaces the file at once, as whoever edits a list in use should."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    os.replace(path + ".new", path)
    return path


def knock(node, source):
    """What the node says to somebody who dials it from there and says who he is."""
    try:
        with connect(node.address, source) as sock:
            sock.sendall(f"{source}:9 stranger Connected\n".encode())
            return read_to_end(sock)
    except ConnectionError:
        return b""


def is_let_in(scene, node, source):
    """Does a line from there arrive?"""
    text = f"from {source} {len(node.out)}"
    client = scene.add(Connection(connect(node.address, source), "client"))
    try:
        client.send(text)
        client.half_close()
    except OSError:
        pass
    client.wait_end()
    node.sync()
    return text in node.texts()


def reload(node, answer="the rules were read again"):
    before = len(node.err)
    node.signal(signal.SIGHUP)
    return node.complains(re.compile(answer), since=before)


# ---- who comes in

@test("where a network is allowed nobody else is let in: closed at once, without a word")
def allowed(scene):
    node = scene.node("alice", "--allow", "127.11.0.0/16", "--allow", "127.12.0.9", "-4")
    assert is_let_in(scene, node, "127.11.200.1") and is_let_in(scene, node, "127.12.0.9")
    for source in ("127.12.0.8", "127.10.255.255", "127.0.0.1"):
        assert knock(node, source) == b""
        node.complains(re.compile(rf"{source}:\d+: turned away: {KEPT_OUT}"))
    assert set(node.texts()) == {t for t in node.texts() if t.startswith("from 127.1")}
    assert len(node.texts()) == 2


@test("who is denied stays out, whatever allows it, in whatever order")
def denied(scene):
    for options in (("--deny", "127.13.1.0/24", "--allow", "127.13.0.0/16"),
                    ("--allow", "127.13.1.7", "--allow", "127.0.0.0/8", "--deny",
                     "127.13.1.0/24")):
        node = scene.node("alice", *options, "-4")
        assert is_let_in(scene, node, "127.13.2.7")
        assert knock(node, "127.13.1.7") == b"" and knock(node, "127.13.1.1") == b""
    node = scene.node("alice", "--deny", "127.13.1.7", "-4")
    assert is_let_in(scene, node, "127.13.1.8") and knock(node, "127.13.1.7") == b""


@test("an IPv6 network is one of IPv6 alone, and so is one of IPv4")
def families(scene):
    needs_ipv6()
    node = scene.node("alice", "--deny", "::/0", "-l", "127.0.0.1:0", "-l", "[::1]:0")
    addresses = node.ask("/whoami")[0].split(" ")[3:]
    six = next(address for address in addresses if address.startswith("["))
    assert is_let_in(scene, node, "127.0.0.1")
    with connect(six) as sock:
        assert read_to_end(sock) == b""
    node.complains(re.compile(r"\[::1\]:\d+: turned away: "))


@test("each host that knocks in vain is told once, and of many not all")
def told(scene):
    node = scene.node("alice", "--deny", "127.14.0.0/16", "-4")
    for _ in range(3):
        knock(node, "127.14.0.1")
    for number in range(80):
        knock(node, f"127.14.1.{number + 1}")
    node.complains("hashflow: of others that are turned away nothing is said")
    node.sync()
    lines = [line for line in node.complaints() if "turned away: " in line]
    assert len(lines) == 64 and sum("127.14.0.1:" in line for line in lines) == 1, len(lines)


# ---- whom we dial

@test("an address that is kept out is not dialled, however it is named, and that is said at once")
def not_dialled(scene):
    ip = unique_ip()
    listener = scene.listener(ip=ip)
    node = scene.run("alice", "--deny", ip, listener.address, stdin=b"a line\n/peers\n")
    assert node.wait() == 5 and KEPT_OUT in node.errors(), node.errors()
    node = scene.node("alice", "--allow", "127.0.0.1")
    node.send(f"/connect {listener.address}", f"/msg {listener.address} secret", "/bcast secret")
    node.sync()
    assert node.peers()[listener.address].state == "unreachable"
    node.complains(re.compile(rf"{listener.address} .*{KEPT_OUT}"))
    node.complains(re.compile(rf"/msg: .*{KEPT_OUT}"))
    node.complains(re.compile("/bcast: "))
    port = free_port()
    node.send(f"/connect {ip}:{port}")
    node.sync()
    node.complains(re.compile(rf"{ip}:{port} .*{KEPT_OUT}"))
    assert node.finish() == 5
    assert len(listener.connections) == 0


@test("a name is looked up, and what is kept out of its addresses is not dialled")
def looked_up(scene):
    listener = scene.listener()
    port = listener.address.rpartition(":")[2]
    node = scene.run("alice", "-4", "--deny", "127.0.0.0/8", f"localhost:{port}")
    assert node.wait() == 5 and KEPT_OUT in node.errors(), node.errors()
    assert len(listener.connections) == 0


@test("what others tell of an address that is kept out is not believed")
def hearsay(scene):
    out, into = scene.listener(ip="127.15.0.1"), scene.listener(ip="127.16.0.1")
    node = scene.node("alice", "--deny", "127.15.0.0/16", "--state", scene.path("state"))
    peer = scene.session(node, "carol")
    peer.send(f"/peer {out.address} {'a' * 26} mallory", f"/peer {into.address} {'b' * 26} dave")
    into.connection()
    node.sync()
    assert len(out.connections) == 0


# ---- files

@test("a file has one a line, with comments, and adds to what is on the command line")
def files(scene):
    listed = write(scene.path("listed"), "# the office", "", "127.17.0.0/16   # all of it",
                   "\t127.18.0.1", "fd00::/8")
    banned = write(scene.path("banned"), "127.17.0.66")
    node = scene.node("alice", "--allow", f"@{listed}", "--deny", f"@{banned}", "--allow",
                      "127.19.0.1", "-4")
    for source in ("127.17.3.4", "127.18.0.1", "127.19.0.1"):
        assert is_let_in(scene, node, source), source
    for source in ("127.17.0.66", "127.18.0.2", "127.0.0.1"):
        assert knock(node, source) == b"", source


@test("a configuration file may hold them too")
def in_configuration(scene):
    listed = write(scene.path("listed"), "127.17.0.0/16")
    config = write(scene.path("config"), f"allow @{listed}", "deny 127.17.9.0/24")
    node = scene.node("alice", "--config", config, "--allow", "127.18.0.1", "-4")
    assert is_let_in(scene, node, "127.17.0.1") and is_let_in(scene, node, "127.18.0.1")
    assert knock(node, "127.17.9.1") == b"" and knock(node, "127.19.0.1") == b""


def bad_files(scene):
    """Path and what is said of it."""
    binary = scene.path("binary")
    with open(binary, "wb") as file:
        file.write(b"127.0.0.1\n\0\n")
    os.mkfifo(scene.path("pipe"))
    long = write(scene.path("long"), *["10.0.0.0/8"] * 10001)
    yield scene.path("nothing"), "nothing: No such file"
    yield scene.dir, "not a file"
    yield scene.path("pipe"), "not a file"
    yield binary, "not a text file"
    yield write(scene.path("empty")), "allows nobody"
    yield write(scene.path("comments"), "# 127.0.0.1", ""), "allows nobody"
    yield long, "long:10001: 10.0.0.0/8: "
    for line in ("127.0.0.1/8", "127.0.0.1:7216", "localhost", "127.0.0.0/8 10.0.0.0/8", "@other",
                 "127.0.0.0/", "all"):
        yield write(scene.path("wrong"), "# one", "127.0.0.0/8", line), "wrong:3: "


@test("what is wrong in a file is one line that names file and line, and exit 2")
def bad_start(scene):
    for path, words in bad_files(scene):
        node = scene.run("alice", "--allow", f"@{path}")
        assert node.wait() == 2 and len(node.err) == 1, (words, node.errors())
        assert words in node.errors(), (words, node.errors())
    for value in ("", "@", "127.0.0.1/8", "127.0.0.1:7216", "alice", "127.0.0.1/33", "a" * 26):
        for option in ("--allow", "--deny"):
            node = scene.run("alice", option, value)
            assert node.wait() == 2 and len(node.err) == 1, (value, node.errors())
            assert node.errors().startswith(f"hashflow: {option} {value}: "), node.errors()
    node = scene.run("alice", "--daemon", "--deny", f"@{scene.path('nothing')}")
    assert node.wait() == 2 and len(node.err) == 1, node.errors()


@test("nobody is denied by an empty file, which may be filled later")
def none_denied(scene):
    listed = write(scene.path("listed"))
    node = scene.node("alice", "--deny", f"@{listed}", "-4")
    assert is_let_in(scene, node, "127.17.0.1")
    write(listed, "127.17.0.1")
    reload(node)
    assert knock(node, "127.17.0.1") == b""


# ---- other rules while it runs

@test("SIGHUP reads the files again: who is denied now is closed, who is let in now comes in")
def reloaded(scene):
    listed = write(scene.path("listed"), "127.21.0.0/16", "127.0.0.1")
    node = scene.node("alice", "-e", "--allow", f"@{listed}", "-4")
    staying, going = (scene.client(node, source) for source in ("127.0.0.1", "127.21.0.1"))
    for client in (staying, going):
        client.send("here I am")
    node.out.wait_count(2)
    assert knock(node, "127.22.0.1") == b""
    write(listed, "127.22.0.0/16", "127.0.0.1")
    reload(node)
    going.wait_end()
    assert knock(node, "127.21.0.1") == b"" and is_let_in(scene, node, "127.22.0.1")
    staying.send("still here")
    node.hears("still here")
    reload(node)
    assert staying.open and node.running
    node.signal(signal.SIGTERM)
    assert node.wait() == 0, node.errors()


@test("a peer that is denied now is let go, what waits for it stays, and it comes back when it may")
def comes_back(scene):
    listed = write(scene.path("listed"), "192.0.2.0/24")
    ip = unique_ip()
    bob = scene.node("bob", "-l", f"{ip}:0", "-e", "--state", scene.path("bob"))
    node = scene.node("alice", "--state", scene.path("state"), "--deny", f"@{listed}", "-e", "-l",
                      f"{unique_ip()}:0", bob.address)
    node.wait_up()
    node.send("before")
    bob.hears("before")
    write(listed, ip)
    reload(node)
    node.expect(f"* down {bob.address} bob")
    node.send(f"/connect {bob.address}")
    node.complains(re.compile(KEPT_OUT))
    node.send(f"/msg {bob.address} meanwhile")
    node.sync()
    assert node.ask("/outbox"), "it waits"
    write(listed, "192.0.2.0/24")
    since = len(node.out)
    reload(node)
    node.expect(f"* up {bob.address} bob", since=since)
    bob.hears("meanwhile")
    assert bob.texts() == ["before", "meanwhile"]


@test("one of the older kind gets nothing more once it is denied, and all again when it is not")
def older_kind(scene):
    listed = write(scene.path("listed"), "192.0.2.0/24")
    ip = unique_ip()
    seed = scene.seed(ip=ip)
    node = scene.node("alice", "--deny", f"@{listed}", "-4")
    node.connect(seed.address, dialect="oneshot")
    node.send("one")
    seed.hears("one")
    write(listed, ip)
    reload(node)
    node.send(f"/msg {seed.address} two")
    node.complains(re.compile(f"{seed.address} .*not delivered: {KEPT_OUT}"))
    node.send(f"/msg {seed.address} two")
    node.complains(re.compile(f"/msg: .*{KEPT_OUT}"))
    write(listed, "192.0.2.0/24")
    reload(node)
    node.send(f"/msg {seed.address} three")
    seed.hears("three")
    assert "two" not in seed.texts()


@test("a file that is wrong now changes nothing: one line says where, and the former rules stay")
def bad_reload(scene):
    listed = write(scene.path("listed"), "127.23.0.0/16")
    other = write(scene.path("other"), "127.24.0.1")
    node = scene.node("alice", "--allow", f"@{listed}", "--allow", f"@{other}", "-4")
    client = scene.client(node, "127.23.0.1")
    client.send("here I am")
    node.hears("here I am")
    write(other, "127.25.0.1")  # whole, but not taken either: it is all or nothing
    for path, words in bad_files(scene):
        os.remove(listed)
        if os.path.exists(path):
            os.symlink(path, listed)
        before = len(node.err)
        reload(node, ".*; the former rules stay")
        node.sync()
        assert len(node.err) == before + 1, node.errors()
        words = re.sub(r"^[a-z]+:", "listed:", words)
        assert words in node.err.items()[before], (words, node.errors())
        if not os.path.lexists(listed):
            write(listed)
    assert client.open and is_let_in(scene, node, "127.23.0.2")
    assert is_let_in(scene, node, "127.24.0.1")
    assert knock(node, "127.25.0.1") == b"" and knock(node, "127.0.0.1") == b""
    os.remove(listed)
    write(listed, "127.23.0.2")
    reload(node)
    assert is_let_in(scene, node, "127.25.0.1") and knock(node, "127.24.0.1") == b""
    client.wait_end()


@test("in a sandbox files are read again: written anew, or in the state folder another one")
def in_sandbox(scene):
    state = scene.path("state")
    os.mkdir(state, 0o700)
    own, other = write(os.path.join(state, "own"), "127.27.0.1"), write(scene.path("other"))
    node = scene.node("alice", "--sandbox", "--state", state, "--deny", f"@{own}", "--deny",
                      f"@{other}", "-4")
    write(own, "127.27.0.2")
    with open(other, "w", encoding="ascii") as file:
        file.write("127.27.0.3\n")
    reload(node)
    assert is_let_in(scene, node, "127.27.0.1")
    assert knock(node, "127.27.0.2") == b"" and knock(node, "127.27.0.3") == b""


@test("without a file SIGHUP ends a node as ever, and with one nothing is ended, nohup or not")
def what_hup_means(scene):
    node = scene.node("alice", "--deny", "127.23.0.1")
    node.signal(signal.SIGHUP)
    assert node.wait() == 0, node.errors()
    listed = write(scene.path("listed"), "127.23.0.1")
    node = scene.node("alice", "--deny", f"@{listed}", "-4",
                      within=("sh", "-c", 'trap "" HUP; exec "$@"', "sh"))
    write(listed, "127.23.0.2")
    for _ in range(3):
        reload(node)
    assert is_let_in(scene, node, "127.23.0.1") and knock(node, "127.23.0.2") == b""
    assert node.finish() == 0, node.errors()


# ---- keys

def key_of(node):
    return node.ask("/whoami")[0].split(" ")[2]


@test("a key that is denied comes in from nowhere, and whoever it is of hears that")
def denied_key(scene):
    bob, carol = scene.node("bob"), scene.node("carol")
    node = scene.node("alice", "-e", "--deny", key_of(bob))
    carol.connect(node.address)
    bob.send(f"/connect {node.address}")
    bob.complains(re.compile("does not let us in: your key is denied here"))
    assert bob.finish() == 5, bob.errors()
    node.complains(re.compile("turned away: that key is denied here"))
    assert [peer.name for peer in node.peers().values()] == ["carol"]


@test("where a key is allowed it comes in, and no other, nor anybody in plain text")
def allowed_key(scene):
    bob, carol = scene.node("bob"), scene.node("carol")
    node = scene.node("alice", "--allow", key_of(bob), "-e")
    bob.connect(node.address)
    carol.send(f"/connect {node.address}")
    carol.complains(re.compile("does not let us in"))
    client = scene.client(node)
    client.send("let me in")
    client.wait_end()
    node.sync()
    assert not node.texts() and [peer.name for peer in node.peers().values()] == ["bob"]
    bob.send("let in")
    node.hears("let in", "bob")


@test("a key that is denied in a file now is let go, and comes back when it is not")
def key_reloaded(scene):
    bob = scene.node("bob", "-e")
    listed = write(scene.path("listed"))
    node = scene.node("alice", "-e", "--deny", f"@{listed}", bob.address)
    node.expect(f"* up {bob.address} bob")
    write(listed, key_of(bob))
    reload(node)
    node.expect(f"* down {bob.address} bob")
    write(listed)
    since = len(node.out)
    reload(node)
    node.send(f"/connect {bob.address}")
    node.expect(f"* up {bob.address} bob", since=since)


@test("whoever was met in plain text hears nothing more once the door is closed")
def closed_to_plain(scene):
    listed = write(scene.path("listed"), "0.0.0.0/0")
    node = scene.node("alice")
    other = scene.node("bob", "--allow", f"@{listed}", "-4")
    for closing, closes in ((node, "/group new"), (other, None)):
        seed, client = scene.seed(), scene.client(closing)
        client.send("I listen")
        closing.hears("I listen")
        closing.connect(seed.address, dialect="oneshot")
        closing.send("for all")
        seed.hears("for all")
        client.expect(re.compile("for all"))
        if closes:
            closing.ask(closes)
        else:
            write(listed, "0.0.0.0/0", key_of(closing))
            reload(closing)
        client.wait_end()
        closing.send("for members", f"/msg {seed.address} for members", "/peers")
        closing.complains(re.compile("/bcast: |not delivered: the door is closed to plain text"))
        stopwatch = Stopwatch()
        closing.finish()
        assert stopwatch.seconds() < 5, "nothing is worth the wait"
        assert "for members" not in seed.texts() and b"members" not in client.raw
        assert "exit" not in seed.texts()


if __name__ == "__main__":
    main()
