#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "origin/recording/recorder_private.h"

enum { version = 1, record_begun = 'B', record_part = 'P', record_finishing = 'F' };

static void write_text(struct ph_builder *builder, const char *text) {
    size_t size = strlen(text);
    ph_builder_u16(builder, (uint16_t)size);
    ph_builder_append(builder, text, size);
}

static bool read_text(struct ph_cursor *cursor, char *text, size_t capacity) {
    struct ph_slice slice = ph_cursor_take(cursor, ph_cursor_u16(cursor));
    if (!ph_cursor_ok(cursor) || slice.size >= capacity || memchr(slice.data, 0, slice.size))
        return false;
    memcpy(text, slice.data, slice.size);
    text[slice.size] = '\0';
    return true;
}

/* Seven bits a byte, the last with its top bit clear: samples are small numbers, and many. */
static void write_compact(struct ph_builder *builder, uint64_t value) {
    for (; value > 0x7F; value >>= 7)
        ph_builder_u8(builder, (uint8_t)(value | 0x80));
    ph_builder_u8(builder, (uint8_t)value);
}

static uint64_t read_compact(struct ph_cursor *cursor) {
    uint64_t value = 0;
    uint8_t byte = 0x80;
    for (int shift = 0; shift < 63 && byte & 0x80; shift += 7) {
        byte = ph_cursor_u8(cursor);
        value |= (uint64_t)(byte & 0x7F) << shift;
    }
    if (byte & 0x80)
        cursor->failed = true;
    return value;
}

void ph_recorder_write_begun(struct ph_builder *builder, const struct ph_recorder *recorder) {
    ph_builder_u8(builder, record_begun);
    ph_builder_u8(builder, version);
    write_text(builder, recorder->token);
    write_text(builder, recorder->key);
    ph_builder_u64(builder, recorder->part_bytes);
    ph_builder_u64(builder, recorder->most_head_bytes);
    ph_builder_u8(builder, (uint8_t)recorder->slot_count);
    for (uint32_t i = 0; i < recorder->slot_count; i++) {
        ph_builder_u8(builder, (uint8_t)recorder->slots[i].index);
        ph_builder_u32(builder, recorder->slots[i].init_check);
    }
}

static bool read_begun(struct ph_recorder *recorder, struct ph_cursor *cursor) {
    char key[PH_STORE_KEY_BYTES];
    if (ph_cursor_u8(cursor) != version || !read_text(cursor, recorder->token, sizeof(recorder->token)) ||
        !read_text(cursor, key, sizeof(key)))
        return false;
    recorder->part_bytes = ph_cursor_u64(cursor);
    recorder->most_head_bytes = ph_cursor_u64(cursor);
    bool same = strcmp(key, recorder->key) == 0 && ph_cursor_u8(cursor) == recorder->slot_count;
    for (uint32_t i = 0; same && i < recorder->slot_count; i++) {
        same = ph_cursor_u8(cursor) == recorder->slots[i].index;
        same = ph_cursor_u32(cursor) == recorder->slots[i].init_check && same;
    }
    return ph_cursor_ok(cursor) && same && recorder->part_bytes;
}

void ph_recorder_write_entry(
    struct ph_builder *builder, uint32_t slot, uint64_t segment, const struct ph_media_segment *media) {
    ph_builder_u8(builder, (uint8_t)slot);
    write_compact(builder, segment);
    write_compact(builder, (uint64_t)media->start_ticks);
    write_compact(builder, media->count);
    for (uint32_t i = 0; i < media->count; i++)
        write_compact(builder, (uint64_t)media->samples[i].bytes << 1 | media->samples[i].sync);
    for (uint32_t i = 0, run = 1; i < media->count; i += run, run = 1) {
        while (i + run < media->count &&
               media->samples[i + run].duration_ticks == media->samples[i].duration_ticks)
            run++;
        write_compact(builder, run);
        write_compact(builder, media->samples[i].duration_ticks);
    }
}

static void read_durations(struct ph_cursor *cursor, struct ph_media_segment *media) {
    for (uint32_t done = 0; done < media->count && ph_cursor_ok(cursor);) {
        uint64_t run = read_compact(cursor), ticks = read_compact(cursor);
        if (!run || run > media->count - done || ticks > UINT32_MAX) {
            cursor->failed = true;
            return;
        }
        media->duration_ticks += (int64_t)(run * ticks);
        for (; run; run--)
            media->samples[done++].duration_ticks = (uint32_t)ticks;
    }
}

/* The samples of an entry become a chunk at the media's end. */
static int read_chunk(struct ph_recorder *recorder, struct ph_recorder_slot *slot, struct ph_cursor *cursor) {
    uint64_t start = read_compact(cursor), count = read_compact(cursor);
    if (!ph_cursor_ok(cursor) || start > INT64_MAX / 2 || !count || count > PH_MOST_SEGMENT_SAMPLES)
        return PH_INVALID_DATA;
    struct ph_media_segment media = {.count = (uint32_t)count, .start_ticks = (int64_t)start};
    media.samples = calloc(count, sizeof(*media.samples));
    if (!media.samples)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t sample = read_compact(cursor);
        media.samples[i].bytes = (uint32_t)(sample >> 1);
        media.samples[i].sync = sample & 1;
        media.media_bytes += media.samples[i].bytes;
    }
    read_durations(cursor, &media);
    int code = ph_cursor_ok(cursor) && ph_mp4_track_accepts(&slot->table, &media) ? 0 : PH_INVALID_DATA;
    if (!code)
        code = ph_mp4_track_add(&slot->table, &media, recorder->media_bytes);
    recorder->media_bytes += media.media_bytes;
    ph_media_segment_finish(&media);
    return code;
}

