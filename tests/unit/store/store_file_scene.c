#include "tests/unit/store/store_file_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t noon_us = INT64_C(1800000000) * PH_SECOND_US;

struct ph_test_clock store_file_clock;
struct ph_store *store_file;

int store_file_open(void **state) {
    (void)state;
    if (ph_test_store_make() < 0)
        return -1;
    struct ph_store_options options = ph_test_store_options();
    struct ph_error error;
    ph_test_clock_init(&store_file_clock, noon_us);
    options.clock = &store_file_clock.base;
    return ph_store_create(&store_file, &options, &error);
}

int store_file_close(void **state) {
    (void)state;
    ph_store_destroy(store_file);
    return ph_test_store_remove();
}

const char *store_file_path(const char *name) {
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", ph_store_folder(store_file), name);
    return path;
}

int store_file_put(const char *key, const char *text) {
    const struct ph_store_put one = {.key = key, .bytes = {(const uint8_t *)text, strlen(text)}};
    return ph_store_put(store_file, &one, NULL);
}

bool store_file_has(const char *name) {
    return access(store_file_path(name), F_OK) == 0;
}

void store_file_date(const char *name, int days_ago) {
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT}, {.tv_sec = noon_us / PH_SECOND_US - (time_t)days_ago * day_s}};
    assert_int_equal(utimensat(AT_FDCWD, store_file_path(name), times, AT_SYMLINK_NOFOLLOW), 0);
}

int store_file_count_one(void *opaque, const char *key, const struct ph_store_object *object) {
    (void)key;
    (void)object;
    ++*(int *)opaque;
    return 0;
}

int store_file_count(const char *prefix) {
    int found = 0;
    assert_int_equal(ph_store_list(store_file, prefix, store_file_count_one, &found), 0);
    return found;
}
