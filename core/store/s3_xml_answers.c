#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/store/s3_headers.h"
#include "core/store/s3_xml.h"
#include "core/store/sigv4.h"

static bool copy_text(char *target, size_t target_bytes, const char *text) {
    size_t size = strlen(text);
    if (size >= target_bytes)
        return false;
    memcpy(target, text, size + 1);
    return true;
}

/* A code stands in sentences and logs: it is a word, or it is nothing. */
static void copy_code(char code[PH_S3_CODE_BYTES], const char *text) {
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (text[strspn(text, word)] || !copy_text(code, PH_S3_CODE_BYTES, text))
        memcpy(code, "Unknown", 8);
}

struct error_reading {
    const char *root;
    bool is_error;
    char *code;
};

static int read_error(void *opaque, const struct ph_s3_element *element) {
    struct error_reading *reading = opaque;
    if (strcmp(element->path, "Error") == 0)
        reading->is_error = true;
    if (element->is_end && strcmp(element->path, "Error/Code") == 0)
        copy_code(reading->code, element->text);
    bool is_other = !reading->is_error && reading->root && !strchr(element->path, '/') &&
                    strcmp(element->path, reading->root) != 0;
    return is_other ? PH_INVALID_DATA : 0;
}

int ph_s3_xml_error(struct ph_slice document, const char *root, char code[PH_S3_CODE_BYTES]) {
    struct error_reading reading = {.root = root, .code = code};
    code[0] = '\0';
    int result = ph_s3_xml_walk(document, read_error, &reading);
    if (reading.is_error && !*code)
        memcpy(code, "Unknown", 8);
    return result;
}

struct text_reading {
    const char *path;
    char *text;
    size_t text_bytes;
    int code;
};

static int read_text(void *opaque, const struct ph_s3_element *element) {
    struct text_reading *reading = opaque;
    if (element->is_end && reading->code == -ENOENT && strcmp(element->path, reading->path) == 0)
        reading->code = copy_text(reading->text, reading->text_bytes, element->text) ? 0 : -EMSGSIZE;
    return 0;
}

int ph_s3_xml_text(struct ph_slice document, const char *path, char *text, size_t text_bytes) {
    struct text_reading reading = {path, text, text_bytes, -ENOENT};
    text[0] = '\0';
    int code = ph_s3_xml_walk(document, read_text, &reading);
    return code ? code : reading.code;
}

struct page_reading {
    struct ph_s3_page *page;
    bool has_key;
    char key[PH_S3_TEXT_BYTES];
    struct ph_store_object object;
};

/* 2013-05-24T00:00:00.000Z; 0 when it is no date. */
static int64_t parse_modified(const char *text) {
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!end || parts.tm_year < 70 || parts.tm_year > 8000)
        return 0;
    int64_t milliseconds = 0;
    if (*end == '.' && strspn(end + 1, "0123456789") >= 3)
        milliseconds = (end[1] - '0') * 100 + (end[2] - '0') * 10 + (end[3] - '0');
    return (int64_t)timegm(&parts) * 1000 + milliseconds;
}

static int take_key(struct page_reading *reading, const char *text) {
    struct ph_sigv4_query decoded;
    char raw[PH_S3_TEXT_BYTES + 2];
    raw[0] = 'k';
    raw[1] = '=';
    for (size_t i = 0;; i++) {
        if (text[i] == '&' || text[i] == '=')
            return PH_INVALID_DATA; /* encoded, they cannot stand there */
        raw[i + 2] = text[i] == '+' ? ' ' : text[i];
        if (!text[i])
            break;
    }
    int code = ph_sigv4_query_parse(&decoded, raw);
    if (!code)
        reading->has_key = copy_text(reading->key, sizeof(reading->key), decoded.pairs[0].value);
    ph_sigv4_query_finish(&decoded);
    return code == -EINVAL ? PH_INVALID_DATA : code;
}

