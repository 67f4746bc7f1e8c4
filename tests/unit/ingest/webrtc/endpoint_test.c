/* The WebRTC port, met by publishers over real sockets: from the offer to the units that a worker gets. */
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
#include "tests/unit/ingest/webrtc/endpoint_scene.h"
#include "tests/unit/support/allocation_failure.h"

static void a_publisher_over_udp_reaches_the_worker(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 50);
    endpoint_scene_assert_reached(scene, 50); /* the connection is entry 0 */
    assert_int_equal(control_double_read(&scene->relays->control, &scene->relays->control.connected), 1);
}

static void a_publisher_over_tcp_reaches_the_worker(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, true);
    peer_double_publish(&scene->peer, 50);
    endpoint_scene_assert_reached(scene, 50);
}

static void feedback_reaches_the_publisher_sealed(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    assert_true(peer_double_is_asked_for_what_it_loses(&scene->peer));
}

static int patch(
    struct endpoint_scene *scene, const char *ufrag, const char *if_match, struct ph_webrtc_local *local) {
    struct ph_webrtc_patch *change = calloc(1, sizeof(*change));
    struct ph_sdpfrag *fragment = calloc(1, sizeof(*fragment));
    strcpy(fragment->ufrag, ufrag);
    strcpy(fragment->pwd, *ufrag ? "another password of the peer" : "");
    change->id = scene->peer.local.id;
    change->key_hash = endpoint_scene_key_hash;
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
    struct endpoint_scene *scene = *state;
    struct ph_webrtc_local local;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    assert_int_equal(patch(scene, "peer2", "*", &local), PH_WEBRTC_RESTARTED);
    assert_string_not_equal(local.credentials.ufrag, scene->peer.local.credentials.ufrag);
    peer_double_publish(&scene->peer, 10); /* by the old path, meanwhile */
    endpoint_scene_assert_reached(scene, 20);
    struct ph_webrtc_local old = scene->peer.local;
    assert_true(peer_double_check(&scene->peer));
    scene->peer.local = local;
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_true(peer_double_check(&scene->peer));
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 30);
    scene->peer.local = old;
    assert_true(peer_double_is_refused(&scene->peer, NULL));
}

static void changes_are_checked_against_the_latest_credentials(void **state) {
    struct endpoint_scene *scene = *state;
    struct ph_webrtc_local local;
    char tag[40];
    assert_int_equal(endpoint_scene_open(scene, &scene->peer, "s1"), 0);
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

static void a_restart_whose_answer_was_lost_is_answered_again(void **state) {
    struct endpoint_scene *scene = *state;
    struct ph_webrtc_local local, again;
    endpoint_scene_join(scene, false);
    assert_int_equal(patch(scene, "peer2", "*", &local), PH_WEBRTC_RESTARTED);
    assert_int_equal(patch(scene, "peer2", "*", &again), PH_WEBRTC_RESTARTED);
    assert_string_equal(again.credentials.ufrag, local.credentials.ufrag);
    assert_string_equal(again.credentials.pwd, local.credentials.pwd);
    scene->peer.local = again;
    assert_true(peer_double_check(&scene->peer));
    assert_int_equal(patch(scene, "peer2", "*", &again), PH_WEBRTC_TRICKLED);
}

static void only_the_key_that_opened_it_closes_a_connection(void **state) {
    struct endpoint_scene *scene = *state;
    const uint8_t other[PH_WEBRTC_KEY_HASH_BYTES] = {1};
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 1);
    endpoint_scene_assert_reached(scene, 1);
    assert_int_equal(ph_webrtc_close(scene->endpoint, scene->peer.local.id, other), -EACCES);
    assert_int_equal(ph_webrtc_close(scene->endpoint, "nobody", endpoint_scene_key_hash), -ENOENT);
    assert_int_equal(ph_webrtc_close(scene->endpoint, scene->peer.local.id, endpoint_scene_key_hash), 0);
    assert_true(control_double_wait(&scene->relays->control, &scene->relays->control.disconnected, 1));
    assert_int_equal(
        ph_webrtc_close(scene->endpoint, scene->peer.local.id, endpoint_scene_key_hash), -ENOENT);
    uint8_t bytes[PEER_MOST_BYTES];
    size_t size;
    while ((size = peer_double_receive(&scene->peer, bytes, 5000)) && bytes[0] != 21) {
    }
    assert_true(size); /* an alert: the publisher is told */
}

static void a_publisher_who_says_goodbye_is_gone_at_once(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 1);
    endpoint_scene_assert_reached(scene, 1);
    ph_dtls_close(scene->peer.dtls);
    assert_true(control_double_wait(&scene->relays->control, &scene->relays->control.disconnected, 1));
}

