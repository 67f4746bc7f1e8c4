#include "tests/unit/ingest/worker_double.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/thread.h"

struct stream {
    struct worker_double *worker;
    int fd;
    uint8_t *bytes;
    size_t size, taken;
};

enum { stream_bytes = 2 << 20 };

uint32_t worker_double_checksum(struct ph_slice bytes) {
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < bytes.size; i++)
        sum = (sum ^ bytes.data[i]) * 16777619u;
    return sum;
}

/* 0, or -1 at the end of the link or the double's. */
static int next_frame(struct stream *stream, struct ph_link_frame *frame) {
    for (;;) {
        size_t consumed;
        int code = ph_link_frame_parse(
            (struct ph_slice){stream->bytes + stream->taken, stream->size - stream->taken}, frame, &consumed);
        stream->taken += consumed;
        if (code != -EAGAIN)
            return code;
        memmove(stream->bytes, stream->bytes + stream->taken, stream->size - stream->taken);
        stream->size -= stream->taken;
        stream->taken = 0;
        struct pollfd polled = {.fd = stream->fd, .events = POLLIN};
        while (poll(&polled, 1, 20) == 0) {
            if (atomic_load(&stream->worker->stopping))
                return -1;
        }
        int pause_us = atomic_load(&stream->worker->pause_us);
        size_t most = pause_us ? 20000 : stream_bytes - stream->size;
        if (pause_us)
            usleep((useconds_t)pause_us);
        ssize_t size = recv(stream->fd, stream->bytes + stream->size, most, 0);
        if (size <= 0)
            return -1;
        stream->size += (size_t)size;
    }
}

static void say(struct stream *stream, struct ph_builder *builder) {
    ssize_t ignored = send(stream->fd, builder->data, builder->size, MSG_NOSIGNAL);
    (void)ignored;
    ph_builder_clear(builder);
}

static bool authenticate(struct stream *stream, struct ph_builder *builder) {
    uint8_t challenge[32], digest[32];
    struct ph_link_frame frame;
    ph_random_bytes(challenge, sizeof(challenge));
    ph_link_frame_write(builder, PH_LINK_CHALLENGE, challenge, 32);
    say(stream, builder);
    if (next_frame(stream, &frame) || frame.type != PH_LINK_AUTH || frame.payload.size != 64)
        return false;
    ph_link_auth_digest(stream->worker->secret, "ingest", challenge, frame.payload.data, digest);
    bool good = memcmp(digest, frame.payload.data + 32, 32) == 0;
    pthread_mutex_lock(&stream->worker->lock);
    stream->worker->proofs_failed += !good;
    pthread_cond_broadcast(&stream->worker->changed);
    pthread_mutex_unlock(&stream->worker->lock);
    ph_link_auth_digest(stream->worker->secret, "worker", frame.payload.data, challenge, digest);
    digest[0] ^= stream->worker->bad_proof;
    ph_link_frame_write(builder, PH_LINK_AUTH_OK, digest, 32);
    if (good)
        say(stream, builder);
    return good;
}

static struct worker_life *begin_life(struct worker_double *worker, const struct ph_link_hello *hello) {
    struct worker_life *life = calloc(1, sizeof(*life));
    life->durable_from = hello->durable_replay_from;
    life->published_from = hello->published_replay_from;
    life->had_state = hello->published_state != NULL;
    life->accepted_from = hello->published_replay_from;
    snprintf(life->publish_token, sizeof(life->publish_token), "%s", hello->publish_token);
    pthread_mutex_lock(&worker->lock);
    assert_true(worker->life_count < WORKER_MOST_LIVES);
    worker->lives[worker->life_count++] = life;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    return life;
}

static struct worker_life *greet(struct stream *stream, struct ph_builder *builder) {
    struct worker_double *worker = stream->worker;
    struct ph_link_frame frame;
    struct ph_link_hello hello;
    if (next_frame(stream, &frame) || ph_link_hello_parse(&frame, &hello))
        return NULL;
    struct worker_life *life = NULL;
    if (atomic_load(&worker->refuse) > 0) {
        atomic_fetch_sub(&worker->refuse, 1);
        assert_int_equal(
            ph_link_reason_write(builder, PH_LINK_REFUSE, &(struct ph_link_reason){"busy", "no room"}), 0);
    } else {
        life = begin_life(worker, &hello);
        ph_link_accept_write(builder, life->accepted_from);
    }
    say(stream, builder);
    ph_link_hello_finish(&hello);
    return life;
}

static void acknowledge(struct stream *stream, struct ph_builder *builder, uint64_t newest) {
    uint64_t back = (uint64_t)atomic_load(&stream->worker->replay_back);
    uint64_t from = newest > back ? newest - back : 0;
    char state[32];
    int size = snprintf(state, sizeof(state), "state %llu", (unsigned long long)from);
    struct ph_link_checkpoint point = {from, {(const uint8_t *)state, (size_t)size}};
    ph_link_ack_write(builder, &(struct ph_link_ack){point, point});
    char *json = ph_link_stats_to_json(&(struct ph_link_stats){.speed = 2});
    ph_link_frame_write(builder, PH_LINK_STATS, json, strlen(json));
    free(json);
    say(stream, builder);
}

