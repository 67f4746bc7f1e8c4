/* What the headers of an S3 server's answer say. Pure. */
#ifndef PH_STORE_S3_HEADERS_H
#define PH_STORE_S3_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/store/store.h"

struct ph_s3_headers {
    char etag[PH_STORE_ETAG_BYTES]; /* without quotes; "": none */
    bool has_length;
    uint64_t length;
    bool has_range; /* Content-Range, of 206 */
    uint64_t range_begin;
    uint64_t range_total;
    bool has_hash; /* x-amz-meta-sha256 */
    uint8_t hash[PH_STORE_HASH_BYTES];
    int64_t date_us;        /* UTC; -1: none */
    int64_t modified_us;    /* UTC; -1: none */
    int64_t retry_after_us; /* -1: none */
    enum ph_store_class class;
    char region[32]; /* of the bucket, as 301 tells it; "": not told */
};

void ph_s3_headers_init(struct ph_s3_headers *headers);
/* Takes a line "Name: value", with or without its end; what it does not know or understand it passes over. */
void ph_s3_headers_take(struct ph_s3_headers *headers, const char *line, size_t size);
/* Of the names of S3's storage classes; what is unknown is readable at once. */
enum ph_store_class ph_s3_class_parse(const char *name);

#endif
