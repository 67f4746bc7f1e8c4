/* The source link's small JSON messages: connections, figures, reasons. */
#include "core/media/source_link.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/support/allocation_failure.h"

static struct ph_slice text_slice(const char *text) {
    return (struct ph_slice){(const uint8_t *)text, strlen(text)};
}

static void a_connection_is_mpegts_or_rtp_with_its_description(void **state) {
    (void)state;
    struct ph_link_connection read;
    assert_int_equal(
        ph_link_connection_from_json(text_slice("{\"number\":2,\"kind\":\"mpegts\",\"sdp\":null}"), &read),
        0);
    assert_int_equal(read.number, 2);
    assert_string_equal(read.kind, "mpegts");
    assert_null(read.sdp);
    ph_link_connection_finish(&read);
    assert_int_equal(
        ph_link_connection_from_json(text_slice("{\"number\":0,\"kind\":\"rtp\",\"sdp\":\"v=0\"}"), &read),
        0);
    assert_string_equal(read.sdp, "v=0");
    ph_link_connection_finish(&read);
    static const char *const hostile[] = {"{\"number\":0,\"kind\":\"rtp\"}",
        "{\"number\":0,\"kind\":\"flv\"}", "{\"number\":-1,\"kind\":\"mpegts\"}", "{\"kind\":\"mpegts\"}",
        "{\"number\":1,\"number\":1,\"kind\":\"mpegts\"}"};
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
        assert_int_equal(ph_link_connection_from_json(text_slice(hostile[i]), &read), PH_INVALID_DATA);
}

static void stats_keep_figures_and_write_no_number_json_cannot_hold(void **state) {
    (void)state;
    struct ph_link_stats stats = {.speed = NAN,
        .source_fps = 59.94,
        .delay_ms = INFINITY,
        .effort = 3,
        .frames_in = 1,
        .frames_out = 2,
        .frames_dropped = 3,
        .frames_repeated = 4,
        .source_width = 1920,
        .source_height = 1080,
        .bitrate_in = 6e6,
        .encode = {.total_us = 5000, .frames = {[1] = 7, [PH_LINK_ENCODE_BOUNDS] = 2}}};
    struct ph_link_stats read;
    char *json = ph_link_stats_to_json(&stats);
    assert_non_null(json);
    assert_int_equal(ph_link_stats_from_json(text_slice(json), &read), 0);
    free(json);
    assert_true(read.speed == 0 && read.delay_ms == 0 && read.source_fps == 59.94 && read.bitrate_in == 6e6);
    assert_int_equal(read.effort, 3);
    assert_int_equal(read.frames_repeated, 4);
    assert_int_equal(read.source_width, 1920);
    assert_memory_equal(&read.encode, &stats.encode, sizeof(stats.encode));
    assert_int_equal(ph_link_stats_from_json(text_slice("{\"speed\":1}"), &read), PH_INVALID_DATA);
}

static void a_reason_too_long_is_cut_between_characters(void **state) {
    (void)state;
    char json[1024] = "{\"code\":\"unsupported_codec\",\"text\":\"";
    for (int i = 0; i < 200; i++)
        strcat(json, "é");
    strcat(json, "\"}");
    struct ph_link_frame frame = {PH_LINK_FAILED, text_slice(json)};
    struct ph_link_reason reason;
    assert_int_equal(ph_link_reason_parse(&frame, &reason), 0);
    assert_string_equal(reason.code, "unsupported_codec");
    assert_int_equal(strlen(reason.text), 254);
    frame.type = PH_LINK_REFUSE;
    assert_int_equal(ph_link_reason_parse(&frame, &reason), PH_INVALID_DATA);
}

static int scenario(void *opaque) {
    (void)opaque;
    struct ph_builder builder = {0};
    struct ph_link_reason reason = {.code = "busy", .text = "no room"};
    struct ph_link_connection connection;
    int code = ph_link_reason_write(&builder, PH_LINK_REFUSE, &reason);
    if (!code)
        code = ph_link_connection_from_json(
            text_slice("{\"number\":0,\"kind\":\"rtp\",\"sdp\":\"v=0\"}"), &connection);
    if (!code)
        ph_link_connection_finish(&connection);
    ph_builder_discard(&builder);
    return code;
}

static void failing_allocations_leak_nothing(void **state) {
    (void)state;
    ph_test_with_failing_allocations(scenario, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_mpegts_or_rtp_with_its_description),
        cmocka_unit_test(stats_keep_figures_and_write_no_number_json_cannot_hold),
        cmocka_unit_test(a_reason_too_long_is_cut_between_characters),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
