#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/media/track.h"

static const struct ph_publication example = {
    .epoch_utc_us = 1795232249750123,
    .grid_rate = {30000, 1001},
    .frames_per_part = 6,
    .parts_per_segment = 10,
    .part_target_us = 214000,
    .target_duration_s = 2,
    .is_recorded = true,
    .track_count = 2,
    .tracks =
        {
            {.name = "v1080",
                .kind = PH_TRACK_VIDEO,
                .codecs = "avc1.64002a",
                .timescale = 30000,
                .bandwidth = 5000000,
                .average_bandwidth = 4500000,
                .width = 1920,
                .height = 1080,
                .rate = {30000, 1001}},
            {.name = "audio",
                .kind = PH_TRACK_AUDIO,
                .codecs = "mp4a.40.2",
                .timescale = 48000,
                .bandwidth = 160000,
                .average_bandwidth = 128000,
                .channels = 2,
                .language = "und"},
        },
};

static void a_publication_survives_its_json(void **state) {
    (void)state;
    struct ph_publication read;
    struct ph_error error;
    char *text = ph_publication_to_json(&example);
    assert_non_null(text);
    assert_int_equal(ph_publication_from_json(text, strlen(text), &read, &error), 0);
    assert_memory_equal(&read, &example, sizeof(read));
    free(text);
}

/* The example's JSON with one text in it replaced. */
static int read_changed(
    const char *from, const char *to, struct ph_publication *read, struct ph_error *error) {
    char *text = ph_publication_to_json(&example);
    assert_non_null(text);
    char *at = strstr(text, from);
    assert_non_null(at);
    char changed[4096];
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    return ph_publication_from_json(changed, strlen(changed), read, error);
}

static int parse_changed(const char *from, const char *to, struct ph_error *error) {
    struct ph_publication read;
    return read_changed(from, to, &read, error);
}

static void what_does_not_say_so_is_recorded_and_no_private(void **state) {
    (void)state;
    struct ph_publication read;
    struct ph_error error;
    assert_int_equal(read_changed("\"is_private\":false,\"is_recorded\":true,", "", &read, &error), 0);
    assert_true(read.is_recorded);
    assert_false(read.is_private);
    assert_int_equal(read_changed("\"is_recorded\":true", "\"is_recorded\":false", &read, &error), 0);
    assert_false(read.is_recorded);
    assert_int_equal(read_changed("\"is_recorded\":true", "\"is_recorded\":1", &read, &error), -EINVAL);
}

static void every_range_is_checked_and_named(void **state) {
    (void)state;
    const char *const wrong[][3] = {
        {"\"epoch_utc_us\":1795232249750123", "\"epoch_utc_us\":-1", "epoch_utc_us"},
        {"\"epoch_utc_us\":1795232249750123", "\"epoch_utc_us\":1.5", "epoch_utc_us"},
        {"\"num\":30000", "\"num\":0", "grid_rate"},
        {"\"den\":1001", "\"den\":-1001", "grid_rate"},
        {"\"num\":30000", "\"num\":300000", "grid_rate"},
        {"\"frames_per_part\":6", "\"frames_per_part\":0", "frames_per_part"},
        {"\"frames_per_part\":6", "\"frames_per_part\":7", "part_target_us"},
        {"\"parts_per_segment\":10", "\"parts_per_segment\":101", "parts_per_segment"},
        {"\"parts_per_segment\":10", "\"parts_per_segment\":13", "target_duration_s"},
        {"\"part_target_us\":214000", "\"part_target_us\":0", "part_target_us"},
        {"\"target_duration_s\":2", "\"target_duration_s\":0", "target_duration_s"},
        {"\"name\":\"v1080\"", "\"name\":\"V1080\"", "tracks[0].name"},
        {"\"name\":\"v1080\"", "\"name\":\"\"", "tracks[0].name"},
        {"\"name\":\"v1080\"", "\"name\":\"../../etc\"", "tracks[0].name"},
        {"\"name\":\"v1080\"", "\"name\":\"abcdefghijklmnop\"", "tracks[0].name"},
        {"\"name\":\"v1080\"", "\"name\":\"audio\"", "tracks[1].name"},
        {"\"kind\":\"video\"", "\"kind\":\"text\"", "tracks[0].kind"},
        {"\"codecs\":\"avc1.64002a\"", "\"codecs\":\"a\\\"b\"", "tracks[0].codecs"},
        {"\"timescale\":30000", "\"timescale\":0", "tracks[0].timescale"},
        {"\"bandwidth\":5000000", "\"bandwidth\":0", "tracks[0].bandwidth"},
        {"\"average_bandwidth\":4500000", "\"average_bandwidth\":5000001", "tracks[0].average_bandwidth"},
        {"\"width\":1920", "\"width\":0", "tracks[0].width"},
        {"\"height\":1080", "\"height\":99999", "tracks[0].height"},
        {"\"channels\":2", "\"channels\":9", "tracks[1].channels"},
        {"\"language\":\"und\"", "\"language\":\"u\\nd\"", "tracks[1].language"},
        {"\"language\":\"und\"", "\"language\":7", "tracks[1].language"},
        {"\"tracks\":[", "\"track\":[", "tracks"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ph_error error = {.text = ""};
        assert_int_equal(parse_changed(wrong[i][0], wrong[i][1], &error), -EINVAL);
        assert_non_null(strstr(error.text, wrong[i][2]));
    }
}

static void text_that_is_no_publication_is_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"", "null", "[]", "{}", "{", "\"x\"", "{\"tracks\":[]}", "\xff\xfe"};
    struct ph_publication read;
    struct ph_error error;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(ph_publication_from_json(wrong[i], strlen(wrong[i]), &read, &error), -EINVAL);
}

