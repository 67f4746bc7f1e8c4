#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "origin/session.h"
#include "tests/unit/origin/example.h"
#include "tests/unit/support/allocation_failure.h"

enum { per_segment = 10 };

struct stage {
    struct ph_publication publication;
    struct ph_window window;
    uint64_t durable_below[PH_MOST_TRACKS];
    int64_t now_us;
};

static void begin(struct stage *stage, uint32_t parts_per_segment) {
    stage->publication = example_publication(parts_per_segment);
    memset(stage->durable_below, 0xff, sizeof(stage->durable_below));
    stage->now_us = 1000 * PH_SECOND_US;
    ph_window_init(&stage->window, &stage->publication);
}

static enum ph_window_verdict add(struct stage *stage, uint64_t segment, uint32_t part, bool gap) {
    struct ph_part *made = example_part(&stage->publication, segment, part, gap);
    assert_non_null(made);
    enum ph_window_verdict verdict = ph_window_add_part(&stage->window, 0, made, stage->now_us, NULL);
    ph_part_unref(&made);
    return verdict;
}

/* Adds `count` parts from the segment's first, one every 0.2 s. */
static void add_parts(struct stage *stage, uint64_t segment, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = segment + i / stage->publication.parts_per_segment;
        stage->now_us += 200000;
        ph_window_expire(&stage->window, stage->durable_below, stage->now_us);
        assert_int_equal(
            add(stage, number, i % stage->publication.parts_per_segment, false), PH_WINDOW_ADDED);
    }
}

static bool has_segment(struct stage *stage, uint64_t number) {
    int code;
    return ph_window_segment_response(&stage->window, 0, number, &code) != NULL;
}

static void parts_are_taken_in_order_and_once(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage, 3);
    assert_int_equal(add(&stage, 7, 1, false), PH_WINDOW_OUT_OF_ORDER);
    assert_int_equal(add(&stage, 7, 0, false), PH_WINDOW_ADDED);
    assert_int_equal(add(&stage, 7, 0, false), PH_WINDOW_REPEATED);
    assert_int_equal(add(&stage, 6, 2, false), PH_WINDOW_REPEATED);
    assert_int_equal(add(&stage, 7, 2, false), PH_WINDOW_OUT_OF_ORDER);
    assert_int_equal(add(&stage, 8, 0, false), PH_WINDOW_OUT_OF_ORDER);
    assert_int_equal(add(&stage, 7, 1, false), PH_WINDOW_ADDED);
    assert_false(has_segment(&stage, 7));
    assert_int_equal(add(&stage, 7, 2, false), PH_WINDOW_ADDED);
    assert_true(has_segment(&stage, 7));
    assert_int_equal(add(&stage, 8, 0, false), PH_WINDOW_ADDED);
    ph_window_end(&stage.window);
    assert_int_equal(add(&stage, 8, 0, false), PH_WINDOW_REPEATED);
    assert_int_equal(add(&stage, 8, 1, false), PH_WINDOW_ENDED);
    assert_true(has_segment(&stage, 8));
    ph_window_finish(&stage.window);
}

static enum ph_window_verdict add_head(struct stage *stage, const struct ph_part_head *head) {
    struct ph_bytes *bytes = ph_bytes_copy("x", 1);
    struct ph_part *part = ph_part_create(head, PH_TRACK_VIDEO, bytes, false);
    struct ph_error error = {.text = ""};
    enum ph_window_verdict verdict = ph_window_add_part(&stage->window, 0, part, stage->now_us, &error);
    assert_true((verdict == PH_WINDOW_REFUSED) == (error.text[0] != '\0'));
    ph_part_unref(&part);
    ph_bytes_unref(&bytes);
    return verdict;
}

static void parts_that_break_the_playlists_promises_are_refused(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage, 3);
    const struct ph_part_head good = {.duration_ticks = 6000, .independent = true};
    struct ph_part_head head = good;
    head.duration_ticks = 0;
    assert_int_equal(add_head(&stage, &head), PH_WINDOW_REFUSED);
    head.duration_ticks = 6421; /* 0.214034 s */
    assert_int_equal(add_head(&stage, &head), PH_WINDOW_REFUSED);
    head = good;
    head.independent = false;
    assert_int_equal(add_head(&stage, &head), PH_WINDOW_REFUSED);
    head = good;
    head.start_ticks = INT64_MAX / 2;
    assert_int_equal(add_head(&stage, &head), PH_WINDOW_REFUSED);
    head = good;
    assert_int_equal(add_head(&stage, &head), PH_WINDOW_ADDED);
    head.position.part = 1;
    head.start_ticks = 6001;
    assert_int_equal(add_head(&stage, &head), PH_WINDOW_REFUSED);
    head.start_ticks = 6000;
    assert_int_equal(add_head(&stage, &head), PH_WINDOW_ADDED);
    head.position.part = 2;
    head.start_ticks = 12000;
    assert_int_equal(add_head(&stage, &head), PH_WINDOW_REFUSED); /* the third of three, and not the last? */
    head.last = true;
    assert_int_equal(add_head(&stage, &head), PH_WINDOW_ADDED);
    ph_window_finish(&stage.window);
}

