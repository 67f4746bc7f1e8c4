#include "tests/unit/ingest/webrtc/stun_writer.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include "core/base/cursor.h"

static size_t put(uint8_t *target, size_t at, unsigned type, const void *value, size_t size) {
    target[at] = (uint8_t)(type >> 8);
    target[at + 1] = (uint8_t)type;
    target[at + 2] = (uint8_t)(size >> 8);
    target[at + 3] = (uint8_t)size;
    memset(target + at + 4, 0, (size + 3) / 4 * 4);
    if (size)
        memcpy(target + at + 4, value, size);
    return at + 4 + (size + 3) / 4 * 4;
}

static void set_length(uint8_t *target, size_t size) {
    target[2] = (uint8_t)((size - 20) >> 8);
    target[3] = (uint8_t)(size - 20);
}

static size_t sign(uint8_t *target, size_t size, const char *password) {
    uint8_t signature[20];
    unsigned signature_size = sizeof(signature);
    set_length(target, size + 24);
    HMAC(EVP_sha1(), password, (int)strlen(password), target, size, signature, &signature_size);
    return put(target, size, 0x0008, signature, sizeof(signature));
}

static size_t fingerprint(uint8_t *target, size_t size) {
    set_length(target, size + 8);
    uint32_t sum = (uint32_t)crc32(0, target, (uInt)size) ^ 0x5354554eU;
    const uint8_t bytes[] = {(uint8_t)(sum >> 24), (uint8_t)(sum >> 16), (uint8_t)(sum >> 8), (uint8_t)sum};
    return put(target, size, 0x8028, bytes, sizeof(bytes));
}

size_t stun_check_write(uint8_t target[STUN_CHECK_MOST_BYTES], const struct stun_check *check) {
    static const uint8_t header[] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    static const uint8_t tie_breaker[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const uint8_t priority[] = {(uint8_t)(check->priority >> 24), (uint8_t)(check->priority >> 16),
        (uint8_t)(check->priority >> 8), (uint8_t)check->priority};
    memcpy(target, header, sizeof(header));
    memset(target + 8, check->transaction, PH_STUN_TRANSACTION_BYTES);
    size_t size = put(target, 20, 0x0006, check->username, strlen(check->username));
    if (!check->without_priority)
        size = put(target, size, 0x0024, priority, sizeof(priority));
    size = put(target, size, check->says_controlled ? 0x8029 : 0x802a, tie_breaker, sizeof(tie_breaker));
    if (check->use_candidate)
        size = put(target, size, 0x0025, NULL, 0);
    if (check->unknown)
        size = put(target, size, check->unknown, "what", 4);
    set_length(target, size);
    if (!check->without_integrity)
        size = sign(target, size, check->password);
    return check->without_fingerprint ? size : fingerprint(target, size);
}

/* The value of the first attribute of a type. */
static struct ph_slice find(struct ph_slice bytes, unsigned wanted) {
    struct ph_cursor cursor = ph_cursor_init(bytes);
    ph_cursor_skip(&cursor, 20);
    while (ph_cursor_ok(&cursor) && ph_cursor_remaining(&cursor)) {
        unsigned type = ph_cursor_u16(&cursor);
        size_t size = ph_cursor_u16(&cursor);
        struct ph_slice value = ph_cursor_take(&cursor, size);
        ph_cursor_skip(&cursor, -size & 3);
        if (type == wanted)
            return value;
    }
    return (struct ph_slice){0};
}

static void read_mapped(struct ph_slice bytes, struct ph_net_address *address) {
    struct ph_slice value = find(bytes, 0x0020);
    memset(address, 0, sizeof(*address));
    if (value.size != 8 && value.size != 20)
        return;
    size_t ip_bytes = value.size - 4;
    if (ip_bytes == 4)
        address->ip[10] = address->ip[11] = 0xff;
    address->port = (uint16_t)((value.data[2] << 8 | value.data[3]) ^ 0x2112);
    for (size_t i = 0; i < ip_bytes; i++)
        address->ip[16 - ip_bytes + i] = value.data[4 + i] ^ bytes.data[4 + i];
}

bool stun_answer_read(
    struct ph_slice bytes, uint8_t transaction, const char *password, struct stun_answer *answer) {
    struct ph_stun_message message;
    *answer = (struct stun_answer){0};
    if (ph_stun_parse(bytes, &message) || message.transaction[0] != transaction ||
        message.transaction[11] != transaction || !message.has_fingerprint ||
        !ph_stun_integrity_holds(&message, password))
        return false;
    answer->is_success = message.class == PH_STUN_SUCCESS;
    struct ph_slice error = find(bytes, 0x0009);
    if (error.size >= 4)
        answer->error_code = error.data[2] * 100U + error.data[3];
    read_mapped(bytes, &answer->mapped);
    return answer->is_success || message.class == PH_STUN_FAILURE;
}
