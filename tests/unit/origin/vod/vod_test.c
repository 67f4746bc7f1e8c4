#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/client.h"
#include "core/media/playback_token.h"
#include "origin/vod/shelf.h"
#include "origin/vod/vod.h"
#include "tests/unit/origin/example.h"
#include "tests/unit/origin/vod/slow_store.h"

/* Recordings behind an HTTP server, as viewers meet them. */
static const char secret[] = "a secret of this test";

struct moving_clock {
    struct ph_clock base;
    _Atomic int64_t ahead_us;
};

struct stage {
    char base[64];
    char token[PH_PLAYBACK_TOKEN_BYTES];
    struct moving_clock clock;
    struct ph_store *store;
    struct ph_metrics *metrics;
    struct ph_vod *vod;
    struct ph_http_server *server;
    struct ph_http_client *client;
};

static int64_t monotonic_us(struct ph_clock *clock) {
    return ph_now_us() + atomic_load(&((struct moving_clock *)clock)->ahead_us);
}

static int64_t utc_us(struct ph_clock *clock) {
    (void)clock;
    return ph_utc_now_us();
}

static void make_token(const char *recording, int64_t expires_s, char token[PH_PLAYBACK_TOKEN_BYTES]) {
    const struct ph_slice key = {(const uint8_t *)secret, strlen(secret)};
    struct ph_playback_claims claims = {.issued_s = expires_s - 300, .expires_s = expires_s, .viewer = "0"};
    ph_playback_holder(key, "mum", claims.holder);
    ph_playback_token_make(key, recording, &claims, token);
}

/* recording.json: two segments of pictures, then a gap. */
static char *manifest(void) {
    const char *hash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct ph_publication publication = example_publication(10);
    publication.track_count = 1;
    char *json = ph_publication_to_json(&publication), *text = malloc(4096);
    snprintf(text, 4096,
        "{\"version\":1,\"id\":\"rec\",\"publication\":%s,\"startedAt\":1767323045678000,\"durationUs\":"
        "6000000,"
        "\"tracks\":[{\"name\":\"v720\",\"initBytes\":4,\"initHash\":\"%s\",\"segments\":["
        "[0,0,60000,7,0,3,\"%s\"],[1,60000,60000,7,0,3,\"%s\"],[2,120000,60000,0,1,0,\"\"]]}],"
        "\"mp4\":null,\"poster\":true,\"storyboard\":null}",
        json, hash, hash, hash);
    free(json);
    return text;
}

static void fill_store(struct ph_store *store) {
    char *json = manifest();
    slow_store_set(store, "recordings/rec/v720/init.mp4", "init");
    slow_store_set(store, "recordings/rec/v720/0.m4s", "seg-0..");
    slow_store_set(store, "recordings/rec/v720/1.m4s", "seg-1..");
    slow_store_set(store, "recordings/rec/poster.jpg", "picture");
    slow_store_set(store, "recordings/rec/recording.json", json);
    free(json);
}

static void open_stage(struct stage *stage, struct ph_vod_options options) {
    const struct ph_http_server_options server = {.listen = "127.0.0.1:0", .threads = 2};
    *stage = (struct stage){.clock = {.base = {.monotonic_us = monotonic_us, .utc_us = utc_us}}};
    stage->store = slow_store_create();
    fill_store(stage->store);
    assert_int_equal(ph_metrics_create(&stage->metrics), 0);
    options.store = stage->store;
    options.secret = (struct ph_slice){(const uint8_t *)secret, strlen(secret)};
    options.clock = &stage->clock.base;
    options.metrics = stage->metrics;
    assert_int_equal(ph_vod_create(&stage->vod, &options), 0);
    assert_int_equal(ph_http_server_create(&stage->server, &server, NULL), 0);
    assert_int_equal(ph_vod_add_routes(stage->vod, stage->server), 0);
    assert_int_equal(ph_vod_start(stage->vod), 0);
    assert_int_equal(ph_http_server_start(stage->server, NULL), 0);
    assert_int_equal(ph_http_client_create(&stage->client), 0);
    snprintf(
        stage->base, sizeof(stage->base), "http://127.0.0.1:%u/vod/", ph_http_server_port(stage->server));
    make_token("rec", ph_utc_now_us() / PH_SECOND_US + 300, stage->token);
}

static void close_stage(struct stage *stage) {
    ph_http_client_destroy(stage->client);
    slow_store_close_gate(stage->store, false);
    ph_vod_drain(stage->vod);
    ph_http_server_drain(stage->server, ph_now_us() + 2 * PH_SECOND_US);
    ph_http_server_destroy(stage->server);
    ph_vod_destroy(stage->vod);
    ph_store_destroy(stage->store);
    ph_metrics_destroy(stage->metrics);
}

