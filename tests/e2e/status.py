#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every exit status, what outranks what, and that stderr has said why."""

import re

from hashflow_test import Stopwatch, dead_address, main, test
from hashflow_test.process import encode


def script(scene, *texts, options=(), **more):
    return scene.run("alice", *options, stdin=encode("".join(f"{text}\n" for text in texts)),
                     **more)


def ended(node, status):
    assert node.wait() == status, f"{node.wait()} instead of {status}: {node.errors()}"
    assert bool(node.complaints()) or status == 0


@test("0: everything asked for was done, and nothing on stderr calls it a failure")
def done(scene):
    bob = scene.node("bob")
    node = script(scene, f"/connect {bob.address}", "hi", "/ping bob", "/peers", "/wait sent 20",
                  "/quit", options=["-q"])
    ended(node, 0)
    assert not node.complaints(), node.errors()


@test("1: a command failed: unknown, ambiguous, without its words, nobody of that name")
def failed(scene):
    for line in ("/nonsense", "/p", "/msg", "/msg nobody hi", "/connect", "/connect x:y:z",
                 "/to nobody", "/forget nobody", "/ping nobody", "/disconnect nobody", "/name all",
                 "/name a b", "/wait nonsense", "/wait up=x", "/help nonsense", "/"):
        node = script(scene, line, "/echo goes on")
        assert node.wait() == 1, f"{line} ended with {node.wait()}"
        assert node.complaints(), line
        assert "/echo goes on" in node.out.items(), f"{line} stopped the script"
    ended(script(scene, f"/connect {dead_address()}", options=["--drain", "1"]), 1)


@test("1: a node that cannot do its work: the port is in use, the address is not ours")
def no_work(scene):
    holder = scene.node("holder")
    for options in (["-p", holder.port, "--no-store"], ["-l", holder.address],
                    ["-l", "192.0.2.77:0"]):
        node = scene.run("alice", *options)
        ended(node, 1)
        assert len(node.err) == 1, node.errors()
    in_use = scene.run("alice", "-p", holder.port, "--no-store")
    assert str(holder.port) in in_use.errors()


@test("2: usage: one line on stderr, nothing on stdout")
def usage(scene):
    for options in (["--nonsense"], ["-Z"], ["-p", "x"], ["-p", "70000"], ["-p", "-1"],
                    ["-n", "all"],
                    ["-n", "a b"], ["-n", ""], ["-n", "a@b"], ["-n", "/x"], ["-n", "1.2.3.4:5"],
                    ["-n", "-"], ["-n", "a\nb"], ["-p"], ["-l", "nonsense"],
                    ["-l", "127.0.0.1:99999"],
                    ["--drain", "x"], ["--drain", "-1"], ["--ready-fd", "x"], ["127.0.0.1:99999"],
                    ["--name=all"], ["--port"], ["--keep=yes"]):
        node = scene.run("alice", *options, stdin="null")
        assert node.wait() == 2, f"{options} ended with {node.wait()}: {node.errors()}"
        assert len(node.err) == 1, f"{options}: {node.errors()}"
        assert not node.out.items(), options


@test("3: something sent was not delivered, said on stdout and on stderr")
def undelivered(scene):
    dead = dead_address()
    node = script(scene, f"/msg {dead} hi", options=["--drain", "1"])
    ended(node, 3)
    failures = [line for line in node.out.items() if line.startswith("/msg failed ")]
    assert len(failures) == 1 and failures[0].split(" ")[2] == dead, node.out.items()
    bob = scene.node("bob")
    node = script(scene, "hi all", options=["--drain", "1", bob.address, dead])
    ended(node, 3)
    bob.hears("hi all")
    assert [line.split(" ")[:3] for line in node.out.items() if "failed" in line] == [
        ["/bcast", "failed", dead]]


@test("4: a time-out that was asked for; the script goes on after it")
def timed_out(scene):
    watch = Stopwatch()
    node = script(scene, "/wait up=1 1", "/echo after")
    ended(node, 4)
    assert 0.9 < watch.seconds() < 15
    assert "/echo after" in node.out.items()


@test("where several apply it is the largest, in any order")
def largest(scene):
    dead = dead_address()
    lines = {1: "/nonsense", 3: f"/msg {dead} hi", 4: "/wait up=9 1"}
    runs = []
    for order in ((1, 3), (3, 1), (1, 4), (4, 1), (3, 4), (4, 3), (4, 1, 3)):
        node = scene.node("alice", "--drain", "1")
        node.send(*(lines[n] for n in order))
        node.eof()
        runs.append((node, max(order)))
    for node, status in runs:
        ended(node, status)


@test("refusing others never changes our status")
def others(scene):
    node = scene.node("alice")
    client = scene.client(node)
    client.send("hello")
    node.hears("hello")
    client.send("x" * 65536)
    client.wait_end()
    node.complains(re.compile("127.0.0.1:"))
    assert node.finish() == 0


@test("/quit ends the script there")
def quits(scene):
    node = script(scene, "/echo before", "/quit", "/echo after", "/nonsense")
    ended(node, 0)
    assert node.out.items() == ["/echo before"]


if __name__ == "__main__":
    main()