static void record(
    struct worker_double *worker, struct worker_life *life, const struct ph_link_entry *entry) {
    pthread_mutex_lock(&worker->lock);
    assert_true(life->entry_count < WORKER_MOST_ENTRIES);
    life->entries[life->entry_count].type = entry->type;
    life->entries[life->entry_count].index = entry->index;
    life->entries[life->entry_count].time_us = entry->time_us;
    life->entries[life->entry_count].checksum = worker_double_checksum(entry->bytes);
    life->entry_count++;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

static void finish(struct stream *stream, struct ph_builder *builder) {
    ph_link_frame_write(builder, PH_LINK_FINISHED, NULL, 0);
    say(stream, builder);
    pthread_mutex_lock(&stream->worker->lock);
    stream->worker->finished = true;
    pthread_cond_broadcast(&stream->worker->changed);
    pthread_mutex_unlock(&stream->worker->lock);
}

/* Reads entries until the life ends. */
static void live(struct stream *stream, struct worker_life *life, struct ph_builder *builder) {
    struct worker_double *worker = stream->worker;
    struct ph_link_frame frame;
    struct ph_link_entry entry;
    int since_ack = 0;
    bool dies = atomic_fetch_sub(&worker->lives_that_die, 1) > 0;
    int left = atomic_load(&worker->die_least) + (int)(ph_random_unit() * atomic_load(&worker->die_spread));
    while (next_frame(stream, &frame) == 0) {
        if (frame.type == PH_LINK_TICK) {
            pthread_mutex_lock(&worker->lock);
            life->ticks++;
            pthread_cond_broadcast(&worker->changed);
            pthread_mutex_unlock(&worker->lock);
            if (!atomic_load(&worker->mute)) {
                char *json = ph_link_stats_to_json(&(struct ph_link_stats){.speed = 2});
                ph_link_frame_write(builder, PH_LINK_STATS, json, strlen(json));
                free(json);
                say(stream, builder);
            }
            continue;
        }
        assert_int_equal(ph_link_entry_parse(&frame, &entry), 0);
        record(worker, life, &entry);
        if (dies && left-- <= 0)
            return;
        if (atomic_load(&worker->fail) && entry.type == PH_LINK_UNIT) {
            assert_int_equal(ph_link_reason_write(builder, PH_LINK_FAILED,
                                 &(struct ph_link_reason){"unsupported_codec", "no such codec"}),
                0);
            say(stream, builder);
        }
        int every = atomic_load(&worker->ack_every);
        if (every && ++since_ack >= every) {
            since_ack = 0;
            acknowledge(stream, builder, entry.index);
        }
        if (entry.type == PH_LINK_END)
            finish(stream, builder);
    }
}

static void serve(struct worker_double *worker, int fd) {
    struct stream stream = {.worker = worker, .fd = fd, .bytes = malloc(stream_bytes)};
    struct ph_builder builder = {0};
    bool trusted = worker->path || authenticate(&stream, &builder);
    struct worker_life *life = trusted ? greet(&stream, &builder) : NULL;
    if (life)
        live(&stream, life, &builder);
    ph_builder_discard(&builder);
    free(stream.bytes);
    close(fd);
}

static void *run(void *opaque) {
    struct worker_double *worker = opaque;
    while (!atomic_load(&worker->stopping)) {
        struct pollfd polled = {.fd = worker->listener, .events = POLLIN};
        if (poll(&polled, 1, 20) <= 0)
            continue;
        int fd = accept(worker->listener, NULL, NULL);
        if (fd >= 0)
            serve(worker, fd);
    }
    return NULL;
}

static void listen_unix(struct worker_double *worker) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", worker->path);
    worker->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(worker->listener, (struct sockaddr *)&name, sizeof(name)), 0);
    snprintf(worker->endpoint, sizeof(worker->endpoint), "unix:%s", worker->path);
}

static void listen_tcp(struct worker_double *worker) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    worker->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(worker->listener, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(getsockname(worker->listener, (struct sockaddr *)&name, &size), 0);
    snprintf(worker->endpoint, sizeof(worker->endpoint), "tcp:127.0.0.1:%d", ntohs(name.sin_port));
}

void worker_double_start(struct worker_double *worker) {
    pthread_mutex_init(&worker->lock, NULL);
    ph_cond_init(&worker->changed);
    if (worker->path)
        listen_unix(worker);
    else
        listen_tcp(worker);
    assert_int_equal(listen(worker->listener, 16), 0);
    assert_int_equal(ph_thread_start(&worker->thread, "worker-double", run, worker), 0);
}

void worker_double_stop(struct worker_double *worker) {
    atomic_store(&worker->stopping, true);
    pthread_join(worker->thread, NULL);
    close(worker->listener);
    if (worker->path)
        unlink(worker->path);
    for (int i = 0; i < worker->life_count; i++)
        free(worker->lives[i]);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
}

bool worker_double_wait(struct worker_double *worker,
    bool (*condition)(struct worker_double *worker, int number), int number, int seconds) {
    int64_t deadline_us = ph_now_us() + seconds * PH_SECOND_US;
    int code = 0;
    pthread_mutex_lock(&worker->lock);
    while (!condition(worker, number) && !code)
        code = ph_cond_wait_until(&worker->changed, &worker->lock, deadline_us);
    bool holds = condition(worker, number);
    pthread_mutex_unlock(&worker->lock);
    return holds;
}
