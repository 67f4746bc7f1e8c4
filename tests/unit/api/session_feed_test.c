#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/embedded.h"
#include "api/session_feed.h"
#include "tests/unit/support/database.h"

/* A node that remembers whom it was told to end. */
struct node {
    struct ph_api_runtime base;
    pthread_mutex_t lock;
    pthread_cond_t told;
    char session[PH_SESSION_ID_BYTES];
    int ends;
};

static struct ph_db *db;
static struct ph_sessions *sessions;
static struct ph_session_feed *feed;
static struct ph_metrics *metrics;
static struct node node;

static void end_session(struct ph_api_runtime *runtime, const char *session, const char *reason) {
    struct node *self = (struct node *)runtime;
    (void)reason;
    pthread_mutex_lock(&self->lock);
    snprintf(self->session, sizeof(self->session), "%s", session);
    self->ends++;
    pthread_cond_signal(&self->told);
    pthread_mutex_unlock(&self->lock);
}

static int open_feed(void **state) {
    static const struct ph_api_runtime_impl impl = {.end_session = end_session};
    (void)state;
    node = (struct node){.base.impl = &impl, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (ph_test_database_make() < 0 || ph_cond_init(&node.told) < 0 || ph_metrics_create(&metrics) < 0)
        return -1;
    if (ph_db_open(&db, ph_test_database_url(), NULL) < 0 ||
        ph_db_migrate(db, ph_api_migrations, ph_api_migration_count, NULL) < 0 ||
        ph_sessions_create(&sessions, db, "720p30@2500k") < 0)
        return -1;
    return ph_session_feed_create(&feed, &(struct ph_session_feed_options){.sessions = sessions,
                                             .db = db,
                                             .metrics = metrics,
                                             .clock = ph_clock_system(),
                                             .runtime = &node.base,
                                             .reconnect_window_s = 60});
}

static int close_feed(void **state) {
    (void)state;
    ph_session_feed_destroy(feed);
    ph_sessions_destroy(sessions);
    ph_db_close(db);
    ph_metrics_destroy(metrics);
    pthread_cond_destroy(&node.told);
    return ph_test_database_remove();
}

static struct ph_session_birth start(void) {
    struct ph_session_birth birth;
    struct ph_session_wish wish = {.record = true};
    assert_int_equal(
        ph_sessions_start(sessions, "alice", &wish, ph_utc_now_us() / PH_MILLISECOND_US, &birth), 0);
    return birth;
}

static struct ph_session find(const char *id) {
    struct ph_session session;
    assert_int_equal(ph_sessions_find(sessions, id, &session), 0);
    return session;
}

/* Waits until the session is in the state, 30 s at most. */
static void await(const char *id, enum ph_session_state state) {
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (find(id).state != state) {
        if (ph_now_us() > deadline_us)
            fail_msg("the session is %s, not %s", ph_session_state_name(find(id).state),
                ph_session_state_name(state));
        nanosleep(&pause, NULL);
    }
}

static void events_reach_the_database_in_order(void **state) {
    (void)state;
    struct ph_session_birth birth = start();
    ph_session_feed_connected(feed, birth.id, 0, "srt");
    ph_session_feed_live(feed, birth.id);
    await(birth.id, PH_SESSION_LIVE);
    for (int i = 0; i < 50; i++) {
        ph_session_feed_disconnected(feed, birth.id, 0);
        ph_session_feed_connected(feed, birth.id, 0, "srt");
    }
    ph_session_feed_disconnected(feed, birth.id, 0);
    ph_session_feed_failed(feed, birth.id, "no video in it");
    ph_session_feed_ended(feed, birth.id, "over");
    await(birth.id, PH_SESSION_FAILED);
    ph_session_feed_stop(feed);
    assert_int_equal(find(birth.id).state, PH_SESSION_FAILED);
    assert_string_equal(find(birth.id).reason, "no video in it");
}

static void figures_stay_in_memory_until_the_end(void **state) {
    struct ph_session_health health;
    struct ph_link_stats stats = {.speed = 1.5, .source_fps = 30};
    (void)state;
    struct ph_session_birth birth = start();
    ph_session_feed_stats(feed, birth.id, &stats);
    assert_false(ph_session_feed_health(feed, birth.id, &health));
    ph_session_feed_connected(feed, birth.id, 0, "whip");
    assert_true(ph_session_feed_health(feed, birth.id, &health));
    assert_false(health.has_stats);
    ph_session_feed_stats(feed, birth.id, &stats);
    assert_true(ph_session_feed_health(feed, birth.id, &health));
    assert_string_equal(health.protocol, "whip");
    assert_true(health.has_stats && health.stats.speed == 1.5 && health.stats_ms > 0);
    ph_session_feed_ended(feed, birth.id, "over");
    assert_false(ph_session_feed_health(feed, birth.id, &health));
}

static void ingest_does_not_wait_while_the_database_is_locked(void **state) {
    struct ph_db *other;
    struct ph_db_transaction *blocker;
    (void)state;
    struct ph_session_birth birth = start();
    assert_int_equal(ph_db_open(&other, ph_test_database_url(), NULL), 0);
    assert_int_equal(ph_db_begin(other, PH_DB_WRITE, &blocker), 0);
    int64_t began_us = ph_now_us();
    ph_session_feed_live(feed, birth.id);
    struct ph_session_admission admission;
    assert_int_equal(ph_session_feed_admit(feed, birth.stream_key, &admission), 0);
    assert_true(ph_now_us() - began_us < 2 * PH_SECOND_US);
    /* Longer than a sweep and a try of the event are patient: the event must be tried again, not dropped. */
    const struct timespec pause = {.tv_nsec = 5000000};
    while (ph_now_us() < began_us + 2 * PH_DB_PATIENCE_US + PH_SECOND_US)
        nanosleep(&pause, NULL);
    assert_false(ph_session_feed_is_healthy(feed));
    ph_db_rollback(blocker);
    ph_db_close(other);
    await(birth.id, PH_SESSION_LIVE);
    /* The feed hears of it after everybody who reads. */
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (!ph_session_feed_is_healthy(feed) && ph_now_us() < deadline_us)
        nanosleep(&pause, NULL);
    assert_true(ph_session_feed_is_healthy(feed));
}

static void who_has_a_sessions_publisher_takes_it_back(void **state) {
    (void)state;
    struct ph_session_birth birth = start();
    ph_session_feed_connected(feed, birth.id, 0, "srt");
    ph_session_feed_live(feed, birth.id);
    await(birth.id, PH_SESSION_LIVE);
    int64_t now_ms = ph_utc_now_us() / PH_MILLISECOND_US;
    assert_int_equal(ph_sessions_apply(sessions, birth.id, PH_SESSION_LOST, "", now_ms), 0);
    await(birth.id, PH_SESSION_LIVE);
    ph_session_feed_disconnected(feed, birth.id, 0);
    await(birth.id, PH_SESSION_RECONNECTING);
}

/* It came to another of ingest's threads than the one that lost its predecessor. */
static void who_came_before_the_last_was_missed_stays(void **state) {
    (void)state;
    struct ph_session_birth birth = start();
    ph_session_feed_connected(feed, birth.id, 0, "srt");
    ph_session_feed_live(feed, birth.id);
    ph_session_feed_connected(feed, birth.id, 1, "whip");
    ph_session_feed_disconnected(feed, birth.id, 0);
    ph_session_feed_stop(feed);
    assert_int_equal(find(birth.id).state, PH_SESSION_LIVE);
}

static void ingest_is_told_of_sessions_ended_elsewhere(void **state) {
    (void)state;
    struct ph_session_birth birth = start();
    ph_session_feed_connected(feed, birth.id, 0, "srt");
    ph_session_feed_live(feed, birth.id);
    await(birth.id, PH_SESSION_LIVE);
    assert_int_equal(ph_sessions_apply(sessions, birth.id, PH_SESSION_END, "by another process", 1), 0);
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    pthread_mutex_lock(&node.lock);
    while (!node.ends && ph_cond_wait_until(&node.told, &node.lock, deadline_us) == 0)
        ;
    assert_int_equal(node.ends, 1);
    assert_string_equal(node.session, birth.id);
    pthread_mutex_unlock(&node.lock);
}

static void *be_busy(void *opaque) {
    struct ph_session_birth *birth = opaque;
    struct ph_link_stats stats = {.speed = 1};
    struct ph_session_health health;
    for (int i = 0; i < 20; i++) {
        ph_session_feed_connected(feed, birth->id, 0, "srt");
        ph_session_feed_stats(feed, birth->id, &stats);
        (void)ph_session_feed_health(feed, birth->id, &health);
        ph_session_feed_live(feed, birth->id);
        ph_session_feed_disconnected(feed, birth->id, 0);
    }
    ph_session_feed_ended(feed, birth->id, "done");
    return NULL;
}

static void eight_threads_feed_at_once(void **state) {
    enum { THREADS = 8 };
    struct ph_session_birth births[THREADS];
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        births[i] = start();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, be_busy, &births[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        await(births[i].id, PH_SESSION_ENDED);
}

#define ON_FEED(test) cmocka_unit_test_setup_teardown(test, open_feed, close_feed)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_FEED(events_reach_the_database_in_order),
        ON_FEED(figures_stay_in_memory_until_the_end),
        ON_FEED(ingest_does_not_wait_while_the_database_is_locked),
        ON_FEED(ingest_is_told_of_sessions_ended_elsewhere),
        ON_FEED(who_has_a_sessions_publisher_takes_it_back),
        ON_FEED(who_came_before_the_last_was_missed_stays),
        ON_FEED(eight_threads_feed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
