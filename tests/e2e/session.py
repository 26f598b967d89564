#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session dialect by hand: opening, every verb, and what breaks its rules."""

import re

from hashflow_test import main, test, wait_until
from hashflow_test.session import GREETING, HELLO, Identity, SessionConnection, dial_session, keys
from hashflow_test.sockets import connect

ROUND_TRIP = re.compile(r"[\d.]+ms")


@test("a session opens when we are dialled and when we dial; its hello says who we are")
def opens(scene):
    node = scene.node("alice", "-e")
    dialer = SessionConnection(connect(node.address), Identity("carol", "127.0.0.1:9"))
    scene.add(dialer)
    theirs = dialer.open_as_dialer()
    assert re.fullmatch("[a-z0-9]{1,64}", theirs["node"]), theirs
    assert int(theirs["boot"]) > 1e15 and int(theirs["epoch"]) > 0
    assert int(theirs["listen"]) == node.port
    assert "passing" in theirs["caps"].split(","), "-p 0 leaves nothing behind with its peers"
    node.expect("* up 127.0.0.1:9 carol")
    listener = scene.session_listener("dave")
    node.send(f"/connect {listener.address}")
    again = listener.connection().open_as_listener()
    assert again["node"] == theirs["node"] and again["boot"] == theirs["boot"]
    node.expect(f"/connect {listener.address} dave session")
    node.expect(f"* up {listener.address} dave")
    rows = node.peers()
    for address, name in (("127.0.0.1:9", "carol"), (listener.address, "dave")):
        assert rows[address][:4] == (address, name, "session", "up"), rows


@test("the round trip is how long the other side takes to answer; nothing is sent for it")
def round_trip(scene):
    node, listener = scene.node("alice"), scene.session_listener("dave")
    sessions = [scene.session(node, "carol")]
    node.send(f"/connect {listener.address}")
    sessions.append(listener.open())
    for session in sessions:
        session.ping("after-it")
        assert [line for line in session.lines.items() if line.startswith("/ping")] == []
    rows = node.peers()
    assert set(rows) == {sessions[0].identity.address, listener.address}
    for row in rows.values():
        assert ROUND_TRIP.fullmatch(row.rtt), row


@test("a node that keeps its state is not passing")
def remembered(scene):
    node = scene.node("alice", "--state", scene.path("state"))
    dialer = scene.add(SessionConnection(connect(node.address), Identity("carol", "127.0.0.1:9")))
    assert "passing" not in dialer.open_as_dialer().get("caps", "")


@test("a session that we dial gets our greeting first, and our /hello only after its own")
def order(scene):
    node, listener = scene.node("alice"), scene.session_listener()
    node.send(f"/connect {listener.address}")
    session = listener.connection()
    session.expect_line(GREETING)
    session.send(listener.identity.greeting())
    session.send(listener.identity.hello())
    session.expect_line(HELLO)
    assert [line.split(" ")[0] for line in session.lines.items()[:2]] == [node.address, "/hello"]


@test("/msg and /bcast arrive with their text byte for byte, both ways, numbered upwards")
def texts(scene):
    node = scene.node("alice")
    session = scene.session(node, "carol")
    odd = ["plain", " two  spaces ", "/slash", "//two", "* star", "127.0.0.1:1 bob hi", "tab\there",
           "é 👋", "\udcff\udc80 no utf-8", "\x1b[31mred", "\x7f\x01", "exit", "Connected"]
    for number, text in enumerate(odd):
        (session.msg if number % 2 else session.bcast)(text)
    node.hears(odd[-1])
    assert node.texts("carol") == odd
    sendable = [text for text in odd if not text.startswith("/")]
    for text in sendable:
        node.send(f"/msg carol {text}", f"/bcast {text}")
    node.send("//bare slash")
    session.hears("/bare slash", "bcast")
    assert session.texts() == [t for text in sendable for t in (text, text)] + ["/bare slash"]
    numbers = [int(line.split(" ")[1]) for line in session.lines.items()
               if line.startswith(("/msg ", "/bcast "))]
    assert numbers == sorted(set(numbers)), numbers


@test("an empty text is a text")
def empty(scene):
    node = scene.node("alice")
    session = scene.session(node, "carol")
    session.msg("")
    session.msg("marker")
    node.hears("marker")
    assert node.texts() == ["", "marker"]


@test("what is at or below the mark is dropped, anything above is taken, holes included")
def marks(scene):
    node = scene.node("alice")
    session = scene.session(node)
    for seq in (5, 5, 4, 1, 6, 100, 99, 6, 2 ** 40, 100):
        session.bcast(f"seq {seq}", seq)
    session.msg("end", 2 ** 40 + 1)
    node.hears("end")
    assert node.texts() == ["seq 5", "seq 6", "seq 100", f"seq {2 ** 40}", "end"]


