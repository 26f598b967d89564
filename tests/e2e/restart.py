#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh whose nodes are all killed and started again is whole again without a word from anyone."""

import random

from hashflow_test import main, test

NAMES = "abcde"


def start(scene, name, port):
    return scene.node(name, "--state", scene.path(name), "-e", "-p", port)


def whole(nodes):
    """Each is connected with all others, and a line from each reaches all others."""
    for node in nodes:
        node.wait_up(len(nodes) - 1)
    for node in nodes:
        node.send(f"/bcast from {node.label}")
    for node in nodes:
        for other in nodes:
            if other is not node:
                node.hears(f"from {other.label}", other.label)
        assert len(node.peers()) == len(nodes) - 1, node.peers()


def mesh(scene, ports):
    nodes = [start(scene, name, ports[name]) for name in NAMES]
    for node in nodes[1:]:
        node.send(f"/connect {nodes[0].address}")
    whole(nodes)
    return nodes


def again(scene, end):
    """Starts a mesh, ends every node of it, and starts them in another order, one elsewhere."""
    fresh = scene.ports(len(NAMES) + 1)
    ports = dict(zip(NAMES, fresh))
    nodes = mesh(scene, ports)
    for node in random.sample(nodes, len(nodes)):
        end(node)
    order = random.sample(NAMES, len(NAMES))
    moved = random.choice(NAMES)
    ports[moved] = fresh[-1]
    print(f"# started in the order {''.join(order)}, {moved} on another port", flush=True)
    whole([start(scene, name, ports[name]) for name in order])


@test("all killed and started in another order, one on a new port: whole again")
def killed(scene):
    again(scene, lambda node: node.kill())


@test("the same after all have left in good order")
def left(scene):
    again(scene, lambda node: node.finish())


@test("one that is down while another moves finds it through the others")
def moved(scene):
    fresh = scene.ports(len(NAMES) + 1)
    ports = dict(zip(NAMES, fresh))
    nodes = dict(zip(NAMES, mesh(scene, ports)))
    nodes["a"].kill()
    nodes["b"].kill()
    ports["b"] = fresh[-1]
    nodes["b"] = start(scene, "b", ports["b"])
    nodes["b"].wait_up(3)
    nodes["a"] = start(scene, "a", ports["a"])
    whole(list(nodes.values()))


if __name__ == "__main__":
    main()
