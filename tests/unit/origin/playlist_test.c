#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "origin/playlist.h"
#include "origin/playlist_lines.h"
#include "tests/unit/origin/example.h"
#include "tests/unit/support/allocation_failure.h"

static const struct ph_playlist_part three_parts[] = {
    {6000, true, false}, {6000, false, false}, {6000, false, false}};

static char *render(const struct ph_playlist *playlist, enum ph_skip skip) {
    struct ph_builder builder = {0};
    ph_playlist_write_media(&builder, playlist, skip);
    return ph_builder_finish_string(&builder);
}

static void expect_text(const struct ph_playlist *playlist, enum ph_skip skip, const char *wanted) {
    char *text = render(playlist, skip);
    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
}

static void multivariant_lists_variants_by_bandwidth_with_their_audio(void **state) {
    (void)state;
    struct ph_publication publication = example_publication(10);
    publication.track_count = 3;
    publication.tracks[2] = publication.tracks[1];
    publication.tracks[1] = publication.tracks[0];
    strcpy(publication.tracks[0].name, "v1080");
    strcpy(publication.tracks[0].codecs, "avc1.64002a");
    publication.tracks[0].bandwidth = 5000000;
    publication.tracks[0].average_bandwidth = 4500000;
    publication.tracks[0].width = 1920;
    publication.tracks[0].height = 1080;
    publication.tracks[0].rate = (struct ph_rational){60000, 1001};
    struct ph_builder builder = {0};
    ph_playlist_write_multivariant(&builder, &publication, false);
    char *text = ph_builder_finish_string(&builder);
    assert_string_equal(text,
        "#EXTM3U\n"
        "#EXT-X-VERSION:9\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT="
        "YES,"
        "CHANNELS=\"2\",URI=\"audio/index.m3u8\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3160000,AVERAGE-BANDWIDTH=2628000,CODECS=\"avc1.64001f,mp4a.40.2\","
        "RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE\n"
        "v720/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=5160000,AVERAGE-BANDWIDTH=4628000,CODECS=\"avc1.64002a,mp4a.40.2\","
        "RESOLUTION=1920x1080,FRAME-RATE=59.940,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE\n"
        "v1080/index.m3u8\n");
    free(text);
}

static void a_private_session_lets_each_player_put_in_its_token(void **state) {
    (void)state;
    struct ph_publication publication = example_publication(3);
    publication.is_private = true;
    struct ph_builder builder = {0};
    ph_playlist_write_multivariant(&builder, &publication, false);
    char *text = ph_builder_finish_string(&builder);
    assert_non_null(strstr(text,
        "#EXTM3U\n#EXT-X-VERSION:11\n#EXT-X-DEFINE:QUERYPARAM=\"token\"\n#EXT-X-INDEPENDENT-SEGMENTS\n"));
    assert_non_null(strstr(text, ",URI=\"audio/index.m3u8?token={$token}\"\n"));
    assert_non_null(strstr(text, "\nv720/index.m3u8?token={$token}\n"));
    free(text);
    struct ph_playlist_segment segment = {
        .number = 7, .duration_ticks = 18000, .closed = true, .parts = three_parts, .part_count = 3};
    struct ph_playlist playlist = {.publication = &publication,
        .track = &publication.tracks[0],
        .edge = {.any = true, .closed = true, .newest = {7, 2}},
        .segments = &segment,
        .segment_count = 1,
        .reports = {{"audio", {7, 2}}},
        .report_count = 1};
    text = render(&playlist, PH_SKIP_NONE);
    assert_non_null(strstr(text, "#EXT-X-VERSION:11\n#EXT-X-DEFINE:QUERYPARAM=\"token\"\n"));
    assert_non_null(strstr(text, "#EXT-X-MAP:URI=\"init.mp4?token={$token}\"\n"));
    assert_non_null(strstr(text, ",URI=\"7.0.m4s?token={$token}\",INDEPENDENT=YES\n"));
    assert_non_null(strstr(text, "\n7.m4s?token={$token}\n"));
    assert_non_null(strstr(text, "TYPE=PART,URI=\"8.0.m4s?token={$token}\"\n"));
    assert_non_null(strstr(text, "URI=\"../audio/index.m3u8?token={$token}\",LAST-MSN=7,LAST-PART=2\n"));
    free(text);
}

