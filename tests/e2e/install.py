#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What make install puts where, that it is found and works there, and that make uninstall takes it
all away. Everything goes below a folder of the test."""

import os
import re
import shutil
import stat
import subprocess
import threading

from hashflow_test import DEADLINE, Skip, main, test
from hashflow_test.node import environment

#: What is installed, by the variable of make that names the folder.
FILES = {
    "bindir": {"hashflow"},
    "man1dir": {"hashflow.1"},
    "man7dir": {"hashflow-protocol.7", "hashflow-recipes.7"},
    "docdir": {"COPYING", "HACKING.md", "NEWS.md", "README.md"},
    "examplesdir": {"config"},
    "picturesdir": {"conversation.ansi", "conversation.svg"},
    "bashcompletiondir": {"hashflow"},
    "zshcompletiondir": {"_hashflow"},
    "fishcompletiondir": {"hashflow.fish"},
    "systemdsystemunitdir": {"hashflow.service", "hashflow@.service"},
    "systemduserunitdir": {"hashflow.service"},
}
one_make = threading.Lock()
FOLDERS = "where:\n" + "".join(f"\t@echo '{name}=$({name})'\n" for name in FILES)


def make(*words, given=None):
    """Runs make in the build tree, which is where tests run. Returns what it printed."""
    if not os.path.exists("Makefile"):
        raise Skip("this is not a build tree")
    # What the make that runs the tests was told is not for this one.
    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "DESTDIR")}
    with one_make:
        done = subprocess.run(["make", "-s", *words], env=env, input=given, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=4 * DEADLINE)
    assert done.returncode == 0, done.stdout
    return done.stdout


class Tree:
    """An installation below a folder of its own."""

    def __init__(self, scene):
        self.root = scene.path("root")
        printed = make("-f", "Makefile", "-f", "-", "where", given=FOLDERS)
        self.folders = dict(re.findall(r"^(\w+dir)=(.*)", printed, re.M))
        assert self.folders.keys() == FILES.keys(), printed
        make("install", f"DESTDIR={self.root}")

    def files(self):
        return {os.path.join(folder, name)
                for folder, _, names in os.walk(self.root) for name in names}

    def path(self, variable, name=""):
        return os.path.join(self.root, self.folders[variable].lstrip("/"), name)

    def base(self, variable, levels):
        """A folder so many levels above."""
        return os.path.normpath(self.path(variable, "../" * levels))


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def ask(program, *argv, env):
    """What another program prints, if it is there."""
    if not shutil.which(program):
        raise Skip(f"{program} is missing")
    done = subprocess.run([program, *argv], env=env, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=DEADLINE, check=False)
    return done.stdout + done.stderr


@test("make install puts each file in its place, and nothing else; make uninstall leaves nothing")
def there_and_back(scene):
    tree = Tree(scene)
    wanted = {tree.path(variable, name) for variable, names in FILES.items() for name in names
              if tree.folders[variable] != "no"}
    assert tree.files() == wanted, tree.files() ^ wanted
    for path in wanted:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        assert mode == (0o755 if path == tree.path("bindir", "hashflow") else 0o644), (path, mode)
        assert os.path.getsize(path) > 0, path
    make("uninstall", f"DESTDIR={tree.root}")
    assert tree.files() == set()
    assert not os.path.exists(tree.path("docdir"))


@test("what is installed does not depend on where it was built")
def self_contained(scene):
    tree = Tree(scene)
    places = {tree.root, os.getcwd(), os.environ.get("HASHFLOW_SRCDIR", os.getcwd())}
    # It may be meant to stay within the build tree.
    foreign = [place for place in places if not tree.folders["bindir"].startswith(place)]
    for path in tree.files() - {tree.path("bindir", "hashflow")}:
        text = text_of(path)
        assert not [word for word in foreign if word in text], path
        if not path.endswith(".md"):
            assert not re.search(r"@[A-Za-z_]+dir@|@[A-Z_]+@$", text, re.M), path


@test("the installed program runs, and the units name it")
def program(scene):
    tree = Tree(scene)
    said = ask(tree.path("bindir", "hashflow"), "--version", env=environment(scene.home()))
    assert re.match(r"hashflow \d", said), said
    for variable in ("systemdsystemunitdir", "systemduserunitdir"):
        if tree.folders[variable] == "no":
            continue
        for name in FILES[variable]:
            started = re.search(r"^ExecStart=(\S+)", text_of(tree.path(variable, name)), re.M)
            assert started.group(1) == os.path.join(tree.folders["bindir"], "hashflow"), name


@test("bash finds the installed completion by itself, with the package bash-completion")
def found_by_bash(scene):
    loader = "/usr/share/bash-completion/bash_completion"
    if not os.path.exists(loader):
        raise Skip("the package bash-completion is missing")
    tree = Tree(scene)
    env = dict(environment(scene.home()), XDG_DATA_DIRS=tree.base("bashcompletiondir", 2))
    said = ask("bash", "--norc", "-c",
               f". {loader}; _completion_loader hashflow; complete -p hashflow", env=env)
    assert said == "complete -F _hashflow hashflow\n", said


@test("zsh finds the installed completion by itself")
def found_by_zsh(scene):
    tree = Tree(scene)
    said = ask("zsh", "-f", "-c", "fpath=($1 $fpath); autoload -Uz compinit; compinit -u -D; "
               "print -r -- $_comps[hashflow]; autoload +X _hashflow && print loaded", "zsh",
               tree.path("zshcompletiondir"), env=environment(scene.home()))
    assert said == "_hashflow\nloaded\n", said


@test("fish finds the installed completion by itself")
def found_by_fish(scene):
    tree = Tree(scene)
    env = dict(environment(scene.home()), XDG_DATA_DIRS=tree.base("fishcompletiondir", 2),
               # It asks nobody about a command that is not there.
               PATH=tree.path("bindir") + os.pathsep + os.environ["PATH"])
    said = ask("fish", "-c", "complete -C 'hashflow --receive-o'", env=env)
    assert said.startswith("--receive-only\t"), said


def complaint_about(scene, line):
    """What the program says to a file with this line and one that is certainly wrong: the number
    of the line, and why. No node starts."""
    path = scene.path("config")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{line}\nno-such-option\n")
    node = scene.run("alice", "--config", path)
    assert node.wait() == 2
    return re.search(r"config:(\d): (.*)", node.errors()).groups()


@test("the example of a configuration file names every option that may stand in one, as it may")
def example(scene):
    text = text_of(Tree(scene).path("examplesdir", "config"))
    assert all(line.startswith("#") for line in text.splitlines() if line)
    settings = dict(re.findall(r"^#([a-z0-9-]+) ?(.*)", text, re.M))
    shown = scene.run("alice", "--help")
    shown.free_form = True
    options = re.findall(r"^ .{4} --([a-z0-9-]+)", "\n".join(shown.out.items()), re.M)
    assert len(options) > 30 and set(settings) <= set(options)
    for option in options:
        value = settings.get(option, "")
        number, why = complaint_about(scene, f"{option} {value}")
        if option not in settings:
            assert (number, why) == ("1", f"{option}: no such option of a file"), (option, why)
        elif re.match("[A-Z]", value):
            assert number == "2" or f"{option} {value}: " in why, (option, why)
        else:
            assert number == "2" or option == "log", (option, why)


main()
