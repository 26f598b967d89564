# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests are made of. Standard library only; Linux first.

    scene   what a test gets: makes everything below, and closes it
    node    a running hashflow           process  any child process
    seed    the original program         session  a hand-driven session peer
    sockets plain connections            waiting  deadlines     tap  the runner
    control clients of the control socket
    netns   networks and disks that fail proxy    links to cut  ledger  books about lines
    terminal  a pseudo-terminal, in rows  screen  a program in a window
    tls     peers inside TLS, with keys and proofs       middle  whoever sits in between
    clock   wall clocks that are wrong
"""

from .node import Message, Peer, said
from .scene import Scene, main
from .sockets import dead_address, free_port, send_once
from .tap import Skip, test
from .waiting import DEADLINE, Log, Stopwatch, Timeout, wait_until
