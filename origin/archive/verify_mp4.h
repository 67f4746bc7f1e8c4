/* Whether a recording's MP4 has the bytes that its segments make. */
#ifndef PH_ORIGIN_ARCHIVE_VERIFY_MP4_H
#define PH_ORIGIN_ARCHIVE_VERIFY_MP4_H

#include <stdbool.h>

#include "core/store/store.h"

enum { PH_MP4_TITLE_BYTES = 512 };

/* Makes recordings/<id>/recording.mp4 again from the segments, which have to be right, and compares it with
 * the one that is there instead of writing it. 0, then `is_same`; else as ph_recorder_rebuild(). */
int ph_verify_mp4(struct ph_store *store, const char *id, bool *is_same) PH_NODISCARD;
/* The title that the MP4 in the store carries; "" when it has none, or is no MP4. As ph_store_get(). */
int ph_verify_mp4_title(struct ph_store *store, const char *id, char title[PH_MP4_TITLE_BYTES]) PH_NODISCARD;

#endif
