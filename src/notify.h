/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Telling a service manager that the node is ready, or about to stop: datagrams to the socket that
 * NOTIFY_SOCKET names, a path or an abstract name behind an @, as described in sd_notify(3).
 * Without NOTIFY_SOCKET nothing happens.
 */
#ifndef HASHFLOW_NOTIFY_H
#define HASHFLOW_NOTIFY_H

void notify_ready(const char *status); /* one line for people */
void notify_stopping(void);

#endif
