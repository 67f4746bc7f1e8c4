#include "core/store/aws_keys.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* As it lies in memory; callers see its `keys`. */
struct counted_keys {
    struct ph_aws_keys keys;
    atomic_uint references;
};

/* Stands in a header: no space, no control character. */
static bool is_word(const char *text, size_t most) {
    size_t size = 0;
    for (; text[size]; size++) {
        if (text[size] <= ' ' || text[size] >= 0x7f || size == most)
            return false;
    }
    return true;
}

static void free_secret(char *secret) {
    if (secret)
        OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
}

int ph_aws_keys_create(struct ph_aws_keys **keys, const char *access_key, const char *secret_key,
    const char *session_token, int64_t expires_us) {
    *keys = NULL;
    if (!session_token)
        session_token = "";
    if (!*access_key || !*secret_key || !is_word(access_key, PH_AWS_MOST_ACCESS_KEY) ||
        !is_word(secret_key, PH_AWS_MOST_SECRET_KEY) || !is_word(session_token, PH_AWS_MOST_TOKEN))
        return -EINVAL;
    struct counted_keys *counted = calloc(1, sizeof(*counted));
    if (!counted)
        return -ENOMEM;
    atomic_init(&counted->references, 1);
    struct ph_aws_keys *made = &counted->keys;
    made->access_key = strdup(access_key);
    made->secret_key = strdup(secret_key);
    made->session_token = strdup(session_token);
    made->expires_us = expires_us;
    if (!made->access_key || !made->secret_key || !made->session_token) {
        ph_aws_keys_unref(&made);
        return -ENOMEM;
    }
    *keys = made;
    return 0;
}

struct ph_aws_keys *ph_aws_keys_ref(struct ph_aws_keys *keys) {
    if (keys)
        atomic_fetch_add_explicit(&((struct counted_keys *)keys)->references, 1, memory_order_relaxed);
    return keys;
}

void ph_aws_keys_unref(struct ph_aws_keys **pointer) {
    struct ph_aws_keys *keys = *pointer;
    *pointer = NULL;
    if (!keys ||
        atomic_fetch_sub_explicit(&((struct counted_keys *)keys)->references, 1, memory_order_acq_rel) != 1)
        return;
    free_secret(keys->access_key);
    free_secret(keys->secret_key);
    free_secret(keys->session_token);
    free(keys);
}

bool ph_aws_keys_are_same(const struct ph_aws_keys *one, const struct ph_aws_keys *other) {
    return strcmp(one->access_key, other->access_key) == 0 &&
           strcmp(one->secret_key, other->secret_key) == 0 &&
           strcmp(one->session_token, other->session_token) == 0;
}
