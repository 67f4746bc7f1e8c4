#include "ingest/webrtc/sdp_text.h"

#include <string.h>
#include <strings.h>

static bool is_line_end(uint8_t byte) {
    return byte == '\r' || byte == '\n';
}

bool ph_sdp_line(struct ph_cursor *text, struct ph_slice *line) {
    while (ph_cursor_remaining(text) && is_line_end(*text->next))
        ph_cursor_skip(text, 1);
    size_t size = 0;
    while (size < ph_cursor_remaining(text) && !is_line_end(text->next[size]))
        size++;
    *line = ph_cursor_take(text, size);
    return size > 0;
}

struct ph_slice ph_sdp_until(struct ph_slice *rest, char separator) {
    if (!rest->size)
        return *rest;
    const uint8_t *found = memchr(rest->data, separator, rest->size);
    struct ph_slice part = {rest->data, found ? (size_t)(found - rest->data) : rest->size};
    size_t taken = part.size + (found ? 1 : 0);
    *rest = (struct ph_slice){rest->data + taken, rest->size - taken};
    return part;
}

struct ph_slice ph_sdp_word(struct ph_slice *rest) {
    struct ph_slice word = ph_sdp_until(rest, ' ');
    while (!word.size && rest->size)
        word = ph_sdp_until(rest, ' ');
    return word;
}

struct ph_slice ph_sdp_trim(struct ph_slice text) {
    while (text.size && text.data[0] == ' ')
        text = (struct ph_slice){text.data + 1, text.size - 1};
    while (text.size && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

bool ph_sdp_is(struct ph_slice text, const char *expected) {
    return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

bool ph_sdp_is_caseless(struct ph_slice text, const char *expected) {
    return text.size == strlen(expected) && strncasecmp((const char *)text.data, expected, text.size) == 0;
}

bool ph_sdp_starts(struct ph_slice text, const char *start) {
    size_t size = strlen(start);
    return text.size >= size && memcmp(text.data, start, size) == 0;
}

bool ph_sdp_number(struct ph_slice text, uint32_t most, uint32_t *number) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
        if (value > most)
            return false;
    }
    *number = (uint32_t)value;
    return text.size > 0;
}

bool ph_sdp_copy_token(struct ph_slice text, char *target, size_t target_bytes) {
    target[0] = '\0';
    if (!text.size || text.size >= target_bytes)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x21 || text.data[i] > 0x7E)
            return false;
    memcpy(target, text.data, text.size);
    target[text.size] = '\0';
    return true;
}

struct ph_slice ph_sdp_parameter(struct ph_slice fmtp, const char *name) {
    while (fmtp.size) {
        struct ph_slice value = ph_sdp_until(&fmtp, ';');
        struct ph_slice key = ph_sdp_trim(ph_sdp_until(&value, '='));
        if (ph_sdp_is_caseless(key, name))
            return ph_sdp_trim(value);
    }
    return fmtp;
}

bool ph_sdp_is_ice_text(struct ph_slice text) {
    for (size_t i = 0; i < text.size; i++) {
        uint8_t letter = text.data[i] | 0x20;
        bool fits = (letter >= 'a' && letter <= 'z' && text.data[i] >= 'A') ||
                    (text.data[i] >= '0' && text.data[i] <= '9') || text.data[i] == '+' ||
                    text.data[i] == '/';
        if (!fits)
            return false;
    }
    return text.size > 0;
}
