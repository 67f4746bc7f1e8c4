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

int ph_streamid_parse(const char *streamid, char key[PH_STREAM_KEY_MOST_CHARACTERS + 1]) {
    static const char prefix[] = "#!::";
    key[0] = '\0';
    size_t size = strnlen(streamid, PH_STREAMID_MOST_CHARACTERS + 1);
    if (size > PH_STREAMID_MOST_CHARACTERS)
        return SRT_REJX_BAD_REQUEST;
    if (strncmp(streamid, prefix, strlen(prefix)) != 0)
        return key_copy(slice(streamid, size), key);
    struct pairs pairs = {0};
    int code = pairs_parse(streamid + strlen(prefix), &pairs);
    if (code)
        return code;
    if (pairs.mode.data && !equals(pairs.mode, "publish"))
        return SRT_REJX_BAD_MODE;
    if (pairs.type.data && !equals(pairs.type, "stream"))
        return SRT_REJX_NOTSUP_MEDIA;
    return key_copy(pairs.key, key);
}
