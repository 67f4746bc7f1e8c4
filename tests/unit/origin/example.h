/* A session for tests: 30 fps video and audio, parts of 0.2 s, three or ten in a segment. */
#ifndef PH_TEST_ORIGIN_EXAMPLE_H
#define PH_TEST_ORIGIN_EXAMPLE_H

#include "origin/session.h"

/* Track 0 is "v720" with timescale 30000, track 1 "audio" with 48000; t = 0 is 2026-01-02T03:04:05.678Z. */
struct ph_publication example_publication(uint32_t parts_per_segment);
/* A video part of 6000 ticks at its place on the grid, whose bytes are "<segment>.<part>;". NULL when out of
 * memory. */
struct ph_part *example_part(
    const struct ph_publication *publication, uint64_t segment, uint32_t part, bool gap);
/* Metrics that live as long as the program. */
struct ph_origin_metrics *example_metrics(void);
/* A folder of its own under /tmp, and its end. */
void example_make_dir(char dir[64]);
void example_remove_dir(const char *dir);

#endif
