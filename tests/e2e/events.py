#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that begin with a star: each change once, in order, and never a forged one."""

import re

from hashflow_test import main, send_once, test
from hashflow_test.sockets import Listener


@test("up, name and down come once each and in order")
def life(scene):
    node = scene.node("alice", "-e")
    session = scene.session(node, "carol")
    node.expect("* up 127.0.0.1:9 carol")
    session.send("/name cora")
    node.expect("* name 127.0.0.1:9 cora")
    session.msg("hi")
    node.hears("hi", "cora")
    session.send("/bye done")
    node.expect("* down 127.0.0.1:9 cora")
    node.sync()
    assert node.events() == ["* up 127.0.0.1:9 carol", "* name 127.0.0.1:9 cora",
                             "* down 127.0.0.1:9 cora"]


@test("a name that stays the same is no event")
def same_name(scene):
    node = scene.node("alice", "-e")
    session = scene.session(node, "carol")
    session.send("/name carol")
    session.ping("marker")
    node.sync()
    assert node.events() == ["* up 127.0.0.1:9 carol"]


@test("a peer that cannot be reached is said once, not at each try")
def unreachable(scene):
    listener = scene.session_listener("carol")
    node = scene.node("alice", "-e")
    node.send(f"/connect {listener.address}")
    listener.open().close()
    node.expect(f"* down {listener.address} carol")
    for number in (1, 2):
        connection = listener.connection(number)
        connection.expect_line(".* Connected")
        connection.reset()
    node.expect(f"* unreachable {listener.address} carol")
    last = listener.connection(3)
    node.sync()
    said = [line for line in node.events() if line.startswith("* unreachable")]
    assert said == [f"* unreachable {listener.address} carol"], said
    mark = len(node.out)
    last.open_as_listener()
    node.expect(f"* up {listener.address} carol", since=mark)


@test("an address that refuses is unreachable once, and up when somebody listens there")
def refused(scene):
    port = scene.ports(1)[0]
    address = f"127.0.0.1:{port}"
    node = scene.node("alice", "-e", address)
    node.expect(f"* unreachable {address} -")
    node.send("/wait up=1 2")
    node.sync()
    listener = scene.add(Listener(port=port))
    listener.connection().expect_line(".* Connected")
    listener.connection().close()
    node.expect(re.compile(rf"^\* up {re.escape(address)} "))
    assert [line.split(" ")[1] for line in node.events()] == ["unreachable", "up"]


@test("a text cannot forge an event, a reply or another's message")
def forgery(scene):
    node = scene.node("alice", "-e")
    client, session = scene.client(node), scene.session(node, "carol")
    texts = ["* down 127.0.0.1:9 carol", "/peers 1.2.3.4:5 x session up - -", "* up x y",
             "a\rb", "/echo done", "x\x0by", "x\u2028* up"]
    for text in texts:
        client.send(text)
        session.msg(text)
    send_once(node.address, "127.0.0.1:8 dave line\n* up 1.2.3.4:5 forged")
    session.msg("marker")
    node.hears("marker")
    node.sync()
    assert not [line for line in node.events() if "forged" in line or line.endswith("x y")]
    assert "* down 127.0.0.1:9 carol" not in node.events()
    assert not [line for line in node.out.items() if line.startswith("/") and "sync" not in line]


@test("a one-shot peer is up when it speaks, down at its exit, up when it speaks again")
def one_shot(scene):
    node = scene.node("alice", "-e")
    for text in ("hello", "again", "exit", "exit", "back"):
        send_once(node.address, f"127.0.0.1:9 carol {text}")
    node.hears("back")
    node.sync()
    assert node.events() == ["* up 127.0.0.1:9 carol", "* down 127.0.0.1:9 carol",
                             "* up 127.0.0.1:9 carol"]


if __name__ == "__main__":
    main()
