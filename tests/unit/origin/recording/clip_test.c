/* Clips, and takes of one that come into each other's way: every object, on a folder and in a bucket. */
#include "origin/recording/clip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/sha256.h"
#include "origin/archive/verify.h"
#include "origin/recording/clip_private.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/store.h"

enum { segments = 8, most_objects = 96 };

#define SOURCE "recordings/source"
#define CLIP "recordings/clip"

static struct ph_store *store;
static struct ph_publication publication;

/* A worker with a take: what it makes of its own tells whose it is. */
struct worker {
    struct ph_clip_cutter base;
    uint32_t take;
    int asked;
    int at; /* when it is asked for the n-th time, `then` is called; 0: never */
    void (*then)(struct worker *worker);
    char drawn[256]; /* "tile@ms " */
    bool draws_nothing;
    uint64_t most_copied_bytes;
};

static struct worker *worker_of(struct ph_clip_cutter *cutter) {
    return (struct worker *)cutter;
}

/* The whole segment, of this take. */
static int cut(struct ph_clip_cutter *cutter, const struct ph_publication *of, uint32_t track,
    int64_t from_us, int64_t to_us, struct ph_slice init, struct ph_slice segment, struct ph_bytes **made) {
    struct ph_manifest_segment described;
    (void)from_us;
    (void)to_us;
    assert_int_equal(ph_manifest_describe_segment(init, 0, segment, &described), 0);
    uint64_t number = (uint64_t)(described.start_ticks + 4000) / (2 * of->tracks[track].timescale);
    *made = example_media_segment(of->tracks[track].kind, number, 100 + worker_of(cutter)->take);
    return 0;
}

static int draw(struct ph_clip_cutter *cutter, int64_t at_us, uint64_t tile, struct ph_slice init,
    struct ph_slice segment, struct ph_storyboard_drawn *drawn) {
    struct worker *worker = worker_of(cutter);
    char text[64];
    size_t size = strlen(worker->drawn);
    (void)init;
    (void)segment;
    if (worker->draws_nothing)
        return PH_INVALID_DATA;
    snprintf(
        worker->drawn + size, sizeof(worker->drawn) - size, "%" PRIu64 "@%" PRId64 " ", tile, at_us / 1000);
    drawn->sheet = (struct ph_storyboard_sheet){.first_tile = tile,
        .tiles = 1,
        .columns = 1,
        .rows = 1,
        .width = 160,
        .height = 90,
        .interval_ms = PH_STORYBOARD_INTERVAL_MS};
    snprintf(text, sizeof(text), "sheet %" PRIu64 " of take %" PRIu32, tile, worker->take);
    drawn->jpeg = ph_bytes_copy(text, strlen(text));
    snprintf(text, sizeof(text), "poster of take %" PRIu32, worker->take);
    drawn->poster = tile ? NULL : ph_bytes_copy(text, strlen(text));
    return 0;
}

static int keep_on(struct ph_clip_cutter *cutter) {
    struct worker *worker = worker_of(cutter);
    if (++worker->asked == worker->at)
        worker->then(worker);
    return 0;
}

static struct worker worker_with(uint32_t take) {
    return (struct worker){.base = {cut, draw, keep_on}, .take = take};
}

/* From within a segment to within another. */
static int make(struct worker *worker, struct ph_clip_result *result) {
    const struct ph_clip clip = {.id = "clip",
        .source = "source",
        .title = "The best of it",
        .take = worker->take,
        .from_us = 1000000,
        .to_us = 13000000,
        .cutter = &worker->base,
        .most_copied_bytes = worker->most_copied_bytes};
    return ph_clip_make(store, &clip, result);
}

static void put(const char *key, struct ph_slice bytes) {
    assert_int_equal(ph_store_put(store, &(struct ph_store_put){.key = key, .bytes = bytes}, NULL), 0);
}

static void put_bytes(const char *key, struct ph_bytes *bytes) {
    put(key, ph_bytes_slice(bytes));
    ph_bytes_unref(&bytes);
}

