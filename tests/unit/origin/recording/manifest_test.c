#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "origin/recording/manifest.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/allocation_failure.h"

static struct ph_bytes *init;
static struct ph_manifest_segment described[3];

static int describe(void **state) {
    (void)state;
    init = example_media_init(PH_TRACK_VIDEO);
    for (uint64_t n = 0; n < 3; n++) {
        struct ph_bytes *bytes = example_media_segment(PH_TRACK_VIDEO, n, 30);
        assert_int_equal(
            ph_manifest_describe_segment(ph_bytes_slice(init), n, ph_bytes_slice(bytes), &described[n]), 0);
        assert_true(described[n].bytes == ph_bytes_size(bytes));
        ph_bytes_unref(&bytes);
    }
    return 0;
}

static int drop(void **state) {
    (void)state;
    ph_bytes_unref(&init);
    return 0;
}

static int begin(struct ph_manifest *manifest) {
    struct ph_publication publication;
    example_media_publication(&publication);
    return ph_manifest_init(manifest, "abcdefghijklmnopqrstuvwxyz", &publication);
}

static struct ph_slice picture(const char *text) {
    return (struct ph_slice){(const uint8_t *)text, strlen(text)};
}

static int add_sheet(struct ph_manifest *manifest, uint64_t first_tile, uint32_t tiles, uint32_t width) {
    const struct ph_storyboard_sheet sheet = {.first_tile = first_tile,
        .tiles = tiles,
        .columns = 2,
        .rows = 2,
        .width = width,
        .height = 90,
        .interval_ms = 10000};
    return ph_manifest_add_sheet(manifest, &sheet, picture(tiles == 4 ? "full" : "a tile"));
}

static int fill(struct ph_manifest *manifest) {
    int code = begin(manifest);
    if (!code)
        code = ph_manifest_set_init(manifest, 0, ph_bytes_slice(init));
    for (uint64_t n = 0; n < 3 && !code; n++)
        code = ph_manifest_add_segment(manifest, 0, &described[n]);
    manifest->mp4_bytes = 12345;
    strcpy(manifest->mp4_etag, "etag-1");
    if (!code)
        code = ph_manifest_set_poster(manifest, picture("poster"));
    if (!code)
        code = add_sheet(manifest, 0, 4, 160);
    if (!code)
        code = add_sheet(manifest, 4, 1, 160);
    ph_manifest_close(manifest);
    return code;
}

static void a_segment_is_described(void **state) {
    (void)state;
    assert_true(described[1].start_ticks == 2 * EXAMPLE_VIDEO_TIMESCALE);
    assert_int_equal(described[1].duration_ticks, 2 * EXAMPLE_VIDEO_TIMESCALE);
    /* moof and mdat header of a part with six samples, and the first of these */
    assert_int_equal(described[1].key_bytes, ph_package_fragment_overhead(6) + 30);
    assert_memory_not_equal(described[1].hash, described[2].hash, PH_STORE_HASH_BYTES);
}

