#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/thread.h"
#include "tests/unit/support/store.h"

static struct ph_store *store;

static int open_store(void **state) {
    (void)state;
    if (ph_test_store_make() < 0)
        return -1;
    store = ph_test_store_open();
    return store ? 0 : -1;
}

static int close_store(void **state) {
    (void)state;
    ph_store_destroy(store);
    return ph_test_store_remove();
}

static struct ph_slice slice_of(const char *text) {
    return (struct ph_slice){(const uint8_t *)text, strlen(text)};
}

static int put(const char *key, const char *text, bool if_absent) {
    return ph_store_put(store,
        &(struct ph_store_put){
            .key = key, .bytes = slice_of(text), .content_type = "text/plain", .if_absent = if_absent},
        NULL);
}

static void assert_holds(const char *key, const char *text) {
    struct ph_bytes *bytes;
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &bytes), 0);
    assert_int_equal(ph_bytes_size(bytes), strlen(text));
    assert_memory_equal(ph_bytes_data(bytes), text, strlen(text));
    ph_bytes_unref(&bytes);
}

static void assert_is_gone(const char *key) {
    struct ph_store_object object;
    assert_int_equal(ph_store_head(store, key, &object), -ENOENT);
}

static void keys_are_plain_paths(void **state) {
    (void)state;
    char longest[PH_STORE_KEY_BYTES + 1];
    memset(longest, 'k', sizeof(longest));
    longest[PH_STORE_KEY_BYTES] = '\0';
    assert_false(ph_store_key_is_valid(longest));
    longest[PH_STORE_KEY_BYTES - 1] = '\0';
    assert_true(ph_store_key_is_valid(longest));
    assert_true(ph_store_key_is_valid("recordings/a1/v720/12.m4s"));
    assert_true(ph_store_key_is_valid("A_b-c.d..e"));
    static const char *const others[] = {"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.b", ".new/a",
        "a b", "a%2f", "a\\b", "ä", "a?b"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(ph_store_key_is_valid(others[i]));
        assert_int_equal(put(others[i], "x", false), -EINVAL);
    }
}

static void what_is_put_is_there_with_its_hash(void **state) {
    (void)state;
    struct ph_store_object written, object;
    uint8_t hash[PH_STORE_HASH_BYTES];
    const struct ph_store_put one = {
        .key = "recordings/a/1.m4s", .bytes = slice_of("segment"), .content_type = "video/mp4"};
    EVP_Digest("segment", 7, hash, NULL, EVP_sha256(), NULL);
    assert_is_gone(one.key);
    assert_int_equal(ph_store_put(store, &one, &written), 0);
    assert_int_equal(ph_store_head(store, one.key, &object), 0);
    assert_int_equal(written.bytes, 7);
    assert_int_equal(object.bytes, 7);
    assert_true(written.has_hash && object.has_hash);
    assert_memory_equal(written.hash, hash, sizeof(hash));
    assert_memory_equal(object.hash, hash, sizeof(hash));
    assert_true(*object.etag && !strchr(object.etag, '"'));
    assert_string_equal(written.etag, object.etag);
    assert_true(llabs(object.modified_ms - ph_utc_now_us() / 1000) < 120000);
    assert_int_equal(object.class, PH_STORE_STANDARD);
    assert_holds(one.key, "segment");
    assert_true(ph_store_is_well(store, NULL));
}

static void what_is_put_again_replaces(void **state) {
    (void)state;
    struct ph_store_object before, after;
    assert_int_equal(put("a/b", "first", false), 0);
    assert_int_equal(ph_store_head(store, "a/b", &before), 0);
    assert_int_equal(put("a/b", "2nd", false), 0);
    assert_int_equal(ph_store_head(store, "a/b", &after), 0);
    assert_string_not_equal(before.etag, after.etag);
    assert_holds("a/b", "2nd");
}

