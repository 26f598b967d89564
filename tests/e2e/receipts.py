#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sender is told: events of lines, /outbox, /wait delivered, ids, and the exit status."""

import re

from hashflow_test import main, test

ENDS = ("delivered", "failed")


def meet(scene, node, name="bob", **more):
    """A session with a peer that the node dials, and the peer's listener."""
    listener = scene.session_listener(name, **more)
    node.send(f"/connect {listener.address}")
    session = listener.open()
    node.expect(f"/connect {listener.address} {name} session")
    return session, listener


def leave(node, session, listener):
    """The peer goes away, and nobody answers at its address."""
    listener.close_listener()
    session.close()
    node.expect(re.compile(rf"\* unreachable {re.escape(listener.address)} "))


def own_id(node, session, text):
    """The id that a line which the session has heard has at its sender."""
    found = session.hears(text)
    return f"{session.theirs['node']}.{session.theirs['epoch']}.{found['seq']}"


def of_line(node, which):
    return [(kind, address) for kind, line, address in node.receipts() if line == which]


@test("a line to a session peer is queued, sent, and delivered when the peer confirms it")
def life_of_a_line(scene):
    node = scene.node("alice", "-e", "--state", scene.path("state"))
    session, listener = meet(scene, node, ack=False)
    node.send("/msg bob one")
    which = own_id(node, session, "one")
    session.ping("read")
    node.sync()
    assert of_line(node, which) == [("queued", listener.address), ("sent", listener.address)]
    session.ack()
    node.expect(f"* delivered {which} {listener.address}")
    node.eof()
    session.wait_end()
    assert node.wait() == 0
    assert [kind for kind, _ in of_line(node, which)] == ["queued", "sent", "delivered"]


@test("what is not stored is not queued: --no-store, and a peer that leaves nothing behind")
def not_queued(scene):
    memory = scene.node("alice", "-e", "--no-store")
    session, listener = meet(scene, memory)
    memory.send("/msg bob one")
    memory.expect(f"* delivered {own_id(memory, session, 'one')} {listener.address}")
    assert not memory.receipts("queued")
    stored = scene.node("carol", "-e", "--state", scene.path("state"))
    passing = scene.node("passing", stored.address)
    stored.wait_up()
    stored.send("/bcast two")
    passing.hears("two")
    stored.expect(re.compile(r"\* delivered "))
    assert not stored.receipts("queued")


@test("without -e nothing is said of lines")
def not_asked(scene):
    node = scene.node("alice")
    session, _ = meet(scene, node)
    node.send("/msg bob one", "/wait delivered 10")
    session.hears("one")
    node.sync()
    assert not node.receipts()


@test("plain peers end with sent, under our own ids: a stream, and a one-shot peer")
def plain(scene):
    node = scene.node("alice", "-e")
    client = scene.client(node)
    client.send("127.0.0.1:9 nc hello")
    node.hears("hello")
    seed = scene.seed()
    node.connect(seed.address, dialect="oneshot")
    me = node.ask("/whoami")[0].split(" ")[2]
    node.send("/bcast to all", "/msg nc to one")
    for address in (seed.address, "127.0.0.1:9"):
        node.expect(re.compile(rf"\* sent {me}\.\d+\.1 {re.escape(address)}"))
    node.expect(re.compile(rf"\* sent {me}\.\d+\.2 127\.0\.0\.1:9"))
    client.expect(re.compile(r"\S+ alice to one"))
    node.send("/wait delivered 10")
    node.sync()
    assert len(node.receipts()) == 3 and len(node.receipts("sent")) == 3, node.receipts()


@test("both ends print the same id for a line, that of our key")
def same_id(scene):
    alice, bob = scene.node("alice", "-e"), scene.node("bob", "--ids")
    alice.connect(bob.address)
    alice.send("/msg bob hello")
    which = bob.hears("hello").id
    assert which.split(".")[0] == alice.ask("/whoami")[0].split(" ")[2]
    alice.expect(f"* delivered {which} {bob.address}")


@test("a broadcast has one id, and each peer its own events; a message for one peer has no others")
def each_peer(scene):
    node = scene.node("alice", "-e", "--state", scene.path("state"))
    bob, at_bob = meet(scene, node)
    carol, at_carol = meet(scene, node, "carol", ack=False)
    node.send("/bcast for all", "/msg bob for bob")
    both, one = own_id(node, bob, "for all"), own_id(node, bob, "for bob")
    assert own_id(node, carol, "for all") == both
    node.expect(f"* delivered {one} {at_bob.address}")
    assert (("delivered", at_bob.address) in of_line(node, both) and
            ("delivered", at_carol.address) not in of_line(node, both))
    assert {address for _, address in of_line(node, one)} == {at_bob.address}
    carol.ack()
    node.expect(f"* delivered {both} {at_carol.address}")


