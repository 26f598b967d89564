/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who belongs. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_ADMISSION_H
#define HASHFLOW_MESH_ADMISSION_H

#include <stdbool.h>

#define ADMISSION_PLAIN_CAUSE "the door is closed to plain text"

struct hello;
struct link;
struct node;
struct peer;

/* A listener of a closed door, and what has come first is not encrypted. */
void admission_refuse_plain(struct link *link);

/* What our /hello says about our key, and about what we know. */
void admission_fill_hello(const struct link *link, struct hello *hello);

/* It has said /hello: false if it does not come in. Then the link was ended, or is dialled again
 * encrypted. */
bool admission_takes_hello(struct link *link, const struct hello *hello);

/* A dial in plain text, to somebody who would rather be dialled encrypted, or has a closed door and
 * may let us in by name: it is, if we would rather as well; else false. */
bool admission_dials_again(struct link *link);

/* Who belongs has changed: connections of those who do not any more are ended, and whoever was
 * refused before is asked again. */
void admission_review(struct node *node);

#endif
