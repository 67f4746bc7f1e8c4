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

#include "tests/unit/store/store_file_scene.h"
#include "tests/unit/support/allocation_failure.h"

static bool is_readable(const char *key) {
    struct ph_store_object object;
    return ph_store_head(store_file, key, &object) == 0 && object.bytes == 1;
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
    assert_int_equal(ph_store_put(store_file, &one, NULL), 0);
    assert_int_equal(ph_store_put(store_file, &one, NULL), 0);
    assert_int_equal(stat(path, &source), 0);
    assert_int_equal(stat(store_file_path("live/a/1.m4s"), &object), 0);
    assert_int_equal(source.st_ino, object.st_ino);
    assert_int_equal(object.st_nlink, 2);
    ssize_t size = getxattr(store_file_path("live/a/1.m4s"), "user.sha256", hash, sizeof(hash));
    assert_true(size == 64 || errno == EOPNOTSUPP);
    /* What the spool no longer needs stays in the archive. */
    assert_int_equal(unlink(path), 0);
    assert_true(store_file_has("live/a/1.m4s"));
}

static void a_symbolic_link_is_nothing_to_put(void **state) {
    (void)state;
    char path[256];
    snprintf(path, sizeof(path), "%s/link", ph_test_store_folder());
    assert_int_equal(symlink("/etc/passwd", path), 0);
    const struct ph_store_put one = {.key = "a", .path = path};
    assert_true(ph_store_put(store_file, &one, NULL) < 0);
    assert_int_equal(store_file_put("b/c", "x"), 0);
    assert_int_equal(symlink("/etc/passwd", store_file_path("b/d")), 0);
    struct ph_bytes *bytes;
    assert_int_equal(ph_store_get(store_file, "b/d", 0, 1, &bytes), -ENOENT);
    assert_int_equal(store_file_count("b"), 1);
}

static void an_object_is_no_folder(void **state) {
    (void)state;
    struct ph_store_object object;
    assert_int_equal(store_file_put("a/b", "x"), 0);
    assert_int_equal(store_file_put("a/b/c", "x"), -EEXIST);
    assert_int_equal(store_file_put("a", "x"), -EEXIST);
    assert_int_equal(ph_store_head(store_file, "a", &object), -ENOENT);
    assert_int_equal(ph_store_head(store_file, "a/b/c", &object), -ENOENT);
    assert_int_equal(store_file_count("a/b"), 0);
}

static void emptied_folders_go(void **state) {
    (void)state;
    assert_int_equal(store_file_put("a/b/c/d", "x"), 0);
    assert_int_equal(store_file_put("a/e", "x"), 0);
    assert_int_equal(ph_store_remove(store_file, "a/b/c/d"), 0);
    assert_false(store_file_has("a/b"));
    assert_true(store_file_has("a/e"));
    assert_int_equal(store_file_put("r/b/c", "x"), 0);
    assert_int_equal(ph_store_remove_all(store_file, "r"), 0);
    assert_false(store_file_has("r"));
}

/* Puts one object after the other and says so each time, until it is killed. */
static void put_for_ever(uint8_t *bytes, size_t size, int said_fd) {
    for (uint8_t letter = 'a';; letter++) {
        memset(bytes, letter, size);
        const struct ph_store_put one = {.key = "k/1", .bytes = {bytes, size}};
        int code = ph_store_put(store_file, &one, NULL);
        if (code < 0 || write(said_fd, "x", 1) != 1)
            _exit(-code);
    }
}

static void assert_is_of_one_letter(const char *key, size_t size) {
    struct ph_bytes *found;
    assert_int_equal(ph_store_get(store_file, key, 0, UINT64_MAX, &found), 0);
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
    assert_int_equal(store_file_count("k"), 1);
}

static void *put_and_remove(void *opaque) {
    const char *key = opaque;
    intptr_t failed = 0;
    for (int i = 0; i < 30 && !failed; i++)
        failed = store_file_put(key, "x") != 0 || !is_readable(key) || ph_store_remove(store_file, key) != 0;
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
    assert_false(store_file_has("a"));
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
    one.path = store_file_path("u/1");
    if (code == 0)
        code = ph_store_put(own, &one, &object);
    if (code == 0)
        code = ph_store_get(own, "u/1", 0, UINT64_MAX, &bytes);
    ph_bytes_unref(&bytes);
    if (code == 0)
        code = ph_store_copy(own, "u/1", "u/2");
    if (code == 0)
        code = ph_store_list(own, "u", store_file_count_one, &found);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_file_open, store_file_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_file_is_linked_and_its_hash_lies_beside_it),
        CASE(a_symbolic_link_is_nothing_to_put),
        CASE(an_object_is_no_folder),
        CASE(emptied_folders_go),
        CASE(a_killed_process_leaves_no_half_object),
        CASE(folders_go_and_come_under_many_hands),
        CASE(memory_may_run_out_anywhere),
        CASE(a_folder_that_cannot_be_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
