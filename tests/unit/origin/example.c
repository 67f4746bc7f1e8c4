#include "tests/unit/origin/example.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ph_publication example_publication(uint32_t parts_per_segment) {
    return (struct ph_publication){
        .epoch_utc_us = INT64_C(1767323045678000),
        .grid_rate = {30, 1},
        .frames_per_part = 6,
        .parts_per_segment = parts_per_segment,
        .part_target_us = 214000,
        .target_duration_s = parts_per_segment > 7 ? 2 : 1,
        .track_count = 2,
        .tracks =
            {
                {.name = "v720",
                    .kind = PH_TRACK_VIDEO,
                    .codecs = "avc1.64001f",
                    .timescale = 30000,
                    .bandwidth = 3000000,
                    .average_bandwidth = 2500000,
                    .width = 1280,
                    .height = 720,
                    .rate = {30, 1}},
                {.name = "audio",
                    .kind = PH_TRACK_AUDIO,
                    .codecs = "mp4a.40.2",
                    .timescale = 48000,
                    .bandwidth = 160000,
                    .average_bandwidth = 128000,
                    .channels = 2,
                    .language = "en"},
            },
    };
}

struct ph_part *example_part(
    const struct ph_publication *publication, uint64_t segment, uint32_t part, bool gap) {
    char text[48] = "";
    if (!gap)
        snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu32 ";", segment, part);
    const struct ph_part_head head = {
        .position = {segment, part},
        .start_ticks = (int64_t)(segment * publication->parts_per_segment + part) * 6000,
        .duration_ticks = 6000,
        .independent = part == 0,
        .last = part == publication->parts_per_segment - 1,
        .gap = gap,
    };
    struct ph_bytes *bytes = ph_bytes_copy(text, strlen(text));
    struct ph_part *made = bytes ? ph_part_create(&head, PH_TRACK_VIDEO, bytes, false) : NULL;
    ph_bytes_unref(&bytes);
    return made;
}

struct ph_origin_metrics *example_metrics(void) {
    static struct ph_metrics *registry;
    static struct ph_origin_metrics metrics;
    if (!registry && ph_metrics_create(&registry) == 0)
        ph_origin_metrics_init(&metrics, registry);
    return &metrics;
}

void example_make_dir(char dir[64]) {
    strcpy(dir, "/tmp/porthole-origin-XXXXXX");
    if (!mkdtemp(dir))
        abort();
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void example_remove_dir(const char *dir) {
    if (nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS))
        perror(dir);
}