static int begin(void **state) {
    char key[PH_STORE_KEY_BYTES];
    (void)state;
    if (ph_test_store_make() || !(store = ph_test_store_open()))
        return -1;
    example_media_publication(&publication);
    publication.is_recorded = true;
    publication.track_count = 1;
    char *json = ph_publication_to_json(&publication);
    put(SOURCE "/publication.json", (struct ph_slice){(const uint8_t *)json, strlen(json)});
    put(SOURCE "/recording.json", (struct ph_slice){(const uint8_t *)"{}", 2});
    free(json);
    put_bytes(SOURCE "/v1080/init.mp4", example_media_init(PH_TRACK_VIDEO));
    for (uint64_t n = 0; n < segments; n++) {
        snprintf(key, sizeof(key), SOURCE "/v1080/%" PRIu64 ".m4s", n);
        put_bytes(key, example_media_segment(PH_TRACK_VIDEO, n, 100));
    }
    return 0;
}

static int end(void **state) {
    (void)state;
    ph_store_destroy(store);
    return ph_test_store_remove();
}

/* All that there is below a prefix. */
struct listing {
    struct {
        char key[PH_STORE_KEY_BYTES];
        uint8_t hash[PH_SHA256_BYTES];
    } objects[most_objects];
    size_t count;
};

static int note_object(void *opaque, const char *key, const struct ph_store_object *object) {
    struct listing *listing = opaque;
    (void)object;
    assert_true(listing->count < most_objects);
    snprintf(listing->objects[listing->count++].key, PH_STORE_KEY_BYTES, "%s", key);
    return 0;
}

static void list(const char *prefix, struct listing *listing) {
    memset(listing, 0, sizeof(*listing));
    assert_int_equal(ph_store_list(store, prefix, note_object, listing), 0);
    for (size_t i = 0; i < listing->count; i++) {
        struct ph_bytes *bytes;
        assert_int_equal(ph_store_get(store, listing->objects[i].key, 0, UINT64_MAX, &bytes), 0);
        assert_int_equal(ph_sha256(ph_bytes_slice(bytes), listing->objects[i].hash), 0);
        ph_bytes_unref(&bytes);
    }
}

static void refuse_difference(void *opaque, const struct ph_archive_difference *difference) {
    (void)opaque;
    fail_msg("%s %s", difference->object, difference->what);
}

/* Every byte is what the manifest says. */
static void assert_whole(void) {
    struct ph_archive_verification verification = {.store = store,
        .spool = ph_test_store_folder(),
        .recording = "clip",
        .deep = true,
        .report = refuse_difference};
    assert_int_equal(ph_archive_verify(&verification), 0);
    assert_int_equal(verification.recordings, 1);
}

static uint32_t poster_take(void) {
    struct ph_bytes *bytes;
    char text[32] = "";
    assert_int_equal(ph_store_get(store, CLIP "/poster.jpg", 0, UINT64_MAX, &bytes), 0);
    assert_true(ph_bytes_size(bytes) < sizeof(text));
    memcpy(text, ph_bytes_data(bytes), ph_bytes_size(bytes));
    ph_bytes_unref(&bytes);
    return (uint32_t)atoi(text + strlen("poster of take "));
}

static void load_manifest(struct ph_manifest *manifest) {
    struct ph_bytes *json;
    assert_int_equal(ph_store_get(store, CLIP "/recording.json", 0, UINT64_MAX, &json), 0);
    assert_int_equal(ph_manifest_from_json(ph_bytes_slice(json), manifest, NULL), 0);
    ph_bytes_unref(&json);
}

