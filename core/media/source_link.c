#include "core/media/source_link.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/cursor.h"

enum { most_payload_bytes = PH_LINK_MOST_BYTES - PH_LINK_HEADER_BYTES, most_state_bytes = 64 * 1024 };

/* Later than any clock will show, and far from where sums of times overflow. */
static const int64_t most_time_us = INT64_C(1) << 60;

static bool type_known(uint8_t type) {
    return (type >= PH_LINK_HELLO && type <= PH_LINK_AUTH) ||
           (type >= PH_LINK_ACCEPT && type <= PH_LINK_AUTH_OK);
}

int ph_link_frame_parse(struct ph_slice input, struct ph_link_frame *frame, size_t *consumed) {
    *frame = (struct ph_link_frame){0};
    *consumed = 0;
    if (input.size < PH_LINK_HEADER_BYTES)
        return -EAGAIN;
    struct ph_cursor cursor = ph_cursor_init(input);
    uint32_t size = ph_cursor_u32(&cursor);
    uint8_t type = ph_cursor_u8(&cursor);
    if (size > most_payload_bytes || !type_known(type))
        return PH_INVALID_DATA;
    struct ph_slice payload = ph_cursor_take(&cursor, size);
    if (!ph_cursor_ok(&cursor))
        return -EAGAIN;
    frame->type = (enum ph_link_type)type;
    frame->payload = payload;
    *consumed = PH_LINK_HEADER_BYTES + (size_t)size;
    return 0;
}

static void header_write(struct ph_builder *builder, enum ph_link_type type, size_t size) {
    assert(size <= most_payload_bytes);
    ph_builder_u32(builder, (uint32_t)size);
    ph_builder_u8(builder, (uint8_t)type);
}

void ph_link_frame_write(
    struct ph_builder *builder, enum ph_link_type type, const void *payload, size_t size) {
    header_write(builder, type, size);
    ph_builder_append(builder, payload, size);
}

static int time_check(int64_t time_us) {
    return time_us < 0 || time_us > most_time_us ? PH_INVALID_DATA : 0;
}

void ph_link_entry_write(struct ph_builder *builder, const struct ph_link_entry *entry) {
    header_write(builder, entry->type, 16 + entry->bytes.size);
    ph_builder_u64(builder, entry->index);
    ph_builder_u64(builder, (uint64_t)entry->time_us);
    ph_builder_append(builder, entry->bytes.data, entry->bytes.size);
}

int ph_link_entry_parse(const struct ph_link_frame *frame, struct ph_link_entry *entry) {
    *entry = (struct ph_link_entry){0};
    if (frame->type != PH_LINK_CONNECTION && frame->type != PH_LINK_UNIT && frame->type != PH_LINK_GONE &&
        frame->type != PH_LINK_END)
        return PH_INVALID_DATA;
    struct ph_cursor cursor = ph_cursor_init(frame->payload);
    uint64_t index = ph_cursor_u64(&cursor);
    int64_t time_us = (int64_t)ph_cursor_u64(&cursor);
    struct ph_slice bytes = ph_cursor_rest(&cursor);
    if (!ph_cursor_ok(&cursor) || time_check(time_us) || (frame->type == PH_LINK_GONE && bytes.size))
        return PH_INVALID_DATA;
    *entry = (struct ph_link_entry){.type = frame->type, .index = index, .time_us = time_us, .bytes = bytes};
    return 0;
}

/* A payload that is one 64-bit number. */
static void number_write(struct ph_builder *builder, enum ph_link_type type, uint64_t value) {
    header_write(builder, type, 8);
    ph_builder_u64(builder, value);
}

static int number_parse(const struct ph_link_frame *frame, enum ph_link_type type, uint64_t *value) {
    *value = 0;
    if (frame->type != type || frame->payload.size != 8)
        return PH_INVALID_DATA;
    struct ph_cursor cursor = ph_cursor_init(frame->payload);
    *value = ph_cursor_u64(&cursor);
    return 0;
}

void ph_link_tick_write(struct ph_builder *builder, int64_t now_us) {
    number_write(builder, PH_LINK_TICK, (uint64_t)now_us);
}

int ph_link_tick_parse(const struct ph_link_frame *frame, int64_t *now_us) {
    uint64_t value;
    int code = number_parse(frame, PH_LINK_TICK, &value);
    *now_us = (int64_t)value;
    return code ? code : time_check(*now_us);
}

void ph_link_accept_write(struct ph_builder *builder, uint64_t replay_from) {
    number_write(builder, PH_LINK_ACCEPT, replay_from);
}

int ph_link_accept_parse(const struct ph_link_frame *frame, uint64_t *replay_from) {
    return number_parse(frame, PH_LINK_ACCEPT, replay_from);
}

static void checkpoint_write(struct ph_builder *builder, const struct ph_link_checkpoint *checkpoint) {
    assert(checkpoint->state.size <= most_state_bytes);
    ph_builder_u64(builder, checkpoint->replay_from);
    ph_builder_u32(builder, (uint32_t)checkpoint->state.size);
    ph_builder_append(builder, checkpoint->state.data, checkpoint->state.size);
}

static int checkpoint_parse(struct ph_cursor *cursor, struct ph_link_checkpoint *checkpoint) {
    checkpoint->replay_from = ph_cursor_u64(cursor);
    uint32_t size = ph_cursor_u32(cursor);
    if (size > most_state_bytes)
        return PH_INVALID_DATA;
    checkpoint->state = ph_cursor_take(cursor, size);
    return ph_cursor_ok(cursor) ? 0 : PH_INVALID_DATA;
}

void ph_link_ack_write(struct ph_builder *builder, const struct ph_link_ack *ack) {
    header_write(builder, PH_LINK_ACK, 24 + ack->durable.state.size + ack->published.state.size);
    checkpoint_write(builder, &ack->durable);
    checkpoint_write(builder, &ack->published);
}

int ph_link_ack_parse(const struct ph_link_frame *frame, struct ph_link_ack *ack) {
    *ack = (struct ph_link_ack){0};
    if (frame->type != PH_LINK_ACK)
        return PH_INVALID_DATA;
    struct ph_link_ack parsed = {0};
    struct ph_cursor cursor = ph_cursor_init(frame->payload);
    int code = checkpoint_parse(&cursor, &parsed.durable);
    if (!code)
        code = checkpoint_parse(&cursor, &parsed.published);
    if (code || ph_cursor_remaining(&cursor))
        return PH_INVALID_DATA;
    *ack = parsed;
    return 0;
}

void ph_link_auth_digest(struct ph_slice secret, const char *role, const uint8_t first[PH_LINK_NONCE_BYTES],
    const uint8_t second[PH_LINK_NONCE_BYTES], uint8_t digest[32]) {
    uint8_t message[16 + 2 * PH_LINK_NONCE_BYTES];
    size_t role_size = strlen(role);
    assert(role_size <= 16);
    memcpy(message, role, role_size);
    memcpy(message + role_size, first, PH_LINK_NONCE_BYTES);
    memcpy(message + role_size + PH_LINK_NONCE_BYTES, second, PH_LINK_NONCE_BYTES);
    unsigned char full[EVP_MAX_MD_SIZE];
    unsigned int full_size = 0;
    HMAC(EVP_sha256(), secret.data, (int)secret.size, message, role_size + 2 * PH_LINK_NONCE_BYTES, full,
        &full_size);
    memcpy(digest, full, 32);
}
