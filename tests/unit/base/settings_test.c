#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/settings.h"
#include "tests/unit/base/settings_folder.h"
#include "tests/unit/support/allocation_failure.h"

static void assert_defaults(const struct ph_settings *settings) {
    assert_string_equal(settings->data_dir, "./data");
    assert_string_equal(settings->http_listen, "0.0.0.0:8080");
    assert_string_equal(settings->srt_listen, "0.0.0.0:9000");
    assert_int_equal(settings->srt_latency_ms, 120);
    assert_string_equal(settings->webrtc_listen, "0.0.0.0:8000");
    assert_string_equal(settings->webrtc_announce, "");
    assert_string_equal(settings->public_url, "http://localhost:8080");
    assert_string_equal(settings->database_url, "sqlite:./data/porthole.db");
    assert_string_equal(settings->archive_url, "file:./data/archive");
    assert_string_equal(settings->archive_storage_class, "");
    assert_string_equal(settings->archive_encryption, "");
    assert_int_equal(settings->archive_live_days, 30);
    assert_int_equal(settings->archive_infrequent_days, 30);
    assert_int_equal(settings->archive_deep_days, 180);
    assert_int_equal(settings->archive_upload_days, 7);
    assert_int_equal(settings->archive_multipart_days, 1);
    assert_string_equal(settings->smtp_url, "");
    assert_string_equal(settings->jwt_secret, "");
    assert_string_equal(settings->jwks_file, "");
    assert_string_equal(settings->api_key, "");
    assert_string_equal(settings->cors_origins, "");
    assert_string_equal(settings->trusted_proxies, "");
    assert_string_equal(settings->country_header, "");
    assert_string_equal(settings->turn_urls, "");
    assert_string_equal(settings->turn_secret, "");
    assert_string_equal(settings->ladder, "1080p30@4500k,720p30@2500k");
    assert_string_equal(settings->preset, "auto");
    assert_string_equal(settings->encoder, "libx264");
    assert_int_equal(settings->part_ms, 200);
    assert_int_equal(settings->segment_ms, 2000);
    assert_int_equal(settings->reconnect_window_s, 60);
    assert_int_equal(settings->most_sessions, 0);
    assert_int_equal(settings->publish_idle_s, 90);
    assert_int_equal(settings->job_silence_s, 180);
    assert_int_equal(settings->spool_most_mib, 4096);
    assert_int_equal(settings->spool_memory_mib, 256);
    assert_string_equal(settings->worker_listen, "unix:./data/worker.sock");
    assert_string_equal(settings->workers, "");
    assert_string_equal(settings->origins, "");
    assert_string_equal(settings->cluster_secret, "");
    assert_string_equal(settings->web_dir, "");
    assert_string_equal(settings->log_level, "info");
}

/* Loads `text` as the file and expects it to be refused with `sentence` within the error. */
static void assert_refused(const char *text, const char *sentence) {
    struct ph_settings settings;
    struct ph_error error = {""};
    settings_folder_write(settings_path, text, 0600);
    assert_int_equal(ph_settings_load(&settings, settings_path, &error), -EINVAL);
    if (!strstr(error.text, sentence))
        fail_msg("\"%s\" does not say \"%s\"", error.text, sentence);
    assert_null(settings.data_dir);
}

static void defaults_without_file(void **state) {
    struct ph_settings settings;
    struct ph_error error = {""};
    (void)state;
    settings_folder_write(settings_path, "", 0600);
    assert_int_equal(ph_settings_load(&settings, settings_path, &error), 0);
    assert_defaults(&settings);
    ph_settings_finish(&settings);
    settings_folder_write(settings_path, "# only a comment\n", 0600);
    assert_int_equal(ph_settings_load(&settings, settings_path, &error), 0);
    assert_defaults(&settings);
    ph_settings_finish(&settings);
}

static void example_gives_the_defaults(void **state) {
    struct ph_settings settings;
    struct ph_error error = {""};
    (void)state;
    int code = ph_settings_load(&settings, PH_SOURCE_DIR "/porthole.example.yaml", &error);
    assert_string_equal(error.text, "");
    assert_int_equal(code, 0);
    assert_defaults(&settings);
    ph_settings_finish(&settings);
}

static void example_names_every_key(void **state) {
    static const char *const keys[] = {"data_dir", "http_listen", "srt_listen", "srt_latency_ms",
        "webrtc_listen", "webrtc_announce", "public_url", "database_url", "archive_url",
        "archive_storage_class", "archive_encryption", "archive_live_days", "archive_infrequent_days",
        "archive_deep_days", "archive_upload_days", "archive_multipart_days", "smtp_url", "smtp_tls",
        "mail_from", "ca_file", "webhook_private_addresses", "sentry_dsn", "jwt_secret", "jwks_file",
        "api_key", "cors_origins", "trusted_proxies", "country_header", "turn_urls", "turn_secret", "ladder",
        "preset", "encoder", "part_ms", "segment_ms", "reconnect_window_s", "most_sessions", "publish_idle_s",
        "job_silence_s", "spool_most_mib", "spool_memory_mib", "worker_listen", "workers", "origins",
        "cluster_secret", "web_dir", "log_level"};
    static char text[32768];
    (void)state;
    FILE *file = fopen(PH_SOURCE_DIR "/porthole.example.yaml", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char line[64];
        snprintf(line, sizeof(line), "\n%s: ", keys[i]);
        if (!strstr(text, line))
            fail_msg("porthole.example.yaml lacks %s", keys[i]);
    }
}

