#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose address somebody else has taken meanwhile, as happens where addresses are leased: it
is still the node that it was, and what waits for it waits."""

import re

from hashflow_test import main, test


class Lease:
    """The nodes of a test, each with its state; alice has met bob at the address `old`."""

    def __init__(self, scene, *options):
        self._scene = scene
        self.old = scene.ports(1)[0]
        self.alice = self.node("alice", "-e", *options)
        self.meet("bob", self.old)

    def node(self, name, *options, port=None):
        return self._scene.node(name, "-p", port or self._scene.ports(1)[0], "--no-exchange",
                                "--state", self._scene.path(name), *options)

    def meet(self, name, port=None):
        """From now on alice knows that one's key."""
        node = self.node(name, port=port)
        self.alice.connect(node.address)
        assert node.finish() == 0

    def taken(self):
        """Carol, whom alice knows, and meets at bob's address."""
        self.meet("carol")
        carol = self.node("carol", port=self.old)
        self.alice.send(f"/connect {carol.address}")
        self.alice.expect(f"* up {carol.address} carol")
        return carol

    def returns(self):
        """Bob, at an address of his own, in a session with alice."""
        bob = self.node("bob")
        bob.connect(self.alice.address)
        return bob


@test("what waits for a node whose address another one has taken arrives when it is back")
def waits(scene):
    lease = Lease(scene)
    lease.alice.send("/msg bob one", "/bcast two")
    lease.alice.sync()
    carol = lease.taken()
    bob = lease.returns()
    lease.alice.send("/msg bob three", "/wait delivered 20")
    bob.hears("three")
    assert bob.texts() == ["one", "two", "three"]
    assert lease.alice.finish() == 0, lease.alice.errors()
    assert carol.texts() == []


@test("also if the one who keeps it was restarted in between")
def restarted(scene):
    lease = Lease(scene, "--drain", "0")
    lease.alice.send("/msg bob one", "/bcast two")
    lease.alice.sync()
    lease.taken()
    assert lease.alice.finish() == 3
    lease.alice.complains(re.compile("bob: 2 lines .* kept for the next run"))
    lease.alice = lease.node("alice")
    assert [row.split(" ")[2:4] for row in lease.alice.ask("/outbox")] == [["bob", "2"]]
    bob = lease.returns()
    bob.hears("two")
    assert bob.texts() == ["one", "two"]


if __name__ == "__main__":
    main(workers=3)
