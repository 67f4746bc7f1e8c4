#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "origin/history.h"
#include "origin/past_text.h"
#include "origin/window.h"
#include "tests/unit/origin/example.h"
#include "tests/unit/support/allocation_failure.h"

enum { most_segments = 1300, listed = 4 };

/* A session of so many segments of which the last few are still listed as such. */
struct stage {
    struct ph_publication publication;
    struct ph_history history;
    struct ph_playlist_segment segments[most_segments];
    uint32_t count;
};

static void begin(struct stage *stage) {
    *stage = (struct stage){.publication = example_publication(10)};
    for (uint32_t i = 0; i < most_segments; i++)
        stage->segments[i] = (struct ph_playlist_segment){.number = 3 + i,
            .start_ticks = (int64_t)i * 60000,
            .duration_ticks = 60000,
            .closed = true,
            .gap = i % 100 == 9};
}

static void grow(struct stage *stage, uint32_t count) {
    for (; stage->count < count; stage->count++) {
        const struct ph_playlist_segment *segment = &stage->segments[stage->count];
        ph_history_add(
            &stage->history, segment->number, segment->start_ticks, segment->duration_ticks, segment->gap);
    }
}

/* The playlist whose past is `count` segments, of which the text knows some. */
static struct ph_playlist playlist_of(const struct stage *stage, const struct ph_past_text *past) {
    const struct ph_history *history = &stage->history;
    return (struct ph_playlist){
        .publication = &stage->publication,
        .track = &stage->publication.tracks[0],
        .edge = {.any = true, .closed = true, .newest = {3 + stage->count + listed - 1, 9}},
        .segments = stage->segments + stage->count,
        .segment_count = listed,
        .past_count = stage->count,
        .with_past = true,
        .past_news = {.first = history->first,
            .start_ticks = history->start_ticks,
            .from = past->count,
            .lengths = history->lengths ? history->lengths + past->count : NULL,
            .count = history->count - past->count},
        .reports = {{"audio", {9, 1}}},
        .report_count = 1,
    };
}

/* What it has to be: a playlist without a past that lists them all. */
static char *written_at_once(const struct stage *stage) {
    struct ph_playlist playlist = playlist_of(stage, &(struct ph_past_text){.count = stage->count});
    struct ph_builder builder = {0};
    playlist.segments = stage->segments;
    playlist.segment_count = stage->count + listed;
    playlist.past_count = 0;
    ph_playlist_write_media(&builder, &playlist, PH_SKIP_NONE);
    return ph_builder_finish_string(&builder);
}

static void expect_inflates_to(struct ph_bytes *compressed, const char *text) {
    size_t size = strlen(text);
    uint8_t *target = malloc(size + 1);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)ph_bytes_data(compressed),
        .avail_in = (uInt)ph_bytes_size(compressed),
        .next_out = target,
        .avail_out = (uInt)size + 1};
    assert_non_null(target);
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK); /* with the checks of gzip */
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, size);
    assert_int_equal(stream.avail_in, 0);
    assert_memory_equal(target, text, size);
    inflateEnd(&stream);
    free(target);
}

static void expect_whole(const struct ph_past_text *past, const struct stage *stage) {
    struct ph_playlist playlist = playlist_of(stage, past);
    struct ph_past_whole whole;
    char *wanted = written_at_once(stage);
    assert_non_null(wanted);
    assert_int_equal(ph_past_text_join(past, &playlist, &whole), 0);
    assert_int_equal(whole.bytes, strlen(wanted));
    const char *place = wanted;
    for (size_t i = 0; i < whole.block_count; i++) {
        assert_memory_equal(place, ph_bytes_data(whole.blocks[i]), ph_bytes_size(whole.blocks[i]));
        place += ph_bytes_size(whole.blocks[i]);
    }
    assert_int_equal(whole.crc32, crc32_z(0, (const Bytef *)wanted, strlen(wanted)));
    expect_inflates_to(whole.compressed, wanted);
    ph_past_whole_finish(&whole);
    free(wanted);
}

static void a_playlist_in_pieces_is_the_one_written_at_once(void **state) {
    (void)state;
    static struct stage stage;
    struct ph_past_text past = {0};
    const uint32_t counts[] = {0, 1, 2, 255, 256, 257, 511, 512, 1030, 1280};
    begin(&stage);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        grow(&stage, counts[i]);
        struct ph_playlist playlist = playlist_of(&stage, &past);
        assert_int_equal(ph_past_text_add(&past, &playlist), 0);
        assert_int_equal(past.count, counts[i]);
        expect_whole(&past, &stage);
    }
    ph_past_text_finish(&past);
    ph_history_finish(&stage.history);
}

