/* The janitor of a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/store/store_file_scene.h"

static void the_janitor_follows_the_rules(void **state) {
    (void)state;
    struct ph_error error;
    static const char *const keys[] = {
        "live/old/v720/1.m4s", "live/new/v720/1.m4s", "uploads/old/source", "recordings/old/recording.mp4"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(store_file_put(keys[i], "x"), 0);
        store_file_date(keys[i], 0);
    }
    store_file_date(keys[0], 31);
    store_file_date(keys[1], 29);
    store_file_date(keys[2], 2);
    store_file_date(keys[3], 9999);
    assert_int_equal(ph_store_sweep(store_file), 0);
    const struct ph_store_rules rules = {.live_expire_days = 30,
        .uploads_expire_days = 1,
        .recordings_colder_days = 1,
        .recordings_deep_days = 2,
        .abort_multipart_days = 1};
    assert_int_equal(ph_store_apply_rules(store_file, &rules, &error), 0);
    assert_int_equal(ph_store_sweep(store_file), 2);
    assert_false(store_file_has("live/old"));
    assert_false(store_file_has("uploads/old"));
    assert_true(store_file_has(keys[1]));
    assert_true(store_file_has(keys[3]));
    ph_test_clock_advance(&store_file_clock, 2 * day_s * PH_SECOND_US);
    assert_int_equal(ph_store_sweep(store_file), 1);
    assert_int_equal(ph_store_sweep(store_file), 0);
    assert_true(store_file_has(keys[3]));
}

static void the_janitor_removes_what_was_never_finished(void **state) {
    (void)state;
    struct ph_composition *composition;
    char token[PH_COMPOSITION_TOKEN_BYTES];
    struct ph_error error;
    const struct ph_store_rules rules = {.abort_multipart_days = 3};
    assert_int_equal(ph_store_apply_rules(store_file, &rules, &error), 0);
    assert_int_equal(ph_composition_begin(store_file, "a", NULL, &composition, token), 0);
    ph_composition_free(composition);
    int fd = open(store_file_path(".new/half"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    char name[300];
    snprintf(name, sizeof(name), ".compositions/%s.262144", token);
    store_file_date(name, 2);
    store_file_date(".new/half", 2);
    assert_int_equal(ph_store_sweep(store_file), 1);
    assert_false(store_file_has(".new/half"));
    assert_true(store_file_has(name));
    ph_test_clock_advance(&store_file_clock, 2 * day_s * PH_SECOND_US);
    assert_int_equal(ph_store_sweep(store_file), 1);
    assert_int_equal(ph_composition_resume(store_file, "a", token, &composition), -ENOENT);
}

static int open_again(void) {
    struct ph_store_options options = ph_test_store_options();
    struct ph_error error;
    ph_store_destroy(store_file);
    options.clock = &store_file_clock.base;
    return ph_store_create(&store_file, &options, &error);
}

static void a_clock_far_ahead_makes_nothing_old_at_once(void **state) {
    (void)state;
    struct ph_error error;
    const struct ph_store_rules rules = {.live_expire_days = 30, .abort_multipart_days = 1};
    const int64_t year_us = INT64_C(365) * day_s * PH_SECOND_US, hour_us = 3600 * PH_SECOND_US;
    assert_int_equal(store_file_put("live/a", "x"), 0);
    assert_int_equal(store_file_put("live/b", "x"), 0);
    store_file_date("live/a", 0);
    store_file_date("live/b", 27);
    assert_int_equal(ph_store_apply_rules(store_file, &rules, &error), 0);
    assert_int_equal(ph_store_sweep(store_file), 0);
    store_file_clock.utc_us += year_us;
    assert_int_equal(ph_store_sweep(store_file), 0);

    /* Nor when the process begins with it. */
    assert_int_equal(open_again(), 0);
    assert_int_equal(ph_store_apply_rules(store_file, &rules, &error), 0);
    assert_int_equal(ph_store_sweep(store_file), 0);

    /* A day for each hour. */
    ph_test_clock_advance(&store_file_clock, 2 * hour_us);
    assert_int_equal(ph_store_sweep(store_file), 0);
    ph_test_clock_advance(&store_file_clock, 2 * hour_us);
    assert_int_equal(ph_store_sweep(store_file), 1);
    assert_true(store_file_has("live/a"));

    /* Back to what is true, and long behind it: what was old stays old, and the rest young. */
    store_file_clock.utc_us -= 2 * year_us;
    assert_int_equal(ph_store_sweep(store_file), 0);
    store_file_clock.utc_us += year_us;
    ph_test_clock_advance(&store_file_clock, 31 * day_s * PH_SECOND_US);
    assert_int_equal(ph_store_sweep(store_file), 1);
}

