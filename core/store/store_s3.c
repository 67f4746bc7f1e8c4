#include "core/store/store_s3.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

static void cancel(struct ph_store *store) {
    struct ph_store_s3 *s3 = ph_store_s3_of(store);
    ph_aws_credentials_cancel(s3->credentials);
    ph_s3_engine_cancel(s3->engine);
    pthread_mutex_lock(&s3->pause_lock);
    pthread_cond_broadcast(&s3->pause);
    pthread_mutex_unlock(&s3->pause_lock);
}

static void destroy(struct ph_store *store) {
    struct ph_store_s3 *s3 = ph_store_s3_of(store);
    ph_s3_engine_destroy(s3->engine);
    ph_aws_credentials_destroy(s3->credentials);
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

/* The store's time, once the server's clock is known to differ from ours. */
static int64_t corrected_utc_us(struct ph_clock *clock) {
    struct ph_store_s3 *s3 =
        (struct ph_store_s3 *)(void *)((char *)clock - offsetof(struct ph_store_s3, corrected_clock));
    return ph_store_s3_utc_us(s3);
}

struct ph_sigv4_credentials ph_store_s3_signer(const struct ph_store_s3 *s3, const struct ph_aws_keys *keys) {
    return (struct ph_sigv4_credentials){
        keys->access_key, keys->secret_key, keys->session_token, s3->place.region, "s3"};
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
    s3->corrected_clock.utc_us = corrected_utc_us;
    pthread_mutex_init(&s3->pause_lock, NULL);
    for (size_t i = 0; i < PH_S3_PUT_LOCKS; i++)
        pthread_mutex_init(&s3->put_locks[i], NULL);
    int code = ph_cond_init(&s3->pause);
    if (!code)
        code = ph_s3_url_parse(&s3->place, options->url, error);
    if (!code)
        code = ph_aws_credentials_create(&s3->credentials, &s3->corrected_clock, options->metrics, error);
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
