#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations: one line lets in one node, once and for a day, at the right place or nowhere; and it
is kept where nobody else can read it."""

import base64
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess

from hashflow_test import Skip, main, test, wait_until
from hashflow_test.node import needs_readline
from hashflow_test.proxy import Proxy
from hashflow_test.sockets import free_port
from hashflow_test.terminal import Terminal

FORM = re.compile(r"hashflow://127\.0\.0\.1:\d+/[a-z2-7]{52}/[a-z2-7]{26}")
REFUSED = 5


def keeper(scene, label, *options, **more):
    """A node with a state folder of that label, at the same address each time."""
    return scene.node(label, "--state", scene.path(label), "-l", at(scene, label), *options, **more)


def at(scene, label):
    """Where the node of that label listens each time; nobody else does when it is not there."""
    ports = scene.__dict__.setdefault("own_ports", {})
    while label not in ports:
        port = free_port()
        if port not in ports.values():
            ports[label] = port
    return f"127.0.0.1:{ports[label]}"


def errand(scene, label, *words, **more):
    """What a run of the program has done for the folder of that label."""
    return scene.run(label, "--state", scene.path(label), "-l", at(scene, label), *words, **more)


def host(scene, label="alice", **more):
    """A node that is a group of its own so far."""
    node = keeper(scene, label, "-e", **more)
    assert node.ask("/group new") == ["/group closed"]
    return node


def invite(node, *places):
    answer = node.ask(" ".join(["/invite", *places]))
    assert len(answer) == 1, f"{answer}: {node.errors()}"
    return answer[0].split(" ")[1]


def joined(run):
    assert run.wait() == 0, run.errors()
    return run.out.items()


def talk(one, other, word):
    one.send("/wait up=1 20", f"/bcast {word}")
    other.hears(word)


def tamper(scene, label, sql, *values):
    with sqlite3.connect(os.path.join(scene.path(label), "hashflow.db")) as db:
        rows = db.execute(sql, values).fetchall()
    db.close()
    return rows


def other_token(invitation):
    return invitation[:-26] + "b" + invitation[-25:]


@test("whoever accepts an invitation is a member, in its next runs too; nobody else is")
def accepted(scene):
    alice = host(scene)
    invitation = invite(alice)
    assert FORM.fullmatch(invitation), invitation
    assert joined(errand(scene, "bob", "join", invitation)) == [f"/join {alice.address} alice"]
    bob = keeper(scene, "bob")
    talk(bob, alice, "one of us")
    talk(alice, bob, "welcome")
    assert bob.ask("/group") == ["/group closed"]
    eve = scene.run("eve", alice.address, "-c", f"/msg {alice.address} let me in", "-W", "20")
    assert eve.wait() == REFUSED, eve.errors()
    assert alice.texts() == ["one of us"]


@test("one is accepted from standard input, and with /join by a node that runs")
def other_ways(scene):
    alice = host(scene)
    assert joined(errand(scene, "bob", "join", "-", stdin=f" {invite(alice)}\r\n".encode()))
    answer = f"/invite {invite(alice)}\n".encode()
    assert joined(errand(scene, "dave", "join", "-", stdin=answer))
    carol = keeper(scene, "carol")
    assert carol.ask(f"/join {invite(alice)}") == [f"/join {alice.address} alice"]
    talk(carol, alice, "here am I")


@test("hashflow invite and hashflow join ask the node that has the folder")
def by_the_node(scene):
    alice, bob = host(scene), keeper(scene, "bob")
    invitation = errand(scene, "alice", "invite").out.items()[0].split(" ")[1]
    assert joined(errand(scene, "bob", "join", invitation)) == [f"/join {alice.address} alice"]
    talk(bob, alice, "still the same run")


@test("the same key may come again, for an answer can be lost; another key may not")
def single_use(scene):
    alice = host(scene)
    invitation = invite(alice)
    joined(errand(scene, "bob", "join", invitation))
    os.remove(scene.path("bob/group"))
    joined(errand(scene, "bob", "join", invitation))
    mallory = errand(scene, "mallory", "join", invitation)
    assert mallory.wait() == REFUSED and not mallory.out.items(), mallory.errors()
    assert not os.path.exists(scene.path("mallory/group"))
    alice.complains(re.compile("used already, by another key"))
    assert "used already" not in mallory.errors(), "it was told why"


@test("what is used is used, also when the node is killed the moment after")
def burnt(scene):
    alice = host(scene)
    invitation, unused = invite(alice), invite(alice)
    joined(errand(scene, "bob", "join", invitation))
    alice.kill()
    alice = keeper(scene, "alice")
    assert errand(scene, "mallory", "join", invitation).wait() == REFUSED
    joined(errand(scene, "carol", "join", unused))


@test("an expired one lets nobody in, and that is told to the inviter alone")
def expired(scene):
    alice = host(scene)
    invitation = invite(alice)
    alice.finish()
    life = tamper(scene, "alice", "SELECT expires - strftime('%s', 'now') FROM invitations")[0][0]
    assert 86300 < life <= 86400, life
    tamper(scene, "alice", "UPDATE invitations SET expires = strftime('%s', 'now') - 1")
    alice = keeper(scene, "alice")
    bob = errand(scene, "bob", "join", invitation)
    assert bob.wait() == REFUSED, bob.errors()
    alice.complains(re.compile("has expired"))
    assert "expired" not in bob.errors(), "it was told why"


@test("a token that is guessed lets nobody in and burns nothing")
def guessed(scene):
    alice = host(scene)
    invitation = invite(alice)
    eve = errand(scene, "eve", "join", other_token(invitation))
    assert eve.wait() == REFUSED
    assert "the invitation is not taken there" in eve.errors(), eve.errors()
    assert tamper(scene, "alice", "SELECT used_by FROM invitations") == [("",)]
    joined(errand(scene, "bob", "join", invitation))


@test("at a place where another node is nothing is said, and the exit status tells")
def impostor(scene):
    alice, mallory = host(scene), host(scene, "mallory")
    invitation = invite(alice).replace(alice.address, mallory.address)
    bob = errand(scene, "bob", "join", invitation)
    assert bob.wait() == REFUSED, bob.errors()
    assert re.search("another key is there", bob.errors())
    assert not os.path.exists(scene.path("bob/group"))
    assert tamper(scene, "alice", "SELECT used_by FROM invitations") == [("",)]


@test("whoever was met before, in plain text or not, can invite as well")
def met_before(scene):
    alice = keeper(scene, "alice", "-e")
    bob = keeper(scene, "bob", f"plain:{alice.address}")
    carol = keeper(scene, "carol", alice.address)
    for node in (bob, carol):
        talk(node, alice, f"in the open, {node.label}")
    alice.ask("/group new")
    for node in (bob, carol):
        assert node.ask(f"/join {invite(alice)}") == [f"/join {alice.address} alice"]
        talk(node, alice, f"closed, {node.label}")
        assert [peer.name for peer in node.peers().values()].count("alice") == 1


@test("its places are tried in turn, names of hosts among them")
def places(scene):
    alice = host(scene)
    dead = f"127.0.0.1:{free_port()}"
    invitation = invite(alice, dead, f"localhost:{alice.port}")
    assert f"//{dead},localhost:{alice.port}/" in invitation
    joined(errand(scene, "bob", "join", invitation))
    talk(keeper(scene, "bob"), alice, "found")
    nowhere = errand(scene, "carol", "join", invite(alice, dead))
    assert nowhere.wait() == 1, nowhere.errors()
    assert len(tamper(scene, "carol", "SELECT * FROM peers")) == 0, "a failed place is remembered"


@test("an address without a port is at ours; one that is none, or too many, is refused")
def said_places(scene):
    alice = host(scene)
    assert f"//node.example:{alice.port}/" in invite(alice, "node.example")
    assert f"//[fd00::1]:{alice.port}/" in invite(alice, "fd00::1")
    assert "//[fd00::1]:7216/" in invite(alice, "[fd00::1]:7216")
    for words in ("a:b:c:d", "host:99999", " ".join(["host:1"] * 9)):
        assert alice.ask(f"/invite {words}") == []


@test("nobody in between can read the secret, nor get in with what was said before")
def watched(scene):
    alice = host(scene)
    proxy = scene.add(Proxy(alice.address))
    invitation = invite(alice, proxy.address)
    joined(errand(scene, "bob", "join", invitation))
    with open(scene.path("bob/group"), "rb") as file:
        secret = file.read().strip()
    assert len(secret) == 52 and proxy.seen
    for word in (secret, invitation[-26:].encode(), b"/hello", b"invite="):
        assert word not in proxy.seen, word


@test("without a group there is nothing to invite to")
def no_group(scene):
    alice = keeper(scene, "alice")
    assert alice.ask("/invite") == []
    alice.complains(re.compile("/group new"))
    node = host(scene, "bob")
    invitation = invite(node)
    node.ask("/group leave")
    assert errand(scene, "carol", "join", invitation).wait() == REFUSED
    node.complains(re.compile("that we have left"))


@test("64 can be open, and one that is used makes room")
def too_many(scene):
    alice = host(scene)
    all_of_them = [invite(alice) for _ in range(64)]
    assert len(set(all_of_them)) == 64
    assert alice.ask("/invite") == []
    alice.complains(re.compile("64 invitations are open"))
    joined(errand(scene, "bob", "join", all_of_them[17]))
    invite(alice)
    assert alice.ask("/invite") == []


@test("what is no invitation is refused before anybody is dialled")
def malformed(scene):
    alice = host(scene)
    invitation = invite(alice)
    bob = keeper(scene, "bob")
    for text in (invitation[:-1], invitation + "a", invitation.replace("hashflow", "http"),
                 invitation.replace("/", "//"), "hashflow://", alice.address):
        assert bob.ask(f"/join {text}") == []
    assert bob.peers() == {} and alice.peers() == {}
    assert alice.ask(f"/join {invitation}") == []
    alice.complains(re.compile("of this node itself"))


@test("the store has no token, and nobody reads one among the arguments of a process")
def kept_from_others(scene):
    alice = host(scene)
    invitation = invite(alice)
    token = invitation[-26:].encode()
    for entry in os.scandir(scene.path("alice")):
        if entry.is_file():
            with open(entry.path, "rb") as file:
                assert token not in file.read(), entry.name
    silent = scene.listener()
    waits = invite(alice, silent.address)
    for words in (("join", waits), ("-c", f"/join {waits}"), (f"-c/join {waits}",),
                  (f"--command=/join {waits}",)):
        node = scene.node("bob", *words)
        with open(f"/proc/{node.pid}/cmdline", "rb") as file:
            line = file.read()
        assert waits[-26:].encode() not in line and b"hashflow://" not in line, line
        assert b"join" in line and b"xxxxxxxx" in line


@test("a typed line with one is in no history, neither ours nor that of lines")
def typed(scene):
    needs_readline()
    alice = host(scene)
    terminal = scene.add(Terminal())
    home = scene.home()
    bob = scene.node("bob", "-p", free_port(), home=home, stdin="pipe", stdout="null",
                     within=terminal.within(0, 1), env={"TERM": "xterm"})
    invitation = invite(alice)
    terminal.type(f"/join {invitation}\r/echo afterwards\r/quit\r")
    assert bob.wait() == 0, bob.errors()
    found = []
    for folder, _, names in os.walk(home):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
            assert invitation[-26:].encode() not in data, name
            found += [name] if b"/echo afterwards" in data else []
    assert found == ["history"], "the other lines are not there either"


def openssl(*words):
    if shutil.which("openssl") is None:
        raise Skip("openssl is not installed")
    return subprocess.run(["openssl", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True, timeout=20).stdout


def stranger(scene, node):
    """openssl's own client with a key of its own, in a session with the node."""
    key, certificate = scene.path("own.pem"), scene.path("own.crt")
    openssl("genpkey", "-algorithm", "ed25519", "-out", key)
    openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=own", "-out", certificate)
    public = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
    name = base64.b32encode(hashlib.sha256(public).digest()).decode().rstrip("=").lower()
    client = scene.process("openssl", "s_client", "-quiet", "-connect", node.address, "-alpn",
                           "hashflow/1", "-cert", certificate, "-key", key)
    client.send(f"/hello 1 node={name} boot=1 epoch=1 listen=9 name=eve")
    epoch = re.search(r" epoch=(\d+)", client.out.wait(re.compile("/hello 1 .*"))).group(1)
    client.send(f"/resume {epoch} 0")
    return client


@test("secrets that nobody has asked for are not taken")
def unasked(scene):
    alice = keeper(scene, "alice")
    eve = stranger(scene, alice)
    eve.send("/group " + "a" * 52, "/ping after-it")
    eve.out.wait("/pong after-it")
    assert alice.ask("/group") == ["/group open"]
    assert not os.path.exists(scene.path("alice/group"))


@test("members that have joined find the others by themselves")
def meets_others(scene):
    alice = host(scene)
    joined(errand(scene, "bob", "join", invite(alice)))
    joined(errand(scene, "carol", "join", invite(alice)))
    bob, carol = keeper(scene, "bob"), keeper(scene, "carol")
    bob.send("/wait up=2 20", "/bcast to both")
    alice.hears("to both")
    carol.hears("to both")
    wait_until(lambda: len(carol.peers()) == 2, "carol knows both")


if __name__ == "__main__":
    main()
