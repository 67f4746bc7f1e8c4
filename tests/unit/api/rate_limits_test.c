#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/embedded.h"
#include "api/rate_limits.h"
#include "core/db/sql.h"
#include "tests/unit/support/database.h"

static const int64_t patience_us = 30 * PH_SECOND_US;

/* A clock that other threads may read. */
static struct ph_clock test_clock;
static _Atomic int64_t utc_us;
static atomic_uint steps;
static atomic_bool is_asked_elsewhere; /* by another thread than the test's: it is about to write */
static pthread_t own_thread;

static struct ph_db *db;
static struct ph_metrics *metrics;
static struct ph_rate_limits *limits, *neighbour;

static int64_t read_utc(struct ph_clock *clock) {
    (void)clock;
    if (!pthread_equal(pthread_self(), own_thread))
        atomic_store(&is_asked_elsewhere, true);
    return atomic_load(&utc_us);
}

static unsigned read_steps(struct ph_clock *clock) {
    (void)clock;
    return atomic_load(&steps);
}

static void advance(int64_t seconds) {
    atomic_fetch_add(&utc_us, seconds * PH_SECOND_US);
}

static int open_limits(void **state) {
    (void)state;
    own_thread = pthread_self();
    atomic_store(&is_asked_elsewhere, false);
    test_clock = (struct ph_clock){read_utc, read_utc, read_steps};
    atomic_store(&utc_us, 1800000000 * PH_SECOND_US);
    if (ph_test_database_make() < 0 || ph_db_open(&db, ph_test_database_url(), NULL) < 0 ||
        ph_db_migrate(db, ph_api_migrations, ph_api_migration_count, NULL) < 0 ||
        ph_metrics_create(&metrics) < 0)
        return -1;
    struct ph_rate_limits_options options = {.db = db, .metrics = metrics, .clock = &test_clock};
    if (ph_rate_rules_parse("calls=10/100,chat=0/1,tokens=5/10", &options.rules) < 0)
        return -1;
    int code = ph_rate_limits_create(&limits, &options);
    return code < 0 ? code : ph_rate_limits_create(&neighbour, &options);
}

static int close_limits(void **state) {
    (void)state;
    ph_rate_limits_destroy(limits);
    ph_rate_limits_destroy(neighbour);
    ph_db_close(db);
    ph_metrics_destroy(metrics);
    return ph_test_database_remove();
}

/* How many calls pass, of 20. */
static int passing(struct ph_rate_limits *node, enum ph_rate_class rate, const char *who) {
    int passed = 0;
    for (int i = 0; i < 20; i++)
        passed += !ph_rate_limits_take(node, rate, who).is_refused;
    return passed;
}

/* What was taken is in the database before the clock goes on. */
static void settle_and_advance(int64_t seconds) {
    assert_int_equal(ph_rate_limits_settle(limits), 0);
    advance(seconds);
}

static void a_bucket_empties_and_fills_again(void **state) {
    (void)state;
    struct ph_rate_verdict verdict = ph_rate_limits_take(limits, PH_RATE_CALLS, "alice");
    assert_true(verdict.is_limited && !verdict.is_refused);
    assert_int_equal(verdict.limit, 10);
    assert_int_equal(verdict.remaining, 9);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 9);
    verdict = ph_rate_limits_look(limits, PH_RATE_CALLS, "alice");
    assert_true(verdict.is_refused);
    assert_int_equal(verdict.remaining, 0);
    assert_int_equal(verdict.reset_s, 100);
    assert_int_equal(verdict.retry_after_s, 10);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "bob"), 10);
    assert_int_equal(passing(limits, PH_RATE_TOKENS, "alice"), 5);
    settle_and_advance(9);
    assert_int_equal(ph_rate_limits_look(limits, PH_RATE_CALLS, "alice").retry_after_s, 1);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 0);
    settle_and_advance(1);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 1);
    settle_and_advance(35);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 3);
    settle_and_advance(1000);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 10);
}

static void what_has_no_rule_is_not_limited(void **state) {
    (void)state;
    assert_int_equal(passing(limits, PH_RATE_CHAT, "alice"), 20);
    assert_false(ph_rate_limits_take(limits, PH_RATE_FREE, "alice").is_limited);
}

static void nodes_share_a_bucket(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++)
        assert_false(ph_rate_limits_take(limits, PH_RATE_CALLS, "alice").is_refused);
    assert_int_equal(ph_rate_limits_settle(limits), 0);
    assert_int_equal(ph_rate_limits_take(neighbour, PH_RATE_CALLS, "alice").remaining, 9);
    assert_int_equal(ph_rate_limits_settle(neighbour), 0);
    assert_int_equal(ph_rate_limits_look(neighbour, PH_RATE_CALLS, "alice").remaining, 3);
    assert_int_equal(passing(neighbour, PH_RATE_CALLS, "alice"), 3);
    assert_int_equal(ph_rate_limits_settle(neighbour), 0);
    ph_rate_limits_take(limits, PH_RATE_CALLS, "alice");
    assert_int_equal(ph_rate_limits_settle(limits), 0);
    assert_true(ph_rate_limits_look(limits, PH_RATE_CALLS, "alice").is_refused);
}