static void another_past_is_written_anew(void **state) {
    (void)state;
    static struct stage stage;
    struct ph_past_text past = {0};
    begin(&stage);
    grow(&stage, 300);
    struct ph_playlist playlist = playlist_of(&stage, &past);
    assert_int_equal(ph_past_text_add(&past, &playlist), 0);
    ph_history_finish(&stage.history);
    begin(&stage);
    grow(&stage, 20);
    playlist = playlist_of(&stage, &(struct ph_past_text){0});
    assert_int_equal(ph_past_text_add(&past, &playlist), 0);
    assert_int_equal(past.count, 20);
    expect_whole(&past, &stage);
    ph_past_text_finish(&past);
    ph_history_finish(&stage.history);
}

static int write_in_pieces(void *opaque) {
    static struct stage stage;
    struct ph_past_text past = {0};
    struct ph_past_whole whole = {0};
    (void)opaque;
    begin(&stage);
    grow(&stage, 600);
    if (stage.history.count < 600) {
        ph_history_finish(&stage.history);
        return -ENOMEM;
    }
    struct ph_playlist playlist = playlist_of(&stage, &past);
    int code = ph_past_text_add(&past, &playlist);
    if (!code)
        code = ph_past_text_join(&past, &playlist, &whole);
    ph_past_whole_finish(&whole);
    ph_past_text_finish(&past);
    ph_history_finish(&stage.history);
    return code;
}

static void writing_in_pieces_survives_failing_allocations(void **state) {
    (void)state;
    ph_test_with_failing_allocations(write_in_pieces, NULL);
}

/* The window remembers what leaves it, and a snapshot tells what is new of that. */
static void a_window_tells_of_its_past_once(void **state) {
    (void)state;
    struct ph_publication publication = example_publication(3);
    struct ph_window window;
    ph_window_init(&window, &publication);
    for (uint64_t segment = 0; segment < 30; segment++) {
        for (uint32_t i = 0; i < 3; i++) {
            struct ph_part *part = example_part(&publication, segment, i, false);
            assert_int_equal(
                ph_window_add_part(&window, 0, part, (int64_t)segment * 600000, NULL), PH_WINDOW_ADDED);
            ph_part_unref(&part);
        }
    }
    const struct ph_history *history = &window.tracks[0].history;
    assert_int_equal(history->first, 0);
    assert_int_equal(history->count, 30 - PH_WINDOW_LISTED_SEGMENTS);
    struct ph_playlist *playlist = ph_window_snapshot_with_past(&window, 0, 0, 0, 0);
    assert_int_equal(playlist->past_news.from, 0);
    assert_int_equal(playlist->past_news.count, 20);
    assert_int_equal(playlist->past_count, 20);
    assert_int_equal(playlist->segments[0].number, 20);
    assert_int_equal(ph_playlist_skippable(playlist), 20 + 0);
    free(playlist);
    playlist = ph_window_snapshot_with_past(&window, 0, 0, 18, 0);
    assert_int_equal(playlist->past_news.from, 18);
    assert_int_equal(playlist->past_news.count, 2);
    free(playlist);
    playlist = ph_window_snapshot_with_past(&window, 0, 7, 5, 0); /* a past that is not this one */
    assert_int_equal(playlist->past_news.from, 0);
    free(playlist);
    ph_history_lose(&window.tracks[0].history, 15, 17);
    playlist = ph_window_snapshot_with_past(&window, 0, 0, 18, 0); /* nor what was lost of it since */
    assert_int_equal(playlist->past_news.from, 0);
    assert_true(ph_history_is_gap(playlist->past_news.lengths[16]));
    uint64_t revision = playlist->past_news.revision;
    free(playlist);
    playlist = ph_window_snapshot_with_past(&window, 0, 0, 18, revision);
    assert_int_equal(playlist->past_news.from, 18);
    free(playlist);

    ph_window_reset_track(&window, 0);
    assert_int_equal(history->count, 30);
    struct ph_part *later = example_part(&publication, 40, 0, false);
    assert_int_equal(ph_window_add_part(&window, 0, later, 0, NULL), PH_WINDOW_ADDED);
    ph_part_unref(&later);
    assert_int_equal(history->count, 40);
    assert_false(ph_history_has(history, 35));
    ph_window_finish(&window);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_playlist_in_pieces_is_the_one_written_at_once),
        cmocka_unit_test(another_past_is_written_anew),
        cmocka_unit_test(writing_in_pieces_survives_failing_allocations),
        cmocka_unit_test(a_window_tells_of_its_past_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
