/* The tables of an MPEG transport stream (ISO/IEC 13818-1, 2.4.4): which PIDs carry which programs and
 * streams.
 *
 * Bounded whatever the stream claims: PH_TS_MOST_PROGRAMS programs of PH_TS_MOST_STREAMS streams; what
 * exceeds them is ignored. Sections with a wrong CRC are ignored. */
#ifndef PH_TRANSCODE_TS_TABLES_H
#define PH_TRANSCODE_TS_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum {
    PH_TS_PACKET_BYTES = 188,
    PH_TS_MOST_PROGRAMS = 4,
    PH_TS_MOST_STREAMS = 12,
    PH_TS_MOST_SECTION_BYTES = 1024
};

/* Collects the sections of one PID from packet payloads. */
struct ph_ts_section {
    uint16_t size; /* so far; 0: waiting for a start */
    uint8_t bytes[PH_TS_MOST_SECTION_BYTES];
};

struct ph_ts_stream {
    uint16_t pid;
    uint8_t type;
    bool video;
};

struct ph_ts_program {
    uint16_t table_pid;
    uint32_t stream_count;
    struct ph_ts_stream streams[PH_TS_MOST_STREAMS];
    struct ph_ts_section section;
};

struct ph_ts_tables {
    struct ph_ts_section section;
    uint32_t program_count;
    struct ph_ts_program programs[PH_TS_MOST_PROGRAMS];
};

enum ph_ts_role { PH_TS_UNKNOWN, PH_TS_TABLE, PH_TS_VIDEO, PH_TS_OTHER_STREAM };

/* An embedded ph_ts_tables starts as {0}. */

/* What the PID carries. PID 0 is always a table. */
enum ph_ts_role ph_ts_tables_role(const struct ph_ts_tables *tables, uint16_t pid);
/* Reads a table packet's payload. `start`: the packet's payload_unit_start_indicator. */
void ph_ts_tables_read(struct ph_ts_tables *tables, uint16_t pid, bool start, struct ph_slice payload);
/* The name of a listed video codec that no decoder is made for, or NULL. */
const char *ph_ts_tables_unsupported(const struct ph_ts_tables *tables);

#endif
