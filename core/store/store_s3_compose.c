/* A composition is a multipart upload: its token is the upload's id, a receipt's tag is the part's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/s3_call.h"

static const uint64_t part_bytes = 8 * 1024 * 1024;
/* The least a part has to have that is not the last. */
static const uint64_t least_front_bytes = 5 * 1024 * 1024;

struct composition {
    struct ph_composition base;
    char upload[PH_COMPOSITION_TOKEN_BYTES];
    bool has_parts;
};

static struct composition *composition_of(const struct ph_composition *composition) {
    return (struct composition *)(uintptr_t)composition;
}

static void bounds(const struct ph_composition *composition, uint64_t *part, uint64_t *front) {
    (void)composition;
    *part = part_bytes;
    *front = least_front_bytes;
}

static int put_part(
    struct ph_composition *base, uint32_t number, struct ph_slice bytes, char etag[PH_RECEIPT_BYTES]) {
    struct composition *composition = composition_of(base);
    struct ph_s3_digest digest;
    char number_text[16];
    snprintf(number_text, sizeof(number_text), "%u", number);
    struct ph_s3_call call = {.operation = "put_part",
        .method = "PUT",
        .key = base->key,
        .body = bytes,
        .digest = &digest,
        .has_md5 = true,
        .tells_tag = true};
    ph_s3_call_add_query(&call, "partNumber", number_text);
    ph_s3_call_add_query(&call, "uploadId", composition->upload);
    int code = ph_s3_digest_bytes(bytes, &digest);
    if (!code)
        code = ph_s3_call(ph_store_s3_of(base->store), &call);
    if (!code)
        snprintf(etag, PH_RECEIPT_BYTES, "%s", call.answered.etag);
    ph_s3_call_finish(&call);
    return code;
}

static int append(struct ph_composition *base, uint32_t number, uint64_t offset, struct ph_slice bytes,
    struct ph_receipt *receipt) {
    (void)offset; /* parts follow each other by their numbers */
    int code = put_part(base, number, bytes, receipt->etag);
    if (!code)
        composition_of(base)->has_parts = true;
    return code;
}

static int reserve(struct ph_composition *composition, uint64_t needed, uint64_t *front_bytes) {
    uint64_t least = composition_of(composition)->has_parts ? least_front_bytes : 0;
    *front_bytes = needed > least ? needed : least;
    return 0;
}

static void append_part(struct ph_builder *body, unsigned number, const char *etag) {
    ph_builder_format(body, "<Part><PartNumber>%u</PartNumber><ETag>", number);
    ph_s3_xml_escape(body, etag);
    ph_builder_text(body, "</ETag></Part>");
}

