/* What a bucket's store does when the network, the server or the settings fail: against a real server,
 * through a proxy that makes the faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/sigv4.h"
#include "tests/unit/support/faulty_proxy.h"
#include "tests/unit/support/store.h"

static const char key[] = "recordings/a/v1080/1.m4s";
static const char slow_down[] =
    "HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nRetry-After: 1\r\n"
    "Content-Length: 75\r\nConnection: close\r\n\r\n"
    "<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>   ";
static const char broken[] =
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops";
static const char late_error[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 94\r\nConnection: close\r\n\r\n<?xml version=\"1.0\"?>\n"
    "<Error><Code>InternalError</Code><Message>Try again.</Message></Error>  ";

static struct ph_metrics *metrics;
static struct ph_store *store;
static const char *url; /* with the proxy's port */
static uint8_t *media;
enum { media_bytes = 3 * 1024 * 1024 };

static int open_with(struct ph_clock *clock, const char *address) {
    struct ph_store_options options = ph_test_store_options();
    options.url = address;
    options.metrics = metrics;
    options.clock = clock;
    return ph_store_create(&store, &options, NULL);
}

static int open_store(void **state) {
    (void)state;
    if (ph_test_store_make() < 0 || !(url = ph_test_proxy_start_before(ph_test_store_options().url)) ||
        ph_metrics_create(&metrics) < 0)
        return -1;
    media = malloc(media_bytes);
    for (size_t i = 0; media && i < media_bytes; i++)
        media[i] = (uint8_t)(i * 7 + i / 251);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 0, NULL, 0, NULL);
    return media ? open_with(NULL, url) : -1;
}

static int close_store(void **state) {
    (void)state;
    ph_store_destroy(store);
    ph_test_proxy_stop();
    ph_metrics_destroy(metrics);
    free(media);
    return ph_test_store_remove();
}

static int put(size_t bytes, bool if_absent) {
    const struct ph_store_put put = {.key = key, .bytes = {media, bytes}, .if_absent = if_absent};
    return ph_store_put(store, &put, NULL);
}

static void assert_holds(size_t bytes) {
    struct ph_bytes *got;
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &got), 0);
    assert_int_equal(ph_bytes_size(got), bytes);
    assert_memory_equal(ph_bytes_data(got), media, bytes);
    ph_bytes_unref(&got);
}

static double retries(const char *operation) {
    return ph_metric_value(
        ph_metrics_counter(metrics, "porthole_store_retries_total", "", PH_LABELS({"operation", operation})));
}

static void server_errors_are_tried_again(void **state) {
    (void)state;
    ph_test_proxy_fault(PH_TEST_ANSWERED, 3, NULL, 0, broken);
    assert_int_equal(put(media_bytes, false), 0);
    assert_int_equal(ph_test_proxy_faults(), 3);
    assert_int_equal((int)retries("put"), 3);
    assert_true(ph_store_is_well(store, NULL));
    assert_holds(media_bytes);
}

static void server_that_asks_for_patience_gets_it(void **state) {
    (void)state;
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, NULL, 0, slow_down);
    int64_t began_us = ph_now_us();
    assert_int_equal(put(1000, false), 0);
    assert_true(ph_now_us() - began_us >= PH_SECOND_US);
    assert_holds(1000);
}

static void connections_that_break_under_a_body_are_tried_again(void **state) {
    (void)state;
    ph_test_proxy_fault(PH_TEST_REQUEST_RESET, 2, "PUT ", 500000, NULL);
    assert_int_equal(put(media_bytes, false), 0);
    assert_int_equal(ph_test_proxy_faults(), 2);
    assert_holds(media_bytes);
}

static void answer_that_breaks_is_gone_on_with(void **state) {
    (void)state;
    assert_int_equal(put(media_bytes, false), 0);
    ph_test_proxy_fault(PH_TEST_ANSWER_RESET, 2, "GET ", 1200000, NULL);
    assert_holds(media_bytes);
    assert_int_equal(ph_test_proxy_requests(), 3);
    /* Of three answers cut at 1.2 MB the third is short enough, unless one began anew. */
    ph_test_proxy_fault(PH_TEST_ANSWER_ENDS, 3, "GET ", 1200000, NULL);
    assert_holds(media_bytes);
    assert_int_equal(ph_test_proxy_requests(), 3);
    struct ph_bytes *got;
    ph_test_proxy_fault(PH_TEST_ANSWER_ENDS, 1, "GET ", 100000, NULL);
    assert_int_equal(ph_store_get(store, key, 1000, 500000, &got), 0);
    assert_int_equal(ph_bytes_size(got), 500000);
    assert_memory_equal(ph_bytes_data(got), media + 1000, 500000);
    ph_bytes_unref(&got);
}

