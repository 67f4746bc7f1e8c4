/* What an SDP offer asks for and what is taken of it (RFC 8866; RFC 8829 and 9429 for WebRTC's use; RFC 9725
 * for WHIP). Pure: functions from text to a value and from the value to text; safe on any thread.
 *
 *   offer (hostile text) ── ph_negotiation_parse() ──▶ struct ph_negotiation ──┬─
 * ph_negotiation_answer_write() ├─ ph_negotiation_worker_sdp_write() └─ struct ph_rtp_session
 *
 * At most one video and one audio m-line are taken, all on one transport (BUNDLE, rtcp-mux); every other
 * m-line is answered as rejected. One codec, under one payload type, is chosen for each: the answer names no
 * other, so what arrives is known to whoever reads it. A plain value of some kilobytes: copy and forget it
 * freely. */
#ifndef PH_INGEST_WEBRTC_NEGOTIATION_H
#define PH_INGEST_WEBRTC_NEGOTIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "ingest/webrtc/ice_candidate.h"

enum {
    PH_SDP_MOST_BYTES = 64 * 1024,
    PH_SDP_MOST_LINES = 2048,
    PH_SDP_MOST_MEDIA = 16,
    PH_SDP_MOST_TOKEN = 32, /* characters of a mid, a rid, a protocol, a media type */
    PH_SDP_MOST_FMTP = 640, /* characters of the format parameters kept for the worker */
    PH_SDP_MOST_FINGERPRINTS = 4,
    PH_FINGERPRINT_MOST_BYTES = 64
};

enum ph_codec {
    PH_CODEC_NONE,
    PH_CODEC_H264,
    PH_CODEC_VP8,
    PH_CODEC_VP9,
    PH_CODEC_H265,
    PH_CODEC_AV1,
    PH_CODEC_OPUS,
};
#define PH_CODEC_BIT(codec) (1U << (codec))
/* What every worker carries. */
#define PH_CODECS_USUAL                                                                                      \
    (PH_CODEC_BIT(PH_CODEC_H264) | PH_CODEC_BIT(PH_CODEC_VP8) | PH_CODEC_BIT(PH_CODEC_VP9) |                 \
        PH_CODEC_BIT(PH_CODEC_H265) | PH_CODEC_BIT(PH_CODEC_AV1) | PH_CODEC_BIT(PH_CODEC_OPUS))

/* As rtpmap writes it: "H264", "VP8", "opus", …; "" for PH_CODEC_NONE. */
const char *ph_codec_name(enum ph_codec codec);

/* a=fingerprint (RFC 8122). The peer's certificate has to match one of those it sent. SHA-1 and weaker are
 * left out. */
enum ph_fingerprint_hash { PH_FINGERPRINT_SHA256, PH_FINGERPRINT_SHA384, PH_FINGERPRINT_SHA512 };
struct ph_fingerprint {
    enum ph_fingerprint_hash hash;
    uint8_t size; /* 32, 48 or 64 */
    uint8_t bytes[PH_FINGERPRINT_MOST_BYTES];
};

/* Feedback that both sides know: an or of these for each m-line. */
enum {
    PH_FEEDBACK_NACK = 1,
    PH_FEEDBACK_PLI = 2,
    PH_FEEDBACK_TRANSPORT_CC = 4,
    PH_FEEDBACK_REMB = 8,
};

/* Ids of header extensions (RFC 8285), 1–255; 0: not offered. */
struct ph_extension_ids {
    uint8_t transport_cc;
    uint8_t mid;
    uint8_t rid;
    uint8_t repaired_rid;
    uint8_t absolute_send_time;
};

enum { PH_NO_PAYLOAD_TYPE = -1 };

/* One m-line of the offer, in its place. */
struct ph_negotiated_media {
    bool accepted;
    const char *rejection; /* why it is not: it brings nothing; static words. NULL when accepted */

    /* Set for every m-line: what an answer repeats. */
    char type[PH_SDP_MOST_TOKEN + 1];     /* "audio", "video", "application", … */
    char protocol[PH_SDP_MOST_TOKEN + 1]; /* "UDP/TLS/RTP/SAVPF", … */
    char format[PH_SDP_MOST_TOKEN + 1];   /* its first format */
    char mid[PH_SDP_MOST_TOKEN + 1];      /* "" when it has none */

