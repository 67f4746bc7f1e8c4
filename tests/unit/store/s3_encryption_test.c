/* Encryption by the server: that it is asked for with everything that makes an object, seen at a proxy before
 * a real server, which has a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support/faulty_proxy.h"
#include "tests/unit/support/store.h"

static const char key[] = "recordings/a/recording.mp4";
static const char by_kms[] = "x-amz-server-side-encryption: aws:kms\r\n";
static struct ph_store *store;

static int open_with(const char *encryption) {
    struct ph_store_options options = ph_test_store_options();
    options.url = ph_test_proxy_start_before(options.url);
    options.encryption = encryption;
    ph_test_proxy_fault(PH_TEST_ANSWERED, 0, NULL, 0, NULL);
    return options.url ? ph_store_create(&store, &options, NULL) : -1;
}

static int make_store(void **state) {
    (void)state;
    return ph_test_store_make();
}

static int close_store(void **state) {
    (void)state;
    ph_store_destroy(store);
    ph_test_proxy_stop();
    return ph_test_store_remove();
}

static const struct ph_store_put movie = {.key = key, .bytes = {(const uint8_t *)"movie", 5}};

/* The server says that it lies encrypted, and gives it back as it was. */
static void assert_lies_encrypted(const char *name, uint64_t bytes, char last) {
    struct ph_store_object object;
    struct ph_bytes *got;
    ph_test_proxy_watch(by_kms);
    assert_int_equal(ph_store_head(store, name, &object), 0);
    assert_int_equal(ph_test_proxy_watched_answers(), 1);
    assert_int_equal(object.bytes, bytes);
    assert_int_equal(ph_store_get(store, name, 0, UINT64_MAX, &got), 0);
    assert_int_equal(ph_bytes_size(got), bytes);
    assert_int_equal(ph_bytes_data(got)[bytes - 1], last);
    ph_bytes_unref(&got);
}

static void what_is_put_is_encrypted(void **state) {
    (void)state;
    assert_int_equal(open_with("aws:kms:test-key"), 0);
    ph_test_proxy_watch(by_kms);
    assert_int_equal(ph_store_put(store, &movie, NULL), 0);
    assert_int_equal(ph_test_proxy_watched_requests(), 1);
    assert_lies_encrypted(key, 5, 'e');
}

static void what_is_composed_is_encrypted(void **state) {
    struct ph_composition *composition;
    struct ph_receipt receipt;
    char token[PH_COMPOSITION_TOKEN_BYTES];
    uint64_t part_bytes, front_bytes;
    (void)state;
    assert_int_equal(open_with("aws:kms:test-key"), 0);
    ph_test_proxy_watch(by_kms);
    assert_int_equal(ph_composition_begin(store, key, "video/mp4", &composition, token), 0);
    assert_int_equal(ph_test_proxy_watched_requests(), 1);
    ph_composition_bounds(composition, &part_bytes, &front_bytes);
    assert_int_equal(ph_composition_append(composition, 2, 0, movie.bytes, &receipt), 0);
    uint8_t *front = calloc(1, front_bytes);
    assert_int_equal(
        ph_composition_finish(composition, (struct ph_slice){front, front_bytes}, &receipt, 1), 0);
    ph_composition_free(composition);
    free(front);
    assert_lies_encrypted(key, front_bytes + 5, 'e');
}

static void assert_asked(const char *header, int (*make)(void)) {
    static const char done[] =
        "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 37\r\nConnection: close\r\n\r\n"
        "<CopyObjectResult></CopyObjectResult>";
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "PUT ", 0, done);
    ph_test_proxy_watch(header);
    assert_int_equal(make(), 0);
    assert_int_equal(ph_test_proxy_watched_requests(), 1);
}

static int put(void) {
    return ph_store_put(store, &movie, NULL);
}

static int copy(void) {
    return ph_store_copy(store, key, "recordings/b/recording.mp4");
}

/* Radosgw copies nothing that is encrypted, and has no key of its own for AES256: the proxy answers. */
static void what_is_copied_is_encrypted(void **state) {
    (void)state;
    assert_int_equal(open_with("aws:kms:test-key"), 0);
    assert_asked("x-amz-server-side-encryption-aws-kms-key-id: test-key\r\n", copy);
}

static void key_of_the_servers_own_is_asked_for(void **state) {
    (void)state;
    assert_int_equal(open_with("AES256"), 0);
    assert_asked("x-amz-server-side-encryption: AES256\r\n", put);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(what_is_put_is_encrypted),
        CASE(what_is_composed_is_encrypted),
        CASE(what_is_copied_is_encrypted),
        CASE(key_of_the_servers_own_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
