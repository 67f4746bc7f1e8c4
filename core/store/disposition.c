#include "core/store/disposition.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { most_name_bytes = 240, most_ending_bytes = 12 };

static bool is_continuation(char c) {
    return ((uint8_t)c & 0xc0) == 0x80;
}

/* How many bytes the character at `text` has; 0 when it is no UTF-8 (RFC 3629) or a control character. */
static size_t character_at(const char *text) {
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0x20}, {0xe0, 0xc0, 0xa0}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    uint8_t first = (uint8_t)*text;
    for (size_t size = 1; size <= 4; size++) {
        if ((first & forms[size - 1].mask) != forms[size - 1].lead)
            continue;
        uint32_t code = first & (uint8_t)~forms[size - 1].mask;
        for (size_t i = 1; i < size; i++) {
            if (!is_continuation(text[i]))
                return 0;
            code = code << 6 | ((uint8_t)text[i] & 0x3f);
        }
        bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
        return code < forms[size - 1].least || code > 0x10ffff || is_surrogate || code == 0x7f ? 0 : size;
    }
    return 0;
}

/* The name with nothing in it that a file's name must not have. */
static void clean(const char *filename, char *name, size_t name_bytes) {
    size_t used = 0;
    while (*filename && used + 5 < name_bytes) {
        size_t size = character_at(filename);
        bool is_kept = size > 0 && !strchr("/\\:*?<>|", *filename);
        if (is_kept)
            memcpy(name + used, filename, size);
        else
            name[used] = '_';
        used += is_kept ? size : 1;
        filename += size ? size : 1;
    }
    name[used] = '\0';
}

static void shorten(char *name) {
    size_t size = strlen(name);
    if (size <= most_name_bytes)
        return;
    const char *dot = strrchr(name, '.');
    size_t ending = dot ? size - (size_t)(dot - name) : 0;
    if (ending > most_ending_bytes)
        ending = 0;
    size_t kept = most_name_bytes - ending;
    while (kept > 0 && is_continuation(name[kept]))
        kept--;
    memmove(name + kept, name + size - ending, ending + 1);
}

/* token characters (RFC 9110) that RFC 8187 leaves as they are. */
static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$&+-.^_`|~", c));
}

void ph_disposition(const char *filename, char header[PH_DISPOSITION_BYTES]) {
    char name[1024], ascii[most_name_bytes + 1], encoded[3 * most_name_bytes + 1];
    size_t ascii_size = 0, encoded_size = 0;
    bool is_same = true;
    clean(filename, name, sizeof(name));
    shorten(name);
    for (const char *c = name; *c; c++) {
        bool is_ascii = (uint8_t)*c < 0x80 && *c != '"' && *c != '%';
        is_same = is_same && is_ascii;
        if (!is_continuation(*c))
            ascii[ascii_size++] = is_ascii ? *c : '_';
        encoded_size += (size_t)snprintf(encoded + encoded_size, sizeof(encoded) - encoded_size,
            is_plain(*c) ? "%c" : "%%%02X", is_plain(*c) ? (unsigned)*c : (unsigned)(uint8_t)*c);
    }
    ascii[ascii_size] = encoded[encoded_size] = '\0';
    snprintf(header, PH_DISPOSITION_BYTES, "attachment; filename=\"%s\"%s%s", ascii,
        is_same ? "" : "; filename*=UTF-8''", is_same ? "" : encoded);
}
