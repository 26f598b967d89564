dnl Probes that configure.ac uses more than once.

dnl HASHFLOW_MISSING(WHAT, DEBIAN-PACKAGE): the one way in which configure gives up.
AC_DEFUN([HASHFLOW_MISSING],
    [AC_MSG_ERROR([$1 is missing: install it (on Debian: $2), or let ./bootstrap do so])])

dnl A flag that is merely ignored with a warning counts as unknown, hence -Werror.
AC_DEFUN([HASHFLOW_TRY_FLAG],
    [AS_VAR_PUSHDEF([known], [hashflow_cv_flag_$1])
    AC_CACHE_CHECK([whether $CC knows $1], [known], [
        saved_cflags=$CFLAGS
        CFLAGS="$CFLAGS -Werror $1"
        AC_LINK_IFELSE([AC_LANG_SOURCE([[int main(void) { return 0; }]])],
            [AS_VAR_SET([known], [yes])], [AS_VAR_SET([known], [no])])
        CFLAGS=$saved_cflags])
    AS_VAR_IF([known], [yes], [$2], [$3])
    AS_VAR_POPDEF([known])])

dnl HASHFLOW_COMPILE_FLAGS(VARIABLE, FLAGS): appends each flag that the compiler knows.
AC_DEFUN([HASHFLOW_COMPILE_FLAGS],
    [m4_foreach_w([flag], [$2],
        [HASHFLOW_TRY_FLAG(m4_defn([flag]), [AS_VAR_APPEND([$1], [" ]m4_defn([flag])["])])])])

dnl HASHFLOW_REQUIRE_FLAG(FLAG, ELSE-MESSAGE): for compiling and linking, or not at all.
AC_DEFUN([HASHFLOW_REQUIRE_FLAG],
    [HASHFLOW_TRY_FLAG([$1], [
        AS_VAR_APPEND([HASHFLOW_CFLAGS], [" $1"])
        AS_VAR_APPEND([HASHFLOW_LDFLAGS], [" $1"])],
        [AC_MSG_ERROR([$2])])])

dnl HASHFLOW_LINK_FLAGS(FLAGS): flags that belong together, for compiling and linking.
AC_DEFUN([HASHFLOW_LINK_FLAGS],
    [HASHFLOW_TRY_FLAG([$1], [
        AS_VAR_APPEND([HASHFLOW_LDFLAGS], [" $1"])
        AS_CASE(["$1"], [*-fPIE*], [AS_VAR_APPEND([HASHFLOW_CFLAGS], [" -fPIE"])])])])

dnl HASHFLOW_WITH_LIBRARY(CFLAGS, LIBS, CHECK): CHECK compiles and links with these, the rest does not.
AC_DEFUN([HASHFLOW_WITH_LIBRARY],
    [saved_cflags_library=$CFLAGS
    saved_libs_library=$LIBS
    CFLAGS="$CFLAGS $1"
    LIBS="$2 $LIBS"
    $3
    CFLAGS=$saved_cflags_library
    LIBS=$saved_libs_library])

dnl HASHFLOW_FOLDER(VARIABLE, DEFAULT, WHAT): where WHAT is installed, or "no"; --with-VARIABLE says
dnl so. PREFIX and DATADIR in DEFAULT stand for what make has for them.
AC_DEFUN([HASHFLOW_FOLDER],
    [AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [$3 @<:@$2@:>@])], [], [with_$1=yes])
    AS_IF([test "$with_$1" = yes],
          [with_$1='m4_bpatsubsts([$2], [PREFIX], [${prefix}], [DATADIR], [${datadir}])'])
    AC_SUBST([$1], [$with_$1])])
