#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/sha256.h"
#include "core/store/disposition.h"
#include "core/store/s3_call.h"

/* Larger objects are read in pieces. */
static const size_t most_got_bytes = (size_t)1024 * 1024 * 1024;

static int check_hash(const struct ph_s3_call *call, const struct ph_s3_sink *sink) {
    uint8_t hash[PH_STORE_HASH_BYTES];
    if (!call->answered.has_hash)
        return 0;
    int code = ph_sha256((struct ph_slice){sink->block, sink->size}, hash);
    if (code < 0)
        return code;
    return memcmp(hash, call->answered.hash, sizeof(hash)) == 0 ? 0 : -EBADMSG;
}

/* Whether what came is what was asked for, all of it, and, where that is the whole object, unchanged. */
static int check(const struct ph_s3_call *call, const struct ph_s3_sink *sink) {
    const struct ph_s3_headers *answered = &call->answered;
    uint64_t total = answered->has_range    ? answered->range_total
                     : answered->has_length ? answered->length
                                            : sink->size;
    if (call->size != UINT64_MAX ? sink->size != call->size : call->offset + sink->size != total)
        return -EBADMSG;
    return sink->size == total ? check_hash(call, sink) : 0;
}

int ph_store_s3_get(
    struct ph_store *store, const char *key, uint64_t offset, uint64_t size, struct ph_bytes **bytes) {
    struct ph_s3_sink sink = {.most_bytes = most_got_bytes};
    struct ph_s3_call call = {.operation = "get",
        .method = "GET",
        .key = key,
        .sink = &sink,
        .offset = offset,
        .size = size,
        .tells_tag = true};
    if (size != UINT64_MAX && size > most_got_bytes)
        return -EMSGSIZE;
    if (size != UINT64_MAX && offset > UINT64_MAX - size)
        return -EBADMSG;
    int code = ph_s3_call(ph_store_s3_of(store), &call);
    if (code == -ERANGE || code == -EEXIST)
        code = -EBADMSG; /* it ends before, or it changed in between */
    if (!code)
        code = check(&call, &sink);
    if (!code && sink.size == 0) {
        *bytes = ph_bytes_create(0);
        code = *bytes ? 0 : -ENOMEM;
    } else if (!code) {
        *bytes = ph_bytes_adopt(sink.block, sink.size);
        sink.block = NULL;
        code = *bytes ? 0 : -ENOMEM;
    }
    free(sink.block);
    ph_s3_call_finish(&call);
    return code;
}

int ph_store_s3_look(struct ph_store_s3 *s3) {
    struct ph_s3_call call = {.operation = "list", .method = "GET", .root = "ListBucketResult"};
    ph_s3_call_add_query(&call, "list-type", "2");
    ph_s3_call_add_query(&call, "max-keys", "1");
    ph_s3_call_add_query(&call, "prefix", s3->place.prefix);
    int code = ph_s3_call(s3, &call);
    ph_s3_call_finish(&call);
    return code;
}

/* 404 to HEAD does not tell whether it is the object that is missing, or the bucket. */
static int check_bucket(struct ph_store_s3 *s3) {
    if (atomic_load_explicit(&s3->has_seen_bucket, memory_order_relaxed))
        return 0;
    int code = ph_store_s3_look(s3);
    return code == -EACCES ? 0 : code; /* who may not list may still put */
}

int ph_store_s3_head(struct ph_store *store, const char *key, struct ph_store_object *object) {
    struct ph_store_s3 *s3 = ph_store_s3_of(store);
    struct ph_s3_call call = {.operation = "head", .method = "HEAD", .key = key, .tells_tag = true};
    int code = ph_s3_call(s3, &call);
    const struct ph_s3_headers *answered = &call.answered;
    if (!code) {
        object->bytes = answered->length;
        memcpy(object->etag, answered->etag, sizeof(object->etag));
        object->has_hash = answered->has_hash;
        memcpy(object->hash, answered->hash, sizeof(object->hash));
        object->modified_ms = answered->modified_us < 0 ? 0 : answered->modified_us / PH_MILLISECOND_US;
        object->class = answered->class;
    }
    ph_s3_call_finish(&call);
    if (code == -ENOENT && check_bucket(s3) < 0)
        code = -EAGAIN;
    return code;
}

