/* A session's folder as the spool leaves it, of example media: for tests of the archive. */
#ifndef PH_TESTS_SPOOL_FOLDER_H
#define PH_TESTS_SPOOL_FOLDER_H

#include "core/media/track.h"

/* With init segments, without others. What lies above it is made too. */
void spool_folder_make(const char *dir, const struct ph_publication *publication);
/* A segment as one part, and its line in the index. */
void spool_folder_add_segment(
    const char *dir, const struct ph_publication *publication, uint32_t track, uint64_t number);

#endif
