/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket as a file: where it is, how both ends get at it, and who may come through. It
 * looks at no byte.
 */
#ifndef HASHFLOW_CONTROL_GATE_H
#define HASHFLOW_CONTROL_GATE_H

#include <stdbool.h>

#define GATE_NAME "control" /* in the state folder */

/* Listens in the folder, whose lock the caller holds: what is left of a former socket is removed.
 * Mode 0600; the path may be of any length. A descriptor, or -1 with errno. */
int gate_open(const char *folder);

/* Removes the socket; the descriptor is the caller's to close before. */
void gate_close(const char *folder);

/* path: a state folder, or a socket. A connected descriptor, or -1 with errno; EAGAIN if the node
 * there takes in nobody. Does not block. */
int gate_connect(const char *path);

/* Is the other side of the connection ours, or the administrator's? */
bool gate_trusts(int fd);

#endif
