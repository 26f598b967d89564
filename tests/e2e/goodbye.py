#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A peer that has said /bye and not hung up yet is away: what is sent in that moment waits."""

from hashflow_test import dead_address, main, test
from hashflow_test.session import Identity, dial_session


def leaves(scene, node, **more):
    """A session that has said /bye, and whose connection is open still."""
    carol = Identity("carol", dead_address(), **more)
    session = scene.add(dial_session(node.address, identity=carol))
    session.send("/bye leaving")
    session.wait_end()
    return session


def comes_back(scene, node, session):
    session.close()
    return scene.add(dial_session(node.address, identity=session.identity))


@test("a broadcast is for it too, and so is a /msg; both come when it is back")
def gets(scene):
    for options in (("--no-store",), ("--state", scene.path("state"))):
        node = scene.node("alice", "-p", scene.ports(1)[0], *options)
        session = leaves(scene, node)
        node.send("/bcast one", "/msg carol two", "/bcast three")
        node.sync()
        again = comes_back(scene, node, session)
        again.hears("three")
        assert again.texts() == ["one", "two", "three"], session.texts()


@test("a broadcast is not owed to it: leaving does not wait for it, and is no failure")
def not_owed(scene):
    node = scene.node("alice", "-p", scene.ports(1)[0], "--state", scene.path("state"))
    leaves(scene, node)
    other = scene.session(node, "dave", listening=dead_address())
    node.send("/bcast one")
    other.hears("one")
    assert node.finish(8) == 0, node.errors()


@test("one that was only passing gets it no more, and nothing has failed")
def passing(scene):
    node = scene.node("alice")
    leaves(scene, node, caps="passing")
    other = scene.session(node, "dave", listening=dead_address())
    node.send("/bcast one")
    other.hears("one")
    assert node.finish(8) == 0, node.errors()


if __name__ == "__main__":
    main(workers=3)
