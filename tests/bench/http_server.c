/* A server to measure: /playlist (2 KB), /part (167 KB), /chain (the same in blocks), /held (answered by POST
 * /release). Prints its port and serves until its standard input ends. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/http/server.h"

enum { playlist_bytes = 2048, part_bytes = 167 * 1024, block_count = 4, most_held = 65536 };

struct bench {
    struct ph_http_response *playlist, *part, *chain, *late;
    pthread_mutex_t lock;
    size_t held;                           /* guarded by lock */
    struct ph_http_hold *holds[most_held]; /* guarded by lock */
};

static struct ph_bytes *noise(size_t size) {
    struct ph_bytes *bytes = ph_bytes_create(size);
    for (size_t i = 0; bytes && i < size; i++)
        ph_bytes_writable(bytes)[i] = (uint8_t)('a' + i * 7 % 26);
    return bytes;
}

static void send_shared(struct ph_http_request *request, void *opaque) {
    ph_http_respond(request, *(struct ph_http_response **)opaque);
}

static void hold(struct ph_http_request *request, void *opaque) {
    struct bench *bench = opaque;
    struct ph_http_hold *held = NULL;
    if (ph_http_request_hold(request, ph_now_us() + 60 * PH_SECOND_US, bench->late, &held)) {
        ph_http_respond(request, bench->late);
        return;
    }
    pthread_mutex_lock(&bench->lock);
    if (bench->held < most_held)
        bench->holds[bench->held++] = held;
    else
        ph_http_hold_drop(held);
    pthread_mutex_unlock(&bench->lock);
}

static void release(struct ph_http_request *request, void *opaque) {
    struct bench *bench = opaque;
    static struct ph_http_hold *batch[most_held];
    pthread_mutex_lock(&bench->lock);
    size_t held = bench->held;
    memcpy(batch, bench->holds, held * sizeof(batch[0]));
    bench->held = 0;
    pthread_mutex_unlock(&bench->lock);
    int64_t start_us = ph_now_us();
    for (size_t i = 0; i < held; i++)
        ph_http_hold_release(batch[i], bench->playlist);
    char text[64];
    snprintf(text, sizeof(text), "%zu released in %lld us\n", held, (long long)(ph_now_us() - start_us));
    struct ph_http_response *response = ph_http_response_from_text(200, "text/plain", text);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

static void count(struct ph_http_request *request, void *opaque) {
    struct bench *bench = opaque;
    char text[32];
    pthread_mutex_lock(&bench->lock);
    snprintf(text, sizeof(text), "%zu", bench->held);
    pthread_mutex_unlock(&bench->lock);
    struct ph_http_response *response = ph_http_response_from_text(200, "text/plain", text);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

static int make_responses(struct bench *bench) {
    struct ph_bytes *playlist = noise(playlist_bytes), *part = noise(part_bytes);
    struct ph_bytes *blocks[block_count];
    for (int i = 0; i < block_count; i++)
        blocks[i] = noise(part_bytes / block_count);
    if (!playlist || !part || !blocks[block_count - 1])
        return -ENOMEM;
    bench->playlist = ph_http_response_from_bytes(200, "application/vnd.apple.mpegurl", playlist);
    bench->part = ph_http_response_from_bytes(200, "video/mp4", part);
    bench->chain = ph_http_response_from_chain(200, "video/mp4", blocks, block_count);
    bench->late = ph_http_response_problem(503, "Service Unavailable", "Nothing happened.");
    if (!bench->playlist || !bench->part || !bench->chain || !bench->late)
        return -ENOMEM;
    int code = ph_http_response_add_header(bench->playlist, "Cache-Control", "max-age=1");
    if (!code)
        code = ph_http_response_set_etag(bench->playlist, "\"1.0\"");
    ph_bytes_unref(&playlist);
    ph_bytes_unref(&part);
    for (int i = 0; i < block_count; i++)
        ph_bytes_unref(&blocks[i]);
    return code;
}

static int add_routes(struct ph_http_server *server, struct bench *bench) {
    const struct ph_http_route routes[] = {
        {"GET", "/playlist", "playlist", .handler = send_shared, .opaque = &bench->playlist, .cors = true},
        {"GET", "/part", "part", .handler = send_shared, .opaque = &bench->part, .cors = true},
        {"GET", "/chain", "chain", .handler = send_shared, .opaque = &bench->chain, .cors = true},
        {"GET", "/held", "held", .handler = hold, .opaque = bench, .cors = true},
        {"GET", "/count", "count", .handler = count, .opaque = bench, .cors = false},
        {"POST", "/release", "release", .handler = release, .opaque = bench, .cors = false},
    };
    int code = 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && !code; i++)
        code = ph_http_server_add_route(server, &routes[i]);
    return code;
}

int main(void) {
    static struct bench bench = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct ph_error error = {""};
    struct ph_metrics *metrics = NULL;
    struct ph_http_server *server = NULL;
    int code = ph_metrics_create(&metrics);
    struct ph_http_server_options options = {.listen = "127.0.0.1:0", .metrics = metrics};
    if (!code)
        code = make_responses(&bench);
    if (!code)
        code = ph_http_server_create(&server, &options, &error);
    if (!code)
        code = add_routes(server, &bench);
    if (!code)
        code = ph_http_server_start(server, &error);
    if (!code) {
        char end[64];
        printf("%u\n", ph_http_server_port(server));
        fflush(stdout);
        while (read(STDIN_FILENO, end, sizeof(end)) > 0) {
        }
        ph_http_server_drain(server, ph_now_us() + PH_SECOND_US);
    } else {
        fprintf(stderr, "cannot serve: %d %s\n", code, error.text);
    }
    ph_http_server_destroy(server);
    ph_http_response_unref(&bench.playlist);
    ph_http_response_unref(&bench.part);
    ph_http_response_unref(&bench.chain);
    ph_http_response_unref(&bench.late);
    ph_metrics_destroy(metrics);
    return code ? 1 : 0;
}