/* A clip's segments are names of files that may be years old. */
static void a_copy_is_as_young_as_its_name(void **state) {
    (void)state;
    struct ph_error error;
    const struct ph_store_rules rules = {.uploads_expire_days = 100}; /* names are given by the real clock */
    assert_int_equal(store_file_put("recordings/a/1.m4s", "x"), 0);
    store_file_date("recordings/a/1.m4s", 400);
    assert_int_equal(ph_store_copy(store_file, "recordings/a/1.m4s", "uploads/b/1.m4s"), 0);
    assert_int_equal(ph_store_apply_rules(store_file, &rules, &error), 0);
    assert_int_equal(ph_store_sweep(store_file), 0);
    assert_true(store_file_has("uploads/b/1.m4s"));
}

static void the_janitor_never_follows_links(void **state) {
    (void)state;
    char outside[256], file[300];
    struct ph_error error;
    const struct ph_store_rules rules = {.live_expire_days = 1};
    snprintf(outside, sizeof(outside), "%s/outside", ph_test_store_folder());
    snprintf(file, sizeof(file), "%s/film", outside);
    assert_int_equal(mkdir(outside, 0700), 0);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
    assert_int_equal(store_file_put("live/a", "x"), 0);
    store_file_date("live/a", 0);
    assert_int_equal(symlink(outside, store_file_path("live/linked")), 0);
    assert_int_equal(symlink(file, store_file_path("live/film")), 0);
    assert_int_equal(ph_store_apply_rules(store_file, &rules, &error), 0);
    assert_int_equal(ph_store_sweep(store_file), 0);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(ph_store_remove_all(store_file, "live"), 0);
    assert_int_equal(access(file, F_OK), 0);
}

/* More names than the walk holds at once, and than one sweep looks at. */
static void a_full_folder_takes_several_sweeps(void **state) {
    (void)state;
    struct ph_error error;
    char name[64];
    enum { objects = 10300 };
    const struct ph_store_rules rules = {.live_expire_days = 30};
    assert_int_equal(store_file_put("live/s/0", "x"), 0);
    store_file_date("live/s/0", 0);
    for (int i = 1; i < objects; i++) {
        snprintf(name, sizeof(name), "live/s/%d", i);
        int fd = open(store_file_path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
        store_file_date(name, i % 2 ? 40 : 0);
    }
    assert_int_equal(store_file_count("live"), objects);
    assert_int_equal(ph_store_apply_rules(store_file, &rules, &error), 0);
    int first = ph_store_sweep(store_file), second = ph_store_sweep(store_file);
    assert_true(first > 4000 && first < objects / 2);
    assert_int_equal(first + second, objects / 2);
    assert_int_equal(store_file_count("live"), objects / 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_file_open, store_file_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_janitor_follows_the_rules),
        CASE(the_janitor_removes_what_was_never_finished),
        CASE(a_clock_far_ahead_makes_nothing_old_at_once),
        CASE(a_copy_is_as_young_as_its_name),
        CASE(the_janitor_never_follows_links),
        CASE(a_full_folder_takes_several_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
