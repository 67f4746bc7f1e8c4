/* RTP for tests: what the ffmpeg program encodes, in the packets of libavformat's RTP muxer. */
#ifndef PH_TEST_RTP_STREAM_H
#define PH_TEST_RTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum { RTP_STREAM_VIDEO_SSRC = 0x1001, RTP_STREAM_AUDIO_SSRC = 0x2002, RTP_STREAM_MOST_BYTES = 1200 };

struct rtp_stream_unit {
    uint8_t bytes[RTP_STREAM_MOST_BYTES];
    size_t size;
    int64_t time_us; /* when what it holds is presented, from the stream's start */
    bool is_video;
    bool is_key; /* of a keyframe */
};

struct rtp_stream {
    struct rtp_stream_unit *units; /* in the order of their times */
    size_t count;
    size_t pictures, sounds; /* encoded packets */
    char sdp[2048];
};

/* `inputs` and `codecs` are options of the ffmpeg program; video comes first. RTP timestamps start at 0 for
 * both. */
void rtp_stream_create(struct rtp_stream *stream, const char *inputs, const char *codecs, double seconds);
void rtp_stream_destroy(struct rtp_stream *stream);

struct ph_slice rtp_unit_slice(const struct rtp_stream_unit *unit);
bool rtp_unit_marker(const struct rtp_stream_unit *unit);
uint32_t rtp_unit_timestamp(const struct rtp_stream_unit *unit);
void rtp_unit_set_timestamp(struct rtp_stream_unit *unit, uint32_t timestamp);
uint16_t rtp_unit_sequence(const struct rtp_stream_unit *unit);
void rtp_unit_set_sequence(struct rtp_stream_unit *unit, uint16_t sequence);
/* A sender report: 28 bytes. */
void rtp_report_write(struct rtp_stream_unit *unit, uint32_t ssrc, int64_t ntp_us, uint32_t timestamp);

#endif