static void multivariant_of_audio_alone(void **state) {
    (void)state;
    struct ph_publication publication = example_publication(10);
    publication.tracks[0] = publication.tracks[1];
    publication.track_count = 1;
    struct ph_builder builder = {0};
    ph_playlist_write_multivariant(&builder, &publication, false);
    char *text = ph_builder_finish_string(&builder);
    assert_string_equal(text,
        "#EXTM3U\n"
        "#EXT-X-VERSION:9\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=160000,AVERAGE-BANDWIDTH=128000,CODECS=\"mp4a.40.2\"\n"
        "audio/index.m3u8\n");
    free(text);
}

static void a_live_playlist_with_an_open_segment(void **state) {
    (void)state;
    const struct ph_publication publication = example_publication(3);
    const struct ph_playlist_segment segments[] = {
        {.number = 4, .start_ticks = 72000, .duration_ticks = 18000, .closed = true},
        {.number = 5,
            .start_ticks = 90000,
            .duration_ticks = 18000,
            .closed = true,
            .parts = three_parts,
            .part_count = 3},
        {.number = 6, .start_ticks = 108000, .duration_ticks = 12000, .parts = three_parts, .part_count = 2},
    };
    const struct ph_playlist playlist = {
        .publication = &publication,
        .track = &publication.tracks[0],
        .edge = {.any = true, .newest = {6, 1}},
        .segments = segments,
        .segment_count = 3,
        .reports = {{"audio", {6, 0}}},
        .report_count = 1,
    };
    expect_text(&playlist, PH_SKIP_SEGMENTS,
        "#EXTM3U\n"
        "#EXT-X-VERSION:9\n"
        "#EXT-X-TARGETDURATION:1\n"
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,HOLD-BACK=3.0,PART-HOLD-BACK=0.642\n"
        "#EXT-X-PART-INF:PART-TARGET=0.214\n"
        "#EXT-X-MEDIA-SEQUENCE:4\n"
        "#EXT-X-MAP:URI=\"init.mp4\"\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:08.078Z\n"
        "#EXTINF:0.6,\n"
        "4.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:08.678Z\n"
        "#EXT-X-PART:DURATION=0.2,URI=\"5.0.m4s\",INDEPENDENT=YES\n"
        "#EXT-X-PART:DURATION=0.2,URI=\"5.1.m4s\"\n"
        "#EXT-X-PART:DURATION=0.2,URI=\"5.2.m4s\"\n"
        "#EXTINF:0.6,\n"
        "5.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.278Z\n"
        "#EXT-X-PART:DURATION=0.2,URI=\"6.0.m4s\",INDEPENDENT=YES\n"
        "#EXT-X-PART:DURATION=0.2,URI=\"6.1.m4s\"\n"
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"6.2.m4s\"\n"
        "#EXT-X-RENDITION-REPORT:URI=\"../audio/index.m3u8\",LAST-MSN=6,LAST-PART=0\n");
}

static void an_ended_playlist_with_a_gap_and_a_short_last_segment(void **state) {
    (void)state;
    const struct ph_publication publication = example_publication(3);
    const struct ph_playlist_part with_gap[] = {
        {6000, true, false}, {6000, true, true}, {6000, false, false}};
    const struct ph_playlist_segment segments[] = {
        {.number = 0,
            .duration_ticks = 18000,
            .closed = true,
            .gap = true,
            .parts = with_gap,
            .part_count = 3},
        {.number = 1,
            .start_ticks = 18000,
            .duration_ticks = 6000,
            .closed = true,
            .parts = three_parts,
            .part_count = 1},
    };
    const struct ph_playlist playlist = {
        .publication = &publication,
        .track = &publication.tracks[0],
        .edge = {.any = true, .newest = {1, 0}, .closed = true, .ended = true},
        .segments = segments,
        .segment_count = 2,
        .reports = {{"audio", {1, 0}}},
        .report_count = 1,
    };
    expect_text(&playlist, PH_SKIP_NONE,
        "#EXTM3U\n"
        "#EXT-X-VERSION:9\n"
        "#EXT-X-TARGETDURATION:1\n"
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,HOLD-BACK=3.0,PART-HOLD-BACK=0.642\n"
        "#EXT-X-PART-INF:PART-TARGET=0.214\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-MAP:URI=\"init.mp4\"\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z\n"
        "#EXT-X-PART:DURATION=0.2,URI=\"0.0.m4s\",INDEPENDENT=YES\n"
        "#EXT-X-PART:DURATION=0.2,URI=\"0.1.m4s\",GAP=YES\n"
        "#EXT-X-PART:DURATION=0.2,URI=\"0.2.m4s\"\n"
        "#EXT-X-GAP\n"
        "#EXTINF:0.6,\n"
        "0.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:06.278Z\n"
        "#EXT-X-PART:DURATION=0.2,URI=\"1.0.m4s\",INDEPENDENT=YES\n"
        "#EXTINF:0.2,\n"
        "1.m4s\n"
        "#EXT-X-ENDLIST\n");
}

