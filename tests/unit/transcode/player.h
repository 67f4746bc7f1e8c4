/* Plays a concatenation of init segment and parts with libavformat and libavcodec, which must not find a word
 * to say. */
#ifndef PH_TEST_PLAYER_H
#define PH_TEST_PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct played {
    int64_t first_pts, end_pts;
    uint32_t packets, keyframes, frames;
    int warnings;
    bool even; /* each packet begins where the one before ended */
    float *samples;
    size_t sample_count;
};

/* Before the first play. */
void player_watch_warnings(void);
/* `samples` is malloc'ed: the left channel. Aborts the test for a file that does not open. */
struct played player_play(struct ph_bytes *file);

#endif