@test("/ping is answered with its token; unknown verbs and unknown keys are ignored")
def growth(scene):
    node = scene.node("alice")
    identity = Identity("carol", "127.0.0.1:9", caps="fancy,other")
    session = scene.add(SessionConnection(connect(node.address), identity))
    session.send(identity.greeting())
    session.expect_line(HELLO)
    session.send(identity.hello(" future=yes empty= word"))
    session.ping("abc123")
    session.send("/future 1 2 3", "/resumed 1 0", "/acks 0", "/x", "/msgs 1 x")
    session.ping("Z")
    session.msg("still here")
    node.hears("still here")
    assert session.open


@test("/name renames the peer")
def rename(scene):
    node = scene.node("alice", "-e")
    session = scene.session(node, "carol")
    session.send("/name carola")
    node.expect("* name 127.0.0.1:9 carola")
    session.msg("new name")
    node.hears("new name", "carola")
    node.send("/msg carola hi")
    session.hears("hi")
    session.send("/name all")
    session.msg("bad name")
    node.hears("bad name", "-")


@test("/name in a shell command reaches sessions")
def renamed(scene):
    node = scene.node("alice")
    session = scene.session(node)
    node.send("/name alicia")
    session.expect("/name alicia")


@test("a known verb that does not parse, or no verb at all: /error, then the end")
def broken(scene):
    node = scene.node("alice")
    healthy = scene.session(node, "healthy", listening="127.0.0.1:8")
    for line in ("/msg", "/msg x", "/msg x text", "/msg -1 text", "/ping", "/name", "/name a b",
                 "/bcast 99999999999999999999999 t", "/hello", "/hello x", "no verb",
                 "/ack", "/ack x", "/ack -1", "/resume", "/resume 1", "/resume x 1", "/resume 1 x",
                 "/msg 1 nul\0here", "\0",
                 f"/msg 1 {'x' * 65001}"):
        session = scene.session(node, "broken", listening="127.0.0.1:9")
        session.send(line)
        session.expect(re.compile(r"^/error \S+ .+"))
        session.wait_end()
    healthy.msg("unharmed")
    node.hears("unharmed")
    assert node.texts() == ["unharmed"]


@test("a /hello that cannot be used is refused with /error")
def bad_hello(scene):
    node = scene.node("alice")
    for hello in ("/hello 1", "/hello 1 node=", "/hello 1 node=UPPER boot=1 epoch=1",
                  "/hello 1 node=abc boot=x epoch=1", "/hello 1 node=abc",
                  "/hello 0 node=a boot=1 epoch=1",
                  f"/hello 1 node={'a' * 65} boot=1 epoch=1"):
        session = scene.add(SessionConnection(connect(node.address),
                                              Identity("carol", "127.0.0.1:9")))
        session.send(session.identity.greeting())
        session.expect_line(HELLO)
        session.send(hello)
        session.expect(re.compile("^/error "))
        session.wait_end()
    assert node.peers().get("127.0.0.1:9", (0, 0, "-"))[2] != "session"


@test("/bye ends a session: the peer is down, and is not dialled again")
def bye(scene):
    node, listener = scene.node("alice", "-e"), scene.session_listener("carol")
    node.send(f"/connect {listener.address}")
    session = listener.open()
    node.expect(f"* up {listener.address} carol")
    session.send("/bye leaving")
    node.expect(f"* down {listener.address} carol")
    session.wait_end()
    assert listener.address in node.peers()
    node.send("/wait up=1 2")
    node.sync()
    assert len(listener.connections) == 1, "redialled after /bye"
    assert node.finish() == 4


@test("a session that breaks off is dialled again, and is up again")
def redial(scene):
    node, listener = scene.node("alice", "-e"), scene.session_listener("carol")
    node.send(f"/connect {listener.address}")
    mark = 0
    for number, end in enumerate(("close", "reset", None)):
        session = listener.open(number)
        node.expect(f"* up {listener.address} carol", since=mark)
        session.msg(f"run {number}", number + 1)
        node.hears(f"run {number}")
        mark = len(node.out)
        if end:
            getattr(session, end)()
            node.expect(f"* down {listener.address} carol", since=mark)
    assert node.texts() == ["run 0", "run 1", "run 2"]


@test("who has once said /hello is never taken for another dialect: its end is a failed dial")
def never_another(scene):
    node, listener = scene.node("alice", "-e", "--drain", "2"), scene.session_listener("carol")
    node.send(f"/connect {listener.address}")
    listener.open().close()
    node.expect(f"* down {listener.address} carol")
    node.send(f"/msg {listener.address} secret", "/bcast secret too")
    for number in (1, 2):
        connection = listener.connection(number)
        connection.expect_line(GREETING)
        connection.half_close()
        connection.wait_end()
        assert len(connection.lines) == 1, connection.lines.items()
    assert node.finish() == 3
    poured = [line for c in listener.connections.items() for line in c.lines.items()
              if "secret" in line]
    assert not poured, poured


