#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/support/allocation_failure.h"
#include "tests/unit/transcode/ts_writer.h"
#include "transcode/ts_flush.h"

enum { video_pid = 0x100, audio_pid = 0x101, table_pid = 0x1000, other_pid = 0x500 };

static void write_tables(struct ts_writer *writer) {
    ts_write_pat(writer, (const uint16_t[]){table_pid}, 1);
    ts_write_pmt(writer, table_pid, (const struct ts_listed[]){{0x1b, video_pid}, {0x0f, audio_pid}}, 2);
}

static bool closes(const uint8_t *packet) {
    return packet[1] & 0x40 && packet[3] & 0x20 && packet[4] == 182 && packet[5] == 0x80 && packet[187] == 0;
}

static size_t count_closing(const struct ph_builder *output) {
    size_t count = 0;
    for (size_t at = 0; at < output->size; at += PH_TS_PACKET_BYTES)
        count += closes(output->data + at);
    return count;
}

/* Filters what was written, `unit_bytes` at a time, and empties the writer. */
static struct ph_builder filter(struct ph_ts_flush *flush, struct ts_writer *writer, size_t unit_bytes) {
    struct ph_builder output = {0};
    for (size_t at = 0; at < writer->out.size; at += unit_bytes) {
        size_t rest = writer->out.size - at;
        struct ph_slice unit = {writer->out.data + at, rest < unit_bytes ? rest : unit_bytes};
        struct ph_ts_marks marks;
        assert_int_equal(ph_ts_flush_unit(flush, unit, &output, &marks), 0);
    }
    ph_builder_discard(&writer->out);
    assert_int_equal(output.size % PH_TS_PACKET_BYTES, 0);
    return output;
}

static void a_stuffed_picture_is_closed_at_once(void **state) {
    (void)state;
    struct ph_ts_flush flush = {0};
    struct ts_writer writer = {0};
    write_tables(&writer);
    ts_write_pes(&writer, video_pid, 0xaa, 1000, 90000);
    uint8_t last_counter = (uint8_t)((writer.counters[video_pid] - 1) & 0x0f);
    struct ph_builder output = filter(&flush, &writer, 1316);
    assert_int_equal(count_closing(&output), 1);
    const uint8_t *last = output.data + output.size - PH_TS_PACKET_BYTES;
    assert_true(closes(last));
    assert_int_equal((last[1] & 0x1f) << 8 | last[2], video_pid);
    assert_int_equal(last[3] & 0x0f, last_counter);
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
}

static void a_picture_without_stuffing_is_left_to_the_next(void **state) {
    (void)state;
    struct ph_ts_flush flush = {0};
    struct ts_writer writer = {0};
    write_tables(&writer);
    ts_write_pes(&writer, video_pid, 0xaa, 184 * 5 - 14, 90000);
    struct ph_builder output = filter(&flush, &writer, 1316);
    assert_int_equal(count_closing(&output), 0);
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
}

static void sound_is_not_touched(void **state) {
    (void)state;
    struct ph_ts_flush flush = {0};
    struct ts_writer writer = {0};
    write_tables(&writer);
    ts_write_pes(&writer, audio_pid, 0xaa, 700, 90000);
    struct ph_builder output = filter(&flush, &writer, 1316);
    assert_int_equal(count_closing(&output), 0);
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
}

/* A packet with `field` as its adaptation field, the rest payload. */
static void write_with_field(struct ts_writer *writer, const uint8_t *field, size_t size) {
    uint8_t packet[PH_TS_PACKET_BYTES] = {0x47, 0x40 | video_pid >> 8, video_pid & 0xff};
    packet[3] = (uint8_t)(0x30 | (writer->counters[video_pid]++ & 0x0f));
    packet[4] = (uint8_t)size;
    memcpy(packet + 5, field, size);
    ph_builder_append(&writer->out, packet, sizeof(packet));
}

