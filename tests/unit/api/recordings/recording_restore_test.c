/* The way back from the deep archive, at a real S3 server whose restoring is told by the proxy before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/embedded.h"
#include "api/recordings/recording_restore.h"
#include "api/recordings/recording_states.h"
#include "api/recordings/recording_storage.h"
#include "api/recordings/recordings_keeper.h"
#include "core/db/sql.h"
#include "tests/unit/support/database.h"
#include "tests/unit/support/faulty_proxy.h"
#include "tests/unit/support/store.h"

static const char id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char begun[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static const char restored[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nETag: \"a\"\r\nx-amz-storage-class: DEEP_ARCHIVE\r\n"
    "x-amz-restore: ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2040 00:00:00 GMT\"\r\n"
    "Connection: close\r\n\r\n";

static struct ph_db *db;
static struct ph_metrics *metrics;
static struct ph_store *store;
static struct ph_recordings_keeper *keeper;

/* The store's address, with the proxy's port; what is put is put into the deep archive. */
static int open_store(void) {
    struct ph_store_options options = ph_test_store_options();
    options.url = ph_test_proxy_start_before(options.url);
    options.metrics = metrics;
    options.storage_class = "DEEP_ARCHIVE";
    return options.url ? ph_store_create(&store, &options, NULL) : -1;
}

static void put(const char *name) {
    char key[PH_STORE_KEY_BYTES];
    snprintf(key, sizeof(key), "recordings/%s/%s", id, name);
    assert_int_equal(
        ph_store_put(store, &(struct ph_store_put){.key = key, .bytes = {(const uint8_t *)"movie", 5}}, NULL),
        0);
}

static int open_all(void **state) {
    struct ph_error error = {""};
    (void)state;
    if (ph_test_database_make() < 0 || ph_test_store_make() < 0 || ph_metrics_create(&metrics) < 0 ||
        open_store() < 0 || ph_db_open(&db, ph_test_database_url(), &error) < 0 ||
        ph_db_migrate(db, ph_api_migrations, ph_api_migration_count, &error) < 0)
        return -1;
    ph_test_proxy_fault(PH_TEST_ANSWERED, 0, NULL, 0, NULL);
    return ph_recordings_keeper_create(&keeper, &(struct ph_recordings_keeper_options){.db = db,
                                                    .store = store,
                                                    .clock = ph_clock_system(),
                                                    .metrics = metrics,
                                                    .upload_folder = "/nowhere",
                                                    .deep_days = 180});
}

static int close_all(void **state) {
    (void)state;
    ph_recordings_keeper_destroy(keeper);
    ph_store_destroy(store);
    ph_test_proxy_stop();
    ph_db_close(db);
    ph_metrics_destroy(metrics);
    return ph_test_store_remove() | ph_test_database_remove();
}

static enum ph_recording_storage storage(void) {
    struct ph_recording recording;
    assert_int_equal(ph_recordings_find_for(db, id, "", &recording), 0);
    return recording.storage;
}

static void take_number(void *numbers, size_t index, struct ph_db_statement *row) {
    ((int64_t *)numbers)[index] = ph_db_integer(row, 0);
}

/* In how many seconds the keeper looks again, once it has looked: for ten minutes it holds a lease. */
static int64_t await_pause(int64_t least_s, int64_t most_s) {
    const struct timespec pause = {.tv_nsec = 10000000};
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US, left_s;
    do {
        int64_t next_ms = 0;
        nanosleep(&pause, NULL);
        assert_int_equal(
            ph_db_read(db, PH_SQL("SELECT storage_ms FROM recordings"), 1, take_number, &next_ms), 1);
        left_s = next_ms / 1000 - time(NULL);
    } while ((left_s < least_s || left_s > most_s) && ph_now_us() < deadline_us);
    return left_s;
}

/* The keeper looks now, and not again by itself. */
static void look(void) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, "UPDATE recordings SET storage_ms = 1"), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
}

static void await_storage(enum ph_recording_storage expected) {
    const struct timespec pause = {.tv_nsec = 10000000};
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    while (storage() != expected && ph_now_us() < deadline_us)
        nanosleep(&pause, NULL);
    assert_string_equal(ph_recording_storage_name(storage()), ph_recording_storage_name(expected));
}

static void await_requests_at_least(unsigned expected) {
    const struct timespec pause = {.tv_nsec = 10000000};
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    while (ph_test_proxy_faults() < expected && ph_now_us() < deadline_us)
        nanosleep(&pause, NULL);
}

static void await_requests(unsigned expected) {
    await_requests_at_least(expected);
    assert_int_equal(ph_test_proxy_faults(), expected);
}

