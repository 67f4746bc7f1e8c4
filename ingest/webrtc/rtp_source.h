/* One synchronization source as a receiver sees it (RFC 3550 appendix A): its numbering unwrapped, what was
 * lost, its jitter, its last sender report. Pure; embedded; a plain value. */
#ifndef PH_INGEST_WEBRTC_RTP_SOURCE_H
#define PH_INGEST_WEBRTC_RTP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/webrtc/rtcp_packet.h"

struct ph_rtp_source {
    uint32_t ssrc;
    uint32_t clock_rate;
    int64_t shift;      /* unwrapped number = number on the wire + shift */
    int64_t first;      /* unwrapped, of the current numbering */
    int64_t highest;    /* unwrapped */
    int32_t after_jump; /* the number that confirms a jump (RFC 3550 appendix A.1); -1: none */
    uint64_t received;  /* since `first` */
    uint64_t expected_before, received_before; /* at the last report */
    double jitter_ticks;
    uint32_t last_timestamp;
    int64_t last_arrival_us; /* 0: nothing arrived */
    uint32_t report_ntp;     /* the middle of the last sender report's; 0: none */
    int64_t report_us;       /* when it came */
};

/* Begins with the number on the wire `sequence`, which is `unwrapped` in the stream's own numbering. */
void ph_rtp_source_begin(
    struct ph_rtp_source *source, uint32_t ssrc, uint32_t clock_rate, uint16_t sequence, int64_t unwrapped);

enum ph_numbering {
    PH_NUMBERING_GOES_ON,
    PH_NUMBERING_JUMPED,    /* far from the last one: wait for the next to confirm it, drop this one */
    PH_NUMBERING_RESTARTED, /* confirmed: goes on behind the highest */
};
/* Unwraps the number of a packet. `unwrapped` is set unless it jumped. A confirmed jump goes on by as many
 * numbers as it left out, where the time that passed and the timestamp say that they were sent and lost. */
enum ph_numbering ph_rtp_source_unwrap(
    struct ph_rtp_source *source, uint16_t sequence, uint32_t timestamp, int64_t now_us, int64_t *unwrapped);
/* The same for a repeated packet, which cannot move the numbering; false when it is far from what is there.
 */
bool ph_rtp_source_locate(const struct ph_rtp_source *source, uint16_t sequence, int64_t *unwrapped);

/* Counts a packet in its first sending. */
void ph_rtp_source_count(struct ph_rtp_source *source, uint32_t timestamp, int64_t now_us);
void ph_rtp_source_report(
    struct ph_rtp_source *source, const struct ph_sender_report *report, int64_t now_us);
/* The block of a receiver report; begins the next interval. */
void ph_rtp_source_block(struct ph_rtp_source *source, struct ph_report_block *block, int64_t now_us);

#endif
