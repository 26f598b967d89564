#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options from a file: which file, what stands in it, and that the command line counts for more."""

import os
import re

from hashflow_test import main, test
from hashflow_test.seed import unique_ip
from hashflow_test.sockets import connect


def write(path, *lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    return path


def home_with(scene, *lines):
    """A home with the usual file."""
    home = scene.home()
    write(os.path.join(home, ".config", "hashflow", "config"), *lines)
    return home


@test("what a file says acts as on the command line; comments and blank lines do nothing")
def acts(scene):
    path = write(scene.path("config"), "# a comment", "", "  events", "no-exchange  ",
                 "command\t /echo first  #1", "   # another", "command /echo second")
    node = scene.node("alice", "--config", path)
    assert node.out.wait_count(2)[:2] == ["/echo first  #1", "/echo second"]
    scene.session(node, "carol")
    node.expect(re.compile(r"^\* up \S+ carol$"))


@test("the usual file is read if it is there, below XDG_CONFIG_HOME or ~/.config")
def usual(scene):
    home = home_with(scene, "command /echo at home")
    assert scene.run("alice", home=home).out.items() == ["/echo at home"]
    write(scene.path("xdg/hashflow/config"), "command /echo xdg")
    env = {"XDG_CONFIG_HOME": scene.path("xdg")}
    assert scene.run("alice", home=home, env=env).out.items() == ["/echo xdg"]
    env = {"XDG_CONFIG_HOME": scene.path("nothing")}
    assert not scene.run("alice", home=home, env=env).out.items()
    env = {"XDG_CONFIG_HOME": "xdg"}
    assert scene.run("alice", home=home, env=env).out.items() == ["/echo at home"]
    assert scene.run("alice").wait() == 0


@test("--config names another file instead, the last one counts, and /dev/null is none")
def another(scene):
    home = home_with(scene, "command /echo at home")
    one, two = (write(scene.path(name), f"command /echo {name}") for name in ("one", "two"))
    assert scene.run("alice", "--config", one, home=home).out.items() == ["/echo one"]
    node = scene.run("alice", "--config", one, "--config", two, home=home)
    assert node.out.items() == ["/echo two"]
    node = scene.run("alice", "--config", "/dev/null", home=home)
    assert node.wait() == 0 and not node.out.items()


@test("the command line wins, and what may be repeated adds up, the file's first")
def wins(scene):
    path = write(scene.path("config"), "name from-file", "command /echo file", "queue-lines 7",
                 "no-store")
    node = scene.node("alice", "--config", path, "-c", "/echo line")
    assert node.out.wait_count(2)[:2] == ["/echo file", "/echo line"]
    assert node.ask("/whoami")[0].split(" ")[1] == "alice"
    one, two = unique_ip(), unique_ip()
    path = write(scene.path("config"), f"listen {one}:0", "no-store")
    node = scene.node("alice", "-l", f"{two}:0", "--config", path)
    addresses = node.ask("/whoami")[0].split(" ")[3:]
    assert {address.split(":")[0] for address in addresses} == {one, two}


@test("an option of the command line takes the place of one in the file that excludes it")
def rivals(scene):
    ip = unique_ip()
    taken = scene.node("taken")
    path = write(scene.path("config"), f"port {taken.port}", "quiet",
                 f"state {scene.path('state')}")
    node = scene.node("alice", "-l", f"{ip}:0", "-v", "--no-store", "--config", path)
    assert node.address.startswith(f"{ip}:")
    node.err.wait(re.compile("listening on"))  # not quiet
    assert not os.path.exists(scene.path("state"))
    connect(node.address).close()
    path = write(scene.path("config"), f"listen {taken.address}", "verbose", "no-store")
    state = scene.path("state")
    node = scene.run("alice", "-p", "0", "-q", "--state", state, "--config", path)
    assert node.wait() == 0 and not node.err.items(), node.errors()
    assert os.path.exists(os.path.join(state, "lock"))


@test("what is wrong in a file is one line that names file and line, and exit 2")
def wrong(scene):
    for line, words in (("prot 1", "prot: no such option"), ("po 1", "po: no such option"),
                        ("--port 0", "--port: no such option"), ("p 0", "p: no such option"),
                        ("config x", "config: no such option"), ("help", "help: no such option"),
                        ("version", "version: no such option"), ("127.0.0.1:1", "no such option"),
                        ("port", "port: needs a value"), ("keep yes", "keep: takes no value"),
                        ("port 70000", "port 70000: a port is"), ("name a b", "name a b: "),
                        ("queue-age 0", "queue-age 0: a time"), ("drain soon", "drain soon: "),
                        ("log file", "log file: stderr or syslog")):
        path = write(scene.path("config"), "# one", "", line, "nonsense")
        node = scene.run("alice", "--config", path)
        assert node.wait() == 2 and len(node.err) == 1, (line, node.errors())
        assert node.errors().startswith(f"hashflow: {path}:3: "), node.errors()
        assert words in node.errors(), (words, node.errors())


@test("two in one file that exclude each other are named, and so are two on the command line")
def excluded(scene):
    path = write(scene.path("config"), "quiet", "keep", "verbose")
    node = scene.run("alice", "--config", path)
    assert node.wait() == 2 and len(node.err) == 1
    assert f"{path}:3: verbose excludes quiet: " in node.errors()
    for pair in (("-p", "0", "-l", "127.0.0.1:0"), ("-q", "-v"), ("--state", "x", "--no-store")):
        node = scene.run("alice", *pair)
        assert node.wait() == 2 and len(node.err) == 1, node.errors()
        assert " excludes --" in node.errors()


@test("a file that is named must be there and be text; the usual one, if it is there, too")
def unreadable(scene):
    binary = scene.path("binary")
    with open(binary, "wb") as file:
        file.write(b"keep\n\0\n")
    for path, reason in ((scene.path("nothing"), "No such file"), (scene.dir, "Is a directory"),
                         (binary, "not a text file"), ("", "No such file")):
        node = scene.run("alice", "--config", path)
        assert node.wait() == 2 and len(node.err) == 1, node.errors()
        assert reason in node.errors() and path in node.errors(), node.errors()
    home = scene.home()
    os.makedirs(os.path.join(home, ".config", "hashflow", "config"))
    node = scene.run("alice", home=home)
    assert node.wait() == 2 and "Is a directory" in node.errors(), node.errors()


if __name__ == "__main__":
    main()
