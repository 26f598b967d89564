# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for things to happen, always with a deadline.

Knows nothing of hashflow. Everything that a test collects from outside arrives in a Log, so that
waiting is being woken and not looking again; wait_until() is for what only looking can tell.
"""

import os
import re
import select
import threading
import time

#: Seconds after which a wait gives up. Generous: it bounds a failing test, not a passing one.
DEADLINE = float(os.environ.get("HASHFLOW_DEADLINE", "30"))

#: How often wait_until() looks.
LOOK = 0.02


class Timeout(AssertionError):
    """What was waited for did not come."""


def wait_until(predicate, what, timeout=DEADLINE):
    """Looks until predicate() is true and returns its value. For what wakes nobody, as /proc."""
    pause = threading.Event()
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            raise Timeout(f"after {timeout:g} s: {what}")
        pause.wait(LOOK)


def wait_ready(events, timeout, *fds):
    """The descriptors that are ready within the time: select.POLLIN or POLLOUT, errors included.
    Not select(): a test may hold more descriptors than that can watch."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, events)
    return [fd for fd, _ in poll.poll(None if timeout is None else max(0, timeout) * 1000)]


def matcher(wanted):
    """A predicate from a predicate, an exact value, or a compiled pattern that is to be found."""
    if callable(wanted):
        return wanted
    if isinstance(wanted, re.Pattern):
        return lambda item: wanted.search(item) is not None
    return lambda item: item == wanted


def describe(wanted):
    if isinstance(wanted, re.Pattern):
        return f"/{wanted.pattern}/"
    return getattr(wanted, "__doc__", None) or repr(wanted) if callable(wanted) else repr(wanted)


class Log:
    """What happened, in order. Any thread adds; any thread waits for an item to be there."""

    def __init__(self, what="log"):
        self.what = what
        self.closed = False
        self._items = []
        self._changed = threading.Condition()

    def __len__(self):
        return len(self._items)

    def add(self, item):
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def extend(self, items):
        with self._changed:
            self._items.extend(items)
            self._changed.notify_all()

    def close(self):
        """Nothing more will come: whoever still waits is told at once."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def items(self, since=0):
        with self._changed:
            return self._items[since:]

    def count(self, wanted):
        matches = matcher(wanted)
        return sum(1 for item in self.items() if matches(item))

    def wait(self, wanted, timeout=DEADLINE, since=0):
        """The first item from `since` on that is wanted, now or as soon as it comes."""
        return self.wait_at(wanted, timeout, since)[1]

    def wait_at(self, wanted, timeout=DEADLINE, since=0):
        """As wait(), with the item's index before it."""
        matches = matcher(wanted)
        end = time.monotonic() + timeout
        index = since
        with self._changed:
            while True:
                while index < len(self._items):
                    if matches(self._items[index]):
                        return index, self._items[index]
                    index += 1
                left = end - time.monotonic()
                if self.closed:
                    raise Timeout(f"{self.what} ended without {describe(wanted)}")
                if left <= 0:
                    raise Timeout(f"{self.what}: no {describe(wanted)} in {timeout:g} s")
                self._changed.wait(left)

    def wait_count(self, number, timeout=DEADLINE):
        """Waits for `number` items or more, and returns all."""
        with self._changed:
            done = self._changed.wait_for(lambda: len(self._items) >= number or self.closed,
                                          timeout)
            if len(self._items) < number:
                raise Timeout(f"{self.what}: {len(self._items)} of {number} items"
                              + (" at its end" if done else f" in {timeout:g} s"))
            return list(self._items)

    def wait_closed(self, timeout=DEADLINE):
        with self._changed:
            if not self._changed.wait_for(lambda: self.closed, timeout):
                raise Timeout(f"{self.what}: no end in {timeout:g} s")


class Stopwatch:
    def __init__(self):
        self._start = time.monotonic()

    def seconds(self):
        return time.monotonic() - self._start
