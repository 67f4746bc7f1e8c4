/* A growing block of bytes: text (playlists, metrics) and binary (boxes, messages).
 *
 * A failed allocation is remembered: later calls do nothing, and ph_builder_finish() reports it. So a writer
 * goes straight down and checks once. */
#ifndef PH_BASE_BUILDER_H
#define PH_BASE_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

struct ph_builder {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;
};

/* An embedded builder starts as {0} or by this call; ph_builder_discard() ends it. */
void ph_builder_init(struct ph_builder *builder);
/* Frees what was built; the builder is empty afterwards. */
void ph_builder_discard(struct ph_builder *builder);
/* Forgets what was built and keeps the memory. */
void ph_builder_clear(struct ph_builder *builder);

void ph_builder_u8(struct ph_builder *builder, uint8_t value);
void ph_builder_u16(struct ph_builder *builder, uint16_t value);
void ph_builder_u24(struct ph_builder *builder, uint32_t value);
void ph_builder_u32(struct ph_builder *builder, uint32_t value);
void ph_builder_u64(struct ph_builder *builder, uint64_t value);
void ph_builder_zeros(struct ph_builder *builder, size_t count);
void ph_builder_append(struct ph_builder *builder, const void *data, size_t size);
void ph_builder_text(struct ph_builder *builder, const char *text);
void ph_builder_format(struct ph_builder *builder, const char *format, ...) PH_PRINTF(2, 3);
/* Overwrites four bytes written earlier, for sizes that are known late. */
void ph_builder_patch_u32(struct ph_builder *builder, size_t offset, uint32_t value);

bool ph_builder_ok(const struct ph_builder *builder);
/* Gives the built bytes away and empties the builder. NULL when an allocation failed; then what was built is
 * freed. */
struct ph_bytes *ph_builder_finish(struct ph_builder *builder);
/* The same as a NUL-terminated malloc'ed string. */
char *ph_builder_finish_string(struct ph_builder *builder);

#endif