@test("what a peer loses is failed, line by line, and exit 3; what it has is not")
def failed(scene):
    node = scene.node("alice", "-e", "--state", scene.path("state"))
    session, listener = meet(scene, node, ack=False)
    node.send("/msg bob one")
    one = own_id(node, session, "one")
    session.ack()
    node.expect(f"* delivered {one} {listener.address}")
    node.send("/msg bob two", "/msg bob three")
    two, three = own_id(node, session, "two"), own_id(node, session, "three")
    leave(node, session, listener)
    node.send("/forget bob")
    node.expect(f"* failed {three} {listener.address}")
    assert [line for _, line, _ in node.receipts("failed")] == [two, three]
    node.complains(re.compile(r".* bob: 2 lines were not delivered: .*"))
    node.expect(re.compile(rf"/msg failed {re.escape(listener.address)} bob .*"))
    assert node.finish() == 3
    assert len([1 for kind, _, _ in node.receipts() if kind in ENDS]) == 3


@test("what is kept on leaving is told, exit 3, and delivered in the next run under its id")
def kept(scene):
    options = ("-e", "--state", scene.path("state"), "--drain", "0.2")
    node = scene.node("alice", *options)
    session, listener = meet(scene, node, ack=False)
    node.send("/msg bob one", "/msg bob two")
    two = own_id(node, session, "two")
    assert node.finish() == 3
    node.complains(re.compile(rf".*{re.escape(listener.address)} bob: 2 lines were not delivered "
                              r"and are kept for the next run: .+"))
    assert not node.receipts("failed") and not node.receipts("delivered")
    node = scene.node("alice", *options)
    again = listener.open(1)
    assert own_id(node, again, "two") == two and again.texts() == ["one", "two"]
    again.ack()
    node.expect(f"* delivered {two} {listener.address}")
    assert node.finish() == 0 and not node.complaints(), node.errors()


@test("a broadcast for a peer that was away is kept with a notice and exit 0")
def kept_back(scene):
    node = scene.node("alice", "-e", "--state", scene.path("state"))
    session, listener = meet(scene, node)
    other, _ = meet(scene, node, "carol")
    leave(node, session, listener)
    node.send("/bcast one", "/bcast two")
    other.hears("two")
    assert node.finish() == 0
    node.complains(re.compile(r".* bob is away: 2 lines for it wait for the next run"))


@test("without a store the same lines are gone: a broadcast's with a notice, a message's with 3")
def gone(scene):
    for verb, status, words in (("/bcast", 0, "is away: 1 line for it was not sent"),
                                ("/msg bob", 3, "bob: 1 line was not delivered: ")):
        node = scene.node("alice", "-e", "--no-store", "--drain", "0.2")
        session, listener = meet(scene, node)
        leave(node, session, listener)
        node.send(f"{verb} one")
        assert node.finish() == status, node.errors()
        node.complains(re.compile(rf".*{words}.*"))


@test("/outbox lists lines, bytes and the reason for each peer for whom something waits")
def outbox(scene):
    node = scene.node("alice", "-e", "--state", scene.path("state"))
    assert node.ask("/outbox") == []
    bob, at_bob = meet(scene, node)
    carol, at_carol = meet(scene, node, "carol", ack=False)
    leave(node, bob, at_bob)
    node.send("/bcast one", "/msg bob four")
    carol.hears("one")
    size = len("/bcast 1 one\n")
    assert sorted(node.ask("/outbox")) == sorted(
        [f"/outbox {at_bob.address} bob 2 {size + len('/msg 2 four') + 1} Connection refused",
         f"/outbox {at_carol.address} carol 1 {size} on its way"])
    carol.ack()
    node.expect(re.compile(r"\* delivered .*"))
    assert [line.split(" ")[1] for line in node.ask("/outbox")] == [at_bob.address]
    node.send("/forget bob")
    node.sync()
    assert node.ask("/outbox") == []


@test("/outbox knows what a former run has left")
def outbox_again(scene):
    options = ("-e", "--state", scene.path("state"), "--drain", "0.2")
    node = scene.node("alice", *options)
    session, listener = meet(scene, node)
    leave(node, session, listener)
    node.send("/msg bob one")
    assert node.finish() == 3
    node = scene.node("alice", *options)
    line = node.ask("/outbox")
    assert len(line) == 1 and line[0].startswith(f"/outbox {listener.address} bob 1 "), line


@test("/wait delivered waits for those who are away, which /wait sent does not; exit 4 if in vain")
def waiting(scene):
    node = scene.node("alice", "-e", "--state", scene.path("state"))
    identity_session, listener = meet(scene, node)
    leave(node, identity_session, listener)
    other, _ = meet(scene, node, "carol")
    node.send("/bcast one", "/wait sent 20", "/echo all who are here")
    other.hears("one")
    node.expect("/echo all who are here")
    node.send("/wait delivered 0.2", "/echo in vain")
    node.expect("/echo in vain")
    node.complains("hashflow: /wait: delivered: not within 0.2 s")
    node.send("/wait delivered 20", "/echo all")
    back = scene.session(node, identity=listener.identity)
    back.hears("one")
    node.expect("/echo all")
    assert node.finish() == 4


