/* The WebRTC port, met by publishers over real sockets: from the offer to the units that a worker gets, and
 * everything that strangers try. */
#include "ingest/webrtc/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/ingest/relay_scene.h"
#include "tests/unit/ingest/webrtc/peer_double.h"
#include "tests/unit/support/allocation_failure.h"

struct scene {
    struct relay_scene *relays;
    struct ph_webrtc_endpoint *endpoint;
    struct peer_double peer;
};

static const uint8_t key_hash[PH_WEBRTC_KEY_HASH_BYTES];

static void start_endpoint(struct scene *scene, const char *listen) {
    struct ph_error error = {""};
    const struct ph_webrtc_options options = {.listen = listen,
        .announce = "",
        .relays = scene->relays->relays,
        .most_connections = 40,
        .connect_us = 700 * PH_MILLISECOND_US,
        .first_media_us = 700 * PH_MILLISECOND_US};
    assert_int_equal(ph_webrtc_endpoint_create(&scene->endpoint, &options, &error), 0);
    assert_int_equal(ph_webrtc_endpoint_start(scene->endpoint, &error), 0);
}

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    void *relays;
    relay_scene_set_up(&relays);
    scene->relays = relays;
    relay_scene_start(scene->relays);
    start_endpoint(scene, "127.0.0.1:0");
    peer_double_init(&scene->peer);
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    void *relays = scene->relays;
    ph_webrtc_endpoint_destroy(scene->endpoint);
    relay_scene_tear_down(&relays);
    peer_double_finish(&scene->peer);
    free(scene);
    return 0;
}

static int open_as(struct scene *scene, struct peer_double *peer, const char *session) {
    struct ph_webrtc_publisher *publisher = calloc(1, sizeof(*publisher));
    peer_double_describe(peer, session, publisher);
    int code = ph_webrtc_open(scene->endpoint, publisher, strdup("v=0\r\n"), &peer->local);
    free(publisher);
    return code;
}

/* Offered, connected, shaken hands. */
static void join(struct scene *scene, bool tcp) {
    assert_int_equal(open_as(scene, &scene->peer, "s1"), 0);
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), tcp);
    assert_true(peer_double_join(&scene->peer));
}

static bool reached(struct worker_double *worker, int index) {
    return relay_scene_reached(worker, index);
}

static void assert_reached(struct scene *scene, int index) {
    assert_true(worker_double_wait(&scene->relays->worker, reached, index, 5));
}

static double metric(struct scene *scene, const char *name, const char *key, const char *value) {
    return ph_metric_value(ph_metrics_counter(scene->relays->metrics, name, "", PH_LABELS({key, value})));
}

static double dropped(struct scene *scene, const char *reason) {
    return metric(scene, "porthole_webrtc_dropped_packets_total", "reason", reason);
}

/* Counters are counted by another thread. */
static void wait_for_drops(struct scene *scene, const char *reason, double count) {
    int64_t deadline_us = ph_now_us() + 5 * PH_SECOND_US;
    while (dropped(scene, reason) < count && ph_now_us() < deadline_us)
        usleep(1000);
    assert_true(dropped(scene, reason) >= count);
}

static bool connections_are(struct scene *scene, unsigned count, int64_t within_us) {
    char text[64], expected[64];
    int64_t deadline_us = ph_now_us() + within_us;
    snprintf(expected, sizeof(expected), "%u connections", count);
    do {
        assert_true(ph_webrtc_endpoint_health(scene->endpoint, text, sizeof(text)));
        if (strcmp(text, expected) == 0)
            return true;
        usleep(1000);
    } while (ph_now_us() < deadline_us);
    return false;
}

static void a_publisher_over_udp_reaches_the_worker(void **state) {
    struct scene *scene = *state;
    join(scene, false);
    peer_double_publish(&scene->peer, 50);
    assert_reached(scene, 50); /* the connection is entry 0 */
    assert_int_equal(control_double_read(&scene->relays->control, &scene->relays->control.connected), 1);
}

static void a_publisher_over_tcp_reaches_the_worker(void **state) {
    struct scene *scene = *state;
    join(scene, true);
    peer_double_publish(&scene->peer, 50);
    assert_reached(scene, 50);
}

