#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/support/allocation_failure.h"
#include "tests/unit/support/store.h"

enum { day_s = 86400 };
static const int64_t noon_us = INT64_C(1800000000) * PH_SECOND_US;

static struct ph_test_clock test_clock;
static struct ph_store *store;

static int open_store(void **state) {
    (void)state;
    if (ph_test_store_make() < 0)
        return -1;
    struct ph_store_options options = ph_test_store_options();
    struct ph_error error;
    ph_test_clock_init(&test_clock, noon_us);
    options.clock = &test_clock.base;
    return ph_store_create(&store, &options, &error);
}

static int close_store(void **state) {
    (void)state;
    ph_store_destroy(store);
    return ph_test_store_remove();
}

static const char *path_of(const char *name) {
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", ph_store_folder(store), name);
    return path;
}

static int put(const char *key, const char *text) {
    const struct ph_store_put one = {.key = key, .bytes = {(const uint8_t *)text, strlen(text)}};
    return ph_store_put(store, &one, NULL);
}

static bool is_there(const char *name) {
    return access(path_of(name), F_OK) == 0;
}

static void date(const char *name, int days_ago) {
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT}, {.tv_sec = noon_us / PH_SECOND_US - (time_t)days_ago * day_s}};
    assert_int_equal(utimensat(AT_FDCWD, path_of(name), times, AT_SYMLINK_NOFOLLOW), 0);
}

static bool is_readable(const char *key) {
    struct ph_store_object object;
    return ph_store_head(store, key, &object) == 0 && object.bytes == 1;
}

static int count(void *opaque, const char *key, const struct ph_store_object *object) {
    (void)key;
    (void)object;
    ++*(int *)opaque;
    return 0;
}

static int count_below(const char *prefix) {
    int found = 0;
    assert_int_equal(ph_store_list(store, prefix, count, &found), 0);
    return found;
}

static void a_file_is_linked_and_its_hash_lies_beside_it(void **state) {
    (void)state;
    char path[256], hash[64];
    struct stat source, object;
    snprintf(path, sizeof(path), "%s/segment", ph_test_store_folder());
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "media", 5), 5);
    close(fd);
    const struct ph_store_put one = {.key = "live/a/1.m4s", .path = path, .if_absent = true};
    assert_int_equal(ph_store_put(store, &one, NULL), 0);
    assert_int_equal(ph_store_put(store, &one, NULL), 0);
    assert_int_equal(stat(path, &source), 0);
    assert_int_equal(stat(path_of("live/a/1.m4s"), &object), 0);
    assert_int_equal(source.st_ino, object.st_ino);
    assert_int_equal(object.st_nlink, 2);
    ssize_t size = getxattr(path_of("live/a/1.m4s"), "user.sha256", hash, sizeof(hash));
    assert_true(size == 64 || errno == EOPNOTSUPP);
    /* What the spool no longer needs stays in the archive. */
    assert_int_equal(unlink(path), 0);
    assert_true(is_there("live/a/1.m4s"));
}

static void a_symbolic_link_is_nothing_to_put(void **state) {
    (void)state;
    char path[256];
    snprintf(path, sizeof(path), "%s/link", ph_test_store_folder());
    assert_int_equal(symlink("/etc/passwd", path), 0);
    const struct ph_store_put one = {.key = "a", .path = path};
    assert_true(ph_store_put(store, &one, NULL) < 0);
    assert_int_equal(put("b/c", "x"), 0);
    assert_int_equal(symlink("/etc/passwd", path_of("b/d")), 0);
    struct ph_bytes *bytes;
    assert_int_equal(ph_store_get(store, "b/d", 0, 1, &bytes), -ENOENT);
    assert_int_equal(count_below("b"), 1);
}

static void an_object_is_no_folder(void **state) {
    (void)state;
    struct ph_store_object object;
    assert_int_equal(put("a/b", "x"), 0);
    assert_int_equal(put("a/b/c", "x"), -EEXIST);
    assert_int_equal(put("a", "x"), -EEXIST);
    assert_int_equal(ph_store_head(store, "a", &object), -ENOENT);
    assert_int_equal(ph_store_head(store, "a/b/c", &object), -ENOENT);
    assert_int_equal(count_below("a/b"), 0);
}

