#include "transcode/publisher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "tests/unit/transcode/origin_double.h"
#include "transcode/link_publication.h"

enum { parts_per_segment = 5 };
static const struct ph_grid_plan grid = {{30, 1}, 6, parts_per_segment};

struct scene {
    struct origin_double origin;
    char url[64]; /* outlives an origin that is started again */
    char *publication;
    struct ph_bytes *init;
    struct ph_publisher_options options;
    struct ph_publisher *publisher;
    struct ph_part_position next; /* to offer */
};

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    origin_double_start(&scene->origin, 0);
    memcpy(scene->url, scene->origin.url, sizeof(scene->url));
    struct ph_ladder_plan plan = {.grid = grid, .count = 1};
    plan.renditions[0] = (struct ph_rendition){.name = "v720",
        .width = 1280,
        .height = 720,
        .step = 1,
        .rate = {30, 1},
        .bitrate = 2500000,
        .most_bitrate = 2875000,
        .buffer_bits = 1250000};
    const char *codecs[] = {"avc1.64001f", "mp4a.40.2"};
    struct ph_publication publication;
    ph_publication_make(&plan, codecs, INT64_C(1700000000000000), &publication);
    scene->publication = ph_publication_to_json(&publication);
    scene->init = ph_bytes_copy("init", 4);
    scene->options = (struct ph_publisher_options){
        .origin = {.base_url = scene->url, .session = "session", .token = "token"},
        .track = "v720",
        .publication = scene->publication,
        .init_segment = scene->init,
        .timing = ph_track_timing_video(&grid, 1, (struct ph_rational){30, 1}),
        .most_bytes = 1 << 20,
    };
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    ph_publisher_destroy(scene->publisher);
    origin_double_stop(&scene->origin);
    free(scene->publication);
    ph_bytes_unref(&scene->init);
    free(scene);
    return 0;
}

static void offer(struct scene *scene, uint32_t count, size_t bytes) {
    for (uint32_t i = 0; i < count; i++) {
        struct ph_part part = {.position = scene->next, .independent = scene->next.part == 0};
        part.last_in_segment = scene->next.part + 1 == parts_per_segment;
        ph_track_part_span(&scene->options.timing, part.position, &part.start_ticks, &part.duration_ticks);
        part.body = ph_bytes_create(bytes);
        memset(ph_bytes_writable(part.body), (int)scene->next.part, bytes);
        assert_int_equal(ph_publisher_offer(scene->publisher, &part), 0);
        ph_part_finish(&part);
        scene->next = ph_part_after(&grid, scene->next);
    }
}

static void start(struct scene *scene) {
    assert_int_equal(ph_publisher_create(&scene->publisher, &scene->options), 0);
}

static bool has_parts(struct origin_double *origin, void *opaque) {
    struct origin_track *track = origin_double_track(origin, "v720");
    return track && track->count >= *(uint32_t *)opaque;
}

static void wait_for_parts(struct scene *scene, uint32_t count) {
    assert_true(origin_double_wait(&scene->origin, has_parts, &count));
}

static void finish(struct scene *scene) {
    ph_publisher_close(scene->publisher);
    assert_int_equal(ph_publisher_wait(scene->publisher, ph_now_us() + 30 * PH_SECOND_US), 0);
}

/* Every part from `first` on is there once, in order, with its exact place and duration. */
static void assert_row(struct scene *scene, struct ph_part_position first, uint32_t count, uint32_t gaps) {
    struct origin_track *track = origin_double_track(&scene->origin, "v720");
    assert_int_equal(track->count, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct origin_part *part = &track->parts[i];
        assert_int_equal(ph_part_position_compare(part->position, first), 0);
        assert_int_equal(part->start_ticks, ph_part_ordinal(&grid, first) * 6000);
        assert_int_equal(part->duration_ticks, 6000);
        assert_int_equal(part->last, first.part == parts_per_segment - 1);
        assert_int_equal(part->gap, i < gaps);
        first = ph_part_after(&grid, first);
    }
}

static void announces_and_sends_in_order(void **state) {
    struct scene *scene = *state;
    start(scene);
    offer(scene, 12, 1000);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 12, 0);
    struct ph_publisher_standing standing;
    ph_publisher_read(scene->publisher, &standing);
    assert_int_equal(standing.published.segment, 2);
    assert_int_equal(standing.published.part, 2);
    assert_int_equal(standing.durable.segment, 2);
    /* What is durable is not kept. */
    assert_int_equal(standing.held_bytes, 2000);
    assert_int_equal(scene->origin.announcements, 1);
}

