/* Verifying what is in the objects, on a folder and in a bucket: one byte of each is changed, sizes stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/store_impl.h"
#include "origin/archive/verify.h"
#include "origin/archive/verify_mp4.h"
#include "origin/recording/rebuild.h"
#include "tests/unit/origin/recording/example_media.h"
#include "tests/unit/support/store.h"

enum { segments = 3, sample_bytes = 30000 };
static const char prefix[] = "recordings/abcdefghijklmnopqrstuvwxyz";

static struct ph_store *store;
static struct ph_publication publication;
static char spool[PH_STORE_KEY_BYTES], differences[512];

static void put(const char *name, struct ph_slice bytes) {
    char key[PH_STORE_KEY_BYTES];
    snprintf(key, sizeof(key), "%s/%s", prefix, name);
    assert_int_equal(ph_store_put(store, &(struct ph_store_put){.key = key, .bytes = bytes}, NULL), 0);
}

static void put_bytes(const char *name, struct ph_bytes *bytes) {
    put(name, ph_bytes_slice(bytes));
    ph_bytes_unref(&bytes);
}

/* Large enough in the tracks of the MP4 that a bucket takes it in several parts. */
static struct ph_bytes *segment(uint32_t track, uint64_t number) {
    return example_media_segment(publication.tracks[track].kind, number, track == 1 ? 100 : sample_bytes);
}

/* What is archived of a session whose spool is gone. */
static void put_session(void) {
    char name[64];
    example_media_publication(&publication);
    publication.is_recorded = true;
    char *json = ph_publication_to_json(&publication);
    put("publication.json", (struct ph_slice){(const uint8_t *)json, strlen(json)});
    free(json);
    for (uint32_t i = 0; i < publication.track_count; i++) {
        const char *track = publication.tracks[i].name;
        snprintf(name, sizeof(name), "%s/init.mp4", track);
        put_bytes(name, example_media_init(publication.tracks[i].kind));
        for (uint64_t n = 0; n < segments; n++) {
            snprintf(name, sizeof(name), "%s/%" PRIu64 ".m4s", track, n);
            put_bytes(name, segment(i, n));
        }
    }
    static const uint8_t picture[] = "a picture";
    put("poster.jpg", (struct ph_slice){picture, sizeof(picture)});
}

static void note_difference(void *opaque, const struct ph_archive_difference *difference) {
    (void)opaque;
    size_t size = strlen(differences);
    snprintf(differences + size, sizeof(differences) - size, "%s %s%s;", difference->object, difference->what,
        difference->repaired ? ", repaired" : "");
}

static void verify(bool deep, bool repair, const char *expected) {
    struct ph_archive_verification verification = {
        .store = store, .spool = spool, .deep = deep, .repair = repair, .report = note_difference};
    *differences = '\0';
    assert_int_equal(ph_archive_verify(&verification), 0);
    assert_string_equal(differences, expected);
    assert_int_equal(verification.unread, 0);
}

/* As a disk does that fails silently: what the folder keeps beside the file stays. */
static void flip_in_folder(const char *key, uint64_t offset) {
    char path[512];
    uint8_t byte = 0;
    snprintf(path, sizeof(path), "%s/%s", ph_store_folder(store), key);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && pread(fd, &byte, 1, (off_t)offset) == 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

/* As somebody does who puts something else: no byte of a bucket's object can be changed. */
static void flip(const char *name, uint64_t offset) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_bytes *bytes;
    snprintf(key, sizeof(key), "%s/%s", prefix, name);
    if (ph_store_folder(store)) {
        flip_in_folder(key, offset);
        return;
    }
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &bytes), 0);
    ph_bytes_writable(bytes)[offset] ^= 0x10;
    put_bytes(name, bytes);
}

static uint64_t size_of(const char *name) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    snprintf(key, sizeof(key), "%s/%s", prefix, name);
    assert_int_equal(ph_store_head(store, key, &object), 0);
    return object.bytes;
}

