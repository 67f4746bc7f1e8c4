#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/client.h"
#include "core/media/publish_token.h"
#include "origin/origin.h"
#include "tests/unit/origin/example.h"

/* Live sessions back to their start, behind the HTTP server of a whole origin with a folder for its archive.
 */
static const char secret[] = "a secret of this test";

struct moving_clock {
    struct ph_clock base;
    _Atomic int64_t ahead_us;
};

struct stage {
    char dir[64];
    char base[64];
    char authorization[96];
    struct moving_clock clock;
    struct ph_metrics *metrics;
    struct ph_store *store;
    struct ph_origin *origin;
    struct ph_http_server *server;
    struct ph_http_client *client;
};

static int64_t monotonic_us(struct ph_clock *clock) {
    return ph_now_us() + atomic_load(&((struct moving_clock *)clock)->ahead_us);
}

static int64_t utc_us(struct ph_clock *clock) {
    return ph_utc_now_us() + atomic_load(&((struct moving_clock *)clock)->ahead_us);
}

static void open_stage(struct stage *stage, bool with_store) {
    const struct ph_http_server_options server = {.listen = "127.0.0.1:0", .threads = 2};
    const struct ph_slice key = {(const uint8_t *)secret, strlen(secret)};
    char token[PH_PUBLISH_TOKEN_BYTES];
    stage->clock.base = (struct ph_clock){.monotonic_us = monotonic_us, .utc_us = utc_us};
    assert_int_equal(ph_metrics_create(&stage->metrics), 0);
    const struct ph_store_options store = {.url = "file:",
        .data_dir = stage->dir,
        .public_url = "http://archive.test",
        .secret = key,
        .storage_class = "",
        .encryption = "",
        .ca_file = "",
        .metrics = stage->metrics};
    stage->store = NULL;
    if (with_store)
        assert_int_equal(ph_store_create(&stage->store, &store, NULL), 0);
    const struct ph_origin_options options = {.data_dir = stage->dir,
        .secret = key,
        .store = stage->store,
        .clock = &stage->clock.base,
        .metrics = stage->metrics};
    assert_int_equal(ph_origin_create(&stage->origin, &options, NULL), 0);
    assert_int_equal(ph_origin_restore(stage->origin, NULL), 0);
    assert_int_equal(ph_http_server_create(&stage->server, &server, NULL), 0);
    assert_int_equal(ph_origin_add_routes(stage->origin, stage->server), 0);
    assert_int_equal(ph_origin_start(stage->origin), 0);
    assert_int_equal(ph_http_server_start(stage->server, NULL), 0);
    assert_int_equal(ph_http_client_create(&stage->client), 0);
    snprintf(stage->base, sizeof(stage->base), "http://127.0.0.1:%u", ph_http_server_port(stage->server));
    ph_publish_token_make(key, "s", token);
    snprintf(stage->authorization, sizeof(stage->authorization), "Authorization: Bearer %s", token);
}

static void close_stage(struct stage *stage) {
    ph_http_client_destroy(stage->client);
    ph_origin_drain(stage->origin, ph_now_us() + 10 * PH_SECOND_US);
    ph_http_server_drain(stage->server, ph_now_us() + 2 * PH_SECOND_US);
    ph_http_server_destroy(stage->server);
    if (stage->store)
        ph_store_cancel(stage->store);
    ph_origin_destroy(stage->origin);
    ph_store_destroy(stage->store);
    ph_metrics_destroy(stage->metrics);
}

static unsigned ask(struct stage *stage, const char *method, const char *path, const char *const *headers,
    const char *body, char **text) {
    char url[256];
    snprintf(url, sizeof(url), "%s%s", stage->base, path);
    struct ph_http_exchange exchange = {.method = method, .url = url, .headers = headers};
    if (body)
        exchange.body = (struct ph_slice){(const uint8_t *)body, strlen(body)};
    unsigned status = ph_http_client_perform(stage->client, &exchange) ? 0 : exchange.status;
    if (text)
        *text = exchange.answer
                    ? strndup((const char *)ph_bytes_data(exchange.answer), ph_bytes_size(exchange.answer))
                    : NULL;
    ph_http_exchange_finish(&exchange);
    return status;
}

static void put_part(struct stage *stage, unsigned segment, unsigned part) {
    char path[64], start[64], body[32];
    snprintf(path, sizeof(path), "/publish/s/v720/%u.%u.m4s", segment, part);
    snprintf(start, sizeof(start), "X-Part-Start: %u", (segment * 3 + part) * 6000);
    snprintf(body, sizeof(body), "%u.%u;", segment, part);
    const char *const headers[] = {stage->authorization, "X-Part-Duration: 6000", start,
        part == 0 ? "X-Independent: 1" : "X-Independent: 0",
        part == 2 ? "X-Last-In-Segment: 1" : "X-Last-In-Segment: 0", NULL};
    unsigned wanted = part == 2 ? 201 : 202, status;
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    do /* a slow disk is waited for half a part */
        status = ask(stage, "PUT", path, headers, body, NULL);
    while (status == 202 && wanted == 201 && ph_now_us() < deadline_us);
    assert_int_equal(status, wanted);
}

