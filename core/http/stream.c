#include "core/http/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/server.h"
#include "core/http/stream_sending.h"

/* A peer that acknowledges nothing for so long is gone. */
enum { silent_peer_ms = 30000 };

struct queued {
    struct queued *next;
    struct ph_bytes *block;
};

struct ph_http_stream {
    atomic_uint references;
    struct ph_http_stream_options options;
    pthread_mutex_t lock;
    struct queued *queue; /* under lock, as all that follows; the first may be sent in part */
    size_t sent_bytes;    /* of the first */
    size_t queued_bytes;  /* of all, sent ones included until their block is done */
    bool is_ending;       /* after what is queued */
    bool is_over;
    struct ph_holds *holds;            /* NULL while not attached */
    struct MHD_Connection *connection; /* NULL while not attached */
    struct ph_connection *peer;        /* NULL while not attached */
    struct ph_http_hold *hold;         /* of the suspended connection, for whom wakes it; NULL else */
    struct ph_http_hold *parked;       /* the same, as the connection's own reference */
    int64_t filler_due_us;
};

int ph_http_stream_create(struct ph_http_stream **out, const struct ph_http_stream_options *options) {
    *out = NULL;
    struct ph_http_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return -ENOMEM;
    atomic_init(&stream->references, 1);
    stream->options = *options;
    ph_bytes_ref(options->filler);
    pthread_mutex_init(&stream->lock, NULL);
    *out = stream;
    return 0;
}

struct ph_http_stream *ph_http_stream_ref(struct ph_http_stream *stream) {
    atomic_fetch_add_explicit(&stream->references, 1, memory_order_relaxed);
    return stream;
}

/* Frees the first block. Called with the lock held. */
static void drop_first(struct ph_http_stream *stream) {
    struct queued *first = stream->queue;
    LL_DELETE(stream->queue, first);
    stream->queued_bytes -= ph_bytes_size(first->block);
    stream->sent_bytes = 0;
    ph_bytes_unref(&first->block);
    free(first);
}

/* Called with the lock held. */
static void drop_all(struct ph_http_stream *stream) {
    while (stream->queue)
        drop_first(stream);
}