static void what_is_there_stays_when_asked(void **state) {
    (void)state;
    struct ph_store_object first, again;
    const struct ph_store_put one = {.key = "a/b", .bytes = slice_of("first"), .if_absent = true};
    assert_int_equal(ph_store_put(store, &one, &first), 0);
    assert_int_equal(ph_store_put(store, &one, &again), 0);
    assert_string_equal(first.etag, again.etag);
    assert_int_equal(again.bytes, 5);
    assert_int_equal(put("a/b", "other", true), -EEXIST);
    assert_int_equal(put("a/b", "first and more", true), -EEXIST);
    assert_holds("a/b", "first");
}

static void nothing_can_be_put(void **state) {
    (void)state;
    struct ph_bytes *bytes;
    struct ph_store_object object;
    assert_int_equal(put("empty", "", true), 0);
    assert_int_equal(put("empty", "", true), 0);
    assert_int_equal(ph_store_head(store, "empty", &object), 0);
    assert_int_equal(object.bytes, 0);
    assert_int_equal(ph_store_get(store, "empty", 0, UINT64_MAX, &bytes), 0);
    assert_int_equal(ph_bytes_size(bytes), 0);
    ph_bytes_unref(&bytes);
}

static void ranges_are_exact(void **state) {
    (void)state;
    struct ph_bytes *bytes;
    assert_int_equal(put("r", "0123456789", false), 0);
    assert_int_equal(ph_store_get(store, "r", 3, 4, &bytes), 0);
    assert_int_equal(ph_bytes_size(bytes), 4);
    assert_memory_equal(ph_bytes_data(bytes), "3456", 4);
    ph_bytes_unref(&bytes);
    assert_int_equal(ph_store_get(store, "r", 7, UINT64_MAX, &bytes), 0);
    assert_int_equal(ph_bytes_size(bytes), 3);
    ph_bytes_unref(&bytes);
    assert_int_equal(ph_store_get(store, "r", 7, 4, &bytes), -EBADMSG);
    assert_null(bytes);
    assert_int_equal(ph_store_get(store, "r", 10, UINT64_MAX, &bytes), -EBADMSG);
    assert_int_equal(ph_store_get(store, "r", 0, 0, &bytes), -EINVAL);
    assert_int_equal(ph_store_get(store, "s", 0, 1, &bytes), -ENOENT);
}