static void another_certificate_than_the_offers_is_refused(void **state) {
    struct scene *scene = *state;
    struct peer_double other;
    peer_double_init(&other);
    assert_int_equal(open_as(scene, &other, "s1"), 0);
    scene->peer.local = other.local;
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_false(peer_double_join(&scene->peer));
    assert_true(connections_are(scene, 0, 5 * PH_SECOND_US));
    assert_true(metric(scene, "porthole_webrtc_handshakes_total", "result", "fingerprint") == 1);
    peer_double_finish(&other);
}

static void checks_with_a_wrong_signature_leave_nothing(void **state) {
    struct scene *scene = *state;
    assert_int_equal(open_as(scene, &scene->peer, "s1"), 0);
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_false(peer_double_check(
        &scene->peer, &(struct stun_check){.password = "not the password that we were given"}));
    assert_false(peer_double_check(&scene->peer, &(struct stun_check){.without_integrity = true}));
    assert_true(dropped(scene, "stun") == 2);
    uint8_t hello[100] = {22, 0xfe, 0xfd};
    peer_double_send(&scene->peer, (struct ph_slice){hello, sizeof(hello)});
    wait_for_drops(scene, "stranger", 1);
}

static void forged_and_replayed_packets_do_not_reach_the_worker(void **state) {
    struct scene *scene = *state;
    uint8_t packet[PEER_MOST_BYTES], forged[PEER_MOST_BYTES];
    join(scene, false);
    peer_double_publish(&scene->peer, 10);
    size_t size = peer_double_packet(&scene->peer, packet);
    memcpy(forged, packet, size);
    forged[20] ^= 1;
    for (int i = 0; i < 5; i++)
        peer_double_send(&scene->peer, (struct ph_slice){forged, size});
    for (int i = 0; i < 5; i++)
        peer_double_send(&scene->peer, (struct ph_slice){packet, size});
    wait_for_drops(scene, "replayed", 4);
    assert_true(dropped(scene, "forged") == 5);
    peer_double_publish(&scene->peer, 1);
    assert_reached(scene, 12);
    assert_false(worker_double_wait(&scene->relays->worker, reached, 13, 0));
}

static void media_from_a_new_address_goes_on(void **state) {
    struct scene *scene = *state;
    join(scene, false);
    peer_double_publish(&scene->peer, 10);
    assert_reached(scene, 10);
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
    peer_double_publish(&scene->peer, 5); /* lost: nothing vouches for the new address yet */
    wait_for_drops(scene, "stranger", 5);
    assert_true(peer_double_check(&scene->peer, NULL));
    peer_double_publish(&scene->peer, 10);
    assert_reached(scene, 20);
    assert_int_equal(control_double_read(&scene->relays->control, &scene->relays->control.connected), 1);
}

static void from_udp_to_tcp_media_goes_on(void **state) {
    struct scene *scene = *state;
    join(scene, false);
    peer_double_publish(&scene->peer, 10);
    assert_reached(scene, 10);
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), true);
    assert_true(peer_double_check(&scene->peer, NULL));
    peer_double_publish(&scene->peer, 10);
    assert_reached(scene, 20);
}

static int patch(
    struct scene *scene, const char *ufrag, const char *if_match, struct ph_webrtc_local *local) {
    struct ph_webrtc_patch *change = calloc(1, sizeof(*change));
    struct ph_sdpfrag *fragment = calloc(1, sizeof(*fragment));
    strcpy(fragment->ufrag, ufrag);
    strcpy(fragment->pwd, *ufrag ? "another password of the peer" : "");
    change->id = scene->peer.local.id;
    change->key_hash = key_hash;
    change->fragment = fragment;
    change->if_match = if_match;
    int code = ph_webrtc_patch(scene->endpoint, change);
    if (code == PH_WEBRTC_RESTARTED)
        *local = change->local;
    free(fragment);
    free(change);
    return code;
}