static void a_manifest_is_read_as_it_was_written(void **state) {
    (void)state;
    struct ph_manifest manifest, again;
    struct ph_error error = {0};
    assert_int_equal(fill(&manifest), 0);
    struct ph_bytes *json = ph_manifest_to_json(&manifest);
    assert_non_null(json);
    assert_int_equal(ph_manifest_from_json(ph_bytes_slice(json), &again, &error), 0);
    assert_string_equal(again.id, manifest.id);
    assert_true(again.started_utc_us == INT64_C(1700000000000000));
    assert_true(again.duration_us == 6000000);
    assert_int_equal(again.tracks[0].count, 3);
    assert_int_equal(again.tracks[1].count, 0);
    assert_int_equal(again.tracks[0].init_bytes, ph_bytes_size(init));
    assert_memory_equal(again.tracks[0].init_hash, manifest.tracks[0].init_hash, PH_STORE_HASH_BYTES);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(again.tracks[0].segments[i].bytes == described[i].bytes);
        assert_int_equal(again.tracks[0].segments[i].key_bytes, described[i].key_bytes);
        assert_memory_equal(again.tracks[0].segments[i].hash, described[i].hash, PH_STORE_HASH_BYTES);
    }
    assert_true(again.mp4_bytes == 12345);
    assert_string_equal(again.mp4_etag, "etag-1");
    assert_true(again.has_poster);
    assert_int_equal(again.storyboard.sheet_count, 2);
    assert_int_equal(again.storyboard.sheets[1].first_tile, 4);
    assert_memory_equal(
        &again.storyboard.sheets[0], &manifest.storyboard.sheets[0], 2 * sizeof(struct ph_manifest_sheet));
    assert_int_equal(again.poster.bytes, strlen("poster"));
    assert_memory_equal(again.poster.hash, manifest.poster.hash, PH_STORE_HASH_BYTES);
    assert_true(ph_manifest_total_bytes(&again) == ph_manifest_media_bytes(&again) + 12345 +
                                                       strlen("poster"
                                                              "full"
                                                              "a tile"));
    assert_true(ph_manifest_media_bytes(&again) ==
                ph_bytes_size(init) + described[0].bytes + described[1].bytes + described[2].bytes);
    struct ph_bytes *twice = ph_manifest_to_json(&again);
    assert_int_equal(ph_bytes_size(twice), ph_bytes_size(json));
    assert_memory_equal(ph_bytes_data(twice), ph_bytes_data(json), ph_bytes_size(json));
    ph_bytes_unref(&twice);
    ph_bytes_unref(&json);
    ph_manifest_finish(&again);
    ph_manifest_finish(&manifest);
}

/* A recording made before hashes of pictures were kept. */
static void pictures_whose_bytes_are_not_known_are_read_too(void **state) {
    (void)state;
    struct ph_manifest manifest, again;
    assert_int_equal(fill(&manifest), 0);
    manifest.poster.bytes = manifest.storyboard.sheets[0].picture.bytes =
        manifest.storyboard.sheets[1].picture.bytes = 0;
    struct ph_bytes *json = ph_manifest_to_json(&manifest);
    assert_non_null(memmem(ph_bytes_data(json), ph_bytes_size(json), "[[0,4],[4,1]]", 13));
    assert_null(memmem(ph_bytes_data(json), ph_bytes_size(json), "posterHash", 10));
    assert_int_equal(ph_manifest_from_json(ph_bytes_slice(json), &again, NULL), 0);
    assert_true(again.has_poster && again.storyboard.sheet_count == 2);
    assert_int_equal(again.poster.bytes, 0);
    ph_bytes_unref(&json);
    ph_manifest_finish(&again);
    ph_manifest_finish(&manifest);
}

static void sheets_of_another_form_are_no_part_of_the_storyboard(void **state) {
    (void)state;
    struct ph_manifest manifest;
    assert_int_equal(fill(&manifest), 0);
    assert_int_equal(add_sheet(&manifest, 5, 1, 162), -EINVAL);
    assert_int_equal(manifest.storyboard.sheet_count, 2);
    assert_int_equal(manifest.storyboard.width, 160);
    ph_manifest_finish(&manifest);
}

static void missing_segments_become_gaps_that_share_the_time(void **state) {
    (void)state;
    struct ph_manifest manifest;
    struct ph_manifest_segment late = described[2];
    late.number = 3;
    assert_int_equal(begin(&manifest), 0);
    assert_int_equal(ph_manifest_add_segment(&manifest, 0, &described[0]), 0);
    late.start_ticks += 1;
    assert_int_equal(ph_manifest_add_segment(&manifest, 0, &late), 0);
    const struct ph_manifest_track *track = &manifest.tracks[0];
    assert_int_equal(track->count, 4);
    assert_int_equal(track->segments[1].flags, PH_MANIFEST_GAP);
    assert_true(track->segments[2].number == 2);
    assert_int_equal(track->segments[1].duration_ticks, EXAMPLE_VIDEO_TIMESCALE);
    assert_int_equal(track->segments[2].duration_ticks, EXAMPLE_VIDEO_TIMESCALE + 1);
    ph_manifest_finish(&manifest);
}

