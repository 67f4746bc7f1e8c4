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

static void load_in_folder(struct ph_settings *settings, const char *name) {
    char text[128];
    snprintf(text, sizeof(text), "data_dir: %s/%s\n", settings_folder, name);
    settings_folder_write(settings_path, text, 0600);
    assert_int_equal(ph_settings_load(settings, settings_path, NULL), 0);
}

static mode_t mode_of(const char *name) {
    struct stat status;
    char full[160];
    snprintf(full, sizeof(full), "%s/%s", settings_folder, name);
    assert_int_equal(stat(full, &status), 0);
    return status.st_mode & 0777;
}

static void prepare_makes_folder_and_secrets_once(void **state) {
    struct ph_settings first, second;
    struct ph_error error = {""};
    (void)state;
    load_in_folder(&first, "data");
    assert_int_equal(ph_settings_prepare(&first, &error), 0);
    assert_int_equal(mode_of("data"), 0700);
    assert_int_equal(mode_of("data/jwt_secret"), 0600);
    assert_int_equal(mode_of("data/cluster_secret"), 0600);
    assert_int_equal(strlen(first.jwt_secret), 52);
    assert_string_not_equal(first.jwt_secret, first.cluster_secret);
    load_in_folder(&second, "data");
    assert_int_equal(ph_settings_prepare(&second, &error), 0);
    assert_string_equal(second.jwt_secret, first.jwt_secret);
    assert_string_equal(second.cluster_secret, first.cluster_secret);
    ph_settings_finish(&first);
    ph_settings_finish(&second);
}

static void given_secrets_make_no_file(void **state) {
    struct ph_settings settings;
    (void)state;
    setenv("PORTHOLE_JWT_SECRET", "0123456789abcdef0123456789abcdef", 1);
    load_in_folder(&settings, "data");
    unsetenv("PORTHOLE_JWT_SECRET");
    assert_int_equal(ph_settings_prepare(&settings, NULL), 0);
    assert_string_equal(settings.jwt_secret, "0123456789abcdef0123456789abcdef");
    char name[128];
    snprintf(name, sizeof(name), "%s/jwt_secret", settings.data_dir);
    assert_int_equal(access(name, F_OK), -1);
    ph_settings_finish(&settings);
}

static void open_secrets_are_refused(void **state) {
    static const mode_t modes[] = {0604, 0606, 0620};
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct ph_settings settings;
        struct ph_error error = {""};
        char name[128];
        load_in_folder(&settings, "data");
        assert_true(mkdir(settings.data_dir, 0700) == 0 || errno == EEXIST);
        snprintf(name, sizeof(name), "%s/jwt_secret", settings.data_dir);
        settings_folder_write(name, "0123456789abcdef0123456789abcdef\n", modes[i]);
        assert_int_equal(ph_settings_prepare(&settings, &error), -EPERM);
        assert_non_null(strstr(error.text, "jwt_secret: other users may"));
        assert_null(strstr(error.text, "0123456789"));
        ph_settings_finish(&settings);
    }
}

static void broken_secrets_are_refused(void **state) {
    struct ph_settings settings;
    struct ph_error error = {""};
    char name[128];
    (void)state;
    load_in_folder(&settings, "data");
    assert_int_equal(mkdir(settings.data_dir, 0700), 0);
    snprintf(name, sizeof(name), "%s/jwt_secret", settings.data_dir);
    settings_folder_write(name, "", 0600);
    assert_int_equal(ph_settings_prepare(&settings, &error), -EINVAL);
    assert_non_null(strstr(error.text, "32 to 512 characters"));
    assert_int_equal(unlink(name), 0);
    assert_int_equal(symlink("/dev/zero", name), 0);
    assert_true(ph_settings_prepare(&settings, &error) < 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkdir(name, 0700), 0);
    assert_int_equal(ph_settings_prepare(&settings, &error), -EINVAL);
    ph_settings_finish(&settings);
}

static void secrets_are_not_read_through_links(void **state) {
    struct ph_settings settings;
    struct ph_error error = {""};
    char name[128], elsewhere[128];
    (void)state;
    load_in_folder(&settings, "data");
    assert_int_equal(mkdir(settings.data_dir, 0700), 0);
    snprintf(name, sizeof(name), "%s/jwt_secret", settings.data_dir);
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", settings_folder);
    settings_folder_write(elsewhere, "0123456789abcdef0123456789abcdef\n", 0600);
    assert_int_equal(symlink(elsewhere, name), 0);
    assert_int_equal(ph_settings_prepare(&settings, &error), -ELOOP);
    ph_settings_finish(&settings);
}

static void unusable_data_folders(void **state) {
    static const char *const names[] = {"a/b", "porthole.yaml", "porthole.yaml/x"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ph_settings settings;
        struct ph_error error = {""};
        load_in_folder(&settings, names[i]);
        assert_true(ph_settings_prepare(&settings, &error) < 0);
        assert_non_null(strstr(error.text, "PORTHOLE_DATA_DIR"));
        assert_non_null(strstr(error.text, names[i]));
        ph_settings_finish(&settings);
    }
}

static int prepare_once(void *opaque) {
    struct ph_settings settings;
    (void)opaque;
    int code = ph_settings_load(&settings, settings_path, NULL);
    if (code == 0)
        code = ph_settings_prepare(&settings, NULL);
    ph_settings_finish(&settings);
    return code;
}

static void failing_allocations(void **state) {
    char text[256];
    (void)state;
    snprintf(text, sizeof(text), "data_dir: %s/data\npart_ms: 250\npublic_url: http://x/\n", settings_folder);
    settings_folder_write(settings_path, text, 0600);
    ph_test_with_failing_allocations(prepare_once, NULL);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, settings_folder_make, settings_folder_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(prepare_makes_folder_and_secrets_once),
        IN_FOLDER(given_secrets_make_no_file),
        IN_FOLDER(open_secrets_are_refused),
        IN_FOLDER(broken_secrets_are_refused),
        IN_FOLDER(secrets_are_not_read_through_links),
        IN_FOLDER(unusable_data_folders),
        IN_FOLDER(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
