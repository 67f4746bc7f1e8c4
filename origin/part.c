#include "origin/part.h"

#include <stdlib.h>
#include <zlib.h>

#include "origin/caching.h"

struct ph_part *ph_part_create(
    const struct ph_part_head *head, enum ph_track_kind kind, struct ph_bytes *bytes, bool is_private) {
    struct ph_part *part = calloc(1, sizeof(*part));
    if (!part)
        return NULL;
    part->references = 1;
    part->head = *head;
    part->bytes = ph_bytes_ref(bytes);
    part->crc32 = (uint32_t)crc32_z(0, ph_bytes_data(bytes), ph_bytes_size(bytes));
    if (head->gap)
        return part;
    part->response = ph_caching_media(ph_http_response_from_bytes(200, ph_caching_media_type(kind), bytes),
        part->crc32, ph_bytes_size(bytes), is_private);
    if (!part->response)
        ph_part_unref(&part);
    return part;
}

struct ph_part *ph_part_ref(struct ph_part *part) {
    __atomic_add_fetch(&part->references, 1, __ATOMIC_RELAXED);
    return part;
}

void ph_part_unref(struct ph_part **link) {
    struct ph_part *part = *link;
    *link = NULL;
    if (!part || __atomic_sub_fetch(&part->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    ph_http_response_unref(&part->response);
    ph_bytes_unref(&part->bytes);
    free(part);
}
