# SPDX-License-Identifier: GPL-3.0-or-later
# Reads the rows of the .def tables. It knows the form of a row, and not what is made of it: the
# script that is run with it has option_row() and command_row(), which find the arguments of a row
# in argument[1 ...].
#
#   awk -f src/rows.awk -f SCRIPT src/options.def src/shell/commands.def FILE ...

FILENAME ~ /\.def$/ {
    if (row == "" && $0 !~ /^(OPTION|COMMAND)\(/)
        next
    row = row $0 "\n"
    if ($0 ~ /\)[ \t]*$/) {
        take_row(row)
        row = ""
    }
    next
}

END {
    if (failed)
        exit 1
    if (row != "")
        give_up("a row of a table does not end: " row)
    if (!options_read || !commands_read)
        give_up("no options or no commands found")
}

function give_up(why)
{
    print "rows.awk: " why > "/dev/stderr"
    failed = 1
    exit 1
}

function take_row(text,    count)
{
    count = split_row(text)
    if (text ~ /^OPTION\(/ && count == 6) {
        options_read++
        option_row()
    } else if (text ~ /^COMMAND\(/ && count == 7) {
        commands_read++
        command_row()
    } else {
        give_up("not understood: " text)
    }
}

# The arguments of a row into argument[1 ...]: literals without their quotes and joined, the rest as
# it stands.
function split_row(text,    i, c, count, depth)
{
    count = depth = 0
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "\"") {
            i = take_literal(text, i + 1, count)
        } else if (c == "'") {
            argument[count] = argument[count] substr(text, i, 3)
            i += 2
        } else if (c == "(" && depth++ == 0 || c == "," && depth == 1) {
            argument[++count] = ""
        } else if (c == ")" && --depth == 0) {
            return count
        } else if (c != " " && c != "\n" && c != "\t") {
            argument[count] = argument[count] c
        }
    }
    give_up("a row of a table does not close: " text)
}

function take_literal(text, i, which,    c)
{
    for (; (c = substr(text, i, 1)) != "\""; i++) {
        if (c == "")
            give_up("a literal does not close: " text)
        if (c == "\\") {
            c = substr(text, ++i, 1)
            if (c == "n")
                c = " "
        }
        argument[which] = argument[which] c
    }
    return i
}
