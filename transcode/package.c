#include "transcode/package.h"

void ph_part_finish(struct ph_part *part) {
    ph_bytes_unref(&part->body);
}

void ph_packager_init(struct ph_packager *packager, const struct ph_track_timing *timing) {
    packager->timing = *timing;
    packager->count = 0;
    packager->arrival_us = INT64_MIN;
    ph_builder_init(&packager->payload);
}

void ph_packager_finish(struct ph_packager *packager) {
    ph_builder_discard(&packager->payload);
}

int ph_packager_add(struct ph_packager *packager, int64_t frame, struct ph_slice bytes, bool sync) {
    if (packager->count == PH_MOST_SAMPLES || bytes.size > UINT32_MAX / 2)
        return -EINVAL;
    if (packager->count) {
        struct ph_part_position open = ph_track_part_of(&packager->timing, packager->frames[0]);
        bool rises = frame > packager->frames[packager->count - 1];
        if (!rises || ph_part_position_compare(open, ph_track_part_of(&packager->timing, frame)) != 0)
            return -EINVAL;
    }
    ph_builder_append(&packager->payload, bytes.data, bytes.size);
    if (!ph_builder_ok(&packager->payload))
        return -ENOMEM;
    packager->frames[packager->count] = frame;
    packager->samples[packager->count++] = (struct ph_sample){.bytes = (uint32_t)bytes.size, .sync = sync};
    return 0;
}

void ph_packager_note_arrival(struct ph_packager *packager, int64_t arrival_us) {
    if (arrival_us > packager->arrival_us)
        packager->arrival_us = arrival_us;
}

int ph_packager_close(struct ph_packager *packager, int64_t end_frame, bool last, struct ph_part *part) {
    if (!packager->count)
        return -ENODATA;
    const struct ph_track_timing *timing = &packager->timing;
    struct ph_part_position position = ph_track_part_of(timing, packager->frames[0]);
    int64_t start = ph_track_frame_start(timing, packager->frames[0]);
    int64_t end = ph_track_frame_start(timing, end_frame);
    for (uint32_t i = 0; i < packager->count; i++) {
        int64_t next = i + 1 < packager->count ? ph_track_frame_start(timing, packager->frames[i + 1]) : end;
        packager->samples[i].duration_ticks =
            (uint32_t)(next - ph_track_frame_start(timing, packager->frames[i]));
    }
    struct ph_builder fragment = {0};
    struct ph_slice payload = {packager->payload.data, packager->payload.size};
    ph_package_fragment(&fragment, (uint32_t)ph_part_ordinal(&timing->grid, position) + 1, start,
        packager->samples, packager->count, payload);
    *part = (struct ph_part){
        .position = position,
        .start_ticks = start,
        .duration_ticks = (uint32_t)(end - start),
        .independent = packager->samples[0].sync,
        .last_in_segment = last || position.part + 1 == timing->grid.parts_per_segment,
        .arrival_us = packager->arrival_us,
        .body = ph_builder_finish(&fragment),
    };
    ph_builder_clear(&packager->payload);
    packager->count = 0;
    packager->arrival_us = INT64_MIN;
    return part->body ? 0 : -ENOMEM;
}
