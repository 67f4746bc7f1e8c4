#include "core/store/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hex.h"
#include "core/base/sha256.h"

enum {
    hash_bytes = 32,
    day_characters = 8,
    scope_bytes = 192,
    most_own_pairs = 7, /* X-Amz-Algorithm and the others of the scheme */
};

static const char algorithm[] = "AWS4-HMAC-SHA256";
/* How far ahead a clock may be that signed an address. */
static const int64_t most_ahead_us = 15 * 60 * PH_SECOND_US;

static void keyed_hash(const uint8_t *key, size_t key_bytes, const char *text, uint8_t hash[hash_bytes]) {
    unsigned int bytes = hash_bytes;
    HMAC(EVP_sha256(), key, (int)key_bytes, (const unsigned char *)text, strlen(text), hash, &bytes);
}

/* <day>/<region>/<service>/aws4_request. False: it does not fit. */
static bool scope_of(
    const struct ph_sigv4_credentials *credentials, const char *date, char scope[scope_bytes]) {
    int size = snprintf(scope, scope_bytes, "%.*s/%s/%s/aws4_request", day_characters, date,
        credentials->region, credentials->service);
    return size > 0 && size < scope_bytes;
}

static bool derive_key(
    const struct ph_sigv4_credentials *credentials, const char *date, uint8_t key[hash_bytes]) {
    char secret[256], day[day_characters + 1];
    int size = snprintf(secret, sizeof(secret), "AWS4%s", credentials->secret_key);
    bool fits = size > 0 && (size_t)size < sizeof(secret);
    if (fits) {
        memcpy(day, date, day_characters);
        day[day_characters] = '\0';
        uint8_t next[hash_bytes];
        keyed_hash((const uint8_t *)secret, (size_t)size, day, key);
        keyed_hash(key, hash_bytes, credentials->region, next);
        keyed_hash(next, hash_bytes, credentials->service, key);
        keyed_hash(key, hash_bytes, "aws4_request", next);
        memcpy(key, next, hash_bytes);
        OPENSSL_cleanse(next, sizeof(next));
    }
    OPENSSL_cleanse(secret, sizeof(secret));
    return fits;
}

static int compare_names(const void *left, const void *right) {
    const struct ph_sigv4_pair *one = left, *other = right;
    return strcmp(one->name, other->name);
}

/* Without spaces around, and one where there are more. */
static void append_trimmed(struct ph_builder *builder, const char *value) {
    bool is_pending = false;
    size_t begin = builder->size;
    for (; *value; value++) {
        if (*value == ' ' || *value == '\t') {
            is_pending = builder->size > begin;
            continue;
        }
        if (is_pending)
            ph_builder_text(builder, " ");
        is_pending = false;
        ph_builder_append(builder, value, 1);
    }
}

static void append_names(struct ph_builder *builder, const struct ph_sigv4_pair *sorted, size_t count) {
    for (size_t i = 0; i < count; i++)
        ph_builder_format(builder, "%s%s", i ? ";" : "", sorted[i].name);
}

/* Also tells the names of the signed headers. `query` stands as it will be sent. */
static int append_canonical(struct ph_builder *canonical, const struct ph_sigv4_request *request,
    const struct ph_builder *query, struct ph_builder *names) {
    struct ph_sigv4_pair sorted[PH_SIGV4_MOST_PAIRS];
    if (request->header_count > PH_SIGV4_MOST_PAIRS)
        return -EINVAL;
    for (size_t i = 0; i < request->header_count; i++)
        sorted[i] = request->headers[i];
    qsort(sorted, request->header_count, sizeof(sorted[0]), compare_names);
    append_names(names, sorted, request->header_count);
    ph_builder_format(canonical, "%s\n", request->method);
    ph_sigv4_encode_path(canonical, request->path);
    ph_builder_text(canonical, "\n");
    ph_builder_append(canonical, query->data, query->size);
    ph_builder_text(canonical, "\n");
    for (size_t i = 0; i < request->header_count; i++) {
        ph_builder_format(canonical, "%s:", sorted[i].name);
        append_trimmed(canonical, sorted[i].value);
        ph_builder_text(canonical, "\n");
    }
    ph_builder_text(canonical, "\n");
    ph_builder_append(canonical, names->data, names->size);
    ph_builder_format(canonical, "\n%s", request->payload_hash);
    return ph_builder_ok(canonical) && ph_builder_ok(names) && ph_builder_ok(query) ? 0 : -ENOMEM;
}

