/* Shared credentials files: INI as the AWS tools write it. Sections in brackets, `name = value` lines; what
 * is indented belongs to the line before and is passed over, like every name that is not one of three. */
#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

#include "core/store/aws_keys.h"

struct reading {
    const char *profile;
    bool is_inside; /* of the profile's section */
    char access_key[PH_AWS_MOST_ACCESS_KEY + 2];
    char secret_key[PH_AWS_MOST_SECRET_KEY + 2];
    char session_token[PH_AWS_MOST_TOKEN + 2];
};

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct ph_slice trim(struct ph_slice text) {
    while (text.size && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

static bool is_text(struct ph_slice slice, const char *text) {
    return slice.size == strlen(text) && (!slice.size || memcmp(slice.data, text, slice.size) == 0);
}

static bool is_name(struct ph_slice slice, const char *name) {
    return slice.size == strlen(name) && strncasecmp((const char *)slice.data, name, slice.size) == 0;
}

static struct ph_slice until(struct ph_slice text, const uint8_t *end) {
    return (struct ph_slice){text.data, (size_t)(end - text.data)};
}

/* [name], with a remark behind it perhaps. */
static int take_section(struct reading *reading, struct ph_slice line) {
    const uint8_t *end = memchr(line.data, ']', line.size);
    if (!end)
        return PH_INVALID_DATA;
    struct ph_slice name = until(line, end);
    name.data++;
    name.size--;
    reading->is_inside = is_text(trim(name), reading->profile);
    return 0;
}

/* What is too long is cut where it is still seen to be too long. */
static void copy_value(char *target, size_t target_bytes, struct ph_slice value) {
    size_t size = value.size < target_bytes - 1 ? value.size : target_bytes - 1;
    for (size_t i = 0; i < size; i++)
        target[i] = value.data[i] ? (char)value.data[i] : ' '; /* refused as no key */
    target[size] = '\0';
}

/* A remark behind a value begins with a space, which keys have none of. */
static struct ph_slice without_remark(struct ph_slice value) {
    for (size_t i = 1; i < value.size; i++) {
        if ((value.data[i] == '#' || value.data[i] == ';') && is_blank(value.data[i - 1]))
            return trim((struct ph_slice){value.data, i});
    }
    return value;
}

static int take_line(struct reading *reading, struct ph_slice line) {
    if (!line.size || is_blank(line.data[0]) || line.data[0] == '#' || line.data[0] == ';')
        return 0;
    if (line.data[0] == '[')
        return take_section(reading, line);
    const uint8_t *sign = memchr(line.data, '=', line.size);
    if (!sign)
        return PH_INVALID_DATA;
    if (!reading->is_inside)
        return 0;
    struct ph_slice name = trim(until(line, sign));
    struct ph_slice value = trim((struct ph_slice){sign + 1, line.size - (size_t)(sign + 1 - line.data)});
    value = without_remark(value);
    if (is_name(name, "aws_access_key_id"))
        copy_value(reading->access_key, sizeof(reading->access_key), value);
    else if (is_name(name, "aws_secret_access_key"))
        copy_value(reading->secret_key, sizeof(reading->secret_key), value);
    else if (is_name(name, "aws_session_token"))
        copy_value(reading->session_token, sizeof(reading->session_token), value);
    return 0;
}

int ph_aws_keys_parse_profile(struct ph_aws_keys **keys, struct ph_slice text, const char *profile) {
    struct reading reading = {.profile = profile};
    int code = 0;
    *keys = NULL;
    while (!code && text.size) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        code = take_line(&reading, (struct ph_slice){text.data, size});
        size += end ? 1 : 0;
        text.data += size;
        text.size -= size;
    }
    if (!code && !*reading.access_key && !*reading.secret_key)
        code = -ENOENT;
    if (!code)
        code = ph_aws_keys_create(
            keys, reading.access_key, reading.secret_key, reading.session_token, INT64_MAX);
    OPENSSL_cleanse(&reading, sizeof(reading));
    return code;
}
