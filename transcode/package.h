/* Packaging: access units in, CMAF parts out, cut where the grid says. */
#ifndef PH_TRANSCODE_PACKAGE_H
#define PH_TRANSCODE_PACKAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/bytes.h"
#include "transcode/package_boxes.h"
#include "transcode/package_timing.h"

/* One part, ready to publish. Whoever holds it owns the reference on the body; ph_part_finish() drops it. */
struct ph_part {
    struct ph_part_position position;
    int64_t start_ticks;
    uint32_t duration_ticks;
    bool independent; /* starts with a sync sample */
    bool last_in_segment;
    int64_t arrival_us;    /* link time of the newest frame in it */
    struct ph_bytes *body; /* NULL: missing, published as a gap */
};
void ph_part_finish(struct ph_part *part);

enum { PH_MOST_SAMPLES = 512 };

/* Collects the samples of the open part. Embedded; starts with ph_packager_init(). Belongs to one thread. */
struct ph_packager {
    struct ph_track_timing timing;
    struct ph_builder payload;
    int64_t frames[PH_MOST_SAMPLES]; /* grid index of each sample */
    struct ph_sample samples[PH_MOST_SAMPLES];
    uint32_t count;
    int64_t arrival_us;
};
void ph_packager_init(struct ph_packager *packager, const struct ph_track_timing *timing);
void ph_packager_finish(struct ph_packager *packager);

/* Adds the sample of a grid frame; copies the bytes. Frames rise, and stay within one part until it is
 * closed. 0, -ENOMEM, -EINVAL for a frame that does not belong. */
int ph_packager_add(
    struct ph_packager *packager, int64_t frame, struct ph_slice bytes, bool sync) PH_NODISCARD;
/* Newest arrival among the frames of the open part, dropped ones included. */
void ph_packager_note_arrival(struct ph_packager *packager, int64_t arrival_us);
/* Closes the open part. Samples last until the one after them, the last until `end_frame`. `last` closes the
 * segment too, which a part at its segment's end does by itself. The part becomes the caller's. 0, -ENOMEM,
 * -ENODATA when no sample was added. */
int ph_packager_close(
    struct ph_packager *packager, int64_t end_frame, bool last, struct ph_part *part) PH_NODISCARD;

#endif