static void a_clip_has_poster_and_storyboard_of_its_own(void **state) {
    (void)state;
    struct worker worker = worker_with(1);
    struct ph_clip_result result;
    struct ph_manifest manifest;
    struct listing left;
    assert_int_equal(make(&worker, &result), 0);
    assert_true(result.has_poster && result.has_storyboard);
    assert_int_equal(result.height, 1080);
    assert_true(result.duration_us == 14000000); /* the double cuts nothing off */
    assert_string_equal(worker.drawn, "0@0 1@10000 ");
    load_manifest(&manifest);
    assert_int_equal(manifest.storyboard.sheet_count, 2);
    assert_int_equal(manifest.tracks[0].count, 7);
    assert_true(result.total_bytes == ph_manifest_total_bytes(&manifest));
    ph_manifest_finish(&manifest);
    assert_whole();
    list("uploads/clip", &left);
    assert_int_equal(left.count, 0);
}

static void a_clip_whose_pictures_cannot_be_drawn_has_none(void **state) {
    (void)state;
    struct worker worker = worker_with(1);
    struct ph_clip_result result;
    worker.draws_nothing = true;
    assert_int_equal(make(&worker, &result), 0);
    assert_false(result.has_poster || result.has_storyboard);
    assert_whole();
}

static void an_mp4_that_is_too_large_to_be_copied_is_made_in_its_place(void **state) {
    (void)state;
    struct worker worker = worker_with(1);
    struct ph_clip_result result;
    worker.most_copied_bytes = 1000;
    assert_int_equal(make(&worker, &result), 0);
    assert_true(result.mp4_bytes > 1000);
    assert_whole();
}

static void die(struct worker *worker) {
    (void)worker;
    _exit(0);
}

