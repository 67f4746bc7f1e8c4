/* What an origin makes of what others of the same session have put into the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "origin/archive/siblings.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/store.h"

static struct ph_store *store;
static struct ph_archive archive;
static struct ph_archive_session session;
static struct ph_manifest ours, theirs;

static void put(const char *name, const char *text) {
    char key[PH_STORE_KEY_BYTES];
    snprintf(key, sizeof(key), "%s/%s", session.prefix, name);
    const struct ph_store_put put = {.key = key, .bytes = {(const uint8_t *)text, strlen(text)}};
    assert_int_equal(ph_store_put(store, &put, NULL), 0);
}

/* Segments `from` up to `to` of every track; where `is_put`, in the store too. */
static void add(struct ph_manifest *manifest, uint64_t from, uint64_t to, bool is_put) {
    char name[64];
    for (uint32_t i = 0; i < session.publication.track_count; i++) {
        for (uint64_t n = from; n < to; n++) {
            const struct ph_manifest_segment segment = {
                .number = n, .start_ticks = (int64_t)n * 1000, .duration_ticks = 1000, .bytes = 1};
            assert_int_equal(ph_manifest_add_segment(manifest, i, &segment), 0);
            snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", session.publication.tracks[i].name, n);
            if (is_put)
                put(name, "x");
        }
    }
}

static void put_theirs(uint64_t mp4_bytes) {
    theirs.mp4_bytes = mp4_bytes;
    struct ph_bytes *json = ph_manifest_to_json(&theirs);
    assert_non_null(json);
    char text[16384];
    assert_true(ph_bytes_size(json) < sizeof(text));
    memcpy(text, ph_bytes_data(json), ph_bytes_size(json));
    text[ph_bytes_size(json)] = '\0';
    ph_bytes_unref(&json);
    put("recording.json", text);
}

static void assert_view(enum ph_siblings_view view, bool has_manifest) {
    struct ph_siblings siblings;
    assert_int_equal(ph_archive_look_at_siblings(&session, &ours, &siblings), 0);
    assert_int_equal(siblings.view, view);
    assert_int_equal(siblings.has_manifest, has_manifest);
    if (view == PH_SIBLINGS_ARE_DONE)
        assert_int_equal(siblings.theirs.mp4_bytes, theirs.mp4_bytes);
    ph_siblings_finish(&siblings);
}

static int begin(void **state) {
    (void)state;
    if (ph_test_store_make() || !(store = ph_test_store_open()))
        return -1;
    archive.options.store = store;
    session = (struct ph_archive_session){.archive = &archive, .id = "a"};
    snprintf(session.prefix, sizeof(session.prefix), "recordings/a");
    example_media_publication(&session.publication);
    return ph_manifest_init(&ours, "a", &session.publication) ||
                   ph_manifest_init(&theirs, "a", &session.publication)
               ? -1
               : 0;
}

static int end(void **state) {
    (void)state;
    ph_manifest_finish(&ours);
    ph_manifest_finish(&theirs);
    ph_store_destroy(store);
    return ph_test_store_remove();
}

static void who_is_alone_has_it_all(void **state) {
    (void)state;
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, false);
    add(&ours, 0, 3, true);
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, false);
    add(&ours, 5, 7, true); /* a hole that nobody fills */
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, false);
}

static void others_may_have_what_is_missing(void **state) {
    (void)state;
    add(&ours, 0, 3, true);
    add(&ours, 5, 7, true);
    put("audio/4.m4s", "x");
    assert_view(PH_SIBLINGS_HAVE_MORE, false);
}

static void others_may_have_gone_on(void **state) {
    (void)state;
    add(&ours, 0, 3, true);
    put("audio/3.m4s", "x");
    assert_view(PH_SIBLINGS_HAVE_MORE, false);
}

static void who_has_nothing_sees_what_others_have(void **state) {
    (void)state;
    add(&theirs, 0, 2, true);
    assert_view(PH_SIBLINGS_HAVE_MORE, false);
    put("recording.mp4", "moov");
    put_theirs(4);
    assert_view(PH_SIBLINGS_ARE_DONE, true);
}

static void recording_that_lacks_nothing_of_ours_stays(void **state) {
    (void)state;
    add(&ours, 1, 3, true);
    add(&theirs, 0, 4, true);
    put("recording.mp4", "moov");
    put_theirs(4);
    assert_view(PH_SIBLINGS_ARE_DONE, true);
    put("recording.mp4", "ours, shorter"); /* put by who was at it at the same time */
    assert_view(PH_SIBLINGS_HAVE_MORE, true);
}

static void recording_that_lacks_something_of_ours_is_replaced(void **state) {
    (void)state;
    add(&ours, 0, 4, true);
    add(&theirs, 0, 2, false);
    add(&theirs, 3, 4, false);
    put("recording.mp4", "moov");
    put_theirs(4);
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, true);
}

static void recordings_that_lack_something_of_each_other_are_joined(void **state) {
    (void)state;
    add(&ours, 0, 2, true);
    add(&ours, 3, 4, true);
    add(&theirs, 1, 4, true);
    put("recording.mp4", "moov");
    put_theirs(4);
    assert_view(PH_SIBLINGS_HAVE_MORE, true);
}

static void recording_that_cannot_be_read_is_replaced(void **state) {
    (void)state;
    add(&ours, 0, 2, true);
    put("recording.json", "{");
    assert_view(PH_SIBLINGS_HAVE_NO_MORE, true);
}

int main(void) {
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        ON_STORE(who_is_alone_has_it_all),
        ON_STORE(others_may_have_what_is_missing),
        ON_STORE(others_may_have_gone_on),
        ON_STORE(who_has_nothing_sees_what_others_have),
        ON_STORE(recording_that_lacks_nothing_of_ours_stays),
        ON_STORE(recording_that_lacks_something_of_ours_is_replaced),
        ON_STORE(recordings_that_lack_something_of_each_other_are_joined),
        ON_STORE(recording_that_cannot_be_read_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