static void replace_object(void) {
    media[media_bytes - 1] ^= 1;
    assert_int_equal(put(media_bytes, false), 0);
}

static void object_replaced_under_a_reader_is_not_mixed(void **state) {
    (void)state;
    struct ph_bytes *got;
    assert_int_equal(put(media_bytes, false), 0);
    ph_test_proxy_fault(PH_TEST_ANSWER_ENDS, 1, "GET ", 1200000, NULL);
    ph_test_proxy_after_fault(replace_object);
    assert_int_equal(ph_store_get(store, key, 1, media_bytes - 2, &got), -EBADMSG);
    assert_null(got);
    assert_holds(media_bytes);
}

static void deep_archive_is_restored_first(void **state) {
    (void)state;
    static const char not_yet[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 46\r\nConnection: close\r\n\r\n"
                                  "<Error><Code>InvalidObjectState</Code></Error>";
    static const char begun[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    static const char again[] = "HTTP/1.1 409 Conflict\r\nContent-Length: 52\r\nConnection: close\r\n\r\n"
                                "<Error><Code>RestoreAlreadyInProgress</Code></Error>";
    struct ph_store_options options = ph_test_store_options();
    struct ph_store_object object;
    struct ph_bytes *got;
    ph_store_destroy(store);
    options.url = url;
    options.storage_class = "DEEP_ARCHIVE";
    assert_int_equal(ph_store_create(&store, &options, NULL), 0);
    assert_int_equal(put(1000, false), 0);
    assert_int_equal(ph_store_head(store, key, &object), 0);
    assert_int_equal(object.class, PH_STORE_DEEP);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "GET ", 0, not_yet);
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &got), -EREMOTE);
    assert_true(ph_store_is_well(store, NULL));
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "POST ", 0, begun);
    assert_int_equal(ph_store_restore(store, key, 3), 0);
    assert_int_equal(ph_test_proxy_faults(), 1);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "POST ", 0, again);
    assert_int_equal(ph_store_restore(store, key, 3), 0);
    assert_int_equal(ph_test_proxy_faults(), 1);
}

static void bytes_that_changed_on_the_way_are_refused(void **state) {
    (void)state;
    struct ph_bytes *got;
    assert_int_equal(put(media_bytes, false), 0);
    ph_test_proxy_fault(PH_TEST_ANSWER_CHANGED, 1, "GET ", 0, NULL);
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &got), -EBADMSG);
    assert_null(got);
    assert_holds(media_bytes);
}

static void put_whose_answer_is_lost_is_known_as_own(void **state) {
    (void)state;
    ph_test_proxy_fault(PH_TEST_ANSWER_LOST, 1, "PUT ", 0, NULL);
    assert_int_equal(put(5000, true), 0);
    assert_int_equal(ph_test_proxy_faults(), 1);
    assert_int_equal(put(5000, true), 0);
    assert_int_equal(put(5001, true), -EEXIST);
    assert_holds(5000);
}

static void server_that_cannot_compare_is_asked_before(void **state) {
    (void)state;
    static const char cannot[] =
        "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "PUT ", 0, cannot);
    assert_int_equal(put(5000, true), 0);
    assert_int_equal(put(5000, true), 0);
    assert_int_equal(put(5001, true), -EEXIST);
    assert_holds(5000);
}

static void server_that_ignores_the_condition_is_asked_before(void **state) {
    (void)state;
    ph_test_proxy_fault(PH_TEST_CONDITION_LOST, 100, "PUT ", 0, NULL);
    assert_int_equal(put(5000, true), 0);
    assert_int_equal(ph_test_proxy_faults(), 2); /* put, and put again to learn */
    assert_int_equal(put(5000, true), 0);
    assert_int_equal(put(5001, true), -EEXIST);
    assert_int_equal(ph_test_proxy_faults(), 2);
    assert_holds(5000);
}

