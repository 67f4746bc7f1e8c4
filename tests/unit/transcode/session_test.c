/* A whole worker session between an ingest and an origin, with the source stood in for. */
#include "transcode/link_session.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "tests/unit/transcode/ingest_double.h"
#include "tests/unit/transcode/origin_double.h"
#include "tests/unit/transcode/player.h"
#include "transcode/grid_plan.h"

struct scene {
    struct origin_double origin;
    struct ph_link_hello hello;
    struct ingest_double first, second;
    int64_t epoch_us;
    uint64_t next_live; /* frames sent on time so far */
};

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    origin_double_start(&scene->origin, 0);
    scene->epoch_us = ph_now_us() + 500000;
    scene->hello = (struct ph_link_hello){
        .session = (char *)"abcdefghijklmnopqrstuvwxyz",
        .ladder = (char *)"480p30@900k,240p30@300k",
        .preset = (char *)"auto",
        .encoder = (char *)"libx264",
        .origins = {scene->origin.url},
        .publish_token = (char *)"token",
        .part_ms = 200,
        .segment_ms = 1000,
        .reconnect_window_ms = 60000,
        .epoch_time_us = scene->epoch_us,
        .epoch_utc_us = INT64_C(1700000000000000),
    };
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    origin_double_stop(&scene->origin);
    free(scene);
    return 0;
}

static int64_t frame_time_us(const struct scene *scene, uint64_t frame) {
    return scene->epoch_us + (int64_t)frame * PH_SECOND_US / 30;
}

static void send_frame(struct scene *scene, struct ingest_double *ingest, uint64_t frame) {
    struct ph_link_entry entry = {.type = PH_LINK_UNIT,
        .index = frame + 1,
        .time_us = frame_time_us(scene, frame),
        .bytes = {(const uint8_t *)"unit", 4}};
    ingest_double_send(ingest, &entry);
}

/* Frames at the pace of the clock. */
static void send_live(struct scene *scene, struct ingest_double *ingest, uint64_t to) {
    for (; scene->next_live < to; scene->next_live++) {
        int64_t left_us = frame_time_us(scene, scene->next_live) - ph_now_us();
        if (left_us > 0) {
            struct timespec pause = {.tv_nsec = left_us % 1000000 * 1000, .tv_sec = left_us / 1000000};
            nanosleep(&pause, NULL);
        }
        send_frame(scene, ingest, scene->next_live);
    }
}

static void send_end(struct scene *scene, struct ingest_double *ingest, uint64_t frames) {
    struct ph_link_entry entry = {
        .type = PH_LINK_END, .index = frames + 1, .time_us = frame_time_us(scene, frames)};
    ingest_double_send(ingest, &entry);
}

static void replay(struct scene *scene, struct ingest_double *ingest) {
    assert_true(ingest_double_wait(ingest, &ingest->accepted));
    uint64_t from = ingest->replay_from ? ingest->replay_from - 1 : 0;
    for (; from < scene->next_live; from++)
        send_frame(scene, ingest, from);
}

static bool session_ended(struct origin_double *origin, void *opaque) {
    (void)opaque;
    return origin->ended;
}

static bool is_at(struct origin_double *origin, void *opaque) {
    const struct ph_part_position *wanted = opaque;
    for (uint32_t i = 0; i < origin->track_count; i++) {
        if (ph_part_position_compare(origin->tracks[i].next, *wanted) < 0)
            return false;
    }
    return origin->track_count > 0;
}

static void wait_until_at(struct scene *scene, uint64_t segment, uint32_t part) {
    struct ph_part_position wanted = {segment, part};
    assert_true(origin_double_wait(&scene->origin, is_at, &wanted));
}

static struct played play_track(struct origin_track *track) {
    struct ph_builder builder = {0};
    ph_builder_append(&builder, ph_bytes_data(track->init), ph_bytes_size(track->init));
    for (uint32_t i = 0; i < track->count; i++)
        ph_builder_append(&builder, ph_bytes_data(track->parts[i].body), ph_bytes_size(track->parts[i].body));
    struct ph_bytes *file = ph_builder_finish(&builder);
    struct played played = player_play(file);
    ph_bytes_unref(&file);
    return played;
}

