# SPDX-License-Identifier: GPL-3.0-or-later
# Prints FILE:LINE: REASON for each include that does not point downwards, and for each library
# header outside its home. File names are relative to src/. The order of the layers stands here, and
# which headers of mesh/ are its face.

BEGIN {
    rank["base"] = 1
    rank["wire"] = 2
    rank["net"] = rank["store"] = 3
    rank["mesh"] = 4
    rank["shell"] = rank["report"] = 5
    rank["control"] = 6
    rank["."] = 7
    home["sqlite3.h"] = "store/"
    home["ares.h"] = "net/resolver.c"
    home["readline/"] = "shell/"
    home["syslog.h"] = "system_log.c"
    home["seccomp.h"] = "sandbox_calls.c"
    home["jansson.h"] = "report/json.c"
    home["openssl/"] = "base/openssl.c base/digest.c base/key.c net/tls.c"
    home["uni"] = "base/text.c"
}

function is_at_home(file, places,    place, i)
{
    split(places, place, " ")
    for (i in place)
        if (index(file, place[i]) == 1)
            return 1
    return 0
}

function folder(path)
{
    return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "."
}

function object(reason)
{
    print FILENAME ":" FNR ": " reason
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, piece, "\"")
    if (piece[2] == "config.h")
        next
    from = folder(FILENAME)
    to = folder(piece[2])
    if (!(from in rank) || !(to in rank))
        object("\"" piece[2] "\" is in no known layer")
    else if (rank[to] > rank[from] || (rank[to] == rank[from] && to != from))
        object(from " must not include \"" piece[2] "\"")
    else if (to == "mesh" && from != "mesh" && piece[2] !~ /^mesh\/(node|event)\.h$/)
        object("\"" piece[2] "\" is for mesh alone")
}

/^[ \t]*#[ \t]*include[ \t]*</ {
    split($0, piece, /[<>]/)
    for (library in home)
        if (index(piece[2], library) == 1 && piece[2] != "unistd.h" &&
            !is_at_home(FILENAME, home[library]))
            object("<" piece[2] "> is at home in " home[library])
}
