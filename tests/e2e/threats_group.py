#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A closed door: strangers with wrong proofs, impostors that are dialled and prove nothing."""

import re

from hashflow_test import Stopwatch, main, test
from hashflow_test.session import HELLO
from hashflow_test.sockets import Connection, connect, send_once
from hashflow_test.tls import (Stranger, TlsListener, base32, dial_tls, make_key, make_proof,
                               write_group)

GROUP, FORMER, OTHER = (bytes([byte]) * 32 for byte in (1, 2, 3))
SECRET = "for members only"
REFUSED = re.compile("refused|cannot be reached")


def member(scene, label, *options, secrets=(GROUP,), start=True):
    folder = scene.path(label)
    write_group(folder, *secrets)
    return scene.node(label, "--state", folder, "-e", *options) if start else folder


def ups(node):
    return [line for line in node.events() if " up " in line]


@test("whoever has the secret gets in, and hears a proof in return (so what follows can fail)")
def stranger_with_secret(scene):
    alice = member(scene, "alice", secrets=(GROUP, FORMER))
    for secret in (GROUP, FORMER):
        session = dial_tls(scene, alice.address, identity=Stranger(f"carol{secret[0]}"))
        theirs = session.enter(secret)
        assert theirs["proof"] == session.proof(secret, role="answer")
        session.msg(f"I have {secret[0]}")
        alice.hears(f"I have {secret[0]}")


def wrong_proofs(session, before):
    """Everything that resembles a proof, by what it is."""
    ends = {"dialer": session.tls.own, "listener": session.tls.peer}
    swapped = make_proof(GROUP, "group", "dial", ends["listener"], ends["dialer"],
                         session.tls.exporter)
    right = session.proof(GROUP)
    return {
        "none": None,
        "of another group": session.proof(OTHER),
        "of a secret of zeros": session.proof(bytes(32)),
        "of the other role": session.proof(GROUP, role="answer"),
        "of another kind": session.proof(GROUP, kind="invitation"),
        "of another connection": before,
        "of this connection with the exporter of another": session.proof(GROUP, exporter=bytes(32)),
        "with dialer and listener changed over": swapped,
        "the listener's fingerprint": session.tls.peer,
        "zeros": base32(bytes(32)),
        "right but for the last character": right[:-1] + ("a" if right[-1] != "a" else "q"),
    }


@test("every proof but the right one is refused, and the refusal says the same and nothing else")
def wrong_proof(scene):
    alice, key = member(scene, "alice"), scene.path("mallory.pem")
    make_key(key)
    kept = dial_tls(scene, alice.address, key=key)
    before = kept.proof(GROUP)
    answers = set()
    for what in wrong_proofs(kept, before):
        session = dial_tls(scene, alice.address, key=key)
        proof = wrong_proofs(session, before)[what]
        session.attempt(session.identity.hello(f" proof={proof}" if proof else ""),
                        "/resume 1 0", "/msg 1 let me in", "/peer 127.0.0.1:1 abc x")
        session.wait_end()
        assert len(session.lines) == 1, (what, session.lines.items())
        answers.add(session.lines.items()[0])
    assert len(answers) == 1 and answers.pop().startswith("/error closed ")
    alice.sync()
    assert not ups(alice) and alice.texts() == []
    assert len(alice.complaints()) == 1, "more than one line about one place"


@test("what is no proof at all is a fault, and nothing that comes before or after it helps")
def no_proof_at_all(scene):
    alice = member(scene, "alice")
    for extra in (" proof=", " proof=a", " proof=" + "a" * 53, " proof=" + "A" * 52,
                  " proof=" + "1" * 52, " invite=" + "a" * 26):
        session = dial_tls(scene, alice.address)
        session.attempt(session.identity.hello(extra))
        session.wait_end()
        assert all(line.startswith("/error ") for line in session.lines.items()), extra
    for lines in (["/msg 1 in"], ["127.0.0.1:9 carol in"], ["127.0.0.1:9 carol Connected"],
                  ["/resume 1 0"], ["/join me"], ["/group " + base32(GROUP)], ["/ask t x"],
                  ["/peer 127.0.0.1:1 abc x"], ["in"], [""]):
        session = dial_tls(scene, alice.address)
        session.attempt(*lines, session.identity.hello(f" proof={session.proof(GROUP)}"))
        session.wait_end()
        assert all(line.startswith("/error ") for line in session.lines.items()), lines
    alice.sync()
    assert not ups(alice) and alice.texts() == []


