/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls that a running node makes, for seccomp(2) by way of libseccomp, whose only home
 * this is. All others fail with ENOSYS, as on a kernel that does not have them: a C library that is
 * newer than this list then does without, where being killed would cost messages, and EPERM would
 * be taken for an answer. Without them no program is started, no other process is looked into or
 * signalled, no port is opened, and no memory becomes code.
 */
#include "config.h"

#include "sandbox.h"

#if defined HARDEN_PROCESS && defined HAVE_SECCOMP

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* By name, for a library or an architecture may not know all of them. */
static const char calls[] =
    /* descriptors */
    "close dup dup2 dup3 epoll_ctl epoll_pwait epoll_wait fcntl fcntl64 flock lseek _llseek "
    "memfd_create pipe pipe2 poll ppoll ppoll_time64 pread64 preadv pselect6 pselect6_time64 "
    "pwrite64 pwritev read readv select _newselect write writev "
    /* files, as far as they may be opened */
    "access chdir faccessat faccessat2 fadvise64 fallocate fchmod fchown "
    "fdatasync fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 getcwd "
    "getdents64 link linkat lstat lstat64 mkdir mkdirat newfstatat open openat readlink "
    "readlinkat rename renameat renameat2 rmdir stat stat64 statfs statfs64 statx umask "
    "unlink unlinkat "
    /* sockets; how they are made is below */
    "accept accept4 bind connect getpeername getsockname getsockopt recv recvfrom recvmmsg "
    "recvmsg send sendmmsg sendmsg sendto setsockopt shutdown "
    /* memory; what may not become code is below */
    "brk madvise mlock mremap munlock munmap "
    /* time and chance */
    "clock_getres clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 "
    "getrandom gettimeofday nanosleep setitimer time "
    /* ourselves */
    "exit exit_group futex futex_time64 getegid getegid32 geteuid geteuid32 getgid getgid32 "
    "getpgid getpgrp getpid getppid getrlimit getrusage gettid getuid getuid32 prlimit64 "
    "restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn "
    "rt_sigsuspend sched_yield set_robust_list sigaltstack sigreturn sysinfo ugetrlimit "
    "uname wait4 waitid";

/* Of a terminal, and of a socket. Typing into a terminal, TIOCSTI, is not among them. */
static const unsigned requests[] = {
    FIONREAD,
    TIOCOUTQ,
    FIONBIO,
    TCGETS,
    TCSETS,
    TCSETSW,
    TCSETSF,
    TCSBRK,
    TCXONC,
    TCFLSH,
    TIOCGWINSZ,
    TIOCGPGRP,
    TIOCSPGRP,
    0x8910 /* SIOCGIFNAME */,
    0x8933 /* SIOCGIFINDEX */,
};

static bool allow_plain(scmp_filter_ctx filter)
{
    char name[32];
    size_t length;

    for (const char *at = calls; *at != '\0'; at += length + strspn(at + length, " ")) {
        length = strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        int number = seccomp_syscall_resolve_name(name);
        if (number >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) != 0)
            return false;
    }
    return true;
}

/* Are these bits of an argument so? An int has 32 of them; above may be anything. */
static struct scmp_arg_cmp bits_are(unsigned argument, unsigned bits, unsigned value)
{
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = bits, .datum_b = value};
}

static struct scmp_arg_cmp is(unsigned argument, unsigned value)
{
    return bits_are(argument, UINT32_MAX, value);
}

static bool allow_if(scmp_filter_ctx filter, const char *call, unsigned count,
                     const struct scmp_arg_cmp *conditions)
{
    int number = seccomp_syscall_resolve_name(call);

    return number < 0 ||
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, count, conditions) == 0;
}

static bool allow_requests(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const struct scmp_arg_cmp which = is(1, requests[i]);
        if (!allow_if(filter, "ioctl", 1, &which))
            return false;
    }
    return true;
}

static bool allow_memory(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp no_code = bits_are(2, PROT_EXEC, 0);

    return allow_if(filter, "mmap", 1, &no_code) && allow_if(filter, "mmap2", 1, &no_code) &&
           allow_if(filter, "mprotect", 1, &no_code);
}

/* Streams and datagrams of IP; on this machine datagrams alone, as syslog(3) and a service manager
 * take them, for streams lead to whoever runs programs for others; and the list of interfaces. */
static bool allow_sockets(scmp_filter_ctx filter)
{
    static const struct {
        unsigned family, type, protocol;
    } kinds[] = {
        {AF_INET, SOCK_STREAM, 0},  {AF_INET, SOCK_STREAM, IPPROTO_TCP},
        {AF_INET, SOCK_DGRAM, 0},   {AF_INET, SOCK_DGRAM, IPPROTO_UDP},
        {AF_INET6, SOCK_STREAM, 0}, {AF_INET6, SOCK_STREAM, IPPROTO_TCP},
        {AF_INET6, SOCK_DGRAM, 0},  {AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
        {AF_UNIX, SOCK_DGRAM, 0},   {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
    };
    const unsigned type_bits = 0xf;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct scmp_arg_cmp which[] = {
            is(0, kinds[i].family),
            bits_are(1, type_bits, kinds[i].type),
            is(2, kinds[i].protocol),
        };
        if (!allow_if(filter, "socket", 3, which))
            return false;
    }
    return true;
}

/* To ourselves and our own group: a terminal's stop. */
static bool allow_signals(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp group = is(0, 0);
    const struct scmp_arg_cmp self = is(0, (unsigned)getpid());

    return allow_if(filter, "kill", 1, &group) && allow_if(filter, "kill", 1, &self) &&
           allow_if(filter, "tgkill", 1, &self);
}

const char *sandbox_restrict_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int error = EINVAL;

    if (filter == NULL)
        return "libseccomp cannot";
    bool made = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
                allow_plain(filter) && allow_requests(filter) && allow_memory(filter) &&
                allow_sockets(filter) && allow_signals(filter);
    if (made)
        error = -seccomp_load(filter);
    seccomp_release(filter);
    return error == 0 ? NULL : strerror(error);
}

#else

const char *sandbox_restrict_calls(void)
{
    return "this build cannot";
}

#endif
