#include "origin/recording/fragment_reader.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/media/box.h"

enum {
    most_segment_bytes = 256 * 1024 * 1024,
    most_timescale = 10000000,
    flag_not_sync = 0x10000,
};

static const uint64_t most_ticks = UINT64_C(1) << 53;

struct box {
    struct ph_slice whole;
    struct ph_slice body;
};

static bool is(const struct box *box, const char *type) {
    return memcmp(box->whole.data + 4, type, 4) == 0;
}

/* False at the end, and when what follows is no box: then the cursor has failed. */
static bool take_box(struct ph_cursor *cursor, struct box *box) {
    if (!ph_cursor_ok(cursor) || !ph_cursor_remaining(cursor))
        return false;
    const uint8_t *start = cursor->next;
    size_t most = ph_cursor_remaining(cursor);
    struct ph_box_head head;
    bool is_box = ph_box_head_read(cursor, &head);
    size_t size = head.size && head.size <= most ? (size_t)head.size : most;
    if (!is_box || head.size > most) {
        cursor->failed = true;
        return false;
    }
    box->whole = (struct ph_slice){start, size};
    box->body = ph_cursor_take(cursor, size - head.bytes);
    return true;
}

/* The first child of this type. */
static int find(struct ph_slice parent, const char *type, struct box *box) {
    struct ph_cursor cursor = ph_cursor_init(parent);
    while (take_box(&cursor, box)) {
        if (is(box, type))
            return 0;
    }
    return PH_INVALID_DATA;
}

/* A cursor behind version and flags, which are returned. */
static uint32_t open_full_box(const struct box *box, struct ph_cursor *cursor) {
    *cursor = ph_cursor_init(box->body);
    return ph_cursor_u32(cursor);
}

/* tkhd and mdhd begin alike: two times, then the number that is wanted. */
static uint32_t number_after_times(const struct box *box) {
    struct ph_cursor cursor;
    bool is_long = open_full_box(box, &cursor) >> 24 == 1;
    ph_cursor_skip(&cursor, is_long ? 16 : 8);
    return ph_cursor_u32(&cursor);
}

static int read_handler(const struct box *box, struct ph_init_segment *init) {
    struct ph_cursor cursor;
    open_full_box(box, &cursor);
    ph_cursor_skip(&cursor, 4);
    struct ph_slice type = ph_cursor_take(&cursor, 4);
    if (type.size != 4)
        return PH_INVALID_DATA;
    if (memcmp(type.data, "vide", 4) == 0)
        init->kind = PH_TRACK_VIDEO;
    else if (memcmp(type.data, "soun", 4) == 0)
        init->kind = PH_TRACK_AUDIO;
    else
        return PH_INVALID_DATA;
    return 0;
}

/* ISO/IEC 14496-12 8.5.2, 12.1.3, 12.2.3. */
static int read_description(const struct box *stsd, struct ph_init_segment *init) {
    struct ph_cursor cursor;
    struct box entry;
    open_full_box(stsd, &cursor);
    if (ph_cursor_u32(&cursor) != 1 || !take_box(&cursor, &entry) || ph_cursor_remaining(&cursor))
        return PH_INVALID_DATA;
    if (stsd->whole.size > PH_MOST_SAMPLE_DESCRIPTION_BYTES)
        return PH_INVALID_DATA;
    init->description = stsd->whole;
    cursor = ph_cursor_init(entry.body);
    ph_cursor_skip(&cursor, 6);
    bool is_own_media = ph_cursor_u16(&cursor) == 1;
    if (init->kind == PH_TRACK_VIDEO) {
        ph_cursor_skip(&cursor, 16);
        init->width = ph_cursor_u16(&cursor);
        init->height = ph_cursor_u16(&cursor);
    } else {
        ph_cursor_skip(&cursor, 8);
        init->channels = ph_cursor_u16(&cursor);
        ph_cursor_skip(&cursor, 6);
        init->rate = ph_cursor_u32(&cursor) >> 16;
    }
    return ph_cursor_ok(&cursor) && is_own_media ? 0 : PH_INVALID_DATA;
}

static int read_track(struct ph_slice trak, struct ph_init_segment *init) {
    struct box tkhd, mdia, mdhd, hdlr, minf, stbl, stsd;
    if (find(trak, "tkhd", &tkhd) || find(trak, "mdia", &mdia) || find(mdia.body, "mdhd", &mdhd) ||
        find(mdia.body, "hdlr", &hdlr) || find(mdia.body, "minf", &minf) || find(minf.body, "stbl", &stbl) ||
        find(stbl.body, "stsd", &stsd))
        return PH_INVALID_DATA;
    init->track_id = number_after_times(&tkhd);
    init->timescale = number_after_times(&mdhd);
    if (!init->track_id || !init->timescale || init->timescale > most_timescale)
        return PH_INVALID_DATA;
    int code = read_handler(&hdlr, init);
    return code ? code : read_description(&stsd, init);
}

