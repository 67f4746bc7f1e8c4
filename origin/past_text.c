#include "origin/past_text.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "origin/history.h"
#include "origin/playlist_lines.h"

enum { chunk_segments = 256, deflate_level = 6, raw_window_bits = -15, deflate_memory_level = 8 };

/* Text, and the same as a run of whole bytes of a deflate stream that refers to nothing before it: such runs
 * in a row are one stream (RFC 1951). */
struct ph_past_chunk {
    struct ph_bytes *text;
    struct ph_bytes *deflated;
    uint32_t crc32;
};

static void chunk_finish(struct ph_past_chunk *chunk) {
    ph_bytes_unref(&chunk->text);
    ph_bytes_unref(&chunk->deflated);
}

void ph_past_text_finish(struct ph_past_text *past) {
    for (size_t i = 0; i < past->chunk_count; i++)
        chunk_finish(&past->chunks[i]);
    free(past->chunks);
    ph_builder_discard(&past->open);
    *past = (struct ph_past_text){0};
}

/* Appends the run of a text, the stream's last one with Z_FINISH. */
static void deflate_run(struct ph_builder *target, struct ph_slice text, int flush) {
    z_stream stream = {0};
    if (deflateInit2(&stream, deflate_level, Z_DEFLATED, raw_window_bits, deflate_memory_level,
            Z_DEFAULT_STRATEGY) != Z_OK) {
        target->failed = true;
        return;
    }
    const size_t flush_bytes = 16;
    size_t before = target->size, room = deflateBound(&stream, (uLong)text.size) + flush_bytes;
    ph_builder_zeros(target, room);
    if (ph_builder_ok(target)) {
        stream.next_in = (Bytef *)(uintptr_t)text.data;
        stream.avail_in = (uInt)text.size;
        stream.next_out = target->data + before;
        stream.avail_out = (uInt)room;
        int code = deflate(&stream, flush);
        target->failed = code != (flush == Z_FINISH ? Z_STREAM_END : Z_OK) || stream.avail_in;
        target->size = before + stream.total_out;
    }
    deflateEnd(&stream);
}

static uint32_t crc_of(struct ph_slice text) {
    return (uint32_t)crc32_z(0, text.data, text.size);
}

/* Makes a chunk of the open lines. */
static int seal(struct ph_past_text *past) {
    if (past->chunk_count == past->chunk_capacity) {
        size_t capacity = past->chunk_capacity ? 2 * past->chunk_capacity : 8;
        struct ph_past_chunk *chunks = realloc(past->chunks, capacity * sizeof(*chunks));
        if (!chunks)
            return -ENOMEM;
        past->chunks = chunks;
        past->chunk_capacity = capacity;
    }
    struct ph_builder deflated = {0};
    struct ph_past_chunk chunk = {.text = ph_builder_finish(&past->open)};
    past->open_count = 0;
    if (chunk.text) {
        deflate_run(&deflated, ph_bytes_slice(chunk.text), Z_SYNC_FLUSH);
        chunk.deflated = ph_builder_finish(&deflated);
        chunk.crc32 = crc_of(ph_bytes_slice(chunk.text));
    }
    if (!chunk.deflated) {
        chunk_finish(&chunk);
        return -ENOMEM;
    }
    past->chunks[past->chunk_count++] = chunk;
    return 0;
}

static int add_segment(struct ph_past_text *past, const struct ph_playlist *playlist, uint32_t length) {
    const struct ph_publication *publication = playlist->publication;
    ph_playlist_write_date(&past->open, publication, playlist->track, past->end_ticks);
    ph_playlist_write_uri(&past->open, publication, playlist->track, past->first + past->count,
        ph_history_ticks(length), ph_history_is_gap(length));
    past->end_ticks += ph_history_ticks(length);
    past->count++;
    past->open_count++;
    if (!ph_builder_ok(&past->open))
        return -ENOMEM;
    return past->open_count == chunk_segments ? seal(past) : 0;
}

int ph_past_text_add(struct ph_past_text *past, const struct ph_playlist *playlist) {
    const struct ph_playlist_past *news = &playlist->past_news;
    if (news->from == 0) {
        ph_past_text_finish(past);
        past->first = news->first;
        past->revision = news->revision;
        past->end_ticks = news->start_ticks;
    }
    int code = 0;
    for (uint64_t i = 0; i < news->count && !code; i++)
        code = add_segment(past, playlist, news->lengths[i]);
    if (code)
        ph_past_text_finish(past);
    return code;
}

void ph_past_whole_finish(struct ph_past_whole *whole) {
    for (size_t i = 0; i < whole->block_count; i++)
        ph_bytes_unref(&whole->blocks[i]);
    free(whole->blocks);
    ph_bytes_unref(&whole->compressed);
    *whole = (struct ph_past_whole){0};
}

/* Takes the block over. */
static void add_block(struct ph_past_whole *whole, struct ph_bytes *block, uint32_t crc) {
    size_t size = ph_bytes_size(block);
    whole->blocks[whole->block_count++] = block;
    whole->crc32 = (uint32_t)crc32_combine(whole->crc32, crc, (z_off_t)size);
    whole->bytes += size;
}

static void write_little_endian(struct ph_builder *builder, uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8)
        ph_builder_u8(builder, (uint8_t)(value >> shift));
}

/* RFC 1952: no name, no time, of an unknown system. */
static const uint8_t gzip_header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};

int ph_past_text_join(
    const struct ph_past_text *past, const struct ph_playlist *playlist, struct ph_past_whole *whole) {
    struct ph_builder front = {0}, rest = {0}, compressed = {0};
    *whole = (struct ph_past_whole){.blocks = calloc(past->chunk_count + 2, sizeof(struct ph_bytes *))};
    ph_playlist_write_front(&front, playlist);
    ph_builder_append(&rest, past->open.data, past->open.size);
    ph_playlist_write_rest(&rest, playlist);
    struct ph_bytes *first = ph_builder_finish(&front), *last = ph_builder_finish(&rest);
    if (!whole->blocks || !first || !last) {
        ph_bytes_unref(&first);
        ph_bytes_unref(&last);
        ph_past_whole_finish(whole);
        return -ENOMEM;
    }
    ph_builder_append(&compressed, gzip_header, sizeof(gzip_header));
    deflate_run(&compressed, ph_bytes_slice(first), Z_SYNC_FLUSH);
    add_block(whole, first, crc_of(ph_bytes_slice(first)));
    for (size_t i = 0; i < past->chunk_count; i++) {
        const struct ph_past_chunk *chunk = &past->chunks[i];
        ph_builder_append(&compressed, ph_bytes_data(chunk->deflated), ph_bytes_size(chunk->deflated));
        add_block(whole, ph_bytes_ref(chunk->text), chunk->crc32);
    }
    deflate_run(&compressed, ph_bytes_slice(last), Z_FINISH);
    add_block(whole, last, crc_of(ph_bytes_slice(last)));
    write_little_endian(&compressed, whole->crc32);
    write_little_endian(&compressed, (uint32_t)whole->bytes);
    whole->compressed = ph_builder_finish(&compressed);
    if (whole->compressed)
        return 0;
    ph_past_whole_finish(whole);
    return -ENOMEM;
}
