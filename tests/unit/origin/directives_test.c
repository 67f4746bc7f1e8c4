#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "origin/directives.h"

/* Ten parts of 0.2 s in a segment: the advance limit is 15 parts. */
static const struct ph_publication publication = {
    .parts_per_segment = 10, .part_target_us = 200000, .target_duration_s = 2};
/* Segment 7 is open and has parts 0 to 3; the last whole segment is 6. */
static const struct ph_edge mid_segment = {.any = true, .newest = {7, 3}};
/* Segment 7 has just become whole. */
static const struct ph_edge at_boundary = {.any = true, .newest = {7, 9}, .closed = true};

static struct ph_directive_decision decide(const struct ph_edge *edge, const char *msn, const char *part) {
    struct ph_directives directives;
    assert_int_equal(ph_directives_parse(msn, part, NULL, &directives), 0);
    return ph_directives_decide(&directives, edge, &publication);
}

static void expect(
    const struct ph_edge *edge, const char *msn, const char *part, enum ph_directive_verdict verdict) {
    assert_int_equal(decide(edge, msn, part).verdict, verdict);
}

static void expect_hold(
    const struct ph_edge *edge, const char *msn, const char *part, uint64_t segment, uint32_t until_part) {
    struct ph_directive_decision decision = decide(edge, msn, part);
    assert_int_equal(decision.verdict, PH_DIRECTIVE_HOLD);
    assert_int_equal(decision.until.segment, segment);
    assert_int_equal(decision.until.part, until_part);
}

static void garbage_is_refused(void **state) {
    (void)state;
    const char *const garbage[] = {
        "", "abc", "-1", "+1", "1.5", " 1", "1 ", "0x1", "1e3", "123456789012345678901"};
    struct ph_directives directives;
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        assert_int_equal(ph_directives_parse(garbage[i], NULL, NULL, &directives), -EINVAL);
        assert_int_equal(ph_directives_parse("7", garbage[i], NULL, &directives), -EINVAL);
        assert_int_equal(ph_directives_parse(NULL, NULL, garbage[i], &directives), -EINVAL);
    }
    assert_int_equal(ph_directives_parse(NULL, "0", NULL, &directives), -EINVAL);
    assert_int_equal(ph_directives_parse(NULL, NULL, "yes", &directives), -EINVAL);
}

static void skip_is_yes_or_v2(void **state) {
    (void)state;
    struct ph_directives directives;
    assert_int_equal(ph_directives_parse(NULL, NULL, "YES", &directives), 0);
    assert_int_equal(directives.skip, PH_SKIP_SEGMENTS);
    assert_int_equal(ph_directives_parse("1", "2", "v2", &directives), 0);
    assert_int_equal(directives.skip, PH_SKIP_SEGMENTS);
    assert_int_equal(ph_directives_parse("1", "2", NULL, &directives), 0);
    assert_int_equal(directives.skip, PH_SKIP_NONE);
}

static void a_segment_may_lie_two_past_the_last_whole_one(void **state) {
    (void)state;
    expect_hold(&mid_segment, "7", NULL, 7, PH_WHOLE_SEGMENT);
    expect_hold(&mid_segment, "8", NULL, 8, PH_WHOLE_SEGMENT);
    expect(&mid_segment, "9", NULL, PH_DIRECTIVE_REFUSE);
    expect_hold(&at_boundary, "9", NULL, 9, PH_WHOLE_SEGMENT);
    expect(&at_boundary, "10", NULL, PH_DIRECTIVE_REFUSE);
    expect(&mid_segment, "18446744073709551615", NULL, PH_DIRECTIVE_REFUSE);
    expect(&mid_segment, "99999999999999999999", "0", PH_DIRECTIVE_REFUSE);
}

static void a_part_may_lie_up_to_the_advance_limit_past_the_newest(void **state) {
    (void)state;
    expect_hold(&mid_segment, "7", "4", 7, 4);
    expect_hold(&mid_segment, "7", "9", 7, 9);
    expect_hold(&mid_segment, "7", "18", 8, 0);
    expect(&mid_segment, "7", "19", PH_DIRECTIVE_REFUSE);
    expect_hold(&mid_segment, "8", "8", 8, 8);
    expect(&mid_segment, "8", "9", PH_DIRECTIVE_REFUSE);
    expect(&mid_segment, "7", "18446744073709551615", PH_DIRECTIVE_REFUSE);
    expect(&mid_segment, "7", "4294967295", PH_DIRECTIVE_REFUSE);
}

