/* Addresses of a folder's objects, signed as a bucket's are. The host that is signed is nobody's: proxies in
 * front, and nodes that know themselves by other names, may change the one that a request comes by. */
#include <stdio.h>
#include <string.h>

#include "core/store/disposition.h"
#include "core/store/store_file.h"

static struct ph_sigv4_credentials credentials_of(const struct ph_store_file *store) {
    return (struct ph_sigv4_credentials){
        .access_key = "porthole", .secret_key = store->secret, .region = "local", .service = "s3"};
}

static const struct ph_sigv4_pair host = {"host", "archive"};

enum { path_bytes = PH_STORE_KEY_BYTES + 16 };

static void path_of(const char *key, char path[path_bytes]) {
    snprintf(path, path_bytes, "/archive/%s", key);
}

int ph_store_file_sign(
    struct ph_store *base, const struct ph_store_link *link, char url[PH_STORE_URL_BYTES]) {
    const struct ph_store_file *store = ph_store_file_of(base);
    const struct ph_sigv4_credentials credentials = credentials_of(store);
    char path[path_bytes], disposition[PH_DISPOSITION_BYTES];
    struct ph_sigv4_pair query[2];
    struct ph_sigv4_request request = {
        .method = "GET", .path = path, .query = query, .headers = &host, .header_count = 1};
    struct ph_builder builder = {0};
    path_of(link->key, path);
    if (link->filename) {
        ph_disposition(link->filename, disposition);
        query[request.query_count++] = (struct ph_sigv4_pair){"response-content-disposition", disposition};
    }
    if (link->content_type)
        query[request.query_count++] = (struct ph_sigv4_pair){"response-content-type", link->content_type};
    ph_builder_format(&builder, "%s%s?", store->public_url, path);
    int code = ph_sigv4_presign(&credentials, &request, ph_clock_utc_us(base->clock), link->ttl_s, &builder);
    if (code == 0 && builder.size >= PH_STORE_URL_BYTES)
        code = -EINVAL;
    if (code == 0) {
        memcpy(url, builder.data, builder.size);
        url[builder.size] = '\0';
    }
    ph_builder_discard(&builder);
    return code;
}

int ph_store_file_verify(
    const struct ph_store_file *store, const char *key, const struct ph_sigv4_pair *query, size_t count) {
    const struct ph_sigv4_credentials credentials = credentials_of(store);
    char path[path_bytes];
    path_of(key, path);
    return ph_sigv4_verify(&credentials,
        &(struct ph_sigv4_request){.method = "GET",
            .path = path,
            .query = query,
            .query_count = count,
            .headers = &host,
            .header_count = 1},
        ph_clock_utc_us(store->base.clock));
}