/* The signature in hex, and the names of the signed headers. */
static int make_signature(const struct ph_sigv4_credentials *credentials,
    const struct ph_sigv4_request *request, const struct ph_builder *query, const char *date,
    struct ph_builder *names, char hex[PH_SIGV4_HEX_BYTES]) {
    struct ph_builder canonical = {0};
    uint8_t hash[hash_bytes], key[hash_bytes];
    char scope[scope_bytes], text[scope_bytes + 128];
    int code = append_canonical(&canonical, request, query, names);
    if (code < 0)
        goto out;
    code = -EINVAL;
    if (!scope_of(credentials, date, scope) || !derive_key(credentials, date, key))
        goto out;
    code = ph_sha256((struct ph_slice){canonical.data, canonical.size}, hash);
    if (code < 0)
        goto out;
    ph_hex_write(hash, sizeof(hash), hex);
    snprintf(text, sizeof(text), "%s\n%s\n%s\n%s", algorithm, date, scope, hex);
    keyed_hash(key, sizeof(key), text, hash);
    ph_hex_write(hash, sizeof(hash), hex);
    code = 0;
out:
    OPENSSL_cleanse(key, sizeof(key));
    ph_builder_discard(&canonical);
    return code;
}

int ph_sigv4_sign(const struct ph_sigv4_credentials *credentials, const struct ph_sigv4_request *request,
    const char date[PH_SIGV4_DATE_BYTES], struct ph_builder *authorization) {
    struct ph_builder names = {0}, query = {0};
    char hex[PH_SIGV4_HEX_BYTES];
    int code = ph_sigv4_encode_query(&query, request->query, request->query_count);
    if (!code)
        code = make_signature(credentials, request, &query, date, &names, hex);
    if (!code) {
        ph_builder_format(authorization, "%s Credential=%s/%.*s/%s/%s/aws4_request,SignedHeaders=%.*s,",
            algorithm, credentials->access_key, day_characters, date, credentials->region,
            credentials->service, (int)names.size, (const char *)names.data);
        ph_builder_format(authorization, "Signature=%s", hex);
        code = ph_builder_ok(authorization) ? 0 : -ENOMEM;
    }
    ph_builder_discard(&names);
    ph_builder_discard(&query);
    return code;
}

/* What the scheme adds to a query, but for the signature. Borrows its arguments. */
static size_t own_pairs(struct ph_sigv4_pair pairs[most_own_pairs],
    const struct ph_sigv4_credentials *credentials, const char *credential, const char *date,
    const char *ttl) {
    size_t count = 0;
    pairs[count++] = (struct ph_sigv4_pair){"X-Amz-Algorithm", algorithm};
    pairs[count++] = (struct ph_sigv4_pair){"X-Amz-Credential", credential};
    pairs[count++] = (struct ph_sigv4_pair){"X-Amz-Date", date};
    pairs[count++] = (struct ph_sigv4_pair){"X-Amz-Expires", ttl};
    pairs[count++] = (struct ph_sigv4_pair){"X-Amz-SignedHeaders", "host"};
    if (credentials->session_token && *credentials->session_token)
        pairs[count++] = (struct ph_sigv4_pair){"X-Amz-Security-Token", credentials->session_token};
    return count;
}

static bool credential_of(
    const struct ph_sigv4_credentials *credentials, const char *date, char credential[scope_bytes + 136]) {
    char scope[scope_bytes];
    return strlen(credentials->access_key) <= 128 && scope_of(credentials, date, scope) &&
           snprintf(credential, scope_bytes + 136, "%s/%s", credentials->access_key, scope) > 0;
}

/* Signs `pairs`, appended to `query` in their order. */
static int sign_query(const struct ph_sigv4_credentials *credentials, const struct ph_sigv4_request *request,
    const struct ph_sigv4_pair *pairs, size_t count, struct ph_builder *query, char hex[PH_SIGV4_HEX_BYTES]) {
    struct ph_sigv4_request unsigned_payload = *request;
    struct ph_builder names = {0};
    unsigned_payload.payload_hash = "UNSIGNED-PAYLOAD";
    int code = ph_sigv4_encode_query(query, pairs, count);
    if (!code)
        code = make_signature(credentials, &unsigned_payload, query,
            ph_sigv4_pair_find(pairs, count, "X-Amz-Date"), &names, hex);
    ph_builder_discard(&names);
    return code;
}

