#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/store/s3_headers.h"

static struct ph_s3_headers read_lines(const char *const *lines) {
    struct ph_s3_headers headers;
    ph_s3_headers_init(&headers);
    for (; *lines; lines++)
        ph_s3_headers_take(&headers, *lines, strlen(*lines));
    return headers;
}
#define READ(...) read_lines((const char *const[]){__VA_ARGS__, NULL})

static void what_an_object_is_said_to_be_is_read(void **state) {
    (void)state;
    struct ph_s3_headers headers = READ("ETag: \"0123abc-7\"\r\n", "content-length: 12345678901\r\n",
        "Content-Range:bytes 5-9/100\r\n", "Date: Fri, 24 May 2013 00:00:00 GMT\r\n",
        "Last-Modified: Fri, 24 May 2013 00:00:01 GMT\r\n", "X-Amz-Bucket-Region: eu-central-1\r\n",
        "x-amz-meta-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n");
    assert_string_equal(headers.etag, "0123abc-7");
    assert_true(headers.has_length && headers.length == UINT64_C(12345678901));
    assert_true(headers.has_range && headers.range_begin == 5 && headers.range_total == 100);
    assert_true(headers.date_us == INT64_C(1369353600000000));
    assert_true(headers.modified_us == INT64_C(1369353601000000));
    assert_true(headers.has_hash && headers.hash[0] == 0xe3 && headers.hash[31] == 0x55);
    assert_string_equal(headers.region, "eu-central-1");
    assert_true(headers.retry_after_us == -1);
    assert_int_equal(headers.class, PH_STORE_STANDARD);
}

static void classes_tell_whether_an_object_can_be_read(void **state) {
    (void)state;
    static const char deep[] = "x-amz-storage-class: DEEP_ARCHIVE";
    static const char going[] = "x-amz-restore: ongoing-request=\"true\"";
    static const char done[] =
        "x-amz-restore: ongoing-request=\"false\", expiry-date=\"Fri, 24 May 2013 00:00:00 GMT\"";
    assert_int_equal(READ(deep).class, PH_STORE_DEEP);
    assert_int_equal(READ(deep, going).class, PH_STORE_RESTORING);
    assert_int_equal(READ(done, deep).class, PH_STORE_RESTORED);
    assert_int_equal(READ("x-amz-storage-class: GLACIER").class, PH_STORE_DEEP);
    assert_int_equal(READ("x-amz-storage-class: GLACIER_IR").class, PH_STORE_STANDARD);
    assert_int_equal(READ("x-amz-storage-class: STANDARD_IA").class, PH_STORE_INFREQUENT);
}

static void what_is_no_value_is_passed_over(void **state) {
    (void)state;
    char longest[400];
    memset(longest, 'x', sizeof(longest) - 1);
    memcpy(longest, "ETag: ", 6);
    longest[sizeof(longest) - 1] = '\0';
    struct ph_s3_headers headers = READ("", ":", "ETag", longest, "Content-Length: -1", "Content-Length: 1x",
        "Content-Range: bytes */100", "Content-Range: bytes 1-2/99999999999999999999999", "Date: yesterday",
        "Retry-After: Fri, 24 May 2013 00:00:00 GMT", "x-amz-meta-sha256: 00", "x-amz-bucket-region: a b");
    assert_string_equal(headers.etag, "");
    assert_false(headers.has_length || headers.has_range || headers.has_hash);
    assert_true(headers.date_us == -1 && headers.retry_after_us == -1);
    assert_string_equal(headers.region, "");
    assert_true(READ("Retry-After: 7").retry_after_us == 7000000);
    assert_true(READ("Retry-After: 99999999").retry_after_us == 60000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_object_is_said_to_be_is_read),
        cmocka_unit_test(classes_tell_whether_an_object_can_be_read),
        cmocka_unit_test(what_is_no_value_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