static void durability_that_comes_late_is_asked_for(void **state) {
    struct scene *scene = *state;
    scene->origin.slow_disk = true;
    start(scene);
    offer(scene, 6, 1000);
    wait_for_parts(scene, 6);
    struct ph_publisher_standing standing = {0};
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    while (standing.durable.segment < 1 && ph_now_us() < deadline_us)
        ph_publisher_read(scene->publisher, &standing);
    assert_int_equal(standing.durable.segment, 1);
}

/* However short the segments are. */
static void durability_that_comes_late_is_asked_for_while_segments_follow_each_other(void **state) {
    struct scene *scene = *state;
    struct ph_publisher_standing standing = {0};
    scene->origin.slow_disk = true;
    start(scene);
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    while (standing.durable.segment < 1 && ph_now_us() < deadline_us) {
        offer(scene, parts_per_segment, 1000);
        assert_int_equal(ph_publisher_wait(scene->publisher, ph_now_us() + 100000), -ETIMEDOUT);
        ph_publisher_read(scene->publisher, &standing);
    }
    assert_true(standing.durable.segment >= 1);
}

static void an_origin_that_lost_its_memory_gets_the_parts_again(void **state) {
    struct scene *scene = *state;
    start(scene);
    offer(scene, 8, 1000);
    wait_for_parts(scene, 8);
    origin_double_lose_memory(&scene->origin);
    offer(scene, 4, 1000);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 12, 0);
}

static void an_origin_that_lost_everything_is_announced_to_and_gets_gaps_for_what_was_durable(void **state) {
    struct scene *scene = *state;
    start(scene);
    offer(scene, 8, 1000);
    wait_for_parts(scene, 8);
    origin_double_forget_session(&scene->origin);
    offer(scene, 4, 1000);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 12, 5);
    assert_int_equal(scene->origin.announcements, 2);
}

static void an_origin_that_is_away_is_tried_until_it_is_back(void **state) {
    struct scene *scene = *state;
    uint16_t port = scene->origin.port;
    origin_double_stop(&scene->origin);
    start(scene);
    offer(scene, 7, 1000);
    assert_int_equal(ph_publisher_wait(scene->publisher, ph_now_us() + 200000), -ETIMEDOUT);
    memset(&scene->origin, 0, sizeof(scene->origin));
    origin_double_start(&scene->origin, port);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 7, 0);
}

static void memory_is_bounded_and_what_is_given_up_becomes_gaps(void **state) {
    struct scene *scene = *state;
    uint16_t port = scene->origin.port;
    origin_double_stop(&scene->origin);
    scene->options.most_bytes = 10000;
    start(scene);
    offer(scene, 40, 1000);
    struct ph_publisher_standing standing;
    ph_publisher_read(scene->publisher, &standing);
    assert_int_equal(standing.held_bytes, 10000);
    memset(&scene->origin, 0, sizeof(scene->origin));
    origin_double_start(&scene->origin, port);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 40, 30);
}

static void goes_on_where_the_origin_stands(void **state) {
    struct scene *scene = *state;
    start(scene);
    offer(scene, 7, 1000);
    finish(scene);
    ph_publisher_destroy(scene->publisher);
    scene->options.first = scene->next = (struct ph_part_position){0, 3};
    start(scene);
    offer(scene, 9, 1000);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 12, 0);
    assert_int_equal(scene->origin.repeats, 0);
    assert_int_equal(scene->origin.refusals, 0);
}

static void parts_only_a_replay_brings_are_reported(void **state) {
    struct scene *scene = *state;
    scene->options.first = scene->next = (struct ph_part_position){2, 0};
    scene->options.can_replay = true;
    start(scene);
    struct ph_publisher_standing standing = {0};
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    while (!standing.lost && ph_now_us() < deadline_us)
        ph_publisher_read(scene->publisher, &standing);
    assert_true(standing.lost);
}

static void an_ended_session_ends_the_publisher(void **state) {
    struct scene *scene = *state;
    scene->origin.ended = true;
    start(scene);
    offer(scene, 1, 1000);
    assert_int_equal(ph_publisher_wait(scene->publisher, ph_now_us() + 30 * PH_SECOND_US), PH_EOF);
}

static void a_full_spool_holds_the_part_back(void **state) {
    struct scene *scene = *state;
    scene->origin.answer_instead = 507;
    start(scene);
    offer(scene, 3, 1000);
    assert_int_equal(ph_publisher_wait(scene->publisher, ph_now_us() + 300000), -ETIMEDOUT);
    pthread_mutex_lock(&scene->origin.lock);
    scene->origin.answer_instead = 0;
    pthread_mutex_unlock(&scene->origin.lock);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 3, 0);
}

