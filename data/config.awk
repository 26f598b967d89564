# SPDX-License-Identifier: GPL-3.0-or-later
# Prints a configuration file that changes nothing: each option that may stand in one, as a comment,
# with its default if the help tells one.
#
#   awk -f src/rows.awk -f data/config.awk src/options.def src/shell/commands.def

BEGIN {
    print "# What hashflow reads from ~/.config/hashflow/config, from hashflow/config in"
    print "# $XDG_CONFIG_HOME, or from the file of --config: the long options, one a line, with the"
    print "# value behind a blank. Take the # away where something is to be different; hashflow(1)"
    print "# explains each. The command line counts more than this file."

    # Of a run, not of a node.
    refused["config"] = refused["attach"] = refused["help"] = refused["version"] = 1
}

function option_row(    name)
{
    name = argument[2]
    if (name in refused)
        return
    printf "\n# %s\n#%s%s\n", argument[5], name, value(argument[4], argument[5])
}

function command_row()
{
}

function value(argued, help)
{
    if (argued == "NULL")
        return ""
    if (match(help, /\([0-9]+[KMGsmhd]?\)/))
        return " " substr(help, RSTART + 1, RLENGTH - 2)
    return " " argued
}