@test("who has once said /hello is never taken for another dialect: its silence is a failed dial")
def never_silent(scene):
    node, listener = scene.node("alice", "-e", "--drain", "5"), scene.session_listener("carol")
    node.send(f"/connect {listener.address}")
    listener.open().close()
    node.expect(f"* down {listener.address} carol")
    silent = listener.connection(1)
    silent.expect_line(GREETING)
    node.send(f"/msg {listener.address} secret")
    assert node.finish() == 3
    for connection in listener.connections.items()[1:]:
        assert [line for line in connection.lines.items() if "secret" in line] == []
    node.complains(re.compile(re.escape(listener.address)))


@test("a silent listener that says /hello later becomes a session from that line on")
def late_hello(scene):
    node, listener = scene.node("alice"), scene.session_listener("carol")
    node.connect(listener.address, dialect="stream")
    session = listener.connection()
    node.send("/bcast as a line")
    session.expect(f"{node.address} alice as a line")
    session.send(listener.identity.greeting(), listener.identity.hello())
    session.expect_line(HELLO)
    wait_until(lambda: node.peers()[listener.address].dialect == "session", "a session")
    node.send("/bcast as a verb")
    session.hears("as a verb", "bcast")
    session.msg("from me")
    node.hears("from me", "carol")


@test("a stream client that says /hello later becomes a session from that line on")
def late_client(scene):
    node = scene.node("alice")
    client = scene.add(SessionConnection(connect(node.address), Identity("carol", "127.0.0.1:9")))
    client.send(client.identity.greeting())
    client.expect_line(HELLO)
    wait_until(lambda: node.peers().get("127.0.0.1:9", (0, 0, ""))[2] == "stream", "a stream peer")
    client.send(client.identity.hello())
    wait_until(lambda: node.peers()["127.0.0.1:9"].dialect == "session", "a session")
    client.expect_line(r"/ping p[0-9]+")
    wait_until(lambda: ROUND_TRIP.fullmatch(node.peers()["127.0.0.1:9"].rtt), "a round trip")
    client.msg("numbered")
    node.hears("numbered", "carol")


@test("a second connection of the same run of a node is closed, and nothing comes twice")
def duplicate(scene):
    node = scene.node("alice")
    first = scene.session(node, "carol")
    second = scene.add(SessionConnection(connect(node.address), first.identity))
    second.send(first.identity.greeting())
    second.expect_line(HELLO)
    second.send(first.identity.hello())
    wait_until(lambda: not (first.open and second.open), "one of two sessions ended")
    kept = first if first.open else second
    node.send("/bcast once")
    kept.hears("once")
    assert first.texts() + second.texts() == ["once"]
    kept.msg("mine", 77)
    node.hears("mine")
    assert len(node.peers()) == 1


@test("a node that has restarted replaces the session of its earlier run")
def replaced(scene):
    node = scene.node("alice", "-e")
    first = scene.session(node, "carol")
    later = Identity("carol", first.identity.address, node=first.identity.node)
    second = scene.add(dial_session(node.address, identity=later))
    first.wait_end()
    second.msg("second run")
    node.hears("second run")
    node.send("/bcast for you")
    second.hears("for you")


@test("our own address is recognised: dialling ourselves is refused with a reason")
def ourselves(scene):
    node = scene.node("alice", "-e")
    node.send(f"/connect {node.address}", f"/msg {node.address} hi me")
    node.sync()
    node.complains(re.compile(re.escape(node.address)))
    assert "hi me" not in node.texts()
    assert not node.events()
    assert node.finish() == 1


@test("our identity stays over restarts, and the boot number grows")
def identity(scene):
    state, seen = scene.path("state"), []
    for _ in range(3):
        node = scene.node("alice", "--state", state)
        session = scene.add(SessionConnection(connect(node.address),
                                              Identity("carol", "127.0.0.1:9")))
        session.send(session.identity.greeting())
        seen.append(keys(session.expect_line(HELLO).group()))
        session.close()
        node.kill()
    assert len({hello["node"] for hello in seen}) == 1
    boots = [int(hello["boot"]) for hello in seen]
    assert boots == sorted(set(boots)), boots


@test("a thousand lines of a session in one write come in order and once")
def burst(scene):
    node = scene.node("alice")
    session = scene.session(node)
    session.write(b"".join(b"/bcast %d line %d\n" % (n, n) for n in range(1, 1001)))
    node.hears("line 1000")
    assert node.texts() == [f"line {n}" for n in range(1, 1001)]


if __name__ == "__main__":
    main()
