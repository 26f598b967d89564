#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wall clock that is a day off, or jumps by one: no timer minds, nobody is taken for dead, and a
node whose clock has gone back is still believed."""

import re

from hashflow_test import Stopwatch, main, test
from hashflow_test.clock import FakeClock

TIMES = ("--heartbeat", "0.5", "--suspect-after", "1", "--down-after", "1.5")


def keeper(scene, label, *options, **more):
    return scene.node(label, "--state", scene.path(label), "-e", *options, **more)


@test("the clock jumps a day ahead and two days back: nobody is down, waits take their time")
def jumps(scene):
    clock, bob = FakeClock(scene), keeper(scene, "bob", *TIMES)
    alice = keeper(scene, "alice", *TIMES, env=clock.env)
    alice.connect(bob.address)
    seen = []
    for number, offset in enumerate(("+1d", "-1d", "+0")):
        clock.set(offset)
        watch = Stopwatch()
        alice.send("/wait idle=2 20", f"/msg bob at {offset}")
        bob.hears(f"at {offset}")
        assert 0.5 < watch.seconds() < 15
        bob.send(f"/msg alice back {number}")
        alice.hears(f"back {number}")
        seen.append(clock.shown_by(alice, bob.address))
    assert len({text[:10] for text in seen}) == 3, f"the clock has not jumped: {seen}"
    for node in (alice, bob):
        assert [line.split(" ")[1] for line in node.events()] == ["up"], node.events()
    alice.send("/wait delivered 20")
    assert alice.finish() == 0, alice.errors()


@test("a peer that goes away and comes back is dialled again in time, whatever the clock says")
def redials(scene):
    clock, port = FakeClock(scene), scene.ports(1)[0]
    bob = keeper(scene, "bob", "-p", port)
    alice = keeper(scene, "alice", env=clock.env)
    alice.connect(bob.address)
    bob.kill()
    alice.expect(f"* down {bob.address} bob")
    clock.set("-1d")
    mark = len(alice.out)
    alice.send("/msg bob from yesterday")
    bob = scene.node("bob", "-p", port, "--state", scene.path("bob"))
    alice.expect(f"* up {bob.address} bob", since=mark)
    bob.hears("from yesterday")
    assert alice.finish() == 0, alice.errors()


@test("a node started again with its clock a day back is the same, and newer than its former run")
def started_back(scene):
    clock, bob = FakeClock(scene), keeper(scene, "bob")
    for offset in ("+0", "-1d", "+1d", "-2d"):
        clock.set(offset)
        alice = keeper(scene, "alice", env=clock.env)
        alice.connect(bob.address)
        alice.send(f"/msg bob at {offset}", "/wait delivered 20")
        bob.hears(f"at {offset}")
        alice.kill()
    assert bob.texts() == ["at +0", "at -1d", "at +1d", "at -2d"]
    assert len(bob.peers()) == 1
    bob.sync()
    assert not bob.err.count(re.compile("copied|older")), bob.errors()


@test("what waits is not given up because the clock has jumped a day")
def waits(scene):
    clock, port = FakeClock(scene), scene.ports(1)[0]
    bob = keeper(scene, "bob", "-p", port)
    alice = keeper(scene, "alice", env=clock.env)
    alice.connect(bob.address)
    assert bob.finish() == 0
    alice.expect(f"* down {bob.address} bob")
    for number, offset in enumerate(("+0", "+1d", "-1d")):
        clock.set(offset)
        alice.send(f"/msg bob {number}")
        alice.sync()
    bob = keeper(scene, "bob", "-p", port)
    bob.hears("2")
    assert bob.texts() == ["0", "1", "2"]
    assert alice.finish() == 0, alice.errors()


if __name__ == "__main__":
    main(workers=4)
