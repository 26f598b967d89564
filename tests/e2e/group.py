#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh that is closed with one command: who is let in then and who is not, a secret that changes,
and keys that are let in or shut out by name."""

import os
import re
import stat

from hashflow_test import main, test
from hashflow_test.sockets import free_port

REFUSED = 5


def at(scene, label):
    ports = scene.__dict__.setdefault("own_ports", {})
    return f"127.0.0.1:{ports.setdefault(label, free_port())}"


def keeper(scene, label, *options, **more):
    """A node with a state folder of that label, at the same address each time."""
    return scene.node(label, "--state", scene.path(label), "-l", at(scene, label), *options, **more)


def errand(scene, label, *words, **more):
    """What a run of the program has done for the folder of that label."""
    return scene.run(label, "--state", scene.path(label), "-l", at(scene, label), *words, **more)


def secrets(scene, label):
    path = os.path.join(scene.path(label), "group")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding="ascii") as file:
        return file.read().split()


def key_of(node):
    return node.ask("/whoami")[0].split(" ")[2]


def host(scene, label="alice"):
    """A node that is a group of its own so far."""
    node = keeper(scene, label, "-e")
    assert node.ask("/group new") == ["/group closed"]
    return node


def invite(node):
    return node.ask("/invite")[0].split(" ")[1]


def member(scene, label, inviter):
    """A node that has joined, and runs."""
    run = errand(scene, label, "join", invite(inviter))
    assert run.wait() == 0, run.errors()
    return keeper(scene, label, "-e")


def knock(scene, label, node, *options):
    """How a run ended that has tried to say something to the node."""
    run = errand(scene, label, "-W", "20", *options, node.address,
                 stdin=f"/msg {node.address} from {label}\n".encode())
    return run.wait()


def meet(one, other):
    one.send(f"/connect {other.address}", f"/wait peer={other.address} 20")
    one.sync()
    assert one.peers()[other.address].state == "up", one.errors()


@test("hashflow group new closes the mesh, for this run and the next ones, and tells no secret")
def closes(scene):
    run = errand(scene, "alice", "group", "new")
    assert run.wait() == 0 and run.out.items() == ["/group closed"], run.errors()
    secret, = secrets(scene, "alice")
    assert re.fullmatch("[a-z2-7]{52}", secret)
    alice = keeper(scene, "alice", "-e")
    assert alice.ask("/group") == ["/group closed"]
    for label in ("eve", "mallory"):
        assert knock(scene, label, alice) == REFUSED
    assert alice.texts() == [] and alice.peers() == {}
    assert alice.events() == []
    said = "\n".join(run.err.items() + alice.out.items() + alice.err.items())
    assert secret not in said


@test("hashflow group asks the node that has the folder; what it is asked is checked")
def by_the_node(scene):
    alice = keeper(scene, "alice")
    for words, answer in ((["group"], "open"), (["group", "new"], "closed"),
                          (["group", "new"], "changing"), (["group", "retire"], "closed"),
                          (["group", "leave"], "open")):
        run = errand(scene, "alice", *words)
        assert run.wait() == 0 and run.out.items() == [f"/group {answer}"], run.errors()
    for words in (["group", "leave"], ["group", "retire"], ["group", "anew"]):
        run = errand(scene, "alice", *words)
        assert run.wait() == 1 and not run.out.items(), run.errors()
    assert alice.ask("/group") == ["/group open"]
    assert not os.path.exists(scene.path("alice/group"))


@test("plain text at a closed door is refused with one line, however often it comes")
def plain_text(scene):
    alice = host(scene)
    for _ in range(3):
        client = scene.client(alice)
        client.send("127.0.0.1:9 eve let me in")
        client.wait_end()
    alice.sync()
    hints = [line for line in alice.err.items() if "plain text" in line]
    assert len(hints) == 1, hints
    assert alice.texts() == [] and alice.peers() == {}


@test("closing the door ends the connections of those who are not members, and opening it again "
      "lets them in")
def reopens(scene):
    alice, bob = keeper(scene, "alice", "-e"), keeper(scene, "bob")
    bob.send(f"/connect {alice.address}", "/bcast while it is open")
    alice.hears("while it is open")
    alice.ask("/group new")
    alice.expect(f"* down {bob.address} bob")
    bob.send("/bcast while it is closed")
    bob.complains(re.compile("does not let us in: only members get in here"))
    assert alice.texts() == ["while it is open"]
    assert alice.ask("/group leave") == ["/group open"]
    bob.send(f"/connect {alice.address}")
    alice.hears("while it is closed")


@test("members of two groups do not let each other in, and nothing is said between them")
def two_groups(scene):
    alice, bob = host(scene), host(scene, "bob")
    alice.send(f"/msg {bob.address} not for you")
    bob.send(f"/msg {alice.address} nor for you")
    for node in (alice, bob):
        node.complains(re.compile("refused|turned away|does not let us in"))
    assert knock(scene, "carol", bob) == REFUSED
    alice.sync()
    bob.sync()
    assert alice.texts() == bob.texts() == []


@test("during a change the former secret still counts, after retire it does not")
def changes(scene):
    alice = host(scene)
    bob, carol = member(scene, "bob", alice), member(scene, "carol", alice)
    old, = secrets(scene, "alice")
    assert alice.ask("/group new") == ["/group changing"]
    new, former = secrets(scene, "alice")
    assert former == old and new != old
    meet(bob, alice)
    assert bob.ask(f"/join {invite(alice)}") == [f"/join {alice.address} alice"]
    assert secrets(scene, "bob") == [new, old] and secrets(scene, "carol") == [old]
    meet(carol, bob)
    carol.send("/bcast with the former one")
    bob.hears("with the former one")
    assert alice.ask("/group retire") == bob.ask("/group retire") == ["/group closed"]
    assert secrets(scene, "alice") == secrets(scene, "bob") == [new]
    meet(bob, alice)
    bob.send("/bcast with the new one")
    alice.hears("with the new one")
    carol.finish()
    assert knock(scene, "carol", alice) == REFUSED
    assert "from carol" not in alice.texts()


@test("a member joins anew through a slow place, whoever of the two would rather dial")
def joins_anew(scene):
    alice = host(scene)
    slow = scene.listener(accepted=lambda sock: sock)  # it takes the handshake, and is silent
    alice.ask("/group new")
    for label in ("bob", "carol", "dave"):
        node = member(scene, label, alice)
        meet(node, alice)
        mark = len(alice.out)
        answer = alice.ask(f"/invite {slow.address} {alice.address}")[0].split(" ")[1]
        assert node.ask(f"/join {answer}", 40) == [f"/join {alice.address} alice"]
        node.sync()
        news = [line.split(" ")[1] for line in alice.out.items(mark) if line.endswith(f" {label}")]
        assert news in (["down", "up"], []), news


@test("a third secret lets the first one go")
def third(scene):
    alice = host(scene)
    first, = secrets(scene, "alice")
    alice.ask("/group new")
    assert alice.ask("/group new") == ["/group changing"]
    assert len(secrets(scene, "alice")) == 2 and first not in secrets(scene, "alice")


@test("/admit lets a key in without the secret, in the next runs too, until /deny")
def admitted(scene):
    alice = host(scene)
    run = errand(scene, "guest", "-c", "/whoami")
    key = run.out.items()[0].split(" ")[2]
    assert knock(scene, "guest", alice) == REFUSED
    alice.ask(f"/admit {key}")
    assert alice.ask("/known") == [f"/known {key} - - admitted -"]
    assert knock(scene, "guest", alice) == 0
    alice.hears("from guest")
    alice.finish()
    alice = keeper(scene, "alice")
    assert knock(scene, "guest", alice) == 0
    alice.hears("from guest")
    alice.ask(f"/deny {key[:16]}")
    assert alice.ask("/known")[0].split(" ")[4] == "denied"
    assert knock(scene, "guest", alice) == REFUSED
    alice.sync()
    assert alice.texts() == ["from guest"]


@test("/deny closes the connection of a member and lets it in no more, whatever it proves")
def denied(scene):
    alice = host(scene)
    bob = member(scene, "bob", alice)
    meet(bob, alice)
    alice.ask("/deny bob")
    alice.expect(f"* down {bob.address} bob")
    bob.send("/bcast let me in")
    bob.complains(re.compile("does not let us in"))
    bob.send(f"/connect {alice.address}")
    bob.sync()
    alice.finish()
    alice = keeper(scene, "alice")
    bob.finish()
    assert knock(scene, "bob", alice) == REFUSED
    invited = errand(scene, "bob", "join", invite(alice))
    assert invited.wait() == REFUSED, invited.errors()
    assert alice.texts() == []
    alice.ask("/admit bob")
    assert knock(scene, "bob", alice) == 0
    alice.hears("from bob")


@test("an open mesh can deny a key as well")
def denied_in_the_open(scene):
    alice, bob = keeper(scene, "alice", "-e"), keeper(scene, "bob")
    meet(bob, alice)
    key = key_of(bob)
    assert [line.split(" ")[1:5] for line in alice.ask("/known")] == \
        [[key, bob.address, "bob", "-"]]
    alice.ask(f"/deny {key}")
    alice.expect(f"* down {bob.address} bob")
    bob.finish()
    assert knock(scene, "bob", alice) == REFUSED


@test("which key is meant has to be clear")
def which_key(scene):
    alice = keeper(scene, "alice")
    guest = scene.client(alice)
    guest.send("127.0.0.1:9 guest hello")
    alice.hears("hello")
    for who in ("nobody", "a" * 15, "a" * 51, "127.0.0.1:9"):
        alice.ask(f"/admit {who}")
        alice.complains(re.compile(f"/admit: {re.escape(who)}"))
    keys = ["a" * 52, "a" * 20 + "b" + "a" * 31]
    for key in keys:
        alice.ask(f"/admit {key}")
    alice.ask("/deny " + "a" * 16)
    alice.complains(re.compile("more than one key begins so"))
    alice.ask("/deny " + keys[1][:21])
    assert [line.split(" ")[4] for line in alice.ask("/known")] == ["admitted", "denied"]


@test("with --json the answers have names")
def as_json(scene):
    alice = scene.node("alice", "--json")
    alice.free_form = True
    alice.send("/group new", "/admit " + "a" * 52, "/known")
    alice.expect(re.compile(r'.*"command":"group".*"state":"closed".*'))
    alice.expect(re.compile(r'.*"key":"a{52}".*"verdict":"admitted".*'))


@test("a group's file that is lost leaves the door closed, until the user opens it")
def lost_file(scene):
    host(scene).finish()
    os.remove(os.path.join(scene.path("alice"), "group"))
    for _ in range(2):
        alice = keeper(scene, "alice", "-e")
        alice.complains(re.compile("group is missing"))
        bob = scene.run("bob", at(scene, "alice"))
        assert bob.wait() == REFUSED, bob.errors()
        alice.finish()
    alice = keeper(scene, "alice", "-e")
    assert alice.ask("/group leave") == ["/group open"]
    bob = scene.run("bob", at(scene, "alice"))
    assert bob.wait() == 0, bob.errors()
    alice.finish()
    alice = keeper(scene, "alice", "-e")
    assert not alice.errors()


if __name__ == "__main__":
    main()
