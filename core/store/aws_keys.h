/* Keys to an S3 server: immutable and reference-counted, so that who signs with them needs no lock while
 * others take their place. */
#ifndef PH_STORE_AWS_KEYS_H
#define PH_STORE_AWS_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

enum {
    PH_AWS_MOST_ACCESS_KEY = 128,
    PH_AWS_MOST_SECRET_KEY = 200,
    PH_AWS_MOST_TOKEN = 4096, /* characters; servers take no more in a head */
};

struct ph_aws_keys {
    char *access_key;
    char *secret_key;
    char *session_token; /* "": none */
    int64_t expires_us;  /* UTC; INT64_MAX: never */
};

/* One reference, which the caller owns. `session_token` may be NULL. -EINVAL: one of them is no such thing
 * (empty, too long, a space or a control character in it); -ENOMEM. */
int ph_aws_keys_create(struct ph_aws_keys **keys, const char *access_key, const char *secret_key,
    const char *session_token, int64_t expires_us) PH_NODISCARD;
struct ph_aws_keys *ph_aws_keys_ref(struct ph_aws_keys *keys);
/* Drops the reference and sets the pointer to NULL; the last one wipes the secrets. NULL is fine. */
void ph_aws_keys_unref(struct ph_aws_keys **keys);
bool ph_aws_keys_are_same(const struct ph_aws_keys *one, const struct ph_aws_keys *other);

/* The answer of a container's endpoint or of an instance's (JSON), bytes from the network. PH_INVALID_DATA:
 * it is none, or it says that it failed; -EINVAL, -ENOMEM as above. */
int ph_aws_keys_parse_answer(struct ph_aws_keys **keys, struct ph_slice answer) PH_NODISCARD;
/* A profile of a shared credentials file. -ENOENT: there is no such profile, or it has no keys;
 * PH_INVALID_DATA: the text is no such file; -EINVAL, -ENOMEM as above. */
int ph_aws_keys_parse_profile(
    struct ph_aws_keys **keys, struct ph_slice text, const char *profile) PH_NODISCARD;

#endif
