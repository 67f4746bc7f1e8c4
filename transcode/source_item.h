/* What passes from the demuxing thread to the grid's thread, in order. Private to source*.c. */
#ifndef PH_TRANSCODE_SOURCE_ITEM_H
#define PH_TRANSCODE_SOURCE_ITEM_H

#include "transcode/demux.h"
#include "transcode/display.h"

enum ph_source_item_kind {
    PH_ITEM_CLOCK,      /* link time has come to `time_us` */
    PH_ITEM_CONNECTION, /* a publisher's connection begins */
    PH_ITEM_REFUSED,    /* it announces a codec that nothing here decodes, and nothing else */
    PH_ITEM_STREAM,     /* packets of `stream` have these parameters from here on */
    PH_ITEM_PACKET,
    PH_ITEM_LOSS,   /* pictures are missing */
    PH_ITEM_REPORT, /* a sender report */
    PH_ITEM_GONE,   /* the connection is over: drain the decoders */
    PH_ITEM_END,    /* the session is over */
};

struct ph_source_item {
    enum ph_source_item_kind kind;
    int64_t time_us;      /* link time; of a packet: when its last byte came */
    int64_t first_us;     /* of a packet: when its first byte came */
    uint32_t ssrc;        /* of an RTP packet */
    uint64_t replay_from; /* PACKET: the last entry from which a fresh demuxer yields it too, or PH_NO_UNIT */
    enum ph_track_kind stream;
    AVPacket *packet;                     /* owned */
    AVCodecParameters *parameters;        /* owned */
    struct ph_rtp_report report;          /* REPORT */
    AVRational rate;                      /* STREAM of a file: pictures a second, or 0 */
    struct ph_display display;            /* STREAM of a file */
    const char *codec;                    /* REFUSED: its name, static */
    struct ph_link_connection connection; /* owned */
};

struct ph_source_item *ph_source_item_create(enum ph_source_item_kind kind, int64_t time_us);
/* NULL is fine. */
void ph_source_item_destroy(struct ph_source_item *item);

#endif
