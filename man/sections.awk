# SPDX-License-Identifier: GPL-3.0-or-later
# Fills a manual page in mdoc with the rows of the .def tables, which are plain text: whatever roff
# could take for markup is escaped here and nowhere else. It does not know a single option or command.
#
#   awk -v version=V -f src/rows.awk -f man/sections.awk \
#       src/options.def src/shell/commands.def man/hashflow.1.in
#
# @OPTIONS@ and @COMMANDS@, each alone on a line, become a whole list; @VERSION@ becomes V.

/^@OPTIONS@$/ { list(options); next }
/^@COMMANDS@$/ { list(commands); next }

{
    gsub(/@VERSION@/, version)
    print
}

function option_row()
{
    options = options option_item(argument[2], argument[3], argument[4]) prose(argument[6])
}

function command_row()
{
    commands = commands command_item(argument[1], argument[2]) prose(argument[7])
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
