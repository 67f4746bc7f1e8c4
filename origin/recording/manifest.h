/* The manifest of a recording, recording.json: all that is needed to make its playlists. Its presence in the
 * store says that the recording is complete. Pure.
 *
 *   {"version":1, "id":…, "publication":{as publication.json}, "startedAt":UTC µs, "durationUs":…,
 *    "tracks":[{"name":…, "initBytes":…, "initHash":"sha256 hex",
 *               "segments":[[number, startTicks, durationTicks, bytes, flags, keyBytes, "sha256 hex"], …]},
 * …], "mp4":{"bytes":…, "etag":…}, "poster":bool, "posterBytes":…, "posterHash":"sha256 hex",
 * "storyboard":{"intervalUs":…, "width":…, "height":…, "columns":…, "rows":…,
 *               "sheets":[[firstTile, tiles, bytes, "sha256 hex"], …]}}
 *
 * Every track of the publication has its entry, in that order. A gap has 0 bytes and no hash (""). "mp4" and
 * "storyboard" are null when there is none. Of a picture whose bytes are not known, as of recordings made
 * before they were kept, size and hash are left out. */
#ifndef PH_ORIGIN_RECORDING_MANIFEST_H
#define PH_ORIGIN_RECORDING_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/media/storyboard.h"
#include "core/media/track.h"
#include "core/store/store.h"

enum {
    PH_RECORDING_ID_BYTES = 65, /* as a session's name */
    PH_MOST_MANIFEST_BYTES = 64 * 1024 * 1024,
    PH_MOST_MANIFEST_SEGMENTS = 200000, /* of a track */
    PH_MOST_MANIFEST_SHEETS = 2000,
};

enum ph_manifest_flags {
    PH_MANIFEST_GAP = 1,           /* nothing is there: EXT-X-GAP */
    PH_MANIFEST_DISCONTINUITY = 2, /* EXT-X-DISCONTINUITY before it */
};

struct ph_manifest_segment {
    uint64_t number;
    int64_t start_ticks; /* since the session's t = 0 */
    uint32_t duration_ticks;
    uint32_t flags;
    uint64_t bytes;
    uint32_t key_bytes; /* from its start to the end of its first sync sample; 0: no such, and for audio */
    uint8_t hash[PH_STORE_HASH_BYTES]; /* SHA-256 */
};

struct ph_manifest_track {
    uint32_t init_bytes; /* 0: no init segment is known */
    uint8_t init_hash[PH_STORE_HASH_BYTES];
    struct ph_manifest_segment *segments; /* numbers rise by one */
    uint32_t count, capacity;
};

/* A picture's bytes. */
struct ph_manifest_picture {
    uint32_t bytes; /* 0: they are not known */
    uint8_t hash[PH_STORE_HASH_BYTES];
};

struct ph_manifest_sheet {
    uint32_t first_tile; /* and its name: storyboard-<first tile>.jpg */
    uint32_t tiles;
    struct ph_manifest_picture picture;
};
struct ph_storyboard {
    int64_t interval_us;    /* tile n shows the picture at n intervals after the start */
    uint32_t width, height; /* of a tile */
    uint32_t columns, rows; /* of a sheet */
    uint32_t sheet_count;   /* 0: no storyboard */
    struct ph_manifest_sheet *sheets;
};

/* Ends with ph_manifest_finish(). */
struct ph_manifest {
    char id[PH_RECORDING_ID_BYTES];
    struct ph_publication publication;
    int64_t started_utc_us; /* of the first sample; see ph_manifest_close */
    int64_t duration_us;
    struct ph_manifest_track tracks[PH_MOST_TRACKS]; /* as in the publication */
    uint64_t mp4_bytes;                              /* 0: none */
    char mp4_etag[PH_STORE_ETAG_BYTES];
    bool has_poster;
    struct ph_manifest_picture poster; /* with has_poster */
    struct ph_storyboard storyboard;
};

/* -EINVAL for an id that is none. */
int ph_manifest_init(
    struct ph_manifest *manifest, const char *id, const struct ph_publication *publication) PH_NODISCARD;
void ph_manifest_finish(struct ph_manifest *manifest);

/* Takes the init segment's size and hash. 0 or -ENOMEM, as what follows. */
int ph_manifest_set_init(struct ph_manifest *manifest, uint32_t track, struct ph_slice init) PH_NODISCARD;
int ph_manifest_set_poster(struct ph_manifest *manifest, struct ph_slice jpeg) PH_NODISCARD;
/* Copies; numbers rise, and where some are left out gaps are put that share the time between. 0; -EALREADY
 * when the track has it; -ENOMEM; -EINVAL for one that overlaps, or too many. */
int ph_manifest_add_segment(
    struct ph_manifest *manifest, uint32_t track, const struct ph_manifest_segment *segment) PH_NODISCARD;
/* Reads the segment for all that its entry says (times, keyBytes, hash). 0, -ENOMEM, PH_INVALID_DATA. */
int ph_manifest_describe_segment(struct ph_slice init, uint64_t number, struct ph_slice bytes,
    struct ph_manifest_segment *segment) PH_NODISCARD;
/* A sheet that follows those that are there, with its picture. 0; -ENOMEM; -EINVAL for one of another form
 * than the first, or too many: it is no part of the storyboard. */
int ph_manifest_add_sheet(
    struct ph_manifest *manifest, const struct ph_storyboard_sheet *sheet, struct ph_slice jpeg) PH_NODISCARD;
/* As it was read of a manifest. -ENOMEM, -EINVAL for too many. */
int ph_storyboard_push(struct ph_storyboard *storyboard, const struct ph_manifest_sheet *sheet) PH_NODISCARD;
/* Fills started_utc_us and duration_us from the segments. */
void ph_manifest_close(struct ph_manifest *manifest);

/* Bytes of all init segments and segments. */
uint64_t ph_manifest_media_bytes(const struct ph_manifest *manifest);

/* And of the MP4 and the pictures. */
uint64_t ph_manifest_total_bytes(const struct ph_manifest *manifest);

/* Of the largest rendition of which there is something; zeros without one. */
void ph_manifest_picture_size(const struct ph_manifest *manifest, uint32_t *width, uint32_t *height);

/* NULL when out of memory. */
struct ph_bytes *ph_manifest_to_json(const struct ph_manifest *manifest);
/* 0 and a manifest to finish; -ENOMEM, or -EINVAL with `error` naming what is wrong. */
int ph_manifest_from_json(
    struct ph_slice json, struct ph_manifest *manifest, struct ph_error *error) PH_NODISCARD;

/* WebVTT whose cues point into the sheets (storyboard-<n>.jpg#xywh=…), next to which it lies. NULL when out
 * of memory. */
struct ph_bytes *ph_storyboard_to_vtt(const struct ph_storyboard *storyboard, int64_t duration_us);

#endif