/* A file of the test, `size` bytes that differ from place to place. */
static void write_file(const char *name, char path[256], size_t size) {
    uint32_t *words = malloc(size);
    assert_non_null(words);
    for (size_t i = 0; i < size / 4; i++)
        words[i] = (uint32_t)i * 2654435761U;
    snprintf(path, 256, "%s/%s", ph_test_store_folder(), name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(words, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(words);
}

static void a_large_file_is_put(void **state) {
    (void)state;
    const size_t size = (size_t)20 * 1024 * 1024;
    char path[256];
    struct ph_store_object written, object;
    struct ph_bytes *bytes;
    write_file("large", path, size);
    const struct ph_store_put large = {
        .key = "recordings/a/recording.mp4", .path = path, .content_type = "video/mp4"};
    assert_int_equal(ph_store_put(store, &large, &written), 0);
    assert_int_equal(written.bytes, size);
    assert_int_equal(ph_store_head(store, large.key, &object), 0);
    assert_int_equal(object.bytes, size);
    assert_true(object.has_hash);
    assert_memory_equal(written.hash, object.hash, sizeof(object.hash));
    const uint32_t expected = (uint32_t)(size / 8) * 2654435761U;
    assert_int_equal(ph_store_get(store, large.key, size / 2, 4, &bytes), 0);
    assert_memory_equal(ph_bytes_data(bytes), &expected, 4);
    ph_bytes_unref(&bytes);
}

static void a_file_that_is_not_there_puts_nothing(void **state) {
    (void)state;
    const struct ph_store_put lost = {.key = "lost", .path = "/nowhere/at/all"};
    assert_true(ph_store_put(store, &lost, NULL) < 0);
    assert_is_gone("lost");
}

struct listing {
    size_t count, most;
    char last[PH_STORE_KEY_BYTES];
    char keys[512];
    bool is_ordered;
};

static int note(void *opaque, const char *key, const struct ph_store_object *object) {
    struct listing *listing = opaque;
    listing->is_ordered = listing->is_ordered && strcmp(listing->last, key) < 0 && object->bytes == 1;
    snprintf(listing->last, sizeof(listing->last), "%s", key);
    if (strlen(listing->keys) + strlen(key) + 2 < sizeof(listing->keys)) {
        strcat(listing->keys, key);
        strcat(listing->keys, " ");
    }
    return ++listing->count == listing->most ? 7 : 0;
}

static void a_list_is_in_the_order_of_keys(void **state) {
    (void)state;
    static const char *const keys[] = {"l/a0", "l/a/c", "l/a-b", "l/a.b/x", "l/B", "l/a/c.d", "l2/z", "k/y"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_int_equal(put(keys[i], "x", false), 0);
    struct listing listing = {.is_ordered = true};
    assert_int_equal(ph_store_list(store, "l", note, &listing), 0);
    assert_string_equal(listing.keys, "l/B l/a-b l/a.b/x l/a/c l/a/c.d l/a0 ");
    assert_true(listing.is_ordered);
    listing = (struct listing){.is_ordered = true, .most = 2};
    assert_int_equal(ph_store_list(store, "l", note, &listing), 7);
    assert_int_equal(listing.count, 2);
    listing = (struct listing){.is_ordered = true};
    assert_int_equal(ph_store_list_after(store, "l", "l/a.b/x", note, &listing), 0);
    assert_string_equal(listing.keys, "l/a/c l/a/c.d l/a0 ");
    listing = (struct listing){.is_ordered = true};
    assert_int_equal(ph_store_list_after(store, "l", "l/a/b", note, &listing), 0);
    assert_string_equal(listing.keys, "l/a/c l/a/c.d l/a0 ");
    listing = (struct listing){.is_ordered = true};
    assert_int_equal(ph_store_list_after(store, "l", "l/a0", note, &listing), 0);
    assert_int_equal(listing.count, 0);
    assert_int_equal(ph_store_list_after(store, "l", "../l", note, &listing), -EINVAL);
    listing = (struct listing){.is_ordered = true};
    assert_int_equal(ph_store_list(store, "nothing/here", note, &listing), 0);
    assert_int_equal(listing.count, 0);
}

static atomic_int next_number;
enum { many = 1010 };

static void *put_many(void *opaque) {
    (void)opaque;
    char key[64];
    intptr_t failed = 0;
    for (int number = next_number++; number < many; number = next_number++) {
        snprintf(key, sizeof(key), "many/%d/%d.m4s", number % 3, number);
        failed |= put(key, "x", true) != 0;
    }
    return (void *)failed;
}

static void many_are_listed_and_removed(void **state) {
    (void)state;
    pthread_t threads[8];
    atomic_store(&next_number, 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, NULL), 0);
    for (size_t i = 0; i < 8; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    struct listing listing = {.is_ordered = true};
    assert_int_equal(put("many-more", "x", false), 0);
    assert_int_equal(ph_store_list(store, "many", note, &listing), 0);
    assert_int_equal(listing.count, many);
    assert_true(listing.is_ordered);
    assert_int_equal(ph_store_remove_all(store, "many"), 0);
    listing = (struct listing){.is_ordered = true};
    assert_int_equal(ph_store_list(store, "many", note, &listing), 0);
    assert_int_equal(listing.count, 0);
    assert_holds("many-more", "x");
    assert_int_equal(ph_store_remove_all(store, "many"), 0);
}

static void what_is_removed_is_gone(void **state) {
    (void)state;
    assert_int_equal(put("a/b/c", "x", false), 0);
    assert_int_equal(ph_store_remove(store, "a/b"), 0);
    assert_holds("a/b/c", "x");
    assert_int_equal(ph_store_remove(store, "a/b/c"), 0);
    assert_is_gone("a/b/c");
    assert_int_equal(ph_store_remove(store, "a/b/c"), 0);
    assert_int_equal(put("a/b/c", "y", true), 0);
    assert_holds("a/b/c", "y");
}

static void a_copy_lives_on_its_own(void **state) {
    (void)state;
    struct ph_store_object object;
    assert_int_equal(put("from/1", "bytes", false), 0);
    assert_int_equal(put("to/1", "others", false), 0);
    assert_int_equal(ph_store_copy(store, "from/1", "to/1"), 0);
    assert_int_equal(ph_store_copy(store, "from/1", "to/1"), 0);
    assert_int_equal(put("from/1", "changed", false), 0);
    assert_holds("to/1", "bytes");
    assert_int_equal(ph_store_head(store, "to/1", &object), 0);
    assert_true(object.has_hash);
    assert_int_equal(ph_store_remove(store, "from/1"), 0);
    assert_holds("to/1", "bytes");
    assert_int_equal(ph_store_copy(store, "from/1", "to/2"), -ENOENT);
    assert_is_gone("to/2");
}

static void nothing_is_restored_from_nowhere(void **state) {
    (void)state;
    assert_int_equal(ph_store_restore(store, "nothing", 3), -ENOENT);
}

static atomic_int done_count, other_count;

static void *race(void *opaque) {
    char text[16];
    snprintf(text, sizeof(text), "bytes of %d", *(const int *)opaque);
    int code = put("race/1", text, true);
    atomic_fetch_add(code == 0 ? &done_count : &other_count, code == 0 || code == -EEXIST);
    return NULL;
}

static void one_of_many_is_first(void **state) {
    (void)state;
    pthread_t threads[8];
    int numbers[8];
    struct ph_bytes *bytes;
    atomic_store(&done_count, 0);
    atomic_store(&other_count, 0);
    for (int i = 0; i < 8; i++) {
        numbers[i] = i % 2;
        assert_int_equal(pthread_create(&threads[i], NULL, race, &numbers[i]), 0);
    }
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(done_count, 4);
    assert_int_equal(other_count, 4);
    assert_int_equal(ph_store_get(store, "race/1", 0, UINT64_MAX, &bytes), 0);
    assert_int_equal(ph_bytes_size(bytes), 10);
    ph_bytes_unref(&bytes);
}

static void a_cancelled_store_does_nothing(void **state) {
    (void)state;
    struct ph_bytes *bytes;
    struct ph_store_object object;
    struct ph_composition *composition;
    char token[PH_COMPOSITION_TOKEN_BYTES];
    ph_store_cancel(store);
    assert_int_equal(put("a", "x", false), -ECANCELED);
    assert_int_equal(ph_store_get(store, "a", 0, 1, &bytes), -ECANCELED);
    assert_int_equal(ph_store_head(store, "a", &object), -ECANCELED);
    assert_int_equal(ph_store_remove_all(store, "a"), -ECANCELED);
    assert_int_equal(ph_composition_begin(store, "a", NULL, &composition, token), -ECANCELED);
    assert_null(composition);
}

static void addresses_of_no_store_are_refused(void **state) {
    (void)state;
    struct ph_store_options options = ph_test_store_options();
    struct ph_store *other;
    struct ph_error error = {0};
    options.url = "ftp://archive";
    assert_int_equal(ph_store_create(&other, &options, &error), -EINVAL);
    assert_non_null(strstr(error.text, "archive_url"));
    assert_null(other);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(keys_are_plain_paths),
        CASE(what_is_put_is_there_with_its_hash),
        CASE(what_is_put_again_replaces),
        CASE(what_is_there_stays_when_asked),
        CASE(nothing_can_be_put),
        CASE(ranges_are_exact),
        CASE(a_large_file_is_put),
        CASE(a_file_that_is_not_there_puts_nothing),
        CASE(a_list_is_in_the_order_of_keys),
        CASE(many_are_listed_and_removed),
        CASE(what_is_removed_is_gone),
        CASE(a_copy_lives_on_its_own),
        CASE(nothing_is_restored_from_nowhere),
        CASE(one_of_many_is_first),
        CASE(a_cancelled_store_does_nothing),
        CASE(addresses_of_no_store_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
