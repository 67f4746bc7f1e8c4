#include "transcode/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/base/clock.h"
#include "transcode/transcode.h"

enum { most_datagram_bytes = 4096, most_datagrams = 16 };

/* How much a measurement of one second weighs in the smoothed CPU use. */
static const double newest_weight = 0.3;

static int prepare_files(posix_spawn_file_actions_t *actions, int control) {
    int code = posix_spawn_file_actions_adddup2(actions, control, PH_TRANSCODE_CONTROL_FD);
    if (!code)
        code = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!code)
        code = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!code)
        code = posix_spawn_file_actions_addclosefrom_np(actions, PH_TRANSCODE_CONTROL_FD + 1);
    return code;
}

/* The supervisor's thread blocks all signals; its children shall not. */
static int prepare_signals(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int code = posix_spawnattr_setsigmask(attributes, &none);
    if (!code)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    if (!code)
        code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return code;
}

static int spawn(pid_t *pid, const char *executable, int control, char *const *environment) {
    char *const arguments[] = {(char *)"porthole", (char *)"transcode", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code)
        return -code;
    code = posix_spawnattr_init(&attributes);
    if (code) {
        posix_spawn_file_actions_destroy(&actions);
        return -code;
    }
    code = prepare_files(&actions, control);
    if (!code)
        code = prepare_signals(&attributes);
    if (!code)
        code = posix_spawn(pid, executable, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -code;
}

int ph_worker_process_spawn(
    struct ph_worker_process *worker, const char *executable, char *const *environment) {
    *worker = (struct ph_worker_process){.pidfd = -1, .control = -1, .cores = -1};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return -errno;
    pid_t pid = 0;
    int code = spawn(&pid, executable, ends[1], environment);
    close(ends[1]);
    worker->control = ends[0];
    if (!code) {
        worker->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        code = worker->pidfd < 0 ? -errno : 0;
        if (code) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
    }
    if (code) {
        ph_worker_process_finish(worker);
        return code;
    }
    worker->view.pid = pid;
    worker->heard_us = ph_now_us();
    ph_worker_process_enter(worker, PH_WORKER_STARTING, worker->heard_us);
    return 0;
}

void ph_worker_process_enter(struct ph_worker_process *worker, enum ph_worker_state state, int64_t now_us) {
    worker->view.state = state;
    worker->view.since_utc_us = ph_utc_now_us();
    worker->since_us = now_us;
}

static bool says_ready(struct ph_slice text) {
    json_t *object = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    bool ready = json_is_true(json_object_get(object, "ready"));
    json_decref(object);
    return ready;
}

static void take_datagram(struct ph_worker_process *worker, struct ph_slice text, int64_t now_us) {
    struct ph_link_stats stats;
    if (worker->view.state == PH_WORKER_STARTING && says_ready(text)) {
        ph_worker_process_enter(worker, PH_WORKER_SPARE, now_us);
        return;
    }
    if (worker->view.state != PH_WORKER_BUSY || ph_link_stats_from_json(text, &stats) < 0)
        return;
    worker->heard_us = now_us;
    worker->view.stats = stats;
    worker->view.has_stats = true;
}

int ph_worker_process_listen(struct ph_worker_process *worker, int64_t now_us) {
    for (int i = 0; i < most_datagrams; i++) {
        uint8_t text[most_datagram_bytes];
        ssize_t size = recv(worker->control, text, sizeof(text), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (size <= 0)
            return PH_EOF;
        take_datagram(worker, (struct ph_slice){text, (size_t)size}, now_us);
    }
    return 0;
}

int ph_worker_process_send_file(const struct ph_worker_process *worker, int fd, struct ph_slice text) {
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } rights = {.space = {0}};
    struct iovec block = {(void *)text.data, text.size};
    struct msghdr message = {
        .msg_iov = &block,
        .msg_iovlen = 1,
        .msg_control = rights.space,
        .msg_controllen = sizeof(rights.space),
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    if (text.size > PH_TRANSCODE_MOST_MESSAGE)
        return -EMSGSIZE;
    return sendmsg(worker->control, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int ph_worker_process_give(struct ph_worker_process *worker, int link, int64_t now_us) {
    static const char text[] = "{\"take\":true}";
    int code =
        ph_worker_process_send_file(worker, link, (struct ph_slice){(const uint8_t *)text, sizeof(text) - 1});
    if (code < 0)
        return code;
    worker->heard_us = now_us;
    worker->measured_us = 0;
    ph_worker_process_enter(worker, PH_WORKER_BUSY, now_us);
    return 0;
}

/* User and system time; below zero when the process is gone. */
static int64_t cpu_time_us(pid_t pid) {
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (size <= 0)
        return -1;
    text[size] = '\0';
    /* The name in parentheses may hold anything; utime and stime are the 12th and 13th field after it. */
    const char *rest = strrchr(text, ')');
    unsigned long user, system;
    if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return -1;
    return (int64_t)(user + system) * PH_SECOND_US / sysconf(_SC_CLK_TCK);
}

void ph_worker_process_measure(struct ph_worker_process *worker, int64_t now_us) {
    int64_t cpu_us = cpu_time_us(worker->view.pid);
    if (cpu_us < 0)
        return;
    if (worker->measured_us && now_us > worker->measured_us) {
        double cores = (double)(cpu_us - worker->cpu_us) / (double)(now_us - worker->measured_us);
        worker->cores =
            worker->cores < 0 ? cores : worker->cores * (1 - newest_weight) + cores * newest_weight;
    }
    worker->cpu_us = cpu_us;
    worker->measured_us = now_us;
}

void ph_worker_process_signal(const struct ph_worker_process *worker, int number) {
    syscall(SYS_pidfd_send_signal, worker->pidfd, number, NULL, 0);
}

int ph_worker_process_reap(const struct ph_worker_process *worker, int *status) {
    pid_t reaped = waitpid(worker->view.pid, status, WNOHANG);
    if (reaped == worker->view.pid)
        return 0;
    if (reaped < 0 && errno == ECHILD) { /* SIGCHLD is ignored in this program: gone all the same */
        *status = 0;
        return 0;
    }
    return -EAGAIN;
}

void ph_worker_process_finish(struct ph_worker_process *worker) {
    if (worker->pidfd >= 0)
        close(worker->pidfd);
    if (worker->control >= 0)
        close(worker->control);
    *worker = (struct ph_worker_process){.pidfd = -1, .control = -1};
}
