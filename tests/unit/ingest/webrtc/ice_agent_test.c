/* ICE-lite: which checks count, which path is sent by, restarts, and when a publisher is given up. */
#include "ingest/webrtc/ice_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/ingest/webrtc/stun_writer.h"

struct scene {
    struct ph_ice_agent agent;
    int64_t now_us;
    uint8_t answer[PH_STUN_MOST_ANSWER_BYTES];
    struct ph_ice_outcome outcome;
    struct stun_answer read;
};

static struct ph_ice_path path_of(unsigned port) {
    struct ph_ice_path path = {0};
    assert_int_equal(ph_net_address_parse_ip(&path.remote, "203.0.113.9"), 0);
    path.remote.port = (uint16_t)port;
    return path;
}

/* A right check, but for what `changes` says; it comes from a port of the same host. True when it was
 * answered with a success. */
static bool check(struct scene *scene, unsigned port, const struct stun_check *changes,
    const struct ph_ice_credentials *credentials) {
    uint8_t bytes[STUN_CHECK_MOST_BYTES];
    char username[64];
    struct stun_check whole = *changes;
    struct ph_stun_message message;
    struct ph_ice_path path = path_of(port);
    snprintf(username, sizeof(username), "%s:peer", credentials->ufrag);
    whole.username = username;
    whole.password = changes->password ? changes->password : credentials->pwd;
    whole.transaction = 7;
    struct ph_ice_credentials used = *credentials;
    size_t size = stun_check_write(bytes, &whole);
    assert_int_equal(ph_stun_parse((struct ph_slice){bytes, size}, &message), 0);
    scene->outcome = ph_ice_agent_check(&scene->agent, &message, &path, scene->now_us, scene->answer);
    scene->read = (struct stun_answer){0};
    if (!scene->outcome.answer_bytes)
        return false;
    assert_true(stun_answer_read(
        (struct ph_slice){scene->answer, scene->outcome.answer_bytes}, 7, used.pwd, &scene->read));
    return scene->read.is_success;
}

static bool nominate(struct scene *scene, unsigned port, uint32_t priority) {
    return check(scene, port, &(struct stun_check){.priority = priority, .use_candidate = true},
        &scene->agent.present);
}

static unsigned selected_port(const struct scene *scene) {
    const struct ph_ice_path *path = ph_ice_agent_selected(&scene->agent);
    return path ? path->remote.port : 0;
}

static void heard(struct scene *scene, unsigned port) {
    struct ph_ice_path path = path_of(port);
    for (size_t i = 0; i < scene->agent.path_count; i++) {
        if (scene->agent.paths[i].path.remote.port == port) {
            ph_ice_agent_heard(&scene->agent, (int)i, &path, scene->now_us);
            return;
        }
    }
    fail_msg("there is no path with port %u", port);
}

static void make(struct scene *scene) {
    *scene = (struct scene){.now_us = 100 * PH_SECOND_US};
    ph_ice_agent_init(&scene->agent, scene->now_us);
}

static void a_right_check_is_answered_with_its_address(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    assert_true(check(&scene, 5000, &(struct stun_check){.priority = 1}, &scene.agent.present));
    struct ph_ice_path path = path_of(5000);
    assert_true(ph_net_address_equal(&scene.read.mapped, &path.remote));
    assert_true(scene.outcome.is_new);
    assert_int_equal(selected_port(&scene), 0);
    assert_true(nominate(&scene, 5000, 1));
    assert_false(scene.outcome.is_new);
    assert_int_equal(selected_port(&scene), 5000);
}

static void a_wrong_signature_leaves_nothing(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    scene.now_us += 20 * PH_SECOND_US;
    struct ph_ice_agent before = scene.agent;
    const struct stun_check wrong[] = {
        {.password = "0123456789012345678901234567890", .use_candidate = true}, {.without_integrity = true}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(check(&scene, 5000, &wrong[i], &scene.agent.present));
        assert_int_equal(scene.outcome.answer_bytes, 0);
        assert_int_equal(scene.outcome.path, -1);
        assert_memory_equal(&before, &scene.agent, sizeof(before));
    }
}

static void checks_that_break_a_rule_are_told_so(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    const struct {
        struct stun_check check;
        unsigned code;
    } wrong[] = {{{.says_controlled = true}, 487}, {{.unknown = 0x0102}, 420}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(check(&scene, 5000, &wrong[i].check, &scene.agent.present));
        assert_int_equal(scene.read.error_code, wrong[i].code);
        assert_int_equal(scene.outcome.path, -1);
    }
    assert_int_equal(scene.agent.path_count, 0);
}

