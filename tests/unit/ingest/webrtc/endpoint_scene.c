#include "tests/unit/ingest/webrtc/endpoint_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"

const uint8_t endpoint_scene_key_hash[PH_WEBRTC_KEY_HASH_BYTES];

static void start_endpoint(struct endpoint_scene *scene, const char *listen, int64_t connect_us) {
    struct ph_error error = {""};
    const struct ph_webrtc_options options = {.listen = listen,
        .announce = "",
        .relays = scene->relays->relays,
        .most_connections = 40,
        .connect_us = connect_us,
        .first_media_us = 2 * connect_us};
    assert_int_equal(ph_webrtc_endpoint_create(&scene->endpoint, &options, &error), 0);
    assert_int_equal(ph_webrtc_endpoint_start(scene->endpoint, &error), 0);
}

static int set_up(void **state, bool is_impatient) {
    struct endpoint_scene *scene = calloc(1, sizeof(*scene));
    void *relays;
    relay_scene_set_up(&relays);
    scene->relays = relays;
    if (is_impatient)
        scene->relays->options.reconnect_window_s = 1;
    relay_scene_start(scene->relays);
    start_endpoint(scene, "127.0.0.1:0", 30 * PH_SECOND_US);
    peer_double_init(&scene->peer);
    *state = scene;
    return 0;
}

int endpoint_scene_set_up(void **state) {
    return set_up(state, false);
}

int endpoint_scene_set_up_impatient(void **state) {
    return set_up(state, true);
}

int endpoint_scene_tear_down(void **state) {
    struct endpoint_scene *scene = *state;
    void *relays = scene->relays;
    ph_webrtc_endpoint_destroy(scene->endpoint);
    relay_scene_tear_down(&relays);
    peer_double_finish(&scene->peer);
    free(scene);
    return 0;
}

int endpoint_scene_open(struct endpoint_scene *scene, struct peer_double *peer, const char *session) {
    struct ph_webrtc_publisher *publisher = calloc(1, sizeof(*publisher));
    peer_double_describe(peer, session, publisher);
    int code = ph_webrtc_open(scene->endpoint, publisher, strdup("v=0\r\n"), &peer->local);
    free(publisher);
    return code;
}

/* Offered, connected, shaken hands. */
void endpoint_scene_join(struct endpoint_scene *scene, bool tcp) {
    assert_int_equal(endpoint_scene_open(scene, &scene->peer, "s1"), 0);
    peer_double_connect(&scene->peer, ph_webrtc_endpoint_port(scene->endpoint), tcp);
    assert_true(peer_double_join(&scene->peer));
}

static bool reached(struct worker_double *worker, int index) {
    return relay_scene_reached(worker, index);
}

void endpoint_scene_assert_reached(struct endpoint_scene *scene, int index) {
    assert_true(worker_double_wait(&scene->relays->worker, reached, index, 30));
}

static double metric(struct endpoint_scene *scene, const char *name, const char *key, const char *value) {
    return ph_metric_value(ph_metrics_counter(scene->relays->metrics, name, "", PH_LABELS({key, value})));
}

double endpoint_scene_dropped(struct endpoint_scene *scene, const char *reason) {
    return metric(scene, "porthole_webrtc_dropped_packets_total", "reason", reason);
}

/* Counters are counted by another thread. */
void endpoint_scene_wait_for_drops(struct endpoint_scene *scene, const char *reason, double count) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (endpoint_scene_dropped(scene, reason) < count && ph_now_us() < deadline_us)
        usleep(1000);
    assert_true(endpoint_scene_dropped(scene, reason) >= count);
}

double endpoint_scene_packets(struct endpoint_scene *scene) {
    return metric(scene, "porthole_webrtc_received_packets_total", "session", "s1");
}

double endpoint_scene_gauge(struct endpoint_scene *scene, const char *name) {
    return ph_metric_value(ph_metrics_gauge(scene->relays->metrics, name, "", PH_LABELS({"session", "s1"})));
}

void endpoint_scene_wait_for_gauge(struct endpoint_scene *scene, const char *name) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (endpoint_scene_gauge(scene, name) == 0 && ph_now_us() < deadline_us)
        usleep(1000);
    assert_true(endpoint_scene_gauge(scene, name) > 0);
}

bool endpoint_scene_connections_are(struct endpoint_scene *scene, unsigned count, int64_t within_us) {
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

void endpoint_scene_restart(struct endpoint_scene *scene, const char *listen, int64_t connect_us) {
    ph_webrtc_endpoint_destroy(scene->endpoint);
    start_endpoint(scene, listen, connect_us);
}

bool endpoint_scene_is_reached_now(struct endpoint_scene *scene, int index) {
    return worker_double_wait(&scene->relays->worker, reached, index, 0);
}

double endpoint_scene_handshakes(struct endpoint_scene *scene, const char *result) {
    return metric(scene, "porthole_webrtc_handshakes_total", "result", result);
}