/* A node that is killed when it has asked so often. */
static void make_and_die(uint32_t take, int at) {
    pid_t child = fork();
    if (!child) {
        struct worker worker = worker_with(take);
        struct ph_clip_result result;
        worker.at = at;
        worker.then = die;
        _exit(make(&worker, &result) ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void remove_clip(void) {
    assert_int_equal(ph_store_remove_all(store, CLIP), 0);
    assert_int_equal(ph_store_remove_all(store, "uploads/clip"), 0);
}

static int times_asked(void) {
    struct worker worker = worker_with(1);
    struct ph_clip_result result;
    assert_int_equal(make(&worker, &result), 0);
    remove_clip();
    return worker.asked;
}

static bool is_there(const char *key) {
    struct ph_store_object object;
    return ph_store_head(store, key, &object) == 0;
}

/* What a take left whose node was killed looks whole at no time, and is no hindrance. */
static void a_take_that_was_killed_leaves_nothing_half(void **state) {
    (void)state;
    if (!ph_test_store_is_folder()) /* of which no process can be copied: it has threads */
        return;
    struct ph_clip_result result;
    int most = times_asked();
    assert_true(most > 28);
    for (int at = 1; at <= most; at += 4) {
        struct worker next = worker_with(2);
        make_and_die(1, at);
        assert_false(is_there(CLIP "/recording.json"));
        bool is_settled = is_there(CLIP "/take.json");
        assert_int_equal(make(&next, &result), 0);
        assert_int_equal(poster_take(), is_settled ? 1 : 2);
        assert_whole();
        remove_clip();
    }
}

static struct listing made;

static void let_another_make_it(struct worker *worker) {
    struct worker other = worker_with(worker->take + 1);
    struct ph_clip_result result;
    assert_int_equal(make(&other, &result), 0);
    list(CLIP, &made);
}

/* A worker that was taken for dead goes on where it was, and does not know. */
static void a_take_that_comes_back_changes_nothing(void **state) {
    (void)state;
    struct ph_clip_result result;
    struct listing after;
    /* A bucket takes seconds for each: while it makes its own, and while it puts it where it belongs. */
    int most = ph_test_store_is_folder() ? times_asked() : 18, step = ph_test_store_is_folder() ? 3 : 13;
    for (int at = step == 3 ? 1 : 5; at <= most; at += step) {
        struct worker worker = worker_with(1);
        worker.at = at;
        worker.then = let_another_make_it;
        assert_int_equal(make(&worker, &result), 0);
        list(CLIP, &after);
        assert_int_equal(after.count, made.count);
        assert_memory_equal(&after, &made, sizeof(made));
        assert_whole();
        remove_clip();
    }
}

/* Both have made theirs, and neither has seen the other's. */
static void the_first_take_that_is_whole_counts_for_ever(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct worker worker = worker_with(2 - i % 2);
        const struct ph_clip clip = {.id = "clip", .take = worker.take, .cutter = &worker.base};
        struct ph_clip_making making = {.store = store, .clip = &clip, .place = CLIP};
        uint32_t take = 0;
        assert_int_equal(ph_clip_settle_take(&making, &take), 0);
        assert_int_equal(take, 2);
    }
}

static void what_is_made_is_not_made_again(void **state) {
    (void)state;
    struct worker first = worker_with(1), again = worker_with(2);
    struct ph_clip_result result, same;
    assert_int_equal(make(&first, &result), 0);
    assert_int_equal(make(&again, &same), 0);
    assert_int_equal(again.asked, 0);
    assert_memory_equal(&same, &result, sizeof(result));
    assert_int_equal(poster_take(), 1);
}

static void a_source_that_has_nothing_there_leaves_nothing(void **state) {
    (void)state;
    struct worker worker = worker_with(1);
    struct ph_clip_result result;
    struct listing left;
    const struct ph_clip clip = {.id = "clip",
        .source = "source",
        .take = 1,
        .from_us = 100000000,
        .to_us = 101000000,
        .cutter = &worker.base};
    assert_int_equal(ph_clip_make(store, &clip, &result), -ENODATA);
    list("uploads/clip", &left);
    assert_int_equal(left.count, 0);
    list(CLIP, &left);
    assert_int_equal(left.count, 0);
}

/* Its sound was not there yet, and the clip had none for ever. */
static void a_track_that_is_to_come_is_waited_for(void **state) {
    (void)state;
    struct worker worker = worker_with(1);
    struct ph_clip_result result;
    publication.track_count = 2;
    char *json = ph_publication_to_json(&publication);
    put(SOURCE "/publication.json", (struct ph_slice){(const uint8_t *)json, strlen(json)});
    free(json);
    assert_int_equal(ph_store_remove(store, SOURCE "/recording.json"), 0);
    assert_int_equal(make(&worker, &result), -EAGAIN);
    put(SOURCE "/recording.json", (struct ph_slice){(const uint8_t *)"{}", 2});
    assert_int_equal(make(&worker, &result), 0);
}

/* Times count from the source's first picture: which one that is has to be known. */
static void a_first_segment_that_is_to_come_is_waited_for(void **state) {
    (void)state;
    struct worker worker = worker_with(1);
    struct ph_clip_result result;
    assert_int_equal(ph_store_remove(store, SOURCE "/recording.json"), 0);
    assert_int_equal(ph_store_remove(store, SOURCE "/v1080/0.m4s"), 0);
    assert_int_equal(make(&worker, &result), -EAGAIN);
    put_bytes(SOURCE "/v1080/0.m4s", example_media_segment(PH_TRACK_VIDEO, 0, 100));
    assert_int_equal(make(&worker, &result), 0);
}

int main(void) {
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    ph_log_set_level(PH_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        ON_STORE(a_clip_has_poster_and_storyboard_of_its_own),
        ON_STORE(a_clip_whose_pictures_cannot_be_drawn_has_none),
        ON_STORE(an_mp4_that_is_too_large_to_be_copied_is_made_in_its_place),
        ON_STORE(a_take_that_was_killed_leaves_nothing_half),
        ON_STORE(a_take_that_comes_back_changes_nothing),
        ON_STORE(the_first_take_that_is_whole_counts_for_ever),
        ON_STORE(what_is_made_is_not_made_again),
        ON_STORE(a_source_that_has_nothing_there_leaves_nothing),
        ON_STORE(a_track_that_is_to_come_is_waited_for),
        ON_STORE(a_first_segment_that_is_to_come_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