/* The status; the answer's text in `text` when it is not NULL. */
static unsigned ask(struct stage *stage, struct ph_http_client *client, const char *path, const char *token,
    char text[4096], int64_t *retry_after_us) {
    char url[512];
    snprintf(url, sizeof(url), "%s%s%s%s", stage->base, path, token ? "?token=" : "", token ? token : "");
    struct ph_http_exchange exchange = {.method = "GET", .url = url};
    unsigned status = ph_http_client_perform(client, &exchange) ? 0 : exchange.status;
    if (text && exchange.answer)
        snprintf(text, 4096, "%.*s", (int)ph_bytes_size(exchange.answer),
            (const char *)ph_bytes_data(exchange.answer));
    if (retry_after_us)
        *retry_after_us = exchange.retry_after_us;
    ph_http_exchange_finish(&exchange);
    return status;
}

static unsigned get(struct stage *stage, const char *path, char text[4096]) {
    return ask(stage, stage->client, path, stage->token, text, NULL);
}

static void a_recording_is_served_out_of_the_store(void **state) {
    (void)state;
    struct stage stage;
    char text[4096], other[PH_PLAYBACK_TOKEN_BYTES], again[4096];
    open_stage(&stage, (struct ph_vod_options){0});
    assert_int_equal(get(&stage, "rec/index.m3u8", text), 200);
    assert_non_null(strstr(text, "\nv720/index.m3u8?token={$token}\n"));
    assert_int_equal(get(&stage, "rec/v720/index.m3u8", text), 200);
    assert_non_null(strstr(text, "#EXT-X-GAP\n#EXTINF:2.0,\n2.m4s?token={$token}\n#EXT-X-ENDLIST\n"));
    make_token("rec", ph_utc_now_us() / PH_SECOND_US + 200, other);
    assert_int_equal(ask(&stage, stage.client, "rec/v720/index.m3u8", other, again, NULL), 200);
    assert_string_equal(again, text);
    assert_int_equal(get(&stage, "rec/v720/iframes.m3u8", text), 200);
    assert_non_null(strstr(text, "#EXT-X-BYTERANGE:3@0\n"));
    assert_int_equal(get(&stage, "rec/v720/init.mp4", text), 200);
    assert_string_equal(text, "init");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(&stage, "rec/v720/1.m4s", text), 200);
        assert_string_equal(text, "seg-1..");
    }
    assert_int_equal(get(&stage, "rec/poster.jpg", text), 200);
    assert_string_equal(text, "picture");
    assert_int_equal(slow_store_gets(stage.store, "recording.json"), 1);
    assert_int_equal(slow_store_gets(stage.store, "1.m4s"), 1);
    const char *const missing[] = {"rec/v720/2.m4s", "rec/v720/3.m4s", "rec/v720/0.0.m4s", "rec/v1080/0.m4s",
        "rec/storyboard.vtt", "rec/storyboard-0.jpg", "rec/recording.json", "rec/recording.mp4",
        "rec/v720/x"};
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        assert_int_equal(get(&stage, missing[i], NULL), 404);
    close_stage(&stage);
}

static void who_has_no_token_of_it_learns_nothing(void **state) {
    (void)state;
    struct stage stage;
    char token[PH_PLAYBACK_TOKEN_BYTES];
    int64_t now_s = ph_utc_now_us() / PH_SECOND_US;
    open_stage(&stage, (struct ph_vod_options){0});
    const char *const paths[] = {"rec/index.m3u8", "rec/v720/0.m4s", "none/index.m3u8", "rec/x"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(ask(&stage, stage.client, paths[i], NULL, NULL, NULL), 401);
        assert_int_equal(ask(&stage, stage.client, paths[i], "x", NULL, NULL), 403);
        make_token("another", now_s + 300, token);
        assert_int_equal(ask(&stage, stage.client, paths[i], token, NULL, NULL), 403);
        make_token("rec", now_s - 1, token);
        assert_int_equal(ask(&stage, stage.client, paths[i], token, NULL, NULL), 403);
    }
    assert_int_equal(slow_store_heads(stage.store) + slow_store_gets(stage.store, ""), 0);
    make_token("none", now_s + 300, token);
    assert_int_equal(ask(&stage, stage.client, "none/index.m3u8", token, NULL, NULL), 404);
    close_stage(&stage);
}

