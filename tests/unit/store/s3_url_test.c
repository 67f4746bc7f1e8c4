#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/store/s3_url.h"

static struct ph_s3_place parse(const char *url) {
    struct ph_s3_place place;
    struct ph_error error = {""};
    int code = ph_s3_url_parse(&place, url, &error);
    if (code)
        print_error("%s: %s\n", url, error.text);
    assert_int_equal(code, 0);
    return place;
}

static void amazon_is_found_by_its_region(void **state) {
    (void)state;
    struct ph_s3_place place = parse("s3://archive");
    assert_string_equal(place.host, "archive.s3.us-east-1.amazonaws.com");
    assert_string_equal(place.prefix, "");
    assert_true(place.is_secure && !place.is_path_style);
    place = parse("s3://archive/a/b/?region=eu-central-1");
    assert_string_equal(place.host, "archive.s3.eu-central-1.amazonaws.com");
    assert_string_equal(place.region, "eu-central-1");
    assert_string_equal(place.prefix, "a/b/");
    place = parse("s3://archive.example.org?region=cn-north-1");
    assert_string_equal(place.host, "s3.cn-north-1.amazonaws.com.cn");
    assert_true(place.is_path_style);
    place = parse("s3://archive?style=path");
    assert_string_equal(place.host, "s3.us-east-1.amazonaws.com");
}

static void endpoints_are_taken(void **state) {
    (void)state;
    struct ph_s3_place place = parse("s3://archive/p?endpoint=http://127.0.0.1:7480&region=default");
    assert_string_equal(place.host, "127.0.0.1:7480");
    assert_true(!place.is_secure && place.is_path_style);
    place = parse("s3://archive?endpoint=https%3A%2F%2Fs3.example.org%3A443/&style=virtual");
    assert_string_equal(place.host, "archive.s3.example.org");
    assert_true(place.is_secure && !place.is_path_style);
    place = parse("s3://archive?endpoint=http://[::1]:80");
    assert_string_equal(place.host, "[::1]");
    place = parse("s3://archive?endpoint=http://[::1]:8080");
    assert_string_equal(place.host, "[::1]:8080");
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    static const struct {
        const char *url, *word;
    } cases[] = {
        {"https://archive", "s3://"},
        {"s3://", "3 to 63"},
        {"s3:///p", "3 to 63"},
        {"s3://key:secret@archive/p", "AWS_ACCESS_KEY_ID"},
        {"s3://Archive", "a-z"},
        {"s3://-archive", "a-z"},
        {"s3://ar..chive", "a-z"},
        {"s3://archive//p", "prefix"},
        {"s3://archive/../p", "prefix"},
        {"s3://archive/p q", "prefix"},
        {"s3://archive/p#x", "#"},
        {"s3://archive?endpont=http://x", "endpoint, region and style"},
        {"s3://archive?endpoint=x:80", "http://host:port"},
        {"s3://archive?endpoint=http://", "http://host:port"},
        {"s3://archive?endpoint=http://x/y", "http://host:port"},
        {"s3://archive?endpoint=http://x:0", "http://host:port"},
        {"s3://archive?endpoint=http://x:70000", "http://host:port"},
        {"s3://archive?endpoint=http://a:b@x:80", "http://host:port"},
        {"s3://archive?endpoint=http://x%0d%0ay", "http://host:port"},
        {"s3://archive?region=EU", "region"},
        {"s3://archive?region=", "region"},
        {"s3://archive?style=both", "style"},
        {"s3://archive?style=path&style=path", "each once"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ph_s3_place place;
        struct ph_error error = {""};
        int code = ph_s3_url_parse(&place, cases[i].url, &error);
        if (code != -EINVAL || !strstr(error.text, cases[i].word))
            fail_msg("%s: %d %s", cases[i].url, code, error.text);
        assert_null(strstr(error.text, "secret@"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amazon_is_found_by_its_region),
        cmocka_unit_test(endpoints_are_taken),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
