/* Publishers whose address changes under them, and those who would have it look so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "ingest/webrtc/endpoint.h"
#include "tests/unit/ingest/webrtc/endpoint_scene.h"

enum { MOST_TRIES = 200, MOST_PATHS = 8, MOST_SSRCS = 8 };

/* A second socket, of somebody who is none of the publishers. */
static void join_with_stranger(struct endpoint_scene *scene, struct peer_double *stranger) {
    endpoint_scene_join(scene, false);
    peer_double_init(stranger);
    peer_double_connect(stranger, ph_webrtc_endpoint_port(scene->endpoint), false);
}

static void move(struct endpoint_scene *scene) {
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
}

static void media_from_a_new_address_goes_on_without_a_check(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    move(scene);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 20);
    assert_true(endpoint_scene_dropped(scene, "stranger") == 0);
    assert_int_equal(control_double_read(&scene->relays->control, &scene->relays->control.connected), 1);
    assert_true(peer_double_check(&scene->peer));
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 30);
}

/* Between handshake and media a headset may take seconds, and its check comes later still. */
static void a_publisher_who_moves_before_its_first_packet_is_followed(void **state) {
    struct endpoint_scene *scene = *state;
    scene->peer.announces = true;
    endpoint_scene_join(scene, false);
    move(scene);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    assert_true(endpoint_scene_dropped(scene, "stranger") == 0);
}

static void feedback_goes_to_the_new_address(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    move(scene);
    assert_true(peer_double_is_asked_for_what_it_loses(&scene->peer));
}

/* A report is enough: of a publisher that shows nothing for a while. */
static void rtcp_from_a_new_address_moves_it(void **state) {
    struct endpoint_scene *scene = *state;
    _Alignas(4) uint8_t report[PEER_MOST_BYTES] = {0x80, 200, 0, 6, 0x11, 0x22, 0x33, 0x44};
    int size = 28;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    move(scene);
    assert_int_equal(srtp_protect_rtcp(scene->peer.sender, report, &size), srtp_err_status_ok);
    peer_double_send(&scene->peer, (struct ph_slice){report, (size_t)size});
    assert_true(peer_double_hears_feedback(&scene->peer, 201));
    assert_true(endpoint_scene_dropped(scene, "stranger") == 0);
}

static void more_addresses_than_are_kept_are_followed(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 1);
    for (int i = 1; i <= 3 * MOST_PATHS; i++) {
        endpoint_scene_assert_reached(scene, i);
        move(scene);
        peer_double_publish(&scene->peer, 1);
    }
    endpoint_scene_assert_reached(scene, 3 * MOST_PATHS + 1);
    assert_true(endpoint_scene_dropped(scene, "stranger") == 0);
}

static void from_udp_to_tcp_media_goes_on_after_a_check(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), true);
    peer_double_publish(&scene->peer, 1);
    endpoint_scene_wait_for_drops(scene, "stranger", 1);
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), true);
    assert_true(peer_double_check(&scene->peer));
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 20);
}

static void a_publisher_over_tcp_is_not_followed_to_udp(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double stranger;
    uint8_t packet[PEER_MOST_BYTES];
    endpoint_scene_join(scene, true);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    peer_double_init(&stranger);
    peer_double_connect(&stranger, ph_webrtc_endpoint_port(scene->endpoint), false);
    size_t size = peer_double_packet(&scene->peer, packet);
    peer_double_send(&stranger, (struct ph_slice){packet, size});
    endpoint_scene_wait_for_drops(scene, "stranger", 1);
    peer_double_finish(&stranger);
}

static void forged_packets_from_a_new_address_change_nothing(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double stranger;
    uint8_t packet[PEER_MOST_BYTES], bytes[PEER_MOST_BYTES];
    join_with_stranger(scene, &stranger);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    size_t size = peer_double_packet(&scene->peer, packet);
    for (size_t i = 0; i < size; i += 8) {
        memcpy(bytes, packet, size);
        bytes[i] ^= 1;
        peer_double_send(&stranger, (struct ph_slice){bytes, size});
    }
    for (size_t shorter = 1; shorter < 20; shorter++)
        peer_double_send(&stranger, (struct ph_slice){packet, shorter});
    endpoint_scene_wait_for_drops(scene, "stranger", (double)((size + 7) / 8 + 19));
    assert_true(endpoint_scene_dropped(scene, "forged") == 0);
    peer_double_send(&scene->peer, (struct ph_slice){packet, size});
    endpoint_scene_assert_reached(scene, 11);
    assert_true(peer_double_is_asked_for_what_it_loses(&scene->peer));
    assert_int_equal(peer_double_receive(&stranger, bytes, 0), 0);
    peer_double_finish(&stranger);
}

