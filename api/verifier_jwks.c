/* Tokens signed with RS256 or ES256 by a key of the JWKS file. The node's own tokens, signed with HS256 by
 * its secret, hold beside them: which key proves a token follows from its algorithm, and each key is for one
 * algorithm alone (RFC 8725, section 3.1).
 *
 * The file is looked at again when a token comes and the last look is a second old, so a key holds while it
 * is in the file; what cannot be read or parsed changes nothing. */
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/auth.h"
#include "api/base64url.h"
#include "api/jwks.h"
#include "api/verifier.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum { MOST_HEADER_BYTES = 1024 };

static const int64_t look_interval_us = 1 * PH_SECOND_US;

struct jwks_verifier {
    struct ph_verifier base;
    struct ph_verifier *own; /* HS256 */
    char *path;
    pthread_mutex_t lock;
    struct ph_jwks set;   /* guarded by lock */
    struct stat seen;     /* of the file as it was looked at last; guarded by lock */
    int64_t looked_at_us; /* guarded by lock */
};

static int read_file(const char *path, struct stat *seen, struct ph_bytes **content) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = fstat(fd, seen) < 0 ? -errno : 0;
    if (code == 0 && (seen->st_size < 1 || seen->st_size > PH_MOST_JWKS_BYTES))
        code = -EFBIG;
    *content = code == 0 ? ph_bytes_create((size_t)seen->st_size) : NULL;
    if (code == 0 && !*content)
        code = -ENOMEM;
    if (code == 0 && read(fd, ph_bytes_writable(*content), (size_t)seen->st_size) != (ssize_t)seen->st_size)
        code = -EIO;
    close(fd);
    if (code < 0)
        ph_bytes_unref(content);
    return code;
}

/* Replaces the set by the file's. Call with the lock. */
static int load(struct jwks_verifier *verifier, struct ph_error *error) {
    struct ph_bytes *content = NULL;
    struct ph_jwks set;
    char reason[64];
    int code = read_file(verifier->path, &verifier->seen, &content);
    if (code < 0)
        return ph_error_set(
            error, code, "it cannot be read: %s", ph_error_name(code, reason, sizeof(reason)));
    code = ph_jwks_parse(ph_bytes_slice(content), &set, error);
    ph_bytes_unref(&content);
    if (code < 0)
        return code;
    ph_jwks_finish(&verifier->set);
    verifier->set = set;
    return 0;
}

static bool has_changed(const struct stat *a, const struct stat *b) {
    return a->st_ino != b->st_ino || a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
           a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* Call with the lock. */
static void look(struct jwks_verifier *verifier) {
    struct stat now;
    struct ph_error error = {""};
    if (ph_now_us() - verifier->looked_at_us < look_interval_us)
        return;
    verifier->looked_at_us = ph_now_us();
    if (stat(verifier->path, &now) < 0 || !has_changed(&now, &verifier->seen))
        return;
    if (load(verifier, &error) < 0)
        ph_log_warning("the keys of the main app stay as they were: mend PORTHOLE_JWKS_FILE",
            ph_str("file", verifier->path), ph_str("reason", error.text));
    else
        ph_log_info("keys of the main app read again", ph_int("keys", (int64_t)verifier->set.count));
}

/* What the token says of itself, to be believed only as far as a key agrees. */
static int read_header(const char *token, char id[PH_KEY_ID_BYTES], jwt_alg_t *algorithm) {
    uint8_t text[MOST_HEADER_BYTES];
    int size = ph_base64url_decode(token, strcspn(token, "."), text, sizeof(text));
    json_t *header = size < 0 ? NULL : json_loadb((char *)text, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(header, "alg"));
    const char *kid = json_string_value(json_object_get(header, "kid"));
    bool is_good = name && (!kid || strlen(kid) < PH_KEY_ID_BYTES);
    *algorithm = !is_good                     ? JWT_ALG_NONE
                 : strcmp(name, "RS256") == 0 ? JWT_ALG_RS256
                 : strcmp(name, "ES256") == 0 ? JWT_ALG_ES256
                 : strcmp(name, "HS256") == 0 ? JWT_ALG_HS256
                                              : JWT_ALG_NONE;
    strcpy(id, is_good && kid ? kid : "");
    json_decref(header);
    return *algorithm == JWT_ALG_NONE ? -EACCES : 0;
}

/* A copy of the PEM text, malloc'ed; NULL when there is no such key. */
static char *find_pem(struct jwks_verifier *verifier, const char *id, jwt_alg_t algorithm) {
    pthread_mutex_lock(&verifier->lock);
    look(verifier);
    const struct ph_jwk *key = ph_jwks_find(&verifier->set, id, algorithm);
    char *pem = key ? strdup(key->pem) : NULL;
    pthread_mutex_unlock(&verifier->lock);
    return pem;
}

static int verify(const struct ph_verifier *base, const char *token, char **claims, struct ph_error *error) {
    struct jwks_verifier *verifier = (struct jwks_verifier *)base;
    char id[PH_KEY_ID_BYTES];
    jwt_alg_t algorithm;
    if (read_header(token, id, &algorithm) < 0)
        return ph_error_set(error, -EACCES, "the token must be signed with RS256 or ES256");
    if (algorithm == JWT_ALG_HS256)
        return verifier->own->impl->verify(verifier->own, token, claims, error);
    char *pem = find_pem(verifier, id, algorithm);
    if (!pem)
        return ph_error_set(error, -EACCES, "the token's key is not known");
    int code = ph_verifier_check(token, algorithm, pem, claims);
    free(pem);
    if (code == -EACCES)
        return ph_error_set(error, code, "the token's signature does not hold");
    return code;
}

static void reload(struct ph_verifier *base) {
    struct jwks_verifier *verifier = (struct jwks_verifier *)base;
    pthread_mutex_lock(&verifier->lock);
    verifier->looked_at_us = -look_interval_us;
    verifier->seen = (struct stat){0};
    look(verifier);
    pthread_mutex_unlock(&verifier->lock);
}

static void destroy(struct ph_verifier *base) {
    struct jwks_verifier *verifier = (struct jwks_verifier *)base;
    ph_verifier_destroy(verifier->own);
    ph_jwks_finish(&verifier->set);
    pthread_mutex_destroy(&verifier->lock);
    free(verifier->path);
    free(verifier);
}

int ph_verifier_jwks_create(
    struct ph_verifier **result, const char *path, const char *secret, struct ph_error *error) {
    static const struct ph_verifier_impl impl = {.verify = verify, .reload = reload, .destroy = destroy};
    struct jwks_verifier *verifier = calloc(1, sizeof(*verifier));
    struct ph_error reason = {""};
    if (!verifier)
        return ph_error_set(error, -ENOMEM, "out of memory");
    verifier->base.impl = &impl;
    verifier->looked_at_us = ph_now_us();
    pthread_mutex_init(&verifier->lock, NULL);
    verifier->path = strdup(path);
    int code = verifier->path ? ph_verifier_hs256_create(&verifier->own, secret) : -ENOMEM;
    if (code == 0)
        code = load(verifier, &reason);
    if (code < 0) {
        destroy(&verifier->base);
        return ph_error_set(
            error, code, "PORTHOLE_JWKS_FILE %s: %s", path, *reason.text ? reason.text : "out of memory");
    }
    *result = &verifier->base;
    return 0;
}
