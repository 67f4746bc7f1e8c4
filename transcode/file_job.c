#include "transcode/file_job.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <jansson.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "transcode/transcode.h"
#include "transcode/worker_process.h"

/* A process that shows no progress for so long is stuck: in a decoder, or behind an origin. */
static const int64_t default_silence_us = 180 * PH_SECOND_US;
static const int64_t ask_us = PH_SECOND_US;
static const int64_t kill_after_us = 2 * PH_SECOND_US;
/* Six hours of film on a slow machine. */
static const rlim_t most_cpu_s = (rlim_t)24 * 3600;

enum outcome { RUNNING, FINISHED, REFUSED, FAILED };

struct running {
    const struct ph_file_job *job;
    struct ph_link_reason *reason;
    struct ph_worker_process worker;
    enum outcome outcome;
    bool given;
    int64_t done_us, duration_us;
    int64_t moved_us; /* when it got on last */
};

static int give_file(struct running *running) {
    struct ph_builder hello = {0};
    int code = ph_link_hello_write(&hello, &running->job->hello);
    if (code == 0)
        code = ph_worker_process_send_file(
            &running->worker, running->job->fd, (struct ph_slice){hello.data, hello.size});
    ph_builder_discard(&hello);
    running->given = code == 0;
    return code;
}

static void take_reason(struct running *running, const json_t *failed) {
    const char *code = json_string_value(json_object_get(failed, "code"));
    const char *text = json_string_value(json_object_get(failed, "text"));
    snprintf(running->reason->code, sizeof(running->reason->code), "%s", code ? code : "");
    snprintf(running->reason->text, sizeof(running->reason->text), "%s", text ? text : "");
    running->outcome = code && *code ? REFUSED : FAILED;
}

/* What the process says is no more to be trusted than the file: it is read, and bounded, nothing else. */
static int take_message(struct running *running, const char *text, size_t size) {
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *done = json_object_get(root, "done_us"), *failed = json_object_get(root, "failed");
    int code = 0;
    if (json_is_true(json_object_get(root, "ready")) && !running->given)
        code = give_file(running);
    else if (json_is_integer(done) && json_integer_value(done) > running->done_us) {
        running->done_us = json_integer_value(done);
        running->duration_us = json_integer_value(json_object_get(root, "duration_us"));
        running->moved_us = ph_now_us();
    } else if (json_is_true(json_object_get(root, "finished")))
        running->outcome = FINISHED;
    else if (json_is_object(failed))
        take_reason(running, failed);
    json_decref(root);
    return code;
}

/* 0, PH_EOF when it closed its end, or a negative code. */
static int listen_to(struct running *running) {
    for (;;) {
        char text[PH_TRANSCODE_MOST_MESSAGE];
        ssize_t size = recv(running->worker.control, text, sizeof(text), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (size <= 0)
            return PH_EOF;
        int code = take_message(running, text, (size_t)size);
        if (code < 0)
            return code;
    }
}

static int64_t most_silence_us(const struct ph_file_job *job) {
    return job->silence_us ? job->silence_us : default_silence_us;
}

/* 0 when the process has ended by itself. */
static int watch(struct running *running) {
    bool hears = true;
    int64_t ask_at_us = ph_now_us() + ask_us;
    for (;;) {
        struct pollfd files[] = {{.fd = running->worker.pidfd, .events = POLLIN},
            {.fd = hears ? running->worker.control : -1, .events = POLLIN}};
        int64_t left_us = ask_at_us - ph_now_us();
        int count = poll(files, 2, left_us > 0 ? (int)(left_us / PH_MILLISECOND_US + 1) : 0);
        if (count < 0 && errno != EINTR)
            return -errno;
        int code = hears ? listen_to(running) : 0;
        hears = hears && code != PH_EOF;
        if (code < 0 && code != PH_EOF)
            return code;
        if (count > 0 && files[0].revents)
            return 0;
        if (ph_now_us() - running->moved_us > most_silence_us(running->job))
            return -ETIMEDOUT;
        if (ph_now_us() < ask_at_us)
            continue;
        ask_at_us = ph_now_us() + ask_us;
        code = running->job->keep_on(running->job->opaque, running->done_us, running->duration_us);
        if (code < 0)
            return code;
        if (code > 0)
            running->moved_us += ask_us;
    }
}

/* Waits for its end, and sees to it. */
static int reap(struct running *running) {
    int status;
    struct pollfd file = {.fd = running->worker.pidfd, .events = POLLIN};
    int64_t kill_us = ph_now_us() + kill_after_us;
    while (ph_worker_process_reap(&running->worker, &status) == -EAGAIN) {
        int64_t left_us = kill_us - ph_now_us();
        if (left_us <= 0)
            ph_worker_process_signal(&running->worker, SIGKILL);
        (void)poll(&file, 1, left_us > 0 ? (int)(left_us / PH_MILLISECOND_US + 1) : 1000);
    }
    return status;
}

static int judge(struct running *running, int watched, int status) {
    switch (running->outcome) {
    case FINISHED:
        return 0;
    case REFUSED:
        return -EINVAL;
    case FAILED:
        return -EAGAIN;
    case RUNNING:
        break;
    }
    if (watched < 0 && watched != -ETIMEDOUT)
        return watched;
    const char *what = watched < 0 ? "it made no progress" : "it ended before its time";
    ph_log_error(
        "a file's transcoding process did not finish", ph_str("why", what), ph_int("wait_status", status));
    snprintf(running->reason->text, sizeof(running->reason->text),
        "The file could not be transcoded: %s. It may be damaged.", what);
    return -EAGAIN;
}

int ph_file_job_run(const struct ph_file_job *job, struct ph_link_reason *reason) {
    struct running running = {.job = job, .reason = reason, .moved_us = ph_now_us()};
    *reason = (struct ph_link_reason){0};
    char **environment = ph_worker_environment_make(job->encoder);
    if (!environment)
        return -ENOMEM;
    int code = ph_worker_process_spawn(
        &running.worker, job->executable ? job->executable : "/proc/self/exe", environment);
    ph_worker_environment_free(environment);
    if (code < 0)
        return code;
    const struct rlimit cpu = {most_cpu_s, most_cpu_s};
    (void)prlimit(running.worker.view.pid, RLIMIT_CPU, &cpu, NULL); /* its end is watched all the same */
    code = watch(&running);
    if (code < 0)
        ph_worker_process_signal(&running.worker, SIGTERM);
    int status = reap(&running);
    if (running.worker.control >= 0)
        (void)listen_to(&running); /* what it said last */
    ph_worker_process_finish(&running.worker);
    return judge(&running, code, status);
}
