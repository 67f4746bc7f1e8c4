#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "origin/vod/playlists.h"
#include "tests/unit/origin/example.h"
#include "tests/unit/support/allocation_failure.h"

/* Segments of 2 s and 1 s at 30,000 ticks, and sound of 93 or 94 frames. */
static struct ph_manifest_segment of_video[] = {
    {.number = 0, .start_ticks = 0, .duration_ticks = 60000, .bytes = 500000, .key_bytes = 90000},
    {.number = 1, .start_ticks = 60000, .duration_ticks = 60000, .flags = PH_MANIFEST_GAP},
    {.number = 2, .start_ticks = 120000, .duration_ticks = 60000, .bytes = 250000, .key_bytes = 50000},
    {.number = 3, .start_ticks = 180000, .duration_ticks = 30000, .bytes = 250001, .key_bytes = 50000},
};
static struct ph_manifest_segment of_audio[] = {
    {.number = 0, .duration_ticks = 96256, .bytes = 32000},
    {.number = 1,
        .start_ticks = 96256,
        .duration_ticks = 95232,
        .bytes = 31000,
        .flags = PH_MANIFEST_DISCONTINUITY},
};

static struct ph_manifest example_manifest(void) {
    return (struct ph_manifest){
        .id = "abc",
        .publication = example_publication(10),
        .tracks = {{.segments = of_video, .count = 4}, {.segments = of_audio, .count = 2}},
    };
}

typedef void ph_writer(
    struct ph_builder *builder, const struct ph_manifest *manifest, const struct ph_publication *publication);

static void multivariant(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication) {
    ph_vod_write_multivariant(builder, manifest, publication);
}

static void media_of_video(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication) {
    ph_vod_write_media(builder, manifest, publication, 0);
}

static void media_of_audio(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication) {
    ph_vod_write_media(builder, manifest, publication, 1);
}

static void key_frames(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication) {
    ph_vod_write_key_frames(builder, manifest, publication, 0);
}

static char *write(ph_writer *writer) {
    struct ph_manifest manifest = example_manifest();
    struct ph_publication publication = ph_vod_publication(&manifest);
    struct ph_builder builder = {0};
    writer(&builder, &manifest, &publication);
    return ph_builder_finish_string(&builder);
}

static void expect_text(ph_writer *writer, const char *wanted) {
    char *text = write(writer);
    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
}

static void the_multivariant_tells_what_the_segments_really_need(void **state) {
    (void)state;
    /* Video: 1,000,001 bytes in 7 s; the last two segments last 3 s and have 500,001 bytes, the last alone
     * 250,001 in 1 s. Sound: 63,000 bytes in 191,488 samples, 32,000 in 96,256. */
    expect_text(multivariant,
        "#EXTM3U\n"
        "#EXT-X-VERSION:11\n"
        "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT="
        "YES,CHANNELS=\"2\",URI=\"audio/index.m3u8?token={$token}\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=2127668,AVERAGE-BANDWIDTH=1269196,CODECS=\"avc1.64001f,mp4a.40.2\","
        "RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE\n"
        "v720/index.m3u8?token={$token}\n"
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=217143,CODECS=\"avc1.64001f\","
        "RESOLUTION=1280x720,URI=\"v720/iframes.m3u8?token={$token}\"\n");
}

