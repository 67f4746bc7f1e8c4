/* The archive with a spool's folder on one side and a real store on the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "origin/archive/archive.h"
#include "origin/archive/archive_private.h"
#include "origin/archive/verify.h"
#include "origin/spool_files.h"
#include "origin/spool_index.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/store.h"

enum { segments = 4, sample_bytes = 40 };
static const char id[] = "abcdefghijklmnopqrstuvwxyz";

static struct ph_store *store;
static struct ph_metrics *metrics;
static struct ph_archive *archive;
static struct ph_archive_session *session;
static struct ph_publication publication;
static char spool[PH_ARCHIVE_PATH_BYTES], dir[PH_ARCHIVE_PATH_BYTES + 32];

static _Atomic(int) put_code;     /* what putting a segment comes to; 0: it is put */
static _Atomic(int) segments_put; /* of segments */

int __real_ph_store_put(struct ph_store *to, const struct ph_store_put *put, struct ph_store_object *written);
int __wrap_ph_store_put(struct ph_store *to, const struct ph_store_put *put, struct ph_store_object *written);

int __wrap_ph_store_put(
    struct ph_store *to, const struct ph_store_put *put, struct ph_store_object *written) {
    bool is_segment = strstr(put->key, ".m4s");
    if (is_segment && atomic_load(&put_code))
        return atomic_load(&put_code);
    int code = __real_ph_store_put(to, put, written);
    if (is_segment && !code)
        atomic_fetch_add(&segments_put, 1);
    return code;
}

static const char name_of_it[] = "Ein Bär";

/* A list of recordings that keeps what it was told. */
static struct list {
    struct ph_archive_catalogue catalogue;
    _Atomic(int) ready, failed, deleted, titles;
    int64_t duration_us;
} list;

static int ready(struct ph_archive_catalogue *catalogue, const struct ph_recording_facts *facts) {
    (void)catalogue;
    list.duration_us = facts->duration_us;
    atomic_fetch_add(&list.ready, 1);
    return 0;
}

static int failed(struct ph_archive_catalogue *catalogue, const char *recording, const char *reason) {
    (void)catalogue;
    (void)recording;
    (void)reason;
    atomic_fetch_add(&list.failed, 1);
    return 0;
}

static int is_deleted(struct ph_archive_catalogue *catalogue, const char *recording) {
    (void)catalogue;
    (void)recording;
    return atomic_load(&list.deleted);
}

static int title(
    struct ph_archive_catalogue *catalogue, const char *recording, char text[PH_CATALOGUE_TITLE_BYTES]) {
    (void)catalogue;
    assert_string_equal(recording, id);
    snprintf(text, PH_CATALOGUE_TITLE_BYTES, "%s", name_of_it);
    return atomic_fetch_add(&list.titles, 1) ? 0 : -EAGAIN; /* the first answer is late */
}

static int is_wanted(
    struct ph_archive_catalogue *catalogue, const char *recording, uint32_t take, bool has_ended) {
    (void)catalogue;
    (void)recording;
    (void)take;
    (void)has_ended;
    return 1;
}

static int each_ready(struct ph_archive_catalogue *catalogue, const char *recording,
    int (*visit)(void *opaque, const char *id), void *opaque) {
    (void)catalogue;
    (void)recording;
    return atomic_load(&list.ready) ? visit(opaque, id) : 0;
}

static void write_file(const char *folder, const char *name, struct ph_bytes *bytes) {
    assert_non_null(bytes);
    assert_int_equal(ph_spool_write_file(folder, name, ph_bytes_slice(bytes)), 0);
    ph_bytes_unref(&bytes);
}

/* A segment as one part, and its line in the index. */
static void write_segment(uint32_t track, uint64_t number) {
    char folder[PH_ARCHIVE_PATH_BYTES + 64], path[PH_ARCHIVE_PATH_BYTES + 80], name[32];
    struct ph_builder line = {0};
    uint32_t ticks = publication.tracks[track].timescale * 2;
    struct ph_bytes *bytes = example_media_segment(publication.tracks[track].kind, number, sample_bytes);
    struct ph_part_head head = {.position = {number, 0},
        .start_ticks = (int64_t)(number * ticks),
        .duration_ticks = ticks,
        .independent = true,
        .last = true};
    snprintf(folder, sizeof(folder), "%s/%s", dir, publication.tracks[track].name);
    ph_spool_record_write(&line, &head, ph_bytes_size(bytes), 0);
    snprintf(path, sizeof(path), "%s/index", folder);
    FILE *index = fopen(path, "ab");
    assert_non_null(index);
    assert_int_equal(fwrite(line.data, 1, line.size, index), line.size);
    fclose(index);
    ph_builder_discard(&line);
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", number);
    write_file(folder, name, bytes);
}

