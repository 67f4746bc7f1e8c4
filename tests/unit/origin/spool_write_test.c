#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/origin/spool_stage.h"

/* The disk: how long a sync takes, how many it is asked for at once, and for which sessions (the first
 * letters of their names). */
static struct {
    pthread_mutex_t lock;
    long sync_ms;
    int inside, most_inside;
    char sessions[256];
    size_t count;
    void (*meanwhile)(void *opaque); /* what happens during the next sync; or NULL */
    void *opaque;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note_sync(int fd) {
    char link[64], path[256] = "";
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    const char *session = size > 0 ? strstr(path, "/spool/") : NULL;
    if (session && disk.count < sizeof(disk.sessions))
        disk.sessions[disk.count++] = session[strlen("/spool/")];
}

/* Instead of the C library's. */
int fdatasync(int fd) {
    const struct timespec pause = {0, disk.sync_ms * 1000000};
    pthread_mutex_lock(&disk.lock);
    disk.inside++;
    if (disk.inside > disk.most_inside)
        disk.most_inside = disk.inside;
    note_sync(fd);
    pthread_mutex_unlock(&disk.lock);
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&disk.lock);
    if (disk.meanwhile)
        disk.meanwhile(disk.opaque);
    disk.meanwhile = NULL;
    disk.inside--;
    pthread_mutex_unlock(&disk.lock);
    return (int)syscall(SYS_fdatasync, fd);
}

/* Three minutes of parts that come while the disk takes none; how many of them it has afterwards. */
static size_t count_written_late(uint64_t most_reserve_bytes) {
    struct spool_stage stage;
    size_t held[PH_WAIT_KINDS] = {0}, lines = 0;
    static char index[1 << 16];
    spool_stage_begin(&stage);
    stage.most_reserve_bytes = most_reserve_bytes;
    spool_stage_open(&stage, 1 << 20);
    struct ph_session *session = spool_stage_session(&stage, "s");
    for (uint32_t i = 0; i < 900; i++) {
        spool_stage_add(&stage, session, i / 3, i % 3);
        ph_test_clock_advance(&stage.clock, 200000);
    }
    uint64_t reserved = ph_origin_sessions_reserved(stage.sessions);
    assert_true(reserved <= most_reserve_bytes);
    assert_int_equal(reserved > 0, most_reserve_bytes > 0);
    spool_stage_write(&stage, session);
    assert_int_equal(session->durable_segments[0], 300);
    ph_session_tick(session, stage.clock.monotonic_us, held);
    assert_int_equal(ph_origin_sessions_reserved(stage.sessions), 0);
    assert_false(ph_spool_is_losing(stage.spool));
    long size = spool_stage_read(stage.dir, "v720/index", index, sizeof(index));
    for (long i = 0; i < size; i++)
        lines += index[i] == '\n';
    ph_session_unref(&session);
    spool_stage_close(&stage);
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

static void set_sounds_init(struct ph_session *session) {
    struct ph_bytes *init = ph_bytes_copy("sound", 5);
    assert_int_equal(ph_session_set_init(session, 1, init, 0), 0);
    ph_bytes_unref(&init);
}

static struct ph_session *make_two_tracks(struct spool_stage *stage, const char *id, uint64_t segments) {
    struct ph_publication publication = example_publication(3);
    struct ph_session *session = spool_stage_session(stage, id);
    set_sounds_init(session);
    for (uint32_t i = 0; i < 3 * segments; i++) {
        struct ph_part_position next;
        struct ph_part *part = example_part(&publication, i / 3, i % 3, false);
        for (uint32_t track = 0; track < 2; track++)
            assert_int_equal(
                ph_session_add_part(session, track, part, stage->clock.monotonic_us, &next, NULL),
                PH_WINDOW_ADDED);
        ph_part_unref(&part);
    }
    return session;
}

/* Tracks are synced side by side, and sessions take turns. */
static void a_slow_disk_is_late_with_all_alike(void **state) {
    (void)state;
    enum { segments = 4 };
    struct spool_stage stage;
    int turns = 0;
    spool_stage_begin(&stage);
    spool_stage_open(&stage, 1 << 20);
    struct ph_session *sessions[] = {
        make_two_tracks(&stage, "a", segments), make_two_tracks(&stage, "b", segments)};
    disk.sync_ms = 15;
    disk.count = 0;
    disk.most_inside = 0;
    ph_spool_poke(stage.spool, sessions[0]);
    ph_spool_poke(stage.spool, sessions[1]);
    assert_int_equal(ph_spool_start(stage.spool), 0);
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    struct ph_track_standing standings[PH_MOST_TRACKS] = {0};
    while (standings[1].durable_segment < segments && ph_now_us() < deadline_us)
        ph_session_standings(sessions[1], standings);
    ph_spool_drain(stage.spool, ph_now_us() + 20 * PH_SECOND_US);
    disk.sync_ms = 0;
    assert_int_equal(disk.most_inside, 2);
    for (size_t i = 1; i < disk.count; i++)
        turns += disk.sessions[i] != disk.sessions[i - 1];
    assert_in_range(turns, 2 * segments - 2, 2 * segments);
    for (int i = 0; i < 2; i++) {
        ph_session_standings(sessions[i], standings);
        assert_int_equal(standings[0].durable_segment, segments);
        assert_int_equal(standings[1].durable_segment, segments);
        ph_session_unref(&sessions[i]);
    }
    spool_stage_close(&stage);
    example_remove_dir(stage.dir);
}

/* A segment of sound. */
static void begin_sound(void *opaque) {
    struct ph_session *session = opaque;
    set_sounds_init(session);
    for (uint32_t i = 0; i < 3; i++) {
        struct ph_part_position next;
        struct ph_part *part = example_part(&session->publication, 0, i, false);
        assert_int_equal(ph_session_add_part(session, 1, part, 0, &next, NULL), PH_WINDOW_ADDED);
        ph_part_unref(&part);
    }
}

/* Killed right after it said that a segment is durable, it finds it again. */
static void a_track_that_begins_while_another_is_written_is_there_with_its_init_segment(void **state) {
    (void)state;
    struct spool_stage stage;
    bool gone;
    spool_stage_begin(&stage);
    spool_stage_open(&stage, 1 << 20);
    struct ph_session *session = spool_stage_session(&stage, "s");
    for (uint32_t i = 0; i < 3; i++)
        spool_stage_add(&stage, session, 0, i);
    disk.opaque = session;
    disk.meanwhile = begin_sound;
    spool_stage_write(&stage, session);
    uint64_t durable = session->durable_segments[1];
    ph_session_unref(&session);
    spool_stage_close(&stage);
    assert_null(disk.meanwhile);

    spool_stage_open(&stage, 1 << 20);
    assert_int_equal(ph_spool_restore(stage.spool, NULL), 0);
    session = ph_origin_sessions_find(stage.sessions, "s", &gone);
    assert_int_equal(session->durable_segments[0], 1);
    assert_int_equal(session->durable_segments[1], durable);
    assert_int_equal(durable, 1);
    ph_session_unref(&session);
    spool_stage_close(&stage);
    example_remove_dir(stage.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_disk_took_late_is_there_as_far_as_memory_lasted),
        cmocka_unit_test(a_slow_disk_is_late_with_all_alike),
        cmocka_unit_test(a_track_that_begins_while_another_is_written_is_there_with_its_init_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
