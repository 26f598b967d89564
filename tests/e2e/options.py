#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options do: where it listens, what it says, and that -h and -V answer."""

import os
import re

from hashflow_test import main, test
from hashflow_test.seed import unique_ip
from hashflow_test.sockets import connect

LONG = ("port", "listen", "name", "command", "to", "keep", "events", "ids", "format", "json",
        "null", "timestamps", "state", "no-store", "key", "group",
        "drain", "queue-lines", "queue-bytes", "queue-age", "no-exchange", "heartbeat",
        "suspect-after", "down-after", "config", "daemon", "log", "ready-fd", "quiet", "verbose",
        "help", "version")

# The values that an option takes, and values that it does not: at its bounds, just beyond, and
# what is no such value at all.
BOUNDED = (
    ("--queue-lines", ("1", "1000000000"), ("0", "1000000001", "1k", "-1", "", "1.5", "x")),
    ("--queue-bytes", ("1024", "1K", "300M", "1024G"),
     ("1023", "1025G", "1T", "K", "1KK", "1k", "1.5M", "", "18446744073709551615G")),
    ("--queue-age", ("1", "1s", "90m", "36h", "3650d"),
     ("0", "0d", "3651d", "1w", "d", "1dd", "1.5h", "", "-1", "18446744073709551615d")),
    ("--heartbeat", ("0.01", "29.9"), ("0", "0.009", "86401", "x", "", "-1", "1s", "1e1")),
    ("--suspect-after", ("15.1", "44"), ("0", "x", "86401")),
    ("--down-after", ("31", "86400"), ("0", "x", "86400.1")),
)


def reachable(address):
    try:
        connect(address).close()
    except OSError:
        return False
    return True


@test("--help names every option on stdout and exits 0")
def help_text(scene):
    for option in ("--help", "-h"):
        node = scene.run("alice", option)
        node.free_form = True
        text = "\n".join(node.out.items())
        assert node.wait() == 0 and not node.err.items()
        for name in LONG:
            assert f"--{name}" in text, name
        for letter in "plnctkeF046qv":
            assert re.search(rf"(^|\W)-{letter}\b", text), letter


@test("--version says which on stdout and exits 0")
def version(scene):
    node = scene.run("alice", "--version")
    node.free_form = True
    assert node.wait() == 0 and not node.err.items()
    assert re.fullmatch(r"hashflow \d+\.\d+.*", node.out.items()[0])


@test("-p 0 takes a free port, says which, and listens on IPv4 and IPv6")
def free_port(scene):
    node = scene.node("alice")
    assert re.fullmatch(r"127\.0\.0\.1:\d+", node.address), node.address
    node.err.wait(re.compile(rf":{node.port}\b"))
    assert reachable(node.address)
    if os.path.exists("/proc/net/if_inet6"):
        assert reachable(f"[::1]:{node.port}")


@test("-p PORT listens there; a second node on it is refused with one line, exit 1")
def fixed_port(scene):
    port = scene.ports(1)[0]
    node = scene.node("alice", "--port", port, "--no-store")
    assert node.address == f"127.0.0.1:{port}"
    second = scene.run("bob", "-p", port)
    assert second.wait() == 1
    assert len(second.err) == 1 and str(port) in second.errors(), second.errors()
    assert reachable(node.address)


@test("a port is free again at once after a node with connections has ended")
def reuse(scene):
    port = scene.ports(1)[0]
    for _ in range(3):
        node = scene.node("alice", "-p", port, "--no-store")
        client = scene.client(node)
        client.send("hello")
        node.hears("hello")
        node.kill()


@test("-l listens on that address only, several if repeated, and dials leave from it")
def listen(scene):
    one, two = unique_ip(), unique_ip()
    port = scene.ports(1)[0]
    node = scene.node("alice", "-l", f"{one}:{port}", "-l", f"{two}:{port}", "--no-store")
    assert node.address == f"{one}:{port}"
    assert reachable(f"{one}:{port}") and reachable(f"{two}:{port}")
    assert not reachable(f"127.0.0.1:{port}")
    listener = scene.listener()
    node.send(f"/connect {listener.address}")
    connection = listener.connection()
    assert connection.remote.split(":")[0] == one
    connection.expect(f"{one}:{port} alice Connected")


@test("-l with port 0 takes a free one there")
def listen_free(scene):
    ip = unique_ip()
    node = scene.node("alice", "-l", f"{ip}:0", "--no-store")
    assert node.address.startswith(f"{ip}:") and node.port > 0
    assert reachable(node.address)


@test("-l with a port that is in use on that address: one line, exit 1")
def listen_in_use(scene):
    node = scene.node("alice", "-l", f"{unique_ip()}:0", "--no-store")
    second = scene.run("bob", "-l", node.address, "--no-store")
    assert second.wait() == 1
    assert len(second.err) == 1 and node.address in second.errors(), second.errors()


