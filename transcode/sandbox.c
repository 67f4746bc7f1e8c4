#include "transcode/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <seccomp.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||     \
    __has_feature(thread_sanitizer)
enum { sanitized = 1 };
#else
enum { sanitized = 0 };
#endif

static const rlim_t most_memory = (rlim_t)1536 << 20;
enum { most_descriptors = 64 };

/* Memory, threads, time, sockets it has, and what the C library does by itself. */
static const int allowed[] = {
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(rseq),
    SCMP_SYS(futex),
    SCMP_SYS(membarrier),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(tgkill),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_setscheduler),
    SCMP_SYS(getpriority),
    SCMP_SYS(setpriority),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getrandom),
    SCMP_SYS(getcpu),
    SCMP_SYS(times),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(dup),
    SCMP_SYS(fcntl),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(connect),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(socketpair),
    SCMP_SYS(pipe2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(get_mempolicy),
    SCMP_SYS(geteuid),
    SCMP_SYS(getuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
};

/* Asked for by libraries that do without. */
static const int refused[] = {
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(stat),
    SCMP_SYS(statx),
    SCMP_SYS(getcwd),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getrlimit),
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(set_mempolicy),
    SCMP_SYS(mbind),
};

static int add_open_rules(scmp_filter_ctx filter, bool devices) {
    /* Anything that writes or creates stays forbidden, except on device nodes that are there already. */
    const scmp_datum_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
    uint32_t reading = devices ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EACCES);
    int code = seccomp_rule_add(
        filter, reading, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
#ifdef __NR_open
    if (!code)
        code = seccomp_rule_add(
            filter, reading, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
#endif
    if (!code && devices)
        code = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDWR));
    return code;
}

static int add_socket_rules(scmp_filter_ctx filter) {
    const scmp_datum_t kind = 0xF; /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < 2; i++) {
        int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
            SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0),
            SCMP_A1(SCMP_CMP_MASKED_EQ, kind, SOCK_STREAM));
        if (code)
            return code;
    }
    /* libcurl tries whether IPv6 works by a datagram socket. */
    return seccomp_rule_add(
        filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, kind, SOCK_DGRAM));
}

/* Threads, no processes. clone3 hides its flags in memory, so it is said to be missing: the C library then
 * uses clone. */
static int add_thread_rules(scmp_filter_ctx filter) {
    int code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (code)
        return code;
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD));
}

static int add_name_rules(scmp_filter_ctx filter) {
    int code =
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    if (code)
        return code;
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_GET_NAME, 0));
}

static int add_narrow_rules(scmp_filter_ctx filter, bool devices) {
    int code = add_open_rules(filter, devices);
    if (!code)
        code = add_socket_rules(filter);
    if (!code)
        code = add_thread_rules(filter);
    if (!code)
        code = add_name_rules(filter);
    if (!code && devices)
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 0);
    /* FIONBIO, FIONREAD; TCGETS is how isatty asks. */
    static const scmp_datum_t requests[] = {0x5421, 0x541B, 0x5401};
    for (size_t i = 0; !code && i < 3; i++)
        code = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, requests[i], 0));
    return code;
}

static int load_filter(bool devices) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return -ENOMEM;
    int code = 0;
    for (size_t i = 0; !code && i < sizeof(allowed) / sizeof(allowed[0]); i++)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; !code && i < sizeof(refused) / sizeof(refused[0]); i++)
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
    if (!code)
        code = add_narrow_rules(filter, devices);
    if (!code)
        code = seccomp_load(filter);
    seccomp_release(filter);
    return code;
}

static int limit(int resource, rlim_t most) {
    struct rlimit limits = {most, most};
    return setrlimit(resource, &limits) < 0 ? -errno : 0;
}

static int limit_resources(void) {
    int code = limit(RLIMIT_CORE, 0);
    if (!code)
        code = limit(RLIMIT_NOFILE, most_descriptors);
    /* Memory that is written to; address space alone costs nothing, and the allocator reserves plenty. */
    if (!code)
        code = limit(RLIMIT_DATA, most_memory);
    struct stat log;
    bool log_is_file = fstat(STDERR_FILENO, &log) == 0 && S_ISREG(log.st_mode);
    /* Logs must still reach a file; no other can be opened for writing. */
    if (!code && !log_is_file)
        code = limit(RLIMIT_FSIZE, 0);
    return code;
}

int ph_sandbox_apply(bool devices) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    if (sanitized)
        return 0;
    int code = limit_resources();
    return code ? code : load_filter(devices);
}
