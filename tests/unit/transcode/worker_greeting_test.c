/* Links over TCP prove that they know the secret, against a whole supervisor. */
#include "transcode/worker_greeting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "tests/unit/transcode/supervisor_scene.h"

static struct supervisor_scene scene;

static int set_up(void **state) {
    (void)state;
    scene_begin(&scene, "", 4, true);
    scene_pid(&scene, PH_WORKER_SPARE);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    scene_end(&scene);
    return 0;
}

static struct ph_slice slice_of(const char *text) {
    return (struct ph_slice){(const uint8_t *)text, strlen(text)};
}

static void read_challenge(int link, uint8_t challenge[PH_LINK_NONCE_BYTES]) {
    char payload[64];
    assert_int_equal(scene_receive(link, payload, sizeof(payload)), PH_LINK_CHALLENGE);
    memcpy(challenge, payload, PH_LINK_NONCE_BYTES);
}

/* What ingest sends as AUTH: its nonce and its proof. */
static void make_proof(const char *secret, const uint8_t challenge[PH_LINK_NONCE_BYTES],
    uint8_t message[PH_LINK_NONCE_BYTES + 32]) {
    ph_random_bytes(message, PH_LINK_NONCE_BYTES);
    ph_link_auth_digest(slice_of(secret), "ingest", challenge, message, message + PH_LINK_NONCE_BYTES);
}

static double rejections(void) {
    return ph_metric_value(
        ph_metrics_counter(scene.metrics, "porthole_worker_links_rejected_total", "", NULL));
}

static void assert_turned_away(int link) {
    char payload[64];
    assert_int_equal(scene_receive(link, payload, sizeof(payload)), -1);
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (rejections() < 1 && ph_now_us() < deadline_us)
        scene_pause(5);
    assert_int_equal(rejections(), 1);
    assert_int_equal(scene_count(&scene, PH_WORKER_BUSY), 0);
    close(link);
}

static void both_ends_prove_themselves_and_the_session_begins(void **state) {
    (void)state;
    int link = scene_connect_tcp(&scene);
    uint8_t challenge[PH_LINK_NONCE_BYTES], message[PH_LINK_NONCE_BYTES + 32], expected[32];
    read_challenge(link, challenge);
    make_proof(SCENE_SECRET, challenge, message);
    scene_send(link, PH_LINK_AUTH, message, sizeof(message));
    char payload[64];
    assert_int_equal(scene_receive(link, payload, sizeof(payload)), PH_LINK_AUTH_OK);
    ph_link_auth_digest(slice_of(SCENE_SECRET), "worker", message, challenge, expected);
    assert_memory_equal(payload, expected, sizeof(expected));
    scene_hello(link, "serve");
    assert_int_equal(scene_receive(link, payload, sizeof(payload)), PH_LINK_ACCEPT);
    close(link);
}

static void a_proof_in_pieces_with_hello_behind_it_leaves_hello_to_the_process(void **state) {
    (void)state;
    int link = scene_connect_tcp(&scene);
    uint8_t challenge[PH_LINK_NONCE_BYTES], message[PH_LINK_NONCE_BYTES + 32];
    read_challenge(link, challenge);
    make_proof(SCENE_SECRET, challenge, message);
    struct ph_builder builder = {0};
    ph_link_frame_write(&builder, PH_LINK_AUTH, message, sizeof(message));
    ph_link_frame_write(&builder, PH_LINK_HELLO, "serve", 5);
    assert_int_equal(send(link, builder.data, 3, 0), 3);
    scene_pause(20);
    assert_int_equal(send(link, builder.data + 3, 40, 0), 40);
    scene_pause(20);
    assert_int_equal(send(link, builder.data + 43, builder.size - 43, 0), builder.size - 43);
    ph_builder_discard(&builder);
    char payload[64];
    assert_int_equal(scene_receive(link, payload, sizeof(payload)), PH_LINK_AUTH_OK);
    assert_int_equal(scene_receive(link, payload, sizeof(payload)), PH_LINK_ACCEPT);
    close(link);
}