static void what_flags_announce_is_no_stuffing(void **state) {
    (void)state;
    const struct {
        uint8_t field[24];
        size_t size;
        size_t closing;
    } cases[] = {
        {{0x40}, 1, 0},       /* random access */
        {{0x50}, 7, 0},       /* with PCR */
        {{0x50}, 8, 1},       /* and a byte more */
        {{0x18}, 13, 0},      /* PCR and OPCR */
        {{0x04}, 2, 0},       /* splice countdown */
        {{0x02, 3}, 5, 0},    /* private data */
        {{0x02, 3}, 6, 1},    /* and a byte more */
        {{0x02, 200}, 20, 0}, /* private data that claims more than there is */
        {{0x01, 4}, 6, 0},    /* extension */
        {{0x00}, 1, 1},       /* flags that say nothing */
        {{0x00}, 0, 1},       /* the field that is one byte of stuffing */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ph_ts_flush flush = {0};
        struct ts_writer writer = {0};
        write_tables(&writer);
        write_with_field(&writer, cases[i].field, cases[i].size);
        struct ph_builder output = filter(&flush, &writer, 1316);
        assert_int_equal(count_closing(&output), cases[i].closing);
        ph_builder_discard(&output);
        ph_ts_flush_finish(&flush);
    }
}

static void a_muxer_that_stuffs_midway_is_left_alone(void **state) {
    (void)state;
    struct ph_ts_flush flush = {0};
    struct ts_writer writer = {0};
    uint8_t half[90] = {0, 0, 1, 0xe0};
    write_tables(&writer);
    for (int i = 0; i < 4; i++) {
        ts_write_packet(&writer, video_pid, true, half, sizeof(half));
        ts_write_packet(&writer, video_pid, false, half, sizeof(half));
    }
    struct ph_builder output = filter(&flush, &writer, 1316);
    assert_int_equal(count_closing(&output), 1);
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
}

static void a_lost_start_is_not_taken_for_midway_stuffing(void **state) {
    (void)state;
    struct ph_ts_flush flush = {0};
    struct ts_writer writer = {0};
    uint8_t half[90] = {0, 0, 1, 0xe0};
    write_tables(&writer);
    ts_write_packet(&writer, video_pid, true, half, sizeof(half));
    writer.counters[video_pid]++;
    ts_write_packet(&writer, video_pid, false, half, sizeof(half));
    ts_write_packet(&writer, video_pid, true, half, sizeof(half));
    struct ph_builder output = filter(&flush, &writer, 1316);
    assert_int_equal(count_closing(&output), 3);
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
}

static void only_listed_streams_pass(void **state) {
    (void)state;
    struct ph_ts_flush flush = {0};
    struct ts_writer writer = {0};
    write_tables(&writer);
    for (uint16_t pid = other_pid; pid < other_pid + 2000; pid++)
        ts_write_pes(&writer, pid, 1, 10, 0);
    struct ph_builder output = filter(&flush, &writer, 1316);
    assert_int_equal(output.size, 2 * PH_TS_PACKET_BYTES);
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
}

static struct ph_builder write_ten_pictures(struct ts_writer *writer) {
    write_tables(writer);
    for (int i = 0; i < 10; i++)
        ts_write_pes(writer, video_pid, (uint8_t)i, (size_t)(300 + 177 * i), 3000 * i);
    struct ph_builder copy = {0};
    ph_builder_append(&copy, writer->out.data, writer->out.size);
    return copy;
}

static void how_units_are_cut_does_not_matter(void **state) {
    (void)state;
    struct ts_writer writer = {0};
    struct ph_builder stream = write_ten_pictures(&writer);
    struct ph_ts_flush flush = {0};
    struct ph_builder expected = filter(&flush, &writer, 1316);
    ph_ts_flush_finish(&flush);
    const size_t sizes[] = {1, 7, 187, 188, 189, 1000, 100000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ph_builder_append(&writer.out, stream.data, stream.size);
        flush = (struct ph_ts_flush){0};
        struct ph_builder output = filter(&flush, &writer, sizes[i]);
        assert_int_equal(output.size, expected.size);
        assert_memory_equal(output.data, expected.data, expected.size);
        ph_builder_discard(&output);
        ph_ts_flush_finish(&flush);
    }
    ph_builder_discard(&expected);
    ph_builder_discard(&stream);
}

static void garbage_is_stepped_over(void **state) {
    (void)state;
    struct ph_ts_flush flush = {0};
    struct ts_writer writer = {0};
    for (int i = 0; i < 1000; i++)
        ph_builder_u8(&writer.out, i % 50 ? (uint8_t)i : 0x47);
    struct ph_builder output = filter(&flush, &writer, 1316);
    assert_int_equal(output.size, 0);
    ph_builder_discard(&output);
    write_tables(&writer);
    ts_write_pes(&writer, video_pid, 1, 500, 0);
    ph_builder_u8(&writer.out, 0x11);
    ts_write_pes(&writer, video_pid, 1, 500, 3000);
    output = filter(&flush, &writer, 1316);
    assert_int_equal(count_closing(&output), 2);
    ph_builder_discard(&output);
    /* Never more than a few packets wait, whatever comes. */
    for (int i = 0; i < 100; i++) {
        uint8_t noise[5000] = {0};
        struct ph_ts_marks marks;
        struct ph_builder none = {0};
        assert_int_equal(ph_ts_flush_unit(&flush, (struct ph_slice){noise, sizeof(noise)}, &none, &marks), 0);
        assert_true(flush.pending.size < 1000);
        ph_builder_discard(&none);
    }
    ph_ts_flush_finish(&flush);
}

