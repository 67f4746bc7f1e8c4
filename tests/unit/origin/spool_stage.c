#include "tests/unit/origin/spool_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

void spool_stage_open(struct spool_stage *stage, uint64_t most_bytes) {
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

void spool_stage_close(struct spool_stage *stage) {
    ph_spool_destroy(stage->spool);
    ph_origin_sessions_destroy(stage->sessions);
}

void spool_stage_begin(struct spool_stage *stage) {
    stage->most_reserve_bytes = 0;
    example_make_dir(stage->dir);
    ph_test_clock_init(&stage->clock, INT64_C(1767323045678000));
    ph_test_clock_advance(&stage->clock, 1000 * PH_SECOND_US);
}

void spool_stage_add(struct spool_stage *stage, struct ph_session *session, uint64_t segment, uint32_t part) {
    struct ph_part_position next;
    struct ph_part *made = example_part(&session->publication, segment, part, false);
    int64_t now_us = stage->clock.monotonic_us;
    assert_int_equal(ph_session_add_part(session, 0, made, now_us, &next, NULL), PH_WINDOW_ADDED);
    ph_part_unref(&made);
}

struct ph_session *spool_stage_session(struct spool_stage *stage, const char *id) {
    struct ph_publication publication = example_publication(3);
    struct ph_session *session =
        ph_session_create(id, &publication, example_metrics(), stage->clock.monotonic_us);
    struct ph_bytes *init = ph_bytes_copy("init", 4);
    assert_int_equal(ph_origin_sessions_insert(stage->sessions, session), 0);
    assert_int_equal(ph_session_set_init(session, 0, init, 0), 0);
    ph_bytes_unref(&init);
    return session;
}

void spool_stage_write(struct spool_stage *stage, struct ph_session *session) {
    assert_int_equal(ph_spool_start(stage->spool), 0);
    ph_spool_poke(stage->spool, session);
    ph_spool_drain(stage->spool, ph_now_us() + 20 * PH_SECOND_US);
}

long spool_stage_read(const char *dir, const char *name, char *target, size_t most) {
    char path[256];
    snprintf(path, sizeof(path), "%s/spool/s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    size_t size = fread(target, 1, most, file);
    fclose(file);
    return (long)size;
}
