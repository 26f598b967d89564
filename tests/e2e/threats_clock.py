#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that is twenty years off, on either side: keys and proofs have no date."""

import re

from hashflow_test import dead_address, main, test
from hashflow_test.clock import FakeClock
from hashflow_test.sockets import free_port
from hashflow_test.tls import Stranger, dial_tls, write_group

GROUP = bytes(range(32))


def keeper(scene, label, clock, *options, group=None):
    folder = scene.path(label)
    if group:
        write_group(folder, group)
    return scene.node(label, "--state", folder, "-e", *options, env=clock.env if clock else None)


def converse(alice, bob, what):
    alice.send(f"/msg bob {what}")
    bob.hears(what)
    bob.send(f"/msg alice {what} back")
    alice.hears(f"{what} back")


def meet_twice(scene, offset, group=None):
    """alice's clock is wrong; each dials the other once, and in between both are started anew."""
    clock = FakeClock(scene, offset)
    options = [("-l", f"127.0.0.1:{free_port()}") for _ in range(2)]
    for run in range(2):
        alice = keeper(scene, "alice", clock, *options[0], group=group if run == 0 else None)
        bob = keeper(scene, "bob", None, *options[1], group=group if run == 0 else None)
        (alice, bob)[run].connect((bob, alice)[run].address)
        converse(alice, bob, f"run {run} at {offset}")
        for node in (alice, bob):
            assert not node.err.count(re.compile("copied|another key|: refused:")), node.errors()
            assert node.finish() == 0, node.errors()


@test("open nodes of which one is twenty years ahead meet, and know each other again")
def open_ahead(scene):
    meet_twice(scene, "+20y")


@test("open nodes of which one is twenty years behind meet, and know each other again")
def open_behind(scene):
    meet_twice(scene, "-20y")


@test("a member that is twenty years ahead is a member")
def member_ahead(scene):
    meet_twice(scene, "+20y", GROUP)


@test("a member that is twenty years behind is a member")
def member_behind(scene):
    meet_twice(scene, "-20y", GROUP)


@test("a clock that jumps forty years, while they are connected and between runs, changes nothing")
def jumps(scene):
    clock, options = FakeClock(scene, "+20y"), ("-l", f"127.0.0.1:{free_port()}")
    alice = keeper(scene, "alice", clock, group=GROUP)
    bob = keeper(scene, "bob", None, *options, group=GROUP)
    alice.connect(bob.address)
    converse(alice, bob, "in the future")
    clock.set("-20y")
    converse(alice, bob, "in the past")
    alice.finish()
    bob.expect(re.compile(r"\* down"))
    alice = keeper(scene, "alice", clock)
    alice.connect(bob.address)
    converse(alice, bob, "in the past, again")
    assert not bob.err.count(re.compile("copied|older|refused")), bob.errors()


@test("the certificate of a stranger may be of any time; a wrong proof is wrong at any time")
def strangers(scene):
    clock = FakeClock(scene)
    alice = keeper(scene, "alice", clock, group=GROUP)
    for number, offset in enumerate(("+20y", "-20y")):
        clock.set(offset)
        identity = Stranger(f"carol{number}", dead_address())
        dial_tls(scene, alice.address, identity=identity).enter(GROUP)
        liar = dial_tls(scene, alice.address)
        liar.say_hello(bytes(32))
        liar.refused("closed")


if __name__ == "__main__":
    main(workers=4)
