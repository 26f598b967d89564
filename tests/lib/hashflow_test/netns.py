# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and mounts of a test's own: hosts on one switch, with packets that get lost or slow, and
folders on small disks. Root only; skipped where the machine lacks something.

Everything hangs on a process in the namespace, which ends with its stdin: nothing is left behind,
whatever becomes of the test. Knows nothing of hashflow.
"""

import contextlib
import os
import shutil
import subprocess

from .process import Process
from .tap import Skip

PORT = 7216


def need(*programs):
    """Skips the test unless it runs as root and has these programs."""
    if os.geteuid() != 0:
        raise Skip("needs root: it makes namespaces")
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is missing")


def run(*argv):
    """Runs a command to its end, which must be a success."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=20,
                          check=False)
    assert not done.returncode, f"{' '.join(map(str, argv))}: {done.stderr.strip()[:200]}"


@contextlib.contextmanager
def required():
    """What fails in here skips the test: this machine cannot do it."""
    try:
        yield
    except AssertionError as reason:
        raise Skip(str(reason)) from None


class Space:
    """A process that holds new namespaces (--net, --mount), and the way into them."""

    def __init__(self, *kinds):
        need("unshare", "nsenter")
        self._holder = Process(["unshare", *kinds, "sh", "-c", "echo held; exec cat"])
        try:
            self._holder.out.wait("held")
        except AssertionError:
            self._holder.close()
            raise Skip(f"no namespaces here: {self._holder.errors()}") from None
        self.pid = self._holder.pid
        self.enter = ["nsenter", *(f"{kind}=/proc/{self.pid}/ns/{_FILES[kind]}" for kind in kinds)]

    def run(self, *argv):
        run(*self.enter, *argv)

    def path(self, inside):
        """How a file in the space's mounts is reached from outside."""
        return f"/proc/{self.pid}/root{inside}"

    def close(self):
        self._holder.close()


_FILES = {"--net": "net", "--mount": "mnt", "--uts": "uts"}


class SmallDisk:
    """A folder on a file system of so many bytes. Use: scene.add(SmallDisk(folder, size))."""

    def __init__(self, folder, size):
        self.space = Space("--mount")
        self.folder = folder
        os.makedirs(folder)
        with required():
            self.space.run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", folder)
        self._filler = self.space.path(os.path.join(folder, "filler"))
        self.within = self.space.enter

    def fill(self):
        """Leaves no room at all."""
        with open(self._filler, "ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass

    def make_room(self):
        os.unlink(self._filler)

    def close(self):
        self.space.close()


class Host:
    """A machine on a Network: its address, and what befalls the packets that come to it."""

    def __init__(self, network, number, kinds):
        self.ip = f"10.77.0.{number + 1}"
        self.address = f"{self.ip}:{PORT}"
        self.space = Space("--net", *kinds)
        self._switch, self._plug = network.switch, f"host{number}"
        network.switch.run("ip", "link", "add", self._plug, "type", "veth", "peer", "name", "eth0",
                           "netns", self.space.pid)
        network.switch.run("ip", "link", "set", self._plug, "master", "switch", "up")
        self.space.run("ip", "link", "set", "lo", "up")
        self.space.run("ip", "address", "add", f"{self.ip}/24", "dev", "eth0")
        self.space.run("ip", "link", "set", "eth0", "up")
        self.space.run("nft", "add table inet faults; add chain inet faults input"
                              " { type filter hook input priority 0; }")

    def drop(self, *others, percent=100):
        """Drops what comes from the other hosts, or so much of it."""
        chance = f"numgen random mod 100 < {percent}" if percent < 100 else ""
        for other in others:
            self.space.run("nft", f"add rule inet faults input ip saddr {other.ip} {chance} drop")

    def heal(self):
        self.space.run("nft", "flush chain inet faults input")

    def throttle(self, rate):
        """Lets what comes to this host through no faster: "1mbit"."""
        with required():
            self._switch.run("tc", "qdisc", "add", "dev", self._plug, "root", "tbf", "rate", rate,
                             "burst", "16kb", "latency", "200ms")

    def close(self):
        self.space.close()


class Network:
    """Hosts on one switch, each with further namespaces of these kinds (--mount, --uts).
    Use: scene.add(Network(scene, 4)).hosts."""

    def __init__(self, scene, count, *kinds):
        need("ip", "nft", "tc")
        self._scene = scene
        self.switch = Space("--net")
        self.hosts = []
        try:
            with required():
                self.switch.run("ip", "link", "add", "switch", "type", "bridge")
                self.switch.run("ip", "link", "set", "switch", "up")
                for number in range(count):
                    self.hosts.append(Host(self, number, kinds))
        except BaseException:
            self.close()
            raise

    def node(self, host, label, *options, **more):
        """Starts hashflow on a host, at its address and the default port."""
        return self._scene.node(label, "-l", host.address, *options, within=host.space.enter,
                                **more)

    @staticmethod
    def part(these, those, percent=100):
        """Drops packets between two groups of hosts, both ways."""
        for host in these:
            host.drop(*those, percent=percent)
        for host in those:
            host.drop(*these, percent=percent)

    def heal(self):
        for host in self.hosts:
            host.heal()

    def close(self):
        for host in self.hosts:
            host.close()
        self.switch.close()