static void checks_may_lack_what_we_do_not_need(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    assert_true(check(&scene, 5000,
        &(struct stun_check){.without_priority = true, .without_fingerprint = true}, &scene.agent.present));
}

static void another_ufrag_is_not_ours(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    struct ph_ice_credentials other = scene.agent.present;
    other.ufrag[3] = other.ufrag[3] == 'a' ? 'b' : 'a';
    assert_false(check(&scene, 5000, &(struct stun_check){0}, &other));
    assert_int_equal(scene.outcome.answer_bytes, 0);
}

static void before_media_the_highest_priority_is_sent_by(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    assert_true(nominate(&scene, 5000, 100));
    assert_true(nominate(&scene, 5001, 300));
    assert_int_equal(selected_port(&scene), 5001);
    assert_true(nominate(&scene, 5002, 200));
    assert_int_equal(selected_port(&scene), 5001);
}

static void a_path_that_fell_silent_gives_way_to_a_lesser_one(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    assert_true(nominate(&scene, 5000, 300));
    scene.now_us += 4 * PH_SECOND_US;
    assert_true(nominate(&scene, 5001, 100));
    assert_int_equal(selected_port(&scene), 5001);
}

static void media_decides(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    assert_true(nominate(&scene, 5000, 300));
    assert_true(check(&scene, 5001, &(struct stun_check){.priority = 100}, &scene.agent.present));
    heard(&scene, 5001);
    assert_int_equal(selected_port(&scene), 5001);
    scene.now_us += PH_SECOND_US / 2;
    assert_true(nominate(&scene, 5000, 300)); /* while media flows by the other */
    assert_int_equal(selected_port(&scene), 5001);
    scene.now_us += PH_SECOND_US;
    assert_true(nominate(&scene, 5000, 300));
    assert_int_equal(selected_port(&scene), 5000);
}

static void paths_are_bounded_and_the_stalest_gives_way(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    assert_true(nominate(&scene, 5000, 1));
    for (unsigned port = 5001; port < 5100; port++) {
        scene.now_us += PH_MILLISECOND_US;
        assert_true(check(&scene, port, &(struct stun_check){.priority = 1}, &scene.agent.present));
        assert_true(scene.outcome.is_new);
        assert_in_range(scene.outcome.path, 0, PH_ICE_MOST_PATHS - 1);
    }
    assert_int_equal(scene.agent.path_count, PH_ICE_MOST_PATHS);
    assert_int_equal(selected_port(&scene), 5000);
    assert_true(check(&scene, 5099, &(struct stun_check){.priority = 1}, &scene.agent.present));
    assert_false(scene.outcome.is_new);
}

static void a_path_that_is_followed_is_sent_by_and_gives_no_time(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    assert_true(nominate(&scene, 5000, 1));
    int64_t checked_us = scene.now_us;
    for (unsigned port = 5001; port < 5100; port++) {
        struct ph_ice_path path = path_of(port);
        scene.now_us += PH_MILLISECOND_US;
        int place = ph_ice_agent_follow(&scene.agent, &path, scene.now_us);
        assert_in_range(place, 0, PH_ICE_MOST_PATHS - 1);
        assert_int_equal(selected_port(&scene), port);
        assert_int_equal(ph_ice_agent_follow(&scene.agent, &path, scene.now_us), place);
    }
    assert_int_equal(scene.agent.path_count, PH_ICE_MOST_PATHS);
    assert_true(ph_ice_agent_given_up_us(&scene.agent) == checked_us + PH_ICE_SILENCE_US);
    assert_true(ph_ice_agent_is_heard(&scene.agent, scene.now_us + PH_ICE_SILENCE_US));
    assert_true(nominate(&scene, 5099, 1));
    assert_false(scene.outcome.is_new);
    assert_int_equal(selected_port(&scene), 5099);
    scene.now_us += PH_SECOND_US;
    heard(&scene, 5099);
    assert_true(ph_ice_agent_given_up_us(&scene.agent) == scene.now_us + PH_ICE_SILENCE_US);
}

