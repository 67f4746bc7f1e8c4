/* The spool's index: one line of text for each part written, appended to <track>/index.
 *
 *   segment part bytes start duration flags check\n
 *
 * Numbers are decimal. `flags` is any of i (independent), l (last in its segment), g (gap), or "-". `check`
 * is CRC-32 in eight hex digits over the part's bytes followed by the line up to it: a torn line or a torn
 * part does not match. Pure. */
#ifndef PH_ORIGIN_SPOOL_INDEX_H
#define PH_ORIGIN_SPOOL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/error.h"
#include "origin/part.h"

enum { PH_SPOOL_LINE_BYTES = 160 };

struct ph_spool_record {
    struct ph_part_head head;
    uint64_t bytes;
    uint32_t check;
    uint32_t prefix_bytes; /* of the line, the part that `check` covers */
};

/* Appends the line of a part whose bytes have this CRC-32. */
void ph_spool_record_write(
    struct ph_builder *builder, const struct ph_part_head *head, uint64_t bytes, uint32_t crc32);
/* Reads the first line of the text and says how long it is, newline included. PH_INVALID_DATA when it is torn
 * or no line of an index. */
int ph_spool_record_parse(
    struct ph_slice text, struct ph_spool_record *record, size_t *consumed) PH_NODISCARD;
/* What `check` must be for the line at `text`, when the part's bytes have this CRC-32. */
uint32_t ph_spool_record_check(struct ph_slice text, const struct ph_spool_record *record, uint32_t crc32);

#endif