static void a_media_playlist_lists_all_and_ends(void **state) {
    (void)state;
    expect_text(media_of_video, "#EXTM3U\n"
                                "#EXT-X-VERSION:11\n"
                                "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n"
                                "#EXT-X-TARGETDURATION:2\n"
                                "#EXT-X-PLAYLIST-TYPE:VOD\n"
                                "#EXT-X-MEDIA-SEQUENCE:0\n"
                                "#EXT-X-MAP:URI=\"init.mp4?token={$token}\"\n"
                                "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z\n"
                                "#EXTINF:2.0,\n"
                                "0.m4s?token={$token}\n"
                                "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.678Z\n"
                                "#EXT-X-GAP\n"
                                "#EXTINF:2.0,\n"
                                "1.m4s?token={$token}\n"
                                "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.678Z\n"
                                "#EXTINF:2.0,\n"
                                "2.m4s?token={$token}\n"
                                "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:11.678Z\n"
                                "#EXTINF:1.0,\n"
                                "3.m4s?token={$token}\n"
                                "#EXT-X-ENDLIST\n");
    expect_text(media_of_audio, "#EXTM3U\n"
                                "#EXT-X-VERSION:11\n"
                                "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n"
                                "#EXT-X-TARGETDURATION:2\n"
                                "#EXT-X-PLAYLIST-TYPE:VOD\n"
                                "#EXT-X-MEDIA-SEQUENCE:0\n"
                                "#EXT-X-MAP:URI=\"init.mp4?token={$token}\"\n"
                                "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z\n"
                                "#EXTINF:2.005333,\n"
                                "0.m4s?token={$token}\n"
                                "#EXT-X-DISCONTINUITY\n"
                                "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.683Z\n"
                                "#EXTINF:1.984,\n"
                                "1.m4s?token={$token}\n"
                                "#EXT-X-ENDLIST\n");
}

static void a_key_frame_playlist_has_a_range_of_each_segment(void **state) {
    (void)state;
    expect_text(key_frames, "#EXTM3U\n"
                            "#EXT-X-VERSION:11\n"
                            "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n"
                            "#EXT-X-TARGETDURATION:2\n"
                            "#EXT-X-PLAYLIST-TYPE:VOD\n"
                            "#EXT-X-I-FRAMES-ONLY\n"
                            "#EXT-X-MEDIA-SEQUENCE:0\n"
                            "#EXT-X-MAP:URI=\"init.mp4?token={$token}\"\n"
                            "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z\n"
                            "#EXT-X-BYTERANGE:90000@0\n"
                            "#EXTINF:2.0,\n"
                            "0.m4s?token={$token}\n"
                            "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.678Z\n"
                            "#EXT-X-GAP\n"
                            "#EXTINF:2.0,\n"
                            "1.m4s?token={$token}\n"
                            "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.678Z\n"
                            "#EXT-X-BYTERANGE:50000@0\n"
                            "#EXTINF:2.0,\n"
                            "2.m4s?token={$token}\n"
                            "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:11.678Z\n"
                            "#EXT-X-BYTERANGE:50000@0\n"
                            "#EXTINF:1.0,\n"
                            "3.m4s?token={$token}\n"
                            "#EXT-X-ENDLIST\n");
}

static void what_is_shorter_than_half_a_target_has_its_average_for_its_peak(void **state) {
    (void)state;
    struct ph_manifest manifest = example_manifest();
    struct ph_manifest_segment alone = {.duration_ticks = 1000, .bytes = 1000, .key_bytes = 600};
    manifest.tracks[0].segments = &alone;
    manifest.tracks[0].count = 1;
    assert_int_equal(ph_vod_measure(&manifest, 0, false).peak, 240000);
    assert_int_equal(ph_vod_measure(&manifest, 0, true).average, 144000);
    manifest.tracks[0].count = 0;
    assert_int_equal(ph_vod_measure(&manifest, 0, false).peak, 0);
}

static int write_once(void *opaque) {
    (void)opaque;
    ph_writer *const writers[] = {multivariant, media_of_video, key_frames};
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
        char *text = write(writers[i]);
        if (!text)
            return -ENOMEM;
        free(text);
    }
    return 0;
}

static void writing_survives_failing_allocations(void **state) {
    (void)state;
    ph_test_with_failing_allocations(write_once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_multivariant_tells_what_the_segments_really_need),
        cmocka_unit_test(a_media_playlist_lists_all_and_ends),
        cmocka_unit_test(a_key_frame_playlist_has_a_range_of_each_segment),
        cmocka_unit_test(what_is_shorter_than_half_a_target_has_its_average_for_its_peak),
        cmocka_unit_test(writing_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
