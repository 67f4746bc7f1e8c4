#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <srtp2/srtp.h>

#include "ingest/webrtc/srtp.h"

enum { video = 0x11111111, rtx = 0x22222222, audio = 0x33333333, most_bytes = 256, before_wrap = 65530 };

static const enum ph_srtp_profile profiles[] = {
    PH_SRTP_AES128_CM_SHA1_80, PH_SRTP_AEAD_AES_128_GCM, PH_SRTP_AEAD_AES_256_GCM};

/* A publisher's libsrtp and our end. */
struct scene {
    srtp_t sender;
    struct ph_srtp *srtp;
};

static void begin(struct scene *scene, enum ph_srtp_profile profile) {
    struct ph_srtp_keys keys = {.profile = profile, .size = 44};
    memset(keys.ours, 3, sizeof(keys.ours));
    memset(keys.theirs, 5, sizeof(keys.theirs));
    assert_int_equal(ph_srtp_create(&scene->srtp, &keys), 0);
    srtp_policy_t policy = {.ssrc.type = ssrc_any_outbound, .key = keys.theirs, .window_size = 1024};
    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, (srtp_profile_t)profile);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, (srtp_profile_t)profile);
    assert_int_equal(srtp_create(&scene->sender, &policy), srtp_err_status_ok);
}

static void end(struct scene *scene) {
    ph_srtp_destroy(scene->srtp);
    srtp_dealloc(scene->sender);
}

struct packet {
    _Alignas(4) uint8_t bytes[most_bytes];
    size_t size;
};

static void put_32(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static struct packet plain(uint32_t ssrc, uint16_t number) {
    struct packet packet = {.bytes = {0x80, 96, (uint8_t)(number >> 8), (uint8_t)number}, .size = 112};
    put_32(packet.bytes + 8, ssrc);
    memset(packet.bytes + 12, 7, 100);
    return packet;
}

static struct packet seal(struct scene *scene, uint32_t ssrc, uint16_t number) {
    struct packet packet = plain(ssrc, number);
    int size = (int)packet.size;
    assert_int_equal(srtp_protect(scene->sender, packet.bytes, &size), srtp_err_status_ok);
    packet.size = (size_t)size;
    return packet;
}

static int open_packet(struct scene *scene, struct packet packet) {
    uint16_t number = (uint16_t)(packet.bytes[2] << 8 | packet.bytes[3]);
    uint32_t ssrc = (uint32_t)packet.bytes[8] << 24 | (uint32_t)packet.bytes[9] << 16 |
                    (uint32_t)packet.bytes[10] << 8 | packet.bytes[11];
    int code = ph_srtp_open(scene->srtp, packet.bytes, &packet.size);
    struct packet sent = plain(ssrc, number);
    if (code == 0) {
        assert_int_equal(packet.size, sent.size);
        assert_memory_equal(packet.bytes, sent.bytes, sent.size);
    }
    return code;
}

static void send_report(struct scene *scene, uint32_t ssrc) {
    struct packet packet = {.bytes = {0x80, 200, 0, 6}, .size = 28};
    put_32(packet.bytes + 4, ssrc);
    int size = (int)packet.size;
    assert_int_equal(srtp_protect_rtcp(scene->sender, packet.bytes, &size), srtp_err_status_ok);
    packet.size = (size_t)size;
    assert_int_equal(ph_srtp_open_rtcp(scene->srtp, packet.bytes, &packet.size), 0);
}

/* All of the stream's first round. */
static void lose_until_wrap(struct scene *scene, uint32_t ssrc) {
    for (uint32_t number = before_wrap; number < 65536; number++)
        (void)seal(scene, ssrc, (uint16_t)number);
}

static void expect_stream(struct scene *scene, uint32_t ssrc, uint16_t from, int count) {
    for (int i = 0; i < count; i++)
        assert_int_equal(open_packet(scene, seal(scene, ssrc, (uint16_t)(from + i))), 0);
}

static int forge(struct scene *scene, uint32_t ssrc, uint16_t number) {
    struct packet packet = plain(ssrc, number);
    packet.size += 16;
    return open_packet(scene, packet);
}

static void a_stream_whose_first_round_was_lost_opens(void **state) {
    (void)state;
    const uint32_t ssrcs[] = {video, rtx, audio};
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        struct scene scene;
        begin(&scene, profiles[i]);
        for (size_t j = 0; j < sizeof(ssrcs) / sizeof(ssrcs[0]); j++) {
            lose_until_wrap(&scene, ssrcs[j]);
            expect_stream(&scene, ssrcs[j], 3, 20);
        }
        end(&scene);
    }
}

