/* Boxes of ISO/IEC 14496-12 (section 4.2), as they are written: opened, filled, and closed when their size is
 * known. */
#ifndef PH_MEDIA_BOX_H
#define PH_MEDIA_BOX_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/builder.h"

/* `type` has four letters. Gives where the box begins, for ph_box_close(). */
size_t ph_box_open(struct ph_builder *builder, const char *type);
size_t ph_box_open_full(struct ph_builder *builder, const char *type, uint8_t version, uint32_t flags);
/* What was appended since is in the box. */
void ph_box_close(struct ph_builder *builder, size_t box);
/* The matrix of mvhd and tkhd that leaves the picture as it is. */
void ph_box_unity_matrix(struct ph_builder *builder);

#endif