static int read_defaults(struct ph_slice moov, struct ph_init_segment *init) {
    struct box mvex, trex;
    struct ph_cursor cursor;
    if (find(moov, "mvex", &mvex) || find(mvex.body, "trex", &trex))
        return PH_INVALID_DATA;
    open_full_box(&trex, &cursor);
    bool is_of_track = ph_cursor_u32(&cursor) == init->track_id;
    ph_cursor_skip(&cursor, 4);
    init->sample_ticks = ph_cursor_u32(&cursor);
    init->sample_bytes = ph_cursor_u32(&cursor);
    init->sample_flags = ph_cursor_u32(&cursor);
    return ph_cursor_ok(&cursor) && is_of_track ? 0 : PH_INVALID_DATA;
}

int ph_init_segment_read(struct ph_slice bytes, struct ph_init_segment *init) {
    struct box moov, box;
    uint32_t tracks = 0;
    *init = (struct ph_init_segment){0};
    if (find(bytes, "moov", &moov))
        return PH_INVALID_DATA;
    struct ph_cursor cursor = ph_cursor_init(moov.body);
    int code = 0;
    while (!code && take_box(&cursor, &box)) {
        if (is(&box, "trak"))
            code = tracks++ ? PH_INVALID_DATA : read_track(box.body, init);
    }
    if (code || !ph_cursor_ok(&cursor) || !tracks)
        return PH_INVALID_DATA;
    return read_defaults(moov.body, init);
}

struct reader {
    const struct ph_init_segment *init;
    struct ph_media_segment *segment;
    struct ph_slice bytes;
    uint32_t capacity;
    uint32_t placed;   /* samples whose bytes were seen in an mdat */
    int64_t end_ticks; /* of the samples so far */
};

/* What holds for the samples of a moof. */
struct fragment {
    size_t at;                   /* of the moof, from the segment's start */
    uint32_t ticks, size, flags; /* of a sample whose run does not say otherwise */
    int64_t next_offset;         /* where a run's bytes begin when it does not say; < 0: unknown */
};

static int make_room(struct reader *reader, uint32_t count) {
    struct ph_media_segment *segment = reader->segment;
    if (count > PH_MOST_SEGMENT_SAMPLES - segment->count)
        return PH_INVALID_DATA;
    uint32_t needed = segment->count + count, capacity = reader->capacity ? reader->capacity : 64;
    if (needed <= reader->capacity)
        return 0;
    while (capacity < needed)
        capacity *= 2;
    struct ph_media_sample *samples = realloc(segment->samples, capacity * sizeof(*samples));
    if (!samples)
        return -ENOMEM;
    segment->samples = samples;
    reader->capacity = capacity;
    return 0;
}

static int add_sample(
    struct reader *reader, struct fragment *fragment, uint32_t ticks, uint32_t size, uint32_t flags) {
    struct ph_media_segment *segment = reader->segment;
    if (fragment->next_offset < 0 || (uint64_t)fragment->next_offset + size > reader->bytes.size)
        return PH_INVALID_DATA;
    segment->samples[segment->count++] = (struct ph_media_sample){.offset = (uint32_t)fragment->next_offset,
        .bytes = size,
        .duration_ticks = ticks,
        .sync = !(flags & flag_not_sync)};
    segment->media_bytes += size;
    fragment->next_offset += size;
    reader->end_ticks += ticks;
    return 0;
}

/* ISO/IEC 14496-12 8.8.8. */
static int read_run(struct reader *reader, struct fragment *fragment, const struct box *trun) {
    enum { has_offset = 1, has_first_flags = 4, has_ticks = 0x100, has_size = 0x200, has_flags = 0x400 };
    struct ph_cursor cursor;
    uint32_t flags = open_full_box(trun, &cursor) & 0xFFFFFF;
    uint32_t count = ph_cursor_u32(&cursor);
    if (flags & ~(uint32_t)(has_offset | has_first_flags | has_ticks | has_size | has_flags))
        return PH_INVALID_DATA;
    if (flags & has_offset)
        fragment->next_offset = (int64_t)fragment->at + (int32_t)ph_cursor_u32(&cursor);
    uint32_t first_flags = flags & has_first_flags ? ph_cursor_u32(&cursor) : fragment->flags;
    int code = ph_cursor_ok(&cursor) ? make_room(reader, count) : PH_INVALID_DATA;
    for (uint32_t i = 0; i < count && !code; i++) {
        uint32_t ticks = flags & has_ticks ? ph_cursor_u32(&cursor) : fragment->ticks;
        uint32_t size = flags & has_size ? ph_cursor_u32(&cursor) : fragment->size;
        uint32_t usual = i ? fragment->flags : first_flags;
        uint32_t sample_flags = flags & has_flags ? ph_cursor_u32(&cursor) : usual;
        code =
            ph_cursor_ok(&cursor) ? add_sample(reader, fragment, ticks, size, sample_flags) : PH_INVALID_DATA;
    }
    return code;
}

