/* Uploads on their way from a node's disk into the store, while their recordings are deleted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/recordings/recording_removal.h"
#include "api/recordings/upload_file.h"
#include "api/recordings/uploads.h"
#include "api/recordings/uploads_store.h"
#include "tests/unit/api/tables.h"
#include "tests/unit/support/store.h"

static const struct ph_caller alice = {.role = PH_CALLER_STREAMER, .subject = "alice"};
static struct ph_db *db;
static struct ph_store *store;
static struct ph_upload upload;
static char folder[512];
static void (*while_it_is_put)(void); /* NULL: nothing */

int __real_ph_store_put(struct ph_store *to, const struct ph_store_put *put, struct ph_store_object *written);
int __wrap_ph_store_put(struct ph_store *to, const struct ph_store_put *put, struct ph_store_object *written);

int __wrap_ph_store_put(
    struct ph_store *to, const struct ph_store_put *put, struct ph_store_object *written) {
    if (while_it_is_put)
        while_it_is_put();
    return __real_ph_store_put(to, put, written);
}

static int64_t now_ms(void) {
    return ph_clock_utc_us(ph_clock_system()) / PH_MILLISECOND_US;
}

/* An upload of five bytes, all of which are on the disk. */
static int open_all(void **state) {
    (void)state;
    int fd;
    while_it_is_put = NULL;
    if (tables_open(&db) < 0 || ph_test_store_make() < 0)
        return -1;
    store = ph_test_store_open();
    snprintf(folder, sizeof(folder), "%s/uploads", ph_test_database_folder());
    upload = (struct ph_upload){.owner = "alice", .bytes = 5};
    if (!store || ph_upload_folder_make(folder) < 0 || ph_uploads_begin(db, &upload, now_ms()) < 0 ||
        ph_upload_file_create(folder, upload.id, &fd) < 0)
        return -1;
    int code = ph_upload_file_append(fd, 0, (struct ph_slice){(const uint8_t *)"movie", 5});
    close(fd);
    return code < 0 ? code : ph_uploads_advance(db, &upload, 5, now_ms());
}

static int close_all(void **state) {
    (void)state;
    ph_store_destroy(store);
    return ph_test_store_remove() < 0 ? -1 : tables_close(db);
}

static void keep(void) {
    struct ph_uploads_keeping keeping = {
        .db = db, .store = store, .clock = ph_clock_system(), .folder = folder};
    assert_int_equal(ph_uploads_keep(&keeping), 0);
}

static bool is_in_store(void) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    snprintf(key, sizeof(key), "uploads/%s/source", upload.id);
    int code = ph_store_head(store, key, &object);
    assert_true(code == 0 || code == -ENOENT);
    return code == 0;
}

static bool is_on_disk(void) {
    char path[600];
    snprintf(path, sizeof(path), "%s/%s", folder, upload.id);
    return access(path, F_OK) == 0;
}

/* Deleted, and all that the keepers of other nodes do about that. */
static void delete_recording(void) {
    struct ph_recording_removal removal;
    char prefix[PH_STORE_KEY_BYTES];
    assert_int_equal(ph_recordings_delete(db, upload.id, &alice, now_ms()), 1);
    assert_int_equal(ph_recording_removal_lease(db, "b", now_ms() + 1, now_ms() + 9999, &removal), 1);
    snprintf(prefix, sizeof(prefix), "uploads/%s", upload.id);
    assert_int_equal(ph_store_remove_all(store, prefix), 0);
    assert_int_equal(ph_recording_removal_done(db, upload.id, "b", now_ms()), 0);
}

static void a_whole_upload_goes_into_the_store(void **state) {
    (void)state;
    keep();
    assert_true(is_in_store());
    assert_false(is_on_disk());
}

/* The store was away, or the node. */
static void one_that_was_deleted_before_does_not(void **state) {
    (void)state;
    delete_recording();
    keep();
    assert_false(is_in_store());
    assert_false(is_on_disk());
}

static void one_that_is_deleted_meanwhile_is_taken_away_again(void **state) {
    (void)state;
    while_it_is_put = delete_recording;
    keep();
    assert_false(is_in_store());
    assert_false(is_on_disk());
}

/* Killed when it was put, before that could be noted. */
static void one_that_a_killed_process_put_is_taken_away(void **state) {
    (void)state;
    char key[PH_STORE_KEY_BYTES];
    delete_recording();
    snprintf(key, sizeof(key), "uploads/%s/source", upload.id);
    assert_int_equal(
        ph_store_put(store, &(struct ph_store_put){.key = key, .bytes = {(const uint8_t *)"movie", 5}}, NULL),
        0);
    keep();
    assert_false(is_in_store());
    assert_false(is_on_disk());
}

#define test(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_whole_upload_goes_into_the_store),
        test(one_that_was_deleted_before_does_not),
        test(one_that_is_deleted_meanwhile_is_taken_away_again),
        test(one_that_a_killed_process_put_is_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
