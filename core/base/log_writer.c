#include "core/base/log_writer.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"

enum { ring_bytes = 1 << 20 };
static const int64_t stop_us = 1 * PH_SECOND_US;

static struct {
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t changed;
    pthread_t thread;
    char *ring; /* NULL: not started */
    size_t begin, used;
    uint64_t dropped; /* lines, since it was told last */
    bool stopping, finished;
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void copy_in(const char *line, size_t size) {
    size_t end = (writer.begin + writer.used) % ring_bytes;
    size_t straight = size < ring_bytes - end ? size : ring_bytes - end;
    memcpy(writer.ring + end, line, straight);
    memcpy(writer.ring, line + straight, size - straight);
    writer.used += size;
}

bool ph_log_writer_take(const char *line, size_t size) {
    pthread_mutex_lock(&writer.lock);
    bool is_running = writer.ring;
    if (is_running && size <= ring_bytes - writer.used)
        copy_in(line, size);
    else
        writer.dropped += is_running;
    if (is_running)
        pthread_cond_broadcast(&writer.changed);
    pthread_mutex_unlock(&writer.lock);
    return is_running;
}

/* Under the lock: the oldest line, whose size is returned. */
static size_t copy_out(char line[PIPE_BUF]) {
    size_t size = 0;
    do
        line[size++] = writer.ring[writer.begin++ % ring_bytes];
    while (line[size - 1] != '\n' && size < writer.used && size < PIPE_BUF);
    writer.begin %= ring_bytes;
    writer.used -= size;
    return size;
}

/* One write(2) a line, so that lines of processes that share a pipe stay whole. A line that cannot be written
 * is given up: there is nobody to tell. */
static void write_line(const char *line, size_t size) {
    for (;;) {
        ssize_t written = write(STDERR_FILENO, line, size);
        if (written >= 0 || (errno != EINTR && errno != EAGAIN))
            return;
        (void)poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, 1000);
    }
}

static void *run(void *opaque) {
    char line[PIPE_BUF];
    pthread_mutex_lock(&writer.lock);
    while (writer.used || writer.dropped || !writer.stopping) {
        size_t size = writer.used ? copy_out(line) : 0;
        uint64_t dropped = size ? 0 : writer.dropped;
        writer.dropped -= dropped;
        if (!size && !dropped) {
            pthread_cond_wait(&writer.changed, &writer.lock);
            continue;
        }
        pthread_mutex_unlock(&writer.lock);
        if (size)
            write_line(line, size);
        else
            ph_log_warning("lines of the log were dropped: what reads it is too slow",
                ph_int("lines", (int64_t)dropped));
        pthread_mutex_lock(&writer.lock);
    }
    writer.finished = true;
    pthread_cond_broadcast(&writer.changed);
    pthread_mutex_unlock(&writer.lock);
    return opaque;
}

int ph_log_writer_start(void) {
    char *ring = malloc(ring_bytes);
    if (!ring)
        return -ENOMEM;
    int code = ph_cond_init(&writer.changed);
    pthread_mutex_lock(&writer.lock);
    if (!code)
        code = ph_thread_start(&writer.thread, "log", run, NULL);
    if (!code)
        writer.ring = ring;
    pthread_mutex_unlock(&writer.lock);
    if (code)
        free(ring);
    return code;
}

void ph_log_writer_stop(void) {
    int64_t deadline_us = ph_now_us() + stop_us;
    pthread_mutex_lock(&writer.lock);
    bool is_running = writer.ring;
    writer.stopping = true;
    if (is_running)
        pthread_cond_broadcast(&writer.changed);
    while (is_running && !writer.finished &&
           ph_cond_wait_until(&writer.changed, &writer.lock, deadline_us) != -ETIMEDOUT)
        continue;
    bool finished = is_running && writer.finished;
    char *ring = finished ? writer.ring : NULL;
    if (finished)
        writer.ring = NULL;
    pthread_mutex_unlock(&writer.lock);
    if (finished) /* else it still waits for its reader, and the process ends without it */
        pthread_join(writer.thread, NULL);
    free(ring);
}
