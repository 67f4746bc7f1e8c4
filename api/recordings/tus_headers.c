#include "api/recordings/tus_headers.h"

#include <ctype.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/text.h"

enum { MOST_DIGITS = 15, MOST_VALUE_BYTES = 2048 };

bool ph_tus_number_parse(const char *text, int64_t *number) {
    size_t digits = text ? strspn(text, "0123456789") : 0;
    if (digits < 1 || digits > MOST_DIGITS || text[digits])
        return false;
    *number = strtoll(text, NULL, 10);
    return true;
}

static int digit_of(char character) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = character ? strchr(alphabet, character) : NULL;
    return found ? (int)(found - alphabet) : -1;
}

/* RFC 4648, section 4, with its padding. The number of bytes, or -EINVAL. */
static int decode(const char *text, size_t size, uint8_t *target, size_t target_bytes) {
    size_t padding = 0, count = 0;
    uint32_t bits = 0;
    if (size % 4)
        return -EINVAL;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
        padding++;
    if (size / 4 * 3 - padding > target_bytes)
        return -EINVAL;
    for (size_t i = 0; i < size - padding; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0)
            return -EINVAL;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 == 0)
            continue;
        target[count++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return (int)count;
}

static bool is_utf8(const char *text) {
    json_t *value = json_string(text);
    json_decref(value);
    return value != NULL;
}

/* The first characters of a text, as many as a title may have. */
static void copy_title(const char *text, char title[PH_TITLE_BYTES]) {
    size_t characters = 0, size = 0;
    for (; text[size]; size++) {
        if (((unsigned char)text[size] & 0xc0) != 0x80 && characters++ == PH_MOST_TITLE_CHARACTERS)
            break;
    }
    snprintf(title, PH_TITLE_BYTES, "%.*s", (int)size, text);
}

static void copy_type(const char *text, char type[PH_TUS_TYPE_BYTES]) {
    size_t size = strcspn(text, "; ");
    snprintf(type, PH_TUS_TYPE_BYTES, "%.*s", (int)size, text);
    for (char *next = type; *next; next++)
        *next = (char)tolower((unsigned char)*next);
}

struct values {
    char title[MOST_VALUE_BYTES], filename[MOST_VALUE_BYTES], filetype[MOST_VALUE_BYTES];
};

static bool is_key(const char *key, size_t size, const char *name) {
    return strlen(name) == size && memcmp(key, name, size) == 0;
}

/* One "key value" of the list. */
static int take_pair(const char *pair, size_t size, struct values *values, struct ph_error *error) {
    uint8_t bytes[MOST_VALUE_BYTES];
    size_t key_size = 0;
    while (key_size < size && pair[key_size] > ' ' && pair[key_size] < 0x7f)
        key_size++;
    if (key_size == 0 && (size == 0 || *pair == ' '))
        return ph_error_set(error, -EINVAL, "Upload-Metadata has a value without a key");
    if (key_size < size && pair[key_size] != ' ')
        return ph_error_set(error, -EINVAL, "Upload-Metadata has a key that is no ASCII");
    const char *value = pair + key_size + (key_size < size);
    char *target = is_key(pair, key_size, "title")      ? values->title
                   : is_key(pair, key_size, "filename") ? values->filename
                   : is_key(pair, key_size, "filetype") ? values->filetype
                                                        : NULL;
    int count = decode(value, (size_t)(pair + size - value), bytes, sizeof(bytes) - 1);
    if (count < 0)
        return ph_error_set(error, -EINVAL, "Upload-Metadata has a value that is no base64, or is too long");
    if (!target)
        return 0;
    if (memchr(bytes, 0, (size_t)count))
        return ph_error_set(error, -EINVAL, "Upload-Metadata has a zero in a text");
    memcpy(target, bytes, (size_t)count);
    target[count] = '\0';
    if (!is_utf8(target) || ph_text_has_controls(target))
        return ph_error_set(error, -EINVAL, "Upload-Metadata has a text that is no UTF-8, or has controls");
    return 0;
}

int ph_tus_metadata_parse(const char *text, struct ph_tus_metadata *metadata, struct ph_error *error) {
    struct values values = {.title = ""};
    *metadata = (struct ph_tus_metadata){.title = ""};
    if (text && strlen(text) >= PH_TUS_METADATA_BYTES)
        return ph_error_set(
            error, -EINVAL, "Upload-Metadata must have fewer than %d characters", PH_TUS_METADATA_BYTES);
    while (text && *text) {
        size_t size = strcspn(text, ",");
        int code = take_pair(text, size, &values, error);
        if (code < 0)
            return code;
        text += size + (text[size] == ',');
        text += strspn(text, " ");
    }
    if (ph_text_characters(values.title) > PH_MOST_TITLE_CHARACTERS)
        return ph_error_set(
            error, -EINVAL, "the title must have at most %d characters", PH_MOST_TITLE_CHARACTERS);
    char *ending = strrchr(values.filename, '.');
    if (ending && ending != values.filename)
        *ending = '\0';
    copy_title(*values.title ? values.title : values.filename, metadata->title);
    copy_type(values.filetype, metadata->type);
    return 0;
}

int ph_tus_checksum_parse(const char *text, struct ph_tus_checksum *checksum) {
    static const struct {
        const char *name;
        size_t bytes;
    } algorithms[] = {{"sha1", 20}, {"sha256", 32}};
    size_t size = strcspn(text, " ");
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (!is_key(text, size, algorithms[i].name) || text[size] != ' ')
            continue;
        const char *digest = text + size + 1;
        *checksum =
            (struct ph_tus_checksum){.algorithm = algorithms[i].name, .digest_size = algorithms[i].bytes};
        int count = decode(digest, strlen(digest), checksum->digest, sizeof(checksum->digest));
        return count == (int)algorithms[i].bytes ? 0 : -EINVAL;
    }
    return -EINVAL;
}

int ph_tus_checksum_holds(const struct ph_tus_checksum *checksum, struct ph_slice bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    const EVP_MD *algorithm = strcmp(checksum->algorithm, "sha1") == 0 ? EVP_sha1() : EVP_sha256();
    if (EVP_Digest(bytes.data, bytes.size, digest, &size, algorithm, NULL) != 1)
        return -ENOMEM;
    return size == checksum->digest_size && memcmp(digest, checksum->digest, size) == 0;
}

bool ph_tus_is_video(struct ph_slice beginning) {
    static const uint8_t ebml[] = {0x1a, 0x45, 0xdf, 0xa3};
    if (beginning.size < PH_TUS_SNIFFED_BYTES)
        return false;
    return memcmp(beginning.data, ebml, sizeof(ebml)) == 0 || memcmp(beginning.data + 4, "ftyp", 4) == 0;
}

bool ph_tus_is_video_type(const char *type) {
    static const char *const types[] = {
        "video/mp4", "video/webm", "video/x-matroska", "video/matroska", "video/quicktime", "video/x-m4v"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i], type) == 0)
            return true;
    }
    return false;
}
