#include "transcode/link.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"

enum { buffer_bytes = PH_LINK_MOST_BYTES + 65536 };

static const int64_t send_patience_us = 5 * PH_SECOND_US;

struct ph_link {
    int fd;
    /* The reader's. */
    uint8_t *buffer;
    size_t start, end; /* of what is not yet parsed */

    pthread_mutex_t send_lock; /* one frame at a time on the socket */
};

int ph_link_create(struct ph_link **created, int fd) {
    struct ph_link *link = calloc(1, sizeof(*link));
    uint8_t *buffer = malloc(buffer_bytes);
    if (!link || !buffer) {
        free(link);
        free(buffer);
        close(fd);
        return -ENOMEM;
    }
    link->fd = fd;
    link->buffer = buffer;
    pthread_mutex_init(&link->send_lock, NULL);
    *created = link;
    return 0;
}

void ph_link_destroy(struct ph_link *link) {
    if (!link)
        return;
    close(link->fd);
    free(link->buffer);
    pthread_mutex_destroy(&link->send_lock);
    free(link);
}

/* 0 when the socket is ready, -ETIMEDOUT. */
static int wait_for(struct ph_link *link, short events, int64_t deadline_us) {
    for (;;) {
        int64_t left_us = deadline_us - ph_now_us();
        if (left_us <= 0)
            return -ETIMEDOUT;
        struct pollfd poller = {.fd = link->fd, .events = events};
        int64_t left_ms = left_us / PH_MILLISECOND_US + 1;
        int ready = poll(&poller, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return -errno;
    }
}

static int receive(struct ph_link *link, int64_t deadline_us) {
    if (link->end == buffer_bytes) {
        memmove(link->buffer, link->buffer + link->start, link->end - link->start);
        link->end -= link->start;
        link->start = 0;
    }
    for (;;) {
        ssize_t size = recv(link->fd, link->buffer + link->end, buffer_bytes - link->end, MSG_DONTWAIT);
        if (size > 0) {
            link->end += (size_t)size;
            return 0;
        }
        if (size == 0 || errno == ECONNRESET)
            return PH_EOF;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        int code = wait_for(link, POLLIN, deadline_us);
        if (code < 0)
            return code;
    }
}

int ph_link_read(struct ph_link *link, struct ph_link_frame *frame, int64_t deadline_us) {
    for (;;) {
        struct ph_slice input = {link->buffer + link->start, link->end - link->start};
        size_t consumed;
        int code = ph_link_frame_parse(input, frame, &consumed);
        if (code == 0) {
            link->start += consumed;
            return 0;
        }
        if (code != -EAGAIN)
            return code;
        if (link->start == link->end)
            link->start = link->end = 0;
        code = receive(link, deadline_us);
        if (code < 0)
            return code;
    }
}

static int send_all(struct ph_link *link, struct ph_slice bytes) {
    int64_t deadline_us = ph_now_us() + send_patience_us;
    while (bytes.size) {
        ssize_t size = send(link->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size > 0) {
            bytes.data += size;
            bytes.size -= (size_t)size;
            continue;
        }
        if (size < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        int code = wait_for(link, POLLOUT, deadline_us);
        if (code < 0)
            return code;
    }
    return 0;
}

int ph_link_send(struct ph_link *link, struct ph_builder *frames) {
    if (!ph_builder_ok(frames)) {
        ph_builder_discard(frames);
        return -ENOMEM;
    }
    pthread_mutex_lock(&link->send_lock);
    int code = send_all(link, (struct ph_slice){frames->data, frames->size});
    pthread_mutex_unlock(&link->send_lock);
    ph_builder_clear(frames);
    return code;
}

void ph_link_shut(struct ph_link *link) {
    (void)shutdown(link->fd, SHUT_RD);
}
