#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/transcode/ts_writer.h"

/* Gives the payload of every written packet to the tables. */
static void read_all(struct ph_ts_tables *tables, struct ts_writer *writer) {
    for (size_t at = 0; at < writer->out.size; at += PH_TS_PACKET_BYTES) {
        const uint8_t *packet = writer->out.data + at;
        uint16_t pid = (uint16_t)((packet[1] & 0x1f) << 8 | packet[2]);
        size_t skipped = packet[3] & 0x20 ? 5 + packet[4] : 4;
        struct ph_slice payload = {packet + skipped, PH_TS_PACKET_BYTES - skipped};
        ph_ts_tables_read(tables, pid, packet[1] & 0x40, payload);
    }
    ph_builder_discard(&writer->out);
}

static void tables_say_what_a_pid_carries(void **state) {
    (void)state;
    struct ph_ts_tables tables = {0};
    struct ts_writer writer = {0};
    ts_write_pat(&writer, (const uint16_t[]){0x1000}, 1);
    ts_write_pmt(&writer, 0x1000, (const struct ts_listed[]){{0x1b, 0x100}, {0x0f, 0x101}}, 2);
    assert_int_equal(ph_ts_tables_role(&tables, 0), PH_TS_TABLE);
    assert_int_equal(ph_ts_tables_role(&tables, 0x1000), PH_TS_UNKNOWN);
    read_all(&tables, &writer);
    assert_int_equal(ph_ts_tables_role(&tables, 0x1000), PH_TS_TABLE);
    assert_int_equal(ph_ts_tables_role(&tables, 0x100), PH_TS_VIDEO);
    assert_int_equal(ph_ts_tables_role(&tables, 0x101), PH_TS_OTHER_STREAM);
    assert_int_equal(ph_ts_tables_role(&tables, 0x102), PH_TS_UNKNOWN);
    assert_null(ph_ts_tables_unsupported(&tables));
}

static void a_new_table_replaces_the_streams(void **state) {
    (void)state;
    struct ph_ts_tables tables = {0};
    struct ts_writer writer = {0};
    ts_write_pat(&writer, (const uint16_t[]){0x1000}, 1);
    ts_write_pmt(&writer, 0x1000, (const struct ts_listed[]){{0x1b, 0x100}}, 1);
    ts_write_pmt(&writer, 0x1000, (const struct ts_listed[]){{0x24, 0x200}}, 1);
    ts_write_pat(&writer, (const uint16_t[]){0x1000}, 1);
    read_all(&tables, &writer);
    assert_int_equal(ph_ts_tables_role(&tables, 0x100), PH_TS_UNKNOWN);
    assert_int_equal(ph_ts_tables_role(&tables, 0x200), PH_TS_VIDEO);
}

static void a_codec_without_decoder_is_named(void **state) {
    (void)state;
    struct ph_ts_tables tables = {0};
    struct ts_writer writer = {0};
    ts_write_pat(&writer, (const uint16_t[]){0x1000}, 1);
    ts_write_pmt(&writer, 0x1000, (const struct ts_listed[]){{0x33, 0x100}}, 1);
    read_all(&tables, &writer);
    assert_string_equal(ph_ts_tables_unsupported(&tables), "VVC");
}

static void a_section_over_many_packets_is_read(void **state) {
    (void)state;
    struct ph_ts_tables tables = {0};
    struct ts_writer writer = {0};
    struct ts_listed many[150];
    for (uint16_t i = 0; i < 150; i++)
        many[i] = (struct ts_listed){i == 0 ? 0x1b : 0x0f, (uint16_t)(0x100 + i)};
    ts_write_pat(&writer, (const uint16_t[]){0x1000}, 1);
    ts_write_pmt(&writer, 0x1000, many, 150);
    read_all(&tables, &writer);
    assert_int_equal(ph_ts_tables_role(&tables, 0x100), PH_TS_VIDEO);
    assert_int_equal(tables.programs[0].stream_count, PH_TS_MOST_STREAMS);
    assert_int_equal(ph_ts_tables_role(&tables, 0x100 + PH_TS_MOST_STREAMS), PH_TS_UNKNOWN);
}

static void more_programs_than_fit_are_left_out(void **state) {
    (void)state;
    struct ph_ts_tables tables = {0};
    struct ts_writer writer = {0};
    uint16_t pids[200];
    for (uint16_t i = 0; i < 200; i++)
        pids[i] = (uint16_t)(0x400 + i);
    ts_write_pat(&writer, pids, 200);
    read_all(&tables, &writer);
    assert_int_equal(tables.program_count, PH_TS_MOST_PROGRAMS);
    assert_int_equal(ph_ts_tables_role(&tables, 0x400), PH_TS_TABLE);
    assert_int_equal(ph_ts_tables_role(&tables, 0x400 + PH_TS_MOST_PROGRAMS), PH_TS_UNKNOWN);
}

static void a_wrong_crc_changes_nothing(void **state) {
    (void)state;
    struct ph_ts_tables tables = {0};
    struct ts_writer writer = {0};
    ts_write_pat(&writer, (const uint16_t[]){0x1000}, 1);
    writer.out.data[4 + 1 + 10] ^= 1;
    read_all(&tables, &writer);
    assert_int_equal(tables.program_count, 0);
}

static void a_section_that_claims_too_much_is_dropped(void **state) {
    (void)state;
    struct ph_ts_tables tables = {0};
    uint8_t huge[184];
    memset(huge, 0xff, sizeof(huge));
    memcpy(huge, (const uint8_t[]){0, 0, 0xbf, 0xff}, 4);
    ph_ts_tables_read(&tables, 0, true, (struct ph_slice){huge, sizeof(huge)});
    for (int i = 0; i < 40; i++)
        ph_ts_tables_read(&tables, 0, false, (struct ph_slice){huge, sizeof(huge)});
    struct ts_writer writer = {0};
    ts_write_pat(&writer, (const uint16_t[]){0x1000}, 1);
    read_all(&tables, &writer);
    assert_int_equal(tables.program_count, 1);
}

static void pointers_past_the_packet_are_survived(void **state) {
    (void)state;
    struct ph_ts_tables tables = {0};
    for (int pointer = 0; pointer < 256; pointer++) {
        uint8_t payload[184] = {(uint8_t)pointer};
        for (size_t size = 0; size < 8; size++)
            ph_ts_tables_read(&tables, 0, true, (struct ph_slice){payload, size});
        ph_ts_tables_read(&tables, 0, true, (struct ph_slice){payload, sizeof(payload)});
    }
    assert_int_equal(tables.program_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_say_what_a_pid_carries),
        cmocka_unit_test(a_new_table_replaces_the_streams),
        cmocka_unit_test(a_codec_without_decoder_is_named),
        cmocka_unit_test(a_section_over_many_packets_is_read),
        cmocka_unit_test(more_programs_than_fit_are_left_out),
        cmocka_unit_test(a_wrong_crc_changes_nothing),
        cmocka_unit_test(a_section_that_claims_too_much_is_dropped),
        cmocka_unit_test(pointers_past_the_packet_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
