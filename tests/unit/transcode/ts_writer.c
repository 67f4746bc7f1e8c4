#include "tests/unit/transcode/ts_writer.h"

#include <stdlib.h>
#include <string.h>

#include <libavutil/crc.h>

enum { most_payload_bytes = 184 };

void ts_write_packet(
    struct ts_writer *writer, uint16_t pid, bool start, const uint8_t *payload, size_t size) {
    uint8_t packet[PH_TS_PACKET_BYTES];
    memset(packet, 0xff, sizeof(packet));
    packet[0] = 0x47;
    packet[1] = (uint8_t)((start ? 0x40 : 0) | pid >> 8);
    packet[2] = (uint8_t)pid;
    packet[3] = (uint8_t)(0x10 | (writer->counters[pid]++ & 0x0f));
    size_t field = most_payload_bytes - size;
    if (field) {
        packet[3] |= 0x20;
        packet[4] = (uint8_t)(field - 1);
        if (field > 1)
            packet[5] = 0;
    }
    memcpy(packet + sizeof(packet) - size, payload, size);
    ph_builder_append(&writer->out, packet, sizeof(packet));
}

/* Appends the CRC and writes the section over as many packets as it takes, unused bytes stuffed as sections
 * are. */
static void write_section(struct ts_writer *writer, uint16_t pid, struct ph_builder *section) {
    section->data[1] = (uint8_t)(0xb0 | (section->size + 1) >> 8);
    section->data[2] = (uint8_t)(section->size + 1);
    uint32_t crc = av_crc(av_crc_get_table(AV_CRC_32_IEEE), UINT32_MAX, section->data, section->size);
    ph_builder_append(section, &crc, sizeof(crc));
    uint8_t payload[most_payload_bytes];
    size_t at = 0;
    for (bool start = true; at < section->size; start = false) {
        size_t room = sizeof(payload) - start, rest = section->size - at;
        size_t taken = rest < room ? rest : room;
        memset(payload, 0xff, sizeof(payload));
        if (start)
            payload[0] = 0;
        memcpy(payload + start, section->data + at, taken);
        ts_write_packet(writer, pid, start, payload, sizeof(payload));
        at += taken;
    }
    ph_builder_discard(section);
}

static void start_section(struct ph_builder *section, uint8_t table) {
    const uint8_t header[] = {table, 0, 0, 0, 1, 0xc1, 0, 0};
    ph_builder_append(section, header, sizeof(header));
}

void ts_write_pat(struct ts_writer *writer, const uint16_t *table_pids, size_t count) {
    struct ph_builder section = {0};
    start_section(&section, 0);
    for (size_t i = 0; i < count; i++) {
        ph_builder_u16(&section, (uint16_t)(i + 1));
        ph_builder_u16(&section, 0xe000 | table_pids[i]);
    }
    write_section(writer, 0, &section);
}

void ts_write_pmt(struct ts_writer *writer, uint16_t pid, const struct ts_listed *streams, size_t count) {
    struct ph_builder section = {0};
    start_section(&section, 2);
    ph_builder_u16(&section, 0xe000 | (count ? streams[0].pid : 0x1fff));
    ph_builder_u16(&section, 0xf000);
    for (size_t i = 0; i < count; i++) {
        ph_builder_u8(&section, streams[i].type);
        ph_builder_u16(&section, 0xe000 | streams[i].pid);
        ph_builder_u16(&section, 0xf000);
    }
    write_section(writer, pid, &section);
}

void ts_write_pes(struct ts_writer *writer, uint16_t pid, uint8_t filling, size_t size, int64_t pts) {
    struct ph_builder pes = {0};
    const uint8_t header[] = {0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, (uint8_t)(0x21 | (pts >> 29 & 0x0e)),
        (uint8_t)(pts >> 22), (uint8_t)(pts >> 14 | 1), (uint8_t)(pts >> 7), (uint8_t)(pts << 1 | 1)};
    ph_builder_append(&pes, header, sizeof(header));
    ph_builder_zeros(&pes, size);
    memset(pes.data + sizeof(header), filling, size);
    for (size_t at = 0; at < pes.size; at += most_payload_bytes) {
        size_t rest = pes.size - at;
        ts_write_packet(
            writer, pid, at == 0, pes.data + at, rest < most_payload_bytes ? rest : most_payload_bytes);
    }
    ph_builder_discard(&pes);
}
