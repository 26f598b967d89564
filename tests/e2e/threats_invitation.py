#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations in the wrong hands: wrong proofs for them, hosts that cannot prove that they have
invited, and secrets as gifts that nobody has asked for."""

import hashlib
import os
import re

from hashflow_test import main, test
from hashflow_test.middle import Middle, own_key
from hashflow_test.session import HELLO
from hashflow_test.tls import (Stranger, TlsListener, base32, dial_tls, make_key, unbase32,
                               write_group)

GROUP, EVIL = bytes(range(32)), bytes([13]) * 32
TOKEN = "a" * 26


def key_of(token):
    """What an invitation's proofs are made with."""
    return hashlib.sha256(unbase32(token)).digest()


def id_of(token):
    return base32(hashlib.sha256(key_of(token)).digest()[:16])


def host(scene, **more):
    write_group(scene.path("alice"), GROUP)
    return scene.node("alice", "--state", scene.path("alice"), "-e", **more)


def invite(node):
    """The token of a new invitation."""
    return node.ask("/invite")[0].split(" ")[1].rpartition("/")[2]


def comes_with(session, token, proof=None):
    """Says /hello with the invitation; a proof of its own, or the right one."""
    proof = proof or session.proof(key_of(token), kind="invitation")
    session.attempt(session.identity.hello(f" proof={proof} invite={id_of(token)}"))


def welcomed(session):
    """The secrets that it is given."""
    session.expect(re.compile("^/hello "))
    return session.expect_line("/group (.*)")[1].split(" ")


@test("an invitation and the right proof give the secret, to that key alone, as often as it asks")
def right(scene):
    alice, key = host(scene), scene.path("bob.pem")
    token = invite(alice)
    for _ in range(2):
        bob = dial_tls(scene, alice.address, key=key, identity=Stranger("bob"))
        comes_with(bob, token)
        assert welcomed(bob) == [base32(GROUP)]
        theirs = bob.theirs["proof"]
        assert theirs == bob.proof(key_of(token), kind="invitation", role="answer")
        bob.close()
    thief = dial_tls(scene, alice.address)
    comes_with(thief, token)
    thief.refused("closed")
    alice.complains(re.compile("by another key"))


@test("wrong proofs for an invitation are refused alike, give nothing, and do not use it up")
def wrong(scene):
    alice = host(scene)
    token, other = invite(alice), invite(alice)
    answers = set()
    for what in range(9):
        thief = dial_tls(scene, alice.address)
        key = key_of(token)
        proof = [base32(bytes(32)), thief.proof(key_of(other), kind="invitation"),
                 thief.proof(key, kind="group"), thief.proof(key, kind="invitation", role="answer"),
                 thief.proof(key, kind="invitation", exporter=bytes(32)),
                 thief.proof(unbase32(id_of(token)) * 2, kind="invitation"),
                 thief.proof(hashlib.sha256(key).digest(), kind="invitation"),
                 thief.proof(bytes(32), kind="invitation"),
                 thief.proof(unbase32(token) * 2, kind="invitation")][what]
        comes_with(thief, token, proof)
        thief.wait_end()
        assert len(thief.lines) == 1, (what, thief.lines.items())
        answers.add(thief.lines.items()[0])
    stranger = dial_tls(scene, alice.address)
    comes_with(stranger, TOKEN)
    stranger.wait_end()
    answers.add(stranger.lines.items()[0])
    assert len(answers) == 1 and answers.pop().startswith("/error closed "), answers
    bob = dial_tls(scene, alice.address, identity=Stranger("bob"))
    comes_with(bob, token)
    assert welcomed(bob) == [base32(GROUP)]


@test("a member's proof with somebody's invitation does not use that up")
def member_with_invitation(scene):
    alice = host(scene)
    token = invite(alice)
    carol = dial_tls(scene, alice.address, identity=Stranger("carol"))
    comes_with(carol, token, carol.proof(GROUP))
    carol.wait_end()
    assert not carol.theirs
    bob = dial_tls(scene, alice.address, identity=Stranger("bob"))
    comes_with(bob, token)
    assert welcomed(bob) == [base32(GROUP)]


def joins(scene, listener, fingerprint):
    """bob, who has been given an invitation to there, and the line that accepts it."""
    bob = scene.node("bob", "--state", scene.path("bob"), "-e")
    join = f"/join hashflow://{listener.address}/{fingerprint}/{TOKEN}"
    bob.send(join)
    return bob, join


def has_group(scene):
    return os.path.exists(scene.path("bob/group"))


@test("whoever sits in between an invitation and its host sees nothing, and gives nothing")
def between(scene):
    alice = host(scene)
    middle = scene.add(Middle(scene, alice.address, own_key))
    fingerprint = alice.ask("/whoami")[0].split(" ")[2]
    bob, _ = joins(scene, middle, fingerprint)
    bob.complains(re.compile("another key is there"))
    assert not middle.seen.items() and not has_group(scene)


@test("a host with the right key that cannot prove that it has invited gives no secret")
def no_answer_proof(scene):
    key = scene.path("host.pem")
    fingerprint = make_key(key)
    listener = scene.add(TlsListener(key=key, identity=Stranger("host")))
    bob, join = joins(scene, listener, fingerprint)
    for number in range(5):
        session = listener.connection(number)
        hello = session.expect_line(HELLO).group()
        assert f" invite={id_of(TOKEN)}" in hello
        theirs = re.search(r" proof=(\S+)", hello)[1]
        assert theirs == session.proof(key_of(TOKEN), kind="invitation", role="dial")
        proof = ("", f" proof={theirs}", f" proof={session.proof(EVIL)}",
                 f" proof={session.proof(key_of(TOKEN))}",
                 f" proof={session.proof(key_of(TOKEN), kind='invitation', role='dial')}")[number]
        session.attempt(session.identity.hello(proof), f"/group {base32(EVIL)}")
        session.wait_end()
        bob.send(*(["/group"] if number == 4 else []), join)
    last = listener.connection(5)
    last.expect_line(HELLO)
    bob.expect("/group open")
    assert not has_group(scene)
    proof = last.proof(key_of(TOKEN), kind="invitation")
    last.send(last.identity.hello(f" proof={proof}"), f"/group {base32(GROUP)}")
    bob.expect(re.compile("^/join "))
    assert has_group(scene), "the right one was refused as well"


@test("secrets that nobody has asked for are not taken, be it from a stranger or a member")
def gifts(scene):
    bob = scene.node("bob", "--state", scene.path("bob"), "-e")
    giver = dial_tls(scene, bob.address, identity=Stranger("giver"))
    giver.enter()
    giver.attempt(f"/group {base32(EVIL)}", f"/group {base32(EVIL)} {base32(GROUP)}", "/ping all")
    giver.expect(re.compile("^/(pong all|error )"))
    assert not has_group(scene) and bob.ask("/group") == ["/group open"]
    alice = host(scene)
    member = dial_tls(scene, alice.address, identity=Stranger("member"))
    member.enter(GROUP)
    member.attempt(f"/group {base32(EVIL)}", "/ping all")
    member.expect(re.compile("^/(pong all|error )"))
    with open(scene.path("alice/group"), encoding="ascii") as file:
        assert file.read() == base32(GROUP) + "\n"
    late = dial_tls(scene, alice.address)
    late.say_hello(EVIL)
    late.refused("closed")


if __name__ == "__main__":
    main()