int ph_store_s3_restore(struct ph_store *store, const char *key, uint32_t days) {
    struct ph_store_object object = {0};
    int code = ph_store_s3_head(store, key, &object);
    if (code || (object.class != PH_STORE_DEEP && object.class != PH_STORE_RESTORED))
        return code;
    struct ph_s3_digest digest;
    char body[256];
    int size = snprintf(body, sizeof(body),
        "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Days>%u</Days>"
        "<GlacierJobParameters><Tier>Standard</Tier></GlacierJobParameters></RestoreRequest>",
        days);
    struct ph_s3_call call = {.operation = "restore",
        .method = "POST",
        .key = key,
        .body = {(const uint8_t *)body, (size_t)size},
        .digest = &digest,
        .has_md5 = true};
    ph_s3_call_add_query(&call, "restore", "");
    code = ph_s3_digest_bytes(call.body, &digest);
    if (!code)
        code = ph_s3_call(ph_store_s3_of(store), &call);
    ph_s3_call_finish(&call);
    return code == -EALREADY ? 0 : code;
}

/* No address outlives the session token that it was signed with. 0: the token has expired just now. */
static uint32_t ttl_of(const struct ph_store_link *link, const struct ph_aws_keys *keys, int64_t now_us) {
    int64_t left_s = (keys->expires_us - now_us) / PH_SECOND_US;
    if (keys->expires_us == INT64_MAX || left_s >= link->ttl_s)
        return link->ttl_s;
    return left_s > 0 ? (uint32_t)left_s : 0;
}

static int presign(struct ph_store_s3 *s3, const struct ph_aws_keys *keys, const struct ph_store_link *link,
    const char *path, struct ph_builder *url) {
    struct ph_sigv4_credentials credentials = ph_store_s3_signer(s3, keys);
    char disposition[PH_DISPOSITION_BYTES];
    int64_t now_us = ph_store_s3_utc_us(s3);
    uint32_t ttl_s = ttl_of(link, keys, now_us);
    const struct ph_sigv4_pair host = {"host", s3->place.host};
    struct ph_sigv4_pair query[2];
    struct ph_sigv4_request request = {
        .method = "GET", .path = path, .query = query, .headers = &host, .header_count = 1};
    if (!ttl_s)
        return -EAGAIN;
    if (link->granted_s)
        *link->granted_s = ttl_s;
    if (link->filename) {
        ph_disposition(link->filename, disposition);
        query[request.query_count++] = (struct ph_sigv4_pair){"response-content-disposition", disposition};
    }
    if (link->content_type)
        query[request.query_count++] = (struct ph_sigv4_pair){"response-content-type", link->content_type};
    ph_s3_address_append(s3, url, path);
    ph_builder_text(url, "?");
    return ph_sigv4_presign(&credentials, &request, now_us, ttl_s, url);
}

int ph_store_s3_sign(struct ph_store *store, const struct ph_store_link *link, char url[PH_STORE_URL_BYTES]) {
    struct ph_store_s3 *s3 = ph_store_s3_of(store);
    struct ph_builder built = {0};
    struct ph_aws_keys *keys;
    int code = ph_aws_credentials_take(s3->credentials, 0, &keys); /* never waits */
    if (code < 0)
        return code;
    char *path = ph_s3_address_path(s3, link->key);
    code = path ? presign(s3, keys, link, path, &built) : -ENOMEM;
    if (!code && built.size >= PH_STORE_URL_BYTES)
        code = -EMSGSIZE;
    if (!code) {
        memcpy(url, built.data, built.size);
        url[built.size] = '\0';
    }
    ph_builder_discard(&built);
    free(path);
    ph_aws_keys_unref(&keys);
    return code;
}
