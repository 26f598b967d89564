#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub with three hundred nodes is killed and started again: all are back within seconds, and
everyone hears everyone's line once."""

import re
import resource
import subprocess

from hashflow_test import Skip, Stopwatch, main, test, wait_until
from hashflow_test.node import BINARY, environment, has_sanitizer

COUNT = 300
BACK = 15  #: seconds

UP = re.compile(r"^\* up ")


class Crowd:
    """Many nodes with as little around them as possible: what they hear goes to files."""

    def __init__(self, scene, hub, count):
        self._paths = [scene.path(f"member{number}") for number in range(count)]
        ports = scene.ports(count)
        env = environment(scene.home())
        self._processes = [self._start(path, port, hub, env, number)
                           for number, (path, port) in enumerate(zip(self._paths, ports))]

    @staticmethod
    def _start(path, port, hub, env, number):
        with open(path, "wb") as sink:
            return subprocess.Popen([BINARY, "--no-store", "--no-exchange", "-p", str(port),
                                     "-n", f"member{number}", hub],
                                    stdin=subprocess.DEVNULL, stdout=sink,
                                    stderr=subprocess.DEVNULL, env=env, start_new_session=True)

    def heard(self, text):
        """How often each of them has heard it."""
        counts = []
        for path in self._paths:
            with open(path, "rb") as file:
                counts.append(sum(line.endswith(b" " + text.encode())
                                  for line in file.read().splitlines()))
        return counts

    def close(self):
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


@test("a hub of three hundred is killed and restarted: all are back within fifteen seconds")
def hub(scene):
    if has_sanitizer():
        raise Skip("three hundred nodes with a sanitizer take too much memory")
    if 0 <= resource.getrlimit(resource.RLIMIT_NPROC)[0] < 2 * COUNT:
        raise Skip("the limit on processes is too low here")
    options = ("-e", "-p", scene.ports(1)[0], "--state", scene.path("hub"), "--no-exchange")
    node = scene.node("hub", *options)
    crowd = scene.add(Crowd(scene, node.address, COUNT))
    node.wait_up(COUNT, 60)
    node.send("/bcast before")
    wait_until(lambda: crowd.heard("before") == [1] * COUNT, "all hear it")
    node.kill()
    node, watch = scene.node("hub", *options), Stopwatch()
    node.wait_up(COUNT, 60)
    assert watch.seconds() < BACK, f"{watch.seconds():.1f} s until all were back"
    node.send("/bcast after", "/wait delivered 20")
    wait_until(lambda: crowd.heard("after") == [1] * COUNT, "all hear it")
    assert crowd.heard("before") == [1] * COUNT
    assert node.out.count(UP) == COUNT, f"{node.out.count(UP)} times up"
    assert len(node.peers()) == COUNT
    assert node.finish() == 0, node.errors()


if __name__ == "__main__":
    main()
