#include "core/store/s3_headers.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/hex.h"

enum { most_value_bytes = 256 };
static const int64_t most_retry_after_us = 60 * PH_SECOND_US;

void ph_s3_headers_init(struct ph_s3_headers *headers) {
    *headers = (struct ph_s3_headers){.date_us = -1, .modified_us = -1, .retry_after_us = -1};
}

static bool parse_number(const char *text, uint64_t *number, const char **end) {
    char *last;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtoull(text, &last, 10);
    *end = last;
    return errno == 0;
}

static int64_t parse_date(const char *value) {
    time_t seconds = curl_getdate(value, NULL);
    return seconds < 0 ? -1 : (int64_t)seconds * PH_SECOND_US;
}

static void take_etag(struct ph_s3_headers *headers, const char *value) {
    size_t size = strlen(value);
    if (size >= 2 && *value == '"' && value[size - 1] == '"') {
        value++;
        size -= 2;
    }
    if (size < sizeof(headers->etag)) {
        memcpy(headers->etag, value, size);
        headers->etag[size] = '\0';
    }
}

static void take_length(struct ph_s3_headers *headers, const char *value) {
    const char *end;
    headers->has_length = parse_number(value, &headers->length, &end) && !*end;
}

/* bytes 0-99/1234 */
static void take_range(struct ph_s3_headers *headers, const char *value) {
    uint64_t last;
    if (strncasecmp(value, "bytes ", 6) != 0)
        return;
    headers->has_range = parse_number(value + 6, &headers->range_begin, &value) && *value == '-' &&
                         parse_number(value + 1, &last, &value) && *value == '/' &&
                         parse_number(value + 1, &headers->range_total, &value) && !*value;
}

static void take_hash(struct ph_s3_headers *headers, const char *value) {
    headers->has_hash = strlen(value) == 2 * (size_t)PH_STORE_HASH_BYTES &&
                        ph_hex_read(value, headers->hash, PH_STORE_HASH_BYTES);
}

static void take_date(struct ph_s3_headers *headers, const char *value) {
    headers->date_us = parse_date(value);
}

static void take_modified(struct ph_s3_headers *headers, const char *value) {
    headers->modified_us = parse_date(value);
}

/* Seconds; as a date it is rare, and then the caller's own wait will do. */
static void take_retry_after(struct ph_s3_headers *headers, const char *value) {
    uint64_t seconds;
    const char *end;
    if (!parse_number(value, &seconds, &end) || *end)
        return;
    headers->retry_after_us = seconds > 60 ? most_retry_after_us : (int64_t)seconds * PH_SECOND_US;
}

static void take_class(struct ph_s3_headers *headers, const char *value) {
    if (headers->class != PH_STORE_RESTORING && headers->class != PH_STORE_RESTORED)
        headers->class = ph_s3_class_parse(value);
}

/* ongoing-request="true", or "false" with the date until which the copy can be read. */
static void take_restore(struct ph_s3_headers *headers, const char *value) {
    headers->class = strstr(value, "ongoing-request=\"true\"") ? PH_STORE_RESTORING : PH_STORE_RESTORED;
}

static void take_region(struct ph_s3_headers *headers, const char *value) {
    size_t size = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (!value[size] && size < sizeof(headers->region))
        memcpy(headers->region, value, size + 1);
}

static const struct field {
    const char *name;
    void (*take)(struct ph_s3_headers *headers, const char *value);
} fields[] = {
    {"ETag", take_etag},
    {"Content-Length", take_length},
    {"Content-Range", take_range},
    {"Date", take_date},
    {"Last-Modified", take_modified},
    {"Retry-After", take_retry_after},
    {"x-amz-meta-sha256", take_hash},
    {"x-amz-storage-class", take_class},
    {"x-amz-restore", take_restore},
    {"x-amz-bucket-region", take_region},
};

static bool is_space(char character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

void ph_s3_headers_take(struct ph_s3_headers *headers, const char *line, size_t size) {
    const char *colon = memchr(line, ':', size);
    char value[most_value_bytes];
    if (!colon)
        return;
    const char *begin = colon + 1, *end = line + size;
    while (begin < end && is_space(*begin))
        begin++;
    while (begin < end && is_space(end[-1]))
        end--;
    if ((size_t)(end - begin) >= sizeof(value) || memchr(begin, '\0', (size_t)(end - begin)))
        return;
    memcpy(value, begin, (size_t)(end - begin));
    value[end - begin] = '\0';
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t name_size = strlen(fields[i].name);
        if ((size_t)(colon - line) == name_size && strncasecmp(line, fields[i].name, name_size) == 0)
            fields[i].take(headers, value);
    }
}

enum ph_store_class ph_s3_class_parse(const char *name) {
    if (strcmp(name, "GLACIER") == 0 || strcmp(name, "DEEP_ARCHIVE") == 0)
        return PH_STORE_DEEP;
    return strcmp(name, "STANDARD_IA") == 0 || strcmp(name, "ONEZONE_IA") == 0 ? PH_STORE_INFREQUENT
                                                                               : PH_STORE_STANDARD;
}
