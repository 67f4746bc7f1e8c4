#include "api/base64url.h"

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int ph_base64url_decode(const char *text, size_t size, uint8_t *target, size_t target_bytes) {
    uint32_t bits = 0;
    unsigned count = 0;
    size_t written = 0;
    if (size % 4 == 1)
        return -EINVAL;
    if (size / 4 * 3 + size % 4 * 3 / 4 > target_bytes)
        return -ENOSPC;
    for (size_t i = 0; i < size; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return -EINVAL;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            target[written++] = (uint8_t)(bits >> count);
        }
    }
    return (int)written;
}
