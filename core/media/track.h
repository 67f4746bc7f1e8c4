/* What a published session consists of, in the words worker and origin share.
 *
 * Times are exact: a track counts ticks of its timescale; frame n of a video track starts at
 * n * timescale * rate.den / rate.num ticks, audio frame m at m * 1024 ticks of 1/48000 s. */
#ifndef PH_MEDIA_TRACK_H
#define PH_MEDIA_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

enum { PH_TRACK_NAME_BYTES = 16, PH_MOST_TRACKS = 8, PH_AUDIO_RATE = 48000, PH_AUDIO_FRAME_SAMPLES = 1024 };

enum ph_track_kind { PH_TRACK_VIDEO, PH_TRACK_AUDIO };

struct ph_rational {
    int32_t num;
    int32_t den;
};

/* A rendition as the origin announces it. */
struct ph_track {
    char name[PH_TRACK_NAME_BYTES]; /* "v1080", "v720", "audio": [a-z0-9]+ */
    enum ph_track_kind kind;
    char codecs[32];    /* RFC 6381, from the bitstream: "avc1.64001f", "mp4a.40.2" */
    uint32_t timescale; /* ticks a second */
    uint32_t bandwidth; /* peak bit/s of this track alone, container included */
    uint32_t average_bandwidth;
    uint32_t width, height;  /* video */
    struct ph_rational rate; /* video: frames a second */
    uint32_t channels;       /* audio */
    char language[16];       /* audio: RFC 5646, "und" when unknown */
};

/* The body of PUT /publish/<session>. */
struct ph_publication {
    int64_t epoch_utc_us;         /* wall-clock of t = 0 */
    struct ph_rational grid_rate; /* frames a second of the grid */
    uint32_t frames_per_part;     /* of the grid */
    uint32_t parts_per_segment;
    uint32_t part_target_us;    /* PART-TARGET: no part of any track is longer */
    uint32_t target_duration_s; /* EXT-X-TARGETDURATION */
    bool is_private;            /* viewers need a playback token; false when the JSON does not say */
    bool is_recorded;           /* it becomes a recording at its end; true when the JSON does not say */
    uint32_t take; /* of a file: which try at it this is, from 1 on; 0, and not in the JSON: live */
    uint32_t track_count;
    struct ph_track tracks[PH_MOST_TRACKS];
};

/* JSON of a publication; a malloc'ed string, or NULL when out of memory. The keys are the members' names
 * ("tracks" the array, "kind" is "video" or "audio", a rate is {"num":30000,"den":1001}). */
char *ph_publication_to_json(const struct ph_publication *publication);
/* Parses and checks every range (names, counts, non-zero rates and timescales). 0, -ENOMEM, or -EINVAL with
 * `error` naming the field. */
int ph_publication_from_json(
    const char *text, size_t size, struct ph_publication *publication, struct ph_error *error) PH_NODISCARD;

/* Place of a part: segment number (the media sequence number) and part number in it. */
struct ph_part_position {
    uint64_t segment;
    uint32_t part;
};
/* Negative, zero or positive as `a` lies before, at or after `b`. */
int ph_part_position_compare(struct ph_part_position a, struct ph_part_position b);

/* Names below a track: "init.mp4", "<segment>.m4s", "<segment>.<part>.m4s". Decimal without leading zeros. */
enum ph_media_file_kind { PH_FILE_PLAYLIST, PH_FILE_INIT, PH_FILE_SEGMENT, PH_FILE_PART };
struct ph_media_file {
    enum ph_media_file_kind kind;
    struct ph_part_position position; /* SEGMENT and PART */
};
/* 0, or -EINVAL for any other name, numbers above 2^53 among them. */
int ph_media_file_parse(const char *name, struct ph_media_file *file) PH_NODISCARD;

/* Headers of PUT /publish/<session>/<track>/<segment>.<part>.m4s, both sides:
 *   X-Part-Duration: ticks of the track's timescale, a whole number
 *   X-Part-Start:    ticks since t = 0
 *   X-Independent: 1          the part starts with an IDR (every audio part is independent)
 *   X-Last-In-Segment: 1      closes the segment
 *   X-Gap: 1                  the part is missing; the body is empty
 *   X-Take:                   of a file: the publication's take, with every request
 *   X-Arrival-Time:           UTC microseconds when the newest frame in the part reached the ingest node
 * Answers: 202 while the segment is open, 201 once the segment is durable (on its last part), 200 for a
 * repeat, 400, 401, 404 (session unknown: PUT /publish/<session> again), 409 (not the next part; the body
 * says which is), 410 (session ended). On the last part also 202 (viewers have it, and the disk takes longer
 * than half a part) and 507 (the disk does not take it; of a file also when it takes longer than 8 s): then
 * the standing tells when the segment is durable, until when it is to be kept. */
#define PH_HEADER_PART_DURATION "X-Part-Duration"
#define PH_HEADER_PART_START "X-Part-Start"
#define PH_HEADER_INDEPENDENT "X-Independent"
#define PH_HEADER_LAST_IN_SEGMENT "X-Last-In-Segment"
#define PH_HEADER_GAP "X-Gap"
#define PH_HEADER_TAKE "X-Take"
#define PH_HEADER_ARRIVAL_TIME "X-Arrival-Time"

/* GET /publish/<session>: where each track stands, `next` the next part the origin expects, `durable` the
 * first segment that is not yet on disk:
 *   {"tracks":[{"name":"v1080","next":{"segment":7,"part":3},"durable":7,"init":true}]} */
struct ph_track_standing {
    char name[PH_TRACK_NAME_BYTES];
    struct ph_part_position next;
    uint64_t durable_segment;
    bool has_init;
};
/* A malloc'ed string, or NULL when out of memory. */
char *ph_standings_to_json(const struct ph_track_standing *standings, uint32_t count);
/* `standings` has room for PH_MOST_TRACKS. 0, -ENOMEM, or -EINVAL with `error` naming the field. */
int ph_standings_from_json(const char *text, size_t size, struct ph_track_standing *standings,
    uint32_t *count, struct ph_error *error) PH_NODISCARD;

#endif
