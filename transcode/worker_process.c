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

enum { control_fd = 3, most_datagram_bytes = 4096, most_datagrams = 16 };

extern char **environ;

static int spawn_with(pid_t *pid, const char *executable, int control, posix_spawn_file_actions_t *actions,
    posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    char *const arguments[] = {(char *)"porthole", (char *)"transcode", NULL};
    int code = posix_spawn_file_actions_adddup2(actions, control, control_fd);
    if (!code)
        code = posix_spawn_file_actions_addclosefrom_np(actions, control_fd + 1);
    if (!code)
        code = posix_spawnattr_setsigmask(attributes, &none);
    if (!code)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    if (!code)
        code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!code)
        code = posix_spawn(pid, executable, actions, attributes, arguments, environ);
    return -code;
}

static int spawn(pid_t *pid, const char *executable, int control) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions))
        return -ENOMEM;
    int code = posix_spawnattr_init(&attributes) ? -ENOMEM : 0;
    if (!code) {
        code = spawn_with(pid, executable, control, &actions, &attributes);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int ph_worker_process_spawn(struct ph_worker_process *worker, const char *executable) {
    *worker = (struct ph_worker_process){.pidfd = -1, .control = -1, .cores = -1};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return -errno;
    int code = spawn(&worker->pid, executable, ends[1]);
    close(ends[1]);
    if (code) {
        close(ends[0]);
        return code;
    }
    worker->control = ends[0];
    worker->since_us = worker->heard_us = ph_now_us();
    ph_random_id(worker->id, PH_SESSION_ID_CHARACTERS);
    worker->pidfd = (int)syscall(SYS_pidfd_open, worker->pid, 0);
    if (worker->pidfd >= 0)
        return 0;
    code = -errno;
    kill(worker->pid, SIGKILL);
    waitpid(worker->pid, NULL, 0);
    ph_worker_process_finish(worker);
    return code;
}

static void handle_datagram(struct ph_worker_process *worker, const char *text, size_t size, int64_t now_us) {
    worker->heard_us = now_us;
    if (worker->state == PH_WORKER_RUNNING) {
        struct ph_link_stats stats;
        if (ph_link_stats_from_json((struct ph_slice){(const uint8_t *)text, size}, &stats) == 0) {
            worker->stats = stats;
            worker->has_stats = true;
        }
        return;
    }
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (worker->state == PH_WORKER_STARTING && json_is_true(json_object_get(object, "ready"))) {
        worker->state = PH_WORKER_SPARE;
        worker->since_us = now_us;
    }
    json_decref(object);
}

int ph_worker_process_listen(struct ph_worker_process *worker, int64_t now_us) {
    for (int i = 0; i < most_datagrams; i++) {
        char text[most_datagram_bytes];
        ssize_t size = recv(worker->control, text, sizeof(text), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (size <= 0)
            return PH_EOF;
        handle_datagram(worker, text, (size_t)size, now_us);
    }
    return 0;
}

int ph_worker_process_give(struct ph_worker_process *worker, int link, int64_t now_us) {
    char text[] = "{\"take\":true}";
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } rights = {.space = {0}};
    struct iovec block = {text, sizeof(text) - 1};
    struct msghdr message = {.msg_iov = &block,
        .msg_iovlen = 1,
        .msg_control = rights.space,
        .msg_controllen = sizeof(rights.space)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &link, sizeof(link));
    if (sendmsg(worker->control, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return -errno;
    worker->state = PH_WORKER_RUNNING;
    worker->since_us = worker->heard_us = now_us;
    worker->cpu_sampled_us = 0;
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
    int64_t cpu_us = cpu_time_us(worker->pid);
    if (cpu_us < 0)
        return;
    if (worker->cpu_sampled_us) {
        double cores = (double)(cpu_us - worker->cpu_us) / (double)(now_us - worker->cpu_sampled_us);
        worker->cores = worker->cores < 0 ? cores : worker->cores * 0.8 + cores * 0.2;
    }
    worker->cpu_us = cpu_us;
    worker->cpu_sampled_us = now_us;
}

void ph_worker_process_signal(struct ph_worker_process *worker, int number) {
    worker->killed = worker->killed || number == SIGKILL;
    syscall(SYS_pidfd_send_signal, worker->pidfd, number, NULL, 0);
}

int ph_worker_process_reap(struct ph_worker_process *worker, int *status) {
    pid_t reaped = waitpid(worker->pid, status, WNOHANG);
    if (reaped == worker->pid)
        return 0;
    if (reaped < 0 && errno == ECHILD) { /* somebody else reaped it: it is gone all the same */
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
    worker->pidfd = worker->control = -1;
}
