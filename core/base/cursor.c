#include "core/base/cursor.h"

struct ph_cursor ph_cursor_init(struct ph_slice slice) {
    static const uint8_t nothing;
    const uint8_t *start = slice.data ? slice.data : &nothing;
    return (struct ph_cursor){start, start + slice.size, false};
}

bool ph_cursor_ok(const struct ph_cursor *cursor) {
    return !cursor->failed;
}

size_t ph_cursor_remaining(const struct ph_cursor *cursor) {
    return (size_t)(cursor->end - cursor->next);
}

struct ph_slice ph_cursor_take(struct ph_cursor *cursor, size_t size) {
    if (cursor->failed || size > ph_cursor_remaining(cursor)) {
        cursor->failed = true;
        cursor->next = cursor->end;
        return (struct ph_slice){cursor->end, 0};
    }
    struct ph_slice slice = {cursor->next, size};
    cursor->next += size;
    return slice;
}

struct ph_slice ph_cursor_rest(struct ph_cursor *cursor) {
    return ph_cursor_take(cursor, ph_cursor_remaining(cursor));
}

void ph_cursor_skip(struct ph_cursor *cursor, size_t size) {
    (void)ph_cursor_take(cursor, size);
}

static uint64_t big_endian(struct ph_cursor *cursor, size_t size) {
    struct ph_slice slice = ph_cursor_take(cursor, size);
    uint64_t value = 0;
    for (size_t i = 0; i < slice.size; i++)
        value = value << 8 | slice.data[i];
    return value;
}

uint8_t ph_cursor_u8(struct ph_cursor *cursor) {
    return (uint8_t)big_endian(cursor, 1);
}

uint16_t ph_cursor_u16(struct ph_cursor *cursor) {
    return (uint16_t)big_endian(cursor, 2);
}

uint32_t ph_cursor_u24(struct ph_cursor *cursor) {
    return (uint32_t)big_endian(cursor, 3);
}

uint32_t ph_cursor_u32(struct ph_cursor *cursor) {
    return (uint32_t)big_endian(cursor, 4);
}

uint64_t ph_cursor_u64(struct ph_cursor *cursor) {
    return big_endian(cursor, 8);
}
