#include "core/base/bytes.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct ph_bytes {
    atomic_uint references;
    size_t size;
    uint8_t *data; /* points at `inline_data`, or at an adopted block */
    uint8_t inline_data[];
};

static struct ph_bytes *allocate(size_t inline_size) {
    if (inline_size > SIZE_MAX - sizeof(struct ph_bytes))
        return NULL;
    struct ph_bytes *bytes = malloc(sizeof(*bytes) + inline_size);
    if (!bytes)
        return NULL;
    atomic_init(&bytes->references, 1);
    bytes->size = inline_size;
    bytes->data = bytes->inline_data;
    return bytes;
}

struct ph_bytes *ph_bytes_create(size_t size) {
    return allocate(size);
}

struct ph_bytes *ph_bytes_copy(const void *source, size_t size) {
    struct ph_bytes *bytes = allocate(size);
    if (bytes && size)
        memcpy(bytes->data, source, size);
    return bytes;
}

struct ph_bytes *ph_bytes_adopt(void *block, size_t size) {
    struct ph_bytes *bytes = allocate(0);
    if (!bytes) {
        free(block);
        return NULL;
    }
    bytes->data = block;
    bytes->size = size;
    return bytes;
}

struct ph_bytes *ph_bytes_ref(struct ph_bytes *bytes) {
    if (bytes)
        atomic_fetch_add_explicit(&bytes->references, 1, memory_order_relaxed);
    return bytes;
}

void ph_bytes_unref(struct ph_bytes **pointer) {
    struct ph_bytes *bytes = *pointer;
    *pointer = NULL;
    if (!bytes || atomic_fetch_sub_explicit(&bytes->references, 1, memory_order_acq_rel) != 1)
        return;
    if (bytes->data != bytes->inline_data)
        free(bytes->data);
    free(bytes);
}

uint8_t *ph_bytes_writable(struct ph_bytes *bytes) {
    assert(atomic_load_explicit(&bytes->references, memory_order_relaxed) == 1);
    return bytes->data;
}

const uint8_t *ph_bytes_data(const struct ph_bytes *bytes) {
    return bytes->data;
}

size_t ph_bytes_size(const struct ph_bytes *bytes) {
    return bytes->size;
}

struct ph_slice ph_bytes_slice(const struct ph_bytes *bytes) {
    return (struct ph_slice){bytes->data, bytes->size};
}
