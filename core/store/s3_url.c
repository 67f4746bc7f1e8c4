#include "core/store/s3_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/sigv4.h"
#include "core/store/store.h"

static const char scheme[] = "s3://";
static const char small[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static int refuse(struct ph_error *error, const char *what) {
    return ph_error_set(error, -EINVAL, "archive_url: %s", what);
}

static bool is_made_of(const char *text, const char *characters) {
    return *text && !text[strspn(text, characters)];
}

static int take_bucket(struct ph_s3_place *place, const char *text, size_t size, struct ph_error *error) {
    if (memchr(text, '@', size))
        return refuse(error, "credentials do not belong in the address; set AWS_ACCESS_KEY_ID and "
                             "AWS_SECRET_ACCESS_KEY in the environment");
    if (size < 3 || size >= sizeof(place->bucket))
        return refuse(error, "a bucket's name has 3 to 63 characters, as in s3://bucket/prefix");
    memcpy(place->bucket, text, size);
    place->bucket[size] = '\0';
    if (!is_made_of(place->bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") ||
        !strchr(small, place->bucket[0]) || !strchr(small, place->bucket[size - 1]) ||
        strstr(place->bucket, ".."))
        return refuse(error, "a bucket's name is made of a-z, 0-9, '.' and '-', and begins and ends with a "
                             "letter or digit");
    return 0;
}

/* Keys are as long as the contract says beside a prefix; the server takes 1024 bytes. */
static int take_prefix(struct ph_s3_place *place, const char *text, size_t size, struct ph_error *error) {
    while (size && text[size - 1] == '/')
        size--;
    if (!size)
        return 0;
    if (size + 2 > sizeof(place->prefix))
        return refuse(error, "the prefix is too long");
    memcpy(place->prefix, text, size);
    if (!ph_store_key_is_valid(place->prefix))
        return refuse(error, "a prefix is made of A-Z, a-z, 0-9, '.', '_', '-' and single slashes");
    place->prefix[size] = '/';
    return 0;
}

static bool port_is_valid(const char *port) {
    return is_made_of(port, "0123456789") && strlen(port) <= 5 && atoi(port) > 0 && atoi(port) <= 65535;
}

/* http://name:port or https://…, nothing after it. */
static int take_endpoint(struct ph_s3_place *place, const char *endpoint, struct ph_error *error) {
    static const char sentence[] = "endpoint is to be http://host:port or https://host:port";
    place->is_secure = strncmp(endpoint, "https://", 8) == 0;
    if (!place->is_secure && strncmp(endpoint, "http://", 7) != 0)
        return refuse(error, sentence);
    const char *host = endpoint + (place->is_secure ? 8 : 7);
    size_t size = strlen(host);
    if (size && host[size - 1] == '/')
        size--;
    if (!size || size >= sizeof(place->host) - PH_S3_BUCKET_BYTES)
        return refuse(error, sentence);
    memcpy(place->host, host, size);
    place->host[size] = '\0';
    char *port = strrchr(place->host, ':');
    if (port && strchr(port, ']'))
        port = NULL; /* of an IPv6 address without a port */
    if (port && !port_is_valid(port + 1))
        return refuse(error, sentence);
    if (port && strcmp(port, place->is_secure ? ":443" : ":80") == 0)
        *port = '\0';
    bool is_six = place->host[0] == '[';
    if (!is_made_of(place->host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]") ||
        (!is_six && (strpbrk(place->host, "[]") || strchr(place->host, ':') != strrchr(place->host, ':'))) ||
        place->host[0] == ':')
        return refuse(error, sentence);
    return 0;
}

static int take_region(struct ph_s3_place *place, const char *region, struct ph_error *error) {
    if (strlen(region) >= sizeof(place->region) ||
        !is_made_of(region, "abcdefghijklmnopqrstuvwxyz0123456789-"))
        return refuse(error, "region is a name like eu-central-1");
    snprintf(place->region, sizeof(place->region), "%s", region);
    return 0;
}

static int take_style(struct ph_s3_place *place, const char *style, struct ph_error *error) {
    if (strcmp(style, "path") != 0 && strcmp(style, "virtual") != 0)
        return refuse(error, "style is path (https://host/bucket/key) or virtual (https://bucket.host/key)");
    place->is_path_style = style[0] == 'p';
    return 0;
}

/* Amazon's certificates stand for one label in front: a bucket with a dot goes into the path. */
static void take_amazon(struct ph_s3_place *place, bool has_style) {
    place->is_secure = true;
    snprintf(place->host, sizeof(place->host), "s3.%s.amazonaws.com%s", place->region,
        strncmp(place->region, "cn-", 3) == 0 ? ".cn" : "");
    if (!has_style)
        place->is_path_style = strchr(place->bucket, '.') != NULL;
}

static void put_bucket_in_front(struct ph_s3_place *place) {
    char host[PH_S3_HOST_BYTES];
    memcpy(host, place->host, sizeof(host));
    snprintf(place->host, sizeof(place->host), "%s.%.*s", place->bucket,
        (int)(sizeof(host) - PH_S3_BUCKET_BYTES - 1), host);
}

static int take_options(
    struct ph_s3_place *place, const struct ph_sigv4_query *options, struct ph_error *error) {
    static const char *const known[] = {"endpoint", "region", "style"};
    for (size_t i = 0; i < options->count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < sizeof(known) / sizeof(known[0]); j++)
            is_known = is_known || strcmp(options->pairs[i].name, known[j]) == 0;
        if (!is_known)
            return refuse(error, "of s3://bucket/prefix?… only endpoint, region and style are known");
    }
    const char *endpoint = ph_sigv4_pair_find(options->pairs, options->count, "endpoint");
    const char *region = ph_sigv4_pair_find(options->pairs, options->count, "region");
    const char *style = ph_sigv4_pair_find(options->pairs, options->count, "style");
    place->is_path_style = endpoint != NULL;
    int code = take_region(place, region ? region : "us-east-1", error);
    if (!code && style)
        code = take_style(place, style, error);
    if (!code && endpoint)
        code = take_endpoint(place, endpoint, error);
    if (code < 0)
        return code;
    if (!endpoint)
        take_amazon(place, style != NULL);
    if (!place->is_path_style)
        put_bucket_in_front(place);
    return 0;
}

int ph_s3_url_parse(struct ph_s3_place *place, const char *url, struct ph_error *error) {
    *place = (struct ph_s3_place){0};
    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
        return refuse(error, "it does not begin with s3://");
    const char *bucket = url + sizeof(scheme) - 1;
    size_t bucket_size = strcspn(bucket, "/?#");
    const char *path = bucket + bucket_size;
    size_t path_size = strcspn(path, "?#");
    if (path[path_size] == '#')
        return refuse(error, "there is no '#' in s3://bucket/prefix?endpoint=…");
    int code = take_bucket(place, bucket, bucket_size, error);
    if (!code)
        code = path_size ? take_prefix(place, path + 1, path_size - 1, error) : 0;
    if (code < 0)
        return code;
    struct ph_sigv4_query options;
    code = ph_sigv4_query_parse(&options, path[path_size] == '?' ? path + path_size + 1 : "");
    if (code == -EINVAL)
        refuse(error, "what follows the '?' is name=value, joined by '&', each once");
    else if (!code)
        code = take_options(place, &options, error);
    ph_sigv4_query_finish(&options);
    return code;
}