enum { most_segments = 40 };

static struct ph_playlist long_playlist(const struct ph_publication *publication,
    struct ph_playlist_segment segments[most_segments], uint64_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        segments[i] = (struct ph_playlist_segment){.number = first + i,
            .start_ticks = (int64_t)(first + i) * 60000,
            .duration_ticks = 60000,
            .closed = true};
    return (struct ph_playlist){
        .publication = publication,
        .track = &publication->tracks[0],
        .edge = {.any = true, .newest = {first + count - 1, 9}, .closed = true},
        .segments = segments,
        .segment_count = count,
    };
}

static void only_what_lies_beyond_the_skip_boundary_is_skipped(void **state) {
    (void)state;
    const struct ph_publication publication = example_publication(10);
    struct ph_playlist_segment segments[most_segments];
    for (uint32_t count = 0; count <= 12; count++) {
        struct ph_playlist playlist = long_playlist(&publication, segments, 100, count);
        /* Six segments of 2 s make the boundary of 12 s. */
        assert_int_equal(ph_playlist_skippable(&playlist), count > 6 ? count - 6 : 0);
    }
    struct ph_playlist playlist = long_playlist(&publication, segments, 100, 10);
    segments[9].closed = false; /* what is open does not count */
    assert_int_equal(ph_playlist_skippable(&playlist), 3);
    playlist.edge.ended = true;
    assert_int_equal(ph_playlist_skippable(&playlist), 0);
}

/* The lines of `older` that belong to `count` segments from number `first`: from the date to the URI. */
static const char *segment_lines(const char *text, uint64_t first, uint32_t count, size_t *size) {
    char uri[32];
    snprintf(uri, sizeof(uri), "\n%llu.m4s\n", (unsigned long long)first);
    const char *start = strstr(text, uri);
    assert_non_null(start);
    while (strncmp(start, "#EXT-X-PROGRAM-DATE-TIME", 24) != 0)
        start--;
    snprintf(uri, sizeof(uri), "\n%llu.m4s\n", (unsigned long long)first + count - 1);
    const char *end = strstr(start, uri);
    assert_non_null(end);
    *size = (size_t)(end + strlen(uri) - start);
    return start;
}

static void a_delta_applied_to_an_older_playlist_equals_the_full_one(void **state) {
    (void)state;
    const struct ph_publication publication = example_publication(10);
    for (uint32_t count = 7; count < 30; count++) {
        struct ph_playlist_segment before[most_segments], after[most_segments];
        struct ph_playlist older = long_playlist(&publication, before, 50, count);
        struct ph_playlist newer = long_playlist(&publication, after, 51, count);
        char *old_text = render(&older, PH_SKIP_NONE);
        char *full = render(&newer, PH_SKIP_NONE);
        char *delta = render(&newer, PH_SKIP_SEGMENTS);
        assert_true(strlen(delta) < strlen(full));

        char *skip = strstr(delta, "#EXT-X-SKIP:SKIPPED-SEGMENTS=");
        assert_non_null(skip);
        char *rest = NULL;
        uint32_t skipped = (uint32_t)strtoul(skip + 29, &rest, 10);
        size_t size = 0;
        const char *lines = segment_lines(old_text, 51, skipped, &size);
        char *joined = malloc(strlen(full) + 1000);
        assert_non_null(joined);
        sprintf(joined, "%.*s#EXT-X-MAP:URI=\"init.mp4\"\n%.*s%s", (int)(skip - delta), delta, (int)size,
            lines, rest + 1);
        assert_string_equal(joined, full);
        free(joined);
        free(delta);
        free(full);
        free(old_text);
    }
}

