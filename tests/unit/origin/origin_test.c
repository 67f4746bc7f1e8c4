#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/thread.h"
#include "core/http/client.h"
#include "core/media/publish_token.h"
#include "core/media/storyboard.h"
#include "origin/origin.h"
#include "tests/unit/origin/example.h"

/* A whole origin behind its HTTP server, as workers and viewers meet it. */
static const char secret[] = "a secret of this test";

struct stage {
    char dir[64];
    char base[64];
    char authorization[96];
    struct ph_metrics *metrics;
    struct ph_origin *origin;
    struct ph_http_server *server;
    struct ph_http_client *client;
};

/* The disk of all tests here; it stands still where one wants it to. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stands_still; /* guarded by lock */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Instead of the C library's. */
int fdatasync(int fd) {
    pthread_mutex_lock(&disk.lock);
    while (disk.stands_still)
        pthread_cond_wait(&disk.changed, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
    return (int)syscall(SYS_fdatasync, fd);
}

static void let_disk_stand_still(bool stands_still) {
    pthread_mutex_lock(&disk.lock);
    disk.stands_still = stands_still;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static void open_stage(struct stage *stage) {
    const struct ph_http_server_options server = {.listen = "127.0.0.1:0", .threads = 2};
    char token[PH_PUBLISH_TOKEN_BYTES];
    const struct ph_slice key = {(const uint8_t *)secret, strlen(secret)};
    assert_int_equal(ph_metrics_create(&stage->metrics), 0);
    const struct ph_origin_options options = {
        .data_dir = stage->dir, .secret = key, .metrics = stage->metrics};
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
    ph_origin_destroy(stage->origin);
    ph_metrics_destroy(stage->metrics);
}

/* The status; the answer's text, cut to fit, in `text` when it is not NULL. */
static unsigned ask(struct ph_http_client *client, const char *base, const char *method, const char *path,
    const char *const *headers, const char *body, char text[4096]) {
    char url[256];
    snprintf(url, sizeof(url), "%s%s", base, path);
    struct ph_http_exchange exchange = {.method = method, .url = url, .headers = headers};
    if (body)
        exchange.body = (struct ph_slice){(const uint8_t *)body, strlen(body)};
    unsigned status = ph_http_client_perform(client, &exchange) ? 0 : exchange.status;
    if (text && exchange.answer)
        snprintf(text, 4096, "%.*s", (int)ph_bytes_size(exchange.answer),
            (const char *)ph_bytes_data(exchange.answer));
    ph_http_exchange_finish(&exchange);
    return status;
}

static unsigned get(struct stage *stage, const char *path, char text[4096]) {
    return ask(stage->client, stage->base, "GET", path, NULL, NULL, text);
}

static unsigned put(struct stage *stage, const char *path, const char *body, char text[4096]) {
    const char *const headers[] = {stage->authorization, NULL};
    return ask(stage->client, stage->base, "PUT", path, headers, body, text);
}

static unsigned put_part(struct stage *stage, const char *track, unsigned segment, unsigned part) {
    char path[64], start[64], body[32];
    snprintf(path, sizeof(path), "/publish/s/%s/%u.%u.m4s", track, segment, part);
    snprintf(start, sizeof(start), "X-Part-Start: %u", (segment * 3 + part) * 6000);
    snprintf(body, sizeof(body), "%u.%u;", segment, part);
    const char *const headers[] = {stage->authorization, "X-Part-Duration: 6000", start,
        part == 0 ? "X-Independent: 1" : "X-Independent: 0",
        part == 2 ? "X-Last-In-Segment: 1" : "X-Last-In-Segment: 0", NULL};
    return ask(stage->client, stage->base, "PUT", path, headers, body, NULL);
}

/* The last part of a segment, as often as it takes until the disk has it: a slow one is waited for half a
 * part. */
static unsigned put_last_part(struct stage *stage, const char *track, unsigned segment) {
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    unsigned status = put_part(stage, track, segment, 2);
    while (status == 202 && ph_now_us() < deadline_us)
        status = put_part(stage, track, segment, 2);
    return status;
}

static void announce(struct stage *stage) {
    struct ph_publication publication = example_publication(3);
    publication.track_count = 1;
    char *json = ph_publication_to_json(&publication);
    assert_int_equal(put(stage, "/publish/s", json, NULL), 201);
    assert_int_equal(put(stage, "/publish/s", json, NULL), 200);
    free(json);
    assert_int_equal(put(stage, "/publish/s/v720/init.mp4", "\1\1\1\1ftypinit", NULL), 201);
    assert_int_equal(put(stage, "/publish/s/v720/init.mp4", "\1\1\1\1ftypinit", NULL), 200);
}

static void publishing_is_answered_as_the_contract_says(void **state) {
    (void)state;
    struct stage stage;
    char text[4096];
    example_make_dir(stage.dir);
    open_stage(&stage);
    assert_int_equal(put(&stage, "/publish/s/v720/init.mp4", "\1\1\1\1ftypinit", NULL), 404);
    assert_int_equal(put(&stage, "/publish/s", "{}", text), 400);
    assert_non_null(strstr(text, "epoch_utc_us"));
    assert_int_equal(ask(stage.client, stage.base, "PUT", "/publish/s", NULL, "{}", NULL), 401);
    assert_int_equal(put(&stage, "/publish/other", "{}", NULL), 401);
    announce(&stage);
    assert_int_equal(put(&stage, "/publish/s/v720/init.mp4", "\1\1\1\1ftypelse", NULL), 409);
    assert_int_equal(put(&stage, "/publish/s/v720/0.0.m4s", "x", NULL), 400);
    assert_int_equal(put(&stage, "/publish/s/v720/0.m4s", "x", NULL), 400);
    assert_int_equal(put(&stage, "/publish/s/v1080/init.mp4", "\1\1\1\1ftypinit", NULL), 404);

    assert_int_equal(put_part(&stage, "v720", 0, 0), 202);
    assert_int_equal(put_part(&stage, "v720", 0, 0), 200);
    assert_int_equal(put_part(&stage, "v720", 0, 2), 409);
    assert_int_equal(put_part(&stage, "v720", 0, 1), 202);
    assert_int_equal(put_last_part(&stage, "v720", 0), 201);
    assert_int_equal(put_last_part(&stage, "v720", 0), 201);
    assert_int_equal(put_part(&stage, "v720", 1, 0), 202);
    const char *const headers[] = {stage.authorization, NULL};
    assert_int_equal(ask(stage.client, stage.base, "GET", "/publish/s", headers, NULL, text), 200);
    assert_string_equal(text,
        "{\"tracks\":[{\"name\":\"v720\",\"next\":{\"segment\":1,\"part\":1},\"durable\":1,\"init\":true}]}");

    assert_int_equal(put(&stage, "/publish/s/thumb.jpg", "no picture", NULL), 400);
    assert_int_equal(get(&stage, "/live/s/thumb.jpg", NULL), 404);
    assert_int_equal(put(&stage, "/publish/s/thumb.jpg", "\xff\xd8\xff\xe0picture", NULL), 200);
    assert_int_equal(get(&stage, "/live/s/thumb.jpg", NULL), 200);

    assert_int_equal(ask(stage.client, stage.base, "DELETE", "/publish/s", headers, NULL, NULL), 200);
    assert_int_equal(ask(stage.client, stage.base, "DELETE", "/publish/s", headers, NULL, NULL), 200);
    assert_int_equal(put_part(&stage, "v720", 1, 1), 410);
    assert_int_equal(get(&stage, "/live/s/v720/1.m4s", text), 200);
    assert_string_equal(text, "1.0;");
    assert_int_equal(get(&stage, "/live/s/v720/index.m3u8?_HLS_part=7", text), 200);
    assert_non_null(strstr(text, "#EXT-X-ENDLIST"));
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

static void wait_for_standing(struct stage *stage, const char *wanted) {
    char text[4096] = "";
    const char *const headers[] = {stage->authorization, NULL};
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    do
        assert_int_equal(ask(stage->client, stage->base, "GET", "/publish/s", headers, NULL, text), 200);
    while (strcmp(text, wanted) != 0 && ph_now_us() < deadline_us);
    assert_string_equal(text, wanted);
}

/* Parts of the example last 0.2 s: viewers have each, and the publisher may send the next before it is due.
 * What is not on disk is not said to be. */
static void a_disk_that_stands_still_holds_no_part_back(void **state) {
    (void)state;
    struct stage stage;
    char text[4096];
    example_make_dir(stage.dir);
    open_stage(&stage);
    announce(&stage);
    assert_int_equal(put_part(&stage, "v720", 0, 0), 202);
    assert_int_equal(put_part(&stage, "v720", 0, 1), 202);
    let_disk_stand_still(true);
    int64_t start_us = ph_now_us();
    assert_int_equal(put_part(&stage, "v720", 0, 2), 202);
    assert_true(ph_now_us() - start_us < 5 * PH_SECOND_US);
    assert_int_equal(put_part(&stage, "v720", 1, 0), 202);
    assert_int_equal(get(&stage, "/live/s/v720/0.m4s", text), 200);
    assert_string_equal(text, "0.0;0.1;0.2;");
    assert_int_equal(get(&stage, "/live/s/v720/1.0.m4s", text), 200);
    wait_for_standing(&stage,
        "{\"tracks\":[{\"name\":\"v720\",\"next\":{\"segment\":1,\"part\":1},\"durable\":0,\"init\":true}]}");
    let_disk_stand_still(false);
    wait_for_standing(&stage,
        "{\"tracks\":[{\"name\":\"v720\",\"next\":{\"segment\":1,\"part\":1},\"durable\":1,\"init\":true}]}");
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

static unsigned put_sheet(struct stage *stage, const char *file, const char *header, const char *body) {
    char path[64], line[96];
    snprintf(path, sizeof(path), "/publish/s/storyboard/%s", file);
    snprintf(line, sizeof(line), "X-Storyboard: %s", header);
    const char *const headers[] = {stage->authorization, line, NULL};
    return ask(stage->client, stage->base, "PUT", path, headers, body, NULL);
}

static void read_spooled(const struct stage *stage, const char *file, char text[256]) {
    char path[128];
    snprintf(path, sizeof(path), "%s/spool/s/storyboard/%s", stage->dir, file);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    text[fread(text, 1, 255, stream)] = '\0';
    fclose(stream);
}

/* The sheets are on disk when the session's end is; the last one put of each counts. */
static void a_storyboard_is_kept_in_the_spool(void **state) {
    (void)state;
    struct stage stage;
    char text[256];
    example_make_dir(stage.dir);
    open_stage(&stage);
    static const char jpeg[] = "\xff\xd8\xff\xe0picture", again[] = "\xff\xd8\xff\xe0 more of it";
    assert_int_equal(put_sheet(&stage, "0.jpg", "1, 5, 5, 160, 90, 10000", jpeg), 404);
    announce(&stage);
    assert_int_equal(put_sheet(&stage, "0.jpg", "1, 5, 5, 160, 90, 10000", "no picture"), 400);
    assert_int_equal(put_sheet(&stage, "0.jpg", "26, 5, 5, 160, 90, 10000", jpeg), 400);
    assert_int_equal(put_sheet(&stage, "index", "1, 5, 5, 160, 90, 10000", jpeg), 400);
    assert_int_equal(put_sheet(&stage, "..jpg", "1, 5, 5, 160, 90, 10000", jpeg), 400);
    assert_int_equal(put(&stage, "/publish/s/storyboard/0.jpg", jpeg, NULL), 400);
    assert_int_equal(
        ask(stage.client, stage.base, "PUT", "/publish/s/storyboard/0.jpg", NULL, jpeg, NULL), 401);

    assert_int_equal(put_sheet(&stage, "0.jpg", "1, 5, 5, 160, 90, 10000", jpeg), 202);
    assert_int_equal(put_sheet(&stage, "0.jpg", "2, 5, 5, 160, 90, 10000", again), 202);
    assert_int_equal(put_sheet(&stage, "2.jpg", "1, 5, 5, 160, 90, 10000", jpeg), 202);
    const char *const headers[] = {stage.authorization, NULL};
    assert_int_equal(ask(stage.client, stage.base, "DELETE", "/publish/s", headers, NULL, NULL), 200);
    assert_int_equal(put_sheet(&stage, "2.jpg", "2, 5, 5, 160, 90, 10000", jpeg), 410);
    read_spooled(&stage, "0.jpg", text);
    assert_string_equal(text, again);
    read_spooled(&stage, "2.jpg", text);
    assert_string_equal(text, jpeg);
    read_spooled(&stage, "index", text);
    struct ph_storyboard_sheet sheets[4];
    const struct ph_slice index = {(const uint8_t *)text, strlen(text)};
    assert_int_equal(ph_storyboard_index_parse(index, sheets, 4), 2);
    assert_int_equal(sheets[0].tiles, 2);
    assert_int_equal(sheets[1].first_tile, 2);
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

static void a_restarted_origin_goes_on_where_it_was(void **state) {
    (void)state;
    struct stage stage;
    char before[4096], after[4096];
    example_make_dir(stage.dir);
    open_stage(&stage);
    announce(&stage);
    for (unsigned i = 0; i < 40; i++)
        assert_in_range(put_part(&stage, "v720", i / 3, i % 3), 201, 202);
    assert_int_equal(get(&stage, "/live/s/v720/index.m3u8", before), 200);
    close_stage(&stage);
    open_stage(&stage);
    assert_int_equal(get(&stage, "/live/s/v720/index.m3u8", after), 200);
    assert_string_equal(after, before);
    assert_int_equal(put_part(&stage, "v720", 13, 0), 200);
    assert_int_equal(put_part(&stage, "v720", 13, 1), 202);
    assert_int_equal(put_last_part(&stage, "v720", 13), 201);
    assert_int_equal(get(&stage, "/live/s/v720/13.m4s", after), 200);
    assert_string_equal(after, "13.0;13.1;13.2;");
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

static void what_viewers_are_sent_is_told_by_session(void **state) {
    (void)state;
    static struct ph_origin_traffic sent[PH_ORIGIN_MOST_TRAFFIC];
    struct stage stage;
    char text[4096];
    example_make_dir(stage.dir);
    open_stage(&stage);
    announce(&stage);
    for (unsigned part = 0; part < 3; part++)
        assert_in_range(put_part(&stage, "v720", 0, part), 201, 202);
    assert_int_equal(ph_origin_take_traffic(stage.origin, sent), 0);
    assert_int_equal(get(&stage, "/live/s/v720/index.m3u8", text), 200);
    assert_int_equal(get(&stage, "/live/s/v720/0.0.m4s?CMCD=br%3D3000%2Cbs%2Csid%3D%22x%22", NULL), 200);
    const char *const cmcd[] = {"CMCD-Object: br=1000,ot=v", "CMCD-Request: mtp=25000", NULL};
    assert_int_equal(ask(stage.client, stage.base, "GET", "/live/s/v720/0.m4s", cmcd, NULL, NULL), 200);
    assert_int_equal(ask(stage.client, stage.base, "HEAD", "/live/s/v720/0.m4s", NULL, NULL, NULL), 200);
    assert_int_equal(get(&stage, "/live/t/index.m3u8", NULL), 404);
    assert_int_equal(ph_origin_take_traffic(stage.origin, sent), 1);
    assert_string_equal(sent[0].session, "s");
    assert_int_equal(sent[0].playlist_requests, 1);
    assert_int_equal(sent[0].playlist_bytes, strlen(text));
    assert_int_equal(sent[0].media_requests, 3);
    assert_int_equal(sent[0].media_bytes, strlen("0.0;") + strlen("0.0;0.1;0.2;"));
    assert_int_equal(sent[0].told, 2);
    assert_int_equal(sent[0].starved, 1);
    assert_int_equal(sent[0].bitrates, 2);
    assert_int_equal(sent[0].bitrates_kbps, 4000);
    assert_int_equal(sent[0].throughputs, 1);
    assert_int_equal(sent[0].throughputs_kbps, 25000);
    assert_int_equal(ph_origin_take_traffic(stage.origin, &sent[1]), 0);
    ph_origin_give_traffic_back(stage.origin, &sent[0]);
    assert_int_equal(ph_origin_take_traffic(stage.origin, &sent[1]), 1);
    assert_string_equal(sent[1].session, "s");
    assert_int_equal(sent[1].playlist_bytes, sent[0].playlist_bytes);
    assert_int_equal(sent[1].media_requests, sent[0].media_requests);
    assert_int_equal(sent[1].media_bytes, sent[0].media_bytes);
    assert_int_equal(sent[1].bitrates_kbps, sent[0].bitrates_kbps);
    assert_int_equal(sent[1].throughputs_kbps, sent[0].throughputs_kbps);
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

struct viewer {
    const char *base;
    const char *path;
    unsigned status;
    char text[4096];
};

static void *view(void *opaque) {
    struct viewer *viewer = opaque;
    struct ph_http_client *client = NULL;
    if (ph_http_client_create(&client) == 0)
        viewer->status = ask(client, viewer->base, "GET", viewer->path, NULL, NULL, viewer->text);
    ph_http_client_destroy(client);
    return NULL;
}

static void viewers_are_held_until_there_is_something(void **state) {
    (void)state;
    enum { count = 6 };
    static const char *const paths[count] = {"/live/s/index.m3u8", "/live/s/v720/index.m3u8",
        "/live/s/v720/index.m3u8?_HLS_msn=0&_HLS_part=1", "/live/s/v720/index.m3u8?_HLS_msn=0&_HLS_skip=YES",
        "/live/s/v720/index.m3u8?_HLS_msn=0&_HLS_part=3",
        "/live/s/v720/index.m3u8?_HLS_msn=1&_HLS_part=0&token=x"};
    static const char *const contained[count] = {
        "v720/index.m3u8", "0.0.m4s", "0.1.m4s", "#EXTINF", "1.0.m4s", "1.0.m4s"};
    struct stage stage;
    struct viewer viewers[count];
    pthread_t threads[count];
    example_make_dir(stage.dir);
    open_stage(&stage);
    announce(&stage);
    for (int i = 0; i < count; i++) {
        viewers[i] = (struct viewer){.base = stage.base, .path = paths[i]};
        assert_int_equal(ph_thread_start(&threads[i], "viewer", view, &viewers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        assert_in_range(put_part(&stage, "v720", i / 3, i % 3), 201, 202);
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(viewers[i].status, 200);
        assert_non_null(strstr(viewers[i].text, contained[i]));
    }
    assert_int_equal(get(&stage, "/live/s/v720/1.0.m4s", viewers[0].text), 200);
    assert_string_equal(viewers[0].text, "1.0;");
    assert_int_equal(get(&stage, "/live/s/v720/1.2.m4s", NULL), 404);
    assert_int_equal(get(&stage, "/live/s/v720/1.m4s", NULL), 404);
    assert_int_equal(get(&stage, "/live/s/v720/index.m3u8?_HLS_msn=3", NULL), 400);
    assert_int_equal(get(&stage, "/live/s/v1080/index.m3u8", NULL), 404);
    assert_int_equal(get(&stage, "/live/t/index.m3u8", NULL), 404);
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

static void nothing_new_for_three_targets_gives_503(void **state) {
    (void)state;
    struct stage stage;
    example_make_dir(stage.dir);
    open_stage(&stage);
    announce(&stage);
    assert_int_equal(put_part(&stage, "v720", 0, 0), 202);
    int64_t start_us = ph_now_us();
    assert_int_equal(get(&stage, "/live/s/v720/index.m3u8?_HLS_msn=0&_HLS_part=1", NULL), 503);
    assert_in_range(ph_now_us() - start_us, 2900000, 12000000);
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publishing_is_answered_as_the_contract_says),
        cmocka_unit_test(a_disk_that_stands_still_holds_no_part_back),
        cmocka_unit_test(a_storyboard_is_kept_in_the_spool),
        cmocka_unit_test(a_restarted_origin_goes_on_where_it_was),
        cmocka_unit_test(what_viewers_are_sent_is_told_by_session),
        cmocka_unit_test(viewers_are_held_until_there_is_something),
        cmocka_unit_test(nothing_new_for_three_targets_gives_503),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
