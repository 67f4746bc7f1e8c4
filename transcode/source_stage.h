/* The grid's side of a source: decodes packets, maps their times, fills both grids and keeps the checkpoints.
 * One thread calls ph_source_stage_take(); the checkpoints and figures may be asked for from any. */
#ifndef PH_TRANSCODE_SOURCE_STAGE_H
#define PH_TRANSCODE_SOURCE_STAGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "transcode/audio_grid.h"
#include "transcode/checkpoint.h"
#include "transcode/decode.h"
#include "transcode/display.h"
#include "transcode/grid.h"
#include "transcode/rtp_clock.h"
#include "transcode/source_item.h"
#include "transcode/timeline.h"

enum { PH_MOST_WAITING_PICTURES = 12, PH_ARRIVALS = 64 };

/* A decoded picture that waits for the grid to begin. */
struct ph_waiting_picture {
    AVFrame *picture; /* owned */
    int64_t time_us, arrival_us;
};

/* Embedded in the source. */
struct ph_source_stage {
    struct ph_source_options options;
    struct ph_grid_sink *sink;
    int64_t now_us;                       /* session time */
    struct ph_link_connection connection; /* the one that stands; owned */
    int64_t connected_us;                 /* session time when the first connection began */
    bool has_connection;
    bool is_rtp, is_file;          /* the connection's kind */
    bool lists_video, lists_audio; /* rtp: what its description lists; else anything may come */
    bool awaits_keyframe;          /* pictures were lost: what refers back to them is not decoded */
    bool has_sound_end;            /* rtp */
    bool is_unusable[2];           /* no decoder for the stream */
    bool has_begun;
    bool is_catching_up;
    bool is_over; /* ended or failed */
    atomic_int decode_skip;
    int64_t asked_keyframe_us;
    int64_t keyframe_us;       /* session time of the last keyframe */
    AVRational file_rate;      /* file: pictures a second as it says, or 0 */
    struct ph_display display; /* file: of its pictures */
    const char *refused_codec; /* announced by the connection; NULL: none */
    struct ph_timeline timeline;
    struct ph_rtp_clock rtp_clock; /* in front of the timeline, for a connection of kind rtp */
    struct ph_decoder video, audio;
    AVCodecParameters *parameters[2]; /* owned */
    AVFrame *frame;                   /* scratch */
    AVPacket *packet;                 /* scratch */
    int64_t next_audio_ticks; /* where the next packet of sound stands when it does not say; -1: unknown */
    AVFrame *last_sound;      /* rtp: to make up for what is lost behind it */
    int64_t sound_end_ticks;  /* rtp: the timestamp, unwrapped, at which the sound decoded so far ends */
    struct {
        int64_t time_us, arrival_us;
    } arrivals[PH_ARRIVALS]; /* of pictures in the decoder */
    struct ph_waiting_picture waiting[PH_MOST_WAITING_PICTURES];
    unsigned arrival_count, waiting_count;
    uint64_t first_replay_from; /* of the first picture's keyframe; PH_NO_UNIT: none yet */
    struct ph_source_description description;
    struct ph_grid grid;
    struct ph_audio_grid audio_grid;
    int64_t last_picture_us; /* session time of the last picture, for the source's rate */
    double interval_us;      /* between pictures, smoothed; 0: not known */
    pthread_mutex_t lock;
    struct ph_source_points points;   /* guarded by lock */
    struct ph_source_figures figures; /* guarded by lock */
};

/* `state` is NULL, or what to resume from (copied, but for its sdp, which is taken over on success). */
int ph_source_stage_init(struct ph_source_stage *stage, const struct ph_source_options *options,
    struct ph_grid_sink *sink, struct ph_source_state *state) PH_NODISCARD;
void ph_source_stage_finish(struct ph_source_stage *stage);
/* Calls the sink's begin when resuming; to be called first, from the thread. */
int ph_source_stage_start(struct ph_source_stage *stage) PH_NODISCARD;
/* Takes over the item. `is_behind` says that more items wait. 0, PH_EOF after the end, or what the sink said.
 */
int ph_source_stage_take(
    struct ph_source_stage *stage, struct ph_source_item *item, bool is_behind) PH_NODISCARD;

/* The kind of a connection whose packets come from a file, whole, with its own times and no other clock: not
 * one of the source link. */
#define PH_CONNECTION_FILE "file"

/* Shared between source_stage.c, source_rtp.c, source_begin.c and source_points.c. */
int64_t ph_source_stage_session_us(const struct ph_source_stage *stage, int64_t link_us);
/* A picture (borrowed) to the grid, or to those that wait for it. */
int ph_source_stage_picture(
    struct ph_source_stage *stage, AVFrame *picture, int64_t time_us, int64_t arrival_us) PH_NODISCARD;
/* Session time of a timestamp of 90 kHz. */
int64_t ph_source_stage_map(
    struct ph_source_stage *stage, enum ph_track_kind stream, int64_t ticks, int64_t arrival_us);
/* Asks the publisher for a keyframe, unless it was asked a moment ago. */
void ph_source_stage_ask_for_keyframe(struct ph_source_stage *stage);
/* Reads what the connection that stands says of itself. `-ENOMEM`. */
int ph_source_stage_read_connection(struct ph_source_stage *stage) PH_NODISCARD;
/* rtp: session time of a packet. */
int64_t ph_source_stage_map_rtp(struct ph_source_stage *stage, const struct ph_source_item *item);
/* rtp: decodes a packet of sound that stands at this session time; what is missing before it is made up. */
int ph_source_stage_rtp_sound(
    struct ph_source_stage *stage, const struct ph_source_item *item, int64_t time_us) PH_NODISCARD;
/* Begins when enough is known of the source, fails when it can never be carried. */
int ph_source_stage_consider(struct ph_source_stage *stage) PH_NODISCARD;
/* Begins with what is there, at the session's end. */
int ph_source_stage_begin_late(struct ph_source_stage *stage) PH_NODISCARD;
int ph_source_stage_fail(struct ph_source_stage *stage, const char *code, const char *text);
/* Notes a keyframe's packet, which stands at this session time, as a point to replay from. */
int ph_source_stage_note_keyframe(
    struct ph_source_stage *stage, const struct ph_source_item *item, int64_t time_us) PH_NODISCARD;
/* Notes the first keyframe, which came before the grids began, as a point that makes everything again. */
int ph_source_stage_note_beginning(struct ph_source_stage *stage) PH_NODISCARD;
/* Notes a packet of sound: points that wait for it learn from where on they have sound. */
void ph_source_stage_note_audio(
    struct ph_source_stage *stage, const struct ph_source_item *item, int64_t time_us);

#endif
