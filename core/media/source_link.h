/* The source link: framed messages between ingest and a worker, over a unix socket or TCP.
 *
 * Frame: u32 payload size, u8 type, payload; numbers big-endian. A frame is at most PH_LINK_MOST_BYTES.
 *
 *   direction        message     payload
 *   worker → ingest  CHALLENGE   32 random bytes                     TCP only, before HELLO
 *   ingest → worker  AUTH        32 random bytes, HMAC-SHA256(secret, "ingest" worker-nonce ingest-nonce)
 *   worker → ingest  AUTH_OK     HMAC-SHA256(secret, "worker" ingest-nonce worker-nonce)
 *   ingest → worker  HELLO       JSON, struct ph_link_hello
 *   worker → ingest  ACCEPT      u64 unit to replay from
 *   worker → ingest  REFUSE      JSON {"reason": "busy"|…, "text"}   try another worker
 *   ingest → worker  CONNECTION  JSON, struct ph_link_connection     a publisher came (back)
 *   ingest → worker  UNIT        u64 index, i64 arrival_us, bytes    one datagram
 *   ingest → worker  TICK        i64 now_us                          time passes, nothing arrived
 *   ingest → worker  GONE        u64 index, i64 now_us               the publisher's connection is lost
 *   ingest → worker  END         u64 index, i64 now_us, reason text  finish the session
 *   worker → ingest  ACK         struct ph_link_ack                  two checkpoints: durable, published
 *   worker → ingest  STATS       JSON, struct ph_link_stats          about once a second; is the heartbeat
 *   worker → ingest  KEYFRAME    empty                               ask the publisher for a keyframe
 *   worker → ingest  FAILED      JSON {"code","text"}                cannot be carried: do not retry
 *   worker → ingest  FINISHED    empty                               after END: everything is durable
 *
 * CONNECTION, UNIT, GONE and END are entries of the replay ring and share one index sequence from 0 up; TICK
 * is not kept. All times are the ingest node's monotonic clock, in microseconds: what a worker does follows
 * from the entries and their times alone, so a replay does it again. A worker advances its clock to an
 * entry's time before it handles the entry. */
#ifndef PH_MEDIA_SOURCE_LINK_H
#define PH_MEDIA_SOURCE_LINK_H

#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

enum {
    PH_LINK_MOST_BYTES = 1 << 20,
    PH_LINK_HEADER_BYTES = 5,
    PH_LINK_NONCE_BYTES = 32,
    PH_LINK_VERSION = 1
};

enum ph_link_type {
    PH_LINK_HELLO = 1,
    PH_LINK_CONNECTION = 2,
    PH_LINK_UNIT = 3,
    PH_LINK_TICK = 4,
    PH_LINK_GONE = 5,
    PH_LINK_END = 6,
    PH_LINK_AUTH = 7,
    PH_LINK_ACCEPT = 16,
    PH_LINK_REFUSE = 17,
    PH_LINK_ACK = 18,
    PH_LINK_STATS = 19,
    PH_LINK_KEYFRAME = 20,
    PH_LINK_FAILED = 21,
    PH_LINK_FINISHED = 22,
    PH_LINK_CHALLENGE = 23,
    PH_LINK_AUTH_OK = 24,
};

/* A decoded frame: `payload` is borrowed from the reader's buffer. */
struct ph_link_frame {
    enum ph_link_type type;
    struct ph_slice payload;
};

/* Takes the first whole frame from `input`. 0 and the bytes it took; -EAGAIN when more bytes are needed;
 * PH_INVALID_DATA for an unknown type or a size above the limit. */
int ph_link_frame_parse(struct ph_slice input, struct ph_link_frame *frame, size_t *consumed) PH_NODISCARD;

/* What UNIT, CONNECTION, GONE and END share. For CONNECTION the bytes are its JSON, for END the reason. */
struct ph_link_entry {
    enum ph_link_type type;
    uint64_t index;
    int64_t time_us;
    struct ph_slice bytes;
};
/* Writes the whole frame. */
void ph_link_entry_write(struct ph_builder *builder, const struct ph_link_entry *entry);
int ph_link_entry_parse(const struct ph_link_frame *frame, struct ph_link_entry *entry) PH_NODISCARD;

void ph_link_frame_write(
    struct ph_builder *builder, enum ph_link_type type, const void *payload, size_t size);
void ph_link_tick_write(struct ph_builder *builder, int64_t now_us);
int ph_link_tick_parse(const struct ph_link_frame *frame, int64_t *now_us) PH_NODISCARD;
void ph_link_accept_write(struct ph_builder *builder, uint64_t replay_from);
int ph_link_accept_parse(const struct ph_link_frame *frame, uint64_t *replay_from) PH_NODISCARD;