static int read_entries(struct ph_recorder *recorder, struct ph_cursor *cursor) {
    int code = 0;
    while (!code && ph_cursor_ok(cursor) && ph_cursor_remaining(cursor)) {
        uint32_t index = ph_cursor_u8(cursor);
        uint64_t segment = read_compact(cursor);
        if (index >= recorder->slot_count || segment < recorder->slots[index].taken_below)
            return PH_INVALID_DATA;
        struct ph_recorder_slot *slot = &recorder->slots[index];
        code = read_chunk(recorder, slot, cursor);
        slot->taken_below = slot->consumed_below = segment + 1;
    }
    return code;
}

void ph_recorder_write_part(struct ph_builder *builder, const struct ph_recorder *recorder,
    const struct ph_receipt *receipt, const struct ph_recorder_cut *cut, struct ph_slice entries) {
    ph_builder_u8(builder, record_part);
    ph_builder_u32(builder, receipt->number);
    ph_builder_u64(builder, receipt->bytes);
    write_text(builder, receipt->etag);
    ph_builder_u64(builder, recorder->head.size);
    ph_builder_u8(builder, cut->exists);
    if (cut->exists) {
        ph_builder_u8(builder, (uint8_t)cut->slot);
        ph_builder_u64(builder, cut->segment);
        ph_builder_u64(builder, cut->bytes);
        ph_builder_u32(builder, cut->check);
    }
    ph_builder_append(builder, entries.data, entries.size);
}

static int read_receipt(struct ph_recorder *recorder, struct ph_cursor *cursor) {
    struct ph_receipt receipt = {.number = ph_cursor_u32(cursor)};
    receipt.bytes = ph_cursor_u64(cursor);
    /* A shorter part is the last. */
    if (!read_text(cursor, receipt.etag, sizeof(receipt.etag)) || recorder->ending || !receipt.bytes ||
        receipt.number != recorder->receipt_count + 2 || receipt.bytes > recorder->part_bytes)
        return PH_INVALID_DATA;
    struct ph_receipt *receipts =
        realloc(recorder->receipts, (recorder->receipt_count + 1) * sizeof(receipt));
    if (!receipts)
        return -ENOMEM;
    recorder->receipts = receipts;
    receipts[recorder->receipt_count++] = receipt;
    recorder->appended_bytes += receipt.bytes;
    recorder->ending = receipt.bytes < recorder->part_bytes;
    return 0;
}

static int read_part(struct ph_recorder *recorder, struct ph_cursor *cursor) {
    struct ph_recorder_cut *cut = &recorder->cut;
    int code = read_receipt(recorder, cursor);
    if (code)
        return code;
    uint64_t head = ph_cursor_u64(cursor);
    *cut = (struct ph_recorder_cut){.exists = ph_cursor_u8(cursor)};
    if (cut->exists) {
        cut->slot = ph_cursor_u8(cursor);
        cut->segment = ph_cursor_u64(cursor);
        cut->bytes = ph_cursor_u64(cursor);
        cut->check = ph_cursor_u32(cursor);
        if (cut->slot >= recorder->slot_count)
            return PH_INVALID_DATA;
    }
    code = read_entries(recorder, cursor);
    if (code)
        return code;
    bool adds_up = recorder->media_bytes + cut->bytes == head + recorder->appended_bytes &&
                   head == recorder->most_head_bytes;
    return ph_cursor_ok(cursor) && adds_up ? 0 : PH_INVALID_DATA;
}

void ph_recorder_write_finishing(struct ph_builder *builder, const struct ph_recorder_result *result) {
    ph_builder_u8(builder, record_finishing);
    ph_builder_u64(builder, result->bytes);
    ph_builder_u64(builder, (uint64_t)result->duration_us);
    ph_builder_u32(builder, result->width);
    ph_builder_u32(builder, result->height);
    ph_builder_u32(builder, result->video_samples);
    ph_builder_u32(builder, result->audio_samples);
}

static int read_finishing(struct ph_recorder *recorder, struct ph_cursor *cursor) {
    struct ph_recorder_result *result = &recorder->result;
    result->bytes = ph_cursor_u64(cursor);
    result->duration_us = (int64_t)ph_cursor_u64(cursor);
    result->width = ph_cursor_u32(cursor);
    result->height = ph_cursor_u32(cursor);
    result->video_samples = ph_cursor_u32(cursor);
    result->audio_samples = ph_cursor_u32(cursor);
    return ph_cursor_ok(cursor) ? 0 : PH_INVALID_DATA;
}

static int read_record(struct ph_recorder *recorder, struct ph_slice payload, bool is_first) {
    struct ph_cursor cursor = ph_cursor_init(payload);
    uint8_t type = ph_cursor_u8(&cursor);
    if (is_first)
        return type == record_begun && read_begun(recorder, &cursor) ? 0 : PH_INVALID_DATA;
    if (type == record_part)
        return read_part(recorder, &cursor);
    return type == record_finishing ? read_finishing(recorder, &cursor) : PH_INVALID_DATA;
}

int ph_recorder_restore(struct ph_recorder *recorder, struct ph_slice journal, uint64_t *valid_bytes) {
    const size_t size = journal.size;
    struct ph_slice payload;
    bool is_first = true;
    int code = 0;
    while (!code && ph_recorder_record_take(&journal, &payload)) {
        code = read_record(recorder, payload, is_first);
        is_first = false;
    }
    *valid_bytes = size - journal.size;
    recorder->cut_awaited = recorder->cut.exists;
    return !code && is_first ? PH_INVALID_DATA : code;
}
