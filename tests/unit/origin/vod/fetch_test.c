#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/http/response_body.h"
#include "origin/vod/fetch.h"
#include "tests/unit/origin/example.h"
#include "tests/unit/support/store.h"

/* What viewers get, from a folder and from a bucket. */
static struct ph_store *store;

static int open_store(void **state) {
    (void)state;
    if (ph_test_store_make())
        return -1;
    store = ph_test_store_open();
    return store ? 0 : -1;
}

static int close_store(void **state) {
    (void)state;
    ph_store_destroy(store);
    return ph_test_store_remove();
}

static void put(const char *key, const char *bytes) {
    const struct ph_store_put what = {
        .key = key, .bytes = {(const uint8_t *)bytes, strlen(bytes)}, .content_type = "video/mp4"};
    assert_int_equal(ph_store_put(store, &what, NULL), 0);
}

static struct ph_vod_object object_of(const char *key, uint64_t bytes, const char *etag) {
    struct ph_vod_object object = {.content_type = "video/mp4", .bytes = bytes, .is_private = true};
    snprintf(object.key, sizeof(object.key), "%s", key);
    snprintf(object.name, sizeof(object.name), "%s", key);
    snprintf(object.etag, sizeof(object.etag), "%s", etag);
    return object;
}

/* Whether the file's first page can be read without waiting for the disk. */
static bool is_in_memory(const char *path) {
    char byte;
    struct iovec block = {&byte, 1};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    bool is_there = preadv2(fd, &block, 1, 0, RWF_NOWAIT) == 1;
    close(fd);
    return is_there;
}

static void an_object_is_sent_out_of_memory(void **state) {
    (void)state;
    struct ph_shelf_item *item = NULL;
    char path[2 * PH_STORE_KEY_BYTES];
    if (!ph_test_store_is_folder())
        return;
    put("recordings/a/v720/7.m4s", "pictures");
    snprintf(path, sizeof(path), "%s/recordings/a/v720/7.m4s", ph_store_folder(store));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    close(fd);
    struct ph_vod_object object = object_of("recordings/a/v720/7.m4s", 8, "\"tag\"");
    assert_int_equal(ph_vod_fetch(store, &object, &item), 0);
    assert_true(is_in_memory(path));
    ph_shelf_item_unref(&item);
}

static void an_object_is_as_large_as_it_should_be(void **state) {
    (void)state;
    struct ph_shelf_item *item = NULL;
    put("recordings/a/v720/0.m4s", "pictures");
    struct ph_vod_object object = object_of("recordings/a/v720/0.m4s", 8, "\"tag\"");
    assert_int_equal(ph_vod_fetch(store, &object, &item), 0);
    assert_string_equal(item->response->etag, "\"tag\"");
    assert_int_equal(item->response->body->size, 8);
    assert_int_equal(item->response->body->fd >= 0, ph_test_store_is_folder());
    ph_shelf_item_unref(&item);
    object.bytes = 9;
    assert_int_equal(ph_vod_fetch(store, &object, &item), -EBADMSG);
    object = object_of("recordings/a/v720/1.m4s", 8, "\"tag\"");
    assert_int_equal(ph_vod_fetch(store, &object, &item), -ENOENT);
    assert_null(item);
}

static void a_file_of_the_spool_comes_first_and_has_the_tag_of_its_bytes(void **state) {
    (void)state;
    struct ph_shelf_item *item = NULL, *other = NULL;
    put("recordings/a/v720/0.m4s", "pictures");
    struct ph_vod_object object = object_of("recordings/a/v720/0.m4s", UINT64_MAX, "");
    assert_int_equal(ph_vod_fetch(store, &object, &item), 0);
    snprintf(object.path, sizeof(object.path), "%s/0.m4s", ph_test_store_folder());
    FILE *file = fopen(object.path, "w");
    assert_non_null(file);
    fputs("other", file);
    fclose(file);
    assert_int_equal(ph_vod_fetch(store, &object, &other), 0);
    assert_int_equal(other->response->body->size, 5);
    assert_string_not_equal(other->response->etag, item->response->etag);
    ph_shelf_item_unref(&other);
    remove(object.path);
    assert_int_equal(ph_vod_fetch(store, &object, &other), 0);
    assert_string_equal(other->response->etag, item->response->etag);
    ph_shelf_item_unref(&other);
    ph_shelf_item_unref(&item);
}

static void put_manifest(int64_t duration_us) {
    struct ph_publication publication = example_publication(10);
    publication.track_count = 1;
    char *json = ph_publication_to_json(&publication), text[4096];
    snprintf(text, sizeof(text),
        "{\"version\":1,\"id\":\"a\",\"publication\":%s,\"startedAt\":1767323045678000,\"durationUs\":%lld,"
        "\"tracks\":[{\"name\":\"v720\",\"initBytes\":4,\"initHash\":"
        "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\",\"segments\":[]}],"
        "\"mp4\":null,\"poster\":false,\"storyboard\":null}",
        json, (long long)duration_us);
    free(json);
    put("recordings/a/recording.json", text);
}

static void a_recording_is_read_again_when_its_manifest_is_another(void **state) {
    (void)state;
    struct ph_shelf_item *first = NULL, *again = NULL, *other = NULL;
    assert_int_equal(ph_vod_fetch_recording(store, "a", NULL, &first), -ENOENT);
    put_manifest(6000000);
    assert_int_equal(ph_vod_fetch_recording(store, "a", NULL, &first), 0);
    assert_int_equal(ph_vod_fetch_recording(store, "a", first, &again), 0);
    assert_ptr_equal(again, first);
    put_manifest(60000000);
    assert_int_equal(ph_vod_fetch_recording(store, "a", first, &other), 0);
    assert_ptr_not_equal(other, first);
    assert_int_equal(other->recording->manifest.duration_us, 60000000);
    ph_shelf_item_unref(&other);
    assert_int_equal(ph_store_remove(store, "recordings/a/recording.json"), 0);
    assert_int_equal(ph_vod_fetch_recording(store, "a", first, &other), -ENOENT);
    ph_shelf_item_unref(&again);
    ph_shelf_item_unref(&first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_object_is_sent_out_of_memory, open_store, close_store),
        cmocka_unit_test_setup_teardown(an_object_is_as_large_as_it_should_be, open_store, close_store),
        cmocka_unit_test_setup_teardown(
            a_file_of_the_spool_comes_first_and_has_the_tag_of_its_bytes, open_store, close_store),
        cmocka_unit_test_setup_teardown(
            a_recording_is_read_again_when_its_manifest_is_another, open_store, close_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
