#include "core/store/store_s3.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

static void cancel(struct ph_store *store) {
    struct ph_store_s3 *s3 = ph_store_s3_of(store);
    ph_s3_engine_cancel(s3->engine);
    pthread_mutex_lock(&s3->pause_lock);
    pthread_cond_broadcast(&s3->pause);
    pthread_mutex_unlock(&s3->pause_lock);
}

static void free_secret(const char *secret) {
    if (secret)
        OPENSSL_cleanse((void *)(uintptr_t)secret, strlen(secret));
    free((void *)(uintptr_t)secret);
}

static void destroy(struct ph_store *store) {
    struct ph_store_s3 *s3 = ph_store_s3_of(store);
    ph_s3_engine_destroy(s3->engine);
    free_secret(s3->credentials.access_key);
    free_secret(s3->credentials.secret_key);
    free_secret(s3->credentials.session_token);
    free(s3->storage_class);
    free(s3->encryption);
    free(s3->encryption_key);
    pthread_cond_destroy(&s3->pause);
    pthread_mutex_destroy(&s3->pause_lock);
    for (size_t i = 0; i < PH_S3_PUT_LOCKS; i++)
        pthread_mutex_destroy(&s3->put_locks[i]);
    ph_store_finish(&s3->base);
    free(s3);
}

static const struct ph_store_impl impl = {
    .cancel = cancel,
    .destroy = destroy,
    .put = ph_store_s3_put,
    .get = ph_store_s3_get,
    .head = ph_store_s3_head,
    .remove = ph_store_s3_remove,
    .remove_all = ph_store_s3_remove_all,
    .copy = ph_store_s3_copy,
    .list = ph_store_s3_list,
    .restore = ph_store_s3_restore,
    .sign = ph_store_s3_sign,
    .begin = ph_store_s3_begin,
    .resume = ph_store_s3_resume,
    .apply_rules = ph_store_s3_apply_rules,
};

/* Stands in a header: no space, no control character. */
static bool is_word(const char *text) {
    for (; *text; text++) {
        if (*text <= ' ' || *text >= 0x7f)
            return false;
    }
    return true;
}

static int take_credentials(struct ph_store_s3 *s3, struct ph_error *error) {
    const char *access_key = getenv("AWS_ACCESS_KEY_ID"), *secret_key = getenv("AWS_SECRET_ACCESS_KEY");
    const char *token = getenv("AWS_SESSION_TOKEN");
    if (!access_key || !*access_key || !secret_key || !*secret_key)
        return ph_error_set(error, -EINVAL,
            "the archive's bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment");
    if (!is_word(access_key) || strlen(access_key) > 128 || !is_word(secret_key) ||
        strlen(secret_key) > 200 || (token && !is_word(token)))
        return ph_error_set(error, -EINVAL,
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN is no such thing: it has a space "
            "in "
            "it, or is too long");
    s3->credentials.access_key = strdup(access_key);
    s3->credentials.secret_key = strdup(secret_key);
    s3->credentials.region = s3->place.region;
    s3->credentials.service = "s3";
    bool ok = s3->credentials.access_key && s3->credentials.secret_key;
    if (token && *token)
        ok = (s3->credentials.session_token = strdup(token)) && ok;
    return ok ? 0 : -ENOMEM;
}

static int take_options(
    struct ph_store_s3 *s3, const struct ph_store_options *options, struct ph_error *error) {
    static const char kms[] = "aws:kms:";
    const char *encryption = options->encryption ? options->encryption : "";
    const char *class = options->storage_class ? options->storage_class : "";
    bool has_key = strncmp(encryption, kms, sizeof(kms) - 1) == 0 && encryption[sizeof(kms) - 1];
    if (*encryption && strcmp(encryption, "AES256") != 0 && strcmp(encryption, "aws:kms") != 0 && !has_key)
        return ph_error_set(
            error, -EINVAL, "archive encryption is AES256, aws:kms or aws:kms:<key id>, or left out");
    if (!is_word(encryption) || !is_word(class))
        return ph_error_set(error, -EINVAL, "archive encryption and storage class have no spaces in them");
    s3->storage_class = strdup(class);
    s3->encryption = has_key ? strdup("aws:kms") : strdup(encryption);
    s3->encryption_key = strdup(has_key ? encryption + sizeof(kms) - 1 : "");
    return s3->storage_class && s3->encryption && s3->encryption_key ? 0 : -ENOMEM;
}

int ph_store_s3_create(
    struct ph_store **store, const struct ph_store_options *options, struct ph_error *error) {
    struct ph_store_s3 *s3 = calloc(1, sizeof(*s3));
    *store = NULL;
    if (!s3)
        return -ENOMEM;
    ph_store_init(&s3->base, &impl, options);
    pthread_mutex_init(&s3->pause_lock, NULL);
    for (size_t i = 0; i < PH_S3_PUT_LOCKS; i++)
        pthread_mutex_init(&s3->put_locks[i], NULL);
    int code = ph_cond_init(&s3->pause);
    if (!code)
        code = ph_s3_url_parse(&s3->place, options->url, error);
    if (!code)
        code = take_credentials(s3, error);
    if (!code)
        code = take_options(s3, options, error);
    if (!code)
        code = ph_s3_engine_create(&s3->engine, options->ca_file);
    if (code < 0) {
        destroy(&s3->base);
        return code;
    }
    *store = &s3->base;
    return 0;
}
