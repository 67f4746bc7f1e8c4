#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/base/cursor.h"
#include "origin/recording/mp4_writer.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/allocation_failure.h"

struct example {
    struct ph_mp4_track tracks[2]; /* video, audio */
    uint64_t media_bytes;
};

static int begin(struct example *example) {
    *example = (struct example){0};
    int code = 0;
    for (int i = 0; i < 2 && !code; i++) {
        struct ph_init_segment init;
        struct ph_bytes *bytes = example_media_init(i ? PH_TRACK_AUDIO : PH_TRACK_VIDEO);
        code = bytes ? ph_init_segment_read(ph_bytes_slice(bytes), &init) : -ENOMEM;
        if (!code)
            code = ph_mp4_track_init(&example->tracks[i], &init);
        ph_bytes_unref(&bytes);
    }
    return code;
}

static void end(struct example *example) {
    ph_mp4_track_finish(&example->tracks[0]);
    ph_mp4_track_finish(&example->tracks[1]);
}

/* `count` samples of `ticks` each, the first of them sync. */
static int add(struct example *example, int track, int64_t start, uint32_t count, uint32_t ticks) {
    struct ph_media_sample samples[200] = {0};
    for (uint32_t i = 0; i < count; i++)
        samples[i] = (struct ph_media_sample){.bytes = 100 + i, .duration_ticks = ticks, .sync = i == 0};
    const struct ph_media_segment segment = {.samples = samples,
        .count = count,
        .start_ticks = start,
        .duration_ticks = (int64_t)count * ticks,
        .media_bytes = 100 * count + count * (count - 1) / 2};
    if (!ph_mp4_track_accepts(&example->tracks[track], &segment))
        return PH_INVALID_DATA;
    int code = ph_mp4_track_add(&example->tracks[track], &segment, example->media_bytes);
    example->media_bytes += segment.media_bytes;
    return code;
}

static struct ph_mp4 mp4_of(const struct example *example) {
    return (struct ph_mp4){.tracks = {&example->tracks[0], &example->tracks[1]},
        .track_count = 2,
        .media_bytes = example->media_bytes,
        .created_utc_us = INT64_C(1700000000000000),
        .title = "Ein Bär"};
}

/* A cursor behind version and flags of the n-th box of this type. */
static struct ph_cursor open_box(const struct ph_builder *head, const char *type, int n) {
    const uint8_t *at = head->data;
    for (; n >= 0; n--) {
        at = memmem(at, head->size - (size_t)(at - head->data), type, 4);
        assert_non_null(at);
        at += 4;
    }
    return ph_cursor_init((struct ph_slice){at + 4, head->size - (size_t)(at + 4 - head->data)});
}

static uint32_t next(struct ph_cursor *cursor) {
    return ph_cursor_u32(cursor);
}

