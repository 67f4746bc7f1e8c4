#include "tests/unit/origin/archive/archive_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/origin/archive/spool_folder.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/store.h"

const char scene_id[] = "abcdefghijklmnopqrstuvwxyz", scene_title[] = "Ein Bär";
struct archive_scene scene;

int __real_ph_store_put(struct ph_store *to, const struct ph_store_put *put, struct ph_store_object *written);
int __wrap_ph_store_put(struct ph_store *to, const struct ph_store_put *put, struct ph_store_object *written);

int __wrap_ph_store_put(
    struct ph_store *to, const struct ph_store_put *put, struct ph_store_object *written) {
    bool is_segment = strstr(put->key, ".m4s");
    if (is_segment && atomic_load(&scene.put_code))
        return atomic_load(&scene.put_code);
    int code = __real_ph_store_put(to, put, written);
    if (is_segment && !code)
        atomic_fetch_add(&scene.segments_put, 1);
    return code;
}

int __real_ph_composition_begin(struct ph_store *from, const char *key, const char *content_type,
    struct ph_composition **composition, char token[PH_COMPOSITION_TOKEN_BYTES]);
int __wrap_ph_composition_begin(struct ph_store *from, const char *key, const char *content_type,
    struct ph_composition **composition, char token[PH_COMPOSITION_TOKEN_BYTES]);
int __real_ph_composition_finish(struct ph_composition *composition, struct ph_slice front,
    const struct ph_receipt *receipts, size_t count);
int __wrap_ph_composition_finish(struct ph_composition *composition, struct ph_slice front,
    const struct ph_receipt *receipts, size_t count);

int __wrap_ph_composition_begin(struct ph_store *from, const char *key, const char *content_type,
    struct ph_composition **composition, char token[PH_COMPOSITION_TOKEN_BYTES]) {
    atomic_fetch_add(&scene.compositions, 1);
    return __real_ph_composition_begin(from, key, content_type, composition, token);
}

int __wrap_ph_composition_finish(struct ph_composition *composition, struct ph_slice front,
    const struct ph_receipt *receipts, size_t count) {
    bool is_spoilt = atomic_load(&scene.compositions) <= atomic_load(&scene.spoilt);
    return is_spoilt ? -EBADMSG : __real_ph_composition_finish(composition, front, receipts, count);
}

static int ready(struct ph_archive_catalogue *catalogue, const struct ph_recording_facts *facts) {
    (void)catalogue;
    scene.list.duration_us = facts->duration_us;
    atomic_fetch_add(&scene.list.ready, 1);
    return 0;
}

static int failed(struct ph_archive_catalogue *catalogue, const char *recording, const char *reason) {
    (void)catalogue;
    (void)recording;
    (void)reason;
    atomic_fetch_add(&scene.list.failed, 1);
    return 0;
}

static int is_deleted(struct ph_archive_catalogue *catalogue, const char *recording) {
    (void)catalogue;
    (void)recording;
    return atomic_load(&scene.list.deleted);
}

static int is_being_cut(struct ph_archive_catalogue *catalogue, const char *recording) {
    (void)catalogue;
    assert_string_equal(recording, scene_id);
    return atomic_load(&scene.list.being_cut);
}

static int title(
    struct ph_archive_catalogue *catalogue, const char *recording, char text[PH_CATALOGUE_TITLE_BYTES]) {
    (void)catalogue;
    assert_string_equal(recording, scene_id);
    snprintf(text, PH_CATALOGUE_TITLE_BYTES, "%s", scene_title);
    return atomic_fetch_add(&scene.list.titles, 1) ? 0 : -EAGAIN; /* the first answer is late */
}

static int is_wanted(
    struct ph_archive_catalogue *catalogue, const char *recording, uint32_t take, bool has_ended) {
    (void)catalogue;
    (void)recording;
    (void)take;
    (void)has_ended;
    return !atomic_load(&scene.list.unwanted);
}

static int each_ready(struct ph_archive_catalogue *catalogue, const char *recording,
    int (*visit)(void *opaque, const char *id), void *opaque) {
    (void)catalogue;
    (void)recording;
    return atomic_load(&scene.list.ready) ? visit(opaque, scene_id) : 0;
}

