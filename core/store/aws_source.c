#include "core/store/aws_source.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/file.h"

enum { most_file = 64 * 1024 };

static const char container_host[] = "http://169.254.170.2";
static const char instance_url[] = "http://169.254.169.254";
static const char instance_url_v6[] = "http://[fd00:ec2::254]";

/* NULL: not set, or empty. */
static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static int keep(char **text, const char *value) {
    *text = strdup(value);
    return *text ? 0 : -ENOMEM;
}

static int fetch_from_environment(struct ph_aws_keys **keys, struct ph_error *error) {
    const char *access_key = variable("AWS_ACCESS_KEY_ID"), *secret_key = variable("AWS_SECRET_ACCESS_KEY");
    *keys = NULL;
    if (!access_key || !secret_key)
        return ph_error_set(error, -EINVAL,
            "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is in the environment: set both");
    int code = ph_aws_keys_create(keys, access_key, secret_key, variable("AWS_SESSION_TOKEN"), INT64_MAX);
    if (code == -EINVAL)
        ph_error_set(error, code,
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN is no such thing: it has a space "
            "in it, or is too long");
    return code;
}

static int fetch_from_profile(
    struct ph_aws_source *source, struct ph_aws_keys **keys, struct ph_error *error) {
    struct ph_bytes *text;
    struct stat status;
    char name[64];
    *keys = NULL;
    if (stat(source->path, &status) == 0) { /* before it is read: a change in between is seen later */
        source->changed = status.st_mtim;
        source->inode = status.st_ino;
    }
    int code = ph_file_load(source->path, most_file, &text);
    if (code)
        return ph_error_set(
            error, code, "%s cannot be read: %s", source->path, ph_error_name(code, name, sizeof(name)));
    code = ph_aws_keys_parse_profile(keys, ph_bytes_slice(text), source->profile);
    OPENSSL_cleanse(ph_bytes_writable(text), ph_bytes_size(text));
    ph_bytes_unref(&text);
    if (code == -ENOENT)
        ph_error_set(error, code,
            "%s has no aws_access_key_id and aws_secret_access_key in the profile %s (roles and programs "
            "that a "
            "profile names are not followed)",
            source->path, source->profile);
    else if (code)
        ph_error_set(error, code, "%s is no credentials file, or the keys of its profile %s are none",
            source->path, source->profile);
    return code;
}

/* -ENOENT: nobody asks for a file, and there is none with these keys. */
static int open_profile(struct ph_aws_source *source, struct ph_error *error) {
    const char *path = variable("AWS_SHARED_CREDENTIALS_FILE"), *profile = variable("AWS_PROFILE");
    const char *folder = variable("HOME");
    bool is_asked_for = path || profile;
    struct ph_aws_keys *keys;
    char usual[1024];
    if (!path &&
        (!folder || (size_t)snprintf(usual, sizeof(usual), "%s/.aws/credentials", folder) >= sizeof(usual)))
        return is_asked_for
                   ? ph_error_set(error, -EINVAL, "AWS_PROFILE needs AWS_SHARED_CREDENTIALS_FILE or HOME")
                   : -ENOENT;
    source->kind = PH_AWS_FROM_PROFILE;
    int code = keep(&source->path, path ? path : usual);
    if (!code)
        code = keep(&source->profile, profile ? profile : "default");
    if (!code)
        code = fetch_from_profile(source, &keys, error);
    if (!code)
        ph_aws_keys_unref(&keys);
    if (code && !is_asked_for && (code == -ENOENT || code == -ENOTDIR || code == -EACCES))
        return -ENOENT;
    return code && code != -ENOMEM ? -EINVAL : code;
}