static void a_unit_that_starts_tables_is_marked(void **state) {
    (void)state;
    struct ph_ts_flush flush = {0};
    struct ts_writer writer = {0};
    struct ph_builder output = {0};
    struct ph_ts_marks marks;
    write_tables(&writer);
    ts_write_pes(&writer, video_pid, 1, 500, 0);
    assert_int_equal(
        ph_ts_flush_unit(&flush, (struct ph_slice){writer.out.data, writer.out.size}, &output, &marks), 0);
    assert_true(marks.table_start);
    assert_int_equal(marks.table_start_offset, 0);
    ph_builder_clear(&writer.out);
    ph_builder_clear(&output);
    ts_write_pes(&writer, video_pid, 1, 500, 3000);
    assert_int_equal(
        ph_ts_flush_unit(&flush, (struct ph_slice){writer.out.data, writer.out.size}, &output, &marks), 0);
    assert_false(marks.table_start);
    /* A table cut by the unit's border would be missing in a replay from the second. */
    ph_builder_clear(&writer.out);
    write_tables(&writer);
    assert_int_equal(ph_ts_flush_unit(&flush, (struct ph_slice){writer.out.data, 100}, &output, &marks), 0);
    assert_int_equal(ph_ts_flush_unit(&flush, (struct ph_slice){writer.out.data + 100, writer.out.size - 100},
                         &output, &marks),
        0);
    assert_false(marks.table_start);
    ph_builder_discard(&writer.out);
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
}

static void scrambled_and_broken_packets_are_dropped(void **state) {
    (void)state;
    struct ph_ts_flush flush = {0};
    struct ts_writer writer = {0};
    write_tables(&writer);
    struct ph_builder output = filter(&flush, &writer, 1316);
    ph_builder_discard(&output);
    for (int i = 0; i < 3; i++)
        ts_write_pes(&writer, video_pid, 1, 100, 0);
    writer.out.data[3] |= 0x80;                         /* scrambled */
    writer.out.data[PH_TS_PACKET_BYTES + 1] |= 0x80;    /* transport error */
    writer.out.data[2 * PH_TS_PACKET_BYTES + 4] = 0xff; /* adaptation field past the packet */
    output = filter(&flush, &writer, 1316);
    assert_int_equal(output.size, 0);
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
}

static int filter_stream(void *opaque) {
    const struct ph_builder *stream = opaque;
    struct ph_ts_flush flush = {0};
    struct ph_builder output = {0};
    struct ph_ts_marks marks;
    int code = 0;
    for (size_t at = 0; at < stream->size && code == 0; at += 376)
        code = ph_ts_flush_unit(&flush, (struct ph_slice){stream->data + at, 376}, &output, &marks);
    ph_builder_discard(&output);
    ph_ts_flush_finish(&flush);
    return code;
}

static void memory_may_run_out(void **state) {
    (void)state;
    struct ts_writer writer = {0};
    struct ph_builder stream = write_ten_pictures(&writer);
    ph_builder_discard(&writer.out);
    stream.size -= stream.size % 376;
    ph_test_with_failing_allocations(filter_stream, &stream);
    ph_builder_discard(&stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stuffed_picture_is_closed_at_once),
        cmocka_unit_test(a_picture_without_stuffing_is_left_to_the_next),
        cmocka_unit_test(sound_is_not_touched),
        cmocka_unit_test(what_flags_announce_is_no_stuffing),
        cmocka_unit_test(a_muxer_that_stuffs_midway_is_left_alone),
        cmocka_unit_test(a_lost_start_is_not_taken_for_midway_stuffing),
        cmocka_unit_test(only_listed_streams_pass),
        cmocka_unit_test(how_units_are_cut_does_not_matter),
        cmocka_unit_test(garbage_is_stepped_over),
        cmocka_unit_test(a_unit_that_starts_tables_is_marked),
        cmocka_unit_test(scrambled_and_broken_packets_are_dropped),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