static void emptied_folders_go(void **state) {
    (void)state;
    assert_int_equal(put("a/b/c/d", "x"), 0);
    assert_int_equal(put("a/e", "x"), 0);
    assert_int_equal(ph_store_remove(store, "a/b/c/d"), 0);
    assert_false(is_there("a/b"));
    assert_true(is_there("a/e"));
    assert_int_equal(put("r/b/c", "x"), 0);
    assert_int_equal(ph_store_remove_all(store, "r"), 0);
    assert_false(is_there("r"));
}

/* Puts one object after the other and says so each time, until it is killed. */
static void put_for_ever(uint8_t *bytes, size_t size, int said_fd) {
    for (uint8_t letter = 'a';; letter++) {
        memset(bytes, letter, size);
        const struct ph_store_put one = {.key = "k/1", .bytes = {bytes, size}};
        int code = ph_store_put(store, &one, NULL);
        if (code < 0 || write(said_fd, "x", 1) != 1)
            _exit(-code);
    }
}

static void assert_is_of_one_letter(const char *key, size_t size) {
    struct ph_bytes *found;
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &found), 0);
    assert_int_equal(ph_bytes_size(found), size);
    assert_memory_equal(ph_bytes_data(found), ph_bytes_data(found) + 1, size - 1);
    ph_bytes_unref(&found);
}

/* Killed again and again in the middle of putting: what lies under the key is whole, always. */
static void a_killed_process_leaves_no_half_object(void **state) {
    (void)state;
    enum { rounds = 8, size = 512 * 1024 };
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    for (int round = 0; round < rounds; round++) {
        int said[2], status;
        char byte;
        assert_int_equal(pipe2(said, O_CLOEXEC), 0);
        pid_t child = fork();
        if (child == 0)
            put_for_ever(bytes, size, said[1]);
        assert_int_equal(read(said[0], &byte, 1), 1);
        /* Somewhere in the next: of what follows in it, each round another step. */
        const struct timespec a_moment = {.tv_nsec = round * 400000L};
        nanosleep(&a_moment, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        close(said[0]);
        close(said[1]);
        assert_is_of_one_letter("k/1", size);
    }
    free(bytes);
    assert_int_equal(count_below("k"), 1);
}

static void the_janitor_follows_the_rules(void **state) {
    (void)state;
    struct ph_error error;
    static const char *const keys[] = {
        "live/old/v720/1.m4s", "live/new/v720/1.m4s", "uploads/old/source", "recordings/old/recording.mp4"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(put(keys[i], "x"), 0);
        date(keys[i], 0);
    }
    date(keys[0], 31);
    date(keys[1], 29);
    date(keys[2], 2);
    date(keys[3], 9999);
    assert_int_equal(ph_store_sweep(store), 0);
    const struct ph_store_rules rules = {.live_expire_days = 30,
        .uploads_expire_days = 1,
        .recordings_colder_days = 1,
        .recordings_deep_days = 2,
        .abort_multipart_days = 1};
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), 0);
    assert_int_equal(ph_store_sweep(store), 2);
    assert_false(is_there("live/old"));
    assert_false(is_there("uploads/old"));
    assert_true(is_there(keys[1]));
    assert_true(is_there(keys[3]));
    ph_test_clock_advance(&test_clock, 2 * day_s * PH_SECOND_US);
    assert_int_equal(ph_store_sweep(store), 1);
    assert_int_equal(ph_store_sweep(store), 0);
    assert_true(is_there(keys[3]));
}

