/* Everything behind the grid: renditions, audio, packaging, publishing. One struct ph_grid_sink that becomes
 * a publication as soon as the source is described.
 *
 * Lifetime: create → (the source calls the sink) → finish or abandon → source destroyed → destroy. */
#ifndef PH_TRANSCODE_LINK_OUTPUT_H
#define PH_TRANSCODE_LINK_OUTPUT_H

#include "core/media/source_link.h"
#include "transcode/effort.h"
#include "transcode/encode_video.h"
#include "transcode/link_clock.h"
#include "transcode/link_resume.h"
#include "transcode/publisher.h"
#include "transcode/source.h"

/* What the output tells the session; called from its threads. */
struct ph_output_listener {
    void (*ended)(void *opaque);
    void (*failed)(void *opaque, const struct ph_link_reason *reason);
    void (*want_keyframe)(void *opaque);
    void *opaque;
};

struct ph_output_options {
    const struct ph_link_hello *hello; /* borrowed, as all that follow */
    const struct ph_ladder *ladder;
    const struct ph_resume *resume;
    struct ph_link_clock *clock;
    struct ph_output_listener listener;
    int effort;
    int64_t drop_after_us;
    /* No part is given up: who encodes waits for an origin that is behind, and fails when it stays away. */
    bool waits_for_origins;
};

struct ph_output;

int ph_output_create(struct ph_output **output, const struct ph_output_options *options) PH_NODISCARD;
struct ph_grid_sink *ph_output_sink(struct ph_output *output);
/* After the sink's `end`: publishes what is left, then ends the session at every origin. 0, or -ETIMEDOUT
 * when no origin had everything by the deadline. */
int ph_output_finish(struct ph_output *output, int64_t deadline_us) PH_NODISCARD;
/* From any thread: gives up what is queued, and unblocks the source. */
void ph_output_abandon(struct ph_output *output);
/* After the source is gone. NULL is fine. */
void ph_output_destroy(struct ph_output *output);

void ph_output_set_effort(struct ph_output *output, int level, int64_t drop_after_us);

struct ph_output_figures {
    bool started; /* the rest is filled once it has */
    struct ph_grid_plan grid;
    uint32_t renditions;
    struct ph_video_figures video[PH_MOST_RENDITIONS];
    int64_t published_delay_us; /* link time to now of the newest picture published */
    /* Over all tracks: the first parts that are not yet published, or not yet durable. */
    struct ph_part_position published, durable;
    bool ended; /* every origin says that the session is over */
    bool lost;  /* an origin lacks parts that only a replay can bring */
};
void ph_output_read(struct ph_output *output, struct ph_output_figures *figures);

#endif