/* Publishes segments, each 0.6 s after the last. */
static void publish(struct stage *stage, unsigned from, unsigned to) {
    for (unsigned segment = from; segment < to; segment++) {
        for (unsigned part = 0; part < 3; part++) {
            atomic_fetch_add(&stage->clock.ahead_us, 200000);
            put_part(stage, segment, part);
        }
    }
}

static void announce(struct stage *stage) {
    const char *const headers[] = {stage->authorization, NULL};
    struct ph_publication publication = example_publication(3);
    publication.track_count = 1;
    publication.is_recorded = true;
    char *json = ph_publication_to_json(&publication);
    assert_int_equal(ask(stage, "PUT", "/publish/s", headers, json, NULL), 201);
    free(json);
    assert_int_equal(ask(stage, "PUT", "/publish/s/v720/init.mp4", headers, "\1\1\1\1ftypinit", NULL), 201);
}

static void expect_has(struct stage *stage, const char *path, const char *wanted) {
    char *text = NULL;
    assert_int_equal(ask(stage, "GET", path, NULL, NULL, &text), 200);
    if (!strstr(text, wanted))
        fail_msg("%s has no %s:\n%s", path, wanted, text);
    free(text);
}

static void expect_bytes(struct stage *stage, const char *path, const char *wanted) {
    char *text = NULL;
    assert_int_equal(ask(stage, "GET", path, NULL, NULL, &text), 200);
    assert_string_equal(text, wanted);
    free(text);
}

static void a_viewer_may_go_back_to_the_start(void **state) {
    (void)state;
    struct stage stage = {0};
    example_make_dir(stage.dir);
    open_stage(&stage, true);
    announce(&stage);
    publish(&stage, 0, 60);
    expect_has(&stage, "/live/s/index.m3u8?dvr", "\nv720/index.m3u8?dvr=1\n");
    expect_has(&stage, "/live/s/index.m3u8", "\nv720/index.m3u8\n");
    expect_has(&stage, "/live/s/v720/index.m3u8", "\n#EXT-X-MEDIA-SEQUENCE:50\n");
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1", "\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:");
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1",
        "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.478Z\n#EXTINF:0.6,\n3.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:08.078Z\n#EXTINF:0.6,\n4.m4s\n");
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1", "\n49.m4s\n");
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1", "\n59.m4s\n#EXT-X-PRELOAD-HINT:");
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1&_HLS_skip=YES", "\n#EXT-X-SKIP:SKIPPED-SEGMENTS=50\n");
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1&_HLS_msn=59&_HLS_part=2", "\n0.m4s\n");

    /* What has left the window lies in the spool or in the archive. */
    for (int i = 0; i < 60; i++) {
        char path[64], wanted[64];
        snprintf(path, sizeof(path), "/live/s/v720/%d.m4s", i);
        snprintf(wanted, sizeof(wanted), "%d.0;%d.1;%d.2;", i, i, i);
        expect_bytes(&stage, path, wanted);
    }
    assert_int_equal(ask(&stage, "GET", "/live/s/v720/3.0.m4s", NULL, NULL, NULL), 404);
    assert_int_equal(ask(&stage, "GET", "/live/s/v720/99.m4s", NULL, NULL, NULL), 404);
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

static void the_start_is_known_after_a_restart_and_at_the_end(void **state) {
    (void)state;
    struct stage stage = {0};
    char *before = NULL, *after = NULL;
    example_make_dir(stage.dir);
    open_stage(&stage, true);
    announce(&stage);
    publish(&stage, 0, 60);
    assert_int_equal(ask(&stage, "GET", "/live/s/v720/index.m3u8?dvr=1", NULL, NULL, &before), 200);
    close_stage(&stage);
    open_stage(&stage, true);
    assert_int_equal(ask(&stage, "GET", "/live/s/v720/index.m3u8?dvr=1", NULL, NULL, &after), 200);
    assert_string_equal(after, before);
    free(before);
    free(after);
    publish(&stage, 60, 80);
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1", "\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:");
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1", "\n69.m4s\n");
    assert_int_equal(ph_origin_end_session(stage.origin, "s"), 0);
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1", "\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:");
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1&_HLS_msn=200", "\n79.m4s\n#EXT-X-ENDLIST\n");
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

static void without_an_archive_there_is_no_way_back(void **state) {
    (void)state;
    struct stage stage = {0};
    example_make_dir(stage.dir);
    open_stage(&stage, false);
    announce(&stage);
    publish(&stage, 0, 30);
    expect_has(&stage, "/live/s/index.m3u8?dvr", "\nv720/index.m3u8\n");
    expect_has(&stage, "/live/s/v720/index.m3u8?dvr=1", "\n#EXT-X-MEDIA-SEQUENCE:20\n");
    assert_int_equal(ask(&stage, "GET", "/vod/s/index.m3u8", NULL, NULL, NULL), 404);
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewer_may_go_back_to_the_start),
        cmocka_unit_test(the_start_is_known_after_a_restart_and_at_the_end),
        cmocka_unit_test(without_an_archive_there_is_no_way_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