void ph_http_stream_unref(struct ph_http_stream **pointer) {
    struct ph_http_stream *stream = *pointer;
    *pointer = NULL;
    if (!stream || atomic_fetch_sub_explicit(&stream->references, 1, memory_order_acq_rel) != 1)
        return;
    drop_all(stream);
    ph_hold_unref(&stream->parked);
    if (stream->hold)
        ph_http_hold_drop(stream->hold);
    ph_bytes_unref(&stream->options.filler);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

/* Unlocks, then wakes the connection if it is suspended. */
static void unlock_and_wake(struct ph_http_stream *stream) {
    struct ph_http_hold *hold = stream->hold;
    stream->hold = NULL;
    pthread_mutex_unlock(&stream->lock);
    if (hold)
        ph_http_hold_release(hold, NULL);
}

/* What waits for a peer that takes nothing is thrown away, and its connection ends at the next walk through
 * the connections. Called with the lock held. */
static void cut_off(struct ph_http_stream *stream) {
    drop_all(stream);
    stream->is_over = true;
    if (stream->peer)
        ph_connection_end(stream->peer);
}

int ph_http_stream_push(struct ph_http_stream *stream, struct ph_bytes *block) {
    int code = 0;
    struct queued *made = calloc(1, sizeof(*made));
    pthread_mutex_lock(&stream->lock);
    if (stream->is_over || stream->is_ending)
        code = -EPIPE;
    else if (!made)
        code = -ENOMEM;
    else if (stream->queued_bytes + ph_bytes_size(block) > stream->options.most_queued_bytes)
        code = -ENOBUFS;
    if (code == 0 && ph_bytes_size(block) > 0) {
        made->block = ph_bytes_ref(block);
        stream->queued_bytes += ph_bytes_size(block);
        LL_APPEND(stream->queue, made);
        made = NULL;
    } else if (code == -ENOMEM || code == -ENOBUFS) {
        cut_off(stream);
    }
    unlock_and_wake(stream);
    free(made);
    return code;
}

void ph_http_stream_end(struct ph_http_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    stream->is_ending = true;
    unlock_and_wake(stream);
}

bool ph_http_stream_is_over(struct ph_http_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    bool is_over = stream->is_over;
    pthread_mutex_unlock(&stream->lock);
    return is_over;
}

/* A fifth less at most: streams that began together do not all speak at once. Called with the lock held. */
static void put_filler_off(struct ph_http_stream *stream) {
    stream->filler_due_us =
        ph_now_us() + (int64_t)((double)stream->options.quiet_us * (1 - 0.2 * ph_random_unit()));
}

static void give_up_on_silence(struct MHD_Connection *connection) {
    const unsigned silent_ms = silent_peer_ms;
    const union MHD_ConnectionInfo *socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (socket) /* without it the peer is noticed later */
        (void)setsockopt(socket->connect_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof(silent_ms));
}

bool ph_http_stream_attach(struct ph_http_stream *stream, struct ph_holds *holds,
    struct MHD_Connection *connection, struct ph_connection *peer) {
    pthread_mutex_lock(&stream->lock);
    bool is_free = !stream->connection && !stream->is_over;
    if (is_free) {
        stream->holds = holds;
        stream->connection = connection;
        stream->peer = peer;
        put_filler_off(stream);
    }
    pthread_mutex_unlock(&stream->lock);
    if (is_free)
        give_up_on_silence(connection);
    return is_free;
}

void ph_http_stream_detach(struct ph_http_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    stream->is_over = true;
    stream->connection = NULL;
    stream->peer = NULL;
    stream->holds = NULL;
    drop_all(stream);
    pthread_mutex_unlock(&stream->lock);
}

/* Called with the lock held. */
static size_t take_queued(struct ph_http_stream *stream, char *target, size_t most) {
    size_t taken = 0;
    while (stream->queue && taken < most) {
        struct ph_slice block = ph_bytes_slice(stream->queue->block);
        size_t size = block.size - stream->sent_bytes;
        if (size > most - taken)
            size = most - taken;
        memcpy(target + taken, block.data + stream->sent_bytes, size);
        taken += size;
        stream->sent_bytes += size;
        if (stream->sent_bytes == block.size)
            drop_first(stream);
    }
    return taken;
}

/* Puts the filler into the queue when it is due. Called with the lock held. */
static int fill_silence(struct ph_http_stream *stream) {
    if (ph_now_us() < stream->filler_due_us)
        return 0;
    struct queued *filler = calloc(1, sizeof(*filler));
    if (!filler)
        return -ENOMEM;
    filler->block = ph_bytes_ref(stream->options.filler);
    stream->queued_bytes += ph_bytes_size(filler->block);
    LL_APPEND(stream->queue, filler);
    return 0;
}

/* 0 when the connection sleeps, else why it cannot: then the stream ends. Called with the lock held, which a
 * push needs to find the hold: none comes before the connection is suspended. */
static int park(struct ph_http_stream *stream) {
    int code = ph_holds_park(stream->holds, stream->connection, stream->filler_due_us, &stream->parked);
    stream->hold = stream->parked;
    return code;
}

ssize_t ph_http_stream_read(struct ph_http_stream *stream, char *target, size_t most) {
    ssize_t answer = MHD_CONTENT_READER_END_WITH_ERROR;
    pthread_mutex_lock(&stream->lock);
    /* Awake again: by a push, which took the other reference, or by the deadline or the drain, which did not.
     */
    if (stream->hold)
        ph_http_hold_drop(stream->hold);
    stream->hold = NULL;
    ph_hold_unref(&stream->parked);
    if (stream->connection && !stream->is_over) {
        int code = stream->queue || stream->is_ending ? 0 : fill_silence(stream);
        size_t taken = take_queued(stream, target, most);
        if (taken > 0)
            put_filler_off(stream);
        if (taken == 0 && code == 0 && !stream->is_ending)
            code = park(stream);
        stream->is_over = taken == 0 && (code < 0 || stream->is_ending);
        answer = stream->is_over ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)taken;
    }
    pthread_mutex_unlock(&stream->lock);
    return answer;
}
