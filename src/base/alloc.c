/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that is always there, and the one place that ends the program when it is not. It knows
 * nothing of what the memory is for.
 */
#include "config.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALLOC_FIRST_ROOM = 8 };

static _Noreturn void out_of_memory(void)
{
    static const char line[] = "hashflow: out of memory\n";
    static bool leaving;

    if (write(STDERR_FILENO, line, sizeof line - 1) < 0)
        _exit(1);
    /* A handler of atexit(3), which puts the terminal right, may ask for memory again. */
    if (leaving)
        _exit(1);
    leaving = true;
    exit(1);
}

void *alloc_present(void *block)
{
    if (block == NULL)
        out_of_memory();
    return block;
}

void *alloc_zero(size_t count, size_t size)
{
    /* One byte for nothing: calloc(3) may answer a request for nothing with NULL. */
    if (count == 0 || size == 0)
        count = size = 1;
    return alloc_present(calloc(count, size));
}

void *alloc_resize(void *block, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        out_of_memory();
    size_t bytes = count * size;
    return alloc_present(realloc(block, bytes == 0 ? 1 : bytes));
}

void *alloc_grow(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    *room = *room != 0 ? 2 * *room : ALLOC_FIRST_ROOM;
    return alloc_resize(list, *room, size);
}

char *alloc_string(const char *text)
{
    return alloc_present(strdup(text));
}

char *alloc_print(const char *format, ...)
{
    char *text = NULL;
    va_list list;

    va_start(list, format);
    if (vasprintf(&text, format, list) < 0)
        out_of_memory();
    va_end(list);
    return text;
}
