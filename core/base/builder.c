#include "core/base/builder.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ph_builder_init(struct ph_builder *builder) {
    *builder = (struct ph_builder){0};
}

void ph_builder_discard(struct ph_builder *builder) {
    free(builder->data);
    ph_builder_init(builder);
}

void ph_builder_clear(struct ph_builder *builder) {
    builder->size = 0;
    builder->failed = false;
}

/* Room for `size` more bytes, or NULL once an allocation has failed. */
static uint8_t *reserve(struct ph_builder *builder, size_t size) {
    if (builder->failed)
        return NULL;
    if (size > SIZE_MAX / 4 - builder->size) {
        builder->failed = true;
        return NULL;
    }
    size_t needed = builder->size + size;
    if (needed > builder->capacity) {
        size_t capacity = builder->capacity ? builder->capacity : 256;
        while (capacity < needed)
            capacity *= 2;
        uint8_t *data = realloc(builder->data, capacity);
        if (!data) {
            builder->failed = true;
            return NULL;
        }
        builder->data = data;
        builder->capacity = capacity;
    }
    return builder->data + builder->size;
}

void ph_builder_append(struct ph_builder *builder, const void *data, size_t size) {
    uint8_t *target = size ? reserve(builder, size) : NULL;
    if (!target)
        return;
    memcpy(target, data, size);
    builder->size += size;
}

void ph_builder_zeros(struct ph_builder *builder, size_t count) {
    uint8_t *target = count ? reserve(builder, count) : NULL;
    if (!target)
        return;
    memset(target, 0, count);
    builder->size += count;
}

static void put_big_endian(struct ph_builder *builder, uint64_t value, int size) {
    uint8_t bytes[8];
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    ph_builder_append(builder, bytes, (size_t)size);
}

void ph_builder_u8(struct ph_builder *builder, uint8_t value) {
    put_big_endian(builder, value, 1);
}

void ph_builder_u16(struct ph_builder *builder, uint16_t value) {
    put_big_endian(builder, value, 2);
}

void ph_builder_u24(struct ph_builder *builder, uint32_t value) {
    put_big_endian(builder, value, 3);
}

void ph_builder_u32(struct ph_builder *builder, uint32_t value) {
    put_big_endian(builder, value, 4);
}

void ph_builder_u64(struct ph_builder *builder, uint64_t value) {
    put_big_endian(builder, value, 8);
}

void ph_builder_text(struct ph_builder *builder, const char *text) {
    ph_builder_append(builder, text, strlen(text));
}

void ph_builder_format(struct ph_builder *builder, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) {
        builder->failed = true;
        return;
    }
    uint8_t *target = reserve(builder, (size_t)size + 1);
    if (!target)
        return;
    va_start(arguments, format);
    vsnprintf((char *)target, (size_t)size + 1, format, arguments);
    va_end(arguments);
    builder->size += (size_t)size;
}

void ph_builder_patch_u32(struct ph_builder *builder, size_t offset, uint32_t value) {
    if (builder->failed)
        return;
    assert(offset + 4 <= builder->size);
    for (size_t i = 0; i < 4; i++)
        builder->data[offset + i] = (uint8_t)(value >> (8 * (3 - i)));
}

bool ph_builder_ok(const struct ph_builder *builder) {
    return !builder->failed;
}

struct ph_bytes *ph_builder_finish(struct ph_builder *builder) {
    if (builder->failed) {
        ph_builder_discard(builder);
        return NULL;
    }
    void *block = builder->data;
    size_t size = builder->size;
    ph_builder_init(builder);
    return block ? ph_bytes_adopt(block, size) : ph_bytes_create(0);
}

char *ph_builder_finish_string(struct ph_builder *builder) {
    ph_builder_u8(builder, 0);
    if (builder->failed) {
        ph_builder_discard(builder);
        return NULL;
    }
    char *text = (char *)builder->data;
    ph_builder_init(builder);
    return text;
}