static void composition_survives_lost_and_late_answers(void **state) {
    (void)state;
    struct ph_composition *composition;
    struct ph_receipt receipt;
    struct ph_store_object object;
    char token[PH_COMPOSITION_TOKEN_BYTES];
    uint64_t part_bytes, front_bytes;
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "uploads=", 0, late_error);
    assert_int_equal(ph_composition_begin(store, key, "video/mp4", &composition, token), 0);
    ph_composition_bounds(composition, &part_bytes, &front_bytes);
    ph_test_proxy_fault(PH_TEST_ANSWER_LOST, 1, "partNumber=2", 0, NULL);
    assert_int_equal(
        ph_composition_append(composition, 2, 0, (struct ph_slice){media, media_bytes}, &receipt), 0);
    uint8_t *front = calloc(1, front_bytes);
    const struct ph_slice whole = {front, front_bytes};
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, "POST ", 0, late_error);
    assert_int_equal(ph_composition_finish(composition, whole, &receipt, 1), 0);
    assert_int_equal(ph_test_proxy_faults(), 1);
    assert_int_equal(ph_store_head(store, key, &object), 0);
    assert_int_equal(object.bytes, front_bytes + media_bytes);
    ph_composition_free(composition);

    assert_int_equal(ph_composition_begin(store, "lost", "video/mp4", &composition, token), 0);
    ph_test_proxy_fault(PH_TEST_ANSWER_LOST, 1, "POST ", 0, NULL);
    assert_int_equal(ph_composition_finish(composition, whole, NULL, 0), 0);
    assert_int_equal(ph_test_proxy_faults(), 1);
    ph_composition_free(composition);
    free(front);
}

static void clock_that_is_wrong_is_set_right(void **state) {
    (void)state;
    for (int hours = -30; hours <= 30; hours += 60) {
        struct ph_test_clock clock;
        struct ph_store_object object;
        ph_store_destroy(store);
        ph_test_clock_init(&clock, ph_utc_now_us() + hours * 3600 * PH_SECOND_US);
        ph_log_set_level(PH_LOG_ERROR);
        assert_int_equal(open_with(&clock.base, url), 0);
        assert_int_equal(put(1000, false), 0);
        assert_holds(1000);
        ph_store_destroy(store);
        assert_int_equal(open_with(&clock.base, url), 0);
        assert_int_equal(ph_store_head(store, key, &object), 0);
    }
}

/* What the server takes as well, but an address's reader may not. */
static void clock_that_is_a_little_wrong_is_set_right_too(void **state) {
    (void)state;
    for (int minutes = -5; minutes <= 5; minutes += 10) {
        struct ph_test_clock clock;
        char address[PH_STORE_URL_BYTES], date[PH_SIGV4_DATE_BYTES];
        ph_store_destroy(store);
        ph_test_clock_init(&clock, ph_utc_now_us() + minutes * 60 * PH_SECOND_US);
        ph_log_set_level(PH_LOG_ERROR);
        assert_int_equal(open_with(&clock.base, url), 0);
        assert_int_equal(put(1000, false), 0);
        assert_int_equal(ph_store_sign(store, &(struct ph_store_link){.key = key, .ttl_s = 60}, address), 0);
        const char *signed_at = strstr(address, "X-Amz-Date=");
        assert_non_null(signed_at);
        bool is_near = false;
        for (int s = -2; s <= 2 && !is_near; s++) {
            ph_sigv4_date(ph_utc_now_us() + s * PH_SECOND_US, date);
            is_near = strncmp(signed_at + strlen("X-Amz-Date="), date, strlen(date)) == 0;
        }
        assert_true(is_near);
    }
}

static void secret_that_is_wrong_is_told_of(void **state) {
    (void)state;
    struct ph_error error = {""};
    ph_store_destroy(store);
    setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret", 1);
    assert_int_equal(open_with(NULL, url), 0);
    assert_int_equal(put(1000, false), -EACCES);
    assert_int_equal(ph_test_proxy_requests(), 1);
    assert_false(ph_store_is_well(store, &error));
    assert_non_null(strstr(error.text, "AWS_SECRET_ACCESS_KEY"));
    assert_null(strstr(error.text, "not-the-secret"));
    assert_null(strstr(error.text, getenv("AWS_ACCESS_KEY_ID")));
}

static void bucket_that_is_missing_is_not_an_object_that_is_missing(void **state) {
    (void)state;
    struct ph_error error = {""};
    struct ph_store_object object;
    struct ph_bytes *got;
    char other[512];
    snprintf(other, sizeof(other), "s3://nobodys%s", strchr(url, '?'));
    ph_store_destroy(store);
    assert_int_equal(open_with(NULL, other), 0);
    assert_int_equal(ph_store_head(store, key, &object), -EAGAIN);
    assert_int_equal(ph_store_get(store, key, 0, 10, &got), -EAGAIN);
    assert_int_equal(put(1000, true), -EAGAIN);
    assert_false(ph_store_is_well(store, &error));
    assert_non_null(strstr(error.text, "no bucket nobodys"));
}

