/* The WebRTC port between a relay and publishers, for one test. Asserts inside. */
#ifndef PH_TEST_ENDPOINT_SCENE_H
#define PH_TEST_ENDPOINT_SCENE_H

#include "tests/unit/ingest/relay_scene.h"
#include "tests/unit/ingest/webrtc/peer_double.h"

struct endpoint_scene {
    struct relay_scene *relays;
    struct ph_webrtc_endpoint *endpoint;
    struct peer_double peer; /* a publisher for session s1 */
};

/* Of the publishers that describe themselves by peer_double_describe(). */
extern const uint8_t endpoint_scene_key_hash[PH_WEBRTC_KEY_HASH_BYTES];

/* 40 connections at most, which have 30 s to connect and a minute to send. */
int endpoint_scene_set_up(void **state);
/* The same, with sessions that wait a second for media. */
int endpoint_scene_set_up_impatient(void **state);
int endpoint_scene_tear_down(void **state);
/* Another endpoint instead of the present one; its connections have twice as long to send as to connect. */
void endpoint_scene_restart(struct endpoint_scene *scene, const char *listen, int64_t connect_us);

/* Offers; the code of ph_webrtc_open(). */
int endpoint_scene_open(struct endpoint_scene *scene, struct peer_double *peer, const char *session);
/* The scene's peer has offered, connected, shaken hands. */
void endpoint_scene_join(struct endpoint_scene *scene, bool tcp);
/* The worker gets the entry of this index within five seconds; the connection is entry 0. */
void endpoint_scene_assert_reached(struct endpoint_scene *scene, int index);
bool endpoint_scene_is_reached_now(struct endpoint_scene *scene, int index);

double endpoint_scene_handshakes(struct endpoint_scene *scene, const char *result);
double endpoint_scene_dropped(struct endpoint_scene *scene, const char *reason);
/* They are counted by another thread: within five seconds. */
void endpoint_scene_wait_for_drops(struct endpoint_scene *scene, const char *reason, double count);
/* Of session s1. */
double endpoint_scene_packets(struct endpoint_scene *scene);
double endpoint_scene_gauge(struct endpoint_scene *scene, const char *name);
/* Gauges are set once a second, by another thread: this one to more than 0 within ten seconds. */
void endpoint_scene_wait_for_gauge(struct endpoint_scene *scene, const char *name);
bool endpoint_scene_connections_are(struct endpoint_scene *scene, unsigned count, int64_t within_us);

#define ENDPOINT_SCENE(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, endpoint_scene_set_up, endpoint_scene_tear_down)

#endif
