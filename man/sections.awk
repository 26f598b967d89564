# SPDX-License-Identifier: GPL-3.0-or-later
# Fills a manual page in mdoc with the rows of the .def tables, which are plain text: whatever roff
# could take for markup is escaped here and nowhere else. It knows the form of the rows, not a
# single option or command.
#
#   awk -v version=V -f sections.awk src/options.def src/shell/commands.def man/hashflow.1.in
#
# @OPTIONS@ and @COMMANDS@, each alone on a line, become a whole list; @VERSION@ becomes V.

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

/^@OPTIONS@$/ { list(options); next }
/^@COMMANDS@$/ { list(commands); next }

{
    gsub(/@VERSION@/, version)
    print
}

END {
    if (row != "")
        give_up("a row of a table does not end: " row)
    if (options == "" || commands == "")
        give_up("no options or no commands found")
    exit failed
}

function give_up(why)
{
    print "sections.awk: " why > "/dev/stderr"
    failed = 1
    exit 1
}

function take_row(text,    count)
{
    count = split_row(text)
    if (text ~ /^OPTION\(/ && count == 6)
        options = options option_item(argument[2], argument[3], argument[4]) prose(argument[6])
    else if (text ~ /^COMMAND\(/ && count == 7)
        commands = commands command_item(argument[1], argument[2]) prose(argument[7])
    else
        give_up("not understood: " text)
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

function list(items)
{
    printf ".Bl -tag -width Ds\n%s.El\n", items
}

function option_item(long, short, value,    item)
{
    item = ".It "
    if (short ~ /^'/)
        item = item "Fl " escape(substr(short, 2, 1)) words(value == "NULL" ? "" : value) " , "
    return item "Fl \\-" hyphens(escape(long)) (value == "NULL" ? "" : " Ns = Ns" words(value)) "\n"
}

function command_item(name, usage)
{
    return ".It Ic /" escape(name) words(usage) "\n"
}

# The words of a usage: in capitals what stands for something, in brackets what may be left out.
function words(usage,    count, i, part, word, result)
{
    gsub(/[][|]/, " & ", usage)
    count = split(usage, part, " ")
    for (i = 1; i <= count; i++) {
        word = part[i]
        if (word == "[" || word == "]")
            result = result (word == "[" ? " Oo" : " Oc")
        else if (word ~ /^[A-Z]/)
            result = result " Ar " quoted(word)
        else if (word ~ /^(or|[|]|[.]+)$/)
            result = result " No " quoted(word)
        else
            result = result " Cm " quoted(word)
    }
    return result
}

# On a macro's line any word could be a macro or a delimiter.
function quoted(word)
{
    return "\\&" escape(word)
}

function escape(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/"/, "\\(dq", text)
    gsub(/~/, "\\(ti", text)
    gsub(/\^/, "\\(ha", text)
    gsub(/`/, "\\(ga", text)
    gsub(/'/, "\\(aq", text)
    return text
}

function hyphens(text)
{
    gsub(/-/, "\\-", text)
    return text
}

# A paragraph: each sentence begins a line, lines are filled to 78 columns.
function prose(text,    count, i, part, word, line, result)
{
    count = split(text, part, " ")
    for (i = 1; i <= count; i++) {
        word = escape(part[i])
        if (part[i] ~ /^[(]?-/)
            word = hyphens(word)
        if (line != "" && (ended || length(line " " word) > 78)) {
            result = result line "\n"
            line = ""
        }
        if (line == "" && word ~ /^[.]/)
            word = "\\&" word
        line = line (line == "" ? "" : " ") word
        ended = part[i] ~ /[.!?][)"]?$/ && part[i + 1] ~ /^[A-Z0-9(\/]/
    }
    return result line "\n"
}