/* Where the credentials may do all but see to the bucket's rules, the archive works. */
static void rules_that_may_not_be_seen_to_are_no_trouble_of_the_store(void **state) {
    static const char forbidden[] =
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\nConnection: close\r\n\r\n"
        "<Error><Code>AccessDenied</Code></Error>";
    const struct ph_store_rules rules = {.live_expire_days = 1};
    struct ph_error error = {""};
    (void)state;
    ph_test_proxy_fault(PH_TEST_ANSWERED, 9, "?lifecycle", 0, forbidden);
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), -EACCES);
    assert_non_null(strstr(error.text, "s3:PutLifecycleConfiguration"));
    assert_true(ph_store_is_well(store, NULL));
    /* A store that was away is known to be back all the same. */
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, NULL, 0,
        "HTTP/1.1 503 Busy\r\nRetry-After: 3600\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n");
    assert_int_equal(put(1000, true), -EAGAIN);
    assert_false(ph_store_is_well(store, &error));
    ph_test_proxy_fault(PH_TEST_ANSWERED, 9, "?lifecycle", 0, forbidden);
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), -EACCES);
    assert_true(ph_store_is_well(store, NULL));
}

static void server_that_asks_for_too_much_patience_is_left(void **state) {
    (void)state;
    static const char later[] =
        "HTTP/1.1 503 Busy\r\nRetry-After: 3600\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    struct ph_error error = {""};
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, NULL, 0, later);
    assert_int_equal(put(1000, false), -EAGAIN);
    assert_int_equal(ph_test_proxy_requests(), 1);
    assert_false(ph_store_is_well(store, &error));
    assert_non_null(strstr(error.text, "503"));
}

static void *put_something(void *opaque) {
    *(int *)opaque = put(1000, false);
    return NULL;
}

static void cancel_under(enum ph_test_fault fault, unsigned count, const char *answer) {
    pthread_t thread;
    int code = 0;
    ph_test_proxy_fault(fault, count, NULL, 0, answer);
    assert_int_equal(pthread_create(&thread, NULL, put_something, &code), 0);
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    while (ph_test_proxy_faults() == 0 && ph_now_us() < deadline_us)
        sched_yield();
    int64_t began_us = ph_now_us();
    ph_store_cancel(store);
    pthread_join(thread, NULL);
    assert_int_equal(code, -ECANCELED);
    assert_true(ph_now_us() - began_us < 10 * PH_SECOND_US);
}

static void cancelling_ends_a_wait_for_an_answer(void **state) {
    (void)state;
    cancel_under(PH_TEST_SILENCE, 1, NULL);
}

static void cancelling_ends_a_wait_before_another_try(void **state) {
    (void)state;
    static const char later[] =
        "HTTP/1.1 503 Busy\r\nRetry-After: 20\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    cancel_under(PH_TEST_ANSWERED, 100, later);
}

static void answers_that_are_no_s3_are_refused(void **state) {
    (void)state;
    static const char page[] =
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
    static const char whole[] =
        "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabcdef";
    struct ph_bytes *got;
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, NULL, 0, page);
    assert_int_equal(put(1000, false), -EACCES);
    ph_test_proxy_fault(PH_TEST_ANSWERED, 1, NULL, 0, whole); /* a range was asked for */
    assert_int_equal(ph_store_get(store, key, 3, 3, &got), -EBADMSG);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(server_errors_are_tried_again),
        CASE(server_that_asks_for_patience_gets_it),
        CASE(connections_that_break_under_a_body_are_tried_again),
        CASE(answer_that_breaks_is_gone_on_with),
        CASE(object_replaced_under_a_reader_is_not_mixed),
        CASE(deep_archive_is_restored_first),
        CASE(bytes_that_changed_on_the_way_are_refused),
        CASE(put_whose_answer_is_lost_is_known_as_own),
        CASE(server_that_cannot_compare_is_asked_before),
        CASE(server_that_ignores_the_condition_is_asked_before),
        CASE(composition_survives_lost_and_late_answers),
        CASE(clock_that_is_wrong_is_set_right),
        CASE(clock_that_is_a_little_wrong_is_set_right_too),
        CASE(secret_that_is_wrong_is_told_of),
        CASE(bucket_that_is_missing_is_not_an_object_that_is_missing),
        CASE(rules_that_may_not_be_seen_to_are_no_trouble_of_the_store),
        CASE(server_that_asks_for_too_much_patience_is_left),
        CASE(cancelling_ends_a_wait_for_an_answer),
        CASE(cancelling_ends_a_wait_before_another_try),
        CASE(answers_that_are_no_s3_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
