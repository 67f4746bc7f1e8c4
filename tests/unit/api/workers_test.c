/* Workers: what reports to the database, and the calls over real HTTP on loopback. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/worker_reporter.h"
#include "tests/unit/api/stage.h"

/* A node's worker. */
struct worker {
    struct ph_worker_source base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int measures, drains;
};

static struct worker worker;
static struct ph_worker_reporter *reporter;

static void measure(struct ph_worker_source *source, struct ph_worker_record *record) {
    struct worker *self = (struct worker *)source;
    record->capacity = 4;
    record->sessions = 2;
    record->has_speed = true;
    record->speed = 1.5;
    record->is_well = true;
    pthread_mutex_lock(&self->lock);
    self->measures++;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void drain(struct ph_worker_source *source) {
    struct worker *self = (struct worker *)source;
    pthread_mutex_lock(&self->lock);
    self->drains++;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void await(const int *counter, int wanted) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    int code = 0;
    pthread_mutex_lock(&worker.lock);
    while (*counter < wanted && code == 0)
        code = ph_cond_wait_until(&worker.changed, &worker.lock, deadline_us);
    pthread_mutex_unlock(&worker.lock);
    assert_int_equal(code, 0);
}

/* Three reports from now on. */
static void await_reports(void) {
    pthread_mutex_lock(&worker.lock);
    int measures = worker.measures;
    pthread_mutex_unlock(&worker.lock);
    await(&worker.measures, measures + 3);
}

static int open_worker(void **state) {
    worker = (struct worker){.base = {measure, drain}, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (ph_cond_init(&worker.changed) < 0 || stage_open(state) < 0)
        return -1;
    return ph_worker_reporter_create(&reporter, &(struct ph_worker_reporter_options){.db = stage_db(),
                                                    .clock = ph_clock_system(),
                                                    .source = &worker.base,
                                                    .name = "node-7",
                                                    .period_us = 20 * PH_MILLISECOND_US});
}

static int close_worker(void **state) {
    ph_worker_reporter_destroy(reporter);
    reporter = NULL;
    pthread_cond_destroy(&worker.changed);
    return stage_close(state);
}

static void as_operator(const char *method, const char *path) {
    stage_call(method, path, stage_token("operator", "olga", NULL), NULL);
}

static void a_worker_is_listed_drained_and_gone(void **state) {
    char path[128];
    (void)state;
    await(&worker.measures, 2);
    as_operator("GET", "/api/workers");
    assert_int_equal(stage.status, 200);
    assert_int_equal(json_array_size(stage_member("workers")), 1);
    as_operator("GET", stage_path("/api/workers/", ph_worker_reporter_id(reporter)));
    assert_int_equal(stage.status, 200);
    assert_string_equal(stage_text("name"), "node-7");
    assert_string_equal(stage_text("state"), "serving");
    assert_int_equal(json_integer_value(stage_member("capacity")), 4);
    assert_int_equal(json_integer_value(stage_member("sessions")), 2);
    assert_true(json_real_value(stage_member("speed")) == 1.5);
    assert_true(json_integer_value(stage_member("seenAt")) >= json_integer_value(stage_member("startedAt")));

    snprintf(path, sizeof(path), "/api/workers/%s/drain", ph_worker_reporter_id(reporter));
    for (int i = 0; i < 2; i++) {
        as_operator("POST", path);
        assert_int_equal(stage.status, 200);
        assert_string_equal(stage_text("state"), "draining");
    }
    await(&worker.drains, 1);
    await_reports();
    assert_int_equal(worker.drains, 1);
    as_operator("GET", stage_path("/api/workers/", ph_worker_reporter_id(reporter)));
    assert_string_equal(stage_text("state"), "draining");

    ph_worker_reporter_destroy(reporter);
    reporter = NULL;
    as_operator("GET", "/api/workers");
    assert_int_equal(json_array_size(stage_member("workers")), 0);
}

static void a_silent_worker_is_lost_and_then_forgotten(void **state) {
    struct ph_worker_record lost = {.id = "zzzzzzzzzzzzzzzzzzzzzzzzzz", .name = "gone", .is_well = true};
    (void)state;
    lost.seen_ms = ph_utc_now_us() / PH_MILLISECOND_US - PH_WORKER_LOST_MS - 1000;
    assert_int_equal(ph_workers_report(stage_db(), &lost, 0), 0);
    as_operator("GET", "/api/workers/zzzzzzzzzzzzzzzzzzzzzzzzzz");
    assert_string_equal(stage_text("state"), "lost");
    assert_true(json_is_null(stage_member("speed")));
    lost.seen_ms -= PH_WORKER_FORGOTTEN_MS;
    assert_int_equal(ph_workers_report(stage_db(), &lost, 0), 0);
    await_reports();
    as_operator("GET", "/api/workers/zzzzzzzzzzzzzzzzzzzzzzzzzz");
    assert_int_equal(stage.status, 404);
}

static void workers_are_for_operators(void **state) {
    char path[128];
    (void)state;
    snprintf(path, sizeof(path), "/api/workers/%s/drain", ph_worker_reporter_id(reporter));
    stage_call("GET", "/api/workers", NULL, NULL);
    assert_int_equal(stage.status, 401);
    stage_call("GET", "/api/workers", stage_alice(), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("POST", path, stage_alice(), NULL);
    assert_int_equal(stage.status, 403);
    as_operator("POST", "/api/workers/zzzzzzzzzzzzzzzzzzzzzzzzzz/drain");
    assert_int_equal(stage.status, 404);
    as_operator("GET", "/api/workers/no-such-id");
    assert_int_equal(stage.status, 404);
}

#define WITH_WORKER(test) cmocka_unit_test_setup_teardown(test, open_worker, close_worker)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_WORKER(a_worker_is_listed_drained_and_gone),
        WITH_WORKER(a_silent_worker_is_lost_and_then_forgotten),
        WITH_WORKER(workers_are_for_operators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
