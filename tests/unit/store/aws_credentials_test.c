/* Where credentials come from and how they are kept fresh: files in a folder of the test's, endpoints on a
 * server of the test's that speaks as ECS's and EC2's do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/http/server.h"
#include "core/store/aws_credentials.h"

static char folder[64], base[64];
static struct ph_http_server *server;
static struct ph_metrics *metrics;
static struct ph_aws_credentials *credentials;
/* What the server does. */
static atomic_int asked, life_s, status;
static atomic_bool is_mute; /* holds what comes */

static void answer_text(struct ph_http_request *request, unsigned code, const char *text) {
    struct ph_bytes *bytes = ph_bytes_copy(text, strlen(text));
    struct ph_http_response *response = ph_http_response_from_bytes(code, "text/plain", bytes);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
    ph_bytes_unref(&bytes);
}

static bool has_header(struct ph_http_request *request, const char *name, const char *expected) {
    const char *value = ph_http_request_header(request, name);
    return value && strcmp(value, expected) == 0;
}

/* Other keys each time: K1, K2, … */
static void answer_keys(struct ph_http_request *request) {
    char text[256], expiration[32];
    struct ph_http_hold *held;
    struct tm parts;
    int number = atomic_fetch_add(&asked, 1) + 1;
    if (atomic_load(&is_mute)) {
        if (ph_http_request_hold(request, ph_now_us() + 20 * PH_SECOND_US, NULL, &held) == 0)
            ph_http_hold_drop(held);
        return;
    }
    time_t expires = time(NULL) + atomic_load(&life_s);
    gmtime_r(&expires, &parts);
    strftime(expiration, sizeof(expiration), "%Y-%m-%dT%H:%M:%SZ", &parts);
    snprintf(text, sizeof(text),
        "{\"Code\":\"Success\",\"AccessKeyId\":\"K%d\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
        "\"Expiration\":\"%s\"}",
        number, expiration);
    answer_text(request, (unsigned)atomic_load(&status), text);
}

static void give_token(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    answer_text(request, has_header(request, "X-aws-ec2-metadata-token-ttl-seconds", "21600") ? 200 : 400,
        "the token");
}

static void give_role(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    answer_text(
        request, has_header(request, "X-aws-ec2-metadata-token", "the token") ? 200 : 401, "archive-role\n");
}

static void give_instance_keys(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    if (has_header(request, "X-aws-ec2-metadata-token", "the token"))
        answer_keys(request);
    else
        answer_text(request, 401, "");
}

static void give_container_keys(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    if (has_header(request, "Authorization", "Bearer of the pod"))
        answer_keys(request);
    else
        answer_text(request, 403, "");
}

static int start_server(void) {
    static const char keys[] = "/latest/meta-data/iam/security-credentials/archive-role";
    const struct ph_http_route routes[] = {
        {"PUT", "/latest/api/token", "token", give_token, NULL, 0, false, NULL, 0},
        {"GET", "/latest/meta-data/iam/security-credentials/{path...}", "role", give_role, NULL, 0, false,
            NULL, 0},
        {"GET", keys, "keys", give_instance_keys, NULL, 0, false, NULL, 0},
        {"GET", "/v1/credentials", "keys", give_container_keys, NULL, 0, false, NULL, 0},
    };
    struct ph_http_server_options options = {.listen = "127.0.0.1:0", .threads = 2};
    if (ph_http_server_create(&server, &options, NULL))
        return -1;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (ph_http_server_add_route(server, &routes[i]))
            return -1;
    }
    if (ph_http_server_start(server, NULL))
        return -1;
    snprintf(base, sizeof(base), "http://127.0.0.1:%u", ph_http_server_port(server));
    return 0;
}