static void old_segments_leave_the_playlist_and_then_the_window(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage, per_segment);
    add_parts(&stage, 0, 10 * per_segment);
    assert_int_equal(ph_window_first_listed(&stage.window, 0), 0);
    add_parts(&stage, 10, per_segment);
    assert_int_equal(ph_window_first_listed(&stage.window, 0), 1);
    /* Segment 0 left now: it lasts 2 s, and the longest playlist that held it 22 s. */
    assert_true(has_segment(&stage, 0));
    int64_t removed_us = stage.now_us;
    ph_window_expire(&stage.window, stage.durable_below, removed_us + 24 * PH_SECOND_US - 1);
    assert_true(has_segment(&stage, 0));
    assert_non_null(ph_window_find_part(&stage.window, 0, (struct ph_part_position){0, 9}));
    ph_window_expire(&stage.window, stage.durable_below, removed_us + 24 * PH_SECOND_US);
    assert_false(has_segment(&stage, 0));
    assert_null(ph_window_find_part(&stage.window, 0, (struct ph_part_position){0, 9}));
    assert_true(has_segment(&stage, 1));
    ph_window_finish(&stage.window);
}

static size_t count_segments(const struct stage *stage) {
    size_t count = 0;
    for (const struct ph_segment *one = stage->window.tracks[0].segments; one; one = one->next)
        count++;
    return count;
}

static void what_is_not_on_disk_stays_while_the_reserve_has_room(void **state) {
    (void)state;
    struct stage stage;
    struct ph_reserve reserve = {.most_bytes = UINT64_MAX};
    begin(&stage, per_segment);
    stage.window.reserve = &reserve;
    stage.durable_below[0] = 5;
    add_parts(&stage, 0, 100 * per_segment);
    assert_false(has_segment(&stage, 4));
    assert_true(has_segment(&stage, 5));
    assert_int_equal(count_segments(&stage), 95);
    uint64_t each = stage.window.tracks[0].segments->reserved_bytes;
    assert_true(each > 10 * strlen("5.0;"));
    assert_true(reserve.used_bytes >= 60 * each);

    reserve.most_bytes = reserve.used_bytes / 2;
    ph_window_expire(&stage.window, stage.durable_below, stage.now_us);
    assert_in_range(reserve.used_bytes, reserve.most_bytes - 2 * each, reserve.most_bytes);
    uint64_t oldest = stage.window.tracks[0].segments->number;
    assert_in_range(oldest, 40, 50);
    add_parts(&stage, 100, 2 * per_segment);
    assert_int_equal(stage.window.tracks[0].segments->number, oldest + 2);
    assert_true(reserve.used_bytes <= reserve.most_bytes);

    stage.durable_below[0] = 102;
    ph_window_expire(&stage.window, stage.durable_below, stage.now_us);
    assert_int_equal(reserve.used_bytes, 0);
    assert_in_range(count_segments(&stage), 10, 24);
    stage.durable_below[0] = 0;
    ph_window_expire(&stage.window, stage.durable_below, stage.now_us + 100 * PH_SECOND_US);
    assert_true(reserve.used_bytes > 0);
    ph_window_finish(&stage.window);
    assert_int_equal(reserve.used_bytes, 0);
}

static void the_window_stays_bounded(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage, per_segment);
    add_parts(&stage, 0, 200 * per_segment);
    assert_in_range(count_segments(&stage), 10, 24);
    struct ph_playlist *playlist = ph_window_snapshot(&stage.window, 0);
    assert_int_equal(playlist->segment_count, PH_WINDOW_LISTED_SEGMENTS);
    free(playlist);
    ph_window_finish(&stage.window);
}

static void three_targets_of_media_stay_listed_when_segments_are_short(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage, 1);
    stage.publication.target_duration_s = 2; /* segments of 0.2 s: 30 of them make 3 × 2 s */
    add_parts(&stage, 0, 100);
    struct ph_playlist *playlist = ph_window_snapshot(&stage.window, 0);
    assert_int_equal(playlist->segment_count, 30);
    free(playlist);
    ph_window_finish(&stage.window);
}

static void part_tags_cover_the_last_three_targets_by_whole_segments(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage, per_segment);
    add_parts(&stage, 0, 6 * per_segment); /* 12 s: the last 6 s are segments 3, 4 and 5 */
    struct ph_playlist *playlist = ph_window_snapshot(&stage.window, 0);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(playlist->segments[i].part_count, i >= 3 ? per_segment : 0);
    free(playlist);
    add_parts(&stage, 6, 1); /* 12.2 s: segment 3 begins 6.2 s before the end */
    playlist = ph_window_snapshot(&stage.window, 0);
    const uint32_t wanted[] = {0, 0, 0, 0, per_segment, per_segment, 1};
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(playlist->segments[i].part_count, wanted[i]);
    assert_non_null(ph_window_find_part(&stage.window, 0, (struct ph_part_position){3, 0}));
    free(playlist);
    ph_window_finish(&stage.window);
}

