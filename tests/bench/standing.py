# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows about a node that does little: its memory, what it uses at rest, how fast it starts."""

import time

from contenders import listeners, one_run
from figures import at_most
from hashflow_test.waiting import wait_until
from stage import LIMIT, cpu_seconds, read_ready, read_until, status_field

#: Peers that are started before the others may go on: each has to be born.
BIRTHS = 50
#: Longer than anything here takes.
NEVER = ("--heartbeat", "10000", "--suspect-after", "20000", "--down-after", "30000")


def hub_with(stage, peers, address_prefix, *options):
    """A node, and so many others that are connected to it alone."""
    hub = stage.talker("--no-store", *options)
    for number in range(peers):
        stage.node("-r", "--no-store", "--no-exchange", *options, address_prefix + hub.address,
                   wait=False)
        if number % BIRTHS == BIRTHS - 1 or number == peers - 1:
            hub.stdin.write(f"/wait up={number + 1} {LIMIT}\n/echo up\n".encode())
            read_until(hub.stdout, b"/echo up")
    return hub


def anonymous_kib(process):
    return status_field(process.pid, "RssAnon")


@one_run
def at_rest(stage, *options):
    return anonymous_kib(stage.talker(*options))


@one_run
def with_streams(stage, peers):
    hub = stage.talker("--no-store")
    before = anonymous_kib(hub)
    listeners(stage, hub, peers)
    return (anonymous_kib(hub) - before) / peers


@one_run
def with_nodes(stage, peers, prefix):
    hub = stage.talker("--no-store")
    before = anonymous_kib(hub)
    hub = hub_with(stage, peers, prefix)
    return (anonymous_kib(hub) - before) / peers


@one_run
def with_state(stage):
    return anonymous_kib(stage.talker("--state", stage.path("state")))


def memory(bench):
    peers = bench.sized(900)
    say = bench.book.figure
    say("memory", "at rest, --no-store", at_rest("--no-store"), "KiB", at_most(3072))
    say("memory", "at rest, with a store", with_state(), "KiB", at_most(3072))
    say("memory", f"each of {peers} plain stream peers", with_streams(peers), "KiB", at_most(6))
    say("memory", f"each of {peers} plain session peers", with_nodes(peers, "plain:"), "KiB",
        at_most(6))
    say("memory", f"each of {peers} encrypted peers", with_nodes(peers, ""), "KiB", at_most(20))


@one_run
def resting(stage, peers, seconds, *options):
    """(part of a core, wake-ups) in so many seconds."""
    hub = hub_with(stage, peers, "plain:", *options)
    wait_until(lambda: is_quiet(hub), "rest", LIMIT)
    cpu, woken = cpu_seconds(hub.pid), status_field(hub.pid, "voluntary_ctxt_switches")
    time.sleep(seconds)
    return ((cpu_seconds(hub.pid) - cpu) / seconds,
            status_field(hub.pid, "voluntary_ctxt_switches") - woken)


def is_quiet(hub):
    """Nothing wakes it for a second: what meeting peers has left to do is done."""
    before = status_field(hub.pid, "voluntary_ctxt_switches")
    time.sleep(1)
    return status_field(hub.pid, "voluntary_ctxt_switches") == before


def rest(bench):
    peers = bench.sized(100)
    core, woken = resting(peers, 30)
    bench.book.figure("rest", f"{peers} peers, heartbeats every 15 s", core * 100, "% of a core",
                      at_most(0.1))
    bench.book.figure("rest", "wake-ups in these 30 s", woken, "")
    _, woken = resting(peers, 10, *NEVER)
    bench.book.figure("rest", "wake-ups in 10 s without heartbeats", woken, "", at_most(0))


@one_run
def starting(stage, starts):
    """Milliseconds from the start to the ready line; the first start makes the state."""
    times = []
    for _ in range(starts + 1):
        before = time.perf_counter()
        node = stage.node("-r", "--state", stage.path("state"), wait=False)
        read_ready(node)
        times.append((time.perf_counter() - before) * 1e3)
        stage.end(node)
    return times[1:]


def start(bench):
    bench.book.figure("start", "to listening", starting(bench.sized(20) + 1), "ms", at_most(15))
