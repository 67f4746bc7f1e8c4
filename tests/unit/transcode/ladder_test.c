#include "transcode/ladder.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ph_ladder parse(const char *text) {
    struct ph_ladder ladder;
    struct ph_error error;
    assert_int_equal(ph_ladder_parse(text, &ladder, &error), 0);
    return ladder;
}

static struct ph_ladder_plan plan_for(
    const char *text, uint32_t width, uint32_t height, struct ph_rational rate) {
    struct ph_ladder ladder = parse(text);
    struct ph_source_description source = {.width = width, .height = height};
    source.plan = ph_grid_plan_make(rate, 200, 2000);
    struct ph_ladder_plan plan;
    ph_ladder_plan_make(&ladder, &source, &plan);
    return plan;
}

static void assert_rendition(
    const struct ph_rendition *rendition, const char *name, uint32_t width, uint32_t height) {
    assert_string_equal(rendition->name, name);
    assert_int_equal(rendition->width, width);
    assert_int_equal(rendition->height, height);
}

static const char *const usual = "1080p30@4500k,720p30@2500k";

static void parses_entries_highest_first(void **state) {
    (void)state;
    struct ph_ladder ladder = parse("720p30@2500k,1080p60@6000k");
    assert_int_equal(ladder.count, 2);
    assert_int_equal(ladder.entries[0].height, 1080);
    assert_int_equal(ladder.entries[0].fps, 60);
    assert_int_equal(ladder.entries[0].kbps, 6000);
    assert_int_equal(ladder.entries[1].height, 720);
    assert_int_equal(ph_ladder_most_fps(&ladder), 60);
}

static void refuses_with_the_entry_and_the_form(void **state) {
    (void)state;
    static const char *const wrong[] = {"", ",", "1080p30@4500k,", "1080", "1080p30", "1080p30@4500",
        "1080p30@4500kk", "p30@4500k", "1080p@4500k", "-1p30@4500k", "1080p30@4500k 720p30@2500k",
        "63p30@4500k", "2305p30@4500k", "1080p0@4500k", "1080p61@4500k", "1080p30@49k", "1080p30@100001k",
        "1080p30@9999999999k", "108000000p30@1000k"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ph_ladder ladder;
        struct ph_error error = {0};
        assert_int_equal(ph_ladder_parse(wrong[i], &ladder, &error), -EINVAL);
        assert_non_null(strstr(error.text, "1080p30@4500k"));
    }
    struct ph_ladder ladder;
    struct ph_error error = {0};
    assert_int_equal(ph_ladder_parse("720p30@2500k,72Op30@2500k", &ladder, &error), -EINVAL);
    assert_non_null(strstr(error.text, "72Op30@2500k"));
}

static void refuses_a_height_twice_and_too_many_entries(void **state) {
    (void)state;
    struct ph_ladder ladder;
    assert_int_equal(ph_ladder_parse("720p30@2500k,720p60@3500k", &ladder, NULL), -EINVAL);
    assert_int_equal(
        ph_ladder_parse(
            "64p1@50k,66p1@50k,68p1@50k,70p1@50k,72p1@50k,74p1@50k,76p1@50k,78p1@50k", &ladder, NULL),
        -EINVAL);
}

static void a_1080p_source_gets_the_whole_ladder(void **state) {
    (void)state;
    struct ph_ladder_plan plan = plan_for(usual, 1920, 1080, (struct ph_rational){30, 1});
    assert_int_equal(plan.count, 2);
    assert_rendition(&plan.renditions[0], "v1080", 1920, 1080);
    assert_rendition(&plan.renditions[1], "v720", 1280, 720);
    assert_int_equal(plan.renditions[0].bitrate, 4500000);
    assert_int_equal(plan.renditions[1].bitrate, 2500000);
    assert_int_equal(plan.renditions[0].step, 1);
}

static void nothing_is_larger_than_the_source(void **state) {
    (void)state;
    struct ph_rational thirty = {30, 1};
    struct ph_ladder_plan plan = plan_for(usual, 1280, 720, thirty);
    assert_int_equal(plan.count, 1);
    assert_rendition(&plan.renditions[0], "v720", 1280, 720);
    plan = plan_for(usual, 640, 480, thirty);
    assert_int_equal(plan.count, 1);
    assert_rendition(&plan.renditions[0], "v720", 640, 480);
    plan = plan_for(usual, 1600, 900, thirty);
    assert_int_equal(plan.count, 2);
    assert_rendition(&plan.renditions[0], "v1080", 1600, 900);
    assert_rendition(&plan.renditions[1], "v720", 1280, 720);
    assert_true(plan.renditions[0].bitrate < 4500000 && plan.renditions[0].bitrate > 2500000);
}

static void larger_sources_are_scaled_down(void **state) {
    (void)state;
    struct ph_rational thirty = {30, 1};
    struct ph_ladder_plan plan = plan_for(usual, 3840, 2160, thirty);
    assert_rendition(&plan.renditions[0], "v1080", 1920, 1080);
    plan = plan_for(usual, 1832, 1920, thirty);
    assert_rendition(&plan.renditions[0], "v1080", 1080, 1132);
}

static void a_portrait_source_fits_by_its_shorter_side(void **state) {
    (void)state;
    struct ph_ladder_plan plan = plan_for(usual, 1080, 1920, (struct ph_rational){30, 1});
    assert_rendition(&plan.renditions[0], "v1080", 1080, 1920);
    assert_rendition(&plan.renditions[1], "v720", 720, 1280);
}

static void sizes_are_even_and_encodable(void **state) {
    (void)state;
    struct ph_ladder_plan plan = plan_for(usual, 2, 2304, (struct ph_rational){30, 1});
    assert_rendition(&plan.renditions[0], "v720", 16, 2304);
    plan = plan_for("333p30@1000k", 1919, 1079, (struct ph_rational){30, 1});
    assert_int_equal(plan.renditions[0].width % 2, 0);
    assert_int_equal(plan.renditions[0].height, 334);
}

static void a_slower_entry_takes_every_second_frame_of_an_even_part(void **state) {
    (void)state;
    struct ph_ladder_plan plan =
        plan_for("1080p60@6000k,720p30@2500k", 1920, 1080, (struct ph_rational){60000, 1001});
    assert_int_equal(plan.renditions[0].step, 1);
    assert_int_equal(plan.renditions[1].step, 2);
    assert_int_equal(plan.renditions[1].rate.num, 30000);
    assert_int_equal(plan.renditions[1].rate.den, 1001);
    assert_int_equal(plan.grid.frames_per_part, 12);

    struct ph_ladder ladder = parse("1080p60@6000k,720p30@2500k,360p20@800k");
    struct ph_source_description source = {1920, 1080, {{60, 1}, 15, 8}};
    ph_ladder_plan_make(&ladder, &source, &plan);
    assert_int_equal(plan.renditions[2].step, 3);
    assert_int_equal(plan.grid.frames_per_part, 18);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_entries_highest_first),
        cmocka_unit_test(refuses_with_the_entry_and_the_form),
        cmocka_unit_test(refuses_a_height_twice_and_too_many_entries),
        cmocka_unit_test(a_1080p_source_gets_the_whole_ladder),
        cmocka_unit_test(nothing_is_larger_than_the_source),
        cmocka_unit_test(larger_sources_are_scaled_down),
        cmocka_unit_test(a_portrait_source_fits_by_its_shorter_side),
        cmocka_unit_test(sizes_are_even_and_encodable),
        cmocka_unit_test(a_slower_entry_takes_every_second_frame_of_an_even_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
