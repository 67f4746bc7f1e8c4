#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support/store.h"

static struct ph_store *store;

static int open_store(void **state) {
    (void)state;
    if (ph_test_store_make() < 0)
        return -1;
    store = ph_test_store_open();
    return store ? 0 : -1;
}

static int close_store(void **state) {
    (void)state;
    ph_store_destroy(store);
    return ph_test_store_remove();
}

static const char *path_of(const char *name) {
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", ph_store_folder(store), name);
    return path;
}

static void what_is_composed_grows_without_being_moved(void **state) {
    (void)state;
    struct ph_composition *composition;
    char token[PH_COMPOSITION_TOKEN_BYTES];
    struct ph_receipt receipts[2];
    uint64_t front_bytes;
    uint8_t *bytes = calloc(1, 4 * 1024 * 1024);
    assert_int_equal(ph_composition_begin(store, "a", NULL, &composition, token), 0);
    assert_int_equal(ph_composition_reserve(composition, 1, &front_bytes), 0);
    assert_int_equal(front_bytes, 256 * 1024);
    bytes[0] = 'x';
    assert_int_equal(
        ph_composition_append(composition, 2, 0, (struct ph_slice){bytes, 4 * 1024 * 1024}, &receipts[0]), 0);
    assert_int_equal(ph_composition_reserve(composition, 190 * 1024, &front_bytes), 0);
    assert_int_equal(front_bytes, 256 * 1024);
    assert_int_equal(ph_composition_reserve(composition, 200 * 1024, &front_bytes), 0);
    assert_int_equal(front_bytes, 512 * 1024);
    assert_int_equal(ph_composition_reserve(composition, 300 * 1024 * 1024, &front_bytes), -EFBIG);
    /* A part that was written and not noted is not part of the object. */
    assert_int_equal(
        ph_composition_append(composition, 3, 4 * 1024 * 1024, (struct ph_slice){bytes, 100}, &receipts[1]),
        0);
    assert_int_equal(
        ph_composition_finish(composition, (struct ph_slice){bytes, 256 * 1024}, receipts, 1), -EINVAL);
    receipts[0].bytes += 4 * 1024 * 1024;
    assert_int_equal(
        ph_composition_finish(composition, (struct ph_slice){bytes, 512 * 1024}, receipts, 1), -EBADMSG);
    receipts[0].bytes -= 4 * 1024 * 1024;
    assert_int_equal(
        ph_composition_finish(composition, (struct ph_slice){bytes, 512 * 1024}, receipts, 1), 0);
    struct stat status;
    assert_int_equal(stat(path_of("a"), &status), 0);
    assert_int_equal(status.st_size, 512 * 1024 + 4 * 1024 * 1024);
    free(bytes);
    ph_composition_free(composition);
}

static void where_its_parts_lie_is_known_or_it_is_gone(void **state) {
    (void)state;
    struct ph_composition *composition;
    char token[PH_COMPOSITION_TOKEN_BYTES], known[512], larger[300];
    uint64_t front_bytes;
    assert_int_equal(ph_composition_begin(store, "a", NULL, &composition, token), 0);
    ph_composition_free(composition);
    snprintf(larger, sizeof(larger), ".compositions/%s.262144", token);
    snprintf(known, sizeof(known), "%s", path_of(larger));
    /* Killed between the two names of one that was copied. */
    snprintf(larger, sizeof(larger), ".compositions/%s.524288", token);
    assert_int_equal(link(known, path_of(larger)), 0);
    assert_int_equal(ph_composition_resume(store, "a", token, &composition), 0);
    assert_int_equal(ph_composition_reserve(composition, 1, &front_bytes), 0);
    assert_int_equal(front_bytes, 512 * 1024);
    ph_composition_free(composition);
    assert_int_equal(unlink(path_of(larger)), 0);
    snprintf(larger, sizeof(larger), ".compositions/%s.growing", token);
    assert_int_equal(rename(known, path_of(larger)), 0);
    assert_int_equal(ph_composition_resume(store, "a", token, &composition), -ENOENT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(what_is_composed_grows_without_being_moved),
        CASE(where_its_parts_lie_is_known_or_it_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