static void write_folder(bool is_recorded) {
    char folder[PH_ARCHIVE_PATH_BYTES + 64];
    example_media_publication(&publication);
    publication.is_recorded = is_recorded;
    char *json = ph_publication_to_json(&publication);
    assert_int_equal(mkdir(dir, 0700), 0);
    write_file(dir, "publication.json", ph_bytes_copy(json, strlen(json)));
    free(json);
    for (uint32_t i = 0; i < publication.track_count; i++) {
        snprintf(folder, sizeof(folder), "%s/%s", dir, publication.tracks[i].name);
        assert_int_equal(mkdir(folder, 0700), 0);
        write_file(folder, "init.mp4", example_media_init(publication.tracks[i].kind));
    }
}

static void take(uint64_t number) {
    for (uint32_t i = 0; i < publication.track_count; i++) {
        write_segment(i, number);
        int64_t ticks = (int64_t)publication.tracks[i].timescale * 2;
        const struct ph_archive_segment segment = {number, (int64_t)number * ticks, ticks, 1000};
        ph_archive_take(session, i, &segment);
    }
}

static void open_archive(uint64_t durable_below) {
    uint64_t below[PH_MOST_TRACKS];
    for (int i = 0; i < PH_MOST_TRACKS; i++)
        below[i] = durable_below;
    const struct ph_archive_options options = {
        .store = store, .catalogue = &list.catalogue, .metrics = metrics, .retry_us = 20000};
    assert_int_equal(ph_archive_create(&archive, &options), 0);
    session = ph_archive_open(archive, id, dir, &publication, below);
    assert_non_null(session);
    assert_int_equal(ph_archive_start(archive), 0);
}

static bool has(const char *name) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    snprintf(key, sizeof(key), "%s/%s/%s", publication.is_recorded ? "recordings" : "live", id, name);
    return ph_store_head(store, key, &object) == 0;
}

/* Whether the MP4 says what it is called. */
static bool has_title(void) {
    struct ph_bytes *mp4 = NULL;
    char key[PH_STORE_KEY_BYTES];
    snprintf(key, sizeof(key), "recordings/%s/recording.mp4", id);
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &mp4), 0);
    const char *at = memmem(ph_bytes_data(mp4), ph_bytes_size(mp4), name_of_it, strlen(name_of_it));
    ph_bytes_unref(&mp4);
    return at != NULL;
}