@test("--ids: the receiver prints the id that the sender was told, and - where there is none")
def ids(scene):
    reader = scene.node("reader", "--ids")
    writer = scene.node("writer", "-e", reader.address)
    writer.wait_up()
    writer.send("/bcast one", "/msg reader 7.8.9 two")
    got = [reader.hears(text).id for text in ("one", "7.8.9 two")]
    for which in got:
        writer.expect(f"* delivered {which} {reader.address}")
    assert len(set(got)) == 2
    client = scene.client(reader)
    client.send("a raw line", "127.0.0.1:9 eve a.1.2 of a stream")
    assert reader.hears("a raw line").id == "-"
    assert reader.hears("a.1.2 of a stream", "eve").id == "-"
    reader.expect(re.compile(r"127\.0\.0\.1:9 eve - a\.1\.2 of a stream"))


@test("a repeat that follows a crash can be told by its id")
def repeats(scene):
    options = ("--ids", "--state", scene.path("state"))
    node = scene.node("alice", *options)
    session = scene.session(node, "carol")
    session.msg("one", 5)
    first = node.hears("one")
    assert first.id == f"{session.identity.node}.{session.identity.epoch}.5"
    node.kill()
    session.close()
    node = scene.node("alice", *options)
    session = scene.session(node, identity=session.identity)
    session.msg("one", 5)
    session.msg("two", 6)
    node.hears("two")
    assert {m.id for m in node.messages() if m.text == "one"} <= {first.id}


@test("a full queue fails for its peer alone, with events, a line on stderr and exit 3")
def full(scene):
    for limit in (("--queue-lines", "2"), ("--queue-bytes", "1K")):
        node = scene.node("alice", "-e", "--state", scene.path(limit[0]), *limit)
        session, listener = meet(scene, node)
        other, _ = meet(scene, node, "carol")
        leave(node, session, listener)
        texts = [f"{n} " + "x" * 400 for n in range(4)]
        for text in texts:
            node.send(f"/bcast {text}", "/wait sent 10")
        other.hears(texts[-1])
        lost = [own_id(node, other, text) for text in texts[2:]]
        node.complains(re.compile(r".* bob: \d lines? w\w+ not delivered: its queue is full.*"))
        node.expect(f"* failed {lost[1]} {listener.address}")
        assert [line for _, line, _ in node.receipts("failed")] == lost
        mark = len(node.out)
        node.send(f"/msg bob {texts[0]}")
        node.expect(re.compile(rf"\* failed \S+ {re.escape(listener.address)}"), since=mark)
        back = scene.session(node, identity=listener.identity)
        back.hears(texts[1])
        node.send("/wait delivered 10", "/bcast goes on")
        back.hears("goes on")
        assert back.texts() == [*texts[:2], "goes on"] and other.texts()[:4] == texts
        assert node.finish() == 3


@test("what has waited for longer than --queue-age is given up, with events and exit 3")
def too_old(scene):
    node = scene.node("alice", "-e", "--state", scene.path("state"), "--queue-age", "1")
    session, listener = meet(scene, node)
    leave(node, session, listener)
    node.send("/bcast one", "/msg bob two")
    node.complains(re.compile(r".* bob: 2 lines were not delivered: .*--queue-age.*"))
    assert len(node.receipts("failed")) == 2
    assert node.ask("/outbox") == []
    assert node.finish() == 3


@test("/ban: the peer is told and listed as banned, nothing goes to it, and /connect takes it back")
def ban(scene):
    node = scene.node("alice", "-e", "--state", scene.path("state"))
    session, listener = meet(scene, node)
    other, _ = meet(scene, node, "carol")
    node.send("/ban bob", "/bcast not for bob")
    session.expect(re.compile("/error banned .*"))
    session.wait_end()
    other.hears("not for bob")
    assert node.peers()[listener.address].state == "banned"
    assert session.texts() == []
    node.send("/msg bob nor this")
    node.complains(re.compile(r"hashflow: /msg: .* bob: it is banned.*"))
    node.send(f"/connect {listener.address}", "/wait peer=bob 10")
    listener.open(1)
    node.sync()
    assert node.peers()[listener.address].state == "up"
    assert node.finish() == 1


@test("what is said of a ban is said from where one stands: who bans, and who is banned")
def ban_told(scene):
    alice, bob = (scene.node(name, "-v", "--state", scene.path(name)) for name in ("alice", "bob"))
    alice.connect(bob.address)
    bob.wait_up()
    alice.send("/ban bob")
    alice.complains(re.compile(r".* bob is gone: banned"))
    bob.complains(re.compile(r".* alice does not let us in: you are banned here; .*"))
    bob.complains(re.compile(r".* alice is gone: it does not let us in"))
    bob.send("/msg alice are you there?")
    bob.sync()
    assert bob.ask("/outbox")[0].endswith("it does not let us in"), bob.ask("/outbox")


if __name__ == "__main__":
    main()
