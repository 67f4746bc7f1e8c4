/* Transport packets for tests: tables and PES packets as a muxer would write them. */
#ifndef PH_TEST_TS_WRITER_H
#define PH_TEST_TS_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "transcode/ts_tables.h"

struct ts_writer {
    struct ph_builder out;
    uint8_t counters[8192];
};

struct ts_listed {
    uint8_t type;
    uint16_t pid;
};

/* One packet of up to 184 payload bytes; fewer are filled up by stuffing in the adaptation field. */
void ts_write_packet(struct ts_writer *writer, uint16_t pid, bool start, const uint8_t *payload, size_t size);
/* Tables with a right CRC. */
void ts_write_pat(struct ts_writer *writer, const uint16_t *table_pids, size_t count);
void ts_write_pmt(struct ts_writer *writer, uint16_t pid, const struct ts_listed *streams, size_t count);
/* A whole PES of `size` payload bytes (each `filling`), header and timestamps of 90 kHz included. */
void ts_write_pes(struct ts_writer *writer, uint16_t pid, uint8_t filling, size_t size, int64_t pts);

#endif
