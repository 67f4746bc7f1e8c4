/* RTCP packets, read and written: RFC 3550 section 6, RFC 4585, RFC 3611 (XR), and REMB
 * (draft-alvestrand-rmcat-remb-03). Pure. Writers append to a builder; what one could not allocate shows in
 * the builder. */
#ifndef PH_INGEST_WEBRTC_RTCP_PACKET_H
#define PH_INGEST_WEBRTC_RTCP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"
#include "core/base/cursor.h"

enum ph_rtcp_type {
    PH_RTCP_SENDER_REPORT = 200,
    PH_RTCP_RECEIVER_REPORT = 201,
    PH_RTCP_SDES = 202,
    PH_RTCP_BYE = 203,
    PH_RTCP_TRANSPORT_FEEDBACK = 205,
    PH_RTCP_PAYLOAD_FEEDBACK = 206,
    PH_RTCP_EXTENDED_REPORT = 207,
};

/* One packet of a compound. */
struct ph_rtcp_packet {
    uint8_t type;
    uint8_t count;        /* the five bits beside the version: report count, or feedback format */
    struct ph_slice body; /* after the first four bytes, without padding */
};
/* Takes the next packet off a compound. false at the end, and when the rest is malformed: then the cursor has
 * failed. */
bool ph_rtcp_next(struct ph_cursor *compound, struct ph_rtcp_packet *packet);

/* What a sender report says (RFC 3550 section 6.4.1), without its blocks. */
struct ph_sender_report {
    uint32_t ssrc;
    uint64_t ntp;
    uint32_t timestamp;
    uint32_t packets, octets;
};
bool ph_sender_report_parse(struct ph_slice body, struct ph_sender_report *report);
/* Writes a sender report of 28 bytes. */
void ph_sender_report_write(struct ph_builder *builder, const struct ph_sender_report *report);

/* A block of a receiver report (RFC 3550 section 6.4.1). */
struct ph_report_block {
    uint32_t ssrc;
    uint8_t fraction_lost;
    int32_t lost; /* 24 bits, signed */
    uint32_t highest;
    uint32_t jitter;
    uint32_t last_report, delay_since_last_report;
};
void ph_receiver_report_write(
    struct ph_builder *builder, uint32_t sender, const struct ph_report_block *blocks, size_t count);
void ph_sdes_write(struct ph_builder *builder, uint32_t sender, const char *cname);

/* Generic NACK (RFC 4585 section 6.2.1) for numbers in ascending order. */
void ph_nack_write(
    struct ph_builder *builder, uint32_t sender, uint32_t media, const uint16_t *sequences, size_t count);
void ph_pli_write(struct ph_builder *builder, uint32_t sender, uint32_t media);
void ph_remb_write(
    struct ph_builder *builder, uint32_t sender, uint64_t bitrate, const uint32_t *ssrcs, size_t count);

/* Receiver reference time (RFC 3611 section 4.4), which a sender answers with DLRR: so a receiver learns the
 * round trip. `ntp` may be any clock in NTP's format. */
void ph_reference_time_write(struct ph_builder *builder, uint32_t sender, uint64_t ntp);
/* Of an extended report: what DLRR (RFC 3611 section 4.5) says to `receiver`; false when it says nothing.
 * Both in 1/65536 s. */
bool ph_reference_time_answer(
    struct ph_slice body, uint32_t receiver, uint32_t *last_reference, uint32_t *delay);

/* Microseconds in NTP's format: 32 bits of seconds, 32 of their fraction. */
uint64_t ph_ntp_of_us(int64_t time_us);

#endif