static void replayed_packets_from_a_new_address_change_nothing(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double stranger;
    uint8_t packet[PEER_MOST_BYTES];
    join_with_stranger(scene, &stranger);
    size_t size = peer_double_packet(&scene->peer, packet);
    peer_double_send(&scene->peer, (struct ph_slice){packet, size});
    peer_double_publish(&scene->peer, 9);
    endpoint_scene_assert_reached(scene, 10);
    for (int i = 0; i < 20; i++)
        peer_double_send(&stranger, (struct ph_slice){packet, size});
    endpoint_scene_wait_for_drops(scene, "stranger", 20);
    assert_true(endpoint_scene_dropped(scene, "replayed") == 0);
    assert_true(peer_double_is_asked_for_what_it_loses(&scene->peer));
    assert_int_equal(peer_double_receive(&stranger, packet, 0), 0);
    peer_double_finish(&stranger);
}

/* Whoever moves meanwhile waits for a check, or for the second to end. */
static void a_flood_of_forgeries_is_tried_in_part(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double stranger;
    uint8_t packet[PEER_MOST_BYTES], forged[PEER_MOST_BYTES];
    join_with_stranger(scene, &stranger);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    size_t size = peer_double_packet(&scene->peer, packet);
    memcpy(forged, packet, size);
    forged[20] ^= 1;
    for (int i = 0; i < MOST_TRIES; i++)
        peer_double_send(&stranger, (struct ph_slice){forged, size});
    peer_double_send(&stranger, (struct ph_slice){packet, size}); /* the real one: not even tried */
    endpoint_scene_wait_for_drops(scene, "stranger", MOST_TRIES + 1);
    assert_false(endpoint_scene_is_reached_now(scene, 11));
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    do {
        usleep(50000);
        peer_double_send(&stranger, (struct ph_slice){packet, size});
    } while (!endpoint_scene_is_reached_now(scene, 11) && ph_now_us() < deadline_us);
    endpoint_scene_assert_reached(scene, 11);
    peer_double_finish(&stranger);
}

/* One packet, and it was authentic. */
static void publish_one(struct endpoint_scene *scene) {
    struct ph_metric *received = ph_metrics_counter(
        scene->relays->metrics, "porthole_ingest_bytes_total", "", PH_LABELS({"protocol", "whip"}));
    double before = ph_metric_value(received);
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    peer_double_publish(&scene->peer, 1);
    while (ph_metric_value(received) == before && ph_now_us() < deadline_us)
        usleep(1000);
    assert_true(ph_metric_value(received) > before);
}

/* More SSRCs than are listed: those that were used first are not any longer. */
static void streams_that_began_anew_are_followed(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    for (int i = 0; i < 2 * MOST_SSRCS; i++) {
        scene->peer.ssrc++;
        publish_one(scene);
    }
    for (int i = 0; i < MOST_SSRCS; i++) {
        move(scene);
        publish_one(scene);
        scene->peer.ssrc--;
    }
    assert_true(endpoint_scene_dropped(scene, "stranger") == 0);
}

static void publishers_of_one_ssrc_do_not_take_each_others_media(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double other;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    peer_double_init(&other);
    assert_int_equal(endpoint_scene_open(scene, &other, "s2"), 0);
    peer_double_connect(&other, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_true(peer_double_join(&other));
    peer_double_publish(&other, 10);
    assert_true(control_double_wait(&scene->relays->control, &scene->relays->control.connected, 2));
    /* Both move, one is not found; its check proves it. */
    move(scene);
    peer_double_connect(&other, ph_webrtc_endpoint_port(scene->endpoint), false);
    peer_double_publish(&scene->peer, 1);
    peer_double_publish(&other, 1);
    endpoint_scene_wait_for_drops(scene, "stranger", 1);
    assert_true(peer_double_check(&scene->peer));
    assert_int_equal(ph_webrtc_close(scene->endpoint, other.local.id, endpoint_scene_key_hash), 0);
    assert_true(endpoint_scene_connections_are(scene, 1, 30 * PH_SECOND_US));
    double dropped = endpoint_scene_dropped(scene, "stranger");
    move(scene);
    assert_true(peer_double_is_asked_for_what_it_loses(&scene->peer));
    assert_true(endpoint_scene_dropped(scene, "stranger") == dropped);
    peer_double_finish(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ENDPOINT_SCENE(media_from_a_new_address_goes_on_without_a_check),
        ENDPOINT_SCENE(a_publisher_who_moves_before_its_first_packet_is_followed),
        ENDPOINT_SCENE(feedback_goes_to_the_new_address),
        ENDPOINT_SCENE(rtcp_from_a_new_address_moves_it),
        ENDPOINT_SCENE(more_addresses_than_are_kept_are_followed),
        ENDPOINT_SCENE(from_udp_to_tcp_media_goes_on_after_a_check),
        ENDPOINT_SCENE(a_publisher_over_tcp_is_not_followed_to_udp),
        ENDPOINT_SCENE(forged_packets_from_a_new_address_change_nothing),
        ENDPOINT_SCENE(replayed_packets_from_a_new_address_change_nothing),
        ENDPOINT_SCENE(a_flood_of_forgeries_is_tried_in_part),
        ENDPOINT_SCENE(streams_that_began_anew_are_followed),
        ENDPOINT_SCENE(publishers_of_one_ssrc_do_not_take_each_others_media),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
