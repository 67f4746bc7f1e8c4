#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "origin/spool_files.h"
#include "tests/unit/origin/spool_stage.h"

static void write_whole(const char *dir, const char *name, const char *content, size_t size) {
    char path[256];
    snprintf(path, sizeof(path), "%s/spool/s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    fclose(file);
}

static struct ph_session *find(struct spool_stage *stage) {
    bool gone;
    return ph_origin_sessions_find(stage->sessions, "s", &gone);
}

/* Every part before `next` is there, byte for byte. */
static void expect_parts(struct ph_session *session, struct ph_part_position next) {
    for (uint64_t segment = 0; segment <= next.segment; segment++) {
        for (uint32_t part = 0; part < 3; part++) {
            struct ph_part_position position = {segment, part};
            struct ph_part *found = ph_window_find_part(&session->window, 0, position);
            assert_int_equal(found != NULL, ph_part_position_compare(position, next) < 0);
            if (!found)
                continue;
            char wanted[32];
            int size = snprintf(wanted, sizeof(wanted), "%u.%u;", (unsigned)segment, part);
            assert_int_equal(ph_bytes_size(found->bytes), size);
            assert_memory_equal(ph_bytes_data(found->bytes), wanted, (size_t)size);
        }
    }
}

/* Restores, holds the window against `next`, and lets the session go on: what is added then is written and
 * read too. */
static void expect_restored(struct spool_stage *stage, struct ph_part_position next) {
    spool_stage_open(stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage->spool, NULL), 0);
    struct ph_session *session = find(stage);
    assert_non_null(session);
    struct ph_part_position found = ph_edge_next(&session->window.tracks[0].edge);
    assert_int_equal(ph_part_position_compare(found, next), 0);
    assert_int_equal(session->durable_segments[0], next.segment);
    expect_parts(session, next);
    for (; next.part > 0 && next.part < 3; next.part++)
        spool_stage_add(stage, session, next.segment, next.part);
    spool_stage_write(stage, session);
    ph_session_unref(&session);
    spool_stage_close(stage);

    if (next.part == 3)
        next = (struct ph_part_position){next.segment + 1, 0};
    spool_stage_open(stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage->spool, NULL), 0);
    session = find(stage);
    assert_non_null(session);
    expect_parts(session, next);
    ph_session_unref(&session);
    spool_stage_close(stage);
}

static void write_example(struct spool_stage *stage) {
    spool_stage_open(stage, 1 << 20);
    struct ph_session *session = spool_stage_session(stage, "s");
    for (uint32_t i = 0; i < 5; i++)
        spool_stage_add(stage, session, i / 3, i % 3);
    spool_stage_write(stage, session);
    assert_int_equal(session->durable_segments[0], 1);
    ph_session_unref(&session);
    spool_stage_close(stage);
}

static void a_session_comes_back_as_it_was(void **state) {
    (void)state;
    struct spool_stage stage;
    spool_stage_begin(&stage);
    write_example(&stage);
    expect_restored(&stage, (struct ph_part_position){1, 2});
    example_remove_dir(stage.dir);
}

/* Restores with the index cut, then with the last segment cut, at every length. */
static void a_torn_tail_costs_only_what_is_torn(void **state) {
    (void)state;
    struct spool_stage stage;
    char index[1024], first[64], second[64];
    spool_stage_begin(&stage);
    write_example(&stage);
    size_t index_size = (size_t)spool_stage_read(stage.dir, "v720/index", index, sizeof(index));
    size_t first_size = (size_t)spool_stage_read(stage.dir, "v720/0.m4s", first, sizeof(first));
    size_t second_size = (size_t)spool_stage_read(stage.dir, "v720/1.m4s", second, sizeof(second));
    assert_int_equal(first_size, 12);
    assert_int_equal(second_size, 8);

    for (size_t cut = 0; cut <= index_size; cut++) {
        uint32_t lines = 0;
        for (size_t i = 0; i < cut; i++)
            lines += index[i] == '\n';
        write_whole(stage.dir, "v720/index", index, cut);
        write_whole(stage.dir, "v720/0.m4s", first, first_size);
        write_whole(stage.dir, "v720/1.m4s", second, second_size);
        expect_restored(&stage, (struct ph_part_position){lines / 3, lines % 3});
    }
    for (size_t cut = 0; cut <= second_size; cut++) {
        write_whole(stage.dir, "v720/index", index, index_size);
        write_whole(stage.dir, "v720/0.m4s", first, first_size);
        write_whole(stage.dir, "v720/1.m4s", second, cut);
        expect_restored(&stage, (struct ph_part_position){1, (uint32_t)(cut / 4)});
    }
    example_remove_dir(stage.dir);
}

