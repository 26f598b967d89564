/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of the user as the mesh keeps to them, and what becomes of connections and peers when
 * they change. How a rule reads is not known here, nor who is let in among those they do not name.
 */
#include "config.h"

#include "mesh/fence.h"

#include "base/log.h"
#include "mesh/admission.h"
#include "mesh/dialer.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/peer.h"
#include "wire/rules.h"

bool fence_lets(const struct node *node, const struct address *a)
{
    return rules_let_address(node->config.rules, a);
}

/* Or as good as told: there is an end to what strangers can put into the log. */
static bool is_told(const struct node *node, const struct address *a)
{
    for (size_t i = 0; i < node->turned_away_count; i++) {
        if (address_same_host(&node->turned_away[i], a))
            return true;
    }
    return node->turned_away_count == FENCE_TOLD;
}

void fence_told(struct node *node, const struct address *a)
{
    if (is_told(node, a))
        return;
    node->turned_away[node->turned_away_count++] = *a;
    if (node->turned_away_count == FENCE_TOLD)
        log_notice("of others that are turned away nothing is said");
}

void fence_tell(struct node *node, const struct address *a, const char *cause)
{
    char text[ADDRESS_TEXT];
    if (is_told(node, a))
        return;
    address_print(a, text);
    log_notice("%s: turned away: %s", text, cause);
    fence_told(node, a);
}

void node_set_rules(struct node *node, const struct rules *rules)
{
    node->config.rules = rules;
    node->turned_away_count = 0;
    admission_review(node);
    for (size_t i = 0; i < node->peer_count; i++) {
        if (dialer_is_kept_out(node->peers[i]))
            dialer_try_fenced(node->peers[i]);
    }
}