static void an_ice_restart_gives_new_credentials_and_media_goes_on(void **state) {
    struct scene *scene = *state;
    struct ph_webrtc_local local;
    join(scene, false);
    peer_double_publish(&scene->peer, 10);
    assert_int_equal(patch(scene, "peer2", "*", &local), PH_WEBRTC_RESTARTED);
    assert_string_not_equal(local.credentials.ufrag, scene->peer.local.credentials.ufrag);
    peer_double_publish(&scene->peer, 10); /* by the old path, meanwhile */
    assert_reached(scene, 20);
    struct ph_webrtc_local old = scene->peer.local;
    assert_true(peer_double_check(&scene->peer, NULL));
    scene->peer.local = local;
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_true(peer_double_check(&scene->peer, NULL));
    peer_double_publish(&scene->peer, 10);
    assert_reached(scene, 30);
    scene->peer.local = old;
    assert_false(peer_double_check(&scene->peer, NULL));
}

static void changes_are_checked_against_the_latest_credentials(void **state) {
    struct scene *scene = *state;
    struct ph_webrtc_local local;
    char tag[40];
    assert_int_equal(open_as(scene, &scene->peer, "s1"), 0);
    snprintf(tag, sizeof(tag), "\"%s\"", scene->peer.local.credentials.ufrag);
    assert_int_equal(patch(scene, "", NULL, &local), PH_WEBRTC_TRICKLED);
    assert_int_equal(patch(scene, "", tag, &local), PH_WEBRTC_TRICKLED);
    assert_int_equal(patch(scene, "peer", tag, &local), PH_WEBRTC_TRICKLED);
    assert_int_equal(patch(scene, "peer", "\"another\"", &local), -ESTALE);
    assert_int_equal(patch(scene, "peer2", NULL, &local), -EINVAL);
    assert_int_equal(patch(scene, "peer2", tag, &local), PH_WEBRTC_RESTARTED);
    assert_int_equal(patch(scene, "peer3", tag, &local), -ESTALE);
    assert_int_equal(patch(scene, "peer3", "*", &local), PH_WEBRTC_RESTARTED);
}

static void only_the_key_that_opened_it_closes_a_connection(void **state) {
    struct scene *scene = *state;
    const uint8_t other[PH_WEBRTC_KEY_HASH_BYTES] = {1};
    join(scene, false);
    peer_double_publish(&scene->peer, 1);
    assert_reached(scene, 1);
    assert_int_equal(ph_webrtc_close(scene->endpoint, scene->peer.local.id, other), -EACCES);
    assert_int_equal(ph_webrtc_close(scene->endpoint, "nobody", key_hash), -ENOENT);
    assert_int_equal(ph_webrtc_close(scene->endpoint, scene->peer.local.id, key_hash), 0);
    assert_true(control_double_wait(&scene->relays->control, &scene->relays->control.disconnected, 1));
    assert_int_equal(ph_webrtc_close(scene->endpoint, scene->peer.local.id, key_hash), -ENOENT);
    uint8_t bytes[PEER_MOST_BYTES];
    size_t size;
    while ((size = peer_double_receive(&scene->peer, bytes, 500)) && bytes[0] != 21) {
    }
    assert_true(size); /* an alert: the publisher is told */
}

static void a_publisher_who_says_goodbye_is_gone_at_once(void **state) {
    struct scene *scene = *state;
    join(scene, false);
    peer_double_publish(&scene->peer, 1);
    assert_reached(scene, 1);
    ph_dtls_close(scene->peer.dtls);
    assert_true(control_double_wait(&scene->relays->control, &scene->relays->control.disconnected, 1));
}