enum { crowd_size = 12 };

struct viewer {
    struct stage *stage;
    const char *path;
    pthread_t thread;
    unsigned status;
    int64_t retry_after_us;
    char text[4096];
};

static void *watch(void *opaque) {
    struct viewer *viewer = opaque;
    struct ph_http_client *client = NULL;
    if (ph_http_client_create(&client))
        return NULL;
    viewer->status =
        ask(viewer->stage, client, viewer->path, viewer->stage->token, viewer->text, &viewer->retry_after_us);
    ph_http_client_destroy(client);
    return NULL;
}

static void send_viewer(struct viewer *viewer, struct stage *stage, const char *path) {
    *viewer = (struct viewer){.stage = stage, .path = path};
    assert_int_equal(pthread_create(&viewer->thread, NULL, watch, viewer), 0);
}

static void who_asks_for_the_same_at_once_is_answered_by_one_fetch(void **state) {
    (void)state;
    struct stage stage;
    static struct viewer crowd[crowd_size];
    open_stage(&stage, (struct ph_vod_options){0});
    slow_store_close_gate(stage.store, true);
    for (int i = 0; i < crowd_size; i++)
        send_viewer(&crowd[i], &stage, i % 3 ? "rec/v720/0.m4s" : "rec/index.m3u8");
    while (slow_store_waiting(stage.store) == 0)
        sched_yield();
    slow_store_close_gate(stage.store, false);
    for (int i = 0; i < crowd_size; i++) {
        pthread_join(crowd[i].thread, NULL);
        assert_int_equal(crowd[i].status, 200);
        if (i % 3)
            assert_string_equal(crowd[i].text, "seg-0..");
    }
    assert_int_equal(slow_store_gets(stage.store, "recording.json"), 1);
    assert_int_equal(slow_store_gets(stage.store, "0.m4s"), 1);
    close_stage(&stage);
}

static void more_than_can_wait_is_told_to_come_again(void **state) {
    (void)state;
    struct stage stage;
    static struct viewer first, second, third;
    open_stage(&stage, (struct ph_vod_options){.threads = 1, .most_waiting = 1});
    assert_int_equal(get(&stage, "rec/index.m3u8", NULL), 200);
    slow_store_close_gate(stage.store, true);
    send_viewer(&first, &stage, "rec/v720/0.m4s");
    while (slow_store_waiting(stage.store) == 0)
        sched_yield();
    send_viewer(&second, &stage, "rec/v720/1.m4s");
    /* One of these two stands in the queue, and the other finds no room in it. */
    send_viewer(&third, &stage, "rec/poster.jpg");
    char text[4096] = "";
    while (!strstr(text, "result=\"refused\"} 1")) {
        struct ph_builder builder = {0};
        ph_metrics_render(stage.metrics, &builder);
        char *rendered = ph_builder_finish_string(&builder);
        const char *place = strstr(rendered, "porthole_vod_fetches_total");
        snprintf(text, sizeof(text), "%s", place ? place : "");
        free(rendered);
        sched_yield();
    }
    slow_store_close_gate(stage.store, false);
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    pthread_join(third.thread, NULL);
    assert_int_equal(first.status, 200);
    const struct viewer *refused = second.status == 200 ? &third : &second;
    assert_int_equal(refused->status, 503);
    assert_true(refused->retry_after_us > 0);
    assert_int_equal((refused == &third ? second : third).status, 200);
    close_stage(&stage);
}

static void a_store_in_trouble_is_told_and_not_remembered(void **state) {
    (void)state;
    struct stage stage;
    char text[4096];
    int64_t retry_after_us = 0;
    open_stage(&stage, (struct ph_vod_options){0});
    slow_store_fail(stage.store, "0.m4s", -EREMOTE);
    assert_int_equal(get(&stage, "rec/v720/0.m4s", text), 409);
    assert_non_null(strstr(text, "restored"));
    slow_store_fail(stage.store, "0.m4s", -EAGAIN);
    assert_int_equal(ask(&stage, stage.client, "rec/v720/0.m4s", stage.token, NULL, &retry_after_us), 503);
    assert_true(retry_after_us > 0);
    slow_store_fail(stage.store, "", 0);
    assert_int_equal(get(&stage, "rec/v720/0.m4s", text), 200);
    slow_store_set(stage.store, "recordings/rec/v720/1.m4s", "too long");
    assert_int_equal(get(&stage, "rec/v720/1.m4s", text), 503);
    slow_store_set(stage.store, "recordings/rec/recording.json", "{}");
    ph_vod_forget(stage.vod, "rec");
    assert_int_equal(get(&stage, "rec/index.m3u8", text), 503);
    close_stage(&stage);
}