/* As a session's end leaves it: two sheets, of which the manifest tells. */
static void put_storyboard(void) {
    static const struct ph_slice pictures[] = {{(const uint8_t *)"a sheet", 7}, {(const uint8_t *)"more", 4}};
    char key[PH_STORE_KEY_BYTES], name[64];
    struct ph_manifest manifest;
    struct ph_bytes *json;
    snprintf(key, sizeof(key), "%s/recording.json", prefix);
    assert_int_equal(ph_store_get(store, key, 0, UINT64_MAX, &json), 0);
    assert_int_equal(ph_manifest_from_json(ph_bytes_slice(json), &manifest, NULL), 0);
    ph_bytes_unref(&json);
    for (uint32_t i = 0; i < 2; i++) {
        const struct ph_storyboard_sheet sheet = {.first_tile = i,
            .tiles = 1,
            .columns = 1,
            .rows = 1,
            .width = 160,
            .height = 90,
            .interval_ms = 2000};
        assert_int_equal(ph_manifest_add_sheet(&manifest, &sheet, pictures[i]), 0);
        snprintf(name, sizeof(name), "storyboard-%" PRIu32 ".jpg", i);
        put(name, pictures[i]);
    }
    put_bytes("storyboard.vtt", ph_storyboard_to_vtt(&manifest.storyboard, manifest.duration_us));
    put_bytes("recording.json", ph_manifest_to_json(&manifest));
    ph_manifest_finish(&manifest);
}

static int begin(void **state) {
    (void)state;
    if (ph_test_store_make() || !(store = ph_test_store_open()))
        return -1;
    snprintf(spool, sizeof(spool), "%s/spool", ph_test_store_folder());
    put_session();
    verify(false, true, "recording.json is missing: the recording is not complete, repaired;");
    put_storyboard();
    verify(true, false, "");
    return 0;
}

static int end(void **state) {
    (void)state;
    ph_store_destroy(store);
    return ph_test_store_remove();
}

static void segment_with_another_byte_is_found(void **state) {
    (void)state;
    flip("v720/1.m4s", 500);
    verify(false, false, "");
    verify(true, false, "v720/1.m4s has other bytes;");
    verify(true, true, "v720/1.m4s has other bytes;"); /* there is nothing to mend it by */
    flip("v720/1.m4s", 500);
    flip("audio/init.mp4", 100);
    verify(true, false, "audio/init.mp4 has other bytes;");
}

