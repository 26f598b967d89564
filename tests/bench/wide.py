# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows about many nodes: how fast a full mesh forms and a broadcast gets around in it, and what
more peers cost."""

import math
import os
import select
import subprocess
import time

import contenders as who
from contenders import NAME, one_run
from figures import at_most
from hashflow_test.sockets import free_port
from stage import LIMIT, Hung, cpu_seconds, port_of, read_until

#: Nodes, seconds to form, milliseconds for a broadcast.
MESHES = ((100, 2, 50), (300, 5, 200))
BROADCASTS = 20
KINDS = {"plain": ("plain:", False), "encrypted": ("", False), "durable": ("plain:", True)}


# ---- a mesh

class Mesh:
    """Nodes that were each given the addresses of all others; .seconds until all were joined."""

    def __init__(self, stage, size, prefix, store):
        ports = set()
        while len(ports) < size:
            ports.add(free_port())
        self.addresses = [f"127.0.0.1:{port}" for port in ports]
        self.poll = select.poll()
        before = time.perf_counter()
        self.nodes = [self._start(stage, number, prefix, store) for number in range(size)]
        self.streams = {node.stdout.fileno(): node.stdout for node in self.nodes}
        for fd in self.streams:
            os.set_blocking(fd, False)
            self.poll.register(fd, select.POLLIN)
        self.wait_for(b"/echo joined", size)
        self.seconds = time.perf_counter() - before

    def _start(self, stage, number, prefix, store):
        kept = ["--state", stage.path(f"node{number}")] if store else ["--no-store"]
        own = self.addresses[number]
        others = [prefix + address for address in self.addresses if address != own]
        return stage.talker("-n", f"n{number}", *kept, "-c", f"/wait up={len(others)} {LIMIT}",
                            "-c", "/echo joined", *others, listen=own, wait=False)

    def wait_for(self, text, count):
        """When each of so many nodes has printed a line with this text: the times, in order."""
        times, rest = [], dict.fromkeys(self.streams, b"")
        end = time.perf_counter() + LIMIT
        while len(times) < count:
            ready = self.poll.poll(max(0, end - time.perf_counter()) * 1000)
            if not ready:
                raise Hung(f"{len(times)} of {count} nodes in {LIMIT} s")
            for fd, _ in ready:
                data = self.streams[fd].read(65536)
                if data == b"":
                    raise Hung("a node has ended")
                rest[fd] += data or b""
                if rest[fd].endswith(b"\n") and text in rest[fd]:
                    times.append(time.perf_counter())
                    rest[fd] = b""
        return times

    def broadcast(self, number):
        """Seconds until each of the others has printed it."""
        text = f"broadcast {number} {time.time_ns()}"
        before = time.perf_counter()
        self.nodes[number % len(self.nodes)].stdin.write(f"/bcast {text}\n".encode())
        return [t - before for t in self.wait_for(text.encode(), len(self.nodes) - 1)]


@one_run
def mesh_of(stage, size, prefix, store):
    """(seconds to form, the 99th percentile of a broadcast's way, the median), in seconds."""
    mesh = Mesh(stage, size, prefix, store)
    ways = sorted(way for number in range(BROADCASTS) for way in mesh.broadcast(number))
    return mesh.seconds, ways[len(ways) - 1 - len(ways) // 100], ways[len(ways) // 2]


def mesh(bench):
    for nodes, seconds, way in MESHES:
        size = bench.sized(nodes)
        turns = bench.turns({kind: lambda kind=kind: mesh_of(size, *KINDS[kind])
                             for kind in KINDS}, most=5 if size <= 100 else 3)
        for kind, values in turns.values.items():
            case = f"{size} nodes, {kind}"
            aimed = kind == "plain"
            bench.book.figure("mesh", f"{case}: forms", [v[0] for v in values], "s",
                              at_most(seconds) if aimed else None)
            bench.book.figure("mesh", f"{case}: broadcast, p99", [v[1] * 1e3 for v in values],
                              "ms", at_most(way) if aimed else None)


# ---- growth

#: Peers that are there, so many and so many; and how often each thing is done.
FEW, MANY, TIMES = 50, 800, 2000
LISTED = 16000
#: A peer has no more than so many.
TIMERS = 4


def claims(stage, hub, peers):
    """Stream peers with addresses and names of their own, and the connections to them."""
    sockets = []
    for number in range(peers):
        sock = stage.connect(port_of(hub.address), f"127.1.{number // 250}.{number % 250 + 1}")
        source = sock.getsockname()[0]
        sock.sendall(f"{source}:7000 peer{number} here\n".encode())
        read_until(hub.stdout, source.encode())
        sockets.append(sock)
    return sockets


def cpu_of(hub, lines):
    """What it takes to run these lines, in seconds of the processor for each."""
    before = cpu_seconds(hub.pid)
    text = "".join(f"{line}\n" for line in lines) + "/echo all done\n"
    writer = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=hub.stdin)
    writer.stdin.write(text.encode())
    writer.stdin.close()
    read_until(hub.stdout, b"/echo all done")
    writer.wait()
    return (cpu_seconds(hub.pid) - before) / len(lines)


@one_run
def costs(stage, peers):
    """Microseconds by what is done, with so many peers there."""
    hub = stage.talker("-n", NAME, "--no-store")
    sockets = claims(stage, hub, peers)
    found = {
        "a timer set anew": stage.gauge("timers", TIMERS * peers, 1000000)[0],
        "look-up of a name": cpu_of(hub, [f"/to peer{n % peers}" for n in range(TIMES)]),
        # As many lines in all, for those that a pipe has no room for cost a wait besides.
        "/peers, a line": cpu_of(hub, ["/peers"] * (LISTED // peers)) / peers,
    }
    before = cpu_seconds(hub.pid)
    for number in range(TIMES):
        sockets[0].sendall(f"single line {number}\n".encode())
        read_until(hub.stdout, b"127.")
    found["a line in, alone"] = (cpu_seconds(hub.pid) - before) / TIMES
    return {name: seconds * 1e6 for name, seconds in found.items()}


def growth(bench):
    few, many = FEW, max(FEW * 2, bench.sized(MANY))
    count = bench.sized(60000)
    file = bench.lines(count)
    turns = bench.turns({
        "hashflow": lambda: who.fan_hashflow(file, count, 100).cpu * 1e6,
        "one peer": lambda: who.fan_hashflow(file, count, 1).cpu * 1e6})
    bench.book.rates("processor for a delivery", turns, "us")
    bench.book.ratio("growth", "a delivery to 100 peers", turns, "one peer", "us", at_most(1))
    both = bench.turns({"hashflow": lambda: costs(many), f"{few} peers": lambda: costs(few)})
    for name in next(iter(both.values.values()), [{}])[0]:
        part = both.part(lambda value, name=name: value[name])
        bench.book.rates(name, part, "us")
        bench.book.ratio("growth", f"{name}, {many} peers", part, f"{few} peers", "us",
                         at_most(math.log(many) / math.log(few)))
