#include "transcode/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "transcode/link_checkpoint.h"
#include "transcode/link_clock.h"
#include "transcode/link_resume.h"

static void frames_arrive_whole_however_they_are_cut(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct ph_link *link;
    assert_int_equal(ph_link_create(&link, ends[0]), 0);
    struct ph_builder frames = {0};
    for (int64_t i = 0; i < 3; i++)
        ph_link_tick_write(&frames, i);
    struct ph_link_frame frame;
    int64_t seen = 0;
    for (size_t at = 0; at < frames.size; at++) {
        assert_int_equal(write(ends[1], frames.data + at, 1), 1);
        int code = ph_link_read(link, &frame, ph_now_us());
        if (code == -ETIMEDOUT)
            continue;
        assert_int_equal(code, 0);
        int64_t now_us;
        assert_int_equal(ph_link_tick_parse(&frame, &now_us), 0);
        assert_int_equal(now_us, seen++);
    }
    assert_int_equal(seen, 3);
    close(ends[1]);
    assert_int_equal(ph_link_read(link, &frame, ph_now_us() + PH_SECOND_US), PH_EOF);
    ph_builder_discard(&frames);
    ph_link_destroy(link);
}

static void garbage_and_a_closed_peer_are_errors(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct ph_link *link;
    assert_int_equal(ph_link_create(&link, ends[0]), 0);
    assert_int_equal(write(ends[1], "\xFF\xFF\xFF\xFF\xFF", 5), 5);
    struct ph_link_frame frame;
    assert_int_equal(ph_link_read(link, &frame, ph_now_us() + PH_SECOND_US), PH_INVALID_DATA);
    close(ends[1]);
    struct ph_builder frames = {0};
    ph_link_tick_write(&frames, 1);
    assert_int_equal(ph_link_send(link, &frames), -EPIPE);
    ph_builder_discard(&frames);
    ph_link_destroy(link);
}

static void the_clock_follows_the_shortest_way(void **state) {
    (void)state;
    struct ph_link_clock clock = {0};
    ph_link_clock_note(&clock, 1000000, 9005000);
    ph_link_clock_note(&clock, 1010000, 9011000);
    assert_int_equal(ph_link_clock_at(&clock, 9011000), 1010000);
    /* A replayed entry of long ago, and one that was held up. */
    ph_link_clock_note(&clock, 500000, 9011100);
    ph_link_clock_note(&clock, 1011000, 9511000);
    assert_in_range(ph_link_clock_at(&clock, 9511000), 1509000, 1510000);
    /* Clocks drift apart by a second in an hour and a half. */
    for (int64_t s = 0; s < 1000; s++)
        ph_link_clock_note(&clock, 2000000 + s * 1000000, 10001000 + s * 1000200);
    assert_in_range(ph_link_clock_at(&clock, 10001000 + 999 * INT64_C(1000200)), 1000999000, 1001001000);
}

static void lateness_is_unknown_while_a_replay_is_read(void **state) {
    (void)state;
    struct ph_link_clock clock = {0};
    int64_t local_us = 9000000, link_us = 0;
    for (int i = 0; i < 1000; i++) { /* a second's units, read within a tenth of it */
        ph_link_clock_note(&clock, link_us += 1000, local_us += 100);
        assert_false(ph_link_clock_is_settled(&clock, local_us));
    }
    for (int i = 0; i < 350; i++)
        ph_link_clock_note(&clock, link_us += 1000, local_us += 1000);
    assert_true(ph_link_clock_is_settled(&clock, local_us));
    /* Late units, and those that catch up after them, tell nothing new. */
    for (int i = 0; i < 100; i++)
        ph_link_clock_note(&clock, link_us += 1000, local_us += i < 50 ? 1900 : 100);
    assert_true(ph_link_clock_is_settled(&clock, local_us));
}

static void checkpoints_read_what_was_written(void **state) {
    (void)state;
    struct ph_checkpoint written = {{7, 3}, {(const uint8_t *)"state", 5}};
    struct ph_bytes *bytes = ph_checkpoint_write(&written);
    struct ph_checkpoint read;
    assert_int_equal(ph_checkpoint_read(ph_bytes_slice(bytes), &read), 0);
    assert_int_equal(read.position.segment, 7);
    assert_int_equal(read.position.part, 3);
    assert_int_equal(read.source_state.size, 5);
    assert_memory_equal(read.source_state.data, "state", 5);
    for (size_t size = 0; size < 13; size++) {
        struct ph_slice cut = {ph_bytes_data(bytes), size};
        assert_int_equal(ph_checkpoint_read(cut, &read), PH_INVALID_DATA);
    }
    ph_bytes_unref(&bytes);
    static const uint8_t other[16] = {2};
    assert_int_equal(ph_checkpoint_read((struct ph_slice){other, sizeof(other)}, &read), PH_INVALID_DATA);
}

static void the_history_finds_what_is_good_for_a_part(void **state) {
    (void)state;
    struct ph_checkpoint_history history = {0};
    assert_null(ph_checkpoint_history_newest(&history));
    assert_null(ph_checkpoint_history_find(&history, (struct ph_part_position){9, 0}));
    for (uint64_t i = 1; i <= 200; i++) {
        struct ph_kept_checkpoint kept = {{i, 0}, i * 10, ph_bytes_copy("s", 1)};
        ph_checkpoint_history_add(&history, kept);
        assert_int_equal(ph_checkpoint_history_newest(&history)->replay_from, i * 10);
    }
    assert_true(history.count <= PH_MOST_CHECKPOINTS);
    assert_null(ph_checkpoint_history_find(&history, (struct ph_part_position){0, 9}));
    const struct ph_kept_checkpoint *found =
        ph_checkpoint_history_find(&history, (struct ph_part_position){150, 4});
    assert_non_null(found);
    assert_in_range(found->position.segment, 100, 150);
    found = ph_checkpoint_history_find(&history, (struct ph_part_position){200, 0});
    assert_int_equal(found->position.segment, 200);
    assert_int_equal(history.count, 1);
    ph_checkpoint_history_finish(&history);
}

