# SPDX-License-Identifier: GPL-3.0-or-later
"""Everyone who moves lines, each as its user would run it: one function for one run, which returns
a Flow or a rate. hashflow, ncat, nc, socat, mosquitto, and the bare loop that is the limit."""

import functools
import os
import subprocess

from hashflow_test.sockets import free_port

import stage as stages
from stage import WIDTH, Flow, Stage, port_of, read_until

PIPE = subprocess.PIPE
#: What our node puts before each line: its address, always with a port of five digits, and its name.
NAME = "bench"
HEADER = f"127.0.0.1:50000 {NAME} ".encode()
HEADED = WIDTH + len(HEADER)
BROKER = """listener {port} 127.0.0.1
allow_anonymous true
user root
max_queued_messages 0
log_dest stderr
log_type subscribe
{persistence}
"""
PERSISTENCE = "persistence true\npersistence_location {folder}/\nautosave_interval 1"


def one_run(function):
    """Gives the function a Stage of its own."""
    @functools.wraps(function)
    def run(*args, **kwargs):
        with Stage() as stage:
            return function(stage, *args, **kwargs)
    return run


# ---- one to many

def listeners(stage, hub, count):
    """Stream peers of a node, that it knows of."""
    sockets = [stage.connect(port_of(hub.address)) for _ in range(count)]
    for number, sock in enumerate(sockets):
        sock.sendall(b"listening\n")
        if number % 50 == 49:
            # Their number is bounded while it is not known how they speak.
            for _ in range(50):
                hub.stdout.readline()
    for _ in range(count % 50):
        hub.stdout.readline()
    return sockets


@one_run
def fan_hashflow(stage, file, count, peers, stopped=0):
    """`stopped` of the peers read nothing."""
    hub = stage.talker("-n", NAME, "-t", "all", "--no-store")
    inlets = listeners(stage, hub, peers)
    return Flow(stage, file, count, HEADED, hub.stdin, inlets[stopped:], hub)


@one_run
def fan_ncat(stage, file, count, peers, stopped=0):
    port = free_port()
    hub = stage.start("ncat", "--broker", "-m", peers + 10, "-l", "127.0.0.1", port, stdin=PIPE)
    stages.wait_for_port(port)
    inlets = [stage.connect(port) for _ in range(peers)]
    stages.wait_for_sockets(hub, peers + 1)
    return Flow(stage, file, count, WIDTH, hub.stdin, inlets[stopped:], hub)


@one_run
def fan_limit(stage, file, count, peers):
    """file: with headers."""
    inlets, outlets = stage.tcp_pairs(peers)
    fds = [sock.fileno() for sock in outlets]
    loop = stage.start(stages.GAUGE, "limit", *fds, stdin=PIPE, pass_fds=fds)
    return Flow(stage, file, count, HEADED, loop.stdin, inlets, loop)


# ---- one to one

def joined_nodes(stage, plain, store):
    """A sender and a receiver that know each other, their stdin and stdout pipes."""
    def kept(name):
        return ["--state", stage.path(name)] if store else ["--no-store"]
    # A fixed port below those that are dialled from: the width of the header is known.
    receiver = stage.talker("-n", "other", "-t", "all", *kept("receiver"),
                            listen=f"127.0.0.1:{free_port()}")
    address = ("plain:" if plain else "") + receiver.address
    sender = stage.talker("-n", NAME, "-t", "all", *kept("sender"), "-c", f"/connect {address}",
                          "-c", "/echo joined", listen=f"127.0.0.1:{free_port()}")
    read_until(sender.stdout, b"/echo joined")
    return sender, receiver


@one_run
def pass_hashflow(stage, file, count, plain=True, store=False):
    sender, receiver = joined_nodes(stage, plain, store)
    return Flow(stage, file, count, HEADED, sender.stdin, [receiver.stdout], sender)


