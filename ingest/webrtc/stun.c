#include "ingest/webrtc/stun.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include "core/base/cursor.h"

enum {
    header_bytes = 20,
    attribute_header_bytes = 4,
    integrity_bytes = 20,
    fingerprint_bytes = 4,
    cookie = 0x2112a442,
    fingerprint_mask = 0x5354554e,
    first_optional_attribute = 0x8000,
};

enum attribute {
    USERNAME = 0x0006,
    MESSAGE_INTEGRITY = 0x0008,
    ERROR_CODE = 0x0009,
    UNKNOWN_ATTRIBUTES = 0x000a,
    MESSAGE_INTEGRITY_SHA256 = 0x001c,
    XOR_MAPPED_ADDRESS = 0x0020,
    PRIORITY = 0x0024,
    USE_CANDIDATE = 0x0025,
    FINGERPRINT = 0x8028,
    ICE_CONTROLLED = 0x8029,
    ICE_CONTROLLING = 0x802a,
};

bool ph_stun_is_message(struct ph_slice bytes) {
    static const uint8_t magic[] = {0x21, 0x12, 0xa4, 0x42};
    return bytes.size >= header_bytes && bytes.data[0] < 4 && memcmp(bytes.data + 4, magic, 4) == 0;
}

/* The two bits of the class lie between those of the method (RFC 8489 section 5). */
static void read_type(uint16_t type, struct ph_stun_message *message) {
    message->class = (enum ph_stun_class)((type >> 4 & 1) | (type >> 7 & 2));
    message->method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
}

static uint32_t fingerprint_of(const uint8_t *bytes, size_t size) {
    return (uint32_t)crc32(crc32(0, NULL, 0), bytes, (uInt)size) ^ (uint32_t)fingerprint_mask;
}

static int read_role(struct ph_stun_message *message, enum ph_stun_role role, struct ph_slice value) {
    struct ph_cursor cursor = ph_cursor_init(value);
    message->role = role;
    message->tie_breaker = ph_cursor_u64(&cursor);
    return ph_cursor_ok(&cursor) && value.size == 8 ? 0 : PH_INVALID_DATA;
}

static int read_priority(struct ph_stun_message *message, struct ph_slice value) {
    struct ph_cursor cursor = ph_cursor_init(value);
    message->priority = ph_cursor_u32(&cursor);
    return ph_cursor_ok(&cursor) && value.size == 4 ? 0 : PH_INVALID_DATA;
}

static int read_attribute(struct ph_stun_message *message, uint16_t type, struct ph_slice value) {
    switch (type) {
    case USERNAME:
        message->username = value;
        return 0;
    case PRIORITY:
        return read_priority(message, value);
    case USE_CANDIDATE:
        message->use_candidate = true;
        return value.size == 0 ? 0 : PH_INVALID_DATA;
    case ICE_CONTROLLED:
        return read_role(message, PH_STUN_ROLE_CONTROLLED, value);
    case ICE_CONTROLLING:
        return read_role(message, PH_STUN_ROLE_CONTROLLING, value);
    case ERROR_CODE:
    case UNKNOWN_ATTRIBUTES:
    case XOR_MAPPED_ADDRESS:
    case MESSAGE_INTEGRITY_SHA256:
        return 0;
    default:
        if (type < first_optional_attribute && message->unknown_count < PH_STUN_MOST_UNKNOWN)
            message->unknown[message->unknown_count++] = type;
        return 0;
    }
}

/* What follows MESSAGE-INTEGRITY counts for nothing, but FINGERPRINT, which is the last. */
static int read_tail(struct ph_stun_message *message, uint16_t type, struct ph_slice value,
    struct ph_slice whole, size_t left) {
    size_t start = (size_t)(value.data - whole.data) - attribute_header_bytes;
    if (type == MESSAGE_INTEGRITY && !message->integrity) {
        if (value.size != integrity_bytes)
            return PH_INVALID_DATA;
        message->signed_part = (struct ph_slice){whole.data, start};
        message->integrity = value.data;
        return 0;
    }
    if (type != FINGERPRINT)
        return message->integrity ? 0 : read_attribute(message, type, value);
    if (value.size != fingerprint_bytes || left)
        return PH_INVALID_DATA;
    struct ph_cursor cursor = ph_cursor_init(value);
    message->has_fingerprint = ph_cursor_u32(&cursor) == fingerprint_of(whole.data, start);
    return message->has_fingerprint ? 0 : PH_INVALID_DATA;
}

int ph_stun_parse(struct ph_slice bytes, struct ph_stun_message *message) {
    *message = (struct ph_stun_message){0};
    if (!ph_stun_is_message(bytes) || bytes.size > PH_STUN_MOST_BYTES)
        return PH_INVALID_DATA;
    struct ph_cursor cursor = ph_cursor_init(bytes);
    read_type(ph_cursor_u16(&cursor), message);
    size_t size = ph_cursor_u16(&cursor);
    ph_cursor_skip(&cursor, 4);
    memcpy(message->transaction, cursor.next, PH_STUN_TRANSACTION_BYTES);
    ph_cursor_skip(&cursor, PH_STUN_TRANSACTION_BYTES);
    if (size % 4 || size != ph_cursor_remaining(&cursor))
        return PH_INVALID_DATA;
    while (ph_cursor_remaining(&cursor)) {
        uint16_t type = ph_cursor_u16(&cursor);
        size_t value_size = ph_cursor_u16(&cursor);
        struct ph_slice value = ph_cursor_take(&cursor, value_size);
        ph_cursor_skip(&cursor, -value_size & 3);
        if (!ph_cursor_ok(&cursor))
            return PH_INVALID_DATA;
        int code = read_tail(message, type, value, bytes, ph_cursor_remaining(&cursor));
        if (code)
            return code;
    }
    return 0;
}