/* ISO/IEC 14496-12 8.8.7. Offsets count from the moof, also where nothing is said: it is the first traf. */
static int read_header(struct reader *reader, struct fragment *fragment, const struct box *tfhd) {
    enum { has_base = 1, has_description = 2, has_ticks = 8, has_size = 0x10, has_flags = 0x20 };
    struct ph_cursor cursor;
    uint32_t flags = open_full_box(tfhd, &cursor);
    if (flags & has_base || ph_cursor_u32(&cursor) != reader->init->track_id)
        return PH_INVALID_DATA;
    if (flags & has_description && ph_cursor_u32(&cursor) != 1)
        return PH_INVALID_DATA;
    fragment->ticks = flags & has_ticks ? ph_cursor_u32(&cursor) : reader->init->sample_ticks;
    fragment->size = flags & has_size ? ph_cursor_u32(&cursor) : reader->init->sample_bytes;
    fragment->flags = flags & has_flags ? ph_cursor_u32(&cursor) : reader->init->sample_flags;
    return ph_cursor_ok(&cursor) ? 0 : PH_INVALID_DATA;
}

/* Time that nothing fills belongs to the sample before it. */
static int begin_at(struct reader *reader, uint64_t start) {
    struct ph_media_segment *segment = reader->segment;
    if (start > most_ticks)
        return PH_INVALID_DATA;
    if (!segment->count) {
        segment->start_ticks = reader->end_ticks = (int64_t)start;
        return 0;
    }
    struct ph_media_sample *last = &segment->samples[segment->count - 1];
    int64_t hole = (int64_t)start - reader->end_ticks;
    if (hole < 0 || hole > UINT32_MAX - last->duration_ticks)
        return PH_INVALID_DATA;
    last->duration_ticks += (uint32_t)hole;
    reader->end_ticks = (int64_t)start;
    return 0;
}

static int read_fragment(struct reader *reader, const struct box *moof) {
    struct fragment fragment = {.at = (size_t)(moof->whole.data - reader->bytes.data), .next_offset = -1};
    struct box traf, tfhd, tfdt, box;
    if (find(moof->body, "traf", &traf) || find(traf.body, "tfhd", &tfhd) || find(traf.body, "tfdt", &tfdt))
        return PH_INVALID_DATA;
    struct ph_cursor cursor;
    bool is_long = open_full_box(&tfdt, &cursor) >> 24 == 1;
    uint64_t start = is_long ? ph_cursor_u64(&cursor) : ph_cursor_u32(&cursor);
    int code = ph_cursor_ok(&cursor) ? read_header(reader, &fragment, &tfhd) : PH_INVALID_DATA;
    if (!code)
        code = begin_at(reader, start);
    cursor = ph_cursor_init(traf.body);
    while (!code && take_box(&cursor, &box)) {
        if (is(&box, "trun"))
            code = read_run(reader, &fragment, &box);
    }
    return !code && !ph_cursor_ok(&cursor) ? PH_INVALID_DATA : code;
}

/* The samples of the moof before it lie in it. */
static int place_samples(struct reader *reader, const struct box *mdat) {
    uint64_t start = (uint64_t)(mdat->body.data - reader->bytes.data), end = start + mdat->body.size;
    for (; reader->placed < reader->segment->count; reader->placed++) {
        const struct ph_media_sample *sample = &reader->segment->samples[reader->placed];
        if (sample->offset < start || (uint64_t)sample->offset + sample->bytes > end)
            return PH_INVALID_DATA;
    }
    return 0;
}

static int read_boxes(struct reader *reader) {
    struct ph_cursor cursor = ph_cursor_init(reader->bytes);
    struct box box;
    int code = 0;
    while (!code && take_box(&cursor, &box)) {
        bool all_placed = reader->placed == reader->segment->count;
        if (is(&box, "moof"))
            code = all_placed ? read_fragment(reader, &box) : PH_INVALID_DATA;
        else if (is(&box, "mdat"))
            code = place_samples(reader, &box);
    }
    if (!code && (!ph_cursor_ok(&cursor) || reader->placed != reader->segment->count))
        code = PH_INVALID_DATA;
    return code;
}

static void note_key(struct ph_media_segment *segment) {
    for (uint32_t i = 0; i < segment->count; i++) {
        if (segment->samples[i].sync) {
            segment->key_bytes = segment->samples[i].offset + segment->samples[i].bytes;
            return;
        }
    }
}

int ph_media_segment_read(
    struct ph_slice bytes, const struct ph_init_segment *init, struct ph_media_segment *segment) {
    struct reader reader = {.init = init, .segment = segment, .bytes = bytes};
    *segment = (struct ph_media_segment){0};
    int code = bytes.size <= most_segment_bytes ? read_boxes(&reader) : PH_INVALID_DATA;
    segment->duration_ticks = reader.end_ticks - segment->start_ticks;
    if (!code && (!segment->count || !segment->duration_ticks))
        code = PH_INVALID_DATA;
    if (code)
        ph_media_segment_finish(segment);
    else if (init->kind == PH_TRACK_VIDEO)
        note_key(segment);
    return code;
}

void ph_media_segment_finish(struct ph_media_segment *segment) {
    free(segment->samples);
    *segment = (struct ph_media_segment){0};
}