static bool was_asked(struct origin_double *origin, void *opaque) {
    return origin->questions >= *(uint32_t *)opaque;
}

/* Viewers of what is live do not wait for a disk; what it has not is kept until it has. */
static void a_full_disk_at_the_origin_stops_no_part(void **state) {
    struct scene *scene = *state;
    struct ph_publisher_standing standing;
    scene->origin.full_disk = true;
    start(scene);
    offer(scene, 12, 1000);
    wait_for_parts(scene, 12);
    ph_publisher_read(scene->publisher, &standing);
    assert_int_equal(standing.held_bytes, 12000);
    assert_int_equal(standing.durable.segment, 0);
    assert_int_equal(scene->origin.repeats, 0);
    uint32_t questions = 4; /* it is asked again and again, though nothing is sent */
    assert_true(origin_double_wait(&scene->origin, was_asked, &questions));
    pthread_mutex_lock(&scene->origin.lock);
    scene->origin.full_disk = false;
    pthread_mutex_unlock(&scene->origin.lock);
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    do
        ph_publisher_read(scene->publisher, &standing);
    while (standing.durable.segment < 2 && ph_now_us() < deadline_us);
    assert_int_equal(standing.durable.segment, 2);
    assert_int_equal(standing.held_bytes, 2000);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 12, 0);
}

static void who_waits_for_the_disk_goes_on_when_it_has_room(void **state) {
    struct scene *scene = *state;
    scene->options.waits_for_disk = true;
    scene->origin.full_disk = true;
    start(scene);
    offer(scene, 12, 1000);
    wait_for_parts(scene, parts_per_segment);
    assert_int_equal(ph_publisher_wait(scene->publisher, ph_now_us() + 300000), -ETIMEDOUT);
    pthread_mutex_lock(&scene->origin.lock);
    uint32_t taken = origin_double_track(&scene->origin, "v720")->count;
    scene->origin.full_disk = false;
    pthread_mutex_unlock(&scene->origin.lock);
    assert_int_equal(taken, parts_per_segment);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 12, 0);
}

static void can_be_destroyed_while_the_origin_is_away(void **state) {
    struct scene *scene = *state;
    uint16_t port = scene->origin.port;
    origin_double_stop(&scene->origin);
    start(scene);
    offer(scene, 3, 1000);
    ph_publisher_destroy(scene->publisher);
    scene->publisher = NULL;
    memset(&scene->origin, 0, sizeof(scene->origin));
    origin_double_start(&scene->origin, port);
}

/* As when the link breaks while the origin is announced to: the encoder ends first. */
static void the_init_segment_may_go_before_the_publisher(void **state) {
    struct scene *scene = *state;
    uint16_t port = scene->origin.port;
    origin_double_stop(&scene->origin);
    start(scene);
    ph_bytes_unref(&scene->init);
    memset(&scene->origin, 0, sizeof(scene->origin));
    origin_double_start(&scene->origin, port);
    offer(scene, 3, 1000);
    finish(scene);
    assert_row(scene, (struct ph_part_position){0, 0}, 3, 0);
    assert_memory_equal(ph_bytes_data(origin_double_track(&scene->origin, "v720")->init), "init", 4);
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    ph_log_set_level(PH_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        scene_test(announces_and_sends_in_order),
        scene_test(durability_that_comes_late_is_asked_for),
        scene_test(durability_that_comes_late_is_asked_for_while_segments_follow_each_other),
        scene_test(an_origin_that_lost_its_memory_gets_the_parts_again),
        scene_test(an_origin_that_lost_everything_is_announced_to_and_gets_gaps_for_what_was_durable),
        scene_test(an_origin_that_is_away_is_tried_until_it_is_back),
        scene_test(memory_is_bounded_and_what_is_given_up_becomes_gaps),
        scene_test(goes_on_where_the_origin_stands),
        scene_test(parts_only_a_replay_brings_are_reported),
        scene_test(an_ended_session_ends_the_publisher),
        scene_test(a_full_spool_holds_the_part_back),
        scene_test(a_full_disk_at_the_origin_stops_no_part),
        scene_test(who_waits_for_the_disk_goes_on_when_it_has_room),
        scene_test(can_be_destroyed_while_the_origin_is_away),
        scene_test(the_init_segment_may_go_before_the_publisher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
