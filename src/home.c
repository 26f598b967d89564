/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Choosing the state folder and the name.
 */
#include "config.h"

#include "home.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "store/identity.h"
#include "wire/message.h"

uint16_t home_port(const struct options *o)
{
    return o->listen_count > 0 ? o->listen[0].port : o->port;
}

char *home_of_port(uint16_t port)
{
    char *name = alloc_print("%u", port);
    char *path = state_default_path(name);
    free(name);
    return path;
}

/* One for all nodes without a folder of their own choice: a person types the same everywhere. */
char *home_typed_path(const struct options *o)
{
    if (o->no_store)
        return NULL;
    return o->state != NULL ? alloc_print("%s/history", o->state) : state_default_path("history");
}

char *home_absolute(const struct options *o, const char *path)
{
    if (!o->daemon || path[0] == '/')
        return alloc_string(path);
    char *here = getcwd(NULL, 0);
    if (here == NULL) {
        log_error("%s: %s", path, strerror(errno));
        return NULL;
    }
    char *absolute = alloc_print("%s/%s", here, path);
    free(here);
    return absolute;
}

/* NULL with a line in the log if there is nowhere to keep it. */
static char *choose_path(const struct options *o)
{
    if (o->state != NULL)
        return home_absolute(o, o->state);
    char *path = home_of_port(home_port(o));
    if (path == NULL)
        log_error("there is no HOME to keep the state in; use --state DIR or --no-store");
    return path;
}

bool home_open(struct options *o, struct state **state, struct database **db, bool *older)
{
    char *cause = NULL;
    long holder;
    if (o->no_store || (o->state == NULL && home_port(o) == 0)) {
        o->no_store = true;
        return true;
    }
    char *path = choose_path(o);
    if (path == NULL)
        return false;
    enum state_result result = state_open(path, state, &holder, &cause);
    *older = result == STATE_OK && identity_is_kept(path);
    if (result == STATE_BUSY)
        log_error("%s: in use by the node with pid %ld; stop it, or use another --port or --state",
                  path, holder);
    else if (result == STATE_OK)
        *db = database_open(path, &cause);
    if (cause != NULL)
        log_error("%s", cause);
    free(cause);
    free(path);
    return *db != NULL;
}

char *home_name(const struct options *o, struct database *db)
{
    const char *cause;
    if (o->name != NULL)
        return alloc_string(o->name);
    char *name = db != NULL ? database_get(db, "name") : NULL;
    if (name != NULL && name_check(span_of(name), &cause))
        return name;
    free(name);
    const struct passwd *login = getpwuid(getuid());
    if (login != NULL && name_check(span_of(login->pw_name), &cause))
        return alloc_string(login->pw_name);
    return alloc_string("anonymous");
}
