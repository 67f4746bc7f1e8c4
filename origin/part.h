/* A published part: immutable, reference-counted, from any thread. */
#ifndef PH_ORIGIN_PART_H
#define PH_ORIGIN_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/http/response.h"
#include "core/media/track.h"

/* What the publisher says about a part. */
struct ph_part_head {
    struct ph_part_position position;
    int64_t start_ticks; /* since t = 0 */
    uint32_t duration_ticks;
    bool independent;
    bool last; /* closes its segment */
    bool gap;  /* missing: no bytes */
};

struct ph_part {
    struct ph_part_head head;
    uint32_t crc32;
    struct ph_bytes *bytes;            /* never NULL; empty for a gap */
    struct ph_http_response *response; /* what a viewer gets; NULL for a gap */
    uint32_t references;               /* atomic */
};

/* Borrows `bytes` (takes a reference). `is_private`: of a private session. NULL when out of memory. */
struct ph_part *ph_part_create(
    const struct ph_part_head *head, enum ph_track_kind kind, struct ph_bytes *bytes, bool is_private);
struct ph_part *ph_part_ref(struct ph_part *part);
/* Drops the reference and sets the pointer to NULL; NULL is fine. */
void ph_part_unref(struct ph_part **part);

#endif