    /* Set for an accepted one. */
    bool is_video;
    enum ph_codec codec;
    int payload_type;
    int rtx_payload_type; /* RFC 4588, or PH_NO_PAYLOAD_TYPE, as the next two */
    int red_payload_type; /* RFC 2198: answered for audio; for video only understood when it comes anyway */
    int ulpfec_payload_type; /* never answered; what comes of it is dropped */
    uint32_t clock_rate;     /* ticks a second */
    uint32_t channels;       /* audio; else 0 */
    unsigned feedback;       /* an or of PH_FEEDBACK_… */
    bool reduced_size;       /* a=rtcp-rsize (RFC 5506) */
    /* Format parameters. `fmtp` is what the offer says, checked to be printable; "" when it says nothing.
     * `profile_level_id` (H.264) is what the answer says: the offer's, with the level raised when the offer
     * allows asymmetric levels (RFC 6184 section 8.2.2). */
    char fmtp[PH_SDP_MOST_FMTP + 1];
    char profile_level_id[16];
    uint8_t packetization_mode; /* H.264 */
    bool level_asymmetry;       /* H.264: level-asymmetry-allowed=1 */
    /* Streams as announced; 0 when not announced: then payload type, mid and rid tell. */
    uint32_t ssrc, rtx_ssrc;
    /* Simulcast: the restriction identifier that was chosen (RFC 8851, 8853); "" when not offered. The answer
     * names it alone, so the others are not sent. */
    char rid[PH_SDP_MOST_TOKEN + 1];
    struct ph_extension_ids extensions; /* those that this m-line offers */
};

struct ph_negotiation {
    /* The peer's end of the one transport. */
    char ufrag[PH_ICE_MOST_TEXT + 1];
    char pwd[PH_ICE_MOST_TEXT + 1];
    struct ph_fingerprint fingerprints[PH_SDP_MOST_FINGERPRINTS]; /* at least one */
    size_t fingerprint_count;
    /* The role we take in DTLS: a server unless the offer says a=setup:passive, as ffmpeg's muxer does. */
    bool dtls_client;
    struct ph_ice_candidate candidates[PH_ICE_MOST_CANDIDATES]; /* those of the offer; often none */
    size_t candidate_count;

    struct ph_negotiated_media media[PH_SDP_MOST_MEDIA]; /* in the offer's order */
    size_t media_count;
    int video, audio; /* places of the accepted ones in `media`; -1: none. At least one is there */
    bool bundle;      /* a=group:BUNDLE was offered */
    bool extmap_mixed;
    struct ph_extension_ids extensions; /* of all m-lines: within BUNDLE an id means the same on each */
};

/* Parses an offer. `codecs` is an or of PH_CODEC_BIT(): those that workers carry. Preferred are, in this
 * order, H.264 in packetization mode 1, in mode 0, VP8, VP9, H.265, AV1; among equals the one that is offered
 * first.
 *
 * 0; -ENOTSUP when the offer is well-formed and nothing of it can be taken (no codec in common, not sent to
 * us, no BUNDLE, no rtcp-mux, no DTLS, a peer that is ICE-lite itself); PH_INVALID_DATA when it is not SDP or
 * breaks a limit. On failure `error` holds a sentence for the publisher's developer and `negotiation` nothing
 * of use. */
int ph_negotiation_parse(struct ph_slice offer, unsigned codecs, struct ph_negotiation *negotiation,
    struct ph_error *error) PH_NODISCARD;

/* Our end of the transport, borrowed for the call. */
struct ph_local_transport {
    const char *ufrag;
    const char *pwd;
    uint8_t fingerprint_sha256[32];
    const struct ph_ice_candidate
        *candidates; /* written in this order; ffmpeg takes the first UDP one alone */
    size_t candidate_count;
};

/* Rates for the video m-line; 0 leaves a line out. */
struct ph_answer_rates {
    uint32_t start_bps;   /* x-google-start-bitrate: a browser begins here instead of near 300 kbit/s */
    uint32_t ceiling_bps; /* b=AS and x-google-max-bitrate */
};
/* Rates that suit a ladder whose top rendition has this rate: 1.5 times as ceiling, since the source is
 * encoded again, at least 2 Mbit/s, since it may be larger than any rendition; and a start that a usual
 * uplink carries. */
struct ph_answer_rates ph_answer_rates_for(uint32_t top_rendition_bps);

/* Writes the answer: a=ice-lite, every m-line in order, recvonly. `session_id` is the o= line's number. */
void ph_negotiation_answer_write(struct ph_builder *builder, const struct ph_negotiation *negotiation,
    const struct ph_local_transport *local, const struct ph_answer_rates *rates, uint64_t session_id);

/* Writes what a worker needs to read the forwarded packets: a plain RTP/AVP session with one m-line for the
 * video (first) and one for the audio, rtpmap, and the fmtp that matters to a decoder (sprop-…,
 * packetization-mode, profile). */
void ph_negotiation_worker_sdp_write(struct ph_builder *builder, const struct ph_negotiation *negotiation);

#endif
