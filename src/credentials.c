/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Credentials from where they are kept. A key or a group that was there and cannot be read is never
 * done without: it would make us somebody else, or open a door.
 */
#include "config.h"

#include "credentials.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "home.h"
#include "net/tls.h"
#include "store/group_file.h"
#include "store/key_file.h"
#include "store/private_file.h"

static bool complain(char *cause)
{
    log_error("%s", cause);
    free(cause);
    return false;
}

/* --- what the options name --- */

static bool read_group(struct credentials *c, const struct options *o)
{
    char *cause;
    if (!group_file_read(o->group, true, &c->security.group, &cause))
        return complain(cause);
    c->group_is_named = !private_file_is_descriptor(o->group);
    if (c->group_is_named)
        c->group_path = home_absolute(o, o->group);
    return !c->group_is_named || c->group_path != NULL;
}

bool credentials_read(struct credentials *c, const struct options *o)
{
    char *cause;
    if (o->key != NULL && (c->key = key_file_read(o->key, &cause)) == NULL)
        return complain(cause);
    return o->group == NULL || read_group(c, o);
}

/* --- what the folder has --- */

/* Secrets from a descriptor are put into the folder; those from a file stay there. */
static bool load_group(struct credentials *c, const char *folder)
{
    char *cause;
    if (c->group_is_named)
        return true;
    c->group_path = alloc_print("%s/group", folder);
    if (c->security.group.count > 0
            ? group_file_write(c->group_path, &c->security.group, &cause)
            : group_file_read(c->group_path, false, &c->security.group, &cause))
        return true;
    return complain(cause);
}

static bool load_key(struct credentials *c, const char *folder)
{
    char *cause;
    if (c->key != NULL)
        return true;
    c->key = key_file_load(folder, &cause);
    return c->key != NULL || complain(cause);
}

/* Others know an older folder by its id, and one that has changed its key by that. */
static void remember_key(struct credentials *c, struct database *db, bool older)
{
    const char *fingerprint = key_fingerprint(c->key);
    char *last = database_get(db, "key");
    if (last == NULL && older)
        database_set(db, "was", database_node(db));
    if (last != NULL && strcmp(last, fingerprint) != 0)
        log_notice("this node has another key than the last time: to others it is a new one, and "
                   "whoever knows its address has to /trust it");
    if (last == NULL || strcmp(last, fingerprint) != 0)
        database_set(db, "key", fingerprint);
    free(last);
    c->was = database_get(db, "was");
}

/* A door that was closed does not open because a file is lost: nobody has this secret. */
static void stay_closed(struct credentials *c)
{
    log_error("%s is missing, and this node was closed: nobody gets in until you put it back, "
              "/join anew, or open the door with /group leave",
              c->group_path);
    clock_random_bytes(c->security.group.secrets[0], sizeof c->security.group.secrets[0]);
    c->security.group.count = 1;
}

static void remember_door(struct database *db, const struct group *group)
{
    database_set(db, "door", group->count > 0 ? "closed" : "open");
}

static void remember_group(struct credentials *c)
{
    char *door = database_get(c->db, "door");
    if (c->security.group.count == 0 && door != NULL && strcmp(door, "closed") == 0)
        stay_closed(c);
    remember_door(c->db, &c->security.group);
    free(door);
}

bool credentials_load(struct credentials *c, const char *folder, struct database *db, bool older)
{
    c->security.fleeting = c->key == NULL && folder == NULL;
    if (c->security.fleeting)
        c->key = key_make();
    if (folder != NULL && (!load_key(c, folder) || !load_group(c, folder)))
        return false;
    if (db != NULL)
        remember_key(c, db, older);
    if (db != NULL && !c->group_is_named) {
        c->db = db;
        remember_group(c);
    }
    c->security.key = c->key;
    c->security.was = c->was;
    c->security.tls = tls_context_new(c->key);
    return true;
}

/* --- changes --- */

bool credentials_keep_group(struct credentials *c, const struct group *group, char **cause)
{
    if (c->group_is_named && group->count == 0) {
        *cause = alloc_print("%s is named with --group: a node without that is in no group",
                             c->group_path);
        return false;
    }
    if (c->group_path != NULL && !group_file_write(c->group_path, group, cause))
        return false;
    if (c->db != NULL)
        remember_door(c->db, group);
    return true;
}

void credentials_free(struct credentials *c)
{
    tls_context_free(c->security.tls);
    key_free(c->key);
    free(c->was);
    free(c->group_path);
    digest_wipe(c, sizeof *c);
}