static void the_janitor_removes_what_was_never_finished(void **state) {
    (void)state;
    struct ph_composition *composition;
    char token[PH_COMPOSITION_TOKEN_BYTES];
    struct ph_error error;
    const struct ph_store_rules rules = {.abort_multipart_days = 3};
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), 0);
    assert_int_equal(ph_composition_begin(store, "a", NULL, &composition, token), 0);
    ph_composition_free(composition);
    int fd = open(path_of(".new/half"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    char name[300];
    snprintf(name, sizeof(name), ".compositions/%s.262144", token);
    date(name, 2);
    date(".new/half", 2);
    assert_int_equal(ph_store_sweep(store), 1);
    assert_false(is_there(".new/half"));
    assert_true(is_there(name));
    ph_test_clock_advance(&test_clock, 2 * day_s * PH_SECOND_US);
    assert_int_equal(ph_store_sweep(store), 1);
    assert_int_equal(ph_composition_resume(store, "a", token, &composition), -ENOENT);
}

static int open_again(void) {
    struct ph_store_options options = ph_test_store_options();
    struct ph_error error;
    ph_store_destroy(store);
    options.clock = &test_clock.base;
    return ph_store_create(&store, &options, &error);
}

static void a_clock_far_ahead_makes_nothing_old_at_once(void **state) {
    (void)state;
    struct ph_error error;
    const struct ph_store_rules rules = {.live_expire_days = 30, .abort_multipart_days = 1};
    const int64_t year_us = INT64_C(365) * day_s * PH_SECOND_US, hour_us = 3600 * PH_SECOND_US;
    assert_int_equal(put("live/a", "x"), 0);
    assert_int_equal(put("live/b", "x"), 0);
    date("live/a", 0);
    date("live/b", 27);
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), 0);
    assert_int_equal(ph_store_sweep(store), 0);
    test_clock.utc_us += year_us;
    assert_int_equal(ph_store_sweep(store), 0);

    /* Nor when the process begins with it. */
    assert_int_equal(open_again(), 0);
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), 0);
    assert_int_equal(ph_store_sweep(store), 0);

    /* A day for each hour. */
    ph_test_clock_advance(&test_clock, 2 * hour_us);
    assert_int_equal(ph_store_sweep(store), 0);
    ph_test_clock_advance(&test_clock, 2 * hour_us);
    assert_int_equal(ph_store_sweep(store), 1);
    assert_true(is_there("live/a"));

    /* Back to what is true, and long behind it: what was old stays old, and the rest young. */
    test_clock.utc_us -= 2 * year_us;
    assert_int_equal(ph_store_sweep(store), 0);
    test_clock.utc_us += year_us;
    ph_test_clock_advance(&test_clock, 31 * day_s * PH_SECOND_US);
    assert_int_equal(ph_store_sweep(store), 1);
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
    assert_int_equal(put("live/a", "x"), 0);
    date("live/a", 0);
    assert_int_equal(symlink(outside, path_of("live/linked")), 0);
    assert_int_equal(symlink(file, path_of("live/film")), 0);
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), 0);
    assert_int_equal(ph_store_sweep(store), 0);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(ph_store_remove_all(store, "live"), 0);
    assert_int_equal(access(file, F_OK), 0);
}

/* More names than the walk holds at once, and than one sweep looks at. */
static void a_full_folder_takes_several_sweeps(void **state) {
    (void)state;
    struct ph_error error;
    char name[64];
    enum { objects = 10300 };
    const struct ph_store_rules rules = {.live_expire_days = 30};
    char new_path[512], old_path[512];
    assert_int_equal(put("live/s/0", "x"), 0);
    date("live/s/0", 0);
    assert_int_equal(put("live/s/1", "x"), 0);
    date("live/s/1", 40);
    snprintf(new_path, sizeof(new_path), "%s", path_of("live/s/0"));
    snprintf(old_path, sizeof(old_path), "%s", path_of("live/s/1"));
    for (int i = 2; i < objects; i++) {
        snprintf(name, sizeof(name), "live/s/%d", i);
        assert_int_equal(link(i % 2 ? old_path : new_path, path_of(name)), 0);
    }
    assert_int_equal(count_below("live"), objects);
    assert_int_equal(ph_store_apply_rules(store, &rules, &error), 0);
    int first = ph_store_sweep(store), second = ph_store_sweep(store);
    assert_true(first > 4000 && first < objects / 2);
    assert_int_equal(first + second, objects / 2);
    assert_int_equal(count_below("live"), objects / 2);
}