/* -ENOENT: this is no container that has an endpoint. */
static int open_container(struct ph_aws_source *source, struct ph_error *error) {
    const char *relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const char *token_file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    char url[1024];
    if (!relative && !full)
        return -ENOENT;
    if (relative && (*relative != '/' || strlen(relative) > sizeof(url) - sizeof(container_host)))
        return ph_error_set(error, -EINVAL,
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is a path of %zu characters at most, beginning with a "
            "slash",
            sizeof(url) - sizeof(container_host));
    if (!relative && strncmp(full, "http://", 7) != 0 && strncmp(full, "https://", 8) != 0)
        return ph_error_set(
            error, -EINVAL, "AWS_CONTAINER_CREDENTIALS_FULL_URI begins with http:// or https://");
    if (relative)
        snprintf(url, sizeof(url), "%s%s", container_host, relative);
    source->kind = PH_AWS_FROM_CONTAINER;
    int code = keep(&source->url, relative ? url : full);
    if (!code && token_file)
        code = keep(&source->token_file, token_file);
    else if (!code && token)
        code = keep(&source->token, token);
    return code;
}

static int open_instance(struct ph_aws_source *source, struct ph_error *error) {
    const char *disabled = variable("AWS_EC2_METADATA_DISABLED");
    const char *url = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (disabled && strcasecmp(disabled, "true") == 0)
        return ph_error_set(error, -EINVAL,
            "the archive's bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or "
            "another of the places that AWS's programs look at");
    if (!url)
        url = mode && strcasecmp(mode, "IPv6") == 0 ? instance_url_v6 : instance_url;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return ph_error_set(
            error, -EINVAL, "AWS_EC2_METADATA_SERVICE_ENDPOINT begins with http:// or https://");
    source->kind = PH_AWS_FROM_INSTANCE;
    int code = keep(&source->url, url);
    size_t size = code ? 0 : strlen(source->url);
    if (size && source->url[size - 1] == '/')
        source->url[size - 1] = '\0';
    return code;
}

int ph_aws_source_open(struct ph_aws_source *source, struct ph_error *error) {
    struct ph_aws_keys *keys;
    *source = (struct ph_aws_source){.kind = PH_AWS_FROM_ENVIRONMENT};
    if (variable("AWS_ACCESS_KEY_ID") || variable("AWS_SECRET_ACCESS_KEY")) {
        int code = fetch_from_environment(&keys, error);
        ph_aws_keys_unref(&keys);
        return code;
    }
    int code = open_profile(source, error);
    if (code == -ENOENT)
        code = open_container(source, error);
    if (code == -ENOENT)
        code = open_instance(source, error);
    return code || !source->url ? code : ph_http_client_create(&source->client);
}

void ph_aws_source_close(struct ph_aws_source *source) {
    if (source->token)
        OPENSSL_cleanse(source->token, strlen(source->token));
    free(source->path);
    free(source->profile);
    free(source->url);
    free(source->token);
    free(source->token_file);
    ph_http_client_destroy(source->client);
    *source = (struct ph_aws_source){.kind = PH_AWS_FROM_ENVIRONMENT};
}

void ph_aws_source_cancel(struct ph_aws_source *source) {
    if (source->client)
        ph_http_client_cancel(source->client);
}

int ph_aws_source_fetch(struct ph_aws_source *source, struct ph_aws_keys **keys, struct ph_error *error) {
    switch (source->kind) {
    case PH_AWS_FROM_PROFILE:
        return fetch_from_profile(source, keys, error);
    case PH_AWS_FROM_CONTAINER:
        return ph_aws_fetch_from_container(source, keys, error);
    case PH_AWS_FROM_INSTANCE:
        return ph_aws_fetch_from_instance(source, keys, error);
    default:
        return fetch_from_environment(keys, error);
    }
}

bool ph_aws_source_has_changed(const struct ph_aws_source *source) {
    struct stat status;
    return source->kind == PH_AWS_FROM_PROFILE && stat(source->path, &status) == 0 &&
           (status.st_ino != source->inode || status.st_mtim.tv_sec != source->changed.tv_sec ||
               status.st_mtim.tv_nsec != source->changed.tv_nsec);
}

const char *ph_aws_source_name(const struct ph_aws_source *source) {
    static const char *const names[] = {"environment", "profile", "container", "instance"};
    return names[source->kind];
}
