/* One m-line's stream on its way through: latched to its source, unwrapped from RTX and RED, put in order,
 * and rewritten as plain RTP whose numbers go on whatever the publisher does. Part of ph_rtp_session.
 *
 *   rtp_stream.c   latching, numbering, delivery
 *   rtp_repair.c   what brings lost packets back: RTX, RED, NACK and how long they are waited for */
#ifndef PH_INGEST_WEBRTC_RTP_STREAM_H
#define PH_INGEST_WEBRTC_RTP_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/webrtc/keyframe_request.h"
#include "ingest/webrtc/rate_meter.h"
#include "ingest/webrtc/rtp_red.h"
#include "ingest/webrtc/rtp_reorder.h"
#include "ingest/webrtc/rtp_session.h"
#include "ingest/webrtc/rtp_source.h"
#include "ingest/webrtc/rtp_wire.h"
#include "ingest/webrtc/rtt.h"

struct ph_rtp_stream {
    const struct ph_negotiated_media *media; /* NULL: not negotiated, and nothing else is set */
    const struct ph_rtp_session_impl *impl;
    void *opaque;
    struct ph_rtt *rtt; /* the session's */

    bool latched;   /* to source.ssrc */
    int64_t bye_us; /* when it last said BYE and has sent nothing since; 0: it goes on */
    struct ph_rtp_source source;
    uint32_t rtx_ssrc; /* 0: not known */
    struct ph_rtp_reorder reorder;

    /* What goes out. */
    uint32_t ssrc;
    uint32_t timestamp_shift; /* out = in + shift */
    int64_t removed;    /* packets without payload, which are closed up; less the numbers that are left out */
    uint64_t lost_seen; /* of reorder.lost, when last looked */
    uint32_t keyframe_timestamp;
    struct ph_keyframe_request keyframe;
    int64_t time_us; /* of the call at hand */

    int64_t reordering_us; /* how late packets come by themselves */
    bool has_redundancy;   /* RED was seen */
    struct ph_rate_meter rate;
    struct ph_rtp_media_figures figures;
    uint64_t keyframes;
    uint8_t scratch[PH_RTP_MOST_PACKET_BYTES];
};

/* Everything borrowed outlives the stream. 0 or -ENOMEM. */
int ph_rtp_stream_init(struct ph_rtp_stream *stream, const struct ph_negotiated_media *media,
    const struct ph_rtp_session_options *options, struct ph_rtt *rtt) PH_NODISCARD;
void ph_rtp_stream_finish(struct ph_rtp_stream *stream);

/* A packet of one of the media's payload types. false when it belongs to another source. */
bool ph_rtp_stream_receive(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet, int64_t now_us);
/* A sender report of the stream's source. */
void ph_rtp_stream_report(
    struct ph_rtp_stream *stream, const struct ph_sender_report *report, int64_t now_us);
/* Gives up what waited too long; the instant at which the next is given up, or PH_NEVER_US. */
int64_t ph_rtp_stream_expire(struct ph_rtp_stream *stream, int64_t now_us);

/* rtp_repair.c */

/* An RTX packet (RFC 4588 section 4). false when it belongs to another source or is malformed. */
bool ph_rtp_stream_receive_rtx(
    struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet, int64_t now_us);
/* Fills holes before a packet from the redundant blocks in it. */
void ph_rtp_stream_fill_from_red(
    struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet, const struct ph_red *red, int64_t now_us);
/* Numbers on the wire to ask for now, ascending; how many. *due_us: when to ask again. */
size_t ph_rtp_stream_ask(
    struct ph_rtp_stream *stream, int64_t now_us, uint16_t *sequences, size_t most, int64_t *due_us);
/* How long a hole is waited for. */
int64_t ph_rtp_stream_wait_us(const struct ph_rtp_stream *stream);
/* A missing packet came by itself. */
void ph_rtp_stream_note_filled(
    struct ph_rtp_stream *stream, const struct ph_reorder_slot *before, int64_t now_us);

/* Puts a packet, which is numbered already, on its way out. Shared by both files. */
enum ph_arrival ph_rtp_stream_put(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet,
    int64_t sequence, int64_t now_us, struct ph_reorder_slot *before);

#endif
