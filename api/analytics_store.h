/* Figures of sessions and their viewers, read from the database. */
#ifndef PH_API_ANALYTICS_STORE_H
#define PH_API_ANALYTICS_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/db/db.h"

enum {
    PH_MOST_SHARES = 64,    /* devices, browsers or countries */
    PH_MOST_TIMELINE = 120, /* spans */
    PH_SHARE_NAME_BYTES = 32,
    PH_LEAST_SPAN_MS = 60000,
};

/* What the figures are of: one session, or the sessions that were created within [from_ms, to_ms), of one
 * owner or of all (""). */
struct ph_analytics_scope {
    const char *session; /* NULL: the others count */
    const char *owner;
    int64_t from_ms, to_ms;
    int64_t now_ms; /* until when what goes on is counted */
};

/* How many viewers, by what they have in common. */
struct ph_share {
    char name[PH_SHARE_NAME_BYTES]; /* "" when it is not known */
    int64_t viewers;
};

/* The mean of those who told. */
struct ph_mean {
    int64_t count, sum;
};

/* How the watching went, of the viewers that told. */
struct ph_quality {
    int64_t viewers;
    int64_t stalls, stalled_ms; /* of all together; never more than they watched */
    int64_t watched_ms;         /* of those who told of their stalls */
    int64_t dropped_frames;
    struct ph_mean startup_ms, bitrate_kbps, latency_ms, throughput_kbps;
};

/* What origins sent. A cache in front of them sends more. */
struct ph_delivered {
    int64_t playlist_requests, playlist_bytes;
    int64_t media_requests, media_bytes;
    int64_t told, starved; /* of the requests for media: with what players tell; after a buffer ran dry */
    struct ph_mean bitrate_kbps, throughput_kbps;
};

struct ph_analytics {
    int64_t sessions, live_ms;
    int64_t viewers; /* times of watching */
    int64_t people;  /* a caller without a token counts each time */
    int64_t watched_ms;
    int64_t most_at_once; /* of one session */
    struct ph_quality quality;
    struct ph_delivered delivered;
    struct ph_share devices[PH_MOST_SHARES], browsers[PH_MOST_SHARES], countries[PH_MOST_SHARES];
    size_t device_count, browser_count, country_count;
};

/* How many watched within each span from a session's first media to its end. */
struct ph_timeline {
    int64_t begin_ms, span_ms;
    size_t count;
    int64_t viewers[PH_MOST_TIMELINE];
};

int ph_analytics_read(
    struct ph_db *db, const struct ph_analytics_scope *scope, struct ph_analytics *analytics) PH_NODISCARD;
/* `begin_ms` and `end_ms` are of the session. */
int ph_analytics_timeline(struct ph_db *db, const char *session, int64_t begin_ms, int64_t end_ms,
    struct ph_timeline *timeline) PH_NODISCARD;

#endif