static void write_spooled(const char *folder, const char *name, struct ph_slice bytes) {
    char command[512], path[512];
    snprintf(command, sizeof(command), "mkdir -p '%s/abcdefghijklmnopqrstuvwxyz/%s'", spool, folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/abcdefghijklmnopqrstuvwxyz/%s/%s", spool, folder, name);
    FILE *file = fopen(path, "wbe");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
}

/* The session is in the spool still, or again, and was finished there. */
static void segment_is_put_again_from_the_spool(void **state) {
    (void)state;
    flip("v720/1.m4s", 500);
    for (int is_right = 0; is_right < 2; is_right++) {
        struct ph_bytes *bytes = segment(1, 1);
        if (!is_right)
            ph_bytes_writable(bytes)[7] ^= 1;
        write_spooled("v720", "1.m4s", ph_bytes_slice(bytes));
        ph_bytes_unref(&bytes);
        verify(
            true, true, is_right ? "v720/1.m4s has other bytes, repaired;" : "v720/1.m4s has other bytes;");
    }
    verify(true, false, "");
}

static void mp4_with_another_byte_is_made_again(void **state) {
    (void)state;
    /* In its head, in the middle, and the last one. */
    const uint64_t offsets[] = {40, size_of("recording.mp4") / 2, size_of("recording.mp4") - 1};
    for (size_t i = 0; i < 3; i++) {
        flip("recording.mp4", offsets[i]);
        verify(false, false, "");
        verify(true, false, "recording.mp4 has other bytes;");
        verify(true, true, "recording.mp4 has other bytes, repaired;");
        verify(true, false, "");
    }
    /* The manifest was made anew, and what it told of pictures is in it. */
    flip("poster.jpg", 3);
    flip("storyboard-1.jpg", 2);
    verify(true, false, "poster.jpg has other bytes;storyboard-1.jpg has other bytes;");
}

static void picture_with_another_byte_is_found(void **state) {
    (void)state;
    flip("poster.jpg", 3);
    flip("storyboard-1.jpg", 2);
    verify(false, false, "");
    verify(true, false, "poster.jpg has other bytes;storyboard-1.jpg has other bytes;");
    verify(true, true,
        "poster.jpg has other bytes, and cannot be made again;"
        "storyboard-1.jpg has other bytes, and cannot be made again;");
    put("storyboard-1.jpg", (struct ph_slice){(const uint8_t *)"larger", 6});
    verify(false, false, "storyboard-1.jpg has another size;");
}

static void picture_is_put_again_from_the_spool(void **state) {
    (void)state;
    static const uint8_t picture[] = "a picture";
    write_spooled("", "poster.jpg", (struct ph_slice){picture, sizeof(picture)});
    write_spooled("storyboard", "1.jpg", (struct ph_slice){(const uint8_t *)"more", 4});
    flip("poster.jpg", 3);
    flip("storyboard-0.jpg", 2);
    flip("storyboard-1.jpg", 2);
    verify(true, true,
        "poster.jpg has other bytes, repaired;storyboard-0.jpg has other bytes, and cannot be made again;"
        "storyboard-1.jpg has other bytes, repaired;");
    flip("storyboard.vtt", 9);
    verify(true, true,
        "storyboard.vtt has other bytes, repaired;"
        "storyboard-0.jpg has other bytes, and cannot be made again;");
    verify(true, false, "storyboard-0.jpg has other bytes;");
}

/* The store, whose objects lie in the deep archive. */
struct cold {
    struct ph_store base;
    const char *part; /* those whose keys contain it */
};

static int get_cold(
    struct ph_store *base, const char *key, uint64_t offset, uint64_t size, struct ph_bytes **bytes) {
    return strstr(key, ((struct cold *)base)->part) ? -EREMOTE
                                                    : ph_store_get(store, key, offset, size, bytes);
}

static int head_cold(struct ph_store *base, const char *key, struct ph_store_object *object) {
    (void)base;
    return ph_store_head(store, key, object);
}

static int list_cold(
    struct ph_store *base, const char *key, const char *after, ph_store_visitor *visit, void *opaque) {
    (void)base;
    return ph_store_list_after(store, key, after, visit, opaque);
}

static void what_lies_in_the_deep_archive_is_counted_and_left(void **state) {
    (void)state;
    static const struct ph_store_impl impl = {.get = get_cold, .head = head_cold, .list = list_cold};
    static const struct {
        const char *part;
        bool deep;
        uint64_t unread;
    } cases[] = {{"", false, 1}, {"", true, 1}, {".m4s", false, 0}, {"v720/1.m4s", true, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cold cold = {.part = cases[i].part};
        struct ph_archive_verification verification = {.store = &cold.base,
            .spool = spool,
            .deep = cases[i].deep,
            .repair = true,
            .report = note_difference};
        ph_store_init(&cold.base, &impl, &(struct ph_store_options){0});
        *differences = '\0';
        assert_int_equal(ph_archive_verify(&verification), 0);
        assert_string_equal(differences, "");
        assert_int_equal(verification.unread, cases[i].unread);
        ph_store_finish(&cold.base);
    }
}

static void title_is_no_difference(void **state) {
    (void)state;
    const char *id = strchr(prefix, '/') + 1;
    struct ph_manifest manifest;
    struct ph_recorder_result result;
    char title[PH_MP4_TITLE_BYTES];
    bool is_same;
    assert_int_equal(ph_verify_mp4_title(store, id, title), 0);
    assert_string_equal(title, "");
    assert_int_equal(ph_recorder_rebuild(store, id, "Das Schlo\xc3\x9f", &manifest, &result), 0);
    ph_manifest_finish(&manifest);
    assert_int_equal(ph_verify_mp4_title(store, id, title), 0);
    assert_string_equal(title, "Das Schlo\xc3\x9f");
    assert_int_equal(ph_verify_mp4(store, id, &is_same), 0);
    assert_true(is_same);
    flip("recording.mp4", size_of("recording.mp4") - 9);
    assert_int_equal(ph_verify_mp4(store, id, &is_same), 0);
    assert_false(is_same);
}

static void what_strangers_put_there_is_named_and_left_alone(void **state) {
    (void)state;
    static const uint8_t bytes[] = "theirs";
    static const char *const keys[] = {"recordings/backup/notes.txt", "recordings/backup/1.m4s"};
    struct ph_archive_verification verification = {
        .store = store, .spool = spool, .repair = true, .report = note_difference};
    for (size_t i = 0; i < 2; i++) {
        const struct ph_store_put theirs = {.key = keys[i], .bytes = {bytes, sizeof(bytes)}};
        assert_int_equal(ph_store_put(store, &theirs, NULL), 0);
    }
    *differences = '\0';
    assert_int_equal(ph_archive_verify(&verification), 0);
    assert_string_equal(differences, " is not ours: no publication.json, and nobody knows of it;");
    assert_int_equal(verification.foreign, 1);
    assert_int_equal(verification.differences, 0);
    assert_int_equal(verification.recordings, 1);
}

int main(void) {
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        ON_STORE(segment_with_another_byte_is_found),
        ON_STORE(what_strangers_put_there_is_named_and_left_alone),
        ON_STORE(segment_is_put_again_from_the_spool),
        ON_STORE(mp4_with_another_byte_is_made_again),
        ON_STORE(title_is_no_difference),
        ON_STORE(picture_with_another_byte_is_found),
        ON_STORE(picture_is_put_again_from_the_spool),
        ON_STORE(what_lies_in_the_deep_archive_is_counted_and_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
