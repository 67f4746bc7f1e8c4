/* Boxes of ISO/IEC 14496-12 (section 4.2), as they are written: opened, filled, and closed when their size is
 * known; and the head of one that is read. */
#ifndef PH_MEDIA_BOX_H
#define PH_MEDIA_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/cursor.h"

/* `type` has four letters. Gives where the box begins, for ph_box_close(). */
size_t ph_box_open(struct ph_builder *builder, const char *type);
size_t ph_box_open_full(struct ph_builder *builder, const char *type, uint8_t version, uint32_t flags);
/* What was appended since is in the box. */
void ph_box_close(struct ph_builder *builder, size_t box);
/* The matrix of mvhd and tkhd that leaves the picture as it is. */
void ph_box_unity_matrix(struct ph_builder *builder);

struct ph_box_head {
    char type[5];
    uint32_t bytes; /* of the head itself: 8 or 16 */
    uint64_t size;  /* of the box, its head included; 0: up to the end of what it is in */
};
/* False where there is no box: the head is cut short, or the size is less than its own. */
bool ph_box_head_read(struct ph_cursor *cursor, struct ph_box_head *head);

#endif