static void missing_parts_are_listed_and_not_served(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage, 3);
    assert_int_equal(add(&stage, 0, 0, true), PH_WINDOW_ADDED);
    assert_int_equal(add(&stage, 0, 1, false), PH_WINDOW_ADDED);
    assert_int_equal(add(&stage, 0, 2, false), PH_WINDOW_ADDED);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(add(&stage, 1, i, true), PH_WINDOW_ADDED);
    assert_true(has_segment(&stage, 0));
    assert_false(has_segment(&stage, 1));
    struct ph_playlist *playlist = ph_window_snapshot(&stage.window, 0);
    assert_true(playlist->segments[0].gap && playlist->segments[0].parts[0].gap &&
                !playlist->segments[0].parts[1].gap);
    free(playlist);
    ph_window_finish(&stage.window);
}

static void reports_name_where_the_others_are(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage, 3);
    add_parts(&stage, 0, 4);
    struct ph_playlist *playlist = ph_window_snapshot(&stage.window, 1);
    assert_int_equal(playlist->report_count, 1);
    assert_string_equal(playlist->reports[0].track, "v720");
    assert_int_equal(playlist->reports[0].newest.segment, 1);
    assert_int_equal(playlist->reports[0].newest.part, 0);
    free(playlist);
    playlist = ph_window_snapshot(&stage.window, 0);
    assert_int_equal(playlist->report_count, 0);
    free(playlist);
    ph_window_finish(&stage.window);
}

static void it_is_ready_with_a_part_of_each_track_or_a_segment_of_one(void **state) {
    (void)state;
    struct stage stage;
    struct ph_bytes *init = ph_bytes_copy("init", 4), *other = ph_bytes_copy("other", 5);
    begin(&stage, 3);
    assert_int_equal(ph_window_set_init(&stage.window, 0, init), 0);
    assert_int_equal(ph_window_set_init(&stage.window, 0, init), -EALREADY);
    assert_int_equal(ph_window_set_init(&stage.window, 0, other), -EEXIST);
    add_parts(&stage, 0, 1);
    assert_false(ph_window_is_ready(&stage.window));
    struct ph_window_run run;
    ph_window_take_run(&stage.window, 0, (struct ph_part_position){0, 0}, &run);
    assert_int_equal(run.count, 1);
    assert_false(run.closes);
    ph_part_unref(&run.parts[0]);
    assert_int_equal(add(&stage, 0, 1, false), PH_WINDOW_ADDED);
    assert_int_equal(add(&stage, 0, 2, false), PH_WINDOW_ADDED);
    assert_true(ph_window_is_ready(&stage.window));
    ph_bytes_unref(&init);
    ph_bytes_unref(&other);
    ph_window_finish(&stage.window);
}

/* A whole session's way, as far as memory allows. */
static int live_a_session(void *opaque) {
    const struct ph_publication *publication = opaque;
    struct ph_session *session = ph_session_create("s", publication, example_metrics(), 0);
    struct ph_http_response *answer = NULL;
    int code = session ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < 15 && !code; i++) {
        struct ph_part_position next;
        struct ph_part *part = example_part(publication, i / 3, i % 3, false);
        if (!part || ph_session_add_part(session, 0, part, 0, &next, NULL) != PH_WINDOW_ADDED)
            code = -ENOMEM;
        ph_part_unref(&part);
    }
    if (!code)
        answer = ph_session_playlist(
            session, 0, (struct ph_playlist_form){.skip = PH_SKIP_SEGMENTS, .blocking = true});
    if (!answer)
        code = -ENOMEM;
    ph_http_response_unref(&answer);
    if (!code && !ph_window_segment_response(&session->window, 0, 2, &code))
        code = -ENOMEM;
    ph_session_unref(&session);
    return code;
}

static void a_session_survives_failing_allocations(void **state) {
    (void)state;
    struct ph_publication publication = example_publication(3);
    assert_non_null(example_metrics());
    ph_test_with_failing_allocations(live_a_session, &publication);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_taken_in_order_and_once),
        cmocka_unit_test(parts_that_break_the_playlists_promises_are_refused),
        cmocka_unit_test(old_segments_leave_the_playlist_and_then_the_window),
        cmocka_unit_test(what_is_not_on_disk_stays_while_the_reserve_has_room),
        cmocka_unit_test(the_window_stays_bounded),
        cmocka_unit_test(three_targets_of_media_stay_listed_when_segments_are_short),
        cmocka_unit_test(part_tags_cover_the_last_three_targets_by_whole_segments),
        cmocka_unit_test(missing_parts_are_listed_and_not_served),
        cmocka_unit_test(reports_name_where_the_others_are),
        cmocka_unit_test(it_is_ready_with_a_part_of_each_track_or_a_segment_of_one),
        cmocka_unit_test(a_session_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
