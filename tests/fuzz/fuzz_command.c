/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A typed line of any bytes. What it means lies inside it, and the same command written out in
 * full means the same.
 */
#include "config.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "shell/command.h"
#include "target.h"

enum { ROOM = 64 }; /* bytes of a command's whole name, its slash and a space */

static void check_ends_where(struct span part, struct span line)
{
    check(part.len <= line.len);
    check(part.len == 0 || part.at + part.len == line.at + line.len);
}

static void check_in_full(const struct order *order)
{
    struct buffer line;
    struct order again;
    char *cause = NULL;

    buffer_init(&line, order->arguments.len + ROOM);
    check(buffer_print(&line, "/%s ", order->command->name));
    check(buffer_append(&line, order->arguments));
    check(command_parse(buffer_span(&line), &again, &cause));
    check(again.kind == ORDER_COMMAND && again.command == order->command);
    check(span_equal(again.arguments, order->arguments));
    buffer_free(&line);
}

static void check_order(const struct order *order, struct span line)
{
    if (order->kind == ORDER_NOTHING) {
        check(line.len == 0);
    } else if (order->kind == ORDER_TEXT) {
        check(order->text.len > 0);
        check_ends_where(order->text, line);
        check(line.at[0] != '/' || order->text.at[0] == '/');
    } else {
        check(line.at[0] == '/' && line.at[1] == order->command->name[0]);
        check_ends_where(order->arguments, line);
        check_in_full(order);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span line = span_make((const char *)data, size);
    struct order order;
    char *cause = NULL;

    if (command_parse(line, &order, &cause)) {
        check(cause == NULL);
        check_order(&order, line);
    } else {
        check(cause != NULL && cause[0] != '\0');
    }
    free(cause);
    return 0;
}
