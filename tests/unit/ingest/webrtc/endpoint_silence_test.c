/* Publishers who are not heard any more: given up, or superseded by one who is. The clock is moved by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "ingest/webrtc/endpoint.h"
#include "tests/unit/ingest/webrtc/endpoint_scene.h"

static _Atomic int64_t moved_us; /* for every thread of the test */

int64_t __real_ph_now_us(void);
int64_t __wrap_ph_now_us(void);
int64_t __wrap_ph_now_us(void) {
    return __real_ph_now_us() + atomic_load(&moved_us);
}

/* The second question is answered after the round of the first: whoever was given up in that is gone. */
static void let_pass(struct endpoint_scene *scene, int64_t duration_us) {
    atomic_fetch_add(&moved_us, duration_us);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ph_webrtc_close(scene->endpoint, "nobody", endpoint_scene_key_hash), -ENOENT);
}

static const char wait_name[] = "porthole_webrtc_wait_seconds";

/* A publisher who sends, and whose figures are shown. */
static void publish_until_shown(struct endpoint_scene *scene) {
    endpoint_scene_join(scene, false);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 10);
    endpoint_scene_wait_for_gauge(scene, wait_name);
}

static int disconnected(struct endpoint_scene *scene) {
    return control_double_read(&scene->relays->control, &scene->relays->control.disconnected);
}

static void a_publisher_who_vanished_is_given_up_after_thirty_seconds(void **state) {
    struct endpoint_scene *scene = *state;
    publish_until_shown(scene);
    let_pass(scene, 20 * PH_SECOND_US);
    assert_int_equal(disconnected(scene), 0);
    peer_double_publish(&scene->peer, 10); /* it was but away */
    endpoint_scene_assert_reached(scene, 20);
    let_pass(scene, 20 * PH_SECOND_US);
    assert_int_equal(disconnected(scene), 0);
    let_pass(scene, 11 * PH_SECOND_US);
    assert_int_equal(disconnected(scene), 1);
    assert_true(endpoint_scene_connections_are(scene, 0, 0));
    assert_true(endpoint_scene_gauge(scene, wait_name) == 0);
    assert_true(endpoint_scene_gauge(scene, "porthole_webrtc_receive_rate_bits") == 0);
    assert_true(peer_double_is_refused(&scene->peer, NULL)); /* nobody is there who would answer */
}

static void a_superseded_publisher_leaves_the_gauges_to_its_follower(void **state) {
    struct endpoint_scene *scene = *state;
    struct peer_double follower;
    publish_until_shown(scene);
    peer_double_publish(&scene->peer, 10);
    endpoint_scene_assert_reached(scene, 20);
    let_pass(scene, 2 * PH_SECOND_US);
    peer_double_init(&follower);
    assert_int_equal(endpoint_scene_open(scene, &follower, "s1"), 0);
    peer_double_connect(&follower, ph_webrtc_endpoint_port(scene->endpoint), false);
    assert_true(peer_double_join(&follower));
    peer_double_publish(&follower, 1);
    assert_true(endpoint_scene_connections_are(scene, 1, 30 * PH_SECOND_US));
    assert_true(endpoint_scene_gauge(scene, wait_name) > 0);
    assert_true(endpoint_scene_packets(scene) >= 20); /* the first one's to the last */
    assert_int_equal(disconnected(scene), 0);
    assert_int_equal(ph_webrtc_close(scene->endpoint, follower.local.id, endpoint_scene_key_hash), 0);
    assert_true(control_double_wait(&scene->relays->control, &scene->relays->control.disconnected, 1));
    assert_true(endpoint_scene_gauge(scene, wait_name) == 0);
    assert_int_equal((int)endpoint_scene_packets(scene), 21);
    peer_double_finish(&follower);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ENDPOINT_SCENE(a_publisher_who_vanished_is_given_up_after_thirty_seconds),
        ENDPOINT_SCENE(a_superseded_publisher_leaves_the_gauges_to_its_follower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
