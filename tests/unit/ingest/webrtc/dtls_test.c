/* A handshake between two of OpenSSL's ends, and the keys and packets of SRTP that follow from it. */
#include "ingest/webrtc/dtls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <srtp2/srtp.h>

#include "core/base/clock.h"
#include "ingest/webrtc/srtp.h"

enum { most_queued = 64, most_bytes = 2048 };

/* What one end sent and the other has not received. */
struct pipe {
    size_t count;
    size_t sizes[most_queued];
    uint8_t bytes[most_queued][most_bytes];
    unsigned lose; /* the first so many datagrams are lost */
    size_t largest;
};

struct scene {
    struct ph_dtls_identity *identities[2];
    struct ph_dtls *ends[2]; /* ours, the publisher's */
    struct pipe pipes[2];    /* to the end of that index */
};

static void push(struct pipe *pipe, struct ph_slice datagram) {
    if (datagram.size > pipe->largest)
        pipe->largest = datagram.size;
    if (pipe->lose) {
        pipe->lose--;
        return;
    }
    assert_true(pipe->count < most_queued && datagram.size <= most_bytes);
    memcpy(pipe->bytes[pipe->count], datagram.data, datagram.size);
    pipe->sizes[pipe->count++] = datagram.size;
}

static void send_datagram(void *opaque, struct ph_slice datagram) {
    push(opaque, datagram);
}

static struct ph_fingerprint fingerprint_of(const struct ph_dtls_identity *identity) {
    struct ph_fingerprint fingerprint = {.hash = PH_FINGERPRINT_SHA256, .size = 32};
    memcpy(fingerprint.bytes, ph_dtls_identity_fingerprint(identity), 32);
    return fingerprint;
}

/* `server_expects` NULL: the client's real fingerprint. */
static void make(struct scene *scene, bool we_begin, const struct ph_fingerprint *server_expects) {
    memset(scene, 0, sizeof(*scene));
    for (int i = 0; i < 2; i++)
        assert_int_equal(ph_dtls_identity_create(&scene->identities[i], ph_dtls_verify), 0);
    for (int i = 0; i < 2; i++) {
        struct ph_fingerprint peer = fingerprint_of(scene->identities[!i]);
        if (i == 0 && server_expects)
            peer = *server_expects;
        const struct ph_dtls_options options = {.identity = scene->identities[i],
            .client = i == 0 ? we_begin : !we_begin,
            .peers = &peer,
            .peer_count = 1,
            .send = send_datagram,
            .opaque = &scene->pipes[!i]};
        assert_int_equal(ph_dtls_create(&scene->ends[i], &options), 0);
    }
}

static void finish(struct scene *scene) {
    for (int i = 0; i < 2; i++) {
        ph_dtls_destroy(scene->ends[i]);
        ph_dtls_identity_destroy(scene->identities[i]);
    }
}

static bool deliver(struct scene *scene, int to) {
    struct pipe *pipe = &scene->pipes[to];
    uint8_t bytes[most_bytes];
    if (!pipe->count)
        return false;
    size_t size = pipe->sizes[0];
    memcpy(bytes, pipe->bytes[0], size);
    pipe->count--;
    memmove(pipe->sizes, pipe->sizes + 1, pipe->count * sizeof(pipe->sizes[0]));
    memmove(pipe->bytes, pipe->bytes + 1, pipe->count * sizeof(pipe->bytes[0]));
    ph_dtls_receive(scene->ends[to], (struct ph_slice){bytes, size});
    return true;
}

/* Until both ends are past the handshake, or half a minute is over. */
static void run(struct scene *scene) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (ph_now_us() < deadline_us) {
        int64_t now_us = ph_now_us(), next_us = now_us + 20 * PH_MILLISECOND_US;
        bool moved = false;
        for (int i = 0; i < 2; i++) {
            int64_t wanted_us = ph_dtls_drive(scene->ends[i], now_us);
            next_us = wanted_us < next_us ? wanted_us : next_us;
        }
        for (int i = 0; i < 2; i++)
            moved = deliver(scene, i) || moved;
        if (ph_dtls_state(scene->ends[0]) != PH_DTLS_HANDSHAKING &&
            ph_dtls_state(scene->ends[1]) != PH_DTLS_HANDSHAKING && !moved)
            return;
        struct timespec wake = {next_us / PH_SECOND_US, next_us % PH_SECOND_US * 1000};
        if (!moved)
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
    }
}