static void positions_are_ordered_by_segment_then_part(void **state) {
    (void)state;
    const struct ph_part_position ascending[] = {{0, 0}, {0, 1}, {1, 0}, {1, 9}, {2, 0}};
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++) {
            int order = ph_part_position_compare(ascending[i], ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

static void media_names_are_read(void **state) {
    (void)state;
    struct ph_media_file file;
    assert_int_equal(ph_media_file_parse("index.m3u8", &file), 0);
    assert_int_equal(file.kind, PH_FILE_PLAYLIST);
    assert_int_equal(ph_media_file_parse("init.mp4", &file), 0);
    assert_int_equal(file.kind, PH_FILE_INIT);
    assert_int_equal(ph_media_file_parse("0.m4s", &file), 0);
    assert_int_equal(file.kind, PH_FILE_SEGMENT);
    assert_int_equal(ph_media_file_parse("9007199254740992.m4s", &file), 0);
    assert_true(file.position.segment == UINT64_C(1) << 53);
    assert_int_equal(ph_media_file_parse("17.4.m4s", &file), 0);
    assert_int_equal(file.kind, PH_FILE_PART);
    assert_int_equal(file.position.segment, 17);
    assert_int_equal(file.position.part, 4);
}

static void other_names_are_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"", ".", "..", "m4s", ".m4s", "1.m4", "1.m4sx", "01.m4s", "1.02.m4s",
        "-1.m4s", "+1.m4s", " 1.m4s", "1 .m4s", "1..m4s", "1.2.3.m4s", "9007199254740993.m4s",
        "99999999999999999999999.m4s", "1.4294967296.m4s", "1.2.mp4", "Init.mp4", "init.mp4 ", "index.m3u",
        "1/2.m4s", "x1.m4s"};
    struct ph_media_file file;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(ph_media_file_parse(wrong[i], &file), -EINVAL);
}

static void standings_survive_their_json(void **state) {
    (void)state;
    const struct ph_track_standing standings[] = {
        {.name = "v1080", .next = {7, 3}, .durable_segment = 7, .has_init = true},
        {.name = "audio", .next = {UINT64_C(1) << 53, UINT32_MAX}, .durable_segment = 0, .has_init = false},
    };
    struct ph_track_standing read[PH_MOST_TRACKS] = {0};
    struct ph_error error;
    uint32_t count = 0;
    char *text = ph_standings_to_json(standings, 2);
    assert_non_null(text);
    assert_int_equal(ph_standings_from_json(text, strlen(text), read, &count, &error), 0);
    assert_int_equal(count, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(read[i].name, standings[i].name);
        assert_int_equal(ph_part_position_compare(read[i].next, standings[i].next), 0);
        assert_true(read[i].durable_segment == standings[i].durable_segment);
        assert_int_equal(read[i].has_init, standings[i].has_init);
    }
    free(text);
}

static void wrong_standings_are_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"", "{}", "{\"tracks\":{}}", "{\"tracks\":[1]}",
        "{\"tracks\":[{\"name\":\"a\"}]}",
        "{\"tracks\":[{\"name\":\"a\",\"next\":{\"segment\":-1,\"part\":0},\"durable\":0,\"init\":true}]}",
        "{\"tracks\":[{\"name\":\"a\",\"next\":{\"segment\":1,\"part\":0},\"durable\":0,\"init\":1}]}",
        "{\"tracks\":[0,0,0,0,0,0,0,0,0]}"};
    struct ph_track_standing read[PH_MOST_TRACKS];
    struct ph_error error;
    uint32_t count;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(ph_standings_from_json(wrong[i], strlen(wrong[i]), read, &count, &error), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_survives_its_json),
        cmocka_unit_test(what_does_not_say_so_is_recorded_and_no_private),
        cmocka_unit_test(every_range_is_checked_and_named),
        cmocka_unit_test(text_that_is_no_publication_is_refused),
        cmocka_unit_test(positions_are_ordered_by_segment_then_part),
        cmocka_unit_test(media_names_are_read),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(standings_survive_their_json),
        cmocka_unit_test(wrong_standings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
