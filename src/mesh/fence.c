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

bool fence_is_news(struct node *node, const struct address *a)
{
    for (size_t i = 0; i < node->fenced_count; i++) {
        if (address_same_host(&node->fenced[i], a))
            return false;
    }
    if (node->fenced_count == FENCE_TOLD)
        return false;
    node->fenced[node->fenced_count++] = *a;
    if (node->fenced_count == FENCE_TOLD)
        log_notice("of others that are turned away nothing is said");
    return true;
}

void fence_tell(struct node *node, const struct address *a)
{
    char text[ADDRESS_TEXT];
    if (!fence_is_news(node, a))
        return;
    address_print(a, text);
    log_notice("%s: not let in, " FENCE_CAUSE, text);
}

void node_set_rules(struct node *node, const struct rules *rules)
{
    node->config.rules = rules;
    node->fenced_count = 0;
    admission_review(node);
    for (size_t i = 0; i < node->peer_count; i++) {
        if (dialer_is_kept_out(node->peers[i]))
            dialer_try_fenced(node->peers[i]);
    }
}