static void a_wrong_secret_is_turned_away(void **state) {
    (void)state;
    int link = scene_connect_tcp(&scene);
    uint8_t challenge[PH_LINK_NONCE_BYTES], message[PH_LINK_NONCE_BYTES + 32];
    read_challenge(link, challenge);
    make_proof("another secret of enough characters", challenge, message);
    scene_send(link, PH_LINK_AUTH, message, sizeof(message));
    assert_turned_away(link);
}

static void a_proof_for_another_challenge_is_turned_away(void **state) {
    (void)state;
    int first = scene_connect_tcp(&scene), second = scene_connect_tcp(&scene);
    uint8_t challenge[PH_LINK_NONCE_BYTES], other[PH_LINK_NONCE_BYTES], message[PH_LINK_NONCE_BYTES + 32];
    read_challenge(first, challenge);
    read_challenge(second, other);
    assert_memory_not_equal(challenge, other, sizeof(challenge));
    make_proof(SCENE_SECRET, challenge, message);
    scene_send(second, PH_LINK_AUTH, message, sizeof(message));
    assert_turned_away(second);
    close(first);
}

static void the_workers_own_proof_sent_back_is_turned_away(void **state) {
    (void)state;
    int link = scene_connect_tcp(&scene);
    uint8_t challenge[PH_LINK_NONCE_BYTES], message[PH_LINK_NONCE_BYTES + 32];
    read_challenge(link, challenge);
    memcpy(message, challenge, sizeof(challenge));
    ph_link_auth_digest(slice_of(SCENE_SECRET), "worker", challenge, message, message + PH_LINK_NONCE_BYTES);
    scene_send(link, PH_LINK_AUTH, message, sizeof(message));
    assert_turned_away(link);
}

static void a_proof_in_a_frame_of_another_type_is_turned_away(void **state) {
    (void)state;
    int link = scene_connect_tcp(&scene);
    uint8_t challenge[PH_LINK_NONCE_BYTES], message[PH_LINK_NONCE_BYTES + 32];
    read_challenge(link, challenge);
    make_proof(SCENE_SECRET, challenge, message);
    scene_send(link, PH_LINK_HELLO, message, sizeof(message));
    assert_turned_away(link);
}

static void one_who_proves_nothing_is_turned_away_after_two_seconds(void **state) {
    (void)state;
    int64_t began_us = ph_now_us();
    int link = scene_connect_tcp(&scene);
    uint8_t challenge[PH_LINK_NONCE_BYTES];
    read_challenge(link, challenge);
    assert_turned_away(link);
    assert_in_range(ph_now_us() - began_us, 1900 * PH_MILLISECOND_US, 9000 * PH_MILLISECOND_US);
}

static void a_crowd_of_strangers_does_not_keep_the_node_from_its_own_links(void **state) {
    (void)state;
    int strangers[80];
    for (int i = 0; i < 80; i++)
        strangers[i] = scene_connect_tcp(&scene);
    int64_t began_us = ph_now_us();
    int link = scene_session(&scene, "serve");
    assert_true(ph_now_us() - began_us < 1900 * PH_MILLISECOND_US); /* before the strangers' time is over */
    close(link);
    for (int i = 0; i < 80; i++)
        close(strangers[i]);
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(both_ends_prove_themselves_and_the_session_begins),
        scene_test(a_proof_in_pieces_with_hello_behind_it_leaves_hello_to_the_process),
        scene_test(a_wrong_secret_is_turned_away),
        scene_test(a_proof_for_another_challenge_is_turned_away),
        scene_test(the_workers_own_proof_sent_back_is_turned_away),
        scene_test(a_proof_in_a_frame_of_another_type_is_turned_away),
        scene_test(one_who_proves_nothing_is_turned_away_after_two_seconds),
        scene_test(a_crowd_of_strangers_does_not_keep_the_node_from_its_own_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
