#include "origin/recording/mp4_writer.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/media/box.h"

enum { fallback_timescale = 1000000 };

/* Seconds from 1904, the format's epoch, to 1970. */
static const int64_t epoch_seconds = INT64_C(2082844800);

struct writer {
    const struct ph_mp4 *mp4;
    struct ph_builder *builder;
    uint32_t timescale;                   /* of the movie */
    uint64_t created;                     /* in the format's seconds */
    size_t chunks_at[PH_MOST_MP4_TRACKS]; /* of the entries of co64 */
};

static uint64_t rescale(int64_t ticks, uint32_t from, uint32_t to) {
    return (uint64_t)((__int128)ticks * to / from);
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* One in which the start of every track is a whole number. */
static uint32_t movie_timescale(const struct ph_mp4 *mp4) {
    uint64_t scale = 1;
    for (uint32_t i = 0; i < mp4->track_count; i++) {
        uint32_t own = mp4->tracks[i]->timescale;
        scale = scale / greatest_common_divisor(scale, own) * own;
        if (!scale || scale > UINT32_MAX)
            return fallback_timescale;
    }
    return (uint32_t)scale;
}

static uint64_t movie_start(const struct ph_mp4 *mp4, uint32_t timescale) {
    uint64_t start = UINT64_MAX;
    for (uint32_t i = 0; i < mp4->track_count; i++) {
        uint64_t own = rescale(mp4->tracks[i]->start_ticks, mp4->tracks[i]->timescale, timescale);
        start = own < start ? own : start;
    }
    return start;
}

/* Of a track, from the start of the movie. */
static uint64_t delay_of(const struct ph_mp4 *mp4, const struct ph_mp4_track *track, uint32_t timescale) {
    return rescale(track->start_ticks, track->timescale, timescale) - movie_start(mp4, timescale);
}

static uint64_t length_of(const struct ph_mp4_track *track, uint32_t timescale) {
    return rescale(track->end_ticks - track->start_ticks, track->timescale, timescale);
}

static uint64_t movie_duration(const struct ph_mp4 *mp4, uint32_t timescale) {
    uint64_t longest = 0;
    for (uint32_t i = 0; i < mp4->track_count; i++) {
        uint64_t own = delay_of(mp4, mp4->tracks[i], timescale) + length_of(mp4->tracks[i], timescale);
        longest = own > longest ? own : longest;
    }
    return longest;
}

static void write_ftyp(struct ph_builder *builder) {
    size_t box = ph_box_open(builder, "ftyp");
    ph_builder_text(builder, "isom");
    ph_builder_u32(builder, 512);
    ph_builder_text(builder, "isomiso2avc1mp41");
    ph_box_close(builder, box);
}

static void write_mvhd(const struct writer *writer) {
    struct ph_builder *builder = writer->builder;
    size_t box = ph_box_open_full(builder, "mvhd", 1, 0);
    ph_builder_u64(builder, writer->created);
    ph_builder_u64(builder, writer->created);
    ph_builder_u32(builder, writer->timescale);
    ph_builder_u64(builder, movie_duration(writer->mp4, writer->timescale));
    ph_builder_u32(builder, 0x10000);
    ph_builder_u16(builder, 0x100);
    ph_builder_zeros(builder, 10);
    ph_box_unity_matrix(builder);
    ph_builder_zeros(builder, 24);
    ph_builder_u32(builder, writer->mp4->track_count + 1);
    ph_box_close(builder, box);
}

static void write_tkhd(const struct writer *writer, uint32_t index) {
    struct ph_builder *builder = writer->builder;
    const struct ph_mp4_track *track = writer->mp4->tracks[index];
    size_t box = ph_box_open_full(builder, "tkhd", 1, 7);
    ph_builder_u64(builder, writer->created);
    ph_builder_u64(builder, writer->created);
    ph_builder_u32(builder, index + 1);
    ph_builder_u32(builder, 0);
    ph_builder_u64(
        builder, delay_of(writer->mp4, track, writer->timescale) + length_of(track, writer->timescale));
    ph_builder_zeros(builder, 8);
    ph_builder_u16(builder, 0);
    ph_builder_u16(builder, 0);
    ph_builder_u16(builder, track->kind == PH_TRACK_AUDIO ? 0x100 : 0);
    ph_builder_u16(builder, 0);
    ph_box_unity_matrix(builder);
    ph_builder_u32(builder, track->width << 16);
    ph_builder_u32(builder, track->height << 16);
    ph_box_close(builder, box);
}

static void write_edit(struct ph_builder *builder, uint64_t duration, int64_t media_time) {
    ph_builder_u64(builder, duration);
    ph_builder_u64(builder, (uint64_t)media_time);
    ph_builder_u32(builder, 0x10000);
}

static void write_edits(const struct writer *writer, const struct ph_mp4_track *track) {
    struct ph_builder *builder = writer->builder;
    uint64_t delay = delay_of(writer->mp4, track, writer->timescale);
    if (!delay)
        return;
    size_t edts = ph_box_open(builder, "edts");
    size_t elst = ph_box_open_full(builder, "elst", 1, 0);
    ph_builder_u32(builder, 2);
    write_edit(builder, delay, -1);
    write_edit(builder, length_of(track, writer->timescale), 0);
    ph_box_close(builder, elst);
    ph_box_close(builder, edts);
}

static void write_mdhd(const struct writer *writer, const struct ph_mp4_track *track) {
    struct ph_builder *builder = writer->builder;
    size_t box = ph_box_open_full(builder, "mdhd", 1, 0);
    ph_builder_u64(builder, writer->created);
    ph_builder_u64(builder, writer->created);
    ph_builder_u32(builder, track->timescale);
    ph_builder_u64(builder, (uint64_t)(track->end_ticks - track->start_ticks));
    ph_builder_u16(builder, 0x55C4); /* "und" */
    ph_builder_u16(builder, 0);
    ph_box_close(builder, box);
}

static void write_hdlr(struct ph_builder *builder, const char *type, const char *maker, const char *name) {
    size_t box = ph_box_open_full(builder, "hdlr", 0, 0);
    ph_builder_u32(builder, 0);
    ph_builder_append(builder, type, 4);
    ph_builder_append(builder, maker, 4);
    ph_builder_zeros(builder, 8);
    ph_builder_append(builder, name, strlen(name) + 1);
    ph_box_close(builder, box);
}

static void write_dinf(struct ph_builder *builder) {
    size_t dinf = ph_box_open(builder, "dinf");
    size_t dref = ph_box_open_full(builder, "dref", 0, 0);
    ph_builder_u32(builder, 1);
    ph_box_close(builder, ph_box_open_full(builder, "url ", 0, 1));
    ph_box_close(builder, dref);
    ph_box_close(builder, dinf);
}

static void write_table(
    struct ph_builder *builder, const char *type, const struct ph_builder *entries, size_t entry_bytes) {
    size_t box = ph_box_open_full(builder, type, 0, 0);
    ph_builder_u32(builder, (uint32_t)(entries->size / entry_bytes));
    ph_builder_append(builder, entries->data, entries->size);
    ph_box_close(builder, box);
}

static void write_stbl(struct writer *writer, uint32_t index) {
    struct ph_builder *builder = writer->builder;
    const struct ph_mp4_track *track = writer->mp4->tracks[index];
    size_t stbl = ph_box_open(builder, "stbl");
    struct ph_slice description = ph_bytes_slice(track->description);
    ph_builder_append(builder, description.data, description.size);
    size_t stts = ph_box_open_full(builder, "stts", 0, 0);
    ph_builder_u32(builder, ph_mp4_track_duration_entries(track));
    ph_mp4_track_write_durations(track, builder);
    ph_box_close(builder, stts);
    if (track->kind == PH_TRACK_VIDEO)
        write_table(builder, "stss", &track->syncs, 4);
    write_table(builder, "stsc", &track->runs, 12);
    size_t stsz = ph_box_open_full(builder, "stsz", 0, 0);
    ph_builder_u32(builder, 0);
    ph_builder_u32(builder, track->sample_count);
    ph_builder_append(builder, track->sizes.data, track->sizes.size);
    ph_box_close(builder, stsz);
    write_table(builder, "co64", &track->chunks, 8);
    writer->chunks_at[index] = builder->size - track->chunks.size;
    ph_box_close(builder, stbl);
}

static void write_trak(struct writer *writer, uint32_t index) {
    struct ph_builder *builder = writer->builder;
    const struct ph_mp4_track *track = writer->mp4->tracks[index];
    bool is_video = track->kind == PH_TRACK_VIDEO;
    size_t trak = ph_box_open(builder, "trak");
    write_tkhd(writer, index);
    write_edits(writer, track);
    size_t mdia = ph_box_open(builder, "mdia");
    write_mdhd(writer, track);
    write_hdlr(builder, is_video ? "vide" : "soun", "\0\0\0", is_video ? "video" : "audio");
    size_t minf = ph_box_open(builder, "minf");
    size_t header = ph_box_open_full(builder, is_video ? "vmhd" : "smhd", 0, is_video ? 1 : 0);
    ph_builder_zeros(builder, is_video ? 8 : 4);
    ph_box_close(builder, header);
    write_dinf(builder);
    write_stbl(writer, index);
    ph_box_close(builder, minf);
    ph_box_close(builder, mdia);
    ph_box_close(builder, trak);
}

/* As much of the text as fits, cut between characters. */
static size_t title_bytes(const char *title) {
    size_t size = strlen(title);
    if (size <= PH_MOST_MP4_TITLE_BYTES)
        return size;
    size = PH_MOST_MP4_TITLE_BYTES;
    while (size && ((unsigned char)title[size] & 0xC0) == 0x80)
        size--;
    return size;
}

/* Where players look for a title: the item "©nam" of the metadata handler "mdir". */
static void write_title(struct ph_builder *builder, const char *title) {
    if (!title || !*title)
        return;
    size_t udta = ph_box_open(builder, "udta");
    size_t meta = ph_box_open_full(builder, "meta", 0, 0);
    write_hdlr(builder, "mdir", "appl", "");
    size_t ilst = ph_box_open(builder, "ilst");
    size_t item = ph_box_open(builder, "\xA9nam");
    size_t data = ph_box_open_full(builder, "data", 0, 1); /* UTF-8 */
    ph_builder_u32(builder, 0);
    ph_builder_append(builder, title, title_bytes(title));
    ph_box_close(builder, data);
    ph_box_close(builder, item);
    ph_box_close(builder, ilst);
    ph_box_close(builder, meta);
    ph_box_close(builder, udta);
}

static void write_free(struct ph_builder *builder, uint32_t padding) {
    if (!padding)
        return;
    assert(padding >= PH_LEAST_MP4_PADDING);
    size_t box = ph_box_open(builder, "free");
    ph_builder_zeros(builder, padding - PH_LEAST_MP4_PADDING);
    ph_box_close(builder, box);
}

/* Chunks are counted from the media's first byte until it is known where that lies. */
static void move_chunks(const struct writer *writer, uint64_t media_at) {
    for (uint32_t i = 0; i < writer->mp4->track_count; i++) {
        uint8_t *entry = writer->builder->data + writer->chunks_at[i];
        for (uint32_t n = 0; n < writer->mp4->tracks[i]->chunk_count; n++, entry += 8) {
            uint64_t offset = media_at;
            for (int byte = 0; byte < 8; byte++)
                offset += (uint64_t)entry[byte] << (56 - 8 * byte);
            for (int byte = 0; byte < 8; byte++)
                entry[byte] = (uint8_t)(offset >> (56 - 8 * byte));
        }
    }
}

int ph_mp4_write_head(const struct ph_mp4 *mp4, uint32_t padding, struct ph_builder *builder) {
    struct writer writer = {.mp4 = mp4, .builder = builder, .timescale = movie_timescale(mp4)};
    int64_t created = mp4->created_utc_us / PH_SECOND_US + epoch_seconds;
    writer.created = created > 0 ? (uint64_t)created : 0;
    assert(mp4->track_count && mp4->track_count <= PH_MOST_MP4_TRACKS && !builder->size);
    write_ftyp(builder);
    size_t moov = ph_box_open(builder, "moov");
    write_mvhd(&writer);
    for (uint32_t i = 0; i < mp4->track_count; i++)
        write_trak(&writer, i);
    write_title(builder, mp4->title);
    ph_box_close(builder, moov);
    write_free(builder, padding);
    ph_builder_u32(builder, 1); /* a size of 64 bits follows */
    ph_builder_text(builder, "mdat");
    ph_builder_u64(builder, 16 + mp4->media_bytes);
    if (!ph_builder_ok(builder))
        return -ENOMEM;
    move_chunks(&writer, builder->size);
    return 0;
}

uint64_t ph_mp4_least_head_bytes(const struct ph_mp4 *mp4) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < mp4->track_count; i++)
        bytes += ph_mp4_track_table_bytes(mp4->tracks[i]) + ph_bytes_size(mp4->tracks[i]->description);
    return bytes;
}

int64_t ph_mp4_start_us(const struct ph_mp4 *mp4) {
    uint32_t timescale = movie_timescale(mp4);
    return (int64_t)rescale((int64_t)movie_start(mp4, timescale), timescale, (uint32_t)PH_SECOND_US);
}

int64_t ph_mp4_duration_us(const struct ph_mp4 *mp4) {
    uint32_t timescale = movie_timescale(mp4);
    return (int64_t)rescale((int64_t)movie_duration(mp4, timescale), timescale, (uint32_t)PH_SECOND_US);
}
