#include "ingest/streamid.h"

#include <stdbool.h>
#include <string.h>

#include <srt/access_control.h>

#include "core/base/bytes.h"

static const char key_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";

static struct ph_slice slice(const char *text, size_t size) {
    return (struct ph_slice){(const uint8_t *)text, size};
}

static bool equals(struct ph_slice a, const char *text) {
    return a.size == strlen(text) && memcmp(a.data, text, a.size) == 0;
}

static int key_copy(struct ph_slice value, char key[PH_STREAM_KEY_MOST_CHARACTERS + 1]) {
    if (!value.size)
        return SRT_REJX_UNAUTHORIZED;
    if (value.size > PH_STREAM_KEY_MOST_CHARACTERS)
        return SRT_REJX_BAD_REQUEST;
    memcpy(key, value.data, value.size);
    key[value.size] = '\0';
    return strspn(key, key_characters) == value.size ? 0 : SRT_REJX_BAD_REQUEST;
}

struct pairs {
    struct ph_slice key, mode, type;
};

/* Puts "name=value" in its place. */
static int pair_take(struct ph_slice pair, struct pairs *pairs) {
    const uint8_t *equal = memchr(pair.data, '=', pair.size);
    if (!equal || equal == pair.data)
        return SRT_REJX_BAD_REQUEST;
    struct ph_slice name = {pair.data, (size_t)(equal - pair.data)};
    struct ph_slice value = {equal + 1, pair.size - name.size - 1};
    struct ph_slice *place = equals(name, "s")   ? &pairs->key
                             : equals(name, "m") ? &pairs->mode
                             : equals(name, "t") ? &pairs->type
                                                 : NULL;
    if (!place)
        return 0;
    if (place->data)
        return SRT_REJX_BAD_REQUEST;
    *place = value;
    return 0;
}

static int pairs_parse(const char *text, struct pairs *pairs) {
    for (const char *start = text;;) {
        size_t size = strcspn(start, ",");
        int code = pair_take(slice(start, size), pairs);
        if (code || !start[size])
            return code;
        start += size + 1;
    }
}

static int hexadecimal(char digit) {
    return digit >= '0' && digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

/* Decodes %XX in place. */
static int percent_decode(char *text) {
    char *target = text;
    for (const char *next = text; *next; next++) {
        char character = *next;
        if (character == '%') {
            if (strspn(next + 1, "0123456789abcdefABCDEF") < 2)
                return SRT_REJX_BAD_REQUEST;
            character = (char)(hexadecimal(next[1]) * 16 + hexadecimal(next[2]));
            next += 2;
        }
        if (!character)
            return SRT_REJX_BAD_REQUEST;
        *target++ = character;
    }
    *target = '\0';
    return 0;
}

int ph_streamid_parse(const char *streamid, char key[PH_STREAM_KEY_MOST_CHARACTERS + 1]) {
    static const char prefix[] = "#!::";
    key[0] = '\0';
    size_t size = strnlen(streamid, PH_STREAMID_MOST_CHARACTERS + 1);
    if (size > PH_STREAMID_MOST_CHARACTERS)
        return SRT_REJX_BAD_REQUEST;
    char text[PH_STREAMID_MOST_CHARACTERS + 1];
    memcpy(text, streamid, size);
    text[size] = '\0';
    int code = strncmp(text, "%23", 3) == 0 ? percent_decode(text) : 0;
    if (code)
        return code;
    if (strncmp(text, prefix, strlen(prefix)) != 0)
        return key_copy(slice(text, strlen(text)), key);
    struct pairs pairs = {0};
    code = pairs_parse(text + strlen(prefix), &pairs);
    if (code)
        return code;
    if (pairs.mode.data && !equals(pairs.mode, "publish"))
        return SRT_REJX_BAD_MODE;
    if (pairs.type.data && !equals(pairs.type, "stream"))
        return SRT_REJX_NOTSUP_MEDIA;
    return key_copy(pairs.key, key);
}
