#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that could be lost, doubled, miscounted or never answered for: each arrives once, or its
sender is told."""

import os
import re
import signal
import socket
import threading

from hashflow_test import Stopwatch, dead_address, main, test, wait_until
from hashflow_test.process import Lines, collect, encode
from hashflow_test.session import GREETING, HELLO, Identity, SessionConnection, SessionListener
from hashflow_test.sockets import Connection, connect, split_address
from hashflow_test.waiting import Log

HIGHEST = "z" * 64
WIDE = "x" * 60000


def port_of(address):
    return split_address(address)[1]


def meet(scene, node, name="bob", **more):
    """A session that the node dials, opened; and its listener."""
    listener = scene.session_listener(name, **more)
    node.send(f"/connect {listener.address}")
    session = listener.open()
    node.expect(f"/connect {listener.address} {name} session")
    return session, listener


def met_original(scene, *options):
    seed, node = scene.seed(thorough=True), scene.node("alice", "-e", *options)
    node.connect(seed.address, dialect="oneshot")
    seed.hears("Connected\n", "alice")
    return node, seed


def unread_client(scene, node, address, name):
    """A plain client that has said who it is and reads nothing."""
    sock = scene.add(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(split_address(node.address))
    sock.sendall(f"{address} {name} hi\n".encode())
    node.hears("hi", name)
    return sock


# ---- two addresses, one peer


@test("lines for two addresses that turn out to be one node arrive all, and once")
def one_of_two(scene):
    alice, bob = scene.node("alice"), scene.node("bob")
    alice.connect(bob.address)
    alice.send(f"/msg 127.0.0.2:{bob.port} one", "/msg bob two", "/bcast three", "/wait sent 20")
    assert alice.finish() == 0, alice.errors()
    wait_until(lambda: len(bob.texts()) >= 3, "three lines")
    assert sorted(bob.texts()) == ["one", "three", "two"]


@test("what was lost at an address that turns out to be a known node is told all the same")
def lost_of_two(scene):
    alice, bob = scene.node("alice"), scene.node("bob")
    alice.connect(bob.address)
    dead, second = dead_address(), f"127.0.0.2:{bob.port}"
    # The first loss is told at once, the next one a second later.
    alice.send(f"/msg {dead} x", f"/disconnect {dead}")
    alice.expect(re.compile(f"^/msg failed {dead} "))
    alice.send(f"/msg {second} lost",
               f"/disconnect {second}", f"/connect {second}", "/echo connected")
    alice.expect("/echo connected")
    alice.send("/bcast after")
    bob.hears("after")
    alice.finish()
    lost = alice.out.count(re.compile(f"^/msg failed (127.0.0.2|127.0.0.1):{bob.port} "))
    assert lost + bob.texts().count("lost") == 1, (alice.out.items(), bob.texts())


# ---- the end


def descriptors(node):
    try:
        return node.descriptors()
    except OSError:
        return 0  # it has ended


@test("what was printed before the end reaches a slow reader of stdout whole")
def backlog_at_exit(scene):
    read_end, write_end = os.pipe()
    node = scene.node("alice", stdout=write_end)
    os.close(write_end)
    session = scene.session(node)
    node.write("/help\n" * 200 + "/echo END\n")
    node.eof()
    session.expect(re.compile("^/bye "))
    open_ones = node.descriptors()
    session.close()
    wait_until(lambda: open_ones > descriptors(node), "its last connection has ended")
    log = Log("slow reader")
    threading.Thread(target=collect, args=(Lines(read_end, log),), daemon=True).start()
    assert node.wait() == 0
    log.wait_closed()
    assert log.items()[-1] == "/echo END", f"{len(log)} lines"


@test("a socket as stdout whose reader has gone ends an idle node")
def socket_reader_gone(scene):
    ours, given = socket.socketpair()
    with given:
        node = scene.node("alice", stdout=given.fileno())
    scene.client(node).send("hello")
    assert b"hello" in ours.recv(100)
    ours.close()
    assert node.wait(8) == 1


@test("a line that comes after our goodbye is confirmed and shown, or neither")
def after_bye(scene):
    node = scene.node("alice")
    session = scene.session(node, "carol")
    node.signal(signal.SIGTERM)
    session.expect(re.compile("^/bye "))
    late = session.msg("late")
    session.half_close()
    node.wait()
    session.wait_end()
    shown, confirmed = "late" in node.texts(), session.confirmed() >= late
    assert shown == confirmed, f"shown {shown}, confirmed {confirmed}"


# ---- /connect


@test("/connect HOST:PORT to a stream that is known by its address keeps the lines on their way")
def backlog_by_name(scene):
    listener = scene.listener(accepted=lambda sock: sock)
    node = scene.node("alice")
    node.connect(listener.address, dialect="stream")
    texts = [f"{number} {WIDE}" for number in range(60)]
    for text in texts:
        node.send(f"/msg {listener.address} {text}")
    node.sync()
    node.send(f"/connect localhost:{port_of(listener.address)}")
    node.sync()
    stream = scene.add(Connection(listener.connection(), "stream"))
    stream.expect(re.compile("alice 59 "))
    assert [line.split(" ", 2)[2] for line in stream.lines.items()] == ["Connected", *texts]
    assert node.finish() == 0


@test("an original that was named by host is sent to, and is known by its address")
def original_by_name(scene):
    seed, node = scene.seed(thorough=True), scene.node("alice", "--drain", "5")
    name = f"localhost:{port_of(seed.address)}"
    node.send(f"/connect {name}", f"/msg {name} hi")
    seed.hears("hi", "alice")
    seed.send(node.address, "and back")
    node.hears("and back")
    assert list(node.peers()) == [seed.address]
    assert node.finish() == 0
    seed.hears("exit")
    assert seed.texts() == ["Connected\n", "hi", "exit"]


@test("/connect to an original that has left is answered, and it is greeted again")
def left_original(scene):
    seed, node = scene.seed(thorough=True), scene.node("alice", "-e")
    seed.send(node.address, "hi")
    node.hears("hi")
    seed.send(node.address, "exit")
    node.expect(f"* down {seed.address} seed")
    node.connect(seed.address, dialect="oneshot")
    seed.hears("Connected\n", "alice")
    node.send("/bcast welcome back")
    seed.hears("welcome back")


@test("/connect HOST:PORT of a known address is answered when its dial has ended, not before")
def known_by_name(scene):
    node, address = scene.node("alice"), dead_address()
    node.send(f"/connect {address}")
    node.sync()
    port = port_of(address)
    listener = scene.session_listener("bob", port=port)
    node.send(f"/connect localhost:{port}", "/echo after")
    listener.open()
    index, _ = node.out.wait_at("/echo after")
    assert f"/connect {address} bob session" in node.out.items()[:index], node.out.items()


@test("/to ADDRESS and -t ADDRESS without a line are dials that succeed, and nothing is waited for")
def target_alone(scene):
    bob, watch = scene.node("bob"), Stopwatch()
    scripts = [scene.node("alice"), scene.node("carol", "-t", bob.address)]
    scripts[0].send(f"/to {bob.address}")
    for node in scripts:
        assert node.finish() == 0, node.errors()
    assert watch.seconds() < 8, f"{watch.seconds():.1f} s"


@test("another node at a named, remembered address: it was reached, and is dialled no second time")
def another_there(scene):
    state = scene.path("state")
    node = scene.node("alice", "--state", state)
    session, listener = meet(scene, node)
    assert node.finish() == 0
    session.wait_end()
    listener.close()
    later = scene.add(SessionListener("robert", port=port_of(listener.address)))
    node = scene.node("alice", "--state", state, "-e", later.address)
    session = later.open()
    node.expect(f"* up {later.address} robert")
    node.send(f"/msg {later.address} who are you?", "/wait idle=3")
    session.hears("who are you?")
    assert node.finish() == 0, node.errors()
    assert len(later.connections) == 1
    assert not node.err.count(re.compile("never reached"))


@test("a name that changes while a greeting is on its way is told to that peer as well")
def renamed_meanwhile(scene):
    listener = scene.session_listener("bob")
    node = scene.node("old", listener.address)
    session = listener.connection()
    session.expect_line(GREETING)
    node.send("/name new")
    node.sync()
    session.open_as_listener()
    session.expect(lambda line: line == "/name new" or "name=new" in line.split(" "))


# ---- /disconnect and /forget


@test("/disconnect sends what waits, is not undone by it, and counts what was not confirmed")
def disconnect(scene):
    node = scene.node("alice", "-e")
    session, listener = meet(scene, node)
    session.acks = False
    node.send("/msg bob hi", "/disconnect bob")
    session.expect(re.compile("^/bye "))
    assert session.texts() == ["hi"]
    session.close()
    node.expect(f"* down {listener.address} bob")
    node.send("/wait up=1 2")
    node.expect(re.compile(f"^/msg failed {listener.address} bob "))
    node.sync()
    assert len(listener.connections) == 1, "dialled again after /disconnect"


@test("/disconnect right after a line to another node: the line arrives and is no loss")
def disconnect_node(scene):
    alice, bob = scene.node("alice"), scene.node("bob")
    alice.connect(bob.address)
    alice.send("/msg bob hi", "/bcast ho", "/disconnect bob")
    bob.hears("ho")
    assert alice.finish() == 0, alice.errors()
    assert bob.texts() == ["hi", "ho"]


@test("/disconnect and /forget of an original follow what waits for it, with an exit")
def exit_after(scene):
    for command in ("/disconnect", "/forget"):
        node, seed = met_original(scene)
        node.send(f"/msg {seed.address} hi", f"/msg {seed.address} ho", f"{command} {seed.address}")
        seed.hears("exit")
        assert seed.texts() == ["Connected\n", "hi", "ho", "exit"]
        assert node.finish() == 0, node.errors()


@test("/forget of a peer that came in is for good")
def forget(scene):
    node, address = scene.node("alice"), dead_address()
    session = scene.session(node, "carol", listening=address)
    node.send("/forget carol")
    session.wait_end()
    session.close()
    client = scene.client(node)
    client.send("marker")
    node.hears("marker")
    assert address not in node.peers()


@test("/forget does not send what it counts as lost")
def forget_pending(scene):
    alice, bob = scene.node("alice"), scene.node("bob", "-e")
    alice.connect(bob.address)
    bob.wait_up(1)
    alice.send("/msg bob precious", "/forget bob")
    alice.sync()
    status = alice.finish()
    bob.expect(f"* down {alice.address} alice")
    assert (status, bob.texts()) in ((3, []), (0, ["precious"]))


# ---- plain peers


@test("a stream that never reads does not hold up stdin, and what it lost is counted")
def deaf_stream(scene):
    node = scene.node("alice", "-t", "all", "-e")
    healthy = scene.session(node, "healthy", listening=dead_address())
    address = dead_address()
    unread_client(scene, node, address, "deaf")
    count = 250
    for number in range(count):
        node.write(f"{number} {WIDE}\n")
    healthy.hears(f"{count - 1} {WIDE}")
    node.expect(re.compile(f"^/bcast failed {address} deaf "))
    assert node.finish() == 3
    assert len(healthy.texts()) == count


@test("lines of /msg that a stream has lost are failures of /msg, those of /bcast of /bcast")
def labels(scene):
    for command, verb in (("/msg bob", "/msg"), ("/bcast", "/bcast")):
        node, address = scene.node("alice"), dead_address()
        sock = unread_client(scene, node, address, "bob")
        for _ in range(60):
            node.send(f"{command} {WIDE}")
        node.sync()
        sock.close()
        line = node.expect(re.compile("^/[a-z]+ failed "))
        assert line.startswith(f"{verb} failed {address} bob "), line
        assert node.finish() == 3


@test("a long text of which an original has a part is not begun again")
def pieces(scene):
    listener, node = scene.listener(), scene.node("alice")
    node.send(f"/connect {listener.address}")
    listener.connection().expect_line(GREETING)
    listener.connection().half_close()
    node.expect(re.compile(f"^/connect {listener.address} "))
    text = "A" * 990 + "B" * 900
    node.send(f"/msg {listener.address} {text}")
    first = listener.connection(1)
    first.wait_end()
    listener.close_listener()
    first.half_close()
    node.complains(re.compile("cannot be reached|not delivered"))
    seed = scene.seed(port=port_of(listener.address), thorough=True)
    status = node.finish()
    pieces = [first.raw.decode().split(" ", 2)[2],
              *(piece for piece in seed.texts() if piece not in ("Connected\n", "exit"))]
    assert (status, "".join(pieces)) == (0, text) or (status, len(pieces)) == (3, 1), (
        status, [len(piece) for piece in pieces])


@test("a text given with -t that ends with CR arrives with it over a session")
def carriage_return(scene):
    bob = scene.node("bob")
    run = scene.run("alice", "-t", bob.address, stdin=b"windows\r\nunix\nend")
    bob.hears("end")
    assert bob.texts() == ["windows\r", "unix", "end"]
    assert run.wait() == 0


# ---- connections that cross, close and come again


@test("a connection that loses against a crossed dial is told /bye duplicate")
def duplicate_told(scene):
    listener = scene.session_listener(identity=Identity("bob", node=HIGHEST))
    node = scene.node("alice", "-e")
    node.send(f"/connect {listener.address}")
    dialled = listener.connection()
    dialled.expect_line(GREETING)
    ours = scene.add(SessionConnection(connect(node.address), listener.identity, "our own dial"))
    ours.send(ours.identity.greeting())
    ours.expect_line(HELLO)
    ours.send(ours.identity.hello())
    ours.expect("/bye duplicate")
    ours.wait_end()
    dialled.open_as_listener()
    node.send("/bcast once")
    dialled.hears("once")


@test("a broadcast in the grace after /bye duplicate waits for the other connection, or is counted")
def grace(scene):
    for returns in (True, False):
        node = scene.node("alice", "-e", "--drain", "1")
        first = scene.session(node, "bob", listening=dead_address())
        first.send("/bye duplicate")
        first.wait_end()
        node.send("/bcast a word", "/echo said")
        node.expect("/echo said")
        if returns:
            second = scene.add(SessionConnection(connect(node.address), first.identity))
            second.open_as_dialer()
            second.hears("a word")
            assert [line.split(" ")[1] for line in node.events()] == ["up"]
            assert node.finish() == 0
        else:
            assert node.finish() == 3
            node.complains(re.compile(re.escape(first.identity.address)))


@test("a full queue outlives a short break of the connection: nothing is refused, nothing doubled")
def blip(scene):
    node = scene.node("alice", "-e", "--drain", "20")
    first = scene.session(node, "bob", listening=dead_address(), ack=False)
    count = 120
    data = encode("".join(f"/msg bob {number} {WIDE}\n" for number in range(count)))
    pushing = threading.Thread(target=node.write, args=(data,), daemon=True)
    pushing.start()
    wait_until(lambda: len(first.raw) >= (4 << 20) - len(WIDE), "a window of unconfirmed lines")
    first.close()
    node.expect(f"* down {first.identity.address} bob")
    pushing.join(0.4)
    assert pushing.is_alive(), "stdin is read on, for a queue that is full"
    second = scene.add(SessionConnection(connect(node.address), first.identity))
    second.open_as_dialer()
    pushing.join(20)
    assert node.finish() == 0, node.errors()[:500]
    assert [text.split(" ")[0] for text in second.texts()] == [str(n) for n in range(count)]


if __name__ == "__main__":
    main(workers=6)