static void thirty_publishers_who_only_connect_take_no_worker_and_are_let_go(void **state) {
    struct scene *scene = *state;
    struct peer_double peers[30];
    for (int i = 0; i < 30; i++) {
        char session[16];
        snprintf(session, sizeof(session), "t%d", i);
        peer_double_init(&peers[i]);
        assert_int_equal(open_as(scene, &peers[i], session), 0);
        peer_double_connect(&peers[i], ph_webrtc_endpoint_port(scene->endpoint), i % 2);
        if (i % 3 == 1)
            assert_true(peer_double_check(&peers[i], NULL));
        if (i % 3 == 2)
            assert_true(peer_double_join(&peers[i]));
    }
    assert_true(connections_are(scene, 30, PH_SECOND_US));
    assert_true(connections_are(scene, 0, 5 * PH_SECOND_US));
    assert_true(metric(scene, "porthole_webrtc_handshakes_total", "result", "timeout") == 20);
    assert_true(metric(scene, "porthole_webrtc_handshakes_total", "result", "ok") == 10);
    assert_int_equal(control_double_read(&scene->relays->control, &scene->relays->control.connected), 0);
    for (int i = 0; i < 30; i++)
        peer_double_finish(&peers[i]);
    join(scene, false);
    peer_double_publish(&scene->peer, 1);
    assert_reached(scene, 1);
}

static void offers_are_bounded(void **state) {
    struct scene *scene = *state;
    for (int i = 0; i < 41; i++) {
        char session[16];
        snprintf(session, sizeof(session), "t%d", i);
        assert_int_equal(open_as(scene, &scene->peer, session), i < 40 ? 0 : -EMFILE);
    }
}