struct resume_scene {
    struct ph_resume resume;
    struct ph_link_hello hello;
};

static struct resume_scene make_scene(uint32_t origins) {
    struct resume_scene scene = {.resume.origin_count = origins};
    struct ph_checkpoint durable = {{4, 0}, {(const uint8_t *)"d", 1}};
    struct ph_checkpoint published = {{5, 6}, {(const uint8_t *)"p", 1}};
    scene.hello.durable_state = ph_checkpoint_write(&durable);
    scene.hello.published_state = ph_checkpoint_write(&published);
    scene.hello.durable_replay_from = 400;
    scene.hello.published_replay_from = 560;
    return scene;
}

static void stand(
    struct resume_scene *scene, uint32_t origin, uint64_t segment, uint32_t video, uint32_t audio) {
    struct ph_origin_state *state = &scene->resume.origins[origin];
    state->answered = true;
    state->count = 2;
    state->standings[0] = (struct ph_track_standing){.name = "v720", .next = {segment, video}};
    state->standings[1] = (struct ph_track_standing){.name = "audio", .next = {segment, audio}};
}

static void finish_scene(struct resume_scene *scene) {
    ph_bytes_unref(&scene->hello.durable_state);
    ph_bytes_unref(&scene->hello.published_state);
}

static void goes_on_from_what_is_published(void **state) {
    (void)state;
    struct resume_scene scene = make_scene(1);
    stand(&scene, 0, 5, 8, 6);
    assert_int_equal(ph_resume_choose(&scene.resume, &scene.hello), 0);
    assert_true(scene.resume.from_published);
    assert_int_equal(scene.resume.replay_from, 560);
    assert_int_equal(ph_resume_first_part(&scene.resume, "v720").part, 8);
    assert_int_equal(ph_resume_first_part(&scene.resume, "audio").part, 6);
    finish_scene(&scene);
}

static void goes_on_from_what_is_durable_when_an_origin_lost_its_memory(void **state) {
    (void)state;
    struct resume_scene scene = make_scene(2);
    stand(&scene, 0, 5, 8, 8);
    stand(&scene, 1, 4, 0, 0);
    assert_int_equal(ph_resume_choose(&scene.resume, &scene.hello), 0);
    assert_false(scene.resume.from_published);
    assert_int_equal(scene.resume.replay_from, 400);
    assert_memory_equal(scene.resume.from.source_state.data, "d", 1);
    struct ph_part_position first = ph_resume_first_part(&scene.resume, "v720");
    assert_int_equal(first.segment, 4);
    assert_int_equal(first.part, 0);
    /* Where the other goes on, it needs an IDR of its own. */
    assert_int_equal(ph_resume_part_of_origin(&scene.resume, 0, "v720").part, 8);
    finish_scene(&scene);
}

static void goes_on_from_what_is_durable_when_nobody_answers(void **state) {
    (void)state;
    struct resume_scene scene = make_scene(1);
    assert_int_equal(ph_resume_choose(&scene.resume, &scene.hello), 0);
    assert_int_equal(scene.resume.replay_from, 400);
    assert_int_equal(ph_resume_first_part(&scene.resume, "v720").segment, 4);
    finish_scene(&scene);
}

static void begins_at_the_beginning_without_a_checkpoint(void **state) {
    (void)state;
    struct resume_scene scene = {.resume.origin_count = 1};
    stand(&scene, 0, 0, 3, 2);
    assert_int_equal(ph_resume_choose(&scene.resume, &scene.hello), 0);
    assert_int_equal(scene.resume.replay_from, 0);
    assert_int_equal(scene.resume.from.source_state.size, 0);
    assert_int_equal(ph_resume_first_part(&scene.resume, "v720").part, 3);
    assert_int_equal(ph_resume_first_part(&scene.resume, "v1080").part, 0);
}

static void a_foreign_state_is_refused(void **state) {
    (void)state;
    struct resume_scene scene = {.hello.durable_state = ph_bytes_copy("nonsense", 8)};
    assert_int_equal(ph_resume_choose(&scene.resume, &scene.hello), PH_INVALID_DATA);
    finish_scene(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_whole_however_they_are_cut),
        cmocka_unit_test(garbage_and_a_closed_peer_are_errors),
        cmocka_unit_test(the_clock_follows_the_shortest_way),
        cmocka_unit_test(checkpoints_read_what_was_written),
        cmocka_unit_test(the_history_finds_what_is_good_for_a_part),
        cmocka_unit_test(goes_on_from_what_is_published),
        cmocka_unit_test(goes_on_from_what_is_durable_when_an_origin_lost_its_memory),
        cmocka_unit_test(goes_on_from_what_is_durable_when_nobody_answers),
        cmocka_unit_test(begins_at_the_beginning_without_a_checkpoint),
        cmocka_unit_test(a_foreign_state_is_refused),
        cmocka_unit_test(lateness_is_unknown_while_a_replay_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