@test("-n and --name=NAME name us; names may be any UTF-8 word")
def names(scene):
    for options, name in ((["-n", "zoë"], "zoë"), (["--name=👋"], "👋"), (["-nshort"], "short")):
        node = scene.node("label", *options)
        assert node.ask("/whoami")[0].split(" ")[1] == name


@test("-q says errors only; -v says more; without them it says where it listens")
def verbosity(scene):
    quiet, plain, loud = (scene.node("alice", *options) for options in (["-q"], [], ["-v"]))
    for node in (quiet, plain, loud):
        peer = scene.session(node, "carol")
        peer.msg("hello")
        node.hears("hello")
        node.sync()
    assert not quiet.err.items(), quiet.errors()
    assert plain.err.items()
    assert len(loud.err) > len(plain.err), loud.errors()


@test("-q hides no error")
def quiet_errors(scene):
    assert scene.run("alice", "-q", stdin=b"/nonsense\n").err.items()
    assert scene.run("alice", "-q", "-Z").err.items()


@test("without -e there is no event on stdout, with it there is")
def events(scene):
    for options, wanted in (([], False), (["-e"], True), (["--events"], True)):
        node = scene.node("alice", *options)
        scene.session(node, "carol")
        node.wait_up(1)
        assert bool(node.events()) == wanted


@test("the ready line comes once and the descriptor is closed then")
def ready(scene):
    read_end, write_end = os.pipe()
    node = scene.node("alice", "--ready-fd", write_end, ready=False, pass_fds=(write_end,))
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        data = stream.read()
    assert re.fullmatch(rb"127\.0\.0\.1:\d+\n", data), data
    node.address = data.decode().strip()
    assert reachable(node.address) and node.running


@test("a ready descriptor that is a standard one stays open, and no socket takes its place")
def standard_ready(scene):
    for number in (0, 1):
        path = scene.path(f"out{number}")
        with open(path, "wb") as out:
            node = scene.node("alice", "--ready-fd", number, "-C", "1", ready=False, stdin="null",
                              stdout=out.fileno())
        node.address = node.err.wait(re.compile("listening on (.*)")).split(" ")[3]
        scene.session(node, "carol").msg("hello")
        assert node.wait() == 0
        with open(path, encoding="utf-8") as out:
            lines = out.read().splitlines()
        assert lines[-1].endswith(" carol hello"), lines
        assert lines[:-1] == [node.address] * number, lines


@test("a ready descriptor that is not open is an error before anything else")
def bad_ready(scene):
    node = scene.run("alice", "--ready-fd", "77")
    assert node.wait() == 2 and len(node.err) == 1, node.errors()


@test("an option that is not there, lacks its value or has one too many is named; exit 2")
def misused(scene):
    for option, cause in (("--nosuch", "no such option"), ("-j", "no such option"),
                          ("--drain", "needs an argument"), ("--progress=3", "takes no value")):
        wrong = scene.run("alice", option)
        assert wrong.wait() == 2
        assert cause in wrong.errors() and option.split("=")[0] in wrong.errors(), wrong.errors()


@test("numbers and times beyond their bounds are one line and exit 2; those within are taken")
def bounded(scene):
    for option, good, bad in BOUNDED:
        for value in bad:
            node = scene.run("alice", option, value)
            assert node.wait() == 2 and len(node.err) == 1, (option, value, node.errors())
            assert f"{option} {value}" in node.errors(), node.errors()
        for value in good:
            node = scene.run("alice", "-q", option, value)
            assert node.wait() == 0 and not node.err.items(), (option, value, node.errors())


@test("the three silences must rise, whichever of them are given")
def silences(scene):
    for values in (("15", "15", "45"), ("20", "10", "45"), ("1", "3", "3"), ("1", "3", "2")):
        options = zip(("--heartbeat", "--suspect-after", "--down-after"), values)
        node = scene.run("alice", *(word for pair in options for word in pair))
        assert node.wait() == 2 and len(node.err) == 1, node.errors()
        assert all(option in node.errors() for option in ("--heartbeat", "--down-after"))
    for options in (("--heartbeat", "30"), ("--suspect-after", "45"), ("--down-after", "30")):
        assert scene.run("alice", *options).wait() == 2, options
    low = ("--heartbeat", "0.1", "--suspect-after", "0.2", "--down-after", "0.3")
    assert scene.run("alice", *low).wait() == 0


@test("-- ends the options, and an address may follow options in any order")
def order(scene):
    bob = scene.node("bob")
    for options in ((bob.address, "-e"), ("-e", "--", bob.address)):
        node = scene.node("alice", *options)
        node.expect(f"* up {bob.address} bob")
        node.finish()


if __name__ == "__main__":
    main()