@test("a second /hello with the right proof comes too late; with a wrong one it changes nothing")
def second_hello(scene):
    alice = member(scene, "alice")
    late = dial_tls(scene, alice.address)
    late.attempt(late.identity.hello(), late.identity.hello(f" proof={late.proof(GROUP)}"))
    late.wait_end()
    assert not [line for line in late.lines.items() if line.startswith("/hello")]
    alice.sync()
    assert not ups(alice)


@test("plain text finds the door closed: nothing of us is said, and one line names the place")
def plain_text(scene):
    alice = member(scene, "alice")
    for data in (b"127.0.0.1:9 mallory Connected\n", b"127.0.0.1:9 mallory hi", b"\n", b"GET / HTTP"
                 b"/1.0\r\n\r\n", b"/hello 1 node=abc boot=1 epoch=1\n", b"\0", b"\x15\x03\x01"):
        said = send_once(alice.address, data)
        assert re.fullmatch(rb"/error closed [^\n]*\n", said), (data, said)
    alice.sync()
    assert alice.texts() == [] and not ups(alice)
    assert len(alice.complaints()) == 1, alice.errors()


def dials(scene, listener, label="alice"):
    """A member that is told to dial it and has something to say; ended, with its status."""
    folder = member(scene, label, start=False)
    stdin = f"/msg {listener.address} {SECRET}\n/bcast {SECRET}\n".encode()
    return scene.run(label, "--state", folder, "-e", "--drain", "20", "-W", "20", listener.address,
                     stdin=stdin)


def leaked(listener):
    """What the impostor has heard besides /hello and the refusal of its own."""
    lines = [line for session in listener.connections.items() for line in session.lines.items()]
    assert lines, "nobody has dialled"
    return [line for line in lines if not re.match("/(hello|error) ", line) or SECRET in line]


def answers_of(session):
    """What an impostor may say for an answer, by what it is."""
    hello = session.lines.items()[0]
    theirs = dict(word.split("=", 1) for word in hello.split(" ")[2:])
    said = session.identity.hello
    return {
        "no proof": said(),
        "the dialer's own proof": said(f" proof={theirs['proof']}"),
        "a proof under another secret": said(f" proof={session.proof(OTHER)}"),
        "a proof as a dialer's": said(f" proof={session.proof(GROUP, role='dial')}"),
        "a proof of another connection": said(f" proof={session.proof(GROUP, exporter=bytes(32))}"),
        "the dialer's own words": hello,
        "no more than welcome": "/resume 1 0",
        "a secret as a gift": f"/group {base32(OTHER)}",
    }


@test("an impostor that is dialled and does not prove that it belongs hears not one byte of text")
def impostor(scene):
    kinds = 8
    for kind in range(kinds):
        listener = scene.add(TlsListener(identity=Stranger("bob")))
        folder = member(scene, f"alice{kind}", start=False)
        alice = scene.node("alice", "--state", folder, "-e", "--drain", "0")
        alice.send(f"/msg {listener.address} {SECRET}", f"/bcast {SECRET}",
                   f"/connect {listener.address}")
        session = listener.connection()
        session.expect_line(HELLO)
        said = answers_of(session)
        assert len(said) == kinds
        what = list(said)[kind]
        session.attempt(said[what], "/resume 1 0", "/ping x", "/ask t what")
        session.wait_end()
        assert not leaked(listener), (what, leaked(listener))
        assert not ups(alice), what
        status = alice.finish()
        assert status == 5 if said[what].startswith("/hello ") else status in (1, 3, 4, 5), what
    assert kinds == len(said)


