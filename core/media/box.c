#include "core/media/box.h"

#include <string.h>

size_t ph_box_open(struct ph_builder *builder, const char *type) {
    size_t box = builder->size;
    ph_builder_u32(builder, 0);
    ph_builder_append(builder, type, 4);
    return box;
}

size_t ph_box_open_full(struct ph_builder *builder, const char *type, uint8_t version, uint32_t flags) {
    size_t box = ph_box_open(builder, type);
    ph_builder_u8(builder, version);
    ph_builder_u24(builder, flags);
    return box;
}

void ph_box_close(struct ph_builder *builder, size_t box) {
    if (ph_builder_ok(builder))
        ph_builder_patch_u32(builder, box, (uint32_t)(builder->size - box));
}

void ph_box_unity_matrix(struct ph_builder *builder) {
    static const uint32_t unity[] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (size_t i = 0; i < sizeof(unity) / sizeof(unity[0]); i++)
        ph_builder_u32(builder, unity[i]);
}

bool ph_box_head_read(struct ph_cursor *cursor, struct ph_box_head *head) {
    *head = (struct ph_box_head){.bytes = 8, .size = ph_cursor_u32(cursor)};
    struct ph_slice type = ph_cursor_take(cursor, 4);
    if (head->size == 1) {
        head->size = ph_cursor_u64(cursor);
        head->bytes = 16;
    }
    if (!ph_cursor_ok(cursor) || (head->bytes == 8 ? head->size && head->size < 8 : head->size < 16))
        return false;
    memcpy(head->type, type.data, type.size);
    return true;
}
