#include "tests/unit/origin/archive/spool_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/builder.h"
#include "origin/archive/folder_file.h"
#include "origin/spool_files.h"
#include "origin/spool_index.h"
#include "tests/unit/origin/recording/example_media.h"

enum { sample_bytes = 40 };

static void write_file(const char *folder, const char *name, struct ph_bytes *bytes) {
    assert_non_null(bytes);
    assert_int_equal(ph_spool_write_file(folder, name, ph_bytes_slice(bytes)), 0);
    ph_bytes_unref(&bytes);
}

static void make_folder(const char *path) {
    char command[PH_ARCHIVE_PATH_BYTES + 96];
    snprintf(command, sizeof(command), "mkdir -p -m 700 '%s'", path);
    assert_int_equal(system(command), 0);
}

void spool_folder_make(const char *dir, const struct ph_publication *publication) {
    char folder[PH_ARCHIVE_PATH_BYTES + 64];
    char *json = ph_publication_to_json(publication);
    make_folder(dir);
    write_file(dir, "publication.json", ph_bytes_copy(json, strlen(json)));
    free(json);
    for (uint32_t i = 0; i < publication->track_count; i++) {
        snprintf(folder, sizeof(folder), "%s/%s", dir, publication->tracks[i].name);
        make_folder(folder);
        write_file(folder, "init.mp4", example_media_init(publication->tracks[i].kind));
    }
}

void spool_folder_add_segment(
    const char *dir, const struct ph_publication *publication, uint32_t track, uint64_t number) {
    const struct ph_track *of = &publication->tracks[track];
    char folder[PH_ARCHIVE_PATH_BYTES + 64], path[PH_ARCHIVE_PATH_BYTES + 80], name[32];
    struct ph_builder line = {0};
    uint32_t ticks = of->timescale * 2;
    struct ph_bytes *bytes = example_media_segment(of->kind, number, sample_bytes);
    struct ph_part_head head = {.position = {number, 0},
        .start_ticks = (int64_t)(number * ticks),
        .duration_ticks = ticks,
        .independent = true,
        .last = true};
    snprintf(folder, sizeof(folder), "%s/%s", dir, of->name);
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
