#include "transcode/link_checkpoint.h"

#include <string.h>

#include "core/base/builder.h"
#include "core/base/cursor.h"

enum { version = 1 };

struct ph_bytes *ph_checkpoint_write(const struct ph_checkpoint *checkpoint) {
    struct ph_builder builder = {0};
    ph_builder_u8(&builder, version);
    ph_builder_u64(&builder, checkpoint->position.segment);
    ph_builder_u32(&builder, checkpoint->position.part);
    ph_builder_append(&builder, checkpoint->source_state.data, checkpoint->source_state.size);
    return ph_builder_finish(&builder);
}

int ph_checkpoint_read(struct ph_slice state, struct ph_checkpoint *checkpoint) {
    struct ph_cursor cursor = ph_cursor_init(state);
    uint8_t found = ph_cursor_u8(&cursor);
    checkpoint->position.segment = ph_cursor_u64(&cursor);
    checkpoint->position.part = ph_cursor_u32(&cursor);
    checkpoint->source_state = ph_cursor_rest(&cursor);
    bool in_range = checkpoint->position.segment < UINT64_C(1) << 53 && checkpoint->position.part < 1 << 20;
    return ph_cursor_ok(&cursor) && found == version && in_range ? 0 : PH_INVALID_DATA;
}

static void forget(struct ph_checkpoint_history *history, uint32_t at) {
    ph_bytes_unref(&history->kept[at].state);
    history->count--;
    memmove(&history->kept[at], &history->kept[at + 1], (history->count - at) * sizeof(history->kept[0]));
}

void ph_checkpoint_history_add(struct ph_checkpoint_history *history, struct ph_kept_checkpoint checkpoint) {
    if (history->count == PH_MOST_CHECKPOINTS) {
        for (uint32_t at = 1; at < history->count; at++)
            forget(history, at);
    }
    history->kept[history->count++] = checkpoint;
}

const struct ph_kept_checkpoint *ph_checkpoint_history_find(
    struct ph_checkpoint_history *history, struct ph_part_position position) {
    uint32_t good = 0;
    while (good < history->count && ph_part_position_compare(history->kept[good].position, position) <= 0)
        good++;
    if (!good)
        return NULL;
    for (; good > 1; good--)
        forget(history, 0);
    return &history->kept[0];
}

const struct ph_kept_checkpoint *ph_checkpoint_history_newest(const struct ph_checkpoint_history *history) {
    return history->count ? &history->kept[history->count - 1] : NULL;
}

void ph_checkpoint_history_finish(struct ph_checkpoint_history *history) {
    while (history->count)
        forget(history, history->count - 1);
}
