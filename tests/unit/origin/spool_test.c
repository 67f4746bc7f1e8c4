#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "origin/spool.h"
#include "origin/spool_files.h"
#include "tests/unit/origin/example.h"

struct stage {
    char dir[64];
    struct ph_test_clock clock;
    struct ph_origin_sessions *sessions;
    struct ph_spool *spool;
    uint64_t most_reserve_bytes;
};

static void open_stage(struct stage *stage, uint64_t most_bytes) {
    const struct ph_spool_options options = {
        .data_dir = stage->dir,
        .most_bytes = most_bytes,
        .keep_ended_us = 300 * PH_SECOND_US,
        .clock = &stage->clock.base,
        .sessions = NULL,
        .metrics = example_metrics(),
    };
    struct ph_spool_options with_sessions = options;
    assert_int_equal(ph_origin_sessions_create(&stage->sessions, stage->most_reserve_bytes), 0);
    with_sessions.sessions = stage->sessions;
    assert_int_equal(ph_spool_create(&stage->spool, &with_sessions, NULL), 0);
}

static void close_stage(struct stage *stage) {
    ph_spool_destroy(stage->spool);
    ph_origin_sessions_destroy(stage->sessions);
}

static void begin(struct stage *stage) {
    stage->most_reserve_bytes = 0;
    example_make_dir(stage->dir);
    ph_test_clock_init(&stage->clock, INT64_C(1767323045678000));
    ph_test_clock_advance(&stage->clock, 1000 * PH_SECOND_US);
}

static void add(struct stage *stage, struct ph_session *session, uint64_t segment, uint32_t part) {
    struct ph_part_position next;
    struct ph_part *made = example_part(&session->publication, segment, part, false);
    int64_t now_us = stage->clock.monotonic_us;
    assert_int_equal(ph_session_add_part(session, 0, made, now_us, &next, NULL), PH_WINDOW_ADDED);
    ph_part_unref(&made);
}

static struct ph_session *make_session(struct stage *stage, const char *id) {
    struct ph_publication publication = example_publication(3);
    struct ph_session *session =
        ph_session_create(id, &publication, example_metrics(), stage->clock.monotonic_us);
    struct ph_bytes *init = ph_bytes_copy("init", 4);
    assert_int_equal(ph_origin_sessions_insert(stage->sessions, session), 0);
    assert_int_equal(ph_session_set_init(session, 0, init, 0), 0);
    ph_bytes_unref(&init);
    return session;
}

static void write_all(struct stage *stage, struct ph_session *session) {
    assert_int_equal(ph_spool_start(stage->spool), 0);
    ph_spool_poke(stage->spool, session);
    ph_spool_drain(stage->spool, ph_now_us() + 20 * PH_SECOND_US);
}

/* The bytes of a file, or -1. */
static long read_whole(const char *dir, const char *name, char *target, size_t most) {
    char path[256];
    snprintf(path, sizeof(path), "%s/spool/s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    size_t size = fread(target, 1, most, file);
    fclose(file);
    return (long)size;
}

static void write_whole(const char *dir, const char *name, const char *content, size_t size) {
    char path[256];
    snprintf(path, sizeof(path), "%s/spool/s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    fclose(file);
}

static struct ph_session *find(struct stage *stage) {
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
static void expect_restored(struct stage *stage, struct ph_part_position next) {
    open_stage(stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage->spool, NULL), 0);
    struct ph_session *session = find(stage);
    assert_non_null(session);
    struct ph_part_position found = ph_edge_next(&session->window.tracks[0].edge);
    assert_int_equal(ph_part_position_compare(found, next), 0);
    assert_int_equal(session->durable_segments[0], next.segment);
    expect_parts(session, next);
    for (; next.part > 0 && next.part < 3; next.part++)
        add(stage, session, next.segment, next.part);
    write_all(stage, session);
    ph_session_unref(&session);
    close_stage(stage);

    if (next.part == 3)
        next = (struct ph_part_position){next.segment + 1, 0};
    open_stage(stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage->spool, NULL), 0);
    session = find(stage);
    assert_non_null(session);
    expect_parts(session, next);
    ph_session_unref(&session);
    close_stage(stage);
}

static void write_example(struct stage *stage) {
    open_stage(stage, 1 << 20);
    struct ph_session *session = make_session(stage, "s");
    for (uint32_t i = 0; i < 5; i++)
        add(stage, session, i / 3, i % 3);
    write_all(stage, session);
    assert_int_equal(session->durable_segments[0], 1);
    ph_session_unref(&session);
    close_stage(stage);
}

static void a_session_comes_back_as_it_was(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage);
    write_example(&stage);
    expect_restored(&stage, (struct ph_part_position){1, 2});
    example_remove_dir(stage.dir);
}

