/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom --allow and --deny mean: networks and fingerprints. Denied is denied, whatever allows it;
 * where something of a kind is allowed, nothing else of that kind is. Pure.
 */
#ifndef HASHFLOW_WIRE_RULES_H
#define HASHFLOW_WIRE_RULES_H

#include "base/fingerprint.h"
#include "wire/address.h"

enum { RULES_MAX = 10000 };

enum verdict { VERDICT_NONE, VERDICT_ALLOWED, VERDICT_DENIED };

struct rules;

struct rules *rules_new(void);
void rules_free(struct rules *rules); /* accepts NULL */

/* word is an address, a network (10.0.0.0/8, fd00::/8) or a fingerprint. false with *cause, a
 * static text. */
bool rules_add(struct rules *rules, enum verdict verdict, struct span word, const char **cause);

/* May somebody at that address connect, or be dialled there? rules may be NULL: everybody may. */
bool rules_let_address(const struct rules *rules, const struct address *a);

/* NONE: nothing is said of that key. */
enum verdict rules_on_key(const struct rules *rules, const char *fingerprint);

/* Is any key allowed, so that all others are not? */
bool rules_name_keys(const struct rules *rules);

#endif
