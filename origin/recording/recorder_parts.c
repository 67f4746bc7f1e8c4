#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "origin/recording/recorder_private.h"

enum { most_parts = 9999 };

struct ph_mp4 ph_recorder_mp4(const struct ph_recorder *recorder) {
    struct ph_mp4 mp4 = {.media_bytes = recorder->media_bytes,
        .created_utc_us = recorder->epoch_utc_us,
        .title = recorder->title};
    for (uint32_t i = 0; i < recorder->slot_count; i++) {
        if (recorder->slots[i].table.sample_count)
            mp4.tracks[mp4.track_count++] = &recorder->slots[i].table;
    }
    return mp4;
}

/* The token is on disk before anything depends on it. */
static int note_begun(struct ph_recorder *recorder) {
    struct ph_builder record = {0};
    ph_recorder_write_begun(&record, recorder);
    int code = ph_builder_ok(&record) ? ph_recorder_files_open(&recorder->files, 0) : -ENOMEM;
    if (!code)
        code = ph_recorder_files_append(&recorder->files, (struct ph_slice){record.data, record.size});
    ph_builder_discard(&record);
    return code;
}

int ph_recorder_begin(struct ph_recorder *recorder) {
    if (recorder->composition)
        return 0;
    int code = ph_composition_begin(
        recorder->store, recorder->key, "video/mp4", &recorder->composition, recorder->token);
    if (code)
        return code;
    ph_composition_bounds(recorder->composition, &recorder->part_bytes, &recorder->most_head_bytes);
    code = note_begun(recorder);
    if (code) {
        /* What an abort that fails leaves is taken away by the store's rules. */
        int aborted = ph_composition_abort(recorder->composition);
        (void)aborted;
        ph_composition_free(recorder->composition);
        recorder->composition = NULL;
    }
    return code;
}

static int make_room_for_receipt(struct ph_recorder *recorder) {
    if (recorder->receipt_count == most_parts)
        return -EFBIG;
    struct ph_receipt *receipts =
        realloc(recorder->receipts, (recorder->receipt_count + 1) * sizeof(*receipts));
    if (!receipts)
        return -ENOMEM;
    recorder->receipts = receipts;
    return 0;
}

static int save_head(struct ph_recorder *recorder) {
    if (recorder->head_saved || !recorder->head.size)
        return 0;
    int code = ph_recorder_files_save_head(
        &recorder->files, (struct ph_slice){recorder->head.data, recorder->head.size});
    recorder->head_saved = !code;
    return code;
}

static int reserve_front(struct ph_recorder *recorder) {
    struct ph_mp4 mp4 = ph_recorder_mp4(recorder);
    uint64_t ignored;
    return ph_composition_reserve(
        recorder->composition, ph_mp4_least_head_bytes(&mp4) + recorder->head.size, &ignored);
}

/* What of the chunk lies before `part`, which begins at `at` in the media, and in it. */
static uint32_t check_prefix(const struct ph_recorder *recorder, const struct ph_recorder_chunk *chunk,
    uint64_t at, struct ph_slice part) {
    if (chunk->start >= at) {
        size_t skipped = (size_t)(chunk->start - at);
        return (uint32_t)crc32_z(0, part.data + skipped, part.size - skipped);
    }
    uint32_t check = recorder->cut.check;
    if (!recorder->receipt_count) {
        size_t from = (size_t)chunk->start;
        check = (uint32_t)crc32_z(0, recorder->head.data + from, recorder->head.size - from);
    }
    return (uint32_t)crc32_z(check, part.data, part.size);
}

struct part {
    struct ph_slice bytes;
    struct ph_receipt receipt;
    struct ph_recorder_cut cut;
    size_t whole_chunks; /* that are durable with it */
    size_t entry_bytes;
};

static void describe_part(const struct ph_recorder *recorder, size_t size, struct part *part) {
    uint64_t at = recorder->head.size + recorder->appended_bytes, end = at + size;
    *part = (struct part){.bytes = {recorder->pending.data, size}};
    while (part->whole_chunks < recorder->chunk_count && recorder->chunks[part->whole_chunks].end <= end)
        part->entry_bytes += recorder->chunks[part->whole_chunks++].entry_bytes;
    if (part->whole_chunks == recorder->chunk_count)
        return;
    const struct ph_recorder_chunk *next = &recorder->chunks[part->whole_chunks];
    if (next->start < end)
        part->cut = (struct ph_recorder_cut){.exists = true,
            .slot = next->slot,
            .segment = next->segment,
            .bytes = end - next->start,
            .check = check_prefix(recorder, next, at, part->bytes)};
}

static int note_part(struct ph_recorder *recorder, const struct part *part) {
    struct ph_builder record = {0};
    ph_recorder_write_part(&record, recorder, &part->receipt, &part->cut,
        (struct ph_slice){recorder->entries.data, part->entry_bytes});
    int code = -ENOMEM;
    if (ph_builder_ok(&record))
        code = ph_recorder_files_append(&recorder->files, (struct ph_slice){record.data, record.size});
    ph_builder_discard(&record);
    return code;
}

static void drop_front(struct ph_builder *builder, size_t size) {
    if (size)
        memmove(builder->data, builder->data + size, builder->size - size);
    builder->size -= size;
}

static void settle_part(struct ph_recorder *recorder, const struct part *part) {
    recorder->receipts[recorder->receipt_count++] = part->receipt;
    recorder->appended_bytes += part->bytes.size;
    recorder->cut = part->cut;
    recorder->ending = part->bytes.size < recorder->part_bytes;
    for (size_t i = 0; i < part->whole_chunks; i++)
        recorder->slots[recorder->chunks[i].slot].consumed_below = recorder->chunks[i].segment + 1;
    recorder->chunk_count -= part->whole_chunks;
    if (recorder->chunk_count)
        memmove(recorder->chunks, recorder->chunks + part->whole_chunks,
            recorder->chunk_count * sizeof(*recorder->chunks));
    drop_front(&recorder->entries, part->entry_bytes);
    drop_front(&recorder->pending, part->bytes.size);
}

/* The head, the part and its record become durable in this order: a crash between leaves a part that is
 * appended once more. */
static int flush_part(struct ph_recorder *recorder, size_t size) {
    struct part part;
    int code = make_room_for_receipt(recorder);
    if (!code)
        code = save_head(recorder);
    if (!code)
        code = reserve_front(recorder);
    if (code)
        return code;
    describe_part(recorder, size, &part);
    code = ph_composition_append(recorder->composition, (uint32_t)recorder->receipt_count + 2,
        recorder->appended_bytes, part.bytes, &part.receipt);
    if (!code)
        code = note_part(recorder, &part);
    if (!code)
        settle_part(recorder, &part);
    return code;
}

int ph_recorder_flush(struct ph_recorder *recorder, bool all) {
    int code = 0;
    while (!code && recorder->pending.size && (all || recorder->pending.size >= recorder->part_bytes)) {
        size_t size = recorder->pending.size;
        if (size > recorder->part_bytes)
            size = (size_t)recorder->part_bytes;
        code = flush_part(recorder, size);
    }
    return code;
}