static void what_does_not_follow_is_refused(void **state) {
    (void)state;
    struct ph_manifest manifest;
    assert_int_equal(begin(&manifest), 0);
    assert_int_equal(ph_manifest_add_segment(&manifest, 0, &described[1]), 0);
    assert_int_equal(ph_manifest_add_segment(&manifest, 0, &described[1]), -EALREADY);
    assert_int_equal(ph_manifest_add_segment(&manifest, 0, &described[0]), -EALREADY);
    struct ph_manifest_segment wrong = described[2];
    wrong.start_ticks--;
    assert_int_equal(ph_manifest_add_segment(&manifest, 0, &wrong), -EINVAL);
    wrong = described[2];
    wrong.number = UINT64_C(1) << 40; /* no time for that many gaps */
    assert_int_equal(ph_manifest_add_segment(&manifest, 0, &wrong), -EINVAL);
    wrong.number = 5;
    assert_int_equal(ph_manifest_add_segment(&manifest, 0, &wrong), -EINVAL);
    assert_int_equal(manifest.tracks[0].count, 1);
    ph_manifest_finish(&manifest);
}

static void ids_that_are_none_are_refused(void **state) {
    (void)state;
    struct ph_publication publication;
    struct ph_manifest manifest;
    example_media_publication(&publication);
    assert_int_equal(ph_manifest_init(&manifest, "", &publication), -EINVAL);
    assert_int_equal(ph_manifest_init(&manifest, "../x", &publication), -EINVAL);
    assert_int_equal(ph_manifest_init(&manifest,
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &publication),
        -EINVAL);
}

/* The manifest with the text replaced, which has to be there. */
static char *changed(const struct ph_bytes *json, const char *from, const char *to) {
    size_t size = ph_bytes_size(json);
    const char *text = (const char *)ph_bytes_data(json);
    const char *found = memmem(text, size, from, strlen(from));
    assert_non_null(found);
    size_t before = (size_t)(found - text), after = size - before - strlen(from);
    char *made = malloc(before + strlen(to) + after + 1);
    assert_non_null(made);
    memcpy(made, text, before);
    memcpy(made + before, to, strlen(to));
    memcpy(made + before + strlen(to), found + strlen(from), after);
    made[before + strlen(to) + after] = '\0';
    return made;
}

static void wrong_manifests_are_refused(void **state) {
    (void)state;
    static const char *const changes[][2] = {{"\"version\":1", "\"version\":2"},
        {"\"id\":\"abc", "\"id\":\"/bc"}, {"\"durationUs\":6000000", "\"durationUs\":-1"},
        {"\"durationUs\":6000000", "\"durationUs\":6e6"},
        {"\"name\":\"v720\",\"initBytes\"", "\"name\":\"v721\",\"initBytes\""}, {"[1,60000,", "[2,60000,"},
        {"[1,60000,", "[1,59999,"}, {"[1,60000,60000,", "[1,60000,0,"},
        {"[1,60000,60000,", "[1,60000,4294967296,"}, {"[1,60000,", "[1,60000,1,"},
        {"[1,60000,", "[-1,60000,"}, {"[1,60000,", "[[],60000,"}, {"\"sheets\":[[0,4,", "\"sheets\":[[0,5,"},
        {"[4,1,6", "[3,1,6"}, {"[4,1,6", "[4,1,0"}, {"[4,1,6,\"", "[4,1,6,\"x"},
        {"\"posterHash\":\"", "\"posterHash\":\"x"}, {"\"posterBytes\":6", "\"posterBytes\":\"6\""},
        {"\"columns\":2", "\"columns\":65"}, {"\"intervalUs\":10000000", "\"intervalUs\":0"},
        {"\"etag\":\"etag-1\"", "\"etag\":7"}, {"\"bytes\":12345", "\"bytes\":-5"},
        {"\"poster\":true", "\"poster\":1"}, {"\"target_duration_s\":2", "\"target_duration_s\":1"},
        {"{\"version\"", "[\"version\""}};
    struct ph_manifest manifest;
    assert_int_equal(fill(&manifest), 0);
    struct ph_bytes *json = ph_manifest_to_json(&manifest);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct ph_manifest read;
        struct ph_error error = {0};
        char *text = changed(json, changes[i][0], changes[i][1]);
        const struct ph_slice slice = {(const uint8_t *)text, strlen(text)};
        if (ph_manifest_from_json(slice, &read, &error) != -EINVAL)
            fail_msg("%s was taken", changes[i][1]);
        assert_true(strlen(error.text) > 0);
        free(text);
    }
    ph_bytes_unref(&json);
    ph_manifest_finish(&manifest);
}

