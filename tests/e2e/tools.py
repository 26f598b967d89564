#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real nc, ncat and socat in the conversation, as clients and as listeners."""

import re
import shutil

from hashflow_test import Skip, main, test


def tool(name):
    """The path of a program; skips the test where it is missing or another one of that name."""
    path = shutil.which(name)
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def openbsd_nc(scene):
    path = tool("nc")
    probe = scene.process(path, "-h")
    probe.finish()
    if "OpenBSD" not in probe.errors():
        raise Skip("nc is not OpenBSD's")
    return path


def host_port(address):
    host, _, port = address.rpartition(":")
    return host, port


def converse(scene, node, client):
    """A person's lines are heard, and a broadcast and an answer are read."""
    client.send("hello from the tool")
    got = node.hears("hello from the tool")
    assert got.name == "-"
    node.send("/bcast hi tool", f"/msg {got.address} for you alone")
    client.out.wait(f"{node.address} alice for you alone")
    assert client.out.items() == [f"{node.address} alice hi tool",
                                  f"{node.address} alice for you alone"]
    client.send("127.0.0.1:9 carol with a header")
    node.hears("with a header", "carol")


def one_shot(node, client):
    """What a shell script pipes through a tool arrives, with and without LF."""
    client.write("127.0.0.1:9 carol one shot")
    client.eof()
    node.hears("one shot", "carol")
    assert client.wait() == 0 and not client.out.items()


def listening(scene, node, server, port):
    """A listening tool: greeted, then lines both ways on that one connection."""
    node.connect(f"127.0.0.1:{port}", dialect="stream")
    node.send("/bcast to the listener")
    server.out.wait(f"{node.address} alice to the listener")
    assert server.out.items()[0] == f"{node.address} alice Connected"
    server.send("typed at the listener")
    assert node.hears("typed at the listener").address == f"127.0.0.1:{port}"


@test("nc as a client")
def nc_client(scene):
    node = scene.node("alice")
    converse(scene, node, scene.process(openbsd_nc(scene), *host_port(node.address)))


@test("nc -N with piped input: a one-shot message")
def nc_one_shot(scene):
    node = scene.node("alice")
    one_shot(node, scene.process(openbsd_nc(scene), "-N", *host_port(node.address)))


@test("nc -l as a listener")
def nc_listener(scene):
    path, port, node = openbsd_nc(scene), scene.ports(1)[0], scene.node("alice")
    server = scene.process(path, "-v", "-n", "-l", "127.0.0.1", port)
    server.err.wait(re.compile("Listening"))
    listening(scene, node, server, port)
    node.send("/quit")
    assert node.wait() == 0
    assert server.wait() == 0


@test("ncat as a client")
def ncat_client(scene):
    node = scene.node("alice")
    converse(scene, node, scene.process(tool("ncat"), *host_port(node.address)))


@test("ncat --send-only: a one-shot message")
def ncat_one_shot(scene):
    node = scene.node("alice")
    one_shot(node, scene.process(tool("ncat"), "--send-only", *host_port(node.address)))


@test("ncat -l as a listener")
def ncat_listener(scene):
    path, port, node = tool("ncat"), scene.ports(1)[0], scene.node("alice")
    server = scene.process(path, "-v", "-l", "127.0.0.1", port)
    server.err.wait(re.compile(f"Listening on .*{port}"))
    listening(scene, node, server, port)


@test("a room of ncat --chat is one stream peer whose people are heard")
def ncat_chat(scene):
    path, port, node = tool("ncat"), scene.ports(1)[0], scene.node("alice")
    room = scene.process(path, "-v", "--chat", "-l", "127.0.0.1", port)
    room.err.wait(re.compile(f"Listening on .*{port}"))
    person = scene.process(path, "127.0.0.1", port)
    person.out.wait(re.compile("announce"))
    node.send(f"/connect 127.0.0.1:{port}")
    person.out.wait(re.compile("alice Connected$"))
    node.sync()
    person.send("hello from the room")
    node.hears(re.compile("hello from the room$"))
    node.send("/bcast hello room")
    person.out.wait(re.compile("alice hello room$"))


@test("socat as a client")
def socat_client(scene):
    node = scene.node("alice")
    converse(scene, node, scene.process(tool("socat"), "-", f"TCP:{node.address}"))


@test("socat -u: a one-shot message")
def socat_one_shot(scene):
    node = scene.node("alice")
    one_shot(node, scene.process(tool("socat"), "-u", "-", f"TCP:{node.address}"))


@test("socat as a listener")
def socat_listener(scene):
    path, port, node = tool("socat"), scene.ports(1)[0], scene.node("alice")
    server = scene.process(path, "-d", "-d", "-", f"TCP-LISTEN:{port},bind=127.0.0.1")
    server.err.wait(re.compile("listening on"))
    listening(scene, node, server, port)


@test("a socat that collects, one process a connection, is given every message of a script")
def socat_fork(scene):
    path, port = tool("socat"), scene.ports(1)[0]
    server = scene.process(path, "-d", "-d", "-u",
                           f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", "-")
    server.err.wait(re.compile("listening on"))
    data = b"".join(b"line %d\n" % n for n in range(200))
    node = scene.run("alice", "-t", "all", f"127.0.0.1:{port}", stdin=data)
    assert node.wait() == 0
    server.out.wait(re.compile(r" alice line 199$"))
    heads = [line.split(" ", 2)[2] for line in server.out.items()]
    assert heads == ["Connected"] + [f"line {n}" for n in range(200)], heads[:5]


if __name__ == "__main__":
    main()