static void a_clock_that_is_set_back_locks_nobody_out(void **state) {
    (void)state;
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 10);
    assert_int_equal(ph_rate_limits_settle(limits), 0);
    ph_rate_limits_take(neighbour, PH_RATE_CALLS, "alice");
    assert_int_equal(ph_rate_limits_settle(neighbour), 0);
    assert_true(ph_rate_limits_look(neighbour, PH_RATE_CALLS, "alice").is_refused);
    advance(-86400);
    atomic_fetch_add(&steps, 1);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 10);
    assert_int_equal(ph_rate_limits_settle(limits), 0);
    assert_int_equal(ph_rate_limits_look(limits, PH_RATE_CALLS, "alice").reset_s, 100);
    advance(100);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 10);
    settle_and_advance(100);
    assert_int_equal(passing(neighbour, PH_RATE_CALLS, "alice"), 10);
}

/* A bucket is emptied, and what the database is to be told of that waits there for a lock. */
static struct ph_db_transaction *empty_while_the_database_is_busy(void) {
    const struct timespec pause = {.tv_nsec = 1000000};
    struct ph_db_transaction *blocker;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &blocker), 0);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 10);
    for (int64_t end_us = ph_now_us() + patience_us; !atomic_load(&is_asked_elsewhere);) {
        assert_true(ph_now_us() < end_us);
        nanosleep(&pause, NULL);
    }
    return blocker;
}

/* When the bucket is full again, as the database says. */
static int64_t full_ms_of_any(void) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(db, PH_DB_READ, &transaction), 0);
    int64_t full_ms = ph_db_number(transaction, PH_SQL("SELECT full_ms FROM rate_limits"));
    ph_db_rollback(transaction);
    return full_ms;
}

static void a_late_answer_gives_nothing_back(void **state) {
    (void)state;
    struct ph_db_transaction *blocker = empty_while_the_database_is_busy();
    advance(1000);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 10);
    ph_db_rollback(blocker);
    int64_t full_ms = atomic_load(&utc_us) / PH_MILLISECOND_US + 100000;
    for (int64_t end_us = ph_now_us() + patience_us; full_ms_of_any() < full_ms;) {
        assert_true(ph_now_us() < end_us);
        assert_true(ph_rate_limits_look(limits, PH_RATE_CALLS, "alice").is_refused);
    }
}

static void a_late_answer_of_another_time_locks_nobody_out(void **state) {
    (void)state;
    struct ph_db_transaction *blocker = empty_while_the_database_is_busy();
    advance(-86400);
    atomic_fetch_add(&steps, 1);
    assert_false(ph_rate_limits_look(limits, PH_RATE_CALLS, "alice").is_refused);
    ph_db_rollback(blocker);
    assert_int_equal(ph_rate_limits_settle(limits), 0);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 10);
}

static void the_database_keeps_no_names(void **state) {
    (void)state;
    ph_rate_limits_take(limits, PH_RATE_CALLS, "alice-whose-name-is-not-kept");
    assert_int_equal(ph_rate_limits_settle(limits), 0);
    assert_true(ph_test_database_holds("calls:"));
    assert_false(ph_test_database_holds("alice-whose"));
}

static void a_database_that_is_away_leaves_the_node_to_itself(void **state) {
    struct ph_db_transaction *blocker;
    (void)state;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &blocker), 0);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 10);
    assert_true(ph_rate_limits_settle(limits) < 0);
    assert_int_equal(passing(limits, PH_RATE_CALLS, "alice"), 0);
    ph_db_rollback(blocker);
    assert_int_equal(ph_rate_limits_settle(limits), 0);
    ph_rate_limits_take(neighbour, PH_RATE_CALLS, "alice");
    assert_int_equal(ph_rate_limits_settle(neighbour), 0);
    assert_true(ph_rate_limits_look(neighbour, PH_RATE_CALLS, "alice").is_refused);
}

#define ON_DB(test) cmocka_unit_test_setup_teardown(test, open_limits, close_limits)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_DB(a_bucket_empties_and_fills_again),
        ON_DB(what_has_no_rule_is_not_limited),
        ON_DB(nodes_share_a_bucket),
        ON_DB(a_clock_that_is_set_back_locks_nobody_out),
        ON_DB(a_late_answer_gives_nothing_back),
        ON_DB(a_late_answer_of_another_time_locks_nobody_out),
        ON_DB(the_database_keeps_no_names),
        ON_DB(a_database_that_is_away_leaves_the_node_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
