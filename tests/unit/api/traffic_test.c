/* What origins sent, from their sources into the database and the figures of a session. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/traffic_reporter.h"
#include "core/base/thread.h"
#include "tests/unit/api/stage.h"

/* An origin that sends the same before each report. */
struct origin {
    struct ph_traffic_source base;
    struct ph_traffic sends;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int takes, given_back; /* under lock */
};

static size_t take(struct ph_traffic_source *source, struct ph_traffic *list) {
    struct origin *origin = (struct origin *)source;
    list[0] = origin->sends;
    pthread_mutex_lock(&origin->lock);
    origin->takes++;
    pthread_cond_broadcast(&origin->changed);
    pthread_mutex_unlock(&origin->lock);
    return 1;
}

static void give_back(struct ph_traffic_source *source, const struct ph_traffic *traffic) {
    struct origin *origin = (struct origin *)source;
    assert_int_equal(traffic->media_bytes, origin->sends.media_bytes);
    pthread_mutex_lock(&origin->lock);
    origin->given_back++;
    pthread_cond_broadcast(&origin->changed);
    pthread_mutex_unlock(&origin->lock);
}

static void open_origin(struct origin *origin, const char *session) {
    *origin = (struct origin){.base = {take, give_back},
        .sends = {.playlist_requests = 3,
            .playlist_bytes = 900,
            .media_requests = 2,
            .media_bytes = 5000000000,
            .told = 4,
            .starved = 1,
            .bitrates = 2,
            .bitrates_kbps = 5000},
        .lock = PTHREAD_MUTEX_INITIALIZER};
    snprintf(origin->sends.session, sizeof(origin->sends.session), "%s", session);
    assert_int_equal(ph_cond_init(&origin->changed), 0);
}

static void await(struct origin *origin, const int *counter, int wanted) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    int code = 0;
    pthread_mutex_lock(&origin->lock);
    while (*counter < wanted && code == 0)
        code = ph_cond_wait_until(&origin->changed, &origin->lock, deadline_us);
    pthread_mutex_unlock(&origin->lock);
    assert_int_equal(code, 0);
}

static struct ph_traffic_reporter *reporter_of(struct origin *origin) {
    struct ph_traffic_reporter *reporter;
    assert_int_equal(ph_traffic_reporter_create(&reporter,
                         &(struct ph_traffic_reporter_options){
                             .db = stage_db(), .source = &origin->base, .period_us = 10 * PH_MILLISECOND_US}),
        0);
    return reporter;
}

static json_int_t delivered(const char *id, const char *path) {
    stage_call("GET", stage_path("/api/analytics/sessions/", id), stage_alice(), NULL);
    assert_int_equal(stage.status, 200);
    return json_integer_value(stage_member(path));
}

static void what_two_origins_send_is_added_up(void **state) {
    char id[PH_SESSION_ID_BYTES];
    struct origin origins[2];
    struct ph_traffic_reporter *reporters[2];
    (void)state;
    stage_start("{}", id);
    for (int i = 0; i < 2; i++) {
        open_origin(&origins[i], id);
        reporters[i] = reporter_of(&origins[i]);
    }
    for (int i = 0; i < 2; i++)
        await(&origins[i], &origins[i].takes, 3);
    for (int i = 0; i < 2; i++)
        ph_traffic_reporter_destroy(reporters[i]);
    int reports = origins[0].takes + origins[1].takes;
    assert_int_equal(origins[0].given_back + origins[1].given_back, 0);
    assert_int_equal(delivered(id, "delivered.playlistRequests"), 3 * reports);
    assert_int_equal(delivered(id, "delivered.playlistBytes"), 900 * reports);
    assert_int_equal(delivered(id, "delivered.mediaRequests"), 2 * reports);
    assert_int_equal(delivered(id, "delivered.mediaBytes"), INT64_C(5000000000) * reports);
    assert_int_equal(delivered(id, "delivered.cmcd.requests"), 4 * reports);
    assert_int_equal(delivered(id, "delivered.cmcd.starved"), reports);
    assert_int_equal(delivered(id, "delivered.cmcd.bitrateKbps"), 2500);
    assert_true(json_is_null(stage_member("delivered.cmcd.throughputKbps")));
    stage_call("GET", "/api/analytics/summary", stage_alice(), NULL);
    assert_int_equal(json_integer_value(stage_member("delivered.mediaRequests")), 2 * reports);
}

static void what_is_of_no_session_is_left_out(void **state) {
    char id[PH_SESSION_ID_BYTES];
    struct ph_traffic list[2] = {{.session = "nobodys", .media_bytes = 7}, {.media_bytes = 8}};
    (void)state;
    stage_start("{}", id);
    snprintf(list[1].session, sizeof(list[1].session), "%s", id);
    assert_int_equal(ph_traffic_add(stage_db(), list, 2), 0);
    assert_int_equal(delivered(id, "delivered.mediaBytes"), 8);
}

static void what_cannot_be_kept_is_given_back(void **state) {
    struct ph_db_transaction *transaction;
    struct origin origin;
    (void)state;
    assert_int_equal(ph_db_begin(stage_db(), PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, "ALTER TABLE traffic RENAME TO gone"), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
    open_origin(&origin, "some");
    struct ph_traffic_reporter *reporter = reporter_of(&origin);
    await(&origin, &origin.given_back, 2);
    ph_traffic_reporter_destroy(reporter);
    assert_int_equal(origin.given_back, origin.takes);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(what_two_origins_send_is_added_up),
        ON_STAGE(what_is_of_no_session_is_left_out),
        ON_STAGE(what_cannot_be_kept_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