static void a_restart_holds_both_credentials_until_the_new_are_used(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    struct ph_ice_credentials old = scene.agent.present;
    assert_true(nominate(&scene, 5000, 1));
    ph_ice_agent_restart(&scene.agent);
    struct ph_ice_credentials new = scene.agent.next;
    assert_string_not_equal(old.ufrag, new.ufrag);
    assert_string_not_equal(old.pwd, new.pwd);
    assert_true(check(&scene, 5000, &(struct stun_check){.priority = 1}, &old));
    assert_false(scene.outcome.promoted);
    assert_true(check(&scene, 6000, &(struct stun_check){.priority = 1}, &new));
    assert_true(scene.outcome.promoted);
    assert_string_equal(scene.agent.present.ufrag, new.ufrag);
    assert_string_equal(scene.agent.next.ufrag, "");
    assert_false(check(&scene, 5000, &(struct stun_check){.priority = 1}, &old));
}

static void a_publisher_is_given_up_thirty_seconds_after_it_was_heard(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    assert_true(ph_ice_agent_given_up_us(&scene.agent) == scene.now_us + PH_ICE_SILENCE_US);
    assert_false(ph_ice_agent_is_heard(&scene.agent, scene.now_us));
    scene.now_us += 10 * PH_SECOND_US;
    assert_true(nominate(&scene, 5000, 1));
    assert_true(ph_ice_agent_given_up_us(&scene.agent) == scene.now_us + PH_ICE_SILENCE_US);
    for (int i = 0; i < 10; i++) { /* media alone, as of who checks nothing once it is connected */
        scene.now_us += 29 * PH_SECOND_US;
        heard(&scene, 5000);
        assert_true(ph_ice_agent_given_up_us(&scene.agent) == scene.now_us + PH_ICE_SILENCE_US);
    }
    scene.now_us += PH_SECOND_US;
    assert_true(check(&scene, 6000, &(struct stun_check){.priority = 1}, &scene.agent.present));
    assert_true(ph_ice_agent_given_up_us(&scene.agent) == scene.now_us + PH_ICE_SILENCE_US);
    assert_true(ph_ice_agent_is_heard(&scene.agent, scene.now_us));
    assert_false(ph_ice_agent_is_heard(&scene.agent, scene.now_us + PH_ICE_SILENCE_US));
}

/* The place of a path that was checked may be another's later. */
static void a_place_that_another_path_took_proves_nothing(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    for (unsigned port = 5000; port < 5000 + PH_ICE_MOST_PATHS; port++)
        assert_true(nominate(&scene, port, port));
    int64_t checked_us = scene.now_us;
    for (unsigned port = 6000; port < 6000 + 2 * PH_ICE_MOST_PATHS; port++) {
        struct ph_ice_path path = path_of(port);
        scene.now_us += PH_SECOND_US;
        (void)ph_ice_agent_follow(&scene.agent, &path, scene.now_us);
        heard(&scene, port);
    }
    assert_true(ph_ice_agent_given_up_us(&scene.agent) == checked_us + PH_ICE_SILENCE_US);
}

static void a_closed_tcp_connection_is_forgotten(void **state) {
    (void)state;
    struct scene scene;
    make(&scene);
    assert_true(nominate(&scene, 5000, 1));
    scene.agent.paths[0].path.tcp = 77;
    assert_int_equal(ph_ice_agent_forget_tcp(&scene.agent, 78), -1);
    assert_int_equal(ph_ice_agent_forget_tcp(&scene.agent, 77), 0);
    assert_int_equal(ph_ice_agent_forget_tcp(&scene.agent, 77), -1);
    assert_null(ph_ice_agent_selected(&scene.agent));
    assert_true(nominate(&scene, 5001, 1));
    assert_int_equal(selected_port(&scene), 5001);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_check_is_answered_with_its_address),
        cmocka_unit_test(a_wrong_signature_leaves_nothing),
        cmocka_unit_test(checks_that_break_a_rule_are_told_so),
        cmocka_unit_test(checks_may_lack_what_we_do_not_need),
        cmocka_unit_test(another_ufrag_is_not_ours),
        cmocka_unit_test(before_media_the_highest_priority_is_sent_by),
        cmocka_unit_test(a_path_that_fell_silent_gives_way_to_a_lesser_one),
        cmocka_unit_test(media_decides),
        cmocka_unit_test(paths_are_bounded_and_the_stalest_gives_way),
        cmocka_unit_test(a_path_that_is_followed_is_sent_by_and_gives_no_time),
        cmocka_unit_test(a_restart_holds_both_credentials_until_the_new_are_used),
        cmocka_unit_test(a_publisher_is_given_up_thirty_seconds_after_it_was_heard),
        cmocka_unit_test(a_place_that_another_path_took_proves_nothing),
        cmocka_unit_test(a_closed_tcp_connection_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