/* Each track is one row of parts from 0.0 on without a gap, and plays without a warning. */
static void assert_whole(struct scene *scene, uint32_t frames) {
    static const char *const names[] = {"v480", "v240", "audio"};
    for (size_t n = 0; n < 3; n++) {
        struct origin_track *track = origin_double_track(&scene->origin, names[n]);
        assert_non_null(track);
        uint64_t end_ticks = 0;
        struct ph_part_position position = {0, 0};
        for (uint32_t i = 0; i < track->count; i++) {
            const struct origin_part *part = &track->parts[i];
            assert_int_equal(ph_part_position_compare(part->position, position), 0);
            assert_false(part->gap);
            assert_int_equal(part->start_ticks, end_ticks);
            assert_true(position.part || part->independent);
            end_ticks += part->duration_ticks;
            position.part++;
            if (position.part == 5)
                position = (struct ph_part_position){position.segment + 1, 0};
        }
        struct played played = play_track(track);
        assert_int_equal(played.warnings, 0);
        assert_int_equal(played.first_pts, 0);
        /* On a machine that cannot keep up pictures are dropped, but no part is without one. */
        if (n < 2) {
            assert_in_range(played.packets, track->count, frames);
            assert_int_equal(played.frames, played.packets);
        } else {
            assert_true(played.even);
        }
        for (size_t i = 4096; n == 2 && i < (size_t)frames * 1600 - 4096; i++) {
            double wanted = 0.5 * sin(2 * M_PI * 440 * (double)i / PH_AUDIO_RATE);
            assert_true(fabs(played.samples[i] - wanted) < 0.03);
        }
        free(played.samples);
    }
    assert_int_equal(scene->origin.repeats, 0);
    assert_int_equal(scene->origin.refusals, 0);
}

static void a_session_is_published_and_ended(void **state) {
    struct scene *scene = *state;
    ingest_double_start(&scene->first, &scene->hello, NULL, -1);
    send_live(scene, &scene->first, 75);
    send_end(scene, &scene->first, 75);
    assert_true(ingest_double_wait(&scene->first, &scene->first.finished));
    assert_int_equal(ingest_double_hang_up(&scene->first), 0);
    assert_true(scene->origin.ended);
    assert_whole(scene, 75);
    assert_true(origin_double_track(&scene->origin, "v480")->parts[12].last);
    assert_int_equal(scene->origin.thumbnails, 1);
    assert_int_equal(scene->origin.sheet_count, 1);
    assert_int_equal(scene->origin.sheets[0].first_tile, 0);
    assert_int_equal(scene->origin.sheets[0].tiles, 1);
    assert_true(scene->first.acks > 0);
    assert_true(scene->first.stats >= 1);
    assert_int_equal(scene->first.last_stats.source_width, 640);
    assert_true(scene->first.last_stats.delay_ms > 0 && scene->first.last_stats.delay_ms < 60000);
    ingest_double_finish(&scene->first);
}

static void a_worker_that_dies_is_followed_without_a_seam(void **state) {
    struct scene *scene = *state;
    ingest_double_start(&scene->first, &scene->hello, NULL, -1);
    send_live(scene, &scene->first, 52);
    wait_until_at(scene, 1, 2);
    assert_true(ingest_double_wait(&scene->first, &scene->first.has_checkpoint));
    assert_int_equal(ingest_double_hang_up(&scene->first), 0);

    ingest_double_start(&scene->second, &scene->hello, &scene->first, -1);
    replay(scene, &scene->second);
    assert_true(scene->second.replay_from > 1);
    send_live(scene, &scene->second, 90);
    send_end(scene, &scene->second, 90);
    assert_true(ingest_double_wait(&scene->second, &scene->second.finished));
    assert_int_equal(ingest_double_hang_up(&scene->second), 0);
    assert_whole(scene, 90);
    ingest_double_finish(&scene->first);
    ingest_double_finish(&scene->second);
}

static void a_worker_that_dies_before_its_first_checkpoint_is_followed_from_the_beginning(void **state) {
    struct scene *scene = *state;
    ingest_double_start(&scene->first, &scene->hello, NULL, -1);
    send_live(scene, &scene->first, 20);
    wait_until_at(scene, 0, 1);
    assert_int_equal(ingest_double_hang_up(&scene->first), 0);

    ingest_double_start(&scene->second, &scene->hello, NULL, -1);
    replay(scene, &scene->second);
    send_live(scene, &scene->second, 45);
    send_end(scene, &scene->second, 45);
    assert_true(ingest_double_wait(&scene->second, &scene->second.finished));
    assert_int_equal(ingest_double_hang_up(&scene->second), 0);
    assert_whole(scene, 45);
    ingest_double_finish(&scene->first);
    ingest_double_finish(&scene->second);
}

