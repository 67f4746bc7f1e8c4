/* Effort: how hard the encoders try. A pure controller that holds real time with headroom.
 *
 * Levels, lowest to highest; none touches SPS or PPS. CABAC, one reference and no weighting are common to
 * all. x264 moves between levels 1 to 5 from one picture to the next; level 0 is entered and left at an IDR,
 * by a new encoder, because it does without what x264 settles when it opens. Cost is encoding time against
 * level 2 (x264's superfast), measured on 1080p30 high motion: a zoom into the Mandelbrot set, scrolling
 * `life` with grain.
 *
 *   level  motion search  subme  partitions                    without                             cost like
 * x264's 0    diamond        0      none                          deblocking, adaptive quantisation   0.65
 * ultrafast 1    diamond        1      none                          deblocking                          0.86
 *     2    diamond        1      i8x8, i4x4, 8x8 transform                                         1.00
 * superfast 3    hexagon        2      i8x8, i4x4, 8x8 transform                                         1.32
 *     4    hexagon        2      and p8x8                                                          1.60
 * veryfast 5    hexagon        4      and p8x8, trellis 1                                               2.25
 * faster
 */
#ifndef PH_TRANSCODE_EFFORT_H
#define PH_TRANSCODE_EFFORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

enum { PH_EFFORT_LOWEST = 0, PH_EFFORT_START = 2, PH_EFFORT_HIGHEST = 5 };

/* The level nearest to an x264 preset's name; -1 for "auto"; -EINVAL for any other name. */
int ph_effort_of_preset(const char *preset, int *level) PH_NODISCARD;

/* What was measured since the last update. */
struct ph_effort_load {
    double busiest;         /* share of the time that the busiest rendition's thread worked */
    double cpu;             /* share of all cores' time that the process used */
    int64_t queue_delay_us; /* longest wait of a frame between grid and encoder */
    int64_t delay_us;       /* longest way of a frame from the ingest node to its encoder */
};

struct ph_effort {
    int level;
    int decode_skip;       /* for ph_source_set_decode_effort() */
    int64_t drop_after_us; /* frames later than this are not encoded */

    bool fixed;
    double pressure; /* smoothed; 1.0 is all there is */
    int64_t changed_us, updated_us;
    int64_t hold_us;  /* how long to stay before trying a higher level */
    bool raised_last; /* the last change was a raise, not yet proven */
};

/* `level` -1 begins at PH_EFFORT_START and moves; any other stays. */
void ph_effort_init(struct ph_effort *effort, int level, int64_t now_us);
/* To be called about four times a second. */
void ph_effort_update(struct ph_effort *effort, const struct ph_effort_load *load, int64_t now_us);

/* How late a frame is: its way from the ingest node to its encoder, beside that of the part before, up to
 * when it was sent. PH_NO_DELAY_US: not known, so that nothing is dropped for it. */
struct ph_frame_lateness {
    int64_t delay_us;
    int64_t part_before_us;
    bool first_of_part;
};
#define PH_NO_DELAY_US INT64_MAX

/* What becomes of a frame. The first frame of a part is never dropped, so that every part has a sample; far
 * behind, the picture before is encoded again in its stead, which costs next to nothing. The delay grows by
 * little from one part to the next where that of the part before is given, so that parts keep coming at their
 * pace while frames are dropped: for the lowest effort, as others have something better to give. */
enum ph_effort_verdict { PH_EFFORT_ENCODE, PH_EFFORT_REPEAT, PH_EFFORT_DROP };
enum ph_effort_verdict ph_effort_judge(int64_t drop_after_us, const struct ph_frame_lateness *lateness);

#endif
