/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of the user as the mesh keeps to them, and what becomes of connections and peers when
 * they change. How a rule reads is not known here, nor who is let in among those they do not name.
 */
#include "config.h"

#include "mesh/fence.h"

#include "base/log.h"
#include "mesh/dialer.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/peer.h"
#include "wire/rules.h"

bool fence_lets(const struct node *node, const struct address *a)
{
    return rules_let_address(node->config.rules, a);
}

void fence_tell(struct node *node, const struct address *a)
{
    char text[ADDRESS_TEXT];
    for (size_t i = 0; i < node->fenced_count; i++) {
        if (address_same_host(&node->fenced[i], a))
            return;
    }
    if (node->fenced_count == FENCE_TOLD)
        return;
    node->fenced[node->fenced_count++] = *a;
    address_print(a, text);
    log_notice("%s: not let in, " FENCE_CAUSE, text);
    if (node->fenced_count == FENCE_TOLD)
        log_notice("of others that are not let in nothing is said");
}

/* --- other rules --- */

/* Who has not said yet who it is will be asked under the new rules. */
static bool may_stay(const struct link *link)
{
    const struct rules *rules = link->node->config.rules;
    if (!fence_lets(link->node, &link->remote))
        return false;
    if (link->peer == NULL)
        return true;
    switch (rules_on_key(rules, link->peer->row.node)) {
    case VERDICT_ALLOWED: return true;
    case VERDICT_DENIED: return false;
    case VERDICT_NONE: break;
    }
    return !rules_name_keys(rules);
}

static void close_denied(struct node *node)
{
    struct link *next;
    for (struct link *l = node->links; l != NULL; l = next) {
        next = l->next;
        if (may_stay(l))
            continue;
        link_kill(l, FENCE_CAUSE);
        if (next != NULL && next->dead) /* that has taken its peer and another dial with it */
            next = node->links;
    }
}

void node_set_rules(struct node *node, const struct rules *rules)
{
    node->config.rules = rules;
    node->fenced_count = 0;
    close_denied(node);
    for (size_t i = 0; i < node->peer_count; i++) {
        if (dialer_is_kept_out(node->peers[i]))
            dialer_try_fenced(node->peers[i]);
    }
}
