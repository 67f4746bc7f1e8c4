#include "origin/recording/mp4_tables.h"

enum { most_samples = 1 << 25 };

int ph_mp4_track_init(struct ph_mp4_track *track, const struct ph_init_segment *init) {
    *track = (struct ph_mp4_track){.kind = init->kind,
        .timescale = init->timescale,
        .width = init->width,
        .height = init->height,
        .description = ph_bytes_copy(init->description.data, init->description.size)};
    return track->description ? 0 : -ENOMEM;
}

void ph_mp4_track_finish(struct ph_mp4_track *track) {
    ph_bytes_unref(&track->description);
    ph_builder_discard(&track->sizes);
    ph_builder_discard(&track->durations);
    ph_builder_discard(&track->syncs);
    ph_builder_discard(&track->chunks);
    ph_builder_discard(&track->runs);
}

bool ph_mp4_track_accepts(const struct ph_mp4_track *track, const struct ph_media_segment *segment) {
    if (segment->count > most_samples - track->sample_count)
        return false;
    if (!track->sample_count)
        return true;
    int64_t hole = segment->start_ticks - track->end_ticks;
    return hole >= 0 && hole <= UINT32_MAX - track->last_ticks;
}

/* The last sample lasts as long as it does: into the run. */
static void settle_last(struct ph_mp4_track *track) {
    if (track->run_count && track->run_ticks != track->last_ticks) {
        ph_builder_u32(&track->durations, track->run_count);
        ph_builder_u32(&track->durations, track->run_ticks);
        track->run_count = 0;
    }
    track->run_ticks = track->last_ticks;
    track->run_count++;
}

static void add_sample(struct ph_mp4_track *track, const struct ph_media_sample *sample) {
    if (track->sample_count)
        settle_last(track);
    track->last_ticks = sample->duration_ticks;
    track->sample_count++;
    ph_builder_u32(&track->sizes, sample->bytes);
    if (track->kind == PH_TRACK_VIDEO && sample->sync)
        ph_builder_u32(&track->syncs, track->sample_count);
}

int ph_mp4_track_add(struct ph_mp4_track *track, const struct ph_media_segment *segment, uint64_t offset) {
    if (track->sample_count)
        track->last_ticks += (uint32_t)(segment->start_ticks - track->end_ticks);
    else
        track->start_ticks = segment->start_ticks;
    track->end_ticks = segment->start_ticks + segment->duration_ticks;
    track->chunk_count++;
    ph_builder_u64(&track->chunks, offset);
    if (track->chunk_samples != segment->count) {
        track->chunk_samples = segment->count;
        ph_builder_u32(&track->runs, track->chunk_count);
        ph_builder_u32(&track->runs, segment->count);
        ph_builder_u32(&track->runs, 1);
    }
    for (uint32_t i = 0; i < segment->count; i++)
        add_sample(track, &segment->samples[i]);
    bool ok = ph_builder_ok(&track->sizes) && ph_builder_ok(&track->durations) &&
              ph_builder_ok(&track->syncs) && ph_builder_ok(&track->chunks) && ph_builder_ok(&track->runs);
    return ok ? 0 : -ENOMEM;
}

static bool last_joins_run(const struct ph_mp4_track *track) {
    return track->run_count && track->run_ticks == track->last_ticks;
}

uint32_t ph_mp4_track_duration_entries(const struct ph_mp4_track *track) {
    uint32_t closed = (uint32_t)(track->durations.size / 8);
    return closed + (track->run_count ? 1 : 0) + (track->sample_count && !last_joins_run(track) ? 1 : 0);
}

void ph_mp4_track_write_durations(const struct ph_mp4_track *track, struct ph_builder *builder) {
    bool joins = last_joins_run(track);
    ph_builder_append(builder, track->durations.data, track->durations.size);
    if (track->run_count) {
        ph_builder_u32(builder, track->run_count + (joins ? 1 : 0));
        ph_builder_u32(builder, track->run_ticks);
    }
    if (track->sample_count && !joins) {
        ph_builder_u32(builder, 1);
        ph_builder_u32(builder, track->last_ticks);
    }
}

uint64_t ph_mp4_track_table_bytes(const struct ph_mp4_track *track) {
    return track->sizes.size + track->durations.size + track->syncs.size + track->chunks.size +
           track->runs.size;
}
