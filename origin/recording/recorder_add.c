#include <stdlib.h>
#include <zlib.h>

#include "origin/recording/recorder_private.h"

static struct ph_recorder_chunk *new_chunk(struct ph_recorder *recorder) {
    if (recorder->chunk_count == recorder->chunk_capacity) {
        size_t capacity = recorder->chunk_capacity ? recorder->chunk_capacity * 2 : 64;
        struct ph_recorder_chunk *chunks = realloc(recorder->chunks, capacity * sizeof(*chunks));
        if (!chunks)
            return NULL;
        recorder->chunks = chunks;
        recorder->chunk_capacity = capacity;
    }
    return &recorder->chunks[recorder->chunk_count++];
}

static void take_media(struct ph_recorder *recorder, struct ph_slice bytes) {
    size_t room = (size_t)recorder->most_head_bytes - recorder->head.size;
    size_t first = bytes.size < room ? bytes.size : room;
    ph_builder_append(&recorder->head, bytes.data, first);
    ph_builder_append(&recorder->pending, bytes.data + first, bytes.size - first);
}

/* The samples' bytes but for the first `skip`, as few runs of memory as they are. */
static void take_samples(struct ph_recorder *recorder, struct ph_slice bytes,
    const struct ph_media_segment *media, uint64_t skip) {
    for (uint32_t i = 0, run; i < media->count; i += run) {
        size_t size = media->samples[i].bytes;
        for (run = 1; i + run < media->count &&
                      media->samples[i + run].offset == (uint64_t)media->samples[i].offset + size;
             run++)
            size += media->samples[i + run].bytes;
        size_t skipped = skip < size ? (size_t)skip : size;
        skip -= skipped;
        take_media(
            recorder, (struct ph_slice){bytes.data + media->samples[i].offset + skipped, size - skipped});
    }
}

static uint32_t check_samples(struct ph_slice bytes, const struct ph_media_segment *media, uint64_t size) {
    uLong check = 0;
    for (uint32_t i = 0; i < media->count && size; i++) {
        uint64_t taken = media->samples[i].bytes < size ? media->samples[i].bytes : size;
        check = crc32_z(check, bytes.data + media->samples[i].offset, taken);
        size -= taken;
    }
    return (uint32_t)check;
}

/* The awaited segment has the bytes that are in the store already. */
static int check_cut(
    const struct ph_recorder *recorder, struct ph_slice bytes, const struct ph_media_segment *media) {
    const struct ph_recorder_cut *cut = &recorder->cut;
    bool same = media->media_bytes > cut->bytes && check_samples(bytes, media, cut->bytes) == cut->check;
    return same ? 0 : -EBADMSG;
}

static int take(struct ph_recorder *recorder, uint32_t index, uint64_t segment, struct ph_slice bytes,
    const struct ph_media_segment *media) {
    struct ph_recorder_slot *slot = &recorder->slots[index];
    struct ph_recorder_chunk *chunk = new_chunk(recorder);
    recorder->broken = true; /* until all of it is taken */
    if (!chunk)
        return -ENOMEM;
    size_t entry_at = recorder->entries.size;
    ph_recorder_write_entry(&recorder->entries, index, segment, media);
    *chunk = (struct ph_recorder_chunk){.slot = index,
        .segment = segment,
        .start = recorder->media_bytes,
        .end = recorder->media_bytes + media->media_bytes,
        .entry_bytes = recorder->entries.size - entry_at};
    int code = ph_mp4_track_add(&slot->table, media, recorder->media_bytes);
    take_samples(recorder, bytes, media, recorder->cut_awaited ? recorder->cut.bytes : 0);
    if (code || !ph_builder_ok(&recorder->entries) || !ph_builder_ok(&recorder->head) ||
        !ph_builder_ok(&recorder->pending))
        return -ENOMEM;
    recorder->media_bytes += media->media_bytes;
    slot->taken_below = segment + 1;
    recorder->cut_awaited = false;
    recorder->broken = false;
    return 0;
}

static int add_to_slot(
    struct ph_recorder *recorder, uint32_t index, uint64_t segment, struct ph_slice bytes) {
    const struct ph_recorder_slot *slot = &recorder->slots[index];
    struct ph_media_segment media;
    bool is_awaited =
        recorder->cut_awaited && recorder->cut.slot == index && recorder->cut.segment == segment;
    if (recorder->cut_awaited && !is_awaited)
        return -EPERM;
    if (recorder->ending)
        return PH_INVALID_DATA;
    int code = ph_recorder_begin(recorder);
    if (!code)
        code = ph_recorder_flush(recorder, false);
    if (!code)
        code = ph_media_segment_read(bytes, &slot->init, &media);
    if (code)
        return code == PH_INVALID_DATA && is_awaited ? -EBADMSG : code;
    if (!ph_mp4_track_accepts(&slot->table, &media))
        code = PH_INVALID_DATA;
    if (is_awaited)
        code = code ? -EBADMSG : check_cut(recorder, bytes, &media);
    if (!code)
        code = take(recorder, index, segment, bytes, &media);
    ph_media_segment_finish(&media);
    return code;
}

int ph_recorder_add(struct ph_recorder *recorder, uint32_t track, uint64_t segment, struct ph_slice bytes) {
    if (recorder->broken || segment == UINT64_MAX)
        return recorder->broken ? -ENOMEM : -EINVAL;
    for (uint32_t i = 0; i < recorder->slot_count && !recorder->finished; i++) {
        if (recorder->slots[i].index == track && segment >= recorder->slots[i].taken_below)
            return add_to_slot(recorder, i, segment, bytes);
    }
    return 0;
}
