/* A demuxer of one publisher's connection: source units in, packets out. Pulls its input and blocks on it, so
 * it lives in a thread of its own.
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

struct ph_demux_packet {
    enum ph_track_kind kind;
    AVPacket
        *packet; /* whole access units of video; any bytes of audio. pts and dts as sent, 90 kHz, 33 bits */
    const AVCodecParameters *codec; /* valid until the next call */
    int64_t arrival_us;             /* when its last byte came */
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

/* 0; -ENOSYS when nothing serves the connection's kind; -ENOMEM. Borrows the input for its life. */
int ph_demux_create(struct ph_demux **demux, const char *kind, struct ph_demux_input *input) PH_NODISCARD;
/* Kind "mpegts". */
int ph_demux_mpegts_create(struct ph_demux **demux, struct ph_demux_input *input) PH_NODISCARD;
/* NULL is fine. */
void ph_demux_destroy(struct ph_demux *demux);

#endif