static bool in_folder(const char *name) {
    char path[PH_ARCHIVE_PATH_BYTES + 64];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static bool was_told(void) {
    return atomic_load(&list.ready) || atomic_load(&list.failed);
}
static bool is_complete(void) {
    return in_folder("complete");
}
static bool is_gone(void) {
    return !in_folder("publication.json") && !in_folder("v1080");
}
static bool all_put(void) {
    return atomic_load(&segments_put) == segments * 3;
}

static bool was_freed(void) {
    return ph_archive_take_freed(archive) > 0;
}
static bool first_may_go(void) {
    return ph_archive_release(session, 0, 0);
}
static bool last_may_go(void) {
    return ph_archive_release(session, 0, segments - 1);
}

static double lost(void) {
    struct ph_metric *metric = ph_metrics_counter(metrics, "porthole_archive_lost_segments_total", "", NULL);
    return ph_metric_value(metric);
}
static bool one_was_lost(void) {
    return lost() == 1;
}

static void await(bool (*is_so)(void)) {
    const struct timespec moment = {.tv_nsec = 2000000};
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    bool so = is_so();
    for (; !so && ph_now_us() < deadline_us; so = is_so())
        nanosleep(&moment, NULL);
    assert_true(so);
}

static int begin(void **state) {
    (void)state;
    if (ph_test_store_make())
        return -1;
    store = ph_test_store_open();
    snprintf(spool, sizeof(spool), "%s/spool", ph_test_store_folder());
    snprintf(dir, sizeof(dir), "%s/%s", spool, id);
    list = (struct list){.catalogue = {ready, failed, is_deleted, title, is_wanted, is_deleted, each_ready}};
    atomic_store(&put_code, 0);
    atomic_store(&segments_put, 0);
    return !store || mkdir(spool, 0700) || ph_metrics_create(&metrics);
}

static int end(void **state) {
    (void)state;
    ph_archive_destroy(archive);
    archive = NULL;
    ph_store_destroy(store);
    ph_metrics_destroy(metrics);
    return ph_test_store_remove();
}

static void a_session_becomes_a_recording_and_its_folder_goes(void **state) {
    (void)state;
    write_folder(true);
    open_archive(0);
    for (uint64_t n = 0; n < segments; n++)
        take(n);
    assert_int_equal(ph_spool_write_file(dir, "end", (struct ph_slice){(const uint8_t *)"1\n", 2}), 0);
    await(all_put);
    assert_false(has("recording.json"));
    ph_archive_end(session);
    await(is_complete);
    assert_int_equal(list.ready, 1);
    assert_int_equal(list.duration_us / 1000, 2000 * segments);
    assert_true(has("recording.json") && has("recording.mp4") && has("publication.json"));
    assert_true(has("v1080/init.mp4") && has("v1080/3.m4s") && has("audio/3.m4s"));
    assert_true(has_title());
    await(last_may_go);
    ph_archive_retire(session);
    await(is_gone);
    await(was_freed);
    assert_true(in_folder("end"));
    assert_int_equal(ph_archive_take_freed(archive), 0);
}

static void a_file_may_go_once_it_is_archived_and_recorded(void **state) {
    (void)state;
    struct ph_archive_place place;
    write_folder(true);
    atomic_store(&put_code, -EAGAIN);
    open_archive(0);
    for (uint64_t n = 0; n < segments; n++)
        take(n);
    assert_false(ph_archive_release(session, 0, 0));
    assert_int_equal(ph_archive_find_segment(archive, id, 0, 0, &place), 0);
    assert_string_equal(place.key, "");
    assert_int_equal(access(place.path, R_OK), 0);
    atomic_store(&put_code, 0);
    await(all_put);
    ph_archive_end(session);
    await(was_told);
    assert_int_equal(list.ready, 1);
    await(first_may_go);
    assert_int_equal(ph_archive_find_segment(archive, id, 0, 0, &place), 0);
    assert_string_equal(place.path, "");
    assert_string_equal(place.key, "recordings/abcdefghijklmnopqrstuvwxyz/v1080/0.m4s");
    assert_int_equal(ph_archive_find_segment(archive, id, 0, 99, &place), -ENOENT);
    struct ph_archive_segment listed[8];
    assert_int_equal(ph_archive_list_segments(archive, id, 0, 1, listed, 8), segments - 1);
    assert_int_equal(listed[0].number, 1);
    assert_true(lost() == 0);
}

static void a_new_process_goes_on_and_puts_nothing_twice(void **state) {
    (void)state;
    write_folder(true);
    open_archive(0);
    for (uint64_t n = 0; n < 2; n++)
        take(n);
    ph_archive_drain(archive, ph_now_us() + 10 * PH_SECOND_US);
    ph_archive_destroy(archive);
    assert_int_equal(atomic_load(&segments_put), 2 * 3);
    for (uint64_t n = 2; n < segments; n++) {
        for (uint32_t i = 0; i < publication.track_count; i++)
            write_segment(i, n);
    }
    open_archive(UINT64_MAX);
    ph_archive_end(session);
    ph_archive_retire(session);
    await(is_gone);
    assert_int_equal(atomic_load(&segments_put), segments * 3);
    assert_int_equal(list.ready, 1);
    assert_int_equal(list.duration_us / 1000, 2000 * segments);
}

static void a_full_spool_drops_the_oldest_and_says_so(void **state) {
    (void)state;
    struct ph_archive_place place;
    write_folder(true);
    atomic_store(&put_code, -EIO);
    open_archive(0);
    for (uint64_t n = 0; n < segments; n++)
        take(n);
    ph_archive_end(session);
    assert_int_equal(ph_archive_shed(archive, false), 0);
    assert_true(ph_archive_shed(archive, true) > 0);
    await(one_was_lost); /* at once, or when what was on its way has failed */
    int gone = 0;
    for (uint32_t i = 0; i < publication.track_count; i++)
        gone += ph_archive_find_segment(archive, id, i, 0, &place) == -ENOENT;
    assert_int_equal(gone, 1);
    atomic_store(&put_code, 0);
    await(is_complete);
    assert_int_equal(atomic_load(&segments_put), segments * 3 - 1);
    assert_int_equal(list.ready, 1);
}

static void a_deleted_recording_leaves_nothing(void **state) {
    (void)state;
    write_folder(true);
    open_archive(0);
    for (uint64_t n = 0; n < segments; n++)
        take(n);
    await(all_put);
    atomic_store(&list.deleted, 1);
    ph_archive_end(session);
    ph_archive_retire(session);
    await(is_gone);
    assert_false(has("publication.json") || has("v1080/0.m4s") || has("recording.json"));
    assert_int_equal(list.ready, 0);
}

static void a_session_that_is_not_recorded_keeps_its_segments_alone(void **state) {
    (void)state;
    write_folder(false);
    open_archive(0);
    for (uint64_t n = 0; n < segments; n++)
        take(n);
    ph_archive_end(session);
    await(is_complete);
    assert_true(has("v720/3.m4s") && has("v720/init.mp4"));
    assert_false(has("recording.json") || has("recording.mp4"));
    assert_false(was_told());
}

static void nothing_published_is_no_recording(void **state) {
    (void)state;
    write_folder(true);
    open_archive(0);
    ph_archive_end(session);
    await(is_complete);
    assert_int_equal(list.failed, 1);
    assert_int_equal(list.ready, 0);
}

static char differences[512];

static void note_difference(void *opaque, const struct ph_archive_difference *difference) {
    (void)opaque;
    size_t size = strlen(differences);
    snprintf(differences + size, sizeof(differences) - size, "%s%s;", difference->object,
        difference->repaired ? " repaired" : "");
}

static struct ph_archive_verification verify(bool repair) {
    struct ph_archive_verification verification = {.store = store,
        .catalogue = &list.catalogue,
        .spool = spool,
        .repair = repair,
        .report = note_difference};
    *differences = '\0';
    assert_int_equal(ph_archive_verify(&verification), 0);
    return verification;
}

static void what_is_missing_is_found_and_mended(void **state) {
    (void)state;
    write_folder(true);
    open_archive(0);
    for (uint64_t n = 0; n < segments; n++)
        take(n);
    ph_archive_end(session);
    await(is_complete);
    assert_int_equal(verify(false).differences, 0);
    assert_int_equal(ph_store_remove(store, "recordings/abcdefghijklmnopqrstuvwxyz/v720/2.m4s"), 0);
    assert_int_equal(ph_store_remove(store, "recordings/abcdefghijklmnopqrstuvwxyz/recording.mp4"), 0);
    assert_int_equal(verify(false).differences, 2);
    assert_string_equal(differences, "v720/2.m4s;recording.mp4;");
    struct ph_archive_verification mended = verify(true);
    assert_string_equal(differences, "v720/2.m4s repaired;recording.mp4 repaired;");
    assert_int_equal(mended.repaired, 2);
    assert_true(has_title());
    assert_int_equal(verify(false).differences, 0);
    assert_int_equal(ph_store_remove(store, "recordings/abcdefghijklmnopqrstuvwxyz/recording.json"), 0);
    assert_int_equal(verify(true).repaired, 1);
    assert_true(has("recording.json"));
    assert_int_equal(verify(false).differences, 0);
}

int main(void) {
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        ON_STORE(a_session_becomes_a_recording_and_its_folder_goes),
        ON_STORE(a_file_may_go_once_it_is_archived_and_recorded),
        ON_STORE(a_new_process_goes_on_and_puts_nothing_twice),
        ON_STORE(a_full_spool_drops_the_oldest_and_says_so),
        ON_STORE(a_deleted_recording_leaves_nothing),
        ON_STORE(a_session_that_is_not_recorded_keeps_its_segments_alone),
        ON_STORE(nothing_published_is_no_recording),
        ON_STORE(what_is_missing_is_found_and_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
