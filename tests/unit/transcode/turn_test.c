#include "transcode/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/display.h>

enum { one = 1 << 16, most_side = 41, stride = 48 };

static void assert_turn(struct ph_turn turn, bool flips_x, bool flips_y, bool transposes) {
    assert_int_equal(turn.flips_x, flips_x);
    assert_int_equal(turn.flips_y, flips_y);
    assert_int_equal(turn.transposes, transposes);
}

static void any_angle_goes_to_the_nearest_quarter(void **state) {
    (void)state;
    for (int angle = -720; angle <= 720; angle++) {
        int32_t matrix[9];
        if (angle % 45 == 0 && angle % 90 != 0)
            continue;
        av_display_rotation_set(matrix, angle); /* clockwise */
        int quarters = ((angle + 720 + 45) / 90) % 4;
        assert_turn(ph_turn_of_matrix(matrix), quarters == 2 || quarters == 3, quarters == 1 || quarters == 2,
            quarters % 2 == 1);
    }
}

static void scale_and_place_do_not_matter(void **state) {
    (void)state;
    const int32_t small[9] = {0, 3, 99, -2, 0, INT32_MIN, INT32_MAX, INT32_MIN, 0};
    assert_turn(ph_turn_of_matrix(small), false, true, true);
    const int32_t mirror[9] = {-5 * one, 0, 0, 0, one / 7, 0, 0, 0, 1 << 30};
    assert_turn(ph_turn_of_matrix(mirror), true, false, false);
}

static void nonsense_is_some_turn_or_none(void **state) {
    (void)state;
    const int32_t zeros[9] = {0};
    assert_true(ph_turn_is_none(ph_turn_of_matrix(zeros)));
    const int32_t least[9] = {INT32_MIN, INT32_MIN, 0, INT32_MIN, INT32_MIN, 0, 0, 0, 0};
    assert_turn(ph_turn_of_matrix(least), true, true, false);
    const int32_t sides[9] = {0, INT32_MIN, 0, INT32_MAX, 0, 0, 0, 0, 0};
    assert_turn(ph_turn_of_matrix(sides), true, false, true);
}

static void a_picture_without_a_whole_matrix_stands_upright(void **state) {
    (void)state;
    AVFrame *picture = av_frame_alloc();
    assert_true(ph_turn_is_none(ph_turn_of(picture)));
    AVFrameSideData *note = av_frame_new_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX, 35);
    memset(note->data, 0x80, 35);
    assert_true(ph_turn_is_none(ph_turn_of(picture)));
    av_frame_free(&picture);
}

static struct ph_shown shown_of(int width, int height, AVRational aspect, double clockwise) {
    AVFrame *picture = av_frame_alloc();
    picture->width = width;
    picture->height = height;
    picture->sample_aspect_ratio = aspect;
    AVFrameSideData *note = av_frame_new_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX, 36);
    int32_t matrix[9];
    av_display_rotation_set(matrix, clockwise);
    memcpy(note->data, matrix, sizeof(matrix));
    struct ph_shown shown = ph_turn_shown(picture);
    av_frame_free(&picture);
    return shown;
}

static void assert_shown(struct ph_shown shown, int width, int height, AVRational aspect) {
    assert_int_equal(shown.width, width);
    assert_int_equal(shown.height, height);
    assert_int_equal(shown.aspect.num, aspect.num);
    assert_int_equal(shown.aspect.den, aspect.den);
}

static void a_quarter_exchanges_the_sides(void **state) {
    (void)state;
    const AVRational unknown = {0, 1}, square = {1, 1}, wide = {4, 3}, high = {3, 4};
    assert_shown(shown_of(1920, 1080, unknown, 0), 1920, 1080, square);
    assert_shown(shown_of(1920, 1080, unknown, 90), 1080, 1920, square);
    assert_shown(shown_of(1440, 1080, wide, 180), 1440, 1080, wide);
    assert_shown(shown_of(1440, 1080, wide, 270), 1080, 1440, high);
}

static void absurd_pixels_are_square(void **state) {
    (void)state;
    static const AVRational absurd[] = {
        {1, INT32_MAX}, {INT32_MAX, 1}, {-4, 3}, {4, -3}, {0, 0}, {INT32_MIN, INT32_MIN}, {100, 1}, {1, 100}};
    for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++)
        assert_shown(shown_of(640, 360, absurd[i], 0), 640, 360, (AVRational){1, 1});
    const AVRational large = {INT32_MAX, INT32_MAX - 1};
    assert_shown(shown_of(640, 360, large, 0), 640, 360, large);
}

static uint8_t value_at(int x, int y) {
    return (uint8_t)(x * 7 + y * 31 + 1);
}

/* Every byte in its place, and none beside. */
static void assert_turned(struct ph_turn turn, int width, int height) {
    static uint8_t from[most_side * stride], to[most_side * stride];
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++)
            from[y * stride + x] = value_at(x, y);
    }
    memset(to, 0, sizeof(to));
    ph_turn_plane(turn, (struct ph_plane){from, stride}, width, height, (struct ph_plane){to, stride});
    int across = turn.transposes ? height : width, down = turn.transposes ? width : height;
    for (int y = 0; y < most_side; y++) {
        for (int x = 0; x < stride; x++) {
            int u = turn.transposes ? y : x, v = turn.transposes ? x : y;
            uint8_t wanted = value_at(turn.flips_x ? width - 1 - u : u, turn.flips_y ? height - 1 - v : v);
            assert_int_equal(to[y * stride + x], x < across && y < down ? wanted : 0);
        }
    }
}

static void planes_of_any_size_are_turned(void **state) {
    (void)state;
    static const int sides[] = {1, 2, 7, 8, 9, 16, 33, 41};
    const size_t count = sizeof(sides) / sizeof(sides[0]);
    for (size_t i = 0; i < count * count; i++) {
        for (int turn = 0; turn < 8; turn++)
            assert_turned((struct ph_turn){turn & 1, turn & 2, turn & 4}, sides[i / count], sides[i % count]);
    }
    assert_turned((struct ph_turn){true, true, true}, 0, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_angle_goes_to_the_nearest_quarter),
        cmocka_unit_test(scale_and_place_do_not_matter),
        cmocka_unit_test(nonsense_is_some_turn_or_none),
        cmocka_unit_test(a_picture_without_a_whole_matrix_stands_upright),
        cmocka_unit_test(a_quarter_exchanges_the_sides),
        cmocka_unit_test(absurd_pixels_are_square),
        cmocka_unit_test(planes_of_any_size_are_turned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
