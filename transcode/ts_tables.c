#include "transcode/ts_tables.h"

#include <string.h>

#include <libavutil/crc.h>

#include "core/base/cursor.h"

enum {
    pat_pid = 0,
    pat_table = 0,
    pmt_table = 2,
    section_header_bytes = 3,
    crc_bytes = 4,
    stuffing_byte = 0xff
};

static const struct {
    uint8_t type;
    const char *unsupported;
} video_types[] = {{0x01, NULL}, {0x02, NULL}, {0x10, NULL}, {0x1b, NULL}, {0x20, NULL}, {0x21, NULL},
    {0x24, NULL}, {0x42, NULL}, {0xd1, NULL}, {0xea, NULL}, {0x1e, "MPEG-C"}, {0x32, "JPEG XS"},
    {0x33, "VVC"}, {0x34, "VVC"}, {0x35, "EVC"}, {0xd2, "AVS2"}, {0xd4, "AVS3"}};

enum { video_type_count = sizeof(video_types) / sizeof(video_types[0]) };

static bool is_video(uint8_t type) {
    for (int i = 0; i < video_type_count; i++)
        if (video_types[i].type == type)
            return true;
    return false;
}

enum ph_ts_role ph_ts_tables_role(const struct ph_ts_tables *tables, uint16_t pid) {
    if (pid == pat_pid)
        return PH_TS_TABLE;
    for (uint32_t i = 0; i < tables->program_count; i++) {
        const struct ph_ts_program *program = &tables->programs[i];
        if (program->table_pid == pid)
            return PH_TS_TABLE;
        for (uint32_t j = 0; j < program->stream_count; j++)
            if (program->streams[j].pid == pid)
                return program->streams[j].video ? PH_TS_VIDEO : PH_TS_OTHER_STREAM;
    }
    return PH_TS_UNKNOWN;
}

const char *ph_ts_tables_unsupported(const struct ph_ts_tables *tables) {
    for (uint32_t i = 0; i < tables->program_count; i++)
        for (uint32_t j = 0; j < tables->programs[i].stream_count; j++)
            for (int k = 0; k < video_type_count; k++)
                if (video_types[k].type == tables->programs[i].streams[j].type && video_types[k].unsupported)
                    return video_types[k].unsupported;
    return NULL;
}

static const struct ph_ts_program *find_program(const struct ph_ts_tables *tables, uint16_t table_pid) {
    for (uint32_t i = 0; i < tables->program_count; i++)
        if (tables->programs[i].table_pid == table_pid)
            return &tables->programs[i];
    return NULL;
}

/* The cursor stands after the section's common header. */
static void read_pat(struct ph_ts_tables *tables, struct ph_cursor *body) {
    struct ph_ts_tables read = {.section = tables->section};
    while (ph_cursor_remaining(body) >= 4 && read.program_count < PH_TS_MOST_PROGRAMS) {
        uint16_t number = ph_cursor_u16(body);
        uint16_t pid = ph_cursor_u16(body) & 0x1fff;
        if (number == 0 || pid == pat_pid || find_program(&read, pid))
            continue;
        const struct ph_ts_program *known = find_program(tables, pid);
        read.programs[read.program_count] = known ? *known : (struct ph_ts_program){.table_pid = pid};
        read.program_count++;
    }
    *tables = read;
}

static void read_pmt(struct ph_ts_program *program, struct ph_cursor *body) {
    ph_cursor_skip(body, 2);
    ph_cursor_skip(body, ph_cursor_u16(body) & 0xfff);
    program->stream_count = 0;
    while (ph_cursor_remaining(body) >= 5 && program->stream_count < PH_TS_MOST_STREAMS) {
        struct ph_ts_stream *stream = &program->streams[program->stream_count];
        stream->type = ph_cursor_u8(body);
        stream->pid = ph_cursor_u16(body) & 0x1fff;
        stream->video = is_video(stream->type);
        ph_cursor_skip(body, ph_cursor_u16(body) & 0xfff);
        if (ph_cursor_ok(body) && stream->pid != pat_pid)
            program->stream_count++;
    }
}

static void read_section(struct ph_ts_tables *tables, uint16_t pid, const struct ph_ts_section *section) {
    if (section->size < section_header_bytes + 5 + crc_bytes ||
        av_crc(av_crc_get_table(AV_CRC_32_IEEE), UINT32_MAX, section->bytes, section->size) != 0)
        return;
    struct ph_slice bytes = {section->bytes, section->size - crc_bytes};
    struct ph_cursor cursor = ph_cursor_init(bytes);
    uint8_t table = ph_cursor_u8(&cursor);
    ph_cursor_skip(&cursor, 4);
    bool current = ph_cursor_u8(&cursor) & 1;
    ph_cursor_skip(&cursor, 2);
    if (!current)
        return;
    if (pid == pat_pid && table == pat_table)
        read_pat(tables, &cursor);
    for (uint32_t i = 0; pid != pat_pid && table == pmt_table && i < tables->program_count; i++)
        if (tables->programs[i].table_pid == pid)
            read_pmt(&tables->programs[i], &cursor);
}

/* Size of the section by its header; 0 while the header is not whole. */
static size_t section_size(const struct ph_ts_section *section) {
    if (section->size < section_header_bytes)
        return 0;
    return section_header_bytes + ((section->bytes[1] & 0x0f) << 8 | section->bytes[2]);
}

/* Takes bytes until the section is whole; true when it is. A section that claims more than fits is dropped.
 */
static bool collect(struct ph_ts_section *section, struct ph_cursor *payload) {
    while (ph_cursor_remaining(payload)) {
        section->bytes[section->size++] = ph_cursor_u8(payload);
        size_t whole = section_size(section);
        if (whole > PH_TS_MOST_SECTION_BYTES) {
            section->size = 0;
            ph_cursor_rest(payload);
            return false;
        }
        if (whole && section->size == whole)
            return true;
    }
    return false;
}

static struct ph_ts_section *section_of(struct ph_ts_tables *tables, uint16_t pid) {
    if (pid == pat_pid)
        return &tables->section;
    for (uint32_t i = 0; i < tables->program_count; i++)
        if (tables->programs[i].table_pid == pid)
            return &tables->programs[i].section;
    return NULL;
}

/* Reading a section may rearrange the programs: the PID is looked up again for each. */
static void read_sections(struct ph_ts_tables *tables, uint16_t pid, struct ph_cursor *payload) {
    struct ph_ts_section *section;
    while ((section = section_of(tables, pid)) && collect(section, payload)) {
        struct ph_ts_section whole = *section;
        section->size = 0;
        read_section(tables, pid, &whole);
        if (ph_cursor_remaining(payload) && *payload->next == stuffing_byte)
            return;
    }
}

void ph_ts_tables_read(struct ph_ts_tables *tables, uint16_t pid, bool start, struct ph_slice payload) {
    struct ph_ts_section *section = section_of(tables, pid);
    if (!section)
        return;
    struct ph_cursor cursor = ph_cursor_init(payload);
    if (!start) {
        if (section->size)
            read_sections(tables, pid, &cursor);
        return;
    }
    struct ph_slice rest = ph_cursor_take(&cursor, ph_cursor_u8(&cursor));
    struct ph_cursor ending = ph_cursor_init(rest);
    if (section->size)
        read_sections(tables, pid, &ending);
    section = section_of(tables, pid);
    if (!section)
        return;
    section->size = 0;
    read_sections(tables, pid, &cursor);
}