/* Frames per part at about 0.2 s, for every rate: durations are exact and never printed above PART-TARGET. */
static void every_rate_prints_exact_durations(void **state) {
    (void)state;
    const struct {
        struct ph_rational rate;
        uint32_t frames, timescale;
        const char *part, *segment;
    } rates[] = {
        {{24, 1}, 5, 24000, "0.208333", "2.083333"},
        {{24000, 1001}, 5, 24000, "0.208542", "2.085417"},
        {{25, 1}, 5, 25000, "0.2", "2.0"},
        {{30000, 1001}, 6, 30000, "0.2002", "2.002"},
        {{30, 1}, 6, 30000, "0.2", "2.0"},
        {{50, 1}, 10, 50000, "0.2", "2.0"},
        {{60000, 1001}, 12, 60000, "0.2002", "2.002"},
        {{60, 1}, 12, 60000, "0.2", "2.0"},
    };
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct ph_publication publication = example_publication(10);
        uint32_t ticks = (uint32_t)((uint64_t)rates[i].frames * rates[i].timescale *
                                    (uint32_t)rates[i].rate.den / (uint32_t)rates[i].rate.num);
        publication.tracks[0].timescale = rates[i].timescale;
        const struct ph_playlist_part parts[] = {{ticks, true, false}};
        const struct ph_playlist_segment segment = {
            .duration_ticks = ticks * 10, .closed = true, .parts = parts, .part_count = 1};
        const struct ph_playlist playlist = {.publication = &publication,
            .track = &publication.tracks[0],
            .edge = {.any = true, .closed = true},
            .segments = &segment,
            .segment_count = 1};
        char wanted[128];
        char *text = render(&playlist, PH_SKIP_NONE);
        snprintf(wanted, sizeof(wanted),
            "#EXT-X-PART:DURATION=%s,URI=\"0.0.m4s\",INDEPENDENT=YES\n#EXTINF:%s,\n", rates[i].part,
            rates[i].segment);
        assert_non_null(strstr(text, wanted));
        free(text);
    }
}

static void dates_stay_exact_over_days(void **state) {
    (void)state;
    struct ph_publication publication = example_publication(10);
    publication.tracks[0].timescale = 60000;
    /* 59.94 fps: frame 5,178,816 after a day of 86,400.0 s less a frame; ticks are 1001 a frame. */
    const struct ph_playlist_segment segment = {
        .number = 43200, .start_ticks = INT64_C(5178816) * 1001, .duration_ticks = 120120, .closed = true};
    const struct ph_playlist playlist = {.publication = &publication,
        .track = &publication.tracks[0],
        .edge = {.any = true, .closed = true, .newest = {43200, 9}},
        .segments = &segment,
        .segment_count = 1};
    char *text = render(&playlist, PH_SKIP_NONE);
    /* 5178816 × 1001 / 60000 = 86399.9136 s after 03:04:05.678 */
    assert_non_null(strstr(text, "#EXT-X-PROGRAM-DATE-TIME:2026-01-03T03:04:05.592Z\n"));
    free(text);
}

static int render_once(void *opaque) {
    char *text = render(opaque, PH_SKIP_SEGMENTS);
    free(text);
    return text ? 0 : -ENOMEM;
}

static void rendering_survives_failing_allocations(void **state) {
    (void)state;
    const struct ph_publication publication = example_publication(10);
    struct ph_playlist_segment segments[most_segments];
    struct ph_playlist playlist = long_playlist(&publication, segments, 0, 12);
    ph_test_with_failing_allocations(render_once, &playlist);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multivariant_lists_variants_by_bandwidth_with_their_audio),
        cmocka_unit_test(a_private_session_lets_each_player_put_in_its_token),
        cmocka_unit_test(multivariant_of_audio_alone),
        cmocka_unit_test(a_live_playlist_with_an_open_segment),
        cmocka_unit_test(an_ended_playlist_with_a_gap_and_a_short_last_segment),
        cmocka_unit_test(only_what_lies_beyond_the_skip_boundary_is_skipped),
        cmocka_unit_test(a_delta_applied_to_an_older_playlist_equals_the_full_one),
        cmocka_unit_test(every_rate_prints_exact_durations),
        cmocka_unit_test(dates_stay_exact_over_days),
        cmocka_unit_test(rendering_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