static void file_and_environment(void **state) {
    struct ph_settings settings;
    struct ph_error error = {""};
    (void)state;
    settings_folder_write(settings_path,
        "data_dir: /srv/porthole\npart_ms: 250\nsegment_ms: 3000\npublic_url: https://live.example.org/\n"
        "preset: veryfast\n",
        0600);
    setenv("PORTHOLE_PART_MS", "500", 1);
    setenv("PORTHOLE_SEGMENT_MS", "", 1);
    setenv("PORTHOLE_LOG_LEVEL", "debug", 1);
    setenv("PORTHOLE_DATABASE_URL", "postgresql:///porthole?host=/run/postgresql", 1);
    int code = ph_settings_load(&settings, settings_path, &error);
    unsetenv("PORTHOLE_PART_MS");
    unsetenv("PORTHOLE_SEGMENT_MS");
    unsetenv("PORTHOLE_LOG_LEVEL");
    unsetenv("PORTHOLE_DATABASE_URL");
    assert_string_equal(error.text, "");
    assert_int_equal(code, 0);
    assert_int_equal(settings.part_ms, 500);
    assert_int_equal(settings.segment_ms, 3000);
    assert_string_equal(settings.log_level, "debug");
    assert_string_equal(settings.preset, "veryfast");
    assert_string_equal(settings.public_url, "https://live.example.org");
    assert_string_equal(settings.database_url, "postgresql:///porthole?host=/run/postgresql");
    assert_string_equal(settings.archive_url, "file:/srv/porthole/archive");
    assert_string_equal(settings.worker_listen, "unix:/srv/porthole/worker.sock");
    ph_settings_finish(&settings);
}

static void usual_file_of_the_working_folder(void **state) {
    struct ph_settings settings;
    char before[4096];
    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    settings_folder_write(settings_path, "part_ms: 333\n", 0600);
    assert_int_equal(chdir(settings_folder), 0);
    assert_int_equal(ph_settings_load(&settings, NULL, NULL), 0);
    assert_int_equal(settings.part_ms, 333);
    ph_settings_finish(&settings);
    assert_int_equal(unlink("porthole.yaml"), 0);
    assert_int_equal(ph_settings_load(&settings, NULL, NULL), 0);
    assert_int_equal(settings.part_ms, 200);
    ph_settings_finish(&settings);
    assert_int_equal(chdir(before), 0);
}

static void errors_name_file_line_key_and_range(void **state) {
    (void)state;
    assert_refused("log_level: info\n\npart_ms: 99\n",
        "/porthole.yaml:3: part_ms must be a whole number from 100 to 1000, not \"99\"");
    assert_refused("part_ms: 1001\n", ":1: part_ms must be a whole number from 100 to 1000");
    assert_refused("part_ms: fast\n", ":1: part_ms must be a whole number");
    assert_refused("part_ms: -200\n", ":1: part_ms must be a whole number");
    assert_refused("part_ms: 200.5\n", ":1: part_ms must be a whole number");
    assert_refused("part_ms: 4294967496\n", ":1: part_ms must be a whole number");
    assert_refused("part_ms: 99999999999999999999999\n", ":1: part_ms must be a whole number");
    assert_refused("# one\npart_ms: 200\nsegment_ms:\n  700\npreset: turbo\n",
        ":5: preset must be auto or an x264 preset");
    assert_refused("part_ms: 400\nsegment_ms: 700\n",
        ":2: segment_ms must keep segment_ms at least twice part_ms, and 700 is less than 2 × 400");
}

static void unknown_and_malformed_files(void **state) {
    (void)state;
    assert_refused("part_ms: 200\nprat_ms: 200\n", ":2: unknown key prat_ms: porthole.example.yaml");
    assert_refused("part_ms: 200\nprat_ms:\n", ":2: unknown key prat_ms");
    assert_refused("part_ms: 200\npart_ms: 300\n", "already seen: part_ms");
    assert_refused("part_ms: [200]\n", ":1: ");
    assert_refused("log_level: info\npart_ms: {a: 200}\n", ":2: ");
    assert_refused("- part_ms\n", "must be a mapping");
    assert_refused("part_ms: 'oh\n", "unexpected end");
    assert_refused("part_ms: &x 200\nsegment_ms: *x\n", ":2: ");
    assert_refused("\tpart_ms: 200\n", ":1: ");
    assert_refused("part_ms: \xff\xfe\n", ":1: ");
}