int ph_sigv4_presign(const struct ph_sigv4_credentials *credentials, const struct ph_sigv4_request *request,
    int64_t utc_us, uint32_t ttl_s, struct ph_builder *query) {
    struct ph_sigv4_pair pairs[PH_SIGV4_MOST_PAIRS + most_own_pairs];
    char date[PH_SIGV4_DATE_BYTES], credential[scope_bytes + 136], ttl[16], hex[PH_SIGV4_HEX_BYTES];
    if (request->query_count > PH_SIGV4_MOST_PAIRS || ttl_s == 0 || ttl_s > PH_SIGV4_MOST_TTL_S)
        return -EINVAL;
    ph_sigv4_date(utc_us, date);
    if (!credential_of(credentials, date, credential))
        return -EINVAL;
    snprintf(ttl, sizeof(ttl), "%u", ttl_s);
    size_t count = own_pairs(pairs, credentials, credential, date, ttl);
    for (size_t i = 0; i < request->query_count; i++)
        pairs[count++] = request->query[i];
    struct ph_builder built = {0};
    int code = sign_query(credentials, request, pairs, count, &built, hex);
    if (!code) {
        ph_builder_append(query, built.data, built.size);
        ph_builder_format(query, "&X-Amz-Signature=%s", hex);
        code = ph_builder_ok(query) ? 0 : -ENOMEM;
    }
    ph_builder_discard(&built);
    return code;
}

/* 20130524T000000Z; -1: it is none. */
static int64_t parse_date(const char *date) {
    struct tm parts = {0};
    char again[PH_SIGV4_DATE_BYTES];
    const char *end = strptime(date, "%Y%m%dT%H%M%SZ", &parts);
    if (!end || *end)
        return -1;
    int64_t utc_us = (int64_t)timegm(&parts) * PH_SECOND_US;
    ph_sigv4_date(utc_us, again);
    return strcmp(date, again) == 0 ? utc_us : -1;
}

static int64_t parse_ttl(const char *text) {
    char *end;
    if (*text < '1' || *text > '9' || strlen(text) > 6)
        return -1;
    long ttl_s = strtol(text, &end, 10);
    return *end || ttl_s > PH_SIGV4_MOST_TTL_S ? -1 : ttl_s;
}

static bool is_same(const char *text, const char *expected) {
    return text && strcmp(text, expected) == 0;
}

int ph_sigv4_verify(
    const struct ph_sigv4_credentials *credentials, const struct ph_sigv4_request *request, int64_t utc_us) {
    const struct ph_sigv4_pair *query = request->query;
    size_t count = request->query_count, signed_count = 0;
    const char *date = ph_sigv4_pair_find(query, count, "X-Amz-Date");
    const char *ttl = ph_sigv4_pair_find(query, count, "X-Amz-Expires");
    const char *signature = ph_sigv4_pair_find(query, count, "X-Amz-Signature");
    struct ph_sigv4_pair pairs[PH_SIGV4_MOST_PAIRS];
    char credential[scope_bytes + 136], hex[PH_SIGV4_HEX_BYTES];
    int64_t signed_us = date ? parse_date(date) : -1, ttl_s = ttl ? parse_ttl(ttl) : -1;
    if (count > PH_SIGV4_MOST_PAIRS || signed_us < 0 || ttl_s < 0 || !signature ||
        !is_same(ph_sigv4_pair_find(query, count, "X-Amz-Algorithm"), algorithm) ||
        !is_same(ph_sigv4_pair_find(query, count, "X-Amz-SignedHeaders"), "host"))
        return -EINVAL;
    if (!credential_of(credentials, date, credential))
        return -EINVAL;
    if (!is_same(ph_sigv4_pair_find(query, count, "X-Amz-Credential"), credential))
        return -EACCES;
    for (size_t i = 0; i < count; i++) {
        if (query[i].value != signature)
            pairs[signed_count++] = query[i];
    }
    struct ph_builder built = {0};
    int code = sign_query(credentials, request, pairs, signed_count, &built, hex);
    ph_builder_discard(&built);
    if (code < 0)
        return code;
    if (strlen(signature) != sizeof(hex) - 1 || CRYPTO_memcmp(signature, hex, sizeof(hex) - 1) != 0 ||
        signed_us > utc_us + most_ahead_us)
        return -EACCES;
    return utc_us > signed_us + ttl_s * PH_SECOND_US ? -ETIME : 0;
}
