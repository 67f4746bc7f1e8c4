/* A small origin for tests, on the real HTTP server: takes publications, keeps parts in order, forgets on
 * demand. */
#ifndef PH_TEST_ORIGIN_DOUBLE_H
#define PH_TEST_ORIGIN_DOUBLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/http/server.h"
#include "core/media/storyboard.h"
#include "core/media/track.h"

enum { ORIGIN_MOST_PARTS = 1024, ORIGIN_MOST_SHEETS = 16 };

struct origin_part {
    struct ph_part_position position;
    bool gap, independent, last;
    uint64_t start_ticks, duration_ticks;
    struct ph_bytes *body;
};

struct origin_track {
    char name[PH_TRACK_NAME_BYTES];
    struct ph_bytes *init;
    struct ph_part_position next;
    uint64_t durable_segment;
    uint32_t count; /* of parts, in the order of their places */
    struct origin_part parts[ORIGIN_MOST_PARTS];
};

struct origin_double {
    struct ph_http_server *server;
    struct ph_metrics *metrics;
    uint16_t port;
    char url[64];

    pthread_mutex_t lock; /* guards what follows */
    struct ph_publication publication;
    char *publication_text;
    bool known;
    bool ended;
    uint32_t announcements, questions, repeats, refusals, thumbnails;
    uint32_t sheet_count; /* of the storyboard, each once */
    struct ph_storyboard_sheet sheets[ORIGIN_MOST_SHEETS];
    unsigned answer_instead; /* a status for every part; 0: the true one */
    bool slow_disk;          /* closes a segment with 202: durability only in the standing */
    bool full_disk;          /* takes all, and nothing becomes durable: 507 for what closes a segment */
    uint32_t track_count;
    struct origin_track tracks[PH_MOST_TRACKS];
};

void origin_double_start(struct origin_double *origin, uint16_t port);
void origin_double_stop(struct origin_double *origin);
/* What a killed origin leaves: the durable segments. */
void origin_double_lose_memory(struct origin_double *origin);
void origin_double_forget_session(struct origin_double *origin);
struct origin_track *origin_double_track(struct origin_double *origin, const char *name);
/* Waits until the condition holds; false after twenty seconds. The condition is called under the lock. */
bool origin_double_wait(
    struct origin_double *origin, bool (*holds)(struct origin_double *origin, void *opaque), void *opaque);

#endif
