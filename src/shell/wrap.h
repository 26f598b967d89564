/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines for a person, cut into rows here and not by the terminal: so that nothing of a long one can
 * stand at the beginning of a row, where only what we say ourselves stands.
 */
#ifndef HASHFLOW_SHELL_WRAP_H
#define HASHFLOW_SHELL_WRAP_H

#include "base/buffer.h"

enum { WRAP_INDENT = 2 /* spaces before each row of a line but the first */ };

/* Appends whole lines, which may be coloured and have no other controls but TAB and LF, for a
 * screen of so many columns; 0 if that is not known. Returns false if out is full. */
bool wrap_lines(struct buffer *out, struct span lines, size_t columns);

#endif