static void *put_and_remove(void *opaque) {
    const char *key = opaque;
    intptr_t failed = 0;
    for (int i = 0; i < 30 && !failed; i++)
        failed = put(key, "x") != 0 || !is_readable(key) || ph_store_remove(store, key) != 0;
    return (void *)failed;
}

/* A folder goes with its last object, also while another thread is about to put one there. */
static void folders_go_and_come_under_many_hands(void **state) {
    (void)state;
    pthread_t threads[4];
    static char keys[4][16] = {"a/b/1", "a/b/2", "a/b/3", "a/c/1"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_and_remove, keys[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_false(is_there("a"));
}

static int compose_with(struct ph_store *own) {
    static const uint8_t bytes[256 * 1024];
    struct ph_composition *composition;
    char token[PH_COMPOSITION_TOKEN_BYTES];
    struct ph_receipt receipt;
    int code = ph_composition_begin(own, "c/1", NULL, &composition, token);
    if (code < 0)
        return code;
    code = ph_composition_append(composition, 2, 0, (struct ph_slice){bytes, 1000}, &receipt);
    ph_composition_free(composition);
    if (code == 0)
        code = ph_composition_resume(own, "c/1", token, &composition);
    if (code < 0)
        return code;
    code = ph_composition_finish(composition, (struct ph_slice){bytes, sizeof(bytes)}, &receipt, 1);
    ph_composition_free(composition);
    return code;
}

static int use(void *opaque) {
    (void)opaque;
    const struct ph_store_options options = ph_test_store_options();
    struct ph_store_put one = {.key = "u/1", .bytes = {(const uint8_t *)"x", 1}, .if_absent = true};
    struct ph_store_object object;
    struct ph_bytes *bytes = NULL;
    struct ph_store *own;
    char url[PH_STORE_URL_BYTES];
    int found = 0;
    int code = ph_store_create(&own, &options, NULL);
    if (code < 0)
        return code;
    code = ph_store_put(own, &one, &object);
    one.path = path_of("u/1");
    if (code == 0)
        code = ph_store_put(own, &one, &object);
    if (code == 0)
        code = ph_store_get(own, "u/1", 0, UINT64_MAX, &bytes);
    ph_bytes_unref(&bytes);
    if (code == 0)
        code = ph_store_copy(own, "u/1", "u/2");
    if (code == 0)
        code = ph_store_list(own, "u", count, &found);
    if (code == 0)
        code = ph_store_sign(own, &(struct ph_store_link){.key = "u/1", .filename = "ä", .ttl_s = 1}, url);
    if (code == 0)
        code = compose_with(own);
    if (code == 0)
        code = ph_store_remove_all(own, "u");
    if (code == 0)
        code = ph_store_sweep(own);
    ph_store_destroy(own);
    return code;
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    ph_test_with_failing_allocations(use, NULL);
}

static void a_folder_that_cannot_be_is_said(void **state) {
    (void)state;
    struct ph_store_options options = ph_test_store_options();
    struct ph_store *other;
    struct ph_error error = {0};
    options.url = "file:/dev/null/archive";
    assert_true(ph_store_create(&other, &options, &error) < 0);
    assert_non_null(strstr(error.text, "archive_url"));
    assert_non_null(strstr(error.text, "/dev/null/archive"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_file_is_linked_and_its_hash_lies_beside_it),
        CASE(a_symbolic_link_is_nothing_to_put),
        CASE(an_object_is_no_folder),
        CASE(emptied_folders_go),
        CASE(a_killed_process_leaves_no_half_object),
        CASE(the_janitor_follows_the_rules),
        CASE(the_janitor_removes_what_was_never_finished),
        CASE(a_clock_far_ahead_makes_nothing_old_at_once),
        CASE(the_janitor_never_follows_links),
        CASE(a_full_folder_takes_several_sweeps),
        CASE(folders_go_and_come_under_many_hands),
        CASE(memory_may_run_out_anywhere),
        CASE(a_folder_that_cannot_be_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