static void a_deleted_recording_is_gone_at_once(void **state) {
    (void)state;
    struct stage stage;
    open_stage(&stage, (struct ph_vod_options){0});
    assert_int_equal(get(&stage, "rec/v720/0.m4s", NULL), 200);
    slow_store_set(stage.store, "recordings/rec/recording.json", NULL);
    assert_int_equal(get(&stage, "rec/v720/0.m4s", NULL), 200);
    ph_vod_forget(stage.vod, "rec");
    assert_int_equal(get(&stage, "rec/v720/0.m4s", NULL), 404);
    assert_int_equal(get(&stage, "rec/index.m3u8", NULL), 404);
    close_stage(&stage);
}

static void where_nobody_says_so_a_deleted_recording_is_gone_soon(void **state) {
    (void)state;
    struct stage stage;
    open_stage(&stage, (struct ph_vod_options){0});
    assert_int_equal(get(&stage, "rec/v720/0.m4s", NULL), 200);
    assert_int_equal(slow_store_heads(stage.store), 1);
    atomic_fetch_add(&stage.clock.ahead_us, PH_SHELF_FRESH_US + PH_SECOND_US);
    assert_int_equal(get(&stage, "rec/v720/0.m4s", NULL), 200); /* while somebody has a fresh look */
    while (slow_store_heads(stage.store) < 2)
        sched_yield();
    atomic_fetch_add(&stage.clock.ahead_us, PH_SHELF_STALE_US + PH_SECOND_US);
    slow_store_fail(stage.store, "", -EAGAIN);
    assert_int_equal(get(&stage, "rec/index.m3u8", NULL), 200); /* nobody can say that it is gone */
    slow_store_fail(stage.store, "", 0);
    slow_store_set(stage.store, "recordings/rec/recording.json", NULL);
    atomic_fetch_add(&stage.clock.ahead_us, PH_SHELF_STALE_US + PH_SECOND_US);
    assert_int_equal(get(&stage, "rec/v720/0.m4s", NULL), 404);
    close_stage(&stage);
}

static atomic_bool is_listed_as_deleted;

static bool is_deleted(void *opaque, const char *recording) {
    (void)opaque;
    assert_string_equal(recording, "rec");
    return atomic_load(&is_listed_as_deleted);
}

/* Its objects wait for a clip. */
static void a_deleted_recording_is_gone_before_its_objects(void **state) {
    (void)state;
    struct stage stage;
    atomic_store(&is_listed_as_deleted, false);
    open_stage(&stage, (struct ph_vod_options){.is_deleted = is_deleted});
    assert_int_equal(get(&stage, "rec/v720/0.m4s", NULL), 200);
    atomic_store(&is_listed_as_deleted, true);
    assert_int_equal(get(&stage, "rec/v720/0.m4s", NULL), 200);
    atomic_fetch_add(&stage.clock.ahead_us, PH_SHELF_STALE_US + PH_SECOND_US);
    assert_int_equal(get(&stage, "rec/v720/0.m4s", NULL), 404);
    assert_int_equal(get(&stage, "rec/index.m3u8", NULL), 404);
    close_stage(&stage);
}

static void who_waits_when_it_stops_is_answered(void **state) {
    (void)state;
    struct stage stage;
    static struct viewer viewer;
    open_stage(&stage, (struct ph_vod_options){0});
    slow_store_close_gate(stage.store, true);
    send_viewer(&viewer, &stage, "rec/index.m3u8");
    while (slow_store_waiting(stage.store) == 0)
        sched_yield();
    ph_vod_drain(stage.vod);
    pthread_join(viewer.thread, NULL);
    assert_int_equal(viewer.status, 503);
    close_stage(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recording_is_served_out_of_the_store),
        cmocka_unit_test(who_has_no_token_of_it_learns_nothing),
        cmocka_unit_test(who_asks_for_the_same_at_once_is_answered_by_one_fetch),
        cmocka_unit_test(more_than_can_wait_is_told_to_come_again),
        cmocka_unit_test(a_store_in_trouble_is_told_and_not_remembered),
        cmocka_unit_test(a_deleted_recording_is_gone_at_once),
        cmocka_unit_test(where_nobody_says_so_a_deleted_recording_is_gone_soon),
        cmocka_unit_test(a_deleted_recording_is_gone_before_its_objects),
        cmocka_unit_test(who_waits_when_it_stops_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
