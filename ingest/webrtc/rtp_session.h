/* One publisher's RTP session (RFC 3550, 3551, 4585): takes decrypted RTP and RTCP as they come from the
 * network, and hands on each stream in order, once, as plain RTP that a depacketiser understands.
 *
 * Pure: no socket, no clock, no lock, no thread. The owner calls it from one thread and gives the time.
 *
 *   network ─ SRTP ─▶ _receive()      ─▶ sort by stream ─▶ unwrap RTX, RED ─▶ reorder ─▶ impl->forward()
 *   network ─ SRTCP ▶ _receive_rtcp() ─▶ sender reports ──────────────────────────────▶ impl->forward()
 *   clock ──────────▶ _tick()         ─▶ NACK, PLI, receiver reports, transport feedback ▶ impl->send_rtcp()
 *
 * Packets that come in order are forwarded inside the call that brought them: no delay. Behind a hole they
 * wait only while a retransmission can still fill it, for a time that follows the measured round trip and
 * jitter, at most PH_RTP_MOST_WAIT_US and PH_RTP_MOST_HELD packets; then the stream goes on behind the hole
 * and, for video, a keyframe is asked for.
 *
 * What is forwarded: a 12-byte header (version 2, no padding, no extension, no CSRC), the negotiated payload
 * type and the SSRC that the stream began with. Retransmissions carry their original sequence number. When
 * the publisher changes its SSRC or restarts its numbering, sequence numbers go on and timestamps move by the
 * time that passed, so the worker sees one stream from first to last. What was lost shows as a gap in the
 * sequence numbers: as long as the loss, up to 32767 packets; of one number before a video that is numbered
 * anew or comes from another source, since what was lost before it is not known. Sender reports are forwarded
 * as an SR of 28 bytes without report blocks, moved alike. RFC 5761 section 4 tells the two apart.
 *
 *   phase              who              what
 *   create … destroy   owner's thread   every call; callbacks run inside receive, receive_rtcp, tick
 *   inside a callback  implementation   calls nothing of the session
 */
#ifndef PH_INGEST_WEBRTC_RTP_SESSION_H
#define PH_INGEST_WEBRTC_RTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "ingest/webrtc/negotiation.h"

enum {
    PH_RTP_MOST_PACKET_BYTES = 2048, /* larger ones are dropped */
    PH_RTP_MOST_WAIT_US = 300000,
    PH_RTP_MOST_HELD = 1024,              /* packets of one stream behind a hole */
    PH_RTP_MOST_HELD_BYTES = 1024 * 1024, /* of one stream */
    PH_RTCP_MOST_BYTES = 1200             /* of what send_rtcp gets */
};

/* A browser that changes its source sends again well within this time, and one that is there at all checks
 * about as often (RFC 7675 section 5.1: every 4 to 6 s; libwebrtc every 2.5 s or less). */
#define PH_RTP_GOODBYE_US INT64_C(7000000)

struct ph_rtp_session;

struct ph_rtp_session_impl {
    /* A compound (or, when negotiated, reduced-size) RTCP packet for the publisher; not encrypted; borrowed
     * for the call. */
    void (*send_rtcp)(void *opaque, struct ph_slice packet);
    /* An RTP packet or a sender report for the worker; borrowed for the call. */
    void (*forward)(void *opaque, struct ph_slice packet);
};

struct ph_rtp_session_options {
    const struct ph_negotiation *negotiation; /* copied */
    const struct ph_rtp_session_impl *impl;   /* lives as long as the session */
    void *opaque;                             /* for the callbacks */
    uint32_t ssrc;                            /* ours, of reports; random, so that it is nobody else's */
    char cname[32];                           /* ours, random (RFC 7022) */
    uint32_t ceiling_bps; /* the most that a REMB allows, when transport-cc was not negotiated; 0: no REMB */
    int64_t rtt_us;       /* a first guess, for instance of the DTLS handshake; 0: unknown */
};

/* 0 or -ENOMEM. On success the caller owns *session. */
int ph_rtp_session_create(struct ph_rtp_session **session, const struct ph_rtp_session_options *options,
    int64_t now_us) PH_NODISCARD;
void ph_rtp_session_destroy(struct ph_rtp_session *session);

/* A decrypted RTP packet that arrived at `now_us` (the monotonic clock; never going back). Malformed packets,
 * unknown payload types and duplicates are counted and dropped. */
void ph_rtp_session_receive(struct ph_rtp_session *session, struct ph_slice packet, int64_t now_us);
/* A decrypted RTCP packet, compound or reduced-size. */
void ph_rtp_session_receive_rtcp(struct ph_rtp_session *session, struct ph_slice packet, int64_t now_us);

/* Sends what is due and gives up what waited too long. Call it after each batch of packets, and at the
 * instant the last call returned (always later than `now_us`, at most a second ahead). */
int64_t ph_rtp_session_tick(struct ph_rtp_session *session, int64_t now_us);

/* A worker asks for a keyframe: a PLI goes out with the next tick, unless one is under way, and is repeated
 * until a keyframe begins. */
void ph_rtp_session_request_keyframe(struct ph_rtp_session *session, int64_t now_us);

/* True once the publisher has left without closing its connection: it said BYE (RFC 3550 section 6.6) for
 * every stream that was heard, PH_RTP_GOODBYE_US passed since the last of them, and nothing more came of any
 * stream.
 *
 * A BYE by itself ends nothing. It says that a source sends no more (RFC 3550 section 6.6), and some
 * publishers say it whenever a stream rests, as many versions of libwebrtc do: while its source is changed,
 * when the track is taken off, when its encoding is made inactive; and the stream goes on under the same
 * SSRC, after minutes maybe. While it rests the publisher's ICE goes on checking. So a check later than the
 * BYE, the last of which came at `checked_us`, tells that the publisher is there and pauses. */
bool ph_rtp_session_is_over(const struct ph_rtp_session *session, int64_t checked_us, int64_t now_us);

/* Since the session began, unless the name says otherwise. */
struct ph_rtp_media_figures {
    uint64_t packets;   /* received, without retransmissions and duplicates */
    uint64_t bytes;     /* of them, with headers */
    uint64_t forwarded; /* packets */
    uint64_t missing;   /* packets that did not come in order or at all in their first sending */
    uint64_t reordered; /* of them: came late by themselves */
    uint64_t recovered; /* of them: came by RTX, a repeated sending, or redundancy */
    uint64_t lost;      /* of them: given up */
    uint64_t late;      /* came after they had been given up */
    uint64_t duplicates;
    double jitter_ms; /* RFC 3550 section 6.4.1, current */
    double bitrate;   /* bit/s received over about the last second */
};
struct ph_rtp_figures {
    struct ph_rtp_media_figures video, audio;
    uint64_t nacks; /* sequence numbers asked for, repetitions included */
    uint64_t nack_packets;
    uint64_t plis;      /* sent */
    uint64_t keyframes; /* seen to begin */
    uint64_t transport_feedbacks;
    uint64_t rembs;
    uint64_t malformed; /* RTP and RTCP packets dropped as broken */
    uint64_t unknown;   /* RTP packets of no negotiated stream */
    double rtt_ms;      /* smoothed; 0: not known */
    double wait_ms;     /* how long a hole is waited for at present */
};
void ph_rtp_session_figures(
    const struct ph_rtp_session *session, struct ph_rtp_figures *figures, int64_t now_us);

#endif
