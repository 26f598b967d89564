#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The completion scripts in the shells that they are for: keys go in at a terminal, and what the
shell has made of the line is what counts."""

import os
import pty
import re
import shutil
import subprocess
import threading

from hashflow_test import Skip, main, test
from hashflow_test.node import environment
from hashflow_test.waiting import DEADLINE

#: All that begins like the word is put in its place; then the line is printed and begun anew.
ALL, LINE = "\x18a", "\x18p"

BASH = r"""
PS1=
print_line() { printf '%s\n' "$READLINE_LINE"; READLINE_LINE=; }
bind '"\C-xa": insert-completions'
bind -x '"\C-xp": print_line'
. COMPLETION/bash/hashflow
"""
ZSH = r"""
PS1=
fpath=(COMPLETION/zsh $fpath)
autoload -Uz compinit && compinit -u -D
zstyle ':completion:all::::' completer _all_matches _complete
zstyle ':completion:all:*' insert yes
zle -C all complete-word _generic
print_line() { print -r -- "$BUFFER"; BUFFER=; }
zle -N print_line
bindkey '^Xa' all '^Xp' print_line
"""


def completion_folder():
    """Where make has put the scripts: in the build tree, which is where tests run."""
    folder = os.path.abspath("completion")
    if not os.path.exists(os.path.join(folder, "bash", "hashflow")):
        raise Skip("make has not made the scripts here")
    return folder


def needs(program):
    if not shutil.which(program):
        raise Skip(f"{program} is missing")


def furnished_home(scene):
    home = scene.home()
    for name in ("7300", "7301", "other"):
        os.makedirs(os.path.join(home, "state", "hashflow", name))
    os.mkdir(os.path.join(home, "Folder one"))
    with open(os.path.join(home, "File one"), "wb"):
        return home


class Shell:
    """A shell at a terminal. What it prints comes through a pipe; what it shows is thrown away."""

    def __init__(self, scene, rc, *argv):
        needs(argv[0])
        rc = rc.replace("COMPLETION", completion_folder())
        self.home = furnished_home(scene)
        for name in (".zshrc", ".bashrc"):
            with open(os.path.join(self.home, name), "w", encoding="utf-8") as file:
                file.write(rc + "echo ready\n")
        self._master, slave = pty.openpty()
        self.process = scene.process(*(word.replace("HOME", self.home) for word in argv),
                                     stdin=slave, env=environment(self.home))
        os.close(slave)
        threading.Thread(target=self._drain, daemon=True).start()
        self.process.out.wait("ready")

    def _drain(self):
        try:
            while os.read(self._master, 4096):
                pass
        except OSError:
            os.close(self._master)

    def _type(self, keys):
        seen = len(self.process.out)
        os.write(self._master, (keys + LINE).encode())
        return self.process.out.wait(lambda _: True, since=seen)

    def completed(self, typed):
        """The line after a Tab."""
        return self._type(typed + "\t")

    def offered(self, typed):
        """All that may stand for the last word."""
        line = self._type(typed + ALL)
        before = typed.rpartition(" ")[0] + " "
        assert line.startswith(before), line
        return line[len(before):].split()


def bash(scene):
    return Shell(scene, BASH, "bash", "--noprofile", "--rcfile", "HOME/.bashrc", "-i")


def zsh(scene):
    return Shell(scene, ZSH, "zsh", "-d", "-i")


class Fish:
    """fish tells what it would offer when it is asked; one word a line, with what it means."""

    def __init__(self, scene):
        needs("fish")
        self._script = os.path.join(completion_folder(), "fish", "hashflow.fish")
        self.home = furnished_home(scene)

    def offered(self, typed):
        done = subprocess.run(
            ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", self._script,
             typed], env=environment(self.home), cwd=self.home, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=DEADLINE, check=True, text=True)
        assert not done.stderr, done.stderr
        return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def said_by(scene, *options):
    """What the program under test prints."""
    node = scene.run("alice", *options)
    node.free_form = True
    return "\n".join(node.out.items() + node.err.items())


def check_offers(scene, shell):
    """What is offered is what the program knows: no more, no less."""
    help_text = said_by(scene, "--help")
    known = set(re.findall(r"^ .{4} (--[a-z0-9-]+)", help_text, re.M))
    assert len(known) > 30, known
    offered = {word.rstrip("=") for word in shell.offered("hashflow --")}
    assert offered == known, offered ^ known

    commands = set(re.findall(r"^/help (/[a-z]+)", said_by(scene, "-p", "0", "-c", "/help"), re.M))
    assert len(commands) > 15, commands
    assert set(shell.offered("hashflow -c /")) == commands

    errands = re.search(r"\[options\] ([a-z]+ \| .*) \.\.\.", help_text).group(1).split(" | ")
    assert len(errands) > 5 and {f"/{word}" for word in errands} <= commands
    for word in errands:
        assert word in shell.offered(f"hashflow {word[:-1]}"), word

    refusal = re.search(r"where KIND is (.*)", said_by(scene, "--on", "nothing=true")).group(1)
    assert set(shell.offered("hashflow --on ")) == {
        f"{word}=" for word in re.findall("[a-z]+", refusal) if word != "or"}

    assert shell.offered("hashflow --log ") == ["stderr", "syslog"]
    assert shell.offered("hashflow --to ") == ["all"]
    assert shell.offered("hashflow -p 73") == ["7300", "7301"]
    assert shell.offered("hashflow -qkt a") == ["all"]


#: What is typed, and what a Tab makes of it.
TABS = (
    ("--rec", "--receive-only "),
    ("--name ", "--name "),
    ("--queue-lines ", "--queue-lines "),
    ("--log=sy", "--log=syslog "),
    ("--log sy", "--log syslog "),
    ("--to a", "--to all "),
    ("-qkt a", "-qkt all "),
    ("-p 73", "-p 730"),
    ("-c /pe", "-c /peers "),
    ("-c '/pe", "-c '/peers' "),
    ("--command=/pe", "--command=/peers "),
    ("--on mess", "--on message="),
    ("--on message=basenam", "--on message=basename "),
    ("--on=message=basenam", "--on=message=basename "),
    ("--answer basenam", "--answer basename "),
    ("--state ~/Fol", "--state ~/Folder\\ one/"),
    ("--config ~/Fil", "--config ~/File\\ one "),
    ("--attach 73", "--attach 730"),
    ("--attach ~/Fol", "--attach ~/Folder\\ one/"),
    ("~/Fol", "~/Fol"),
)


def check_tabs(shell):
    for typed, wanted in TABS:
        line = shell.completed("hashflow " + typed)
        assert line == "hashflow " + wanted, f"{typed!r} became {line!r}"


@test("bash completes options, their values, and commands")
def in_bash(scene):
    shell = bash(scene)
    check_tabs(shell)
    assert shell.completed("hashflow --state ~/Fi") == "hashflow --state ~/Fi"
    check_offers(scene, shell)


@test("zsh completes options, their values, and commands")
def in_zsh(scene):
    shell = zsh(scene)
    check_tabs(shell)
    check_offers(scene, shell)


@test("fish completes options, their values, and commands")
def in_fish(scene):
    shell = Fish(scene)
    check_offers(scene, shell)
    assert shell.offered("hashflow --state ~/F") == ["~/Folder one/"]
    assert shell.offered("hashflow --config ~/F") == ["~/File one", "~/Folder one/"]
    assert shell.offered("hashflow --attach 73") == ["7300", "7301"]
    assert shell.offered("hashflow --attach ~/Fi") == ["~/File one"]
    assert shell.offered("hashflow ~/F") == []
    assert shell.offered("hashflow --name ") == []


main()
