/* A bounded reader: every byte from outside passes one, so that a parser reads like its wire format.
 *
 * Reading past the end returns zero and marks the cursor as failed; check once at the end with
 * ph_cursor_ok(). Numbers are big-endian unless the name says otherwise. */
#ifndef PH_BASE_CURSOR_H
#define PH_BASE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct ph_cursor {
    const uint8_t *next;
    const uint8_t *end;
    bool failed;
};

struct ph_cursor ph_cursor_init(struct ph_slice slice);
bool ph_cursor_ok(const struct ph_cursor *cursor);
size_t ph_cursor_remaining(const struct ph_cursor *cursor);
uint8_t ph_cursor_u8(struct ph_cursor *cursor);
uint16_t ph_cursor_u16(struct ph_cursor *cursor);
uint32_t ph_cursor_u24(struct ph_cursor *cursor);
uint32_t ph_cursor_u32(struct ph_cursor *cursor);
uint64_t ph_cursor_u64(struct ph_cursor *cursor);
/* A view of the next `size` bytes; an empty one, and failure, when there are fewer. */
struct ph_slice ph_cursor_take(struct ph_cursor *cursor, size_t size);
/* Everything that is left. */
struct ph_slice ph_cursor_rest(struct ph_cursor *cursor);
void ph_cursor_skip(struct ph_cursor *cursor, size_t size);

#endif