static void assert_same_keys(struct scene *scene) {
    struct ph_srtp_keys ours, theirs;
    assert_int_equal(ph_dtls_srtp_keys(scene->ends[0], &ours), 0);
    assert_int_equal(ph_dtls_srtp_keys(scene->ends[1], &theirs), 0);
    assert_int_equal(ours.profile, theirs.profile);
    assert_int_equal(ours.size, theirs.size);
    assert_memory_equal(ours.ours, theirs.theirs, ours.size);
    assert_memory_equal(ours.theirs, theirs.ours, ours.size);
    assert_memory_not_equal(ours.ours, ours.theirs, ours.size);
}

static void both_roles_agree_on_keys(void **state) {
    (void)state;
    for (int we_begin = 0; we_begin < 2; we_begin++) {
        struct scene scene;
        make(&scene, we_begin, NULL);
        run(&scene);
        assert_int_equal(ph_dtls_state(scene.ends[0]), PH_DTLS_CONNECTED);
        assert_int_equal(ph_dtls_state(scene.ends[1]), PH_DTLS_CONNECTED);
        assert_string_equal(ph_dtls_version(scene.ends[0]), "DTLSv1.2");
        assert_same_keys(&scene);
        assert_in_range(scene.pipes[1].largest, 100, PH_DTLS_MOST_DATAGRAM_BYTES);
        finish(&scene);
    }
}

static void lost_flights_come_again(void **state) {
    (void)state;
    for (unsigned lost = 0; lost < 2; lost++) {
        struct scene scene;
        make(&scene, false, NULL);
        scene.pipes[lost].lose = 1;
        int64_t began_us = ph_now_us();
        run(&scene);
        assert_int_equal(ph_dtls_state(scene.ends[0]), PH_DTLS_CONNECTED);
        assert_int_equal(ph_dtls_state(scene.ends[1]), PH_DTLS_CONNECTED);
        assert_true(ph_now_us() - began_us < 4 * PH_SECOND_US);
        finish(&scene);
    }
}

/* ffmpeg's WHIP muxer does not read what comes right behind the answer to its check, and takes its time with
 * its last flight, after which it bears nothing that comes twice. */
static void of_a_clients_flights_the_first_alone_comes_again_soon(void **state) {
    (void)state;
    struct scene scene;
    make(&scene, true, NULL);
    scene.pipes[1].lose = 1;
    int64_t began_us = ph_now_us();
    ph_dtls_drive(scene.ends[0], began_us);
    assert_int_equal(scene.pipes[1].count, 0);
    int64_t again_us = ph_dtls_drive(scene.ends[0], ph_now_us());
    assert_true(again_us - began_us < 450 * PH_MILLISECOND_US);
    while (!scene.pipes[1].count)
        ph_dtls_drive(scene.ends[0], ph_now_us());
    ph_dtls_drive(scene.ends[1], ph_now_us());
    while (deliver(&scene, 1)) {
    }
    while (deliver(&scene, 0)) {
    }
    assert_true(scene.pipes[1].count > 0);
    assert_true(ph_dtls_drive(scene.ends[0], ph_now_us()) - ph_now_us() > 500 * PH_MILLISECOND_US);
    run(&scene);
    assert_int_equal(ph_dtls_state(scene.ends[0]), PH_DTLS_CONNECTED);
    finish(&scene);
}

static void another_certificate_than_the_offers_is_refused(void **state) {
    (void)state;
    struct scene scene;
    struct ph_fingerprint other = {.hash = PH_FINGERPRINT_SHA256, .size = 32};
    make(&scene, false, &other);
    run(&scene);
    assert_int_equal(ph_dtls_state(scene.ends[0]), PH_DTLS_FAILED);
    assert_string_equal(ph_dtls_failure(scene.ends[0]), "fingerprint");
    assert_int_not_equal(ph_dtls_state(scene.ends[1]), PH_DTLS_CONNECTED);
    finish(&scene);
}

