/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Telling sessions whom we are connected to. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_EXCHANGE_H
#define HASHFLOW_MESH_EXCHANGE_H

#include "base/span.h"

struct address;
struct link;

void exchange_begin(struct link *link); /* it is a session now */
void exchange_end(struct link *link);
void exchange_heard(struct link *link, bool is_news);            /* it has told us of somebody */
void exchange_left(const struct link *link, struct span reason); /* the reason of its /bye */
bool exchange_counts(const struct link *link); /* it is its peer's session, and not about to end */

/* Is the address worth a word between us and the other side? */
bool exchange_may_pass(const struct link *link, const struct address *a);

#endif
