/* What a bucket can do and a folder does in its own way: addresses signed for the server, storage classes,
 * and lifecycle rules, of which a day is a second here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/client.h"
#include "core/store/s3_call.h"
#include "tests/unit/support/store.h"

static struct ph_store *store;

static int open_store(void **state) {
    (void)state;
    return ph_test_store_make() < 0 || !(store = ph_test_store_open()) ? -1 : 0;
}

static int close_store(void **state) {
    (void)state;
    ph_store_destroy(store);
    return ph_test_store_remove();
}

static void put(const char *key, const char *text) {
    const struct ph_store_put put = {.key = key, .bytes = {(const uint8_t *)text, strlen(text)}};
    assert_int_equal(ph_store_put(store, &put, NULL), 0);
}

static unsigned fetch(const char *url, const char *expected) {
    struct ph_http_client *client;
    struct ph_http_exchange exchange = {.method = "GET", .url = url};
    assert_int_equal(ph_http_client_create(&client), 0);
    assert_int_equal(ph_http_client_perform(client, &exchange), 0);
    if (expected) {
        assert_int_equal(ph_bytes_size(exchange.answer), strlen(expected));
        assert_memory_equal(ph_bytes_data(exchange.answer), expected, strlen(expected));
    }
    unsigned status = exchange.status;
    ph_http_exchange_finish(&exchange);
    ph_http_client_destroy(client);
    return status;
}

static void signed_address_is_taken_by_the_server(void **state) {
    (void)state;
    char url[PH_STORE_URL_BYTES], longest[400];
    struct ph_store_link link = {.key = "recordings/a/recording.mp4", .ttl_s = 60};
    put(link.key, "moov");
    assert_int_equal(ph_store_sign(store, &link, url), 0);
    assert_int_equal(fetch(url, "moov"), 200);
    link.filename = "Gespr\xc3\xa4"
                    "ch \"1\" + 100 %; a/b.mp4";
    link.content_type = "video/mp4; codecs=\"avc1\"";
    assert_int_equal(ph_store_sign(store, &link, url), 0);
    assert_int_equal(fetch(url, "moov"), 200);
    url[strlen(url) - 1] ^= 1;
    assert_int_equal(fetch(url, NULL), 403);
    for (size_t i = 0; i + 1 < sizeof(longest); i += 2)
        memcpy(longest + i, "\xc3\xa4", 2);
    longest[sizeof(longest) - 2] = '\0';
    link.filename = longest;
    assert_int_equal(ph_store_sign(store, &link, url), 0);
    assert_int_equal(fetch(url, "moov"), 200);
}

static void storage_class_is_kept(void **state) {
    (void)state;
    struct ph_store_options options = ph_test_store_options();
    struct ph_store_object object, written;
    static const uint8_t byte = 'x';
    const struct ph_store_put what = {.key = "a", .bytes = {&byte, 1}};
    ph_store_destroy(store);
    options.storage_class = "STANDARD_IA";
    assert_int_equal(ph_store_create(&store, &options, NULL), 0);
    assert_int_equal(ph_store_put(store, &what, &written), 0);
    assert_int_equal(written.class, PH_STORE_INFREQUENT);
    assert_int_equal(ph_store_head(store, "a", &object), 0);
    assert_int_equal(object.class, PH_STORE_INFREQUENT);
    assert_int_equal(object.bytes, 1);
    assert_true(object.has_hash && memcmp(object.hash, written.hash, sizeof(object.hash)) == 0);
}

static void credentials_and_options_are_checked_at_once(void **state) {
    (void)state;
    struct ph_store_options options = ph_test_store_options();
    struct ph_store *other;
    struct ph_error error = {""};
    options.encryption = "ROT13";
    assert_int_equal(ph_store_create(&other, &options, &error), -EINVAL);
    assert_non_null(strstr(error.text, "AES256"));
    options.encryption = "aws:kms:arn:aws:kms:eu-central-1:1:key/2";
    assert_int_equal(ph_store_create(&other, &options, &error), 0);
    ph_store_destroy(other);
    unsetenv("AWS_SECRET_ACCESS_KEY");
    assert_int_equal(ph_store_create(&other, &options, &error), -EINVAL);
    assert_non_null(strstr(error.text, "AWS_SECRET_ACCESS_KEY"));
    assert_null(other);
}

static int call_bucket(const char *what, const char *method, const char *body, struct ph_builder *answer) {
    struct ph_s3_digest digest;
    struct ph_s3_call call = {.operation = "test",
        .method = method,
        .body = {(const uint8_t *)body, strlen(body)},
        .digest = &digest,
        .has_md5 = *body != '\0'};
    if (*what)
        ph_s3_call_add_query(&call, what, "");
    assert_int_equal(ph_s3_digest_bytes(call.body, &digest), 0);
    int code = ph_s3_call(ph_store_s3_of(store), &call);
    if (!code && answer)
        ph_builder_append(answer, call.answer.data, call.answer.size);
    ph_s3_call_finish(&call);
    return code;
}

static bool bucket_has(const char *text) {
    struct ph_builder answer = {0};
    int code = call_bucket("lifecycle", "GET", "", &answer);
    char *document = ph_builder_finish_string(&answer);
    bool has = !code && strstr(document, text);
    free(document);
    return has;
}

/* As the server would do each day, which is a second for it. */
static void enforce_rules(void) {
    char command[512];
    snprintf(command, sizeof(command),
        "CEPH_CONF='%s/ceph.conf' CEPH_ARGS=--no-mon-config radosgw-admin -n client.rgw lc process",
        getenv("PH_TEST_S3"));
    assert_int_equal(system(command), 0);
}