static void a_goodbye_is_heard(void **state) {
    (void)state;
    struct scene scene;
    make(&scene, false, NULL);
    run(&scene);
    ph_dtls_close(scene.ends[1]);
    while (deliver(&scene, 0)) {
    }
    assert_int_equal(ph_dtls_state(scene.ends[0]), PH_DTLS_CLOSED);
    finish(&scene);
}

/* Bytes of no meaning, half of them in records: in clear, of this epoch and of the next. Of all lengths, and
 * last an alert that anybody can write. */
static void make_noise(struct ph_dtls *dtls) {
    static const uint8_t fatal[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
    uint8_t noise[200];
    for (unsigned i = 0; i < 1200; i++) {
        size_t size = i % sizeof(noise);
        for (size_t j = 0; j < sizeof(noise); j++)
            noise[j] = (uint8_t)(rand() >> 4);
        noise[0] = (uint8_t)(20 + i % 44);
        if (i % 2 && size > 13) {
            const uint8_t header[] = {
                0xfe, 0xfd, 0, (uint8_t)(i / 2 % 3), 0, 0, 0, 0, 0, (uint8_t)i, 0, (uint8_t)(size - 13)};
            memcpy(noise + 1, header, sizeof(header));
        }
        ph_dtls_receive(dtls, (struct ph_slice){noise, size});
    }
    ph_dtls_receive(dtls, (struct ph_slice){fatal, sizeof(fatal)});
}

static void noise_behind_a_handshake_changes_nothing(void **state) {
    (void)state;
    for (int we_begin = 0; we_begin < 2; we_begin++) {
        struct scene scene;
        make(&scene, we_begin, NULL);
        run(&scene);
        make_noise(scene.ends[0]);
        assert_int_equal(ph_dtls_state(scene.ends[0]), PH_DTLS_CONNECTED);
        ph_dtls_close(scene.ends[1]);
        while (deliver(&scene, 0)) {
        }
        assert_int_equal(ph_dtls_state(scene.ends[0]), PH_DTLS_CLOSED);
        finish(&scene);
    }
}

/* The last flight of whoever answers: the other end sends its own again, whose records are in part in clear.
 */
static void a_last_flight_that_was_lost_comes_again(void **state) {
    (void)state;
    struct scene scene;
    make(&scene, false, NULL);
    while (ph_dtls_state(scene.ends[0]) != PH_DTLS_CONNECTED) {
        ph_dtls_drive(scene.ends[1], ph_now_us());
        bool moved = deliver(&scene, 1);
        assert_true(deliver(&scene, 0) || moved);
    }
    assert_true(scene.pipes[1].count > 0);
    scene.pipes[1].count = 0;
    run(&scene);
    assert_int_equal(ph_dtls_state(scene.ends[1]), PH_DTLS_CONNECTED);
    assert_same_keys(&scene);
    finish(&scene);
}

/* libsrtp's own sender, with the keys that the publisher's end of a handshake would have. */
static srtp_t make_sender(const struct ph_srtp_keys *keys) {
    static uint8_t key[sizeof(keys->theirs)];
    srtp_t sender;
    srtp_policy_t policy = {.ssrc.type = ssrc_any_outbound, .key = key, .allow_repeat_tx = 1};
    memcpy(key, keys->theirs, sizeof(key));
    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, (srtp_profile_t)keys->profile);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, (srtp_profile_t)keys->profile);
    assert_int_equal(srtp_create(&sender, &policy), srtp_err_status_ok);
    return sender;
}

static struct ph_srtp_keys keys_for(enum ph_srtp_profile profile) {
    struct ph_srtp_keys keys = {.profile = profile,
        .size = profile == PH_SRTP_AES128_CM_SHA1_80  ? 30
                : profile == PH_SRTP_AEAD_AES_128_GCM ? 28
                                                      : 44};
    memset(keys.ours, 0x11, sizeof(keys.ours));
    memset(keys.theirs, 0x22, sizeof(keys.theirs));
    return keys;
}

