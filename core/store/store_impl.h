/* What one kind of store implements. Checks of what is asked, cancelling, metrics and whether it is well are
 * above it (store.c). */
#ifndef PH_STORE_STORE_IMPL_H
#define PH_STORE_STORE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/store/store.h"

/* As the functions of store.h of the same names. Keys, tokens and numbers are valid, what a caller may leave
 * out (`written`) is there, and the store was not cancelled when the call began. */
struct ph_store_impl {
    /* Wakes what waits; NULL: nothing waits for long. `cancelled` is set already. */
    void (*cancel)(struct ph_store *store);
    void (*destroy)(struct ph_store *store);
    /* NULL: it is not in a folder. */
    const char *(*folder)(const struct ph_store *store);
    int (*put)(struct ph_store *store, const struct ph_store_put *put, struct ph_store_object *written);
    int (*get)(
        struct ph_store *store, const char *key, uint64_t offset, uint64_t size, struct ph_bytes **bytes);
    int (*head)(struct ph_store *store, const char *key, struct ph_store_object *object);
    int (*remove)(struct ph_store *store, const char *key);
    int (*remove_all)(struct ph_store *store, const char *prefix);
    int (*copy)(struct ph_store *store, const char *from, const char *to);
    int (*list)(
        struct ph_store *store, const char *prefix, const char *after, ph_store_visitor *visit, void *opaque);
    int (*restore)(struct ph_store *store, const char *key, uint32_t days);
    int (*sign)(struct ph_store *store, const struct ph_store_link *link, char url[PH_STORE_URL_BYTES]);
    int (*begin)(struct ph_store *store, const char *key, const char *content_type,
        struct ph_composition **composition, char token[PH_COMPOSITION_TOKEN_BYTES]);
    int (*resume)(
        struct ph_store *store, const char *key, const char *token, struct ph_composition **composition);
    int (*apply_rules)(struct ph_store *store, const struct ph_store_rules *rules, struct ph_error *error);
    /* NULL: somebody else does. */
    int (*sweep)(struct ph_store *store);
};

struct ph_composition_impl {
    void (*bounds)(const struct ph_composition *composition, uint64_t *part_bytes, uint64_t *front);
    int (*append)(struct ph_composition *composition, uint32_t number, uint64_t offset, struct ph_slice bytes,
        struct ph_receipt *receipt);
    int (*reserve)(struct ph_composition *composition, uint64_t needed, uint64_t *front_bytes);
    int (*finish)(struct ph_composition *composition, struct ph_slice front,
        const struct ph_receipt *receipts, size_t count);
    int (*abort)(struct ph_composition *composition);
    void (*free)(struct ph_composition *composition);
};

/* Concrete types embed these first. */
struct ph_store {
    const struct ph_store_impl *impl;
    struct ph_clock *clock;
    struct ph_metrics *metrics; /* NULL: nobody counts */
    atomic_bool cancelled;
    pthread_mutex_t lock;
    bool is_unwell;          /* under `lock` */
    struct ph_error trouble; /* under `lock`: what is wrong while it is unwell */
};
struct ph_composition {
    const struct ph_composition_impl *impl;
    struct ph_store *store; /* borrowed; it lives longer */
    char key[PH_STORE_KEY_BYTES];
};

/* Each kind's own ph_store_create(). */
int ph_store_file_create(
    struct ph_store **store, const struct ph_store_options *options, struct ph_error *error) PH_NODISCARD;
int ph_store_s3_create(
    struct ph_store **store, const struct ph_store_options *options, struct ph_error *error) PH_NODISCARD;

/* For the concrete types' create and destroy. */
void ph_store_init(
    struct ph_store *store, const struct ph_store_impl *impl, const struct ph_store_options *options);
void ph_store_finish(struct ph_store *store);

static inline bool ph_store_is_cancelled(const struct ph_store *store) {
    return atomic_load_explicit(&store->cancelled, memory_order_relaxed);
}
/* What ph_store_is_well() tells from now on: `sentence` says what is wrong and what to do, without a secret;
 * NULL: it has answered. Cheap. */
void ph_store_set_trouble(struct ph_store *store, const char *sentence);

#endif