static void equal_durations_are_one_run(void **state) {
    (void)state;
    struct example example;
    struct ph_builder head = {0};
    assert_int_equal(begin(&example), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(add(&example, 0, i * 60000, 60, 1000), 0);
    assert_int_equal(add(&example, 1, 0, 94, 1024), 0);
    const struct ph_mp4 mp4 = mp4_of(&example);
    assert_int_equal(ph_mp4_write_head(&mp4, 0, &head), 0);
    struct ph_cursor stts = open_box(&head, "stts", 0);
    assert_int_equal(next(&stts), 1);
    assert_int_equal(next(&stts), 300);
    assert_int_equal(next(&stts), 1000);
    struct ph_cursor stsc = open_box(&head, "stsc", 0);
    assert_int_equal(next(&stsc), 1);
    assert_int_equal(next(&stsc), 1);
    assert_int_equal(next(&stsc), 60);
    struct ph_cursor stss = open_box(&head, "stss", 0);
    assert_int_equal(next(&stss), 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(next(&stss), i * 60 + 1);
    struct ph_cursor stsz = open_box(&head, "stsz", 0);
    assert_int_equal(next(&stsz), 0);
    assert_int_equal(next(&stsz), 300);
    assert_int_equal(next(&stsz), 100);
    assert_int_equal(next(&stsz), 101);
    ph_builder_discard(&head);
    end(&example);
}

static void a_missing_segment_keeps_its_time(void **state) {
    (void)state;
    struct example example;
    struct ph_builder durations = {0};
    assert_int_equal(begin(&example), 0);
    assert_int_equal(add(&example, 0, 0, 2, 1000), 0);
    assert_int_equal(add(&example, 0, 7000, 2, 1000), 0);
    assert_int_equal(add(&example, 0, 9000, 1, 500), 0);
    assert_int_equal(ph_mp4_track_duration_entries(&example.tracks[0]), 4);
    ph_mp4_track_write_durations(&example.tracks[0], &durations);
    const uint32_t expected[] = {1, 1000, 1, 6000, 2, 1000, 1, 500};
    struct ph_cursor cursor = ph_cursor_init((struct ph_slice){durations.data, durations.size});
    assert_int_equal(durations.size, sizeof(expected));
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(ph_cursor_u32(&cursor), expected[i]);
    assert_true(example.tracks[0].end_ticks == 9500);
    ph_builder_discard(&durations);
    end(&example);
}

static void what_overlaps_is_not_accepted(void **state) {
    (void)state;
    struct example example;
    assert_int_equal(begin(&example), 0);
    assert_int_equal(add(&example, 0, 5000, 2, 1000), 0);
    assert_int_equal(add(&example, 0, 6999, 1, 1000), PH_INVALID_DATA);
    assert_int_equal(add(&example, 0, 7000 + INT64_C(0xFFFFFFFF), 1, 1000), PH_INVALID_DATA);
    assert_int_equal(add(&example, 0, 7000 + INT64_C(0xFFFFFFFF) - 1000, 1, 1000), 0);
    end(&example);
}

static void chunks_lie_behind_head_and_padding(void **state) {
    (void)state;
    struct example example;
    static const uint32_t paddings[] = {0, 8, 1000};
    assert_int_equal(begin(&example), 0);
    assert_int_equal(add(&example, 0, 0, 2, 1000), 0);
    assert_int_equal(add(&example, 1, 0, 3, 1024), 0);
    assert_int_equal(add(&example, 0, 2000, 2, 1000), 0);
    size_t sizes[3];
    for (int i = 0; i < 3; i++) {
        struct ph_builder head = {0};
        const struct ph_mp4 mp4 = mp4_of(&example);
        assert_int_equal(ph_mp4_write_head(&mp4, paddings[i], &head), 0);
        sizes[i] = head.size;
        struct ph_cursor video = open_box(&head, "co64", 0), audio = open_box(&head, "co64", 1);
        assert_int_equal(next(&video), 2);
        assert_true(ph_cursor_u64(&video) == head.size);
        assert_true(ph_cursor_u64(&video) == head.size + 201 + 303);
        assert_int_equal(next(&audio), 1);
        assert_true(ph_cursor_u64(&audio) == head.size + 201);
        assert_memory_equal(head.data + head.size - 12, "mdat", 4);
        struct ph_cursor size = ph_cursor_init((struct ph_slice){head.data + head.size - 8, 8});
        assert_true(ph_cursor_u64(&size) == 16 + example.media_bytes);
        assert_true(ph_mp4_least_head_bytes(&mp4) < head.size);
        ph_builder_discard(&head);
    }
    assert_int_equal(sizes[1], sizes[0] + 8);
    assert_int_equal(sizes[2], sizes[0] + 1000);
    end(&example);
}

static void the_later_track_waits_behind_an_empty_edit(void **state) {
    (void)state;
    struct example example;
    struct ph_builder head = {0};
    assert_int_equal(begin(&example), 0);
    assert_int_equal(add(&example, 0, 30000, 60, 1000), 0);        /* from 1 s to 3 s */
    assert_int_equal(add(&example, 1, 48000 + 1000, 90, 1024), 0); /* 1000 samples later */
    const struct ph_mp4 mp4 = mp4_of(&example);
    assert_int_equal(ph_mp4_write_head(&mp4, 0, &head), 0);
    struct ph_cursor mvhd = open_box(&head, "mvhd", 0);
    ph_cursor_skip(&mvhd, 8);
    assert_true(ph_cursor_u64(&mvhd) == 1700000000 + UINT64_C(2082844800));
    assert_int_equal(next(&mvhd), 240000); /* a multiple of both timescales */
    assert_true(ph_cursor_u64(&mvhd) == 480000);
    struct ph_cursor elst = open_box(&head, "elst", 0);
    assert_int_equal(next(&elst), 2);
    assert_true(ph_cursor_u64(&elst) == 5000);
    assert_true(ph_cursor_u64(&elst) == UINT64_MAX);
    ph_cursor_skip(&elst, 4);
    assert_true(ph_cursor_u64(&elst) == 90 * 1024 * 5);
    assert_true(ph_cursor_u64(&elst) == 0);
    assert_null(memmem(elst.next, (size_t)(elst.end - elst.next), "elst", 4));
    assert_true(ph_mp4_start_us(&mp4) == 1000000);
    assert_true(ph_mp4_duration_us(&mp4) == 2000000);
    ph_builder_discard(&head);
    end(&example);
}

static void a_title_is_cut_between_characters(void **state) {
    (void)state;
    struct example example;
    struct ph_builder head = {0};
    char title[PH_MOST_MP4_TITLE_BYTES + 2];
    memset(title, 'x', sizeof(title));
    memcpy(title + PH_MOST_MP4_TITLE_BYTES - 1, "\xC3\xA4", 3);
    assert_int_equal(begin(&example), 0);
    assert_int_equal(add(&example, 0, 0, 2, 1000), 0);
    struct ph_mp4 mp4 = mp4_of(&example);
    mp4.track_count = 1;
    mp4.title = title;
    assert_int_equal(ph_mp4_write_head(&mp4, 0, &head), 0);
    const uint8_t *data = memmem(head.data, head.size, "data", 4);
    assert_non_null(data);
    assert_memory_equal(data + 12, title, PH_MOST_MP4_TITLE_BYTES - 1);
    assert_int_equal(data[12 + PH_MOST_MP4_TITLE_BYTES - 1], 0); /* the size of what follows */
    ph_builder_discard(&head);
    end(&example);
}

/* Thirty frames a second and 48 kHz audio: what a session's tables take while it lasts. */
static void six_hours_take_less_than_ten_megabytes(void **state) {
    (void)state;
    struct example example;
    assert_int_equal(begin(&example), 0);
    for (int64_t n = 0; n < 10800; n++) {
        int64_t frame = (n * 96000 + 1023) / 1024, after = ((n + 1) * 96000 + 1023) / 1024;
        assert_int_equal(add(&example, 0, n * 60000, 60, 1000), 0);
        assert_int_equal(add(&example, 1, frame * 1024, (uint32_t)(after - frame), 1024), 0);
    }
    const struct ph_mp4 mp4 = mp4_of(&example);
    assert_true(ph_mp4_least_head_bytes(&mp4) < 8 * 1000 * 1000);
    assert_int_equal(ph_mp4_track_duration_entries(&example.tracks[0]), 1);
    assert_int_equal(ph_mp4_track_duration_entries(&example.tracks[1]), 1);
    end(&example);
}

static int write_once(void *opaque) {
    (void)opaque;
    struct example example;
    struct ph_builder head = {0};
    int code = begin(&example);
    if (!code)
        code = add(&example, 0, 0, 60, 1000);
    if (!code)
        code = add(&example, 1, 0, 94, 1024);
    if (!code) {
        const struct ph_mp4 mp4 = mp4_of(&example);
        code = ph_mp4_write_head(&mp4, 16, &head);
    }
    ph_builder_discard(&head);
    end(&example);
    return code;
}

static void memory_may_run_out(void **state) {
    (void)state;
    ph_test_with_failing_allocations(write_once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_durations_are_one_run),
        cmocka_unit_test(a_missing_segment_keeps_its_time),
        cmocka_unit_test(what_overlaps_is_not_accepted),
        cmocka_unit_test(chunks_lie_behind_head_and_padding),
        cmocka_unit_test(the_later_track_waits_behind_an_empty_edit),
        cmocka_unit_test(a_title_is_cut_between_characters),
        cmocka_unit_test(six_hours_take_less_than_ten_megabytes),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
