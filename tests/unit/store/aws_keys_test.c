#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "core/base/clock.h"
#include "core/store/aws_keys.h"

static struct ph_slice slice(const char *text) {
    return (struct ph_slice){(const uint8_t *)text, strlen(text)};
}

static int parse_profile(const char *text, const char *profile, const char *expected) {
    struct ph_aws_keys *keys;
    int code = ph_aws_keys_parse_profile(&keys, slice(text), profile);
    if (!code) {
        char got[256];
        snprintf(got, sizeof(got), "%s %s %s", keys->access_key, keys->secret_key, keys->session_token);
        assert_string_equal(got, expected);
        assert_true(keys->expires_us == INT64_MAX);
    } else {
        assert_null(keys);
    }
    ph_aws_keys_unref(&keys);
    return code;
}

static void profile_is_found_among_others(void **state) {
    (void)state;
    static const char text[] = "# ours\n"
                               "[default]\r\naws_access_key_id = A\r\naws_secret_access_key=b/+=\r\n\r\n"
                               "[ night ] # a remark\n"
                               "AWS_ACCESS_KEY_ID\t=\tN ; a remark\n"
                               "s3 =\n  aws_access_key_id = nested\n"
                               "region = eu-central-1\n"
                               "aws_secret_access_key = n\n"
                               "aws_session_token = t==\n"
                               "[half]\naws_access_key_id = H\n"
                               "[empty]\n"
                               "[night]\naws_secret_access_key = again";
    assert_int_equal(parse_profile(text, "default", "A b/+= "), 0);
    assert_int_equal(parse_profile(text, "night", "N again t=="), 0);
    assert_int_equal(parse_profile(text, "half", ""), -EINVAL);
    assert_int_equal(parse_profile(text, "empty", ""), -ENOENT);
    assert_int_equal(parse_profile(text, "Default", ""), -ENOENT);
    assert_int_equal(parse_profile("", "default", ""), -ENOENT);
}

static void text_that_is_no_credentials_file_is_refused(void **state) {
    (void)state;
    char text[PH_AWS_MOST_TOKEN + 256];
    assert_int_equal(parse_profile("[default\naws_access_key_id = A\n", "default", ""), PH_INVALID_DATA);
    assert_int_equal(parse_profile("{\"AccessKeyId\": \"A\"}\n", "default", ""), PH_INVALID_DATA);
    assert_int_equal(
        parse_profile("[p]\naws_access_key_id = a b\naws_secret_access_key = c\n", "p", ""), -EINVAL);
    struct ph_aws_keys *keys;
    static const char zero[] = "[p]\naws_access_key_id = a\0b\naws_secret_access_key = c\n";
    assert_int_equal(
        ph_aws_keys_parse_profile(&keys, (struct ph_slice){(const uint8_t *)zero, sizeof(zero) - 1}, "p"),
        -EINVAL);
    for (int more = 0; more < 2; more++) {
        int size = snprintf(
            text, sizeof(text), "[p]\naws_access_key_id=a\naws_secret_access_key=b\naws_session_token=");
        memset(text + size, 't', PH_AWS_MOST_TOKEN + (size_t)more);
        text[size + PH_AWS_MOST_TOKEN + more] = '\0';
        assert_int_equal(ph_aws_keys_parse_profile(&keys, slice(text), "p"), more ? -EINVAL : 0);
        ph_aws_keys_unref(&keys);
    }
}

static void answers_are_read_with_their_time(void **state) {
    (void)state;
    struct ph_aws_keys *keys, *again;
    static const char instance[] =
        "{\"Code\":\"Success\",\"LastUpdated\":\"2026-01-01T00:00:00Z\",\"Type\":\"AWS-HMAC\","
        "\"AccessKeyId\":\"A\","
        "\"SecretAccessKey\":\"b\",\"Token\":\"t\",\"Expiration\":\"2026-01-01T06:00:00.25Z\"}";
    assert_int_equal(ph_aws_keys_parse_answer(&keys, slice(instance)), 0);
    assert_string_equal(keys->access_key, "A");
    assert_string_equal(keys->secret_key, "b");
    assert_string_equal(keys->session_token, "t");
    assert_true(keys->expires_us == INT64_C(1767247200) * PH_SECOND_US);
    assert_int_equal(
        ph_aws_keys_parse_answer(&again, slice("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\"}")), 0);
    assert_true(again->expires_us == INT64_MAX);
    assert_false(ph_aws_keys_are_same(keys, again));
    assert_true(ph_aws_keys_are_same(keys, keys));
    ph_aws_keys_unref(&keys);
    ph_aws_keys_unref(&again);
}

static void answers_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "<html>",
        "[]",
        "{\"Code\":\"Failed\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\"}",
        "{\"AccessKeyId\":\"A\"}",
        "{\"AccessKeyId\":1,\"SecretAccessKey\":\"b\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\",\"Expiration\":\"tomorrow\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\",\"Expiration\":\"2026-01-01T06:00:00+02:00\"}",
    };
    struct ph_aws_keys *keys;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (ph_aws_keys_parse_answer(&keys, slice(wrong[i])) != PH_INVALID_DATA)
            fail_msg("%s", wrong[i]);
        assert_null(keys);
    }
    assert_int_equal(
        ph_aws_keys_parse_answer(&keys, slice("{\"AccessKeyId\":\"A\\r\\nX: y\",\"SecretAccessKey\":\"b\"}")),
        -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profile_is_found_among_others),
        cmocka_unit_test(text_that_is_no_credentials_file_is_refused),
        cmocka_unit_test(answers_are_read_with_their_time),
        cmocka_unit_test(answers_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