static void await_gone(const char *key) {
    struct ph_store_object object;
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    int code;
    while ((code = ph_store_head(store, key, &object)) == 0 && ph_now_us() < deadline_us)
        enforce_rules();
    assert_int_equal(code, -ENOENT);
}

static void rules_are_kept_and_enforced_beside_others(void **state) {
    (void)state;
    static const char theirs[] =
        "<LifecycleConfiguration "
        "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ID>theirs</ID><Filter>"
        "<Prefix>theirs/</Prefix></Filter><Status>Disabled</Status><Expiration><Days>9</Days></Expiration></"
        "Rule>"
        "</LifecycleConfiguration>";
    struct ph_store_rules rules = {
        .live_expire_days = 1, .uploads_expire_days = 3000, .abort_multipart_days = 1};
    struct ph_error error = {""};
    struct ph_composition *composition, *again;
    char token[PH_COMPOSITION_TOKEN_BYTES];
    assert_int_equal(call_bucket("lifecycle", "PUT", theirs, NULL), 0);
    put("live/a/v1080/1.m4s", "old");
    put("recordings/a/v1080/1.m4s", "kept");
    assert_int_equal(ph_composition_begin(store, "recordings/a.mp4", NULL, &composition, token), 0);
    int code = ph_store_apply_rules(store, &rules, &error);
    if (code)
        fail_msg("%d %s", code, error.text);
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), 0);
    assert_true(bucket_has("<ID>theirs</ID>"));
    await_gone("live/a/v1080/1.m4s");
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while ((code = ph_composition_resume(store, "recordings/a.mp4", token, &again)) == 0 &&
           ph_now_us() < deadline_us) {
        ph_composition_free(again);
        enforce_rules();
    }
    assert_int_equal(code, -ENOENT);
    ph_composition_free(composition);
    struct ph_store_object object;
    assert_int_equal(ph_store_head(store, "recordings/a/v1080/1.m4s", &object), 0);

    rules = (struct ph_store_rules){.recordings_colder_days = 1};
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), 0);
    deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    do {
        enforce_rules();
        assert_int_equal(ph_store_head(store, "recordings/a/v1080/1.m4s", &object), 0);
    } while (object.class != PH_STORE_INFREQUENT && ph_now_us() < deadline_us);
    assert_int_equal(object.class, PH_STORE_INFREQUENT);
    /* One rule stays: radosgw does not look again at a bucket that had none in between. */
    rules = (struct ph_store_rules){0};
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), 0);
    assert_true(bucket_has("<ID>theirs</ID>"));
    assert_false(bucket_has("porthole"));
}