void scene_write_segment(uint32_t track, uint64_t number) {
    spool_folder_add_segment(scene.dir, &scene.publication, track, number);
}

void scene_write_folder(bool is_recorded, uint32_t take) {
    example_media_publication(&scene.publication);
    scene.publication.is_recorded = is_recorded;
    scene.publication.take = take;
    spool_folder_make(scene.dir, &scene.publication);
}

void scene_take(uint64_t number) {
    for (uint32_t i = 0; i < scene.publication.track_count; i++) {
        scene_write_segment(i, number);
        int64_t ticks = (int64_t)scene.publication.tracks[i].timescale * 2;
        const struct ph_archive_segment segment = {number, (int64_t)number * ticks, ticks, 1000};
        ph_archive_take(scene.session, i, &segment);
    }
}

void scene_take_all(void) {
    for (uint64_t n = 0; n < SCENE_SEGMENTS; n++)
        scene_take(n);
}

void scene_create(uint64_t durable_below) {
    uint64_t below[PH_MOST_TRACKS];
    for (int i = 0; i < PH_MOST_TRACKS; i++)
        below[i] = durable_below;
    const struct ph_archive_options options = {.store = scene.store,
        .catalogue = &scene.list.catalogue,
        .metrics = scene.metrics,
        .retry_us = 20000};
    assert_int_equal(ph_archive_create(&scene.archive, &options), 0);
    scene.session = ph_archive_open(scene.archive, scene_id, scene.dir, &scene.publication, below);
    assert_non_null(scene.session);
}

void scene_open(uint64_t durable_below) {
    scene_create(durable_below);
    assert_int_equal(ph_archive_start(scene.archive), 0);
}

bool scene_has(const char *name) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    snprintf(
        key, sizeof(key), "%s/%s/%s", scene.publication.is_recorded ? "recordings" : "live", scene_id, name);
    return ph_store_head(scene.store, key, &object) == 0;
}

bool scene_in_folder(const char *name) {
    char path[PH_ARCHIVE_PATH_BYTES + 64];
    snprintf(path, sizeof(path), "%s/%s", scene.dir, name);
    return access(path, F_OK) == 0;
}

bool scene_was_told(void) {
    return atomic_load(&scene.list.ready) || atomic_load(&scene.list.failed);
}
bool scene_is_complete(void) {
    return scene_in_folder("complete");
}
bool scene_is_gone(void) {
    return !scene_in_folder("publication.json") && !scene_in_folder("v1080");
}
bool scene_all_put(void) {
    return atomic_load(&scene.segments_put) == SCENE_SEGMENTS * 3;
}

void scene_await(bool (*is_so)(void)) {
    const struct timespec moment = {.tv_nsec = 2000000};
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    bool so = is_so();
    for (; !so && ph_now_us() < deadline_us; so = is_so())
        nanosleep(&moment, NULL);
    assert_true(so);
}

int scene_begin(void **state) {
    (void)state;
    if (ph_test_store_make())
        return -1;
    scene.store = ph_test_store_open();
    snprintf(scene.spool, sizeof(scene.spool), "%s/spool", ph_test_store_folder());
    snprintf(scene.dir, sizeof(scene.dir), "%s/%s", scene.spool, scene_id);
    scene.list = (struct scene_list){.catalogue = {ready, failed, is_deleted, is_being_cut, title, is_wanted,
                                         is_deleted, is_deleted, each_ready}};
    atomic_store(&scene.put_code, 0);
    atomic_store(&scene.segments_put, 0);
    atomic_store(&scene.compositions, 0);
    atomic_store(&scene.spoilt, 0);
    return !scene.store || mkdir(scene.spool, 0700) || ph_metrics_create(&scene.metrics);
}

int scene_end(void **state) {
    (void)state;
    ph_archive_destroy(scene.archive);
    scene.archive = NULL;
    ph_store_destroy(scene.store);
    ph_metrics_destroy(scene.metrics);
    return ph_test_store_remove();
}
