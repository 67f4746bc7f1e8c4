/* A demuxer of one publisher's connection: source units in, packets out. Pulls its input and blocks on it, so
 * it lives in a thread of its own.
 *
 *   kind     units                                        implementation
 *   mpegts   datagrams of a transport stream              demux_mpegts.c: libavformat behind ts_flush.c
 *   rtp      RTP packets and sender reports, in order     demux_rtp.c: rtp_assembler.c, a rtp_<codec>.c each
 *
 * RTP is not left to libavformat: it gives H.264 out in fragments, which a parser joins one frame late; its
 * timestamps change with the first sender report it happens to see, so a replay would not yield the same; its
 * reordering goes by wall-clock; and it hands on frames that lack packets without a word.
 *
 * An implementation embeds struct ph_demux first. Which one serves a connection follows from its kind. */
#ifndef PH_TRANSCODE_DEMUX_H
#define PH_TRANSCODE_DEMUX_H

#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>

#include "core/media/source_link.h"
#include "core/media/track.h"
#include "transcode/rtp_packet.h"

#define PH_NO_UNIT UINT64_MAX

struct ph_demux_unit {
    uint64_t index;
    int64_t time_us;
    struct ph_slice bytes; /* valid until the next call */
};

/* Where a demuxer reads. Calls come from the demuxer's thread. */
struct ph_demux_input;
struct ph_demux_input_impl {
    /* Blocks until the connection's next unit is there. PH_EOF when the connection is over. */
    int (*next)(struct ph_demux_input *input, struct ph_demux_unit *unit);
    /* A fresh demuxer could start at the unit just read. 0 or a negative code, which ends the demuxer. */
    int (*replayable)(struct ph_demux_input *input, uint64_t unit);
};
struct ph_demux_input {
    const struct ph_demux_input_impl *impl;
};

enum ph_demux_event {
    PH_DEMUX_PACKET,
    PH_DEMUX_LOSS,   /* rtp: pictures are missing; those that follow cannot be shown before a keyframe */
    PH_DEMUX_REPORT, /* rtp: a sender report */
};

struct ph_demux_packet {
    enum ph_demux_event event;
    enum ph_track_kind kind;
    /* Whole access units of video; any bytes of audio (rtp: whole frames). pts and dts as sent: 90 kHz and 33
     * bits, or rtp: 32 bits of its `time_base`. NULL unless the event is a packet. */
    AVPacket *packet;
    const AVCodecParameters *codec; /* valid until the next call */
    int64_t first_arrival_us;       /* when its first byte came, as far as that is known */
    int64_t arrival_us;             /* when its last byte came */
    uint32_t ssrc;                  /* rtp */
    struct ph_rtp_report report;    /* rtp: of a report */
    uint64_t replay_unit; /* the last unit from which a fresh demuxer yields this packet, or PH_NO_UNIT */
    bool video_listed;    /* the connection announces video */
};

struct ph_demux;
struct ph_demux_impl {
    /* The next packet, owned by the caller (packet->packet). PH_EOF at the connection's end, after what was
     * buffered. */
    int (*read)(struct ph_demux *demux, struct ph_demux_packet *packet);
    /* The name of a codec the connection announces that nothing here can decode, or NULL. */
    const char *(*unsupported)(const struct ph_demux *demux);
    void (*destroy)(struct ph_demux *demux);
};
struct ph_demux {
    const struct ph_demux_impl *impl;
};

/* 0; -ENOSYS when nothing serves the connection's kind; -ENOMEM; PH_INVALID_DATA for a description that
 * cannot be read. Borrows the input for its life, the connection for the call. */
int ph_demux_create(struct ph_demux **demux, const struct ph_link_connection *connection,
    struct ph_demux_input *input) PH_NODISCARD;
/* Kind "mpegts". */
int ph_demux_mpegts_create(struct ph_demux **demux, struct ph_demux_input *input) PH_NODISCARD;
/* Kind "rtp". */
int ph_demux_rtp_create(struct ph_demux **demux, const char *sdp, struct ph_demux_input *input) PH_NODISCARD;
/* NULL is fine. */
void ph_demux_destroy(struct ph_demux *demux);

#endif
