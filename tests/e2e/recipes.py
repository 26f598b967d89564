#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each recipe of hashflow-recipes(7), run as it is printed there, on machines of the same names."""

import os
import re
import shutil
import signal

from hashflow_test import main, test, wait_until
from hashflow_test.netns import Network, need, required
from hashflow_test.node import BINARY
from hashflow_test.process import Process
from hashflow_test.tap import Skip

SOURCE = os.environ.get("HASHFLOW_SRCDIR", ".")
PAGE = os.path.join(SOURCE, "man", "hashflow-recipes.7")


def recipes():
    """The scripts under each heading, without the page's markup."""
    found, title, block = {}, None, None
    with open(PAGE, encoding="utf-8") as page:
        for line in page.read().splitlines():
            if line.startswith(".Ss "):
                title = line[4:]
                found[title] = []
            elif line.startswith(".Bd "):
                block = []
            elif line == ".Ed":
                found[title].append("\n".join(block) + "\n")
                block = None
            elif block is not None:
                block.append(line.replace("\\e", "\\").replace("\\&", ""))
    return found


RECIPES = recipes()


def recipe(title, count=1):
    """The scripts of a recipe, which has so many."""
    assert len(RECIPES[title]) == count, RECIPES[title]
    return RECIPES[title]


class Script(Process):
    """A script, with all that it has started."""

    def end(self):
        """As a person does it with Ctrl-C; returns what the shell makes of it."""
        os.killpg(self.pid, signal.SIGINT)
        return self.wait()

    def close(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        super().close()


class Machine:
    """A host with its own name, home and folder."""

    def __init__(self, scene, host, name):
        self._scene, self._host, self.name = scene, host, name
        self.folder = scene.path(name)
        os.makedirs(os.path.join(self.folder, "bin"))
        os.symlink(os.path.abspath(BINARY), os.path.join(self.folder, "bin", "hashflow"))
        with required():
            host.space.run("hostname", name)
            host.space.run("mount", "--bind", scene.path("hosts"), "/etc/hosts")

    @property
    def enter(self):
        """What a command begins with that is to run there."""
        return self._host.space.enter

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode="w"):
        with open(self.path(name), mode, encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        if not os.path.exists(self.path(name)):
            return ""
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def start(self, script, program="sh", stdin="null"):
        """Runs a script in the machine's folder, its hashflow first in PATH."""
        env = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": self.folder,
               "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        name = f"script{len(os.listdir(self.folder))}"
        self.write(name, script)
        inside = ["sh", "-c", 'cd "$1" && exec "$2" "$3"', "sh", self.folder, program, name]
        return self._scene.add(Script([*self.enter, *inside], env=env, stdin=stdin,
                                      label=f"{self.name}: {script[:40]}"))

    def run(self, script, **more):
        """The same, to its end; returns status and output."""
        done = self.start(script, **more)
        return done.wait(), done.out.items(), done.errors()


def machines(scene, *names):
    need("hostname", "mount")
    hosts = scene.add(Network(scene, len(names), "--uts", "--mount")).hosts
    with open(scene.path("hosts"), "w", encoding="ascii") as file:
        file.write("127.0.0.1 localhost\n")
        file.writelines(f"{host.ip} {name}\n" for host, name in zip(hosts, names))
    return [Machine(scene, host, name) for host, name in zip(hosts, names)]


def listening(script):
    """Waits until the node of a script listens."""
    script.err.wait(re.compile("listening on"))
    return script


def say(machine, to, *lines):
    """A message from a machine to another, delivered when this returns."""
    send = f"hashflow -q -p 0 -t {to} {to}"
    status, _, errors = machine.run("".join(f"printf '%s\\n' '{line}' | {send}\n"
                                            for line in lines))
    assert status == 0, errors


@test("collect logs: each line comes, with its time and its machine, also after a pause of loghost")
def logs(scene):
    loghost, alpha, beta = machines(scene, "loghost", "alpha", "beta")
    collect, send = recipe("Collect logs", 2)
    collector = listening(loghost.start(collect))
    for machine in (alpha, beta):
        machine.write("app.log", f"/quit is what {machine.name} did first\n")
        machine.start(send)
        wait_until(lambda: f"/quit is what {machine.name} did first" in loghost.read("all.log"),
                   f"a line of {machine.name}")
    collector.end()
    alpha.write("app.log", "while it was away\n", "a")
    listening(loghost.start(collect))
    wait_until(lambda: "while it was away" in loghost.read("all.log"), "the line that waited")
    for line in loghost.read("all.log").splitlines():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 (alpha|beta) .+", line), line
    assert loghost.read("all.log").count("while it was away") == 1


@test("tell a team: all three hear the last line; one that is not there is noticed")
def team(scene):
    (script,) = recipe("Tell a team")
    *team, builder = machines(scene, "alpha", "beta", "gamma", "builder")
    builder.write("Makefile", "all:\n\t@echo compiling; echo done\n")
    heard = [listening(machine.start("hashflow")) for machine in team]
    assert builder.run(script)[0] == 0
    for listener in heard:
        listener.out.wait(re.compile(r"\S+ builder done"))
    heard[1].end()
    status, _, errors = builder.run(script.replace("hashflow -p 0", "hashflow --drain 1 -p 0"))
    assert status == 0 and errors.endswith("not everyone knows"), errors


@test("wait for one message: its text, and status 4 if none comes")
def one_message(scene):
    (script,) = recipe("Wait for one message")
    alpha, beta = machines(scene, "alpha", "beta")
    waiting = listening(alpha.start(script))
    say(beta, "alpha", "it is  me")
    assert waiting.wait() == 0
    assert waiting.out.items() == ["it said: it is  me"]
    assert alpha.run(script.replace("-W 60", "-W 1"))[0] == 4


@test("ask a person: the first answer is printed")
def person(scene):
    (script,) = recipe("Ask a person")
    alpha, beta = machines(scene, "alpha", "beta")
    here = listening(beta.start("hashflow -k", stdin="pipe"))
    asking = alpha.start(script)
    asked = here.out.wait(re.compile(r"\S+ asker is the printer free\?"))
    here.send(f"/msg {asked.split(' ')[0]} it is")
    assert asking.wait() == 0 and asking.out.items() == ["it is"], asking.errors()


@test("hand over a file: also to one that comes later, slashes and all")
def hand_over(scene):
    (script,) = recipe("Hand over a file")
    alpha, beta = machines(scene, "alpha", "beta")
    alpha.write("report.txt", "first\n\n/quit is a word\nlast\n")
    listening(beta.start("hashflow -n beta")).end()
    assert alpha.run("hashflow --drain 0 -n reports -c '/wait up=1 1' beta </dev/null")[0]
    sending = listening(alpha.start(script))
    sending.err.wait(re.compile("beta:7216 .* cannot be reached"))
    heard = listening(beta.start("hashflow -n beta"))
    assert sending.wait(30) == 0, sending.errors()
    heard.out.wait(re.compile(r"\S+ reports last"))
    assert [line.split(" ", 2)[2] for line in heard.out.items()] == [
        "first", "", "/quit is a word", "last"]


@test("a ledger: each line for each of two, once")
def ledger(scene):
    (script,) = recipe("A ledger of deliveries")
    alpha, *others = machines(scene, "alpha", "beta", "gamma")
    for machine in others:
        listening(machine.start("hashflow"))
    alpha.write("lines.txt", "one\ntwo\n")
    assert alpha.run(script)[0] in (0, 1), "the status of a loop that ends"
    lines = alpha.read("ledger.txt").splitlines()
    assert len(lines) == len(set(lines)) == 4, lines


@test("share work: ten jobs for each, and each job for one")
def share(scene):
    (script,) = recipe("Share work")
    alpha, boss = machines(scene, "alpha", "boss")
    jobs = [f"job {number}" for number in range(20)]
    sending = boss.start(f"printf '%s\\n' {' '.join(map(repr, jobs))} | hashflow --drain 60 alpha")
    taken = []
    for _ in range(2):
        status, _, errors = alpha.run(script)
        assert status == 0, errors
        taken.append(alpha.read("jobs.txt").splitlines())
    assert sending.wait() == 0, sending.errors()
    assert taken == [jobs[:10], jobs[10:]], taken


@test("go on when it listens: the script knows where")
def ready(scene):
    (script,) = recipe("Go on when it listens")
    alpha, _ = machines(scene, "alpha", "beta")
    started = alpha.start(script)
    told = started.out.wait(re.compile(r"the worker listens on 127\.0\.0\.1:\d+"))
    status, answers, _ = alpha.run(f"hashflow -p 0 -c '/connect {told.split(' ')[-1]}' </dev/null")
    assert status == 0 and answers[0].split(" ")[2] == "worker"


@test("a welcome for each that comes")
def welcome(scene):
    greet, run = recipe("A welcome", 2)
    alpha, beta = machines(scene, "alpha", "beta")
    alpha.write("welcome.sh", greet)
    os.chmod(alpha.path("welcome.sh"), 0o755)
    listening(alpha.start(run))
    guest = beta.start("hashflow -r -n 'b$(id)' -C 1 -F %p alpha")
    assert guest.wait() == 0 and guest.out.items() == ["welcome, b$(id)"], guest.errors()
    listening(alpha.start(run.replace("-r", "-r -p 7300 --state elsewhere")))
    guest = beta.start("hashflow -r -n carol -C 1 -F %p alpha:7300")
    assert guest.wait() == 0 and guest.out.items() == ["welcome, carol"], guest.errors()


@test("in columns: time, name and text")
def columns(scene):
    (script,) = recipe("In columns")
    alpha, beta = machines(scene, "alpha", "beta")
    reader = listening(alpha.start(script))
    status, _, errors = beta.run("echo hello | hashflow -p 0 -q -n a-long-name-indeed alpha")
    assert status == 0, errors
    reader.out.wait(re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d  a-long-name- hello"))


@test("a barrier: nobody goes on before the last has come, and then all do")
def barrier(scene):
    (script,) = recipe("A barrier")
    *early, late = machines(scene, "alpha", "beta", "gamma")
    waiting = [listening(machine.start(script)) for machine in early]
    say(late, "alpha", "a word that counts for nothing")
    assert all(script.running for script in waiting)
    last = late.start(script)
    for script in (*waiting, last):
        assert script.wait(30) == 0, script.errors()
        assert script.out.items() == ["go"]


@test("a bot answers, and a look at everyone finds the one that is ill")
def bot(scene):
    answer, run = recipe("A bot", 2)
    (look,) = recipe("A look at everyone")
    *bots, visitor = machines(scene, "alpha", "beta", "gamma", "visitor")
    nodes = []
    for machine in bots:
        machine.write("answer.sh", answer)
        os.chmod(machine.path("answer.sh"), 0o755)
        nodes.append(listening(machine.start(run)))
    status, answers, errors = visitor.run(look)
    assert status == 0 and "ill" not in errors, errors
    assert sorted(line.split(" ")[2] for line in answers) == ["alpha", "beta", "gamma"]
    assert all(re.fullmatch(r"/ask \S+ \S+ \d+\.\d+", line) for line in answers), answers
    nodes[2].end()
    status, answers, errors = visitor.run(look)
    assert status == 0 and errors.endswith("somebody is ill"), errors
    assert len(answers) == 2


@test("a program for each message gets its text")
def program(scene):
    (script,) = recipe("A program for each message")
    alpha, beta = machines(scene, "alpha", "beta")
    listening(alpha.start(script))
    say(beta, "alpha", "one", "$(touch two)")
    wait_until(lambda: sorted(alpha.read("inbox.txt").splitlines()) == ["$(touch two)", "one"],
               "both texts are in the file")


@test("in a shell: address, name and text of each message")
def shell(scene):
    (script,) = recipe("In a shell")
    alpha, beta = machines(scene, "alpha", "beta")
    reader = listening(alpha.start(script))
    say(beta, "alpha", "a  \\n b")
    reader.out.wait(re.compile(r"\S+ at 10\.77\.0\.2:\d+ said: a  \\n b"))


@test("with jq: name and text of each message")
def jq(scene):
    if not shutil.which("jq"):
        raise Skip("jq is missing")
    (script,) = recipe("With jq")
    alpha, beta = machines(scene, "alpha", "beta")
    reader = listening(alpha.start(script))
    say(beta, "alpha", 'a "quoted" text')
    reader.out.wait(re.compile(r'\S+: a "quoted" text'))


@test("in Python: name and length of each message")
def python(scene):
    (script,) = recipe("In Python")
    alpha, beta = machines(scene, "alpha", "beta")
    reader = listening(alpha.start(script, program=shutil.which("python3")))
    say(beta, "alpha", "hello")
    reader.out.wait(re.compile(r"\S+ 5"))


@test("a node in the background: who is there, a word to one, its end")
def background(scene):
    (script,) = recipe("Talk to a node in the background")
    alpha, beta = machines(scene, "alpha", "beta")
    listener = listening(beta.start("hashflow"))
    status, answers, errors = alpha.run(script)
    assert status == 0, errors
    listener.out.wait(re.compile(r"\S+ \S+ hello"))
    assert any(re.match(r"/peers \S+:7216 ", answer) for answer in answers), answers
    assert alpha.run("hashflow --attach -c /peers")[0] == 1, "it has not ended"


def reachable(machine, *others):
    """An ssh(1) from the machine to others, which runs a command there as theirs."""
    cases = "".join(f"{other.name}) home={other.folder} enter='{' '.join(other.enter)}' ;;\n"
                    for other in others)
    machine.write("bin/ssh", f"""#!/bin/sh
case $1 in
{cases}esac
shift
cd "$home" && HOME=$home PATH=$home/bin:$PATH exec $enter sh -c "$*"
""")
    os.chmod(machine.path("bin/ssh"), 0o755)


def assert_among_members(alpha, *members):
    """What alpha's script says is heard by them, and by nobody who does not belong."""
    (script,) = recipe("A script among members")
    nodes = [listening(member.start("hashflow -r -F '%n %p'")) for member in members]
    status, _, errors = alpha.run(script)
    assert status == 0 and not errors, errors
    for node in nodes:
        node.out.wait("cron backup done")
    status, _, errors = alpha.run(script.split("--group")[0] + " beta gamma")
    assert status == 5 and "only members get in" in errors, errors


@test("for members only: each of two is invited over ssh, and a script gets in with the secret")
def members(scene):
    (script,) = recipe("For members only")
    alpha, *others = machines(scene, "alpha", "beta", "gamma")
    reachable(alpha, *others)
    status, answers, errors = alpha.run(script)
    assert status == 0, errors
    assert [answer.split(" ")[0] for answer in answers] == ["/group", "/join", "/join"], answers
    assert_among_members(alpha, *others)
    assert alpha.run("hashflow --attach -c /quit </dev/null")[0] == 0


@test("many members at once: the secret over ssh, and the same script gets in")
def at_once(scene):
    (script,) = recipe("Many members at once")
    alpha, *others = machines(scene, "alpha", "beta", "gamma")
    reachable(alpha, *others)
    assert alpha.run("hashflow group new")[0] == 0
    status, answers, errors = alpha.run(script)
    assert status == 0 and answers == ["/group closed"] * 2, errors
    assert_among_members(alpha, *others)


@test("every recipe of the page is among these tests")
def all_of_them(_scene):
    with open(__file__, encoding="utf-8") as source:
        run = set(re.findall(r'recipe\("([^"]+)"', source.read()))
    assert run == set(RECIPES), set(RECIPES) ^ run


if __name__ == "__main__":
    main(workers=4)