static unsigned versions_below(const char *folder) {
    struct ph_builder answer = {0};
    char key[64];
    unsigned found = 0;
    snprintf(key, sizeof(key), "/%s/", folder);
    assert_int_equal(call_bucket("versions", "GET", "", &answer), 0);
    char *document = ph_builder_finish_string(&answer);
    for (const char *next = document; (next = strstr(next, "<Key>")); next += 5) {
        const char *end = strstr(next, "</Key>"), *place = strstr(next, key);
        found += place && place < end;
    }
    free(document);
    return found;
}

static void set_versions(const char *status) {
    char body[128];
    snprintf(
        body, sizeof(body), "<VersioningConfiguration><Status>%s</Status></VersioningConfiguration>", status);
    assert_int_equal(call_bucket("versioning", "PUT", body, NULL), 0);
}

static void await_versions_gone(const char *folder) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (versions_below(folder) && ph_now_us() < deadline_us)
        enforce_rules();
    assert_int_equal(versions_below(folder), 0);
}

/* Of the case's own: a bucket that has had versions stays one. Radosgw sees to the rules of the first bucket
 * by name alone, while it has any. */
static int open_own_bucket(void **state) {
    struct ph_store_options options;
    char url[512], name[11];
    ph_random_id(name, sizeof(name) - 1);
    if (open_store(state) < 0)
        return -1;
    ph_store_destroy(store);
    options = ph_test_store_options();
    const char *rest = options.url + strlen("s3://porthole");
    snprintf(url, sizeof(url), "s3://a-versions-%s%s", name, rest);
    options.url = url;
    if (ph_store_create(&store, &options, NULL) < 0)
        return -1;
    return call_bucket("", "PUT", "", NULL);
}

static int close_own_bucket(void **state) {
    int code = call_bucket("lifecycle", "DELETE", "", NULL);
    return close_store(state) | code;
}

/* What is deleted in a bucket that keeps versions is gone a day later, with its markers. */
static void deleted_objects_leave_no_version(void **state) {
    const struct ph_store_rules rules = {0};
    struct ph_error error = {""};
    struct ph_store_object object;
    (void)state;
    set_versions("Enabled");
    put("recordings/gone/recording.mp4", "a child");
    put("recordings/gone/recording.mp4", "a child, repaired");
    put("recordings/stays/recording.mp4", "another");
    put("uploads/gone/source", "a child");
    assert_int_equal(ph_store_remove_all(store, "recordings/gone"), 0);
    assert_int_equal(ph_store_remove(store, "uploads/gone/source"), 0);
    assert_int_equal(versions_below("recordings/gone"), 3);
    set_versions("Suspended");
    int code = ph_store_apply_rules(store, &rules, &error);
    if (code)
        fail_msg("%d %s", code, error.text);
    await_versions_gone("recordings/gone");
    await_versions_gone("uploads/gone");
    assert_int_equal(ph_store_head(store, "recordings/stays/recording.mp4", &object), 0);
}

static void rules_that_a_server_refuses_are_told_of(void **state) {
    (void)state;
    const struct ph_store_rules rules = {.live_expire_days = 1};
    struct ph_store_options options = ph_test_store_options();
    struct ph_error error = {""};
    ph_store_destroy(store);
    setenv("AWS_SECRET_ACCESS_KEY", "wrong", 1);
    assert_int_equal(ph_store_create(&store, &options, &error), 0);
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), -EACCES);
    assert_non_null(strstr(error.text, "lifecycle"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(signed_address_is_taken_by_the_server),
        CASE(storage_class_is_kept),
        CASE(credentials_and_options_are_checked_at_once),
        CASE(rules_are_kept_and_enforced_beside_others),
        CASE(rules_that_a_server_refuses_are_told_of),
        cmocka_unit_test_setup_teardown(deleted_objects_leave_no_version, open_own_bucket, close_own_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
