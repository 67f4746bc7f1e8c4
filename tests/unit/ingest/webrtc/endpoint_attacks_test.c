/* The WebRTC port and everything that strangers, and publishers who are none, try. */
#include "ingest/webrtc/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "tests/unit/ingest/webrtc/endpoint_scene.h"

static void another_certificate_than_the_offers_is_refused(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double other;
    peer_double_init(&other);
    assert_int_equal(endpoint_scene_open(scene, &other, "s1"), 0);
    scene->peer.local = other.local;
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_false(peer_double_join(&scene->peer));
    assert_true(endpoint_scene_connections_are(scene, 0, 40 * PH_SECOND_US));
    assert_true(endpoint_scene_handshakes(scene, "fingerprint") == 1);
    peer_double_finish(&other);
}

static void checks_with_a_wrong_signature_leave_nothing(void **state) {
    struct endpoint_scene *scene = *state;
    assert_int_equal(endpoint_scene_open(scene, &scene->peer, "s1"), 0);
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_true(peer_double_is_refused(
        &scene->peer, &(struct stun_check){.password = "not the password that we were given"}));
    assert_true(peer_double_is_refused(&scene->peer, &(struct stun_check){.without_integrity = true}));
    endpoint_scene_wait_for_drops(scene, "stun", 2);
    uint8_t hello[100] = {22, 0xfe, 0xfd};
    peer_double_send(&scene->peer, (struct ph_slice){hello, sizeof(hello)});
    endpoint_scene_wait_for_drops(scene, "stranger", 1);
}

static void forged_and_replayed_packets_do_not_reach_the_worker(void **state) {
    struct endpoint_scene *scene = *state;
    uint8_t packet[PEER_MOST_BYTES], forged[PEER_MOST_BYTES];
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    size_t size = peer_double_packet(&scene->peer, packet);
    memcpy(forged, packet, size);
    forged[20] ^= 1;
    for (int i = 0; i < 5; i++)
        peer_double_send(&scene->peer, (struct ph_slice){forged, size});
    for (int i = 0; i < 5; i++)
        peer_double_send(&scene->peer, (struct ph_slice){packet, size});
    endpoint_scene_wait_for_drops(scene, "replayed", 4);
    assert_true(endpoint_scene_dropped(scene, "forged") == 5);
    peer_double_publish(&scene->peer, 1);
    endpoint_scene_assert_reached(scene, 12);
    assert_false(endpoint_scene_is_reached_now(scene, 13));
}

static void thirty_publishers_who_only_connect_take_no_worker_and_are_let_go(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double peers[30];
    endpoint_scene_restart(scene, "127.0.0.1:0", 3 * PH_SECOND_US);
    for (int i = 0; i < 30; i++) {
        char session[16];
        snprintf(session, sizeof(session), "t%d", i);
        peer_double_init(&peers[i]);
        assert_int_equal(endpoint_scene_open(scene, &peers[i], session), 0);
        peer_double_connect(&peers[i], ph_webrtc_endpoint_port(scene->endpoint), i % 2);
        if (i % 3 == 1)
            assert_true(peer_double_check(&peers[i]));
        if (i % 3 == 2)
            assert_true(peer_double_join(&peers[i]));
    }
    /* Where threads are slow the first go before the last come: the counts tell that all were there. */
    assert_true(endpoint_scene_connections_are(scene, 0, 40 * PH_SECOND_US));
    assert_true(endpoint_scene_handshakes(scene, "timeout") == 20);
    assert_true(endpoint_scene_handshakes(scene, "ok") == 10);
    assert_int_equal(control_double_read(&scene->relays->control, &scene->relays->control.connected), 0);
    for (int i = 0; i < 30; i++)
        peer_double_finish(&peers[i]);
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 1);
    endpoint_scene_assert_reached(scene, 1);
}

static void offers_are_bounded(void **state) {
    struct endpoint_scene *scene = *state;
    for (int i = 0; i < 41; i++) {
        char session[16];
        snprintf(session, sizeof(session), "t%d", i);
        assert_int_equal(endpoint_scene_open(scene, &scene->peer, session), i < 40 ? 0 : -EMFILE);
    }
}

static void an_offer_replaces_the_half_open_one_of_its_session(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double older;
    peer_double_init(&older);
    assert_int_equal(endpoint_scene_open(scene, &older, "s1"), 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(endpoint_scene_open(scene, &scene->peer, "s1"), 0);
    assert_true(endpoint_scene_connections_are(scene, 1, 30 * PH_SECOND_US));
    peer_double_connect(&older, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_true(peer_double_is_refused(&older, NULL));
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_true(peer_double_join(&scene->peer));
    peer_double_finish(&older);
}

static void a_flood_of_strangers_is_dropped_and_publishers_go_on(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double flood;
    uint8_t bytes[PEER_MOST_BYTES];
    peer_double_init(&flood);
    peer_double_connect(&flood, ph_webrtc_endpoint_port(scene->endpoint), false);
    endpoint_scene_join(scene, false);
    size_t size = stun_check_write(
        bytes, &(struct stun_check){.username = "0123456789abcdef:peer", .password = "guess"});
    uint8_t hello[200] = {22, 0xfe, 0xfd};
    for (int i = 0; i < 3000; i++) {
        peer_double_send(&flood, (struct ph_slice){bytes, size});
        peer_double_send(&flood, (struct ph_slice){hello, sizeof(hello)});
        if (i % 30 == 29) {
            peer_double_publish(&scene->peer, 1);
            usleep(1000); /* so that loopback's buffer does not overflow */
        }
    }
    endpoint_scene_assert_reached(scene, 100);
    assert_int_equal(peer_double_receive(&flood, bytes, 0), 0);
    endpoint_scene_wait_for_drops(scene, "stranger", 2000);
    assert_true(endpoint_scene_connections_are(scene, 1, 30 * PH_SECOND_US));
    peer_double_finish(&flood);
}

/* TCP connections that prove nothing: the newest is always served, and none stays. */
static void a_flood_of_tcp_connections_keeps_no_publisher_out(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double strangers[100];
    for (int i = 0; i < 100; i++) {
        peer_double_init(&strangers[i]);
        peer_double_connect(&strangers[i], ph_webrtc_endpoint_port(scene->endpoint), true);
        peer_double_send(&strangers[i], (struct ph_slice){(const uint8_t *)"GET / HTTP/1.1", 14});
    }
    endpoint_scene_join(scene, true);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    uint8_t byte;
    assert_int_equal(recv(strangers[0].fd, &byte, 1, 0), 0); /* the oldest gave way */
    for (int i = 0; i < 100; i++)
        peer_double_finish(&strangers[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ENDPOINT_SCENE(another_certificate_than_the_offers_is_refused),
        ENDPOINT_SCENE(checks_with_a_wrong_signature_leave_nothing),
        ENDPOINT_SCENE(forged_and_replayed_packets_do_not_reach_the_worker),
        ENDPOINT_SCENE(thirty_publishers_who_only_connect_take_no_worker_and_are_let_go),
        ENDPOINT_SCENE(offers_are_bounded),
        ENDPOINT_SCENE(an_offer_replaces_the_half_open_one_of_its_session),
        ENDPOINT_SCENE(a_flood_of_strangers_is_dropped_and_publishers_go_on),
        ENDPOINT_SCENE(a_flood_of_tcp_connections_keeps_no_publisher_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
