/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables, and the steps that lead from each published version of them to this one.
 */
#ifndef HASHFLOW_STORE_SCHEMA_H
#define HASHFLOW_STORE_SCHEMA_H

struct sqlite3;

/* SQLITE_OK, or another code; *cause is then a new string if there is more to say than the code
 * does: that the file is of a newer version. */
int schema_migrate(struct sqlite3 *handle, char **cause);

#endif