static void an_offer_replaces_the_half_open_one_of_its_session(void **state) {
    struct scene *scene = *state;
    struct peer_double older;
    peer_double_init(&older);
    assert_int_equal(open_as(scene, &older, "s1"), 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(open_as(scene, &scene->peer, "s1"), 0);
    assert_true(connections_are(scene, 1, PH_SECOND_US));
    peer_double_connect(&older, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_false(peer_double_check(&older, NULL));
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_true(peer_double_join(&scene->peer));
    peer_double_finish(&older);
}

static void a_flood_of_strangers_is_dropped_and_publishers_go_on(void **state) {
    struct scene *scene = *state;
    struct peer_double flood;
    uint8_t bytes[PEER_MOST_BYTES];
    peer_double_init(&flood);
    peer_double_connect(&flood, ph_webrtc_endpoint_port(scene->endpoint), false);
    join(scene, false);
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
    assert_reached(scene, 100);
    assert_int_equal(peer_double_receive(&flood, bytes, 0), 0);
    wait_for_drops(scene, "stranger", 2000);
    assert_true(connections_are(scene, 1, PH_SECOND_US));
    peer_double_finish(&flood);
}

/* TCP connections that prove nothing: the newest is always served, and none stays. */
static void a_flood_of_tcp_connections_keeps_no_publisher_out(void **state) {
    struct scene *scene = *state;
    struct peer_double strangers[100];
    for (int i = 0; i < 100; i++) {
        peer_double_init(&strangers[i]);
        peer_double_connect(&strangers[i], ph_webrtc_endpoint_port(scene->endpoint), true);
        peer_double_send(&strangers[i], (struct ph_slice){(const uint8_t *)"GET / HTTP/1.1", 14});
    }
    join(scene, true);
    peer_double_publish(&scene->peer, 10);
    assert_reached(scene, 10);
    for (int i = 0; i < 100; i++)
        peer_double_finish(&strangers[i]);
}

static void a_session_that_ends_closes_its_publisher(void **state) {
    struct scene *scene = *state;
    join(scene, false);
    peer_double_publish(&scene->peer, 1);
    assert_reached(scene, 1);
    assert_int_equal(ph_relays_end(scene->relays->relays, "s1", "its owner ended it"), 0);
    assert_true(connections_are(scene, 0, 5 * PH_SECOND_US));
}

static void both_families_are_served_by_one_port(void **state) {
    struct scene *scene = *state;
    ph_webrtc_endpoint_destroy(scene->endpoint);
    start_endpoint(scene, "[::]:0");
    for (int i = 0; i < 4; i++) {
        char session[8];
        struct peer_double peer;
        snprintf(session, sizeof(session), "f%d", i);
        peer_double_init(&peer);
        peer.ipv6 = i & 1;
        assert_int_equal(open_as(scene, &peer, session), 0);
        peer_double_connect(&peer, ph_webrtc_endpoint_port(scene->endpoint), i & 2);
        assert_true(peer_double_join(&peer));
        peer_double_publish(&peer, 1);
        assert_true(control_double_wait(&scene->relays->control, &scene->relays->control.connected, i + 1));
        peer_double_finish(&peer);
    }
}

struct failing {
    struct scene *scene;
    struct ph_webrtc_publisher *publisher;
};

/* An endpoint made, opened and offered to, as far as memory goes. */
static int use_endpoint(void *opaque) {
    struct failing *failing = opaque;
    struct ph_webrtc_endpoint *endpoint;
    struct ph_webrtc_local local;
    struct ph_error error;
    const struct ph_webrtc_options options = {
        .listen = "127.0.0.1:0", .announce = "", .relays = failing->scene->relays->relays};
    int code = ph_webrtc_endpoint_create(&endpoint, &options, &error);
    if (code)
        return code;
    code = ph_webrtc_endpoint_start(endpoint, &error);
    char *sdp = code ? NULL : strdup("v=0\r\n");
    if (!code)
        code = sdp ? ph_webrtc_open(endpoint, failing->publisher, sdp, &local) : -ENOMEM;
    ph_webrtc_endpoint_destroy(endpoint);
    return code;
}

static void memory_that_runs_out_is_survived(void **state) {
    struct failing failing = {*state, calloc(1, sizeof(struct ph_webrtc_publisher))};
    peer_double_describe(&failing.scene->peer, "s1", failing.publisher);
    ph_test_with_failing_allocations(use_endpoint, &failing);
    free(failing.publisher);
}

static void a_wrong_address_says_which_setting_is_wrong(void **state) {
    struct scene *scene = *state;
    struct ph_webrtc_endpoint *second;
    struct ph_error error = {""};
    char listen[32];
    snprintf(listen, sizeof(listen), "127.0.0.1:%u", ph_webrtc_endpoint_port(scene->endpoint));
    struct ph_webrtc_options options = {
        .listen = "nonsense", .announce = "", .relays = scene->relays->relays};
    assert_int_equal(ph_webrtc_endpoint_create(&second, &options, &error), -EINVAL);
    assert_non_null(strstr(error.text, "PORTHOLE_WEBRTC_LISTEN"));
    options.listen = listen;
    assert_int_equal(ph_webrtc_endpoint_create(&second, &options, &error), 0);
    assert_int_equal(ph_webrtc_endpoint_start(second, &error), -EADDRINUSE);
    assert_non_null(strstr(error.text, "in use"));
    ph_webrtc_endpoint_destroy(second);
    options.listen = "127.0.0.1:0";
    options.announce = "example.org";
    assert_int_equal(ph_webrtc_endpoint_create(&second, &options, &error), 0);
    assert_int_equal(ph_webrtc_endpoint_start(second, &error), -EINVAL);
    assert_non_null(strstr(error.text, "PORTHOLE_WEBRTC_ANNOUNCE"));
    ph_webrtc_endpoint_destroy(second);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE(a_publisher_over_udp_reaches_the_worker),
        SCENE(a_publisher_over_tcp_reaches_the_worker),
        SCENE(another_certificate_than_the_offers_is_refused),
        SCENE(checks_with_a_wrong_signature_leave_nothing),
        SCENE(forged_and_replayed_packets_do_not_reach_the_worker),
        SCENE(media_from_a_new_address_goes_on),
        SCENE(from_udp_to_tcp_media_goes_on),
        SCENE(an_ice_restart_gives_new_credentials_and_media_goes_on),
        SCENE(changes_are_checked_against_the_latest_credentials),
        SCENE(only_the_key_that_opened_it_closes_a_connection),
        SCENE(a_publisher_who_says_goodbye_is_gone_at_once),
        SCENE(thirty_publishers_who_only_connect_take_no_worker_and_are_let_go),
        SCENE(offers_are_bounded),
        SCENE(an_offer_replaces_the_half_open_one_of_its_session),
        SCENE(a_flood_of_strangers_is_dropped_and_publishers_go_on),
        SCENE(a_flood_of_tcp_connections_keeps_no_publisher_out),
        SCENE(a_session_that_ends_closes_its_publisher),
        SCENE(both_families_are_served_by_one_port),
        SCENE(memory_that_runs_out_is_survived),
        SCENE(a_wrong_address_says_which_setting_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