@one_run
def pass_nc(stage, file, count):
    port = free_port()
    receiver = stage.start("nc", "-d", "-l", "127.0.0.1", port, stdout=PIPE)
    stages.wait_for_port(port)
    sender = stage.start("nc", "127.0.0.1", port, stdin=PIPE)
    stages.wait_for_sockets(receiver, 1)
    return Flow(stage, file, count, WIDTH, sender.stdin, [receiver.stdout], sender)


@one_run
def pass_socat(stage, file, count):
    port = free_port()
    receiver = stage.start("socat", "-u", f"TCP-LISTEN:{port},bind=127.0.0.1", "-", stdout=PIPE)
    stages.wait_for_port(port)
    sender = stage.start("socat", "-u", "-", f"TCP:127.0.0.1:{port}", stdin=PIPE)
    stages.wait_for_sockets(receiver, 1)
    return Flow(stage, file, count, WIDTH, sender.stdin, [receiver.stdout], sender)


@one_run
def pass_mosquitto(stage, file, count, quality=0):
    """quality: of service; with 1 the broker has persistence."""
    port = free_port()
    persistence = PERSISTENCE.format(folder=stage.folder) if quality else ""
    with open(stage.path("broker.conf"), "w", encoding="ascii") as conf:
        conf.write(BROKER.format(port=port, persistence=persistence))
    broker = stage.start("mosquitto", "-c", stage.path("broker.conf"), stderr=PIPE)
    stages.wait_for_port(port)
    to = ["-h", "127.0.0.1", "-p", port, "-t", NAME, "-q", quality]
    receiver = stage.start("mosquitto_sub", *to, *(["-c"] if quality else []), "-i", "receiver",
                           stdout=PIPE)
    read_subscription(broker)
    sender = stage.start("mosquitto_pub", *to, "-l", "-i", "sender", stdin=PIPE)
    return Flow(stage, file, count, WIDTH, sender.stdin, [receiver.stdout], sender)


def read_subscription(broker):
    for line in broker.stderr:
        if f" {NAME}".encode() in line:
            return
    raise stages.Hung("nobody has subscribed")


# ---- a line there and one back

def rounds(stage, count, first, second):
    """(median, 99th percentile) in seconds."""
    fds = [first.stdin.fileno(), second.stdout.fileno(), second.stdin.fileno(),
           first.stdout.fileno()]
    return tuple(stage.gauge("rounds", count, *fds, fds=fds))


@one_run
def round_hashflow(stage, count, plain=True, store=False):
    sender, receiver = joined_nodes(stage, plain, store)
    return rounds(stage, count, sender, receiver)


@one_run
def round_nc(stage, count):
    port = free_port()
    second = stage.start("nc", "-l", "127.0.0.1", port, stdin=PIPE, stdout=PIPE)
    stages.wait_for_port(port)
    first = stage.start("nc", "127.0.0.1", port, stdin=PIPE, stdout=PIPE)
    return rounds(stage, count, first, second)


# ---- a message a connection

SHOT = "127.0.0.1:9 bob " + "x" * (WIDTH - 16)


@one_run
def shots_hashflow(stage, count):
    with open(stage.path("out"), "wb") as out:
        node = stage.node("--no-store", "-r", stdout=out)
    seconds, _ = stage.gauge("shots", port_of(node.address), count, SHOT)
    stage.end(node)
    with open(stage.path("out"), "rb") as out:
        printed = sum(1 for _ in out)
    if printed != count:
        raise stages.Hung(f"{printed} of {count} messages were printed")
    return count / seconds


@one_run
def shots_bare(stage, count):
    server = stage.keep(stages.socket.create_server(("127.0.0.1", 0), backlog=4096))
    fd = server.fileno()
    os.set_blocking(fd, True)
    stage.start(stages.GAUGE, "accept", fd, count, pass_fds=[fd])
    seconds, _ = stage.gauge("shots", server.getsockname()[1], count, SHOT)
    return count / seconds
