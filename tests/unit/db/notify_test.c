#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/db/db.h"
#include "tests/unit/support/database.h"

/* Who listens, and what it heard: payloads joined by spaces, "?" for what may have been missed. */
struct ear {
    pthread_mutex_t lock;
    pthread_cond_t heard;
    char text[65536];
    bool is_held; /* does not return from a call */
};

static struct ph_db *db;
static struct ear ear;

static void hear(void *opaque, const char *payload) {
    struct ear *self = opaque;
    pthread_mutex_lock(&self->lock);
    size_t used = strlen(self->text);
    snprintf(self->text + used, sizeof(self->text) - used, "%s ", payload ? payload : "?");
    pthread_cond_broadcast(&self->heard);
    while (self->is_held)
        pthread_cond_wait(&self->heard, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void await_heard(const char *end) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    int code = 0;
    pthread_mutex_lock(&ear.lock);
    for (;;) {
        size_t used = strlen(ear.text), size = strlen(end);
        if (used >= size && strcmp(ear.text + used - size, end) == 0)
            break;
        if (code < 0)
            fail_msg("heard \"%s\", not \"%s\"", ear.text, end);
        code = ph_cond_wait_until(&ear.heard, &ear.lock, deadline_us);
    }
    pthread_mutex_unlock(&ear.lock);
}

static void hold(bool is_held) {
    pthread_mutex_lock(&ear.lock);
    ear.is_held = is_held;
    pthread_cond_broadcast(&ear.heard);
    pthread_mutex_unlock(&ear.lock);
}

static int open_db(void **state) {
    (void)state;
    ear = (struct ear){.lock = PTHREAD_MUTEX_INITIALIZER};
    if (ph_cond_init(&ear.heard) < 0 || ph_test_database_make() < 0)
        return -1;
    return ph_db_open(&db, ph_test_database_url(), NULL);
}

static int close_db(void **state) {
    (void)state;
    ph_db_close(db);
    pthread_cond_destroy(&ear.heard);
    return ph_test_database_remove();
}

static void notify(const char *channel, const char *payload) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_notify(transaction, channel, payload), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
}

static void what_is_committed_is_heard_in_order(void **state) {
    struct ph_db_transaction *transaction;
    struct ph_db_listener *listener;
    (void)state;
    notify("doors", "nobody-listens-yet");
    assert_int_equal(ph_db_listen(db, "doors", hear, &ear, &listener), 0);
    await_heard("? ");
    notify("windows", "another-channel");
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_notify(transaction, "doors", "rolled-back"), 0);
    ph_db_rollback(transaction);
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_notify(transaction, "doors", "a"), 0);
    assert_int_equal(ph_db_notify(transaction, "doors", "it's; \\ b"), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
    notify("doors", "c");
    await_heard("c ");
    assert_string_equal(ear.text, "? a it's; \\ b c ");
    ph_db_unlisten(listener);
    notify("doors", "after");
    assert_string_equal(ear.text, "? a it's; \\ b c ");
    ph_db_unlisten(NULL);
}

static void a_long_payload_is_refused(void **state) {
    static char payload[PH_DB_MOST_NOTIFICATION_BYTES + 2];
    struct ph_db_transaction *transaction;
    struct ph_db_listener *listener;
    (void)state;
    assert_int_equal(ph_db_listen(db, "doors", hear, &ear, &listener), 0);
    await_heard("? ");
    memset(payload, 'x', sizeof(payload) - 2);
    notify("doors", payload);
    payload[sizeof(payload) - 2] = 'x';
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_notify(transaction, "doors", payload), -EINVAL);
    assert_int_equal(ph_db_commit(transaction), -EINVAL);
    await_heard("x ");
    ph_db_unlisten(listener);
}

static void who_is_too_slow_is_told(void **state) {
    enum { NOTICES = 5000 };
    struct ph_db_listener *listener;
    struct ph_db_transaction *transaction;
    (void)state;
    assert_int_equal(ph_db_listen(db, "doors", hear, &ear, &listener), 0);
    await_heard("? ");
    hold(true);
    notify("doors", "first");
    await_heard("first ");
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    for (int i = 0; i < NOTICES; i++) {
        char payload[16];
        snprintf(payload, sizeof(payload), "x%d", i);
        assert_int_equal(ph_db_notify(transaction, "doors", payload), 0);
    }
    assert_int_equal(ph_db_notify(transaction, "doors", "last"), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
    hold(false);
    await_heard(" last ");
    assert_memory_equal(ear.text, "? first ", 8);
    int heard = 0;
    for (const char *next = ear.text; (next = strchr(next, 'x')); next++)
        heard++;
    /* What one commit sends overtakes a held listener at once; a server's may still be on its way. */
    assert_true(heard == NOTICES || strchr(ear.text + 1, '?') != NULL);
    if (ph_test_database_is_sqlite())
        assert_true(heard < NOTICES);
    ph_db_unlisten(listener);
}

static void *unlisten(void *opaque) {
    ph_db_unlisten(opaque);
    return NULL;
}

static void leaving_waits_for_the_call(void **state) {
    struct ph_db_listener *listener;
    pthread_t thread;
    (void)state;
    assert_int_equal(ph_db_listen(db, "doors", hear, &ear, &listener), 0);
    await_heard("? ");
    hold(true);
    notify("doors", "a");
    await_heard("a ");
    assert_int_equal(pthread_create(&thread, NULL, unlisten, listener), 0);
    notify("doors", "b");
    hold(false);
    pthread_join(thread, NULL);
    notify("doors", "c");
    assert_null(strstr(ear.text, "c"));
}

#define ON_DB(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_DB(what_is_committed_is_heard_in_order),
        ON_DB(a_long_payload_is_refused),
        ON_DB(who_is_too_slow_is_told),
        ON_DB(leaving_waits_for_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