static void worker_and_origin_may_die_together(void **state) {
    struct scene *scene = *state;
    ingest_double_start(&scene->first, &scene->hello, NULL, -1);
    send_live(scene, &scene->first, 52);
    wait_until_at(scene, 1, 2);
    assert_int_equal(ingest_double_hang_up(&scene->first), 0);
    origin_double_lose_memory(&scene->origin);

    ingest_double_start(&scene->second, &scene->hello, &scene->first, -1);
    replay(scene, &scene->second);
    assert_in_range(scene->second.replay_from, scene->first.durable_from, scene->first.published_from);
    send_live(scene, &scene->second, 90);
    send_end(scene, &scene->second, 90);
    assert_true(ingest_double_wait(&scene->second, &scene->second.finished));
    assert_int_equal(ingest_double_hang_up(&scene->second), 0);
    assert_whole(scene, 90);
    ingest_double_finish(&scene->first);
    ingest_double_finish(&scene->second);
}

static void an_origin_that_dies_after_the_worker_did_calls_for_another(void **state) {
    struct scene *scene = *state;
    ingest_double_start(&scene->first, &scene->hello, NULL, -1);
    send_live(scene, &scene->first, 52);
    wait_until_at(scene, 1, 2);
    assert_int_equal(ingest_double_hang_up(&scene->first), 0);
    ingest_double_start(&scene->second, &scene->hello, &scene->first, -1);
    replay(scene, &scene->second);
    origin_double_lose_memory(&scene->origin);
    send_live(scene, &scene->second, 75);
    assert_true(ingest_double_wait(&scene->second, &scene->second.is_left));
    assert_int_equal(ingest_double_hang_up(&scene->second), -ESTALE);
    ingest_double_finish(&scene->first);
    ingest_double_finish(&scene->second);
}

static void what_cannot_be_carried_is_said(void **state) {
    struct scene *scene = *state;
    ingest_double_start(&scene->first, &scene->hello, NULL, -1);
    struct ph_link_entry entry = {.type = PH_LINK_UNIT, .index = 1, .bytes = {(const uint8_t *)"bad", 3}};
    ingest_double_send(&scene->first, &entry);
    assert_true(ingest_double_wait(&scene->first, &scene->first.failed));
    assert_string_equal(scene->first.reason.code, "codec");
    assert_int_equal(ingest_double_hang_up(&scene->first), 0);
    ingest_double_finish(&scene->first);

    scene->hello.ladder = (char *)"huge";
    ingest_double_start(&scene->first, &scene->hello, NULL, -1);
    assert_true(ingest_double_wait(&scene->first, &scene->first.failed));
    assert_string_equal(scene->first.reason.code, "settings");
    assert_int_equal(ingest_double_hang_up(&scene->first), 0);
    ingest_double_finish(&scene->first);
}

static void a_session_ended_at_the_origin_ends_here(void **state) {
    struct scene *scene = *state;
    ingest_double_start(&scene->first, &scene->hello, NULL, -1);
    send_live(scene, &scene->first, 20);
    wait_until_at(scene, 0, 1);
    pthread_mutex_lock(&scene->origin.lock);
    scene->origin.ended = true;
    pthread_mutex_unlock(&scene->origin.lock);
    assert_true(origin_double_wait(&scene->origin, session_ended, NULL));
    send_live(scene, &scene->first, 40);
    assert_true(ingest_double_wait(&scene->first, &scene->first.failed));
    assert_string_equal(scene->first.reason.code, "ended");
    assert_int_equal(ingest_double_hang_up(&scene->first), 0);
    ingest_double_finish(&scene->first);
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    ph_log_set_level(PH_LOG_ERROR);
    player_watch_warnings();
    const struct CMUnitTest tests[] = {
        scene_test(a_session_is_published_and_ended),
        scene_test(a_worker_that_dies_is_followed_without_a_seam),
        scene_test(a_worker_that_dies_before_its_first_checkpoint_is_followed_from_the_beginning),
        scene_test(worker_and_origin_may_die_together),
        scene_test(an_origin_that_dies_after_the_worker_did_calls_for_another),
        scene_test(what_cannot_be_carried_is_said),
        scene_test(a_session_ended_at_the_origin_ends_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