static void changed_bytes_are_not_served(void **state) {
    (void)state;
    struct spool_stage stage;
    spool_stage_begin(&stage);
    write_example(&stage);
    write_whole(stage.dir, "v720/0.m4s", "0.0;0.x;0.2;", 12);
    expect_restored(&stage, (struct ph_part_position){0, 1});
    example_remove_dir(stage.dir);
}

static void an_ended_session_is_served_for_its_time_and_then_gone(void **state) {
    (void)state;
    struct spool_stage stage;
    spool_stage_begin(&stage);
    spool_stage_open(&stage, 1 << 20);
    struct ph_session *session = spool_stage_session(&stage, "s");
    for (uint32_t i = 0; i < 4; i++)
        spool_stage_add(&stage, session, i / 3, i % 3);
    ph_session_end(session, stage.clock.monotonic_us);
    spool_stage_write(&stage, session);
    assert_true(session->end_durable);
    assert_int_equal(session->durable_segments[0], 2);
    ph_session_unref(&session);
    spool_stage_close(&stage);

    ph_test_clock_advance(&stage.clock, 200 * PH_SECOND_US);
    spool_stage_open(&stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    session = find(&stage);
    assert_non_null(session);
    assert_true(session->ended && session->window.tracks[0].edge.ended);
    expect_parts(session, (struct ph_part_position){1, 1});
    ph_session_unref(&session);
    spool_stage_close(&stage);

    ph_test_clock_advance(&stage.clock, 101 * PH_SECOND_US);
    for (int i = 0; i < 2; i++) { /* the second time only the tombstone is left */
        bool gone = false;
        char content[64];
        spool_stage_open(&stage, 1 << 20);
        assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
        assert_null(ph_origin_sessions_find(stage.sessions, "s", &gone));
        assert_true(gone);
        assert_int_equal(spool_stage_read(stage.dir, "v720/0.m4s", content, sizeof(content)), -1);
        spool_stage_close(&stage);
    }
    example_remove_dir(stage.dir);
}

static struct ph_session *begin_take(struct spool_stage *stage, uint32_t take) {
    struct ph_publication publication = example_publication(3);
    publication.take = take;
    struct ph_session *session =
        ph_session_create("s", &publication, example_metrics(), stage->clock.monotonic_us);
    struct ph_bytes *init = ph_bytes_copy("init", 4);
    assert_int_equal(ph_session_set_init(session, 0, init, 0), 0);
    ph_bytes_unref(&init);
    spool_stage_add(stage, session, 0, 0);
    return session;
}

/* What is left of a take that ended is no end of the next. */
static void a_later_take_begins_and_goes_on_across_restarts(void **state) {
    (void)state;
    struct spool_stage stage;
    spool_stage_begin(&stage);
    spool_stage_open(&stage, 1 << 20);
    struct ph_session *session = begin_take(&stage, 1);
    ph_session_end(session, stage.clock.monotonic_us);
    spool_stage_write(&stage, session);
    ph_session_unref(&session);
    spool_stage_close(&stage);
    ph_test_clock_advance(&stage.clock, 301 * PH_SECOND_US);
    for (int i = 0; i < 2; i++) { /* the second time only the tombstone is left */
        spool_stage_open(&stage, 1 << 20);
        assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
        session = begin_take(&stage, 1);
        assert_int_equal(ph_origin_sessions_insert(stage.sessions, session), -EEXIST);
        ph_session_unref(&session);
        session = begin_take(&stage, 2);
        assert_int_equal(ph_origin_sessions_insert(stage.sessions, session), 0);
        if (i == 1)
            spool_stage_write(&stage, session);
        ph_session_unref(&session);
        spool_stage_close(&stage);
    }
    expect_restored(&stage, (struct ph_part_position){0, 1});
    example_remove_dir(stage.dir);
}

static void segments_that_left_the_window_leave_the_disk(void **state) {
    (void)state;
    struct spool_stage stage;
    char content[64];
    spool_stage_begin(&stage);
    spool_stage_open(&stage, 1 << 20);
    struct ph_session *session = spool_stage_session(&stage, "s");
    for (uint32_t i = 0; i < 60; i++) {
        spool_stage_add(&stage, session, i / 3, i % 3);
        ph_test_clock_advance(&stage.clock, 200000);
    }
    spool_stage_write(&stage, session);
    assert_int_equal(session->durable_segments[0], 20);
    ph_session_unref(&session);
    spool_stage_close(&stage);
    spool_stage_open(&stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    session = find(&stage);
    uint64_t listed = ph_window_first_listed(&session->window, 0);
    assert_int_equal(listed, 10);
    ph_test_clock_advance(&stage.clock, 60 * PH_SECOND_US);
    size_t held[PH_WAIT_KINDS] = {0};
    ph_session_tick(session, stage.clock.monotonic_us, held);
    spool_stage_write(&stage, session);
    assert_int_equal(spool_stage_read(stage.dir, "v720/9.m4s", content, sizeof(content)), -1);
    assert_true(spool_stage_read(stage.dir, "v720/10.m4s", content, sizeof(content)) > 0);
    ph_session_unref(&session);
    spool_stage_close(&stage);

    spool_stage_open(&stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    session = find(&stage);
    assert_int_equal(ph_window_first_listed(&session->window, 0), 10);
    assert_int_equal(ph_edge_next(&session->window.tracks[0].edge).segment, 20);
    ph_session_unref(&session);
    spool_stage_close(&stage);
    example_remove_dir(stage.dir);
}

static void a_full_spool_fails_and_recovers_when_sessions_end(void **state) {
    (void)state;
    struct spool_stage stage;
    struct ph_spool_budget budget = {.most_bytes = 250};
    spool_stage_begin(&stage);
    spool_stage_open(&stage, 1 << 20);
    struct ph_session *session = spool_stage_session(&stage, "s");
    char root[128];
    snprintf(root, sizeof(root), "%s/spool", stage.dir);
    assert_non_null(ph_spool_files_of(session, root));
    assert_int_equal(ph_spool_files_write_head(session), 0);
    struct ph_part *part = example_part(&session->publication, 0, 0, false);
    assert_int_equal(ph_spool_files_write_part(session, 0, part, &budget), 0);
    uint64_t used = budget.used_bytes;
    budget.most_bytes = used + 100;
    assert_int_equal(ph_spool_files_write_part(session, 0, part, &budget), -ENOSPC);
    assert_int_equal(budget.used_bytes, used);
    ph_spool_files_rewind(session, 0, &budget);
    assert_int_equal(budget.used_bytes, 0);
    assert_int_equal(session->spool->tracks[0].next.part, 0);
    ph_part_unref(&part);
    ph_session_unref(&session);
    spool_stage_close(&stage);
    example_remove_dir(stage.dir);
}

/* Its bytes may be worth something yet. */
static void a_track_whose_init_segment_is_gone_is_not_removed(void **state) {
    (void)state;
    struct spool_stage stage;
    char path[128], content[64];
    spool_stage_begin(&stage);
    write_example(&stage);
    snprintf(path, sizeof(path), "%s/spool/s/v720/init.mp4", stage.dir);
    assert_int_equal(unlink(path), 0);
    spool_stage_open(&stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    assert_null(find(&stage));
    assert_true(spool_stage_read(stage.dir, "v720/0.m4s", content, sizeof(content)) > 0);
    spool_stage_close(&stage);
    example_remove_dir(stage.dir);
}

struct writer {
    pthread_t thread;
    const char *dir, *name;
    int code;
};

static void *write_often(void *opaque) {
    struct writer *writer = opaque;
    const struct ph_slice content = {(const uint8_t *)writer->name, strlen(writer->name)};
    for (int i = 0; i < 100 && !writer->code; i++)
        writer->code = ph_spool_write_file(writer->dir, writer->name, content);
    return NULL;
}

/* The spool and the archive write into one folder. */
static void files_of_a_folder_are_written_side_by_side(void **state) {
    (void)state;
    struct spool_stage stage;
    spool_stage_begin(&stage);
    struct writer writers[] = {{.dir = stage.dir, .name = "one"}, {.dir = stage.dir, .name = "another"}};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_often, &writers[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_int_equal(writers[i].code, 0);
    }
    example_remove_dir(stage.dir);
}

static void a_folder_that_is_no_session_is_left_out(void **state) {
    (void)state;
    struct spool_stage stage;
    char path[128];
    spool_stage_begin(&stage);
    spool_stage_open(&stage, 1 << 20);
    snprintf(path, sizeof(path), "%s/spool/s", stage.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    assert_null(find(&stage));
    write_whole(stage.dir, "publication.json", "{\"tracks\":", 10);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    assert_null(find(&stage));
    spool_stage_close(&stage);
    example_remove_dir(stage.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_comes_back_as_it_was),
        cmocka_unit_test(a_torn_tail_costs_only_what_is_torn),
        cmocka_unit_test(changed_bytes_are_not_served),
        cmocka_unit_test(an_ended_session_is_served_for_its_time_and_then_gone),
        cmocka_unit_test(a_later_take_begins_and_goes_on_across_restarts),
        cmocka_unit_test(segments_that_left_the_window_leave_the_disk),
        cmocka_unit_test(a_full_spool_fails_and_recovers_when_sessions_end),
        cmocka_unit_test(a_track_whose_init_segment_is_gone_is_not_removed),
        cmocka_unit_test(files_of_a_folder_are_written_side_by_side),
        cmocka_unit_test(a_folder_that_is_no_session_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