@test("the same impostor with the secret is welcome (so the one before can fail)")
def welcome(scene):
    listener = scene.add(TlsListener(identity=Stranger("bob")))
    alice = member(scene, "alice")
    alice.send(f"/msg {listener.address} {SECRET}", f"/connect {listener.address}")
    listener.answers(secret=GROUP).hears(SECRET)


@test("an impostor that says nothing is given up in seconds, and hears nothing")
def silent_impostor(scene):
    listener = scene.add(TlsListener(identity=Stranger("bob")))
    alice = member(scene, "alice")
    watch = Stopwatch()
    alice.send(f"/msg {listener.address} {SECRET}", f"/connect {listener.address}")
    session = listener.connection()
    session.wait_end()
    assert 4 < watch.seconds() < 15
    assert not leaked(listener)
    alice.complains(REFUSED)


@test("the last words of an impostor reach stderr without control characters, as one line")
def last_words(scene):
    alice = member(scene, "alice")
    words = "go away\x1b[2J\x1b]0;x\x07\rhashflow: all is well\x7f\u202e"
    for line in (f"/error closed {words}", f"/error x\x1b[1m {words}", f"/error {words}",
                 f"/bye {words}", f"/bye duplicate{words}", words):
        listener = scene.add(TlsListener(identity=Stranger("bob")))
        alice.send(f"/connect {listener.address}")
        session = listener.connection()
        session.expect_line(HELLO)
        session.attempt(line)
        session.wait_end()
        alice.complains(re.compile(re.escape(listener.address)))
    alice.sync()
    said = "".join(alice.err.items() + alice.out.items())
    assert not set("\x1b\x07\r\x7f\u202e") & set(said), repr(said)


@test("an impostor in plain text is dialled encrypted all the same, and hears nothing")
def plain_impostor(scene):
    liar = scene.listener()
    alice = member(scene, "alice")
    alice.send(f"/msg {liar.address} {SECRET}", f"/connect {liar.address}")
    heard = liar.connection()
    heard.send(f"{liar.address} bob Connected", "/hello 1 node=abc boot=1 epoch=1 caps=tls")
    heard.wait_end()
    assert heard.raw[:1] == b"\x16" and SECRET.encode() not in heard.raw
    alice.complains(REFUSED)
    alice.send(f"/connect plain:{liar.address}", f"/msg {liar.address} {SECRET}")
    alice.sync()
    assert all(SECRET.encode() not in one.raw and b"Connected" not in one.raw
               for one in liar.connections.items()), "a member spoke plain text"


@test("members are told of by members only: a stranger learns no address, name or id")
def no_directory(scene):
    alice, bob = (member(scene, name) for name in ("alice", "bob"))
    alice.connect(bob.address)
    stranger = dial_tls(scene, alice.address)
    stranger.say_hello()
    stranger.refused("closed")
    for word in (b"bob", b"alice", str(bob.port).encode()):
        assert word not in stranger.raw, bytes(stranger.raw)


@test("a stranger at the door never changes our exit status, nor does his flood fill stderr")
def status(scene):
    alice = member(scene, "alice")
    for _ in range(20):
        dial_tls(scene, alice.address).say_hello()
        scene.add(Connection(connect(alice.address))).send("let me in")
    alice.sync()
    assert alice.finish() == 0
    assert len(alice.complaints()) <= 2, alice.errors()


@test("a proof for the former secret does not open the door once that has been put away")
def former(scene):
    alice = member(scene, "alice", secrets=(GROUP,))
    session = dial_tls(scene, alice.address)
    session.say_hello(FORMER)
    session.refused("closed")
    both = dial_tls(scene, alice.address)
    both.say_hello(FORMER, f" former={both.proof(GROUP)}")
    both.expect(re.compile("^/hello "))


if __name__ == "__main__":
    main()
