/* What a bucket's store does when something else answers in its bucket's stead, or only the beginning of an
 * answer comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support/faulty_proxy.h"
#include "tests/unit/support/store.h"

static const char key[] = "recordings/a/v1080/1.m4s";
static struct ph_store *store;
static uint8_t media[1000];

static int open_store(void **state) {
    (void)state;
    if (ph_test_store_make() < 0)
        return -1;
    for (size_t i = 0; i < sizeof(media); i++)
        media[i] = (uint8_t)(i * 7 + i / 251);
    struct ph_store_options options = ph_test_store_options();
    options.url = ph_test_proxy_start_before(options.url);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 0, NULL, 0, NULL);
    return options.url ? ph_store_create(&store, &options, NULL) : -1;
}

static int close_store(void **state) {
    (void)state;
    ph_store_destroy(store);
    ph_test_proxy_stop();
    return ph_test_store_remove();
}

static int put(void) {
    return ph_store_put(store, &(struct ph_store_put){.key = key, .bytes = {media, sizeof(media)}}, NULL);
}

static void assert_is_there(void) {
    struct ph_bytes *got;
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &got), 0);
    assert_int_equal(ph_bytes_size(got), sizeof(media));
    assert_memory_equal(ph_bytes_data(got), media, sizeof(media));
    ph_bytes_unref(&got);
}

/* What stands before the bucket may answer in its stead, while it is set up anew. */
static void pages_in_the_buckets_stead_are_not_believed(void **state) {
    (void)state;
    static const char welcome[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                                  "Content-Length: 6\r\nConnection: close\r\n\r\n<html>";
    static const char nowhere[] = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n"
                                  "Content-Length: 6\r\nConnection: close\r\n\r\n<html>";
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "PUT ", 0, welcome);
    assert_int_equal(put(), 0);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 2, "GET ", 0, nowhere);
    assert_is_there();
    assert_int_equal(ph_test_proxy_faults(), 2);
}

/* A request that was long on its way is signed anew: no clock is wrong. */
static void a_request_that_came_late_is_sent_again(void **state) {
    (void)state;
    char answer[512], date[64];
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    snprintf(answer, sizeof(answer),
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nDate: %s\r\nContent-Length: 53\r\n"
        "Connection: close\r\n\r\n<Error><Code>RequestTimeTooSkewed</Code></Error>     ",
        date);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 3, "PUT ", 0, answer);
    assert_int_equal(put(), 0);
    assert_int_equal(ph_test_proxy_faults(), 3);
    assert_is_there();
}

static int count_object(void *opaque, const char *name, const struct ph_store_object *object) {
    (void)name, (void)object;
    ++*(unsigned *)opaque;
    return 0;
}

static bool is_there(const char *name) {
    struct ph_store_object object;
    return ph_store_head(store, name, &object) == 0;
}

static void assert_nothing_is_believed(const char *page) {
    struct ph_store_object object;
    unsigned count = 0;
    assert_int_equal(put(), 0);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "GET ", 0, page);
    assert_is_there();
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "HEAD ", 0, page);
    assert_int_equal(ph_store_head(store, key, &object), 0);
    assert_int_equal(object.bytes, sizeof(media));
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "GET ", 0, page);
    assert_int_equal(ph_store_list(store, "recordings/a", count_object, &count), 0);
    assert_int_equal(count, 1);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "PUT ", 0, page);
    assert_int_equal(ph_store_copy(store, key, "copy"), 0);
    assert_true(is_there("copy"));
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "POST ", 0, page);
    assert_int_equal(ph_store_remove_all(store, "recordings"), 0);
    assert_false(is_there(key));
    assert_int_equal(ph_store_remove(store, "copy"), 0);
}

static void assert_composition_believes_none(const char *page) {
    struct ph_composition *composition, *resumed;
    struct ph_receipt receipt;
    char token[PH_COMPOSITION_TOKEN_BYTES];
    uint64_t part_bytes, front_bytes;
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "uploads=", 0, page);
    assert_int_equal(ph_composition_begin(store, key, "video/mp4", &composition, token), 0);
    ph_composition_bounds(composition, &part_bytes, &front_bytes);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "partNumber=2", 0, page);
    assert_int_equal(
        ph_composition_append(composition, 2, 0, (struct ph_slice){media, sizeof(media)}, &receipt), 0);
    ph_composition_free(composition);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "GET ", 0, page);
    assert_int_equal(ph_composition_resume(store, key, token, &resumed), 0);
    uint8_t *front = calloc(1, front_bytes);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "POST ", 0, page);
    assert_int_equal(ph_composition_finish(resumed, (struct ph_slice){front, front_bytes}, &receipt, 1), 0);
    free(front);
    ph_composition_free(resumed);
    assert_int_equal(ph_store_remove(store, key), 0);
}

static void welcome_of_a_portal_is_no_answer(void **state) {
    static const char page[] = "<html><body>Welcome</body></html>";
    char welcome[256];
    (void)state;
    snprintf(welcome, sizeof(welcome),
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
        "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
        strlen(page), page);
    assert_nothing_is_believed(welcome);
    assert_composition_believes_none(welcome);
    assert_int_equal(put(), 0);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "DELETE ", 0, welcome);
    assert_int_equal(ph_store_remove(store, key), 0);
    assert_false(is_there(key));
    assert_nothing_is_believed("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/login\r\n"
                               "Content-Length: 0\r\nConnection: close\r\n\r\n");
    assert_nothing_is_believed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

/* libcurl takes a connection's end for the head's. */
static void answer_that_ends_within_its_head_is_none(void **state) {
    static const char *const cut[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nX-",
        "HTTP/1.1 204 No Content\r\n", "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 0\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
        assert_nothing_is_believed(cut[i]);
        assert_int_equal(put(), 0);
        ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "DELETE ", 0, cut[i]);
        assert_int_equal(ph_store_remove(store, key), 0);
        assert_false(is_there(key));
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(pages_in_the_buckets_stead_are_not_believed),
        CASE(a_request_that_came_late_is_sent_again),
        CASE(welcome_of_a_portal_is_no_answer),
        CASE(answer_that_ends_within_its_head_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
