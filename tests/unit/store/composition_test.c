#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support/store.h"

/* What grows in each test: parts of one size but the last, then a front. */
enum { most_parts = 3 };
static const char key[] = "recordings/a/recording.mp4";

static struct ph_store *store;
static struct ph_composition *composition;
static char token[PH_COMPOSITION_TOKEN_BYTES];
static struct ph_receipt receipts[most_parts];
static uint8_t *part;
static uint64_t part_bytes, least_front;

static int open_store(void **state) {
    (void)state;
    if (ph_test_store_make() < 0)
        return -1;
    store = ph_test_store_open();
    if (!store || ph_composition_begin(store, key, "video/mp4", &composition, token) < 0)
        return -1;
    ph_composition_bounds(composition, &part_bytes, &least_front);
    part = malloc(part_bytes);
    return part ? 0 : -1;
}

static int close_store(void **state) {
    (void)state;
    free(part);
    ph_composition_free(composition);
    ph_store_destroy(store);
    return ph_test_store_remove();
}

static size_t size_of(size_t index) {
    return index + 1 < most_parts ? part_bytes : 1000;
}

static uint8_t letter_of(size_t index) {
    return (uint8_t)('a' + index);
}

static void append(size_t index) {
    memset(part, letter_of(index), size_of(index));
    assert_int_equal(ph_composition_append(composition, (uint32_t)index + 2, index * part_bytes,
                         (struct ph_slice){part, size_of(index)}, &receipts[index]),
        0);
    assert_int_equal(receipts[index].number, index + 2);
    assert_int_equal(receipts[index].bytes, size_of(index));
}

/* Told how large the front has to be; at least `needed`. */
static uint64_t finish(uint64_t needed) {
    uint64_t front_bytes = 0;
    if (needed < least_front)
        needed = least_front;
    assert_int_equal(ph_composition_reserve(composition, needed, &front_bytes), 0);
    assert_true(front_bytes >= needed);
    uint8_t *front = malloc(front_bytes);
    assert_non_null(front);
    memset(front, 'F', front_bytes);
    assert_int_equal(
        ph_composition_finish(composition, (struct ph_slice){front, front_bytes}, receipts, most_parts), 0);
    /* The answer may have been lost. */
    assert_int_equal(
        ph_composition_finish(composition, (struct ph_slice){front, front_bytes}, receipts, most_parts), 0);
    free(front);
    return front_bytes;
}

static void assert_is_at(uint64_t offset, size_t size, uint8_t letter) {
    struct ph_bytes *bytes;
    assert_int_equal(ph_store_get(store, key, offset, size, &bytes), 0);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(ph_bytes_data(bytes)[i], letter);
    ph_bytes_unref(&bytes);
}

static void assert_is_whole(uint64_t front_bytes) {
    struct ph_store_object object;
    assert_int_equal(ph_store_head(store, key, &object), 0);
    assert_int_equal(object.bytes, front_bytes + (most_parts - 1) * part_bytes + 1000);
    assert_is_at(0, 1000, 'F');
    assert_is_at(front_bytes - 1000, 1000, 'F');
    for (size_t i = 0; i < most_parts; i++) {
        assert_is_at(front_bytes + i * part_bytes, 1000, letter_of(i));
        assert_is_at(front_bytes + i * part_bytes + size_of(i) - 1000, 1000, letter_of(i));
    }
}

static void crash(void) {
    ph_composition_free(composition);
    ph_store_destroy(store);
    store = ph_test_store_open();
    assert_non_null(store);
    assert_int_equal(ph_composition_resume(store, key, token, &composition), 0);
}

static void parts_and_a_front_become_an_object(void **state) {
    (void)state;
    struct ph_store_object object;
    uint64_t front_bytes;
    for (size_t i = 0; i < most_parts; i++) {
        append(i);
        assert_int_equal(ph_composition_reserve(composition, 5000, &front_bytes), 0);
    }
    assert_int_equal(ph_store_head(store, key, &object), -ENOENT);
    assert_is_whole(finish(5000));
}

static void its_front_may_outgrow_what_was_thought(void **state) {
    (void)state;
    uint64_t front_bytes;
    append(0);
    assert_int_equal(ph_composition_reserve(composition, 900 * 1024, &front_bytes), 0);
    append(1);
    assert_int_equal(ph_composition_reserve(composition, 9 * 1024 * 1024, &front_bytes), 0);
    assert_true(front_bytes >= 9 * 1024 * 1024);
    append(2);
    assert_is_whole(finish(10 * 1024 * 1024));
}

static void another_process_goes_on(void **state) {
    (void)state;
    uint64_t front_bytes;
    append(0);
    assert_int_equal(ph_composition_reserve(composition, 300 * 1024, &front_bytes), 0);
    crash();
    append(0);
    append(1);
    crash();
    append(2);
    crash();
    assert_is_whole(finish(300 * 1024));
}

static void what_is_aborted_is_gone(void **state) {
    (void)state;
    struct ph_store_object object;
    append(0);
    assert_int_equal(ph_composition_abort(composition), 0);
    ph_composition_free(composition);
    assert_int_equal(ph_composition_resume(store, key, token, &composition), -ENOENT);
    assert_null(composition);
    assert_int_equal(ph_store_head(store, key, &object), -ENOENT);
}

static void what_never_began_is_not_resumed(void **state) {
    (void)state;
    struct ph_composition *other;
    assert_int_equal(ph_composition_resume(store, key, "../../etc/passwd", &other), -ENOENT);
    assert_int_equal(ph_composition_resume(store, key, "", &other), -ENOENT);
    assert_int_equal(ph_composition_resume(store, key, "abcdefghijklmnopqrstuvwxyz", &other), -ENOENT);
    assert_null(other);
}

static void parts_have_numbers_and_none_is_left_out(void **state) {
    (void)state;
    struct ph_receipt receipt;
    const struct ph_slice bytes = {(const uint8_t *)"x", 1};
    assert_int_equal(ph_composition_append(composition, 1, 0, bytes, &receipt), -EINVAL);
    assert_int_equal(ph_composition_append(composition, 10001, 0, bytes, &receipt), -EINVAL);
    append(0);
    append(1);
    append(2);
    receipts[1].number = 4;
    assert_int_equal(
        ph_composition_finish(composition, (struct ph_slice){part, 1000}, receipts, most_parts), -EINVAL);
    assert_int_equal(ph_composition_abort(composition), 0);
}

static void a_front_alone_is_an_object_too(void **state) {
    (void)state;
    uint64_t front_bytes;
    struct ph_store_object object;
    assert_int_equal(ph_composition_reserve(composition, 5000, &front_bytes), 0);
    uint8_t *front = malloc(front_bytes);
    assert_non_null(front);
    memset(front, 'F', front_bytes);
    assert_int_equal(ph_composition_finish(composition, (struct ph_slice){front, front_bytes}, NULL, 0), 0);
    free(front);
    assert_int_equal(ph_store_head(store, key, &object), 0);
    assert_int_equal(object.bytes, front_bytes);
    assert_is_at(0, 5000, 'F');
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(parts_and_a_front_become_an_object),
        CASE(its_front_may_outgrow_what_was_thought),
        CASE(another_process_goes_on),
        CASE(what_is_aborted_is_gone),
        CASE(what_never_began_is_not_resumed),
        CASE(parts_have_numbers_and_none_is_left_out),
        CASE(a_front_alone_is_an_object_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
