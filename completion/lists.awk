# SPDX-License-Identifier: GPL-3.0-or-later
# Fills a script that completes command lines, for bash, zsh or fish, with the rows of the .def
# tables. It knows how each shell writes an option; what can stand behind one is found by functions
# of the script, each called after what it offers, and none of the options is known here.
#
#   awk -f src/rows.awk -f completion/lists.awk src/options.def src/shell/commands.def SCRIPT.in
#
# @NAME@ becomes what goes by that name, which is one of those at the end of option_row() and
# command_row(), or KINDS or ERRANDS.

BEGIN {
    offered["PORT"] = "ports"
    offered["DIR"] = "folders"
    offered["FILE"] = "files"
    offered["LINE"] = "lines"
    offered["COMMAND"] = "programs"
    offered["KIND=COMMAND"] = "handlers"
    # What --on takes, and the commands among the words of a line; the tests compare them with what
    # the program says.
    list["KINDS"] = "message up down unreachable name suspect back"
    list["ERRANDS"] = "group invite join admit deny trust known"
}

# A placeholder is alone on its line, with what indents it, or within one.
/^ *@[A-Z_]+@$/ {
    name = $1
    gsub(/@/, "", name)
    printf "%s", filled(name)
    next
}

{
    while (match($0, /@[A-Z_]+@/))
        $0 = substr($0, 1, RSTART - 1) filled(substr($0, RSTART + 1, RLENGTH - 2)) \
            substr($0, RSTART + RLENGTH)
    print
}

function filled(name)
{
    if (!(name in list))
        give_up("nothing is called " name)
    return list[name]
}

# ---- rows

function option_row(    long, letter, argued)
{
    long = argument[2]
    letter = argument[3] ~ /^'/ ? substr(argument[3], 2, 1) : ""
    argued = argument[4] == "NULL" ? "" : argument[4]
    list["BASH_OPTIONS"] = joined(list["BASH_OPTIONS"], "--" long)
    if (argued == "")
        list["BASH_FLAGS"] = list["BASH_FLAGS"] letter
    else
        list["BASH_ARGUMENTS"] = list["BASH_ARGUMENTS"] bash_arm(long, letter, argued)
    list["ZSH_OPTIONS"] = list["ZSH_OPTIONS"] zsh_specs(long, letter, argued, argument[5])
    list["FISH_OPTIONS"] = list["FISH_OPTIONS"] fish_line(long, letter, argued, argument[5])
}

function command_row()
{
    list["BASH_COMMANDS"] = joined(list["BASH_COMMANDS"], "/" argument[1])
    list["ZSH_COMMANDS"] = list["ZSH_COMMANDS"] \
        "        " quoted("/" argument[1] ":" argument[6]) "\n"
    list["FISH_COMMANDS"] = list["FISH_COMMANDS"] \
        "        " quoted("/" argument[1]) " " fish_quoted(argument[6]) " \\\n"
}

# The function for an argument: what is written small is to be typed as it is.
function source_of(argued)
{
    if (argued in offered)
        return offered[argued]
    return argued ~ /[a-z]/ ? "words" : "nothing"
}

function small_words(argued,    count, i, part, result)
{
    count = split(argued, part, "[|]")
    for (i = 1; i <= count; i++)
        if (part[i] ~ /^[a-z]+$/)
            result = joined(result, part[i])
    return result
}

function joined(text, word)
{
    return text (text == "" ? "" : " ") word
}

function quoted(text)
{
    gsub(/'/, "'\\''", text)
    return "'" text "'"
}

# ---- bash

function bash_arm(long, letter, argued,    source)
{
    source = source_of(argued)
    return "        --" long (letter == "" ? "" : " | -" letter) ") _hashflow_" source \
        (source == "words" ? " " quoted(small_words(argued)) : "") " ;;\n"
}

# ---- zsh

function zsh_specs(long, letter, argued, help,    before, after)
{
    before = help ~ /\(repeatable\)/ ? "*" : letter == "" ? "" : "(-" letter " --" long ")"
    after = "[" zsh_escaped(help) "]" zsh_argument(argued)
    return (letter == "" ? "" : zsh_spec(before "-" letter (argued == "" ? "" : "+") after)) \
        zsh_spec(before "--" long (argued == "" ? "" : "=") after)
}

function zsh_spec(text)
{
    return "    " quoted(text) " \\\n"
}

function zsh_argument(argued,    source)
{
    if (argued == "")
        return ""
    source = source_of(argued)
    if (source == "words")
        return ":" zsh_escaped(argued) ":(" small_words(argued) ")"
    return ":" zsh_escaped(argued) ":" (source == "nothing" ? " " : "_hashflow_" source)
}

function zsh_escaped(text)
{
    gsub(/\\|\[|\]|:/, "\\\\&", text)
    return text
}

# ---- fish

function fish_line(long, letter, argued, help,    line)
{
    line = "complete -c hashflow" (letter == "" ? "" : " -s " letter) " -l " long
    if (argued != "")
        line = line fish_argument(source_of(argued), argued)
    return line " -d " fish_quoted(help) "\n"
}

# Only fish itself can offer files.
function fish_argument(source, argued)
{
    if (source == "files")
        return " -r -F"
    if (source == "nothing")
        return " -x"
    return " -x -a " quoted(source == "words" ? small_words(argued) : "(__hashflow_" source ")")
}

function fish_quoted(text)
{
    gsub(/[\\']/, "\\\\&", text)
    return "'" text "'"
}
