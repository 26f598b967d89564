/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What we ask, and who has answered. For mesh/ alone; node.h has the rest.
 */
#ifndef HASHFLOW_MESH_QUESTIONS_H
#define HASHFLOW_MESH_QUESTIONS_H

struct link;
struct node;
struct verb;

void questions_turn(struct node *node); /* asks whoever can be asked now */
void questions_parted(struct link *link, const char *cause);
void questions_hear_line(struct link *link, const struct verb *verb);
void questions_hear_end(struct link *link, const struct verb *verb);

#endif
