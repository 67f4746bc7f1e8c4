/* The inside of a store in an S3 bucket. */
#ifndef PH_STORE_STORE_S3_H
#define PH_STORE_STORE_S3_H

#include <stdatomic.h>

#include "core/store/aws_credentials.h"
#include "core/store/s3_engine.h"
#include "core/store/s3_url.h"
#include "core/store/sigv4.h"
#include "core/store/store_impl.h"

/* Whether the server heeds If-None-Match where something is put: not known until it was seen. */
enum ph_s3_condition { PH_S3_CONDITION_UNKNOWN, PH_S3_CONDITION_HEEDED, PH_S3_CONDITION_IGNORED };

enum { PH_S3_PUT_LOCKS = 16 };

struct ph_store_s3 {
    struct ph_store base;
    struct ph_s3_place place;
    struct ph_aws_credentials *credentials;
    struct ph_clock corrected_clock; /* ours, as the server's says it is; UTC alone */
    char *storage_class;
    char *encryption; /* "", "AES256" or "aws:kms" */
    char *encryption_key;
    struct ph_s3_engine *engine;
    atomic_llong clock_offset_us; /* what the server's clock is ahead of ours */
    atomic_int condition;         /* enum ph_s3_condition */
    atomic_bool has_seen_bucket;
    bool has_told_of_versions; /* of apply_rules' thread alone */
    /* By key, for who looks before putting; held over both. */
    pthread_mutex_t put_locks[PH_S3_PUT_LOCKS];
    pthread_mutex_t pause_lock;
    pthread_cond_t pause; /* whoever waits before another try; broadcast when cancelled */
};

static inline struct ph_store_s3 *ph_store_s3_of(struct ph_store *store) {
    return (struct ph_store_s3 *)store;
}
static inline int64_t ph_store_s3_utc_us(struct ph_store_s3 *s3) {
    return ph_clock_utc_us(s3->base.clock) + atomic_load_explicit(&s3->clock_offset_us, memory_order_relaxed);
}

/* What is signed by. Borrows the keys. */
struct ph_sigv4_credentials ph_store_s3_signer(const struct ph_store_s3 *s3, const struct ph_aws_keys *keys);

/* The functions of store_impl.h, by the file they stand in. */
/* store_s3_put.c */
int ph_store_s3_put(struct ph_store *store, const struct ph_store_put *put, struct ph_store_object *written);
int ph_store_s3_copy(struct ph_store *store, const char *from, const char *to);
/* store_s3_get.c */
/* Asks for as little as there is, so that the store is known to be well or not. -EACCES when it may not list.
 */
int ph_store_s3_look(struct ph_store_s3 *s3);
int ph_store_s3_get(
    struct ph_store *store, const char *key, uint64_t offset, uint64_t size, struct ph_bytes **bytes);
int ph_store_s3_head(struct ph_store *store, const char *key, struct ph_store_object *object);
int ph_store_s3_restore(struct ph_store *store, const char *key, uint32_t days);
int ph_store_s3_sign(struct ph_store *store, const struct ph_store_link *link, char url[PH_STORE_URL_BYTES]);
/* store_s3_list.c */
int ph_store_s3_list(
    struct ph_store *store, const char *prefix, const char *after, ph_store_visitor *visit, void *opaque);
int ph_store_s3_remove(struct ph_store *store, const char *key);
int ph_store_s3_remove_all(struct ph_store *store, const char *prefix);
/* store_s3_compose.c */
int ph_store_s3_begin(struct ph_store *store, const char *key, const char *content_type,
    struct ph_composition **composition, char token[PH_COMPOSITION_TOKEN_BYTES]);
int ph_store_s3_resume(
    struct ph_store *store, const char *key, const char *token, struct ph_composition **composition);
/* store_s3_rules.c */
int ph_store_s3_apply_rules(
    struct ph_store *store, const struct ph_store_rules *rules, struct ph_error *error);

#endif
