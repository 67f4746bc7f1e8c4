/* links: ph_recording ph_media ph_base */
#include <stdlib.h>

#include "origin/recording/fragment_reader.h"
#include "origin/recording/mp4_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_samples(struct ph_slice bytes, const struct ph_media_segment *segment) {
    uint64_t total = 0;
    int64_t ticks = 0;
    for (uint32_t i = 0; i < segment->count; i++) {
        if ((uint64_t)segment->samples[i].offset + segment->samples[i].bytes > bytes.size)
            abort();
        total += segment->samples[i].bytes;
        ticks += segment->samples[i].duration_ticks;
    }
    if (!segment->count || total != segment->media_bytes || ticks != segment->duration_ticks ||
        segment->key_bytes > bytes.size || segment->start_ticks < 0)
        abort();
}

/* What was read can be written. */
static void write_head(const struct ph_init_segment *init, const struct ph_media_segment *segment) {
    struct ph_mp4_track track;
    struct ph_builder head = {0};
    if (ph_mp4_track_init(&track, init))
        abort();
    if (ph_mp4_track_accepts(&track, segment) && ph_mp4_track_add(&track, segment, 0) == 0) {
        const struct ph_mp4 mp4 = {.tracks = {&track}, .track_count = 1, .media_bytes = segment->media_bytes};
        if (ph_mp4_write_head(&mp4, 0, &head) || head.size < ph_mp4_least_head_bytes(&mp4))
            abort();
        (void)ph_mp4_duration_us(&mp4);
    }
    ph_builder_discard(&head);
    ph_mp4_track_finish(&track);
}

/* An init segment and, from the first moof on, a media segment. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ph_slice bytes = {data, size};
    struct ph_init_segment init;
    struct ph_media_segment segment;
    if (ph_init_segment_read(bytes, &init))
        init = (struct ph_init_segment){.kind = PH_TRACK_VIDEO, .track_id = 1, .timescale = 30000};
    else if (init.description.size > size || !init.timescale)
        abort();
    if (ph_media_segment_read(bytes, &init, &segment) == 0) {
        check_samples(bytes, &segment);
        write_head(&init, &segment);
        ph_media_segment_finish(&segment);
    }
    return 0;
}