/* A point to replay from: the ring's entry `replay_from`, with the worker's own opaque state at that entry.
 * Empty state means: from the beginning. */
struct ph_link_checkpoint {
    uint64_t replay_from;
    struct ph_slice state; /* at most 64 KiB; borrowed */
};
/* `durable`: every part that a replay from here would not make again is on the origin's disk; the ring drops
 * what lies before it. `published`: the same for parts the origin has in memory; a new worker uses it when
 * the origin still stands there. */
struct ph_link_ack {
    struct ph_link_checkpoint durable;
    struct ph_link_checkpoint published;
};
void ph_link_ack_write(struct ph_builder *builder, const struct ph_link_ack *ack);
int ph_link_ack_parse(const struct ph_link_frame *frame, struct ph_link_ack *ack) PH_NODISCARD;

enum { PH_LINK_MOST_ORIGINS = 4 };

/* Strings are malloc'ed and owned by the struct when it was parsed; ph_link_hello_finish() frees them. */
struct ph_link_hello {
    char *session;
    char *ladder;                        /* PORTHOLE_LADDER's syntax */
    char *preset;                        /* "auto" or an x264 preset's name */
    char *encoder;                       /* "libx264", "h264_nvenc", … */
    char *origins[PH_LINK_MOST_ORIGINS]; /* base URLs with numeric addresses, NULL after the last */
    char *publish_token;
    uint32_t part_ms, segment_ms;
    uint32_t reconnect_window_ms;
    bool is_private;                  /* viewers need a playback token */
    bool is_recorded;                 /* it becomes a recording at its end */
    uint32_t take;                    /* of a file, from 1 on (track.h); 0: live */
    int64_t epoch_time_us;            /* the ingest clock at t = 0 */
    int64_t epoch_utc_us;             /* wall-clock at t = 0 */
    struct ph_bytes *durable_state;   /* NULL: none */
    struct ph_bytes *published_state; /* NULL: none */
    uint64_t durable_replay_from, published_replay_from;
};
int ph_link_hello_write(struct ph_builder *builder, const struct ph_link_hello *hello) PH_NODISCARD;
int ph_link_hello_parse(const struct ph_link_frame *frame, struct ph_link_hello *hello) PH_NODISCARD;
void ph_link_hello_finish(struct ph_link_hello *hello);

/* Body of a CONNECTION entry. */
struct ph_link_connection {
    uint64_t number; /* 0 for the session's first publisher connection, then counting */
    char *kind;      /* "mpegts" or "rtp" */
    char *sdp;       /* rtp: the negotiated session description; else NULL */
};
/* JSON text, malloc'ed; NULL when out of memory. */
char *ph_link_connection_to_json(const struct ph_link_connection *connection);
int ph_link_connection_from_json(struct ph_slice text, struct ph_link_connection *connection) PH_NODISCARD;
void ph_link_connection_finish(struct ph_link_connection *connection);

/* Encoding times of frames, counted by upper bound. */
enum { PH_LINK_ENCODE_BOUNDS = 10 };
extern const int64_t ph_link_encode_bounds_us[PH_LINK_ENCODE_BOUNDS];
struct ph_link_encode_times {
    uint64_t total_us;
    uint64_t frames[PH_LINK_ENCODE_BOUNDS + 1]; /* the last: longer than all bounds */
};

/* A worker's figures of the last second. */
struct ph_link_stats {
    double speed; /* 1.0: exactly real time is possible; above: headroom */
    double source_fps;
    double delay_ms; /* link time to now of the newest frame published */
    uint32_t effort; /* 0 lowest */
    uint64_t frames_in, frames_out, frames_dropped, frames_repeated; /* since the worker began */
    uint32_t source_width, source_height;
    double bitrate_in;                  /* bit/s */
    struct ph_link_encode_times encode; /* of all renditions, since the worker began */
};
char *ph_link_stats_to_json(const struct ph_link_stats *stats);
int ph_link_stats_from_json(struct ph_slice text, struct ph_link_stats *stats) PH_NODISCARD;

/* REFUSE and FAILED: a code for machines and a sentence for people. */
struct ph_link_reason {
    char code[48];
    char text[256];
};
int ph_link_reason_write(
    struct ph_builder *builder, enum ph_link_type type, const struct ph_link_reason *reason) PH_NODISCARD;
int ph_link_reason_parse(const struct ph_link_frame *frame, struct ph_link_reason *reason) PH_NODISCARD;

/* The HMACs of AUTH and AUTH_OK. `role` is "ingest" or "worker". */
void ph_link_auth_digest(struct ph_slice secret, const char *role, const uint8_t first[PH_LINK_NONCE_BYTES],
    const uint8_t second[PH_LINK_NONCE_BYTES], uint8_t digest[32]);

#endif