static void missing_file(void **state) {
    struct ph_settings settings;
    struct ph_error error = {""};
    (void)state;
    assert_int_equal(ph_settings_load(&settings, "/nonexistent/p.yaml", &error), -ENOENT);
    assert_non_null(strstr(error.text, "/nonexistent/p.yaml: cannot be read"));
    assert_int_equal(ph_settings_load(&settings, settings_folder, &error), -EISDIR);
}

static void huge_file(void **state) {
    struct ph_settings settings;
    struct ph_error error = {""};
    size_t size = (1u << 20) + 2;
    char *text = malloc(size);
    (void)state;
    memset(text, '\n', size);
    text[size - 1] = '\0';
    settings_folder_write(settings_path, text, 0600);
    free(text);
    assert_int_equal(ph_settings_load(&settings, settings_path, &error), -EINVAL);
    assert_non_null(strstr(error.text, "1 MiB"));
}

static void errors_of_the_environment_name_the_variable(void **state) {
    static const struct {
        const char *name, *text, *sentence;
    } wrong[] = {
        {"PORTHOLE_PART_MS", "0x10",
            "PORTHOLE_PART_MS must be a whole number from 100 to 1000, not \"0x10\""},
        {"PORTHOLE_SRT_LATENCY_MS", "8001", "PORTHOLE_SRT_LATENCY_MS must be a whole number from 20 to 8000"},
        {"PORTHOLE_HTTP_LISTEN", "8080", "PORTHOLE_HTTP_LISTEN must be a numeric address and a port"},
        {"PORTHOLE_LOG_LEVEL", "loud", "PORTHOLE_LOG_LEVEL must be error, warning, info or debug"},
    };
    (void)state;
    settings_folder_write(settings_path, "", 0600);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ph_settings settings;
        struct ph_error error = {""};
        setenv(wrong[i].name, wrong[i].text, 1);
        int code = ph_settings_load(&settings, settings_path, &error);
        unsetenv(wrong[i].name);
        assert_int_equal(code, -EINVAL);
        if (!strstr(error.text, wrong[i].sentence))
            fail_msg("\"%s\" does not say \"%s\"", error.text, wrong[i].sentence);
    }
}

static void secrets_are_never_repeated(void **state) {
    static const char *const keys[] = {
        "jwt_secret", "cluster_secret", "database_url", "smtp_url", "api_key", "turn_secret", "sentry_dsn"};
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct ph_settings settings;
        struct ph_error error = {""};
        char text[64];
        snprintf(text, sizeof(text), "%s: hunter2\n", keys[i]);
        settings_folder_write(settings_path, text, 0600);
        assert_int_equal(ph_settings_load(&settings, settings_path, &error), -EINVAL);
        assert_non_null(strstr(error.text, keys[i]));
        assert_null(strstr(error.text, "hunter2"));
    }
}

static void a_long_data_folder_has_no_room_for_the_socket(void **state) {
    struct ph_settings settings;
    struct ph_error error = {""};
    char text[256];
    (void)state;
    snprintf(text, sizeof(text), "data_dir: /%0120d\n", 1);
    settings_folder_write(settings_path, text, 0600);
    assert_int_equal(ph_settings_load(&settings, settings_path, &error), -EINVAL);
    assert_non_null(strstr(error.text, "worker_listen must be unix:<path of 107 bytes"));
}

static int load_once(void *opaque) {
    struct ph_settings settings;
    (void)opaque;
    int code = ph_settings_load(&settings, settings_path, NULL);
    ph_settings_finish(&settings);
    return code;
}

static void failing_allocations(void **state) {
    (void)state;
    settings_folder_write(settings_path, "data_dir: /srv/x\npart_ms: 250\npublic_url: http://x/\n", 0600);
    ph_test_with_failing_allocations(load_once, NULL);
}

static int refuse_once(void *opaque) {
    struct ph_settings settings;
    (void)opaque;
    int code = ph_settings_load(&settings, settings_path, NULL);
    return code == -EINVAL ? 0 : code;
}

static void failing_allocations_while_refusing(void **state) {
    (void)state;
    settings_folder_write(settings_path, "prat_ms: 250\n", 0600);
    ph_test_with_failing_allocations(refuse_once, NULL);
    settings_folder_write(settings_path, "part_ms: 1\n", 0600);
    ph_test_with_failing_allocations(refuse_once, NULL);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, settings_folder_make, settings_folder_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(defaults_without_file),
        IN_FOLDER(example_gives_the_defaults),
        IN_FOLDER(example_names_every_key),
        IN_FOLDER(file_and_environment),
        IN_FOLDER(usual_file_of_the_working_folder),
        IN_FOLDER(errors_name_file_line_key_and_range),
        IN_FOLDER(unknown_and_malformed_files),
        IN_FOLDER(missing_file),
        IN_FOLDER(huge_file),
        IN_FOLDER(errors_of_the_environment_name_the_variable),
        IN_FOLDER(secrets_are_never_repeated),
        IN_FOLDER(a_long_data_folder_has_no_room_for_the_socket),
        IN_FOLDER(failing_allocations),
        IN_FOLDER(failing_allocations_while_refusing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