/* Restores with the index cut, then with the last segment cut, at every length. */
static void a_torn_tail_costs_only_what_is_torn(void **state) {
    (void)state;
    struct stage stage;
    char index[1024], first[64], second[64];
    begin(&stage);
    write_example(&stage);
    size_t index_size = (size_t)read_whole(stage.dir, "v720/index", index, sizeof(index));
    size_t first_size = (size_t)read_whole(stage.dir, "v720/0.m4s", first, sizeof(first));
    size_t second_size = (size_t)read_whole(stage.dir, "v720/1.m4s", second, sizeof(second));
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
    struct stage stage;
    begin(&stage);
    write_example(&stage);
    write_whole(stage.dir, "v720/0.m4s", "0.0;0.x;0.2;", 12);
    expect_restored(&stage, (struct ph_part_position){0, 1});
    example_remove_dir(stage.dir);
}

static void an_ended_session_is_served_for_its_time_and_then_gone(void **state) {
    (void)state;
    struct stage stage;
    begin(&stage);
    open_stage(&stage, 1 << 20);
    struct ph_session *session = make_session(&stage, "s");
    for (uint32_t i = 0; i < 4; i++)
        add(&stage, session, i / 3, i % 3);
    ph_session_end(session, stage.clock.monotonic_us);
    write_all(&stage, session);
    assert_true(session->end_durable);
    assert_int_equal(session->durable_segments[0], 2);
    ph_session_unref(&session);
    close_stage(&stage);

    ph_test_clock_advance(&stage.clock, 200 * PH_SECOND_US);
    open_stage(&stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    session = find(&stage);
    assert_non_null(session);
    assert_true(session->ended && session->window.tracks[0].edge.ended);
    expect_parts(session, (struct ph_part_position){1, 1});
    ph_session_unref(&session);
    close_stage(&stage);

    ph_test_clock_advance(&stage.clock, 101 * PH_SECOND_US);
    for (int i = 0; i < 2; i++) { /* the second time only the tombstone is left */
        bool gone = false;
        char content[64];
        open_stage(&stage, 1 << 20);
        assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
        assert_null(ph_origin_sessions_find(stage.sessions, "s", &gone));
        assert_true(gone);
        assert_int_equal(read_whole(stage.dir, "v720/0.m4s", content, sizeof(content)), -1);
        close_stage(&stage);
    }
    example_remove_dir(stage.dir);
}

static void segments_that_left_the_window_leave_the_disk(void **state) {
    (void)state;
    struct stage stage;
    char content[64];
    begin(&stage);
    open_stage(&stage, 1 << 20);
    struct ph_session *session = make_session(&stage, "s");
    for (uint32_t i = 0; i < 60; i++) {
        add(&stage, session, i / 3, i % 3);
        ph_test_clock_advance(&stage.clock, 200000);
    }
    write_all(&stage, session);
    assert_int_equal(session->durable_segments[0], 20);
    ph_session_unref(&session);
    close_stage(&stage);
    open_stage(&stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    session = find(&stage);
    uint64_t listed = ph_window_first_listed(&session->window, 0);
    assert_int_equal(listed, 10);
    ph_test_clock_advance(&stage.clock, 60 * PH_SECOND_US);
    size_t held[PH_WAIT_KINDS] = {0};
    ph_session_tick(session, stage.clock.monotonic_us, held);
    write_all(&stage, session);
    assert_int_equal(read_whole(stage.dir, "v720/9.m4s", content, sizeof(content)), -1);
    assert_true(read_whole(stage.dir, "v720/10.m4s", content, sizeof(content)) > 0);
    ph_session_unref(&session);
    close_stage(&stage);

    open_stage(&stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    session = find(&stage);
    assert_int_equal(ph_window_first_listed(&session->window, 0), 10);
    assert_int_equal(ph_edge_next(&session->window.tracks[0].edge).segment, 20);
    ph_session_unref(&session);
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

/* Three minutes of parts that come while the disk takes none; how many of them it has afterwards. */
static size_t count_written_late(uint64_t most_reserve_bytes) {
    struct stage stage;
    size_t held[PH_WAIT_KINDS] = {0}, lines = 0;
    static char index[1 << 16];
    begin(&stage);
    stage.most_reserve_bytes = most_reserve_bytes;
    open_stage(&stage, 1 << 20);
    struct ph_session *session = make_session(&stage, "s");
    for (uint32_t i = 0; i < 900; i++) {
        add(&stage, session, i / 3, i % 3);
        ph_test_clock_advance(&stage.clock, 200000);
    }
    uint64_t reserved = ph_origin_sessions_reserved(stage.sessions);
    assert_true(reserved <= most_reserve_bytes);
    assert_int_equal(reserved > 0, most_reserve_bytes > 0);
    write_all(&stage, session);
    assert_int_equal(session->durable_segments[0], 300);
    ph_session_tick(session, stage.clock.monotonic_us, held);
    assert_int_equal(ph_origin_sessions_reserved(stage.sessions), 0);
    assert_false(ph_spool_is_losing(stage.spool));
    long size = read_whole(stage.dir, "v720/index", index, sizeof(index));
    for (long i = 0; i < size; i++)
        lines += index[i] == '\n';
    ph_session_unref(&session);
    close_stage(&stage);
    example_remove_dir(stage.dir);
    return lines;
}

static void what_the_disk_took_late_is_there_as_far_as_memory_lasted(void **state) {
    (void)state;
    assert_int_equal(count_written_late(1 << 20), 900);
    size_t without = count_written_late(0), with_little = count_written_late(20000);
    assert_in_range(without, 30, 100);
    assert_in_range(with_little, without + 60, 899);
}

static void a_full_spool_fails_and_recovers_when_sessions_end(void **state) {
    (void)state;
    struct stage stage;
    struct ph_spool_budget budget = {.most_bytes = 250};
    begin(&stage);
    open_stage(&stage, 1 << 20);
    struct ph_session *session = make_session(&stage, "s");
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
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

static void a_folder_that_is_no_session_is_left_out(void **state) {
    (void)state;
    struct stage stage;
    char path[128];
    begin(&stage);
    open_stage(&stage, 1 << 20);
    snprintf(path, sizeof(path), "%s/spool/s", stage.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    assert_null(find(&stage));
    write_whole(stage.dir, "publication.json", "{\"tracks\":", 10);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    assert_null(find(&stage));
    close_stage(&stage);
    example_remove_dir(stage.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_comes_back_as_it_was),
        cmocka_unit_test(a_torn_tail_costs_only_what_is_torn),
        cmocka_unit_test(changed_bytes_are_not_served),
        cmocka_unit_test(an_ended_session_is_served_for_its_time_and_then_gone),
        cmocka_unit_test(segments_that_left_the_window_leave_the_disk),
        cmocka_unit_test(what_the_disk_took_late_is_there_as_far_as_memory_lasted),
        cmocka_unit_test(a_full_spool_fails_and_recovers_when_sessions_end),
        cmocka_unit_test(a_folder_that_is_no_session_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