static void add_recording(void) {
    struct ph_recording recording = {.kind = PH_RECORDING_SESSION, .state = PH_RECORDING_PROCESSING};
    const struct ph_recording_outcome outcome = {.duration_ms = 1000, .bytes = 5};
    memcpy(recording.id, id, sizeof(recording.id));
    strcpy(recording.owner, "alice");
    assert_int_equal(ph_recordings_insert(db, &recording), 0);
    assert_int_equal(ph_recordings_ready(db, id, &outcome, 1000), 0);
}

static void every_object_is_asked_back_and_the_end_is_noticed(void **state) {
    (void)state;
    put("recording.mp4");
    put("v720/init.mp4");
    put("v720/1.m4s");
    add_recording();
    assert_int_equal(ph_recordings_keeper_start(keeper), 0);
    look();
    await_storage(PH_STORAGE_ARCHIVED);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 9, "POST ", 0, begun);
    assert_int_equal(ph_recording_storage_restore(db, id, 2000), 0);
    await_requests(3);
    assert_in_range(await_pause(0, 60), 0, 60);
    assert_int_equal(storage(), PH_STORAGE_RESTORING);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "HEAD ", 0, restored);
    look();
    await_storage(PH_STORAGE_RESTORED);
}

static void who_asks_while_the_store_is_asked_is_not_forgotten(void **state) {
    (void)state;
    add_recording();
    assert_int_equal(ph_recording_storage_note(db, id, PH_STORAGE_ARCHIVED, 5000, 1500), 0);
    assert_int_equal(ph_recording_storage_restore(db, id, 2000), 0);
    assert_int_equal(ph_recording_storage_note(db, id, PH_STORAGE_ARCHIVED, 9000, 2500), 0);
    assert_int_equal(storage(), PH_STORAGE_RESTORING);
    assert_int_equal(ph_recording_storage_note(db, id, PH_STORAGE_RESTORED, 9000, 2500), 0);
    assert_int_equal(storage(), PH_STORAGE_RESTORED);
}

static void archive_recording(unsigned segments) {
    char name[32];
    put("recording.mp4");
    for (unsigned i = 0; i < segments; i++) {
        snprintf(name, sizeof(name), "v720/%u.m4s", i);
        put(name);
    }
    add_recording();
    assert_int_equal(ph_recordings_keeper_start(keeper), 0);
    look();
    await_storage(PH_STORAGE_ARCHIVED);
}

/* Hours of media are more than one turn of the keeper's can take: other things wait. */
static void many_objects_are_asked_back_in_turns_and_each_once(void **state) {
    enum { segments = PH_RESTORED_AT_ONCE + 8 };
    char asked[PH_STORE_KEY_BYTES];
    (void)state;
    archive_recording(segments);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 2 * segments, "POST ", 0, begun);
    assert_int_equal(ph_recording_storage_restore(db, id, 2000), 0);
    await_requests_at_least(1);
    ph_recordings_keeper_stop(keeper);
    assert_in_range(ph_test_proxy_faults(), PH_RESTORED_AT_ONCE - 1, PH_RESTORED_AT_ONCE);
    assert_int_equal(ph_recording_storage_asked(db, id, asked), 0);
    assert_non_null(strstr(asked, "/v720/"));
    assert_int_equal(ph_recordings_keeper_start(keeper), 0);
    await_requests_at_least(segments + 1);
    assert_in_range(await_pause(30, 60), 30, 60);
    assert_int_equal(ph_test_proxy_faults(), segments + 1);
}

/* How long the keeper waits, once it has looked, when the store says that the MP4 is so old. */
static int64_t pause_at_age(int days, int hours) {
    char answer[256], date[64];
    time_t modified = time(NULL) - (time_t)days * 86400 - (time_t)hours * 3600;
    struct tm parts;
    gmtime_r(&modified, &parts);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    snprintf(answer, sizeof(answer),
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\nLast-Modified: %s\r\nConnection: "
        "close\r\n\r\n",
        date);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "HEAD ", 0, answer);
    look();
    await_requests(1);
    return (await_pause(11 * 60, 8 * 86400) + 30) / 60 * 60;
}

/* Whoever downloads what has been moved meanwhile gets the bucket's refusal. */
static void recording_is_looked_at_often_while_it_may_be_moved(void **state) {
    (void)state;
    add_recording();
    assert_int_equal(ph_recordings_keeper_start(keeper), 0);
    assert_int_equal(pause_at_age(179, 10), 14 * 3600);
    assert_int_equal(pause_at_age(180, 1), 3600);
    assert_int_equal(pause_at_age(188, 0), 86400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            every_object_is_asked_back_and_the_end_is_noticed, open_all, close_all),
        cmocka_unit_test_setup_teardown(
            who_asks_while_the_store_is_asked_is_not_forgotten, open_all, close_all),
        cmocka_unit_test_setup_teardown(
            many_objects_are_asked_back_in_turns_and_each_once, open_all, close_all),
        cmocka_unit_test_setup_teardown(
            recording_is_looked_at_often_while_it_may_be_moved, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