/* HMAC-SHA1 over a message whose length field says that MESSAGE-INTEGRITY is its last attribute. */
static bool sign(const uint8_t *bytes, size_t size, const char *password, uint8_t target[integrity_bytes]) {
    uint8_t copy[PH_STUN_MOST_BYTES];
    unsigned target_size = integrity_bytes;
    memcpy(copy, bytes, size);
    size_t length = size - header_bytes + attribute_header_bytes + integrity_bytes;
    copy[2] = (uint8_t)(length >> 8);
    copy[3] = (uint8_t)length;
    return HMAC(EVP_sha1(), password, (int)strlen(password), copy, size, target, &target_size) != NULL;
}

bool ph_stun_integrity_holds(const struct ph_stun_message *message, const char *password) {
    uint8_t expected[integrity_bytes];
    return message->integrity &&
           sign(message->signed_part.data, message->signed_part.size, password, expected) &&
           CRYPTO_memcmp(expected, message->integrity, integrity_bytes) == 0;
}

/* An answer being written; its room was computed, so it cannot overflow. */
struct writer {
    uint8_t *bytes;
    size_t size;
};

static void put_u16(struct writer *writer, unsigned value) {
    writer->bytes[writer->size++] = (uint8_t)(value >> 8);
    writer->bytes[writer->size++] = (uint8_t)value;
}

static void put_u32(struct writer *writer, uint32_t value) {
    put_u16(writer, value >> 16);
    put_u16(writer, value & 0xffff);
}

static void put_header(struct writer *writer, const struct ph_stun_message *request, unsigned type) {
    put_u16(writer, type);
    put_u16(writer, 0);
    put_u32(writer, cookie);
    memcpy(writer->bytes + writer->size, request->transaction, PH_STUN_TRANSACTION_BYTES);
    writer->size += PH_STUN_TRANSACTION_BYTES;
}

static void set_length(const struct writer *writer, size_t size) {
    writer->bytes[2] = (uint8_t)((size - header_bytes) >> 8);
    writer->bytes[3] = (uint8_t)(size - header_bytes);
}

/* MESSAGE-INTEGRITY and FINGERPRINT. The whole size, 0 when it could not be signed. */
static size_t finish(struct writer *writer, const char *password) {
    uint8_t signature[integrity_bytes];
    if (!sign(writer->bytes, writer->size, password, signature))
        return 0;
    put_u16(writer, MESSAGE_INTEGRITY);
    put_u16(writer, integrity_bytes);
    memcpy(writer->bytes + writer->size, signature, integrity_bytes);
    writer->size += integrity_bytes;
    set_length(writer, writer->size + attribute_header_bytes + fingerprint_bytes);
    uint32_t fingerprint = fingerprint_of(writer->bytes, writer->size);
    put_u16(writer, FINGERPRINT);
    put_u16(writer, fingerprint_bytes);
    put_u32(writer, fingerprint);
    return writer->size;
}

size_t ph_stun_write_success(uint8_t target[PH_STUN_MOST_ANSWER_BYTES], const struct ph_stun_message *request,
    const struct ph_net_address *mapped, const char *password) {
    struct writer writer = {.bytes = target};
    bool is_v4 = ph_net_address_is_v4(mapped);
    size_t ip_bytes = is_v4 ? 4 : 16;
    put_header(&writer, request, 0x0101);
    put_u16(&writer, XOR_MAPPED_ADDRESS);
    put_u16(&writer, (unsigned)(4 + ip_bytes));
    put_u16(&writer, is_v4 ? 1 : 2);
    put_u16(&writer, mapped->port ^ 0x2112U);
    for (size_t i = 0; i < ip_bytes; i++) /* the mask is the cookie, then the transaction */
        target[writer.size++] = mapped->ip[16 - ip_bytes + i] ^ target[4 + i];
    return finish(&writer, password);
}

size_t ph_stun_write_failure(uint8_t target[PH_STUN_MOST_ANSWER_BYTES], const struct ph_stun_message *request,
    unsigned code, const char *password) {
    struct writer writer = {.bytes = target};
    memset(target, 0, PH_STUN_MOST_ANSWER_BYTES);
    put_header(&writer, request, 0x0111);
    put_u16(&writer, ERROR_CODE);
    put_u16(&writer, 4);
    put_u16(&writer, 0);
    put_u16(&writer, code / 100 << 8 | code % 100);
    if (code == PH_STUN_UNKNOWN_ATTRIBUTE) {
        put_u16(&writer, UNKNOWN_ATTRIBUTES);
        put_u16(&writer, (unsigned)(2 * request->unknown_count));
        for (size_t i = 0; i < request->unknown_count; i++)
            put_u16(&writer, request->unknown[i]);
        if (request->unknown_count % 2)
            put_u16(&writer, 0);
    }
    return finish(&writer, password);
}
