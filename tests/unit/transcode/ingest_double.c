#include "tests/unit/transcode/ingest_double.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "transcode/link_session.h"

static void *run_worker(void *opaque) {
    struct ingest_double *ingest = opaque;
    struct ph_session_options options = {0};
    ingest->verdict = ph_session_serve(ingest->worker_fd, &options);
    return NULL;
}

static void keep_state(struct ph_bytes **kept, struct ph_slice state) {
    ph_bytes_unref(kept);
    if (state.size)
        *kept = ph_bytes_copy(state.data, state.size);
}

static void take_message(struct ingest_double *ingest, const struct ph_link_frame *frame) {
    struct ph_link_ack ack;
    switch (frame->type) {
    case PH_LINK_ACCEPT:
        ingest->accepted = ph_link_accept_parse(frame, &ingest->replay_from) == 0;
        break;
    case PH_LINK_ACK:
        if (ph_link_ack_parse(frame, &ack) < 0)
            abort();
        ingest->acks++;
        ingest->durable_from = ack.durable.replay_from;
        ingest->published_from = ack.published.replay_from;
        ingest->has_checkpoint = ack.published.replay_from > 1;
        keep_state(&ingest->durable_state, ack.durable.state);
        keep_state(&ingest->published_state, ack.published.state);
        break;
    case PH_LINK_STATS:
        if (ph_link_stats_from_json(frame->payload, &ingest->last_stats) < 0)
            abort();
        ingest->stats++;
        break;
    case PH_LINK_FINISHED:
        ingest->finished = true;
        break;
    case PH_LINK_FAILED:
        ingest->failed = ph_link_reason_parse(frame, &ingest->reason) == 0;
        break;
    default:
        break;
    }
}

static void *run_reader(void *opaque) {
    struct ingest_double *ingest = opaque;
    struct ph_link_frame frame;
    while (ph_link_read(ingest->link, &frame, ph_now_us() + 60 * PH_SECOND_US) == 0) {
        pthread_mutex_lock(&ingest->lock);
        take_message(ingest, &frame);
        pthread_mutex_unlock(&ingest->lock);
    }
    pthread_mutex_lock(&ingest->lock);
    ingest->is_left = true;
    pthread_mutex_unlock(&ingest->lock);
    return NULL;
}

static void give_link(int control, int fd) {
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } rights = {0};
    char text[] = "{\"take\":true}";
    struct iovec block = {text, strlen(text)};
    struct msghdr message = {.msg_iov = &block,
        .msg_iovlen = 1,
        .msg_control = rights.space,
        .msg_controllen = sizeof(rights.space)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    if (sendmsg(control, &message, 0) < 0)
        abort();
    close(fd);
}

void ingest_double_start(struct ingest_double *ingest, const struct ph_link_hello *hello,
    const struct ingest_double *before, int control) {
    *ingest = (struct ingest_double){0};
    pthread_mutex_init(&ingest->lock, NULL);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || ph_link_create(&ingest->link, ends[0]) < 0)
        abort();
    ingest->link_fd = ends[0];
    ingest->worker_fd = ends[1];
    struct ph_link_hello filled = *hello;
    if (before) {
        filled.durable_state = before->durable_state;
        filled.published_state = before->published_state;
        filled.durable_replay_from = before->durable_from;
        filled.published_replay_from = before->published_from;
    }
    struct ph_builder frame = {0};
    if (ph_link_hello_write(&frame, &filled) < 0 || ph_link_send(ingest->link, &frame) < 0)
        abort();
    ph_builder_discard(&frame);
    ingest->worker_is_thread = control < 0;
    if (ingest->worker_is_thread)
        pthread_create(&ingest->worker, NULL, run_worker, ingest);
    else
        give_link(control, ends[1]);
    pthread_create(&ingest->reader, NULL, run_reader, ingest);
}

void ingest_double_send(struct ingest_double *ingest, const struct ph_link_entry *entry) {
    struct ph_builder frame = {0};
    ph_link_entry_write(&frame, entry);
    /* A worker that has given up no longer listens: the verdict tells. */
    (void)!ph_link_send(ingest->link, &frame);
    ph_builder_discard(&frame);
}

bool ingest_double_wait(struct ingest_double *ingest, const bool *flag) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (ph_now_us() < deadline_us) {
        pthread_mutex_lock(&ingest->lock);
        bool reached = *flag;
        pthread_mutex_unlock(&ingest->lock);
        if (reached)
            return true;
        struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
    }
    return false;
}

int ingest_double_hang_up(struct ingest_double *ingest) {
    (void)shutdown(ingest->link_fd, SHUT_RDWR);
    if (ingest->worker_is_thread)
        pthread_join(ingest->worker, NULL);
    pthread_join(ingest->reader, NULL);
    ph_link_destroy(ingest->link);
    ingest->link = NULL;
    return ingest->verdict;
}

void ingest_double_finish(struct ingest_double *ingest) {
    ph_bytes_unref(&ingest->durable_state);
    ph_bytes_unref(&ingest->published_state);
    pthread_mutex_destroy(&ingest->lock);
}
