#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/store/sigv4.h"
#include "tests/unit/support/allocation_failure.h"

/* The examples in Amazon's description of the scheme for S3, with the keys it publishes for them. */
static const struct ph_sigv4_credentials credentials = {.access_key = "AKIAIOSFODNN7EXAMPLE",
    .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    .region = "us-east-1",
    .service = "s3"};
static const char date[] = "20130524T000000Z";
static const int64_t signed_us = INT64_C(1369353600) * 1000000;
static const char nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
#define HOST                                                                                                 \
    { "host", "examplebucket.s3.amazonaws.com" }
#define DATE                                                                                                 \
    { "x-amz-date", date }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check_signature(
    const struct ph_sigv4_request *request, const char *names, const char *signature) {
    struct ph_builder built = {0}, expected = {0};
    assert_int_equal(ph_sigv4_sign(&credentials, request, date, &built), 0);
    ph_builder_format(&expected,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=%s,Signature=%s",
        names, signature);
    char *text = ph_builder_finish_string(&built), *wanted = ph_builder_finish_string(&expected);
    assert_string_equal(text, wanted);
    free(text);
    free(wanted);
}

static void published_get_with_range_is_signed(void **state) {
    (void)state;
    const struct ph_sigv4_pair headers[] = {
        {"x-amz-content-sha256", nothing}, {"range", "bytes=0-9"}, DATE, HOST};
    const struct ph_sigv4_request request = {.method = "GET",
        .path = "/test.txt",
        .headers = headers,
        .header_count = COUNT(headers),
        .payload_hash = nothing};
    check_signature(&request, "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void published_put_with_odd_key_is_signed(void **state) {
    (void)state;
    static const char hash[] = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    const struct ph_sigv4_pair headers[] = {HOST, {"date", "Fri, 24 May 2013 00:00:00 GMT"}, DATE,
        {"x-amz-storage-class", "  REDUCED_REDUNDANCY "}, {"x-amz-content-sha256", hash}};
    const struct ph_sigv4_request request = {.method = "PUT",
        .path = "/test$file.text",
        .headers = headers,
        .header_count = COUNT(headers),
        .payload_hash = hash};
    check_signature(&request, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void published_queries_are_signed(void **state) {
    (void)state;
    const struct ph_sigv4_pair headers[] = {HOST, {"x-amz-content-sha256", nothing}, DATE};
    const struct ph_sigv4_pair lifecycle[] = {{"lifecycle", ""}};
    const struct ph_sigv4_pair list[] = {{"prefix", "J"}, {"max-keys", "2"}};
    struct ph_sigv4_request request = {.method = "GET",
        .path = "/",
        .query = lifecycle,
        .query_count = COUNT(lifecycle),
        .headers = headers,
        .header_count = COUNT(headers),
        .payload_hash = nothing};
    check_signature(&request, "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    request.query = list;
    request.query_count = COUNT(list);
    check_signature(&request, "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static const struct ph_sigv4_pair host[] = {HOST};

static char *presign(const struct ph_sigv4_pair *query, size_t count, uint32_t ttl_s) {
    const struct ph_sigv4_request request = {.method = "GET",
        .path = "/test.txt",
        .query = query,
        .query_count = count,
        .headers = host,
        .header_count = 1};
    struct ph_builder built = {0};
    assert_int_equal(ph_sigv4_presign(&credentials, &request, signed_us, ttl_s, &built), 0);
    return ph_builder_finish_string(&built);
}

static void published_address_is_signed(void **state) {
    (void)state;
    char *query = presign(NULL, 0, 86400);
    assert_string_equal(query, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%"
                               "2F20130524%2Fus-east-1%2Fs3%2F"
                               "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-"
                               "SignedHeaders=host&X-Amz-Signature="
                               "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    free(query);
}

/* As somebody comes with it. */
static int verify(const char *raw, const char *method, const char *path, int64_t at_us) {
    struct ph_sigv4_query query;
    int code = ph_sigv4_query_parse(&query, raw);
    if (!code) {
        const struct ph_sigv4_request request = {.method = method,
            .path = path,
            .query = query.pairs,
            .query_count = query.count,
            .headers = host,
            .header_count = 1};
        code = ph_sigv4_verify(&credentials, &request, at_us);
    }
    ph_sigv4_query_finish(&query);
    return code;
}

static void signed_address_is_taken_until_it_expires(void **state) {
    (void)state;
    char *raw = presign(NULL, 0, 60);
    assert_int_equal(verify(raw, "GET", "/test.txt", signed_us), 0);
    assert_int_equal(verify(raw, "GET", "/test.txt", signed_us + 60 * PH_SECOND_US), 0);
    assert_int_equal(verify(raw, "GET", "/test.txt", signed_us + 61 * PH_SECOND_US), -ETIME);
    assert_int_equal(verify(raw, "GET", "/test.txt", signed_us - 3600 * PH_SECOND_US), -EACCES);
    free(raw);
}

static void changed_address_is_refused(void **state) {
    (void)state;
    const struct ph_sigv4_pair extra[] = {
        {"response-content-disposition", "attachment; filename=\"a b+c.mp4\"; filename*=UTF-8''\xc3\xa4"}};
    char *raw = presign(extra, COUNT(extra), 60);
    assert_int_equal(verify(raw, "GET", "/test.txt", signed_us), 0);
    assert_int_equal(verify(raw, "PUT", "/test.txt", signed_us), -EACCES);
    assert_int_equal(verify(raw, "GET", "/test.tx", signed_us), -EACCES);
    for (size_t i = 0; raw[i]; i++) { /* any character of it */
        char before = raw[i];
        raw[i] = before == 'x' ? 'y' : 'x';
        assert_int_not_equal(verify(raw, "GET", "/test.txt", signed_us), 0);
        raw[i] = before;
    }
    char longer[1024];
    strcpy(longer, raw);
    strcat(longer, "&more=1");
    assert_int_equal(verify(longer, "GET", "/test.txt", signed_us), -EACCES);
    free(raw);
}

static void queries_that_follow_no_scheme_are_refused(void **state) {
    (void)state;
    char *good = presign(NULL, 0, 60);
    assert_int_equal(verify("", "GET", "/test.txt", signed_us), -EINVAL);
    assert_int_equal(verify("a=%", "GET", "/test.txt", signed_us), -EINVAL);
    assert_int_equal(verify("a=%0", "GET", "/test.txt", signed_us), -EINVAL);
    assert_int_equal(verify("a=%00", "GET", "/test.txt", signed_us), -EINVAL);
    assert_int_equal(verify("a=1&a=2", "GET", "/test.txt", signed_us), -EINVAL);
    assert_int_equal(
        verify("a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q&r&s&t&u&v&w&x&y", "GET", "/", signed_us), -EINVAL);
    char *ttl = strstr(good, "Expires=60");
    memcpy(ttl, "Expires=0 ", 10);
    assert_int_equal(verify(good, "GET", "/test.txt", signed_us), -EINVAL);
    free(good);
}

static void encoding_follows_rfc_3986(void **state) {
    (void)state;
    struct ph_builder built = {0};
    ph_sigv4_encode(&built, "AZaz09-._~ /+*\xc3\xa4%");
    ph_builder_text(&built, " ");
    ph_sigv4_encode_path(&built, "/a b/c");
    char *text = ph_builder_finish_string(&built);
    assert_string_equal(text, "AZaz09-._~%20%2F%2B%2A%C3%A4%25 /a%20b/c");
    free(text);
}

/* The order is that of the encoded texts. */
static void queries_are_sorted_as_they_are_sent(void **state) {
    (void)state;
    const struct ph_sigv4_pair query[] = {
        {"b", "2"}, {"a-b", ""}, {"a", "z"}, {"a", "~"}, {"a", "%"}, {"a", "A"}, {"a{", ""}, {"aB", ""}};
    struct ph_builder built = {0};
    assert_int_equal(ph_sigv4_encode_query(&built, query, COUNT(query)), 0);
    char *text = ph_builder_finish_string(&built);
    assert_string_equal(text, "a=%25&a=A&a=z&a=~&a%7B=&a-b=&aB=&b=2");
    free(text);
}

static int sign_and_verify(void *opaque) {
    const struct ph_sigv4_pair query[] = {{"q", "1 2"}};
    const struct ph_sigv4_request request = {"GET", "/k", query, 1, host, 1, nothing};
    struct ph_sigv4_query parsed = {0};
    struct ph_builder built = {0}, header = {0};
    char *raw = NULL;
    (void)opaque;
    int code = ph_sigv4_sign(&credentials, &request, date, &header);
    if (!code)
        code = ph_sigv4_presign(&credentials, &request, signed_us, 60, &built);
    if (!code)
        code = (raw = ph_builder_finish_string(&built)) ? 0 : -ENOMEM;
    if (!code)
        code = ph_sigv4_query_parse(&parsed, raw);
    if (!code) {
        const struct ph_sigv4_request asked = {"GET", "/k", parsed.pairs, parsed.count, host, 1, NULL};
        code = ph_sigv4_verify(&credentials, &asked, signed_us);
    }
    ph_sigv4_query_finish(&parsed);
    ph_builder_discard(&built);
    ph_builder_discard(&header);
    free(raw);
    return code;
}

static void failing_allocations_are_survived(void **state) {
    (void)state;
    ph_test_with_failing_allocations(sign_and_verify, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_get_with_range_is_signed),
        cmocka_unit_test(published_put_with_odd_key_is_signed),
        cmocka_unit_test(published_queries_are_signed),
        cmocka_unit_test(published_address_is_signed),
        cmocka_unit_test(signed_address_is_taken_until_it_expires),
        cmocka_unit_test(changed_address_is_refused),
        cmocka_unit_test(queries_that_follow_no_scheme_are_refused),
        cmocka_unit_test(encoding_follows_rfc_3986),
        cmocka_unit_test(queries_are_sorted_as_they_are_sent),
        cmocka_unit_test(failing_allocations_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