static void the_advance_limit_is_three_seconds_or_three_parts(void **state) {
    (void)state;
    assert_int_equal(ph_directives_advance_part_limit(200000), 15);
    assert_int_equal(ph_directives_advance_part_limit(214000), 15);
    assert_int_equal(ph_directives_advance_part_limit(334000), 9);
    assert_int_equal(ph_directives_advance_part_limit(999000), 4);
    assert_int_equal(ph_directives_advance_part_limit(1000000), 3);
    assert_int_equal(ph_directives_advance_part_limit(2000000), 3);
}

static void what_is_listed_or_older_is_answered_at_once(void **state) {
    (void)state;
    const char *const old[] = {"0", "3", "6"};
    for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
        expect(&mid_segment, old[i], NULL, PH_DIRECTIVE_ANSWER);
        expect(&mid_segment, old[i], "0", PH_DIRECTIVE_ANSWER);
        expect(&mid_segment, old[i], "4000", PH_DIRECTIVE_ANSWER);
    }
    expect(&mid_segment, "7", "0", PH_DIRECTIVE_ANSWER);
    expect(&mid_segment, "7", "3", PH_DIRECTIVE_ANSWER);
    expect(&at_boundary, "7", NULL, PH_DIRECTIVE_ANSWER);
    expect(&mid_segment, NULL, NULL, PH_DIRECTIVE_ANSWER);
}

static void a_part_past_the_end_means_part_0_of_the_next(void **state) {
    (void)state;
    expect_hold(&mid_segment, "7", "10", 8, 0);
    expect_hold(&at_boundary, "7", "10", 8, 0);
    const struct ph_edge next_begun = {.any = true, .newest = {8, 0}};
    expect(&next_begun, "7", "10", PH_DIRECTIVE_ANSWER);
    /* A segment that ended early: part 7 of it is part 0 of the next. */
    const struct ph_edge short_segment = {.any = true, .newest = {7, 4}, .closed = true};
    expect_hold(&short_segment, "7", "7", 7, 7);
    assert_true(ph_edge_contains(&next_begun, (struct ph_part_position){7, 7}));
    assert_false(ph_edge_contains(&short_segment, (struct ph_part_position){7, 7}));
}

static void an_ended_playlist_ignores_directives(void **state) {
    (void)state;
    const struct ph_edge ended = {.any = true, .ended = true, .closed = true, .newest = {7, 9}};
    expect(&ended, "999", "0", PH_DIRECTIVE_ANSWER);
    expect(&ended, "8", NULL, PH_DIRECTIVE_ANSWER);
    expect(&ended, "0", "5", PH_DIRECTIVE_ANSWER);
}

static void an_empty_track_holds_until_its_first_part(void **state) {
    (void)state;
    const struct ph_edge empty = {0};
    expect_hold(&empty, NULL, NULL, 0, 0);
    expect_hold(&empty, "0", "3", 0, 3);
    expect(&empty, "18446744073709551615", "0", PH_DIRECTIVE_REFUSE);
}

static void the_hint_follows_the_newest_part(void **state) {
    (void)state;
    const struct ph_edge empty = {0};
    assert_int_equal(ph_edge_next(&empty).segment, 0);
    assert_int_equal(ph_edge_next(&mid_segment).part, 4);
    assert_int_equal(ph_edge_next(&at_boundary).segment, 8);
    assert_int_equal(ph_edge_next(&at_boundary).part, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(skip_is_yes_or_v2),
        cmocka_unit_test(a_segment_may_lie_two_past_the_last_whole_one),
        cmocka_unit_test(a_part_may_lie_up_to_the_advance_limit_past_the_newest),
        cmocka_unit_test(the_advance_limit_is_three_seconds_or_three_parts),
        cmocka_unit_test(what_is_listed_or_older_is_answered_at_once),
        cmocka_unit_test(a_part_past_the_end_means_part_0_of_the_next),
        cmocka_unit_test(an_ended_playlist_ignores_directives),
        cmocka_unit_test(an_empty_track_holds_until_its_first_part),
        cmocka_unit_test(the_hint_follows_the_newest_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
