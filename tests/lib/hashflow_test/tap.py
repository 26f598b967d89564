# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests of one file and reports them in TAP.

A test is a function that takes a Scene and raises when something is wrong. Several run at a time,
because most of them wait for the program; the report keeps their order. Must not know what is
tested.
"""

import os
import queue
import signal
import sys
import threading
import traceback

from .waiting import Log

#: Seconds for the whole file: the last resort against a test without an end.
FILE_DEADLINE = float(os.environ.get("HASHFLOW_FILE_DEADLINE", "280"))

#: A list of tests that are not run this time: file, function, and why.
LEFT_OUT = os.environ.get("HASHFLOW_LEFT_OUT")

_tests = []


class Skip(Exception):
    """Raised by a test that cannot run on this machine; says why."""


def test(title):
    """Marks a function as a test with this title."""
    def register(function):
        _tests.append((title, function))
        return function
    return register


def _left_out():
    """Why tests of this file are left out, by the names of their functions."""
    reasons = {}
    if LEFT_OUT:
        with open(LEFT_OUT, encoding="utf-8") as file:
            rows = [line.split(None, 2) for line in file if line[0] not in "#\n"]
        own = os.path.basename(sys.argv[0])
        reasons = {name: why.strip() for where, name, why in rows if where == own}
        unknown = set(reasons) - {function.__name__ for _, function in _tests}
        assert not unknown, f"{LEFT_OUT} names tests that are not there: {unknown}"
    return reasons


def _run_one(function, scene, left_out):
    """Runs one test in its scene, and returns its outcome: ("ok" | "skip" | "not ok", notes)."""
    try:
        try:
            if function.__name__ in left_out:
                raise Skip(left_out[function.__name__])
            function(scene)
            scene.verify()
        except Skip as reason:
            return "skip", [str(reason)]
        except PermissionError as reason:
            if not str(reason.filename).startswith("/proc/") or os.geteuid() == 0:
                return "not ok", traceback.format_exc().splitlines() + scene.transcript()
            return "skip", ["only root may look into a node"]
        except BaseException:
            return "not ok", traceback.format_exc().splitlines() + scene.transcript()
    finally:
        scene.close()
    return "ok", []


def _work(todo, done, make_scene, scenes, left_out):
    while True:
        try:
            number, title, function = todo.get_nowait()
        except queue.Empty:
            return
        scene = make_scene(title)
        scenes.append(scene)
        done.add((number, *_run_one(function, scene, left_out)))


def _chosen():
    words = sys.argv[1:]
    return [(title, function) for title, function in _tests
            if not words or any(word in title or word in function.__name__ for word in words)]


def _say(number, title, outcome, notes):
    if outcome == "skip":
        print(f"ok {number} - {title} # SKIP {notes[0]}", flush=True)
        return
    print(f"{outcome} {number} - {title}")
    for note in notes:
        for line in note.splitlines() or [""]:
            shown = line.encode("utf-8", "backslashreplace").decode()
            print(f"# {shown[:400]}")
    sys.stdout.flush()


def _report(tests, done):
    """Prints the outcomes in the order of the tests, as they come. Returns how many failed."""
    failed = 0
    for number, (title, _) in enumerate(tests, 1):
        _, outcome, notes = done.wait(lambda item, n=number: item[0] == n, FILE_DEADLINE)
        _say(number, title, outcome, notes)
        failed += outcome == "not ok"
    return failed


def _stop_on_signal(number, _frame):
    raise SystemExit(128 + number)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    raise SystemExit(0)


def main(make_scene, workers=3):
    """Runs the tests (all, or those whose title or name contains a word of argv) and exits."""
    tests, left_out = _chosen(), _left_out()
    todo, done, scenes = queue.Queue(), Log("the tests"), []
    for number, (title, function) in enumerate(tests, 1):
        todo.put((number, title, function))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _stop_on_signal)
    print(f"1..{len(tests)}", flush=True)
    for _ in range(workers):
        threading.Thread(target=_work, daemon=True,
                         args=(todo, done, make_scene, scenes, left_out)).start()
    failed = 1
    try:
        failed = _report(tests, done)
    except AssertionError as error:
        print(f"Bail out! {error}", flush=True)
        faults = sys._current_frames().values()
        for frame in faults:
            sys.stderr.writelines(traceback.format_stack(frame)[-3:])
    finally:
        for scene in list(scenes):
            scene.close()
        sys.stdout.flush()
        # Not sys.exit(): a thread that hangs must not keep the file from ending.
        os._exit(1 if failed else 0)