static int take_bytes(struct page_reading *reading, const char *text) {
    char *end;
    if (*text < '0' || *text > '9')
        return PH_INVALID_DATA;
    errno = 0;
    reading->object.bytes = strtoull(text, &end, 10);
    return errno || *end ? PH_INVALID_DATA : 0;
}

static int take_etag(struct page_reading *reading, const char *text) {
    size_t size = strlen(text);
    if (size >= 2 && *text == '"' && text[size - 1] == '"') {
        text++;
        size -= 2;
    }
    if (size < sizeof(reading->object.etag)) {
        memcpy(reading->object.etag, text, size);
        reading->object.etag[size] = '\0';
    }
    return 0;
}

static int take_modified(struct page_reading *reading, const char *text) {
    reading->object.modified_ms = parse_modified(text);
    return 0;
}

static int take_class(struct page_reading *reading, const char *text) {
    reading->object.class = ph_s3_class_parse(text);
    return 0;
}

static int take_truncated(struct page_reading *reading, const char *text) {
    reading->page->is_truncated = strcmp(text, "true") == 0;
    return 0;
}

static int take_next(struct page_reading *reading, const char *text) {
    return copy_text(reading->page->next, sizeof(reading->page->next), text) ? 0 : PH_INVALID_DATA;
}

static int take_object(struct page_reading *reading, const char *text) {
    (void)text;
    if (!reading->has_key)
        return PH_INVALID_DATA;
    const struct ph_s3_page *page = reading->page;
    return page->visit ? page->visit(page->opaque, reading->key, &reading->object) : 0;
}

static const struct {
    const char *path;
    int (*take)(struct page_reading *reading, const char *text);
} page_elements[] = {
    {"ListBucketResult/Contents", take_object},
    {"ListBucketResult/Contents/Key", take_key},
    {"ListBucketResult/Contents/Size", take_bytes},
    {"ListBucketResult/Contents/ETag", take_etag},
    {"ListBucketResult/Contents/LastModified", take_modified},
    {"ListBucketResult/Contents/StorageClass", take_class},
    {"ListBucketResult/IsTruncated", take_truncated},
    {"ListBucketResult/NextContinuationToken", take_next},
};

static int read_page(void *opaque, const struct ph_s3_element *element) {
    struct page_reading *reading = opaque;
    if (!element->is_end) {
        if (strcmp(element->path, "ListBucketResult/Contents") == 0) {
            reading->has_key = false;
            reading->object = (struct ph_store_object){0};
        }
        return strncmp(element->path, "ListBucketResult", 16) == 0 ? 0 : PH_INVALID_DATA;
    }
    for (size_t i = 0; i < sizeof(page_elements) / sizeof(page_elements[0]); i++) {
        if (strcmp(element->path, page_elements[i].path) == 0)
            return page_elements[i].take(reading, element->text);
    }
    return 0;
}

int ph_s3_xml_page(struct ph_slice document, struct ph_s3_page *page) {
    struct page_reading reading = {.page = page};
    page->is_truncated = false;
    page->next[0] = '\0';
    int code = ph_s3_xml_walk(document, read_page, &reading);
    return !code && page->is_truncated && !page->next[0] ? PH_INVALID_DATA : code;
}

struct removed_reading {
    size_t failures;
    char *code;
};

static int read_removed(void *opaque, const struct ph_s3_element *element) {
    struct removed_reading *reading = opaque;
    if (strncmp(element->path, "DeleteResult", 12) != 0)
        return PH_INVALID_DATA;
    if (element->is_end && strcmp(element->path, "DeleteResult/Error") == 0)
        reading->failures++;
    if (element->is_end && !reading->failures && strcmp(element->path, "DeleteResult/Error/Code") == 0)
        copy_code(reading->code, element->text);
    return 0;
}

int ph_s3_xml_removed(struct ph_slice document, size_t *failures, char code[PH_S3_CODE_BYTES]) {
    struct removed_reading reading = {0, code};
    code[0] = '\0';
    int result = ph_s3_xml_walk(document, read_removed, &reading);
    *failures = reading.failures;
    return result;
}