static int complete(
    struct ph_composition *base, const char *front_etag, const struct ph_receipt *receipts, size_t count) {
    struct composition *composition = composition_of(base);
    struct ph_builder body = {0};
    struct ph_s3_digest digest;
    ph_builder_text(&body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    append_part(&body, 1, front_etag);
    for (size_t i = 0; i < count; i++)
        append_part(&body, receipts[i].number, receipts[i].etag);
    ph_builder_text(&body, "</CompleteMultipartUpload>");
    struct ph_s3_call call = {.operation = "complete",
        .method = "POST",
        .key = base->key,
        .body = {body.data, body.size},
        .digest = &digest,
        .root = "CompleteMultipartUploadResult",
        .is_slow = true};
    ph_s3_call_add_query(&call, "uploadId", composition->upload);
    int code = ph_builder_ok(&body) ? ph_s3_digest_bytes(call.body, &digest) : -ENOMEM;
    if (!code)
        code = ph_s3_call(ph_store_s3_of(base->store), &call);
    ph_s3_call_finish(&call);
    ph_builder_discard(&body);
    return code;
}

/* Whether the object is there that these parts make: it has their size, and its tag, where it is of S3's
 * form, tells as many parts. Radosgw answers the end of an upload without a tag, so it is always asked. */
static int check_whole(
    struct ph_composition *base, uint64_t front_bytes, const struct ph_receipt *receipts, size_t count) {
    struct ph_store_object object = {0};
    uint64_t bytes = front_bytes;
    for (size_t i = 0; i < count; i++)
        bytes += receipts[i].bytes;
    int code = ph_store_s3_head(base->store, base->key, &object);
    if (code < 0)
        return code;
    const char *parts = strchr(object.etag, '-');
    bool is_whole = object.bytes == bytes && (!parts || strtoul(parts + 1, NULL, 10) == count + 1);
    return is_whole ? 0 : -EBADMSG;
}

/* An upload that is gone has been finished by an earlier call, or does not come back. */
static int finish(
    struct ph_composition *base, struct ph_slice front, const struct ph_receipt *receipts, size_t count) {
    char etag[PH_RECEIPT_BYTES];
    int code = put_part(base, 1, front, etag);
    if (!code)
        code = complete(base, etag, receipts, count);
    if (code && code != -ENOENT)
        return code;
    int whole = check_whole(base, front.size, receipts, count);
    return code == -ENOENT && whole == -EBADMSG ? -ENOENT : whole;
}

static int abort_upload(struct ph_composition *base) {
    struct ph_s3_call call = {.operation = "abort", .method = "DELETE", .key = base->key};
    ph_s3_call_add_query(&call, "uploadId", composition_of(base)->upload);
    int code = ph_s3_call(ph_store_s3_of(base->store), &call);
    ph_s3_call_finish(&call);
    return code == -ENOENT ? 0 : code;
}

static void free_composition(struct ph_composition *base) {
    free(composition_of(base));
}

static const struct ph_composition_impl impl = {
    .bounds = bounds,
    .append = append,
    .reserve = reserve,
    .finish = finish,
    .abort = abort_upload,
    .free = free_composition,
};

static struct composition *make(struct ph_store *store, const char *key) {
    struct composition *composition = calloc(1, sizeof(*composition));
    if (!composition)
        return NULL;
    composition->base.impl = &impl;
    composition->base.store = store;
    snprintf(composition->base.key, sizeof(composition->base.key), "%s", key);
    return composition;
}

/* It travels in addresses, and its owner notes it in a line. */
static bool is_upload_id(const char *text) {
    size_t size = 0;
    while (text[size] > ' ' && text[size] < 0x7f)
        size++;
    return size > 0 && !text[size];
}

static int begin_upload(struct ph_store_s3 *s3, const char *key, const char *content_type,
    char upload[PH_COMPOSITION_TOKEN_BYTES]) {
    struct ph_s3_call call = {
        .operation = "begin", .method = "POST", .key = key, .root = "InitiateMultipartUploadResult"};
    ph_s3_call_add_query(&call, "uploads", "");
    ph_store_s3_add_kept(s3, &call, content_type);
    int code = ph_s3_call(s3, &call);
    if (!code) {
        code = ph_s3_xml_text((struct ph_slice){call.answer.data, call.answer.size},
            "InitiateMultipartUploadResult/UploadId", upload, PH_COMPOSITION_TOKEN_BYTES);
        if (code != -ENOMEM && (code || !is_upload_id(upload)))
            code = -EAGAIN;
    }
    ph_s3_call_finish(&call);
    return code;
}

int ph_store_s3_begin(struct ph_store *store, const char *key, const char *content_type,
    struct ph_composition **out, char token[PH_COMPOSITION_TOKEN_BYTES]) {
    struct composition *composition = make(store, key);
    if (!composition)
        return -ENOMEM;
    int code = begin_upload(ph_store_s3_of(store), key, content_type, composition->upload);
    if (code < 0) {
        free(composition);
        return code;
    }
    memcpy(token, composition->upload, sizeof(composition->upload));
    *out = &composition->base;
    return 0;
}

static int look_up_upload(struct ph_store_s3 *s3, struct composition *composition) {
    char number[16];
    struct ph_s3_call call = {
        .operation = "list_parts", .method = "GET", .key = composition->base.key, .root = "ListPartsResult"};
    ph_s3_call_add_query(&call, "max-parts", "1");
    ph_s3_call_add_query(&call, "uploadId", composition->upload);
    int code = ph_s3_call(s3, &call);
    if (!code) {
        code = ph_s3_xml_text((struct ph_slice){call.answer.data, call.answer.size},
            "ListPartsResult/Part/PartNumber", number, sizeof(number));
        composition->has_parts = code == 0;
        if (code == -ENOENT)
            code = 0;
        else if (code < 0 && code != -ENOMEM)
            code = -EAGAIN;
    }
    ph_s3_call_finish(&call);
    return code;
}

int ph_store_s3_resume(
    struct ph_store *store, const char *key, const char *token, struct ph_composition **out) {
    struct composition *composition = make(store, key);
    if (!composition)
        return -ENOMEM;
    snprintf(composition->upload, sizeof(composition->upload), "%s", token);
    int code = look_up_upload(ph_store_s3_of(store), composition);
    if (code < 0) {
        free(composition);
        return code;
    }
    *out = &composition->base;
    return 0;
}
