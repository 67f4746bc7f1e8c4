/* Reference-counted immutable bytes, and borrowed views of bytes.
 *
 * A ph_bytes is filled by its creator before a second reference exists; from then on it does not change.
 * References may be taken and dropped from any thread. */
#ifndef PH_BASE_BYTES_H
#define PH_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* A borrowed view: never owns, valid as long as what it points into. */
struct ph_slice {
    const uint8_t *data;
    size_t size;
};

struct ph_bytes;

/* New bytes of the given size, not initialised, with one reference that the caller owns. NULL when out of
 * memory. */
struct ph_bytes *ph_bytes_create(size_t size);
/* New bytes copied from `source`. NULL when out of memory. */
struct ph_bytes *ph_bytes_copy(const void *source, size_t size);
/* Takes over a malloc'ed block, on success and on failure: on failure (NULL) the block is freed. */
struct ph_bytes *ph_bytes_adopt(void *block, size_t size);
struct ph_bytes *ph_bytes_ref(struct ph_bytes *bytes);
/* Drops the reference and sets the pointer to NULL; NULL is fine. */
void ph_bytes_unref(struct ph_bytes **bytes);

/* For the creator only, before the first ph_bytes_ref. */
uint8_t *ph_bytes_writable(struct ph_bytes *bytes);
const uint8_t *ph_bytes_data(const struct ph_bytes *bytes);
size_t ph_bytes_size(const struct ph_bytes *bytes);
struct ph_slice ph_bytes_slice(const struct ph_bytes *bytes);

#endif