static void the_figures_of_a_publisher_end_with_it(void **state) {
    struct endpoint_scene *scene = *state;
    static const char rate[] = "porthole_webrtc_receive_rate_bits";
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_wait_for_gauge(scene, rate);
    peer_double_publish(&scene->peer, 10); /* after the last look at it */
    endpoint_scene_assert_reached(scene, 20);
    ph_dtls_close(scene->peer.dtls);
    assert_true(control_double_wait(&scene->relays->control, &scene->relays->control.disconnected, 1));
    assert_int_equal((int)endpoint_scene_packets(scene), 20);
    assert_true(endpoint_scene_gauge(scene, rate) == 0);
}

/* As many a browser does whose track was replaced: no connection ends, and none begins. */
static void a_publisher_who_says_bye_and_goes_on_keeps_its_connection(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    peer_double_say_bye(&scene->peer);
    assert_true(peer_double_hears_feedback(&scene->peer, 201)); /* it was read, and more rounds passed */
    assert_true(peer_double_check(&scene->peer));
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 20);
    assert_int_equal(control_double_read(&scene->relays->control, &scene->relays->control.connected), 1);
    assert_int_equal(control_double_read(&scene->relays->control, &scene->relays->control.disconnected), 0);
}

/* Viewers wait for media, not for word of it. */
static void a_publisher_who_sends_reports_alone_is_let_go_with_its_session(void **state) {
    struct endpoint_scene *scene = *state;
    struct control_double *control = &scene->relays->control;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (!control_double_read(control, &control->ended) && ph_now_us() < deadline_us) {
        peer_double_report(&scene->peer);
        usleep(10000);
    }
    assert_int_equal(control_double_read(control, &control->ended), 1);
    assert_string_equal(control->ended_reason, "publisher gone");
    assert_true(endpoint_scene_connections_are(scene, 0, 30 * PH_SECOND_US));
}

static void a_session_that_ends_closes_its_publisher(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 1);
    endpoint_scene_assert_reached(scene, 1);
    assert_int_equal(ph_relays_end(scene->relays->relays, "s1", "its owner ended it"), 0);
    assert_true(endpoint_scene_connections_are(scene, 0, 30 * PH_SECOND_US));
}

static void both_families_are_served_by_one_port(void **state) {
    struct endpoint_scene *scene = *state;
    endpoint_scene_restart(scene, "[::]:0", 30 * PH_SECOND_US);
    for (int i = 0; i < 4; i++) {
        char session[8];
        struct peer_double peer;
        snprintf(session, sizeof(session), "f%d", i);
        peer_double_init(&peer);
        peer.ipv6 = i & 1;
        assert_int_equal(endpoint_scene_open(scene, &peer, session), 0);
        peer_double_connect(&peer, ph_webrtc_endpoint_port(scene->endpoint), i & 2);
        assert_true(peer_double_join(&peer));
        peer_double_publish(&peer, 1);
        assert_true(control_double_wait(&scene->relays->control, &scene->relays->control.connected, i + 1));
        peer_double_finish(&peer);
    }
}

struct failing {
    struct endpoint_scene *scene;
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
    struct endpoint_scene *scene = *state;
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

int main(void) {
    const struct CMUnitTest tests[] = {
        ENDPOINT_SCENE(a_publisher_over_udp_reaches_the_worker),
        ENDPOINT_SCENE(a_publisher_over_tcp_reaches_the_worker),
        ENDPOINT_SCENE(feedback_reaches_the_publisher_sealed),
        ENDPOINT_SCENE(an_ice_restart_gives_new_credentials_and_media_goes_on),
        ENDPOINT_SCENE(changes_are_checked_against_the_latest_credentials),
        ENDPOINT_SCENE(a_restart_whose_answer_was_lost_is_answered_again),
        ENDPOINT_SCENE(only_the_key_that_opened_it_closes_a_connection),
        ENDPOINT_SCENE(a_publisher_who_says_goodbye_is_gone_at_once),
        ENDPOINT_SCENE(the_figures_of_a_publisher_end_with_it),
        ENDPOINT_SCENE(a_publisher_who_says_bye_and_goes_on_keeps_its_connection),
        cmocka_unit_test_setup_teardown(a_publisher_who_sends_reports_alone_is_let_go_with_its_session,
            endpoint_scene_set_up_impatient, endpoint_scene_tear_down),
        ENDPOINT_SCENE(a_session_that_ends_closes_its_publisher),
        ENDPOINT_SCENE(both_families_are_served_by_one_port),
        ENDPOINT_SCENE(memory_that_runs_out_is_survived),
        ENDPOINT_SCENE(a_wrong_address_says_which_setting_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
