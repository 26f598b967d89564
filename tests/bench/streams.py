# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows about many lines: from one to many, from one to one, stored, encrypted, and with one
that has stopped; a round trip; messages that come a connection each."""

import contenders as who
from figures import at_least, at_most
from stage import write_lines


def rate(run, *args, **kwargs):
    """A contender whose figure is the lines a second."""
    return lambda: run(*args, **kwargs).rate


#: Peers, lines to them, and what is to be reached against ncat and the limit.
FAN_OUT = ((1, 2000000, 2.5, 0.7), (10, 500000, 2.5, 0.8), (100, 60000, 2.0, 0.8))


def fan_out(bench):
    for peers, lines, ncat, limit in FAN_OUT:
        count = bench.sized(lines)
        file = bench.lines(count)
        headed = write_lines(bench.path("headed"), count, who.HEADER)
        case = f"{peers} peer{'s' if peers > 1 else ''}"
        turns = bench.turns({
            "hashflow": rate(who.fan_hashflow, file, count, peers),
            "ncat --broker": bench.needs("ncat") and rate(who.fan_ncat, file, count, peers),
            "limit": rate(who.fan_limit, headed, count, peers)})
        bench.book.rates(case, turns, "deliveries/s")
        bench.book.ratio("fan-out", case, turns, "ncat --broker", "deliveries/s", at_least(ncat))
        bench.book.ratio("fan-out", case, turns, "limit", "deliveries/s", at_least(limit))


def stopped(bench):
    """Long enough that the second in which the stopped one is given up is a small part of it."""
    count = bench.sized(1000000)
    file = bench.lines(count)
    turns = bench.turns({
        "hashflow": rate(who.fan_hashflow, file, count, 100, stopped=1),
        "all reading": rate(who.fan_hashflow, file, count, 99)})
    bench.book.rates("one of 100 stopped", turns, "deliveries/s")
    bench.book.ratio("stopped", "one of 100 stopped", turns, "all reading", "deliveries/s",
                     at_least(0.9))
    if bench.needs("ncat"):
        small = bench.sized(200000)
        flow = who.fan_ncat(bench.lines(small), small, 100, stopped=1)
        bench.book.figure("stopped", "ncat --broker: part that arrived", flow.share, "")


def one_to_one(bench):
    count = bench.sized(2000000)
    file = bench.lines(count)
    few = bench.sized(300000)
    few_file = bench.lines(few)
    turns = bench.turns({
        "hashflow": rate(who.pass_hashflow, file, count),
        "nc": bench.needs("nc") and rate(who.pass_nc, file, count),
        "socat": bench.needs("socat") and rate(who.pass_socat, file, count),
        "mosquitto QoS 0": bench.needs("mosquitto", "mosquitto_sub", "mosquitto_pub")
        and rate(who.pass_mosquitto, few_file, few)})
    bench.book.figure("pipe", "hashflow to hashflow", turns.values["hashflow"], "lines/s",
                      at_least(5e6))
    bench.book.rates("the same", turns, "lines/s")
    bench.book.ratio("pipe", "pipe", turns, "nc", "lines/s", at_least(0.5))
    bench.book.ratio("pipe", "pipe", turns, "socat", "lines/s")
    bench.book.ratio("pipe", "pipe", turns, "mosquitto QoS 0", "lines/s", at_least(20))


def durable(bench):
    count = bench.sized(500000)
    file = bench.lines(count)
    few = bench.sized(100000)
    few_file = bench.lines(few)
    turns = bench.turns({
        "hashflow": rate(who.pass_hashflow, file, count, store=True),
        "mosquitto QoS 1": bench.needs("mosquitto", "mosquitto_sub", "mosquitto_pub")
        and rate(who.pass_mosquitto, few_file, few, quality=1)})
    bench.book.figure("durable", "durable at both ends", turns.values["hashflow"], "lines/s",
                      at_least(150e3))
    bench.book.rates("the same", turns, "lines/s")
    bench.book.ratio("durable", "durable", turns, "mosquitto QoS 1", "lines/s", at_least(2))


def encrypted(bench):
    count = bench.sized(2000000)
    file = bench.lines(count)
    turns = bench.turns({
        "hashflow": rate(who.pass_hashflow, file, count, plain=False),
        "plain": rate(who.pass_hashflow, file, count)})
    bench.book.rates("encrypted", turns, "lines/s")
    bench.book.ratio("encrypted", "encrypted", turns, "plain", "lines/s", at_least(0.5))


def round_trip(bench):
    count = bench.sized(5000)
    both = bench.turns({
        "hashflow": lambda: who.round_hashflow(count),
        "durable": lambda: who.round_hashflow(max(20, count // 10), store=True),
        "encrypted": lambda: who.round_hashflow(count, plain=False),
        "nc": bench.needs("nc") and (lambda: who.round_nc(count))})
    for place, case, bound in ((0, "median", 1.3), (1, "99th percentile", 2)):
        turns = both.part(lambda values, place=place: values[place] * 1e6)
        bench.book.rates(f"{case}", turns, "us")
        bench.book.ratio("round-trip", case, turns, "nc", "us", at_most(bound))


def one_shot(bench):
    count = bench.sized(20000)
    turns = bench.turns({
        "hashflow": lambda: who.shots_hashflow(count),
        "bare loop": lambda: who.shots_bare(count)})
    bench.book.rates("one message a connection", turns, "connections/s")
    bench.book.ratio("one-shot", "received", turns, "bare loop", "connections/s", at_least(0.8))
