#include "transcode/ts_flush.h"

#include <string.h>

#include "core/base/cursor.h"

enum {
    sync_byte = 0x47,
    header_bytes = 4,
    most_pending_bytes = 4 * PH_TS_PACKET_BYTES,
};

struct ts_packet {
    const uint8_t *bytes;
    uint16_t pid;
    uint8_t counter;
    bool start;
    bool usable; /* no transport error, not scrambled, a well-formed adaptation field */
    bool discontinuity;
    bool stuffed; /* its adaptation field is longer than its contents */
    struct ph_slice payload;
};

/* ISO/IEC 13818-1, 2.4.3.4: the bytes an adaptation field needs for what its flags announce. */
static bool is_stuffed(struct ph_slice field) {
    struct ph_cursor cursor = ph_cursor_init(field);
    if (field.size == 0)
        return true;
    uint8_t flags = ph_cursor_u8(&cursor);
    ph_cursor_skip(&cursor, (flags & 0x10 ? 6 : 0) + (flags & 0x08 ? 6 : 0) + (flags & 0x04 ? 1 : 0));
    if (flags & 0x02)
        ph_cursor_skip(&cursor, ph_cursor_u8(&cursor));
    if (flags & 0x01)
        ph_cursor_skip(&cursor, ph_cursor_u8(&cursor));
    bool only_flags = field.size == 1 && flags == 0;
    return ph_cursor_ok(&cursor) && (only_flags || ph_cursor_remaining(&cursor) > 0);
}

static struct ts_packet parse_packet(const uint8_t *bytes) {
    struct ph_cursor cursor = ph_cursor_init((struct ph_slice){bytes, PH_TS_PACKET_BYTES});
    ph_cursor_skip(&cursor, 1);
    uint16_t word = ph_cursor_u16(&cursor);
    uint8_t control = ph_cursor_u8(&cursor);
    struct ts_packet packet = {
        .bytes = bytes, .pid = word & 0x1fff, .counter = control & 0x0f, .start = word & 0x4000};
    if (control & 0x20) {
        struct ph_slice field = ph_cursor_take(&cursor, ph_cursor_u8(&cursor));
        packet.discontinuity = field.size > 0 && field.data[0] & 0x80;
        packet.stuffed = is_stuffed(field);
    }
    packet.payload = control & 0x10 ? ph_cursor_rest(&cursor) : (struct ph_slice){0};
    packet.usable = ph_cursor_ok(&cursor) && !(word & 0x8000) && !(control & 0xc0);
    return packet;
}

static struct ph_ts_video_pid *video_pid(struct ph_ts_flush *flush, uint16_t pid) {
    for (uint32_t i = 0; i < flush->video_pid_count; i++)
        if (flush->video_pids[i].pid == pid)
            return &flush->video_pids[i];
    if (flush->video_pid_count == PH_TS_MOST_VIDEO_PIDS)
        return NULL;
    struct ph_ts_video_pid *added = &flush->video_pids[flush->video_pid_count++];
    *added = (struct ph_ts_video_pid){.pid = pid};
    return added;
}

/* A packet that starts a PES of one byte, which no PES header is: the demuxer closes what it has and waits
 * for a start. It takes the counter of the last packet, so that the next one continues the sequence. */
static void append_closing_packet(struct ph_builder *output, const struct ts_packet *packet) {
    uint8_t closing[PH_TS_PACKET_BYTES];
    memset(closing, 0xff, sizeof(closing));
    closing[0] = sync_byte;
    closing[1] = (uint8_t)(0x40 | packet->pid >> 8);
    closing[2] = (uint8_t)packet->pid;
    closing[3] = (uint8_t)(0x30 | packet->counter);
    closing[4] = PH_TS_PACKET_BYTES - header_bytes - 2;
    closing[5] = 0x80;
    closing[PH_TS_PACKET_BYTES - 1] = 0;
    ph_builder_append(output, closing, sizeof(closing));
}

static void take_video(struct ph_ts_flush *flush, const struct ts_packet *packet, struct ph_builder *output) {
    ph_builder_append(output, packet->bytes, PH_TS_PACKET_BYTES);
    struct ph_ts_video_pid *pid = packet->payload.size ? video_pid(flush, packet->pid) : NULL;
    if (!pid || flush->passive)
        return;
    bool continues = packet->counter == ((pid->counter + 1) & 0x0f) && !packet->discontinuity;
    if (pid->closed && !packet->start && continues)
        pid->stuffs_midway = true;
    pid->counter = packet->counter;
    pid->closed = packet->stuffed && !pid->stuffs_midway;
    if (pid->closed)
        append_closing_packet(output, packet);
}

/* `whole`: all its bytes came with the unit at hand. */
static void take_packet(struct ph_ts_flush *flush, const uint8_t *bytes, bool whole,
    struct ph_builder *output, struct ph_ts_marks *marks) {
    struct ts_packet packet = parse_packet(bytes);
    enum ph_ts_role role = ph_ts_tables_role(&flush->tables, packet.pid);
    if (!packet.usable || role == PH_TS_UNKNOWN)
        return;
    if (role == PH_TS_VIDEO) {
        take_video(flush, &packet, output);
        return;
    }
    if (packet.pid == 0 && packet.start && whole && !marks->table_start) {
        marks->table_start = true;
        marks->table_start_offset = output->size;
    }
    if (role == PH_TS_TABLE)
        ph_ts_tables_read(&flush->tables, packet.pid, packet.start, packet.payload);
    ph_builder_append(output, bytes, PH_TS_PACKET_BYTES);
}

/* The next offset at which a packet starts: two sync bytes a packet apart. `size` when there is none yet. */
static size_t find_sync(const struct ph_builder *bytes, size_t from) {
    for (size_t at = from; at + PH_TS_PACKET_BYTES < bytes->size; at++)
        if (bytes->data[at] == sync_byte && bytes->data[at + PH_TS_PACKET_BYTES] == sync_byte)
            return at;
    return bytes->size;
}

static void keep_rest(struct ph_ts_flush *flush, size_t from) {
    size_t rest = flush->pending.size - from;
    if (rest > most_pending_bytes) {
        from += rest - most_pending_bytes;
        rest = most_pending_bytes;
    }
    if (rest)
        memmove(flush->pending.data, flush->pending.data + from, rest);
    flush->pending.size = rest;
}

int ph_ts_flush_unit(
    struct ph_ts_flush *flush, struct ph_slice unit, struct ph_builder *output, struct ph_ts_marks *marks) {
    *marks = (struct ph_ts_marks){0};
    struct ph_builder *pending = &flush->pending;
    size_t unit_start = pending->size;
    ph_builder_append(pending, unit.data, unit.size);
    if (!ph_builder_ok(pending))
        return -ENOMEM;
    size_t at = 0, searched = 0;
    while (at + PH_TS_PACKET_BYTES <= pending->size) {
        if (!flush->in_sync || pending->data[at] != sync_byte) {
            searched = at;
            at = find_sync(pending, at);
            flush->in_sync = at < pending->size;
            continue;
        }
        take_packet(flush, pending->data + at, at >= unit_start, output, marks);
        at += PH_TS_PACKET_BYTES;
    }
    keep_rest(flush, flush->in_sync ? at : searched);
    return ph_builder_ok(output) ? 0 : -ENOMEM;
}

void ph_ts_flush_finish(struct ph_ts_flush *flush) {
    ph_builder_discard(&flush->pending);
}