static size_t make_rtp(srtp_t sender, uint8_t packet[256], uint16_t sequence, uint32_t ssrc) {
    int size = 100;
    memset(packet, 0x55, 100);
    packet[0] = 0x80;
    packet[1] = 96;
    packet[2] = (uint8_t)(sequence >> 8);
    packet[3] = (uint8_t)sequence;
    for (int i = 0; i < 4; i++)
        packet[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    assert_int_equal(srtp_protect(sender, packet, &size), srtp_err_status_ok);
    return (size_t)size;
}

static void packets_open_once_and_only_whole(void **state) {
    (void)state;
    static const enum ph_srtp_profile profiles[] = {
        PH_SRTP_AES128_CM_SHA1_80, PH_SRTP_AEAD_AES_128_GCM, PH_SRTP_AEAD_AES_256_GCM};
    for (size_t i = 0; i < 3; i++) {
        struct ph_srtp_keys keys = keys_for(profiles[i]);
        struct ph_srtp *srtp;
        uint8_t packet[256], copy[256];
        assert_int_equal(ph_srtp_create(&srtp, &keys), 0);
        srtp_t sender = make_sender(&keys);
        size_t size = make_rtp(sender, packet, 1, 0x01020304), opened = size;
        memcpy(copy, packet, size);
        copy[50] ^= 1;
        assert_int_equal(ph_srtp_open(srtp, copy, &opened), -EBADMSG);
        memcpy(copy, packet, size);
        assert_int_equal(ph_srtp_open(srtp, copy, &opened), 0);
        assert_int_equal(opened, 100);
        assert_int_equal(copy[60], 0x55);
        memcpy(copy, packet, size);
        opened = size;
        assert_int_equal(ph_srtp_open(srtp, copy, &opened), -EALREADY);
        srtp_dealloc(sender);
        ph_srtp_destroy(srtp);
    }
}

static void a_publisher_has_a_bounded_number_of_streams(void **state) {
    (void)state;
    struct ph_srtp_keys keys = keys_for(PH_SRTP_AEAD_AES_128_GCM);
    struct ph_srtp *srtp;
    uint8_t packet[256];
    assert_int_equal(ph_srtp_create(&srtp, &keys), 0);
    srtp_t sender = make_sender(&keys);
    for (uint32_t ssrc = 1; ssrc <= PH_SRTP_MOST_STREAMS + 1; ssrc++) {
        size_t size = make_rtp(sender, packet, 7, ssrc);
        assert_int_equal(ph_srtp_open(srtp, packet, &size), ssrc <= PH_SRTP_MOST_STREAMS ? 0 : -EDQUOT);
    }
    size_t size = make_rtp(sender, packet, 8, 1);
    assert_int_equal(ph_srtp_open(srtp, packet, &size), 0);
    srtp_dealloc(sender);
    ph_srtp_destroy(srtp);
}

static void short_packets_are_no_packets(void **state) {
    (void)state;
    struct ph_srtp_keys keys = keys_for(PH_SRTP_AEAD_AES_128_GCM);
    struct ph_srtp *srtp;
    assert_int_equal(ph_srtp_create(&srtp, &keys), 0);
    for (size_t length = 0; length < 64; length++) {
        uint8_t packet[64] = {0x80, 96};
        size_t size = length;
        assert_int_equal(ph_srtp_open(srtp, packet, &size), -EBADMSG);
        size = length;
        packet[1] = 200;
        assert_int_equal(ph_srtp_open_rtcp(srtp, packet, &size), -EBADMSG);
    }
    ph_srtp_destroy(srtp);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_roles_agree_on_keys),
        cmocka_unit_test(lost_flights_come_again),
        cmocka_unit_test(of_a_clients_flights_the_first_alone_comes_again_soon),
        cmocka_unit_test(another_certificate_than_the_offers_is_refused),
        cmocka_unit_test(a_goodbye_is_heard),
        cmocka_unit_test(noise_behind_a_handshake_changes_nothing),
        cmocka_unit_test(a_last_flight_that_was_lost_comes_again),
        cmocka_unit_test(packets_open_once_and_only_whole),
        cmocka_unit_test(a_publisher_has_a_bounded_number_of_streams),
        cmocka_unit_test(short_packets_are_no_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