static void so_does_one_whose_report_came_first(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        struct scene scene;
        begin(&scene, profiles[i]);
        lose_until_wrap(&scene, video);
        send_report(&scene, video);
        expect_stream(&scene, video, 3, 20);
        send_report(&scene, video);
        end(&scene);
    }
}

static void what_was_late_of_the_first_round_opens_behind_it(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, PH_SRTP_AES128_CM_SHA1_80);
    struct packet late = seal(&scene, video, 65535);
    expect_stream(&scene, video, 0, 3);
    assert_int_equal(open_packet(&scene, late), 0);
    assert_int_equal(open_packet(&scene, late), -EALREADY);
    end(&scene);
}

static void forgeries_neither_open_nor_stay(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        struct scene scene;
        begin(&scene, profiles[i]);
        for (uint16_t number = 0; number < 300; number++) {
            assert_int_equal(forge(&scene, video, number), -EBADMSG);
            assert_int_equal(forge(&scene, 1000U + number, number), -EBADMSG);
        }
        expect_stream(&scene, video, 40, 20); /* of the first round, as always */
        for (uint16_t number = 60; number < 360; number++)
            assert_int_equal(forge(&scene, video, number), -EBADMSG);
        expect_stream(&scene, video, 60, 20);
        end(&scene);
    }
}

/* A flood of them uses up all retries; each packet that opens gives one back. */
static void behind_a_flood_of_forgeries_reports_open_the_stream(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, PH_SRTP_AEAD_AES_128_GCM);
    lose_until_wrap(&scene, video);
    for (uint16_t number = 0; number < 300; number++)
        assert_int_equal(forge(&scene, video, number), -EBADMSG);
    assert_int_equal(open_packet(&scene, seal(&scene, video, 3)), -EBADMSG);
    send_report(&scene, video);
    expect_stream(&scene, video, 4, 20);
    end(&scene);
}

/* Wherever in its round the stream was, and in whichever. */
static void a_stream_that_lost_most_of_a_round_opens_again(void **state) {
    (void)state;
    for (uint32_t first = 100; first < 65536; first += 9000) {
        struct scene scene;
        begin(&scene, PH_SRTP_AES128_CM_SHA1_80);
        uint32_t number = first;
        for (int outage = 0; outage < 3; outage++) {
            expect_stream(&scene, video, (uint16_t)number, 5);
            struct packet before = seal(&scene, video, (uint16_t)(number + 5));
            assert_int_equal(open_packet(&scene, before), 0);
            number += 45000;
            assert_int_equal(srtp_set_stream_roc(scene.sender, video, number >> 16), srtp_err_status_ok);
            unsigned failed = 0;
            while (open_packet(&scene, seal(&scene, video, (uint16_t)number++)) != 0)
                assert_true(++failed <= PH_SRTP_LOST_AFTER);
            expect_stream(&scene, video, (uint16_t)number, 20);
            assert_true(open_packet(&scene, before) < 0);
            number += 20;
        }
        end(&scene);
    }
}

static void replays_do_not_open_as_packets_of_the_next_round(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, PH_SRTP_AES128_CM_SHA1_80);
    struct packet first = seal(&scene, video, 100);
    assert_int_equal(open_packet(&scene, first), 0);
    for (int i = 0; i < 10 * PH_SRTP_LOST_AFTER; i++)
        assert_int_equal(open_packet(&scene, first), -EALREADY);
    expect_stream(&scene, video, 101, 20);
    end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_whose_first_round_was_lost_opens),
        cmocka_unit_test(so_does_one_whose_report_came_first),
        cmocka_unit_test(what_was_late_of_the_first_round_opens_behind_it),
        cmocka_unit_test(forgeries_neither_open_nor_stay),
        cmocka_unit_test(behind_a_flood_of_forgeries_reports_open_the_stream),
        cmocka_unit_test(a_stream_that_lost_most_of_a_round_opens_again),
        cmocka_unit_test(replays_do_not_open_as_packets_of_the_next_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
