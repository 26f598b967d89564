/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What proves who we are and where we belong: the key, the group's secrets, and the files that they
 * are in, as the options and the state folder have it.
 */
#ifndef HASHFLOW_CREDENTIALS_H
#define HASHFLOW_CREDENTIALS_H

#include "mesh/node.h"
#include "options.h"

struct credentials {
    struct node_security security; /* what it points to is ours */
    struct key *key;
    struct database *db; /* that remembers whether the door was closed; NULL: nothing does */
    char *was;
    bool group_is_named; /* with --group, and no descriptor */
    char *group_path;    /* where a group that has changed is kept; NULL: in memory alone */
};

/* What the options name. Before any descriptor is opened here: one that they name is that of
 * whoever has started us. false: the log has said why. */
bool credentials_read(struct credentials *c, const struct options *o);

/* The rest, from the state folder, or made for this run where folder and db are NULL. older: the
 * folder has been in use before, by a node that may have had no key. false as above. */
bool credentials_load(struct credentials *c, const char *folder, struct database *db, bool older);

/* As keep_group of struct node_sink. */
bool credentials_keep_group(struct credentials *c, const struct group *group, char **cause);

void credentials_free(struct credentials *c); /* wipes the secrets; after the node */

#endif