static void tiles_point_into_their_sheets(void **state) {
    (void)state;
    struct ph_manifest manifest;
    assert_int_equal(fill(&manifest), 0);
    struct ph_bytes *vtt = ph_storyboard_to_vtt(&manifest.storyboard, 3605 * INT64_C(1000000) / 80);
    static const char expected[] = "WEBVTT\n"
                                   "\n00:00:00.000 --> 00:00:10.000\nstoryboard-0.jpg#xywh=0,0,160,90\n"
                                   "\n00:00:10.000 --> 00:00:20.000\nstoryboard-0.jpg#xywh=160,0,160,90\n"
                                   "\n00:00:20.000 --> 00:00:30.000\nstoryboard-0.jpg#xywh=0,90,160,90\n"
                                   "\n00:00:30.000 --> 00:00:40.000\nstoryboard-0.jpg#xywh=160,90,160,90\n"
                                   "\n00:00:40.000 --> 00:00:45.062\nstoryboard-4.jpg#xywh=0,0,160,90\n";
    assert_int_equal(ph_bytes_size(vtt), sizeof(expected) - 1);
    assert_memory_equal(ph_bytes_data(vtt), expected, sizeof(expected) - 1);
    ph_bytes_unref(&vtt);
    vtt = ph_storyboard_to_vtt(&manifest.storyboard, 5000000); /* no cue begins after the end */
    assert_int_equal(ph_bytes_size(vtt), strlen("WEBVTT\n\n00:00:00.000 --> 00:00:05.000\n"
                                                "storyboard-0.jpg#xywh=0,0,160,90\n"));
    ph_bytes_unref(&vtt);
    ph_manifest_finish(&manifest);
}

static int write_and_read(void *opaque) {
    (void)opaque;
    struct ph_manifest manifest, again;
    struct ph_bytes *json = NULL;
    int code = fill(&manifest);
    if (!code) {
        json = ph_manifest_to_json(&manifest);
        code = json ? ph_manifest_from_json(ph_bytes_slice(json), &again, NULL) : -ENOMEM;
    }
    if (!code)
        ph_manifest_finish(&again);
    ph_bytes_unref(&json);
    ph_manifest_finish(&manifest);
    return code;
}

static void memory_may_run_out(void **state) {
    (void)state;
    ph_test_with_failing_allocations(write_and_read, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_is_described),
        cmocka_unit_test(a_manifest_is_read_as_it_was_written),
        cmocka_unit_test(pictures_whose_bytes_are_not_known_are_read_too),
        cmocka_unit_test(sheets_of_another_form_are_no_part_of_the_storyboard),
        cmocka_unit_test(missing_segments_become_gaps_that_share_the_time),
        cmocka_unit_test(what_does_not_follow_is_refused),
        cmocka_unit_test(ids_that_are_none_are_refused),
        cmocka_unit_test(wrong_manifests_are_refused),
        cmocka_unit_test(tiles_point_into_their_sheets),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, describe, drop);
}