static int begin(void **state) {
    static const char *const variables[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_EC2_METADATA_SERVICE_ENDPOINT"};
    (void)state;
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    snprintf(folder, sizeof(folder), "/tmp/ph-keys-XXXXXX");
    atomic_store(&asked, 0);
    atomic_store(&life_s, 3600);
    atomic_store(&status, 200);
    atomic_store(&is_mute, false);
    return !mkdtemp(folder) || setenv("HOME", folder, 1) || setenv("AWS_EC2_METADATA_DISABLED", "true", 1) ||
                   ph_metrics_create(&metrics) || start_server()
               ? -1
               : 0;
}

static int end(void **state) {
    char command[96];
    (void)state;
    ph_aws_credentials_destroy(credentials);
    credentials = NULL;
    ph_http_server_drain(server, ph_now_us());
    ph_http_server_destroy(server);
    ph_metrics_destroy(metrics);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static void write_file(const char *name, const char *text) {
    char path[128], new[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(new, sizeof(new), "%s/new", folder);
    FILE *file = fopen(new, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(new, path), 0);
}

static void set_path(const char *variable, const char *name) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    setenv(variable, path, 1);
}

static void create(void) {
    struct ph_error error = {""};
    if (ph_aws_credentials_create(&credentials, ph_clock_system(), metrics, &error))
        fail_msg("%s", error.text);
}

static void refuse(const char *expected) {
    struct ph_error error = {""};
    assert_int_equal(ph_aws_credentials_create(&credentials, ph_clock_system(), metrics, &error), -EINVAL);
    assert_null(credentials);
    if (!strstr(error.text, expected))
        fail_msg("%s", error.text);
}

static int64_t in_seconds(int seconds) {
    return ph_now_us() + seconds * PH_SECOND_US;
}

static void assert_key(const char *expected) {
    struct ph_aws_keys *keys;
    assert_int_equal(ph_aws_credentials_take(credentials, in_seconds(5), &keys), 0);
    assert_string_equal(keys->access_key, expected);
    ph_aws_keys_unref(&keys);
}

static double gauge(const char *name) {
    return ph_metric_value(ph_metrics_gauge(metrics, name, "", NULL));
}

static void be_on_an_instance(void) {
    unsetenv("AWS_EC2_METADATA_DISABLED");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", base, 1);
}

static void environment_comes_first_and_stays(void **state) {
    (void)state;
    struct ph_aws_keys *keys;
    write_file("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
    set_path("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    setenv("AWS_ACCESS_KEY_ID", "E", 1);
    refuse("AWS_SECRET_ACCESS_KEY");
    setenv("AWS_SECRET_ACCESS_KEY", "a b", 1);
    refuse("no such thing");
    setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
    create();
    assert_true(ph_aws_credentials_are_fixed(credentials));
    assert_int_equal(ph_aws_credentials_take(credentials, 0, &keys), 0);
    assert_string_equal(keys->access_key, "E");
    assert_false(ph_aws_credentials_renew(credentials, keys, in_seconds(5)));
    ph_aws_keys_unref(&keys);
}

static void file_is_read_again_when_its_keys_are_refused(void **state) {
    (void)state;
    struct ph_aws_keys *keys;
    char path[128];
    snprintf(path, sizeof(path), "%s/.aws", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(".aws/credentials", "[default]\naws_access_key_id=F1\naws_secret_access_key=f\n");
    create();
    assert_false(ph_aws_credentials_are_fixed(credentials));
    assert_int_equal(ph_aws_credentials_take(credentials, in_seconds(5), &keys), 0);
    assert_string_equal(keys->access_key, "F1");
    assert_false(ph_aws_credentials_renew(credentials, keys, in_seconds(5))); /* it was read just now */
    write_file(".aws/credentials", "[default]\naws_access_key_id=F2\naws_secret_access_key=f\n");
    int64_t deadline_us = in_seconds(5);
    while (!ph_aws_credentials_renew(credentials, keys, in_seconds(2)) && ph_now_us() < deadline_us)
        usleep(20000); /* whoever is refused asks again after a while */
    assert_key("F2");
    ph_aws_keys_unref(&keys);
}

static void file_that_is_asked_for_has_to_be_one(void **state) {
    (void)state;
    set_path("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    refuse("cannot be read");
    write_file("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
    setenv("AWS_PROFILE", "other", 1);
    refuse("profile other");
    write_file("credentials", "oops\n");
    refuse("no credentials file");
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    unsetenv("AWS_PROFILE");
    refuse("AWS_ACCESS_KEY_ID"); /* nothing is left to ask */
}

static void container_is_asked_with_its_token(void **state) {
    (void)state;
    char url[96];
    snprintf(url, sizeof(url), "%s/v1/credentials", base);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not that one", 1);
    set_path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token");
    write_file("token", "Bearer of the pod\n");
    create();
    assert_key("K1");
    assert_true(gauge("porthole_store_credentials_expiry_timestamp_seconds") > (double)time(NULL) + 3000);
    assert_true(gauge("porthole_store_credentials_missing") == 0);
}

static void container_far_away_is_not_asked_without_tls(void **state) {
    (void)state;
    struct ph_aws_keys *keys;
    struct ph_error why;
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/v1/credentials", 1);
    create();
    assert_int_equal(ph_aws_credentials_take(credentials, in_seconds(5), &keys), -EAGAIN);
    assert_null(keys);
    ph_aws_credentials_explain(credentials, &why);
    assert_non_null(strstr(why.text, "without TLS"));
    assert_true(gauge("porthole_store_credentials_missing") == 1);
}

static void *take_one(void *opaque) {
    (void)opaque;
    struct ph_aws_keys *keys;
    bool is_first = ph_aws_credentials_take(credentials, in_seconds(5), &keys) == 0 &&
                    strcmp(keys->access_key, "K1") == 0;
    ph_aws_keys_unref(&keys);
    return is_first ? opaque : NULL;
}

static void instance_is_asked_once_for_all_who_wait(void **state) {
    (void)state;
    pthread_t threads[16];
    void *result;
    be_on_an_instance();
    create();
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(ph_thread_start(&threads[i], "taker", take_one, &threads[i]), 0);
    for (size_t i = 0; i < 16; i++) {
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, &threads[i]);
    }
    assert_int_equal(atomic_load(&asked), 1);
}

static void keys_are_renewed_before_they_expire(void **state) {
    (void)state;
    struct ph_aws_keys *keys;
    be_on_an_instance();
    atomic_store(&life_s, 4);
    create();
    assert_key("K1");
    /* Keys are there all the time, and others than the first before that has expired. */
    int64_t deadline_us = in_seconds(4);
    bool are_others = false;
    while (!are_others && ph_now_us() < deadline_us) {
        assert_int_equal(ph_aws_credentials_take(credentials, 0, &keys), 0);
        are_others = strcmp(keys->access_key, "K1") != 0;
        ph_aws_keys_unref(&keys);
        usleep(10000);
    }
    assert_true(are_others);
}

static void old_keys_are_used_until_they_expire(void **state) {
    (void)state;
    struct ph_aws_keys *keys;
    be_on_an_instance();
    atomic_store(&life_s, 4);
    create();
    assert_key("K1");
    atomic_store(&status, 500);
    int code;
    while ((code = ph_aws_credentials_take(credentials, 0, &keys)) == 0) {
        assert_string_equal(keys->access_key, "K1");
        assert_true(keys->expires_us > ph_utc_now_us() - 1000 * PH_MILLISECOND_US);
        ph_aws_keys_unref(&keys);
        usleep(10000);
    }
    assert_int_equal(code, -EAGAIN);
    int64_t deadline_us = in_seconds(20);
    while (gauge("porthole_store_credentials_missing") == 0 && ph_now_us() < deadline_us)
        usleep(10000);
    assert_true(gauge("porthole_store_credentials_missing") == 1);
    struct ph_error why;
    ph_aws_credentials_explain(credentials, &why);
    assert_non_null(strstr(why.text, "answers 500"));
    atomic_store(&life_s, 3600);
    atomic_store(&status, 200);
    deadline_us = in_seconds(40); /* failures have made the pauses longer */
    while ((code = ph_aws_credentials_take(credentials, in_seconds(1), &keys)) == -EAGAIN &&
           ph_now_us() < deadline_us)
        usleep(10000);
    assert_int_equal(code, 0);
    ph_aws_keys_unref(&keys);
}

static void keys_that_have_expired_are_none(void **state) {
    (void)state;
    struct ph_aws_keys *keys;
    struct ph_error why;
    be_on_an_instance();
    atomic_store(&life_s, -1);
    create();
    assert_int_equal(ph_aws_credentials_take(credentials, in_seconds(5), &keys), -EAGAIN);
    ph_aws_credentials_explain(credentials, &why);
    assert_non_null(strstr(why.text, "expired"));
}

static void machine_that_is_no_instance_is_told_what_to_set(void **state) {
    (void)state;
    struct ph_aws_keys *keys;
    struct ph_error why;
    unsetenv("AWS_EC2_METADATA_DISABLED");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
    create();
    assert_int_equal(ph_aws_credentials_take(credentials, in_seconds(5), &keys), -EAGAIN);
    ph_aws_credentials_explain(credentials, &why);
    assert_non_null(strstr(why.text, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
}

static void *cancel_soon(void *opaque) {
    while (atomic_load(&asked) == 0)
        usleep(1000);
    ph_aws_credentials_cancel(credentials);
    return opaque;
}

static void nobody_waits_once_it_is_cancelled(void **state) {
    (void)state;
    struct ph_aws_keys *keys;
    pthread_t thread;
    be_on_an_instance();
    atomic_store(&is_mute, true);
    create();
    int64_t began_us = ph_now_us();
    assert_int_equal(ph_thread_start(&thread, "canceller", cancel_soon, NULL), 0);
    assert_int_equal(ph_aws_credentials_take(credentials, in_seconds(10), &keys), -ECANCELED);
    pthread_join(thread, NULL);
    ph_aws_credentials_destroy(credentials);
    credentials = NULL;
    assert_true(ph_now_us() - began_us < 8 * PH_SECOND_US);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(environment_comes_first_and_stays),
        CASE(file_is_read_again_when_its_keys_are_refused),
        CASE(file_that_is_asked_for_has_to_be_one),
        CASE(container_is_asked_with_its_token),
        CASE(container_far_away_is_not_asked_without_tls),
        CASE(instance_is_asked_once_for_all_who_wait),
        CASE(keys_are_renewed_before_they_expire),
        CASE(old_keys_are_used_until_they_expire),
        CASE(keys_that_have_expired_are_none),
        CASE(machine_that_is_no_instance_is_told_what_to_set),
        CASE(nobody_waits_once_it_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
