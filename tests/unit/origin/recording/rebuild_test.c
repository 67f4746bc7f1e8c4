#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "origin/recording/rebuild.h"
#include "tests/unit/origin/recording/recording_stage.h"

static void put(const char *name, struct ph_slice bytes) {
    char path[PH_STORE_KEY_BYTES];
    snprintf(path, sizeof(path), "recordings/example/%s", name);
    const struct ph_store_put what = {
        .key = path, .bytes = bytes, .content_type = "application/octet-stream"};
    assert_int_equal(ph_store_put(stage.store, &what, NULL), 0);
}

static void put_archive(void) {
    char *json = ph_publication_to_json(&stage.publication);
    put("publication.json", (struct ph_slice){(const uint8_t *)json, strlen(json)});
    free(json);
    for (int i = 0; i < tracks; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s/init.mp4", stage.publication.tracks[i].name);
        put(name, ph_bytes_slice(stage.inits[i]));
        for (int n = 0; n < long_segments; n++) {
            snprintf(name, sizeof(name), "%s/%d.m4s", stage.publication.tracks[i].name, n);
            put(name, ph_bytes_slice(stage.segments[i][n]));
        }
    }
}

static void an_archive_alone_makes_the_same_recording(void **state) {
    (void)state;
    struct ph_manifest manifest;
    struct ph_recorder_result result;
    put_archive();
    assert_int_equal(ph_recorder_rebuild(stage.store, "example", "Example", &manifest, &result), 0);
    stage_assert_whole();
    assert_int_equal(manifest.tracks[v720].count, long_segments);
    assert_int_equal(manifest.tracks[audio].count, long_segments);
    assert_true(manifest.mp4_bytes == result.bytes);
    assert_string_equal(manifest.mp4_etag, result.etag);
    assert_true(manifest.duration_us == result.duration_us);
    ph_manifest_finish(&manifest);
}

static void rebuilding_leaves_out_what_is_broken(void **state) {
    (void)state;
    struct ph_manifest manifest;
    struct ph_recorder_result result;
    put_archive();
    put("v1080/3.m4s", (struct ph_slice){(const uint8_t *)"rubbish", 7});
    assert_int_equal(ph_store_remove(stage.store, "recordings/example/v1080/5.m4s"), 0);
    assert_int_equal(ph_recorder_rebuild(stage.store, "example", NULL, &manifest, &result), 0);
    assert_int_equal(manifest.tracks[v1080].count, long_segments);
    assert_int_equal(manifest.tracks[v1080].segments[3].flags, PH_MANIFEST_GAP);
    assert_int_equal(manifest.tracks[v1080].segments[5].flags, PH_MANIFEST_GAP);
    assert_int_equal(manifest.tracks[v720].segments[3].flags, 0);
    assert_int_equal(result.video_samples, 60 * (long_segments - 2));
    ph_manifest_finish(&manifest);
    assert_int_equal(ph_recorder_rebuild(stage.store, "nobody", NULL, &manifest, &result), -ENOENT);
}

#define RECORDER_TEST(name) cmocka_unit_test_setup_teardown(name, NULL, stage_clean)

int main(void) {
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(an_archive_alone_makes_the_same_recording),
        RECORDER_TEST(rebuilding_leaves_out_what_is_broken),
    };
    return cmocka_run_group_tests(tests, stage_make_whole, stage_remove);
}
