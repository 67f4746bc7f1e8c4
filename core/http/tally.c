#include "core/http/tally.h"

#include <stdatomic.h>
#include <stdlib.h>

struct ph_http_tally {
    atomic_uint references;
    _Atomic(uint64_t) requests, body_bytes;
};

struct ph_http_tally *ph_http_tally_create(void) {
    struct ph_http_tally *tally = calloc(1, sizeof(*tally));
    if (!tally)
        return NULL;
    atomic_init(&tally->references, 1);
    atomic_init(&tally->requests, 0);
    atomic_init(&tally->body_bytes, 0);
    return tally;
}

struct ph_http_tally *ph_http_tally_ref(struct ph_http_tally *tally) {
    atomic_fetch_add_explicit(&tally->references, 1, memory_order_relaxed);
    return tally;
}

void ph_http_tally_unref(struct ph_http_tally **link) {
    struct ph_http_tally *tally = *link;
    *link = NULL;
    if (tally && atomic_fetch_sub_explicit(&tally->references, 1, memory_order_acq_rel) == 1)
        free(tally);
}

void ph_http_tally_add(struct ph_http_tally *tally, struct ph_http_tally_sums sums) {
    atomic_fetch_add_explicit(&tally->requests, sums.requests, memory_order_relaxed);
    atomic_fetch_add_explicit(&tally->body_bytes, sums.body_bytes, memory_order_relaxed);
}

struct ph_http_tally_sums ph_http_tally_take(struct ph_http_tally *tally) {
    return (struct ph_http_tally_sums){
        .requests = atomic_exchange_explicit(&tally->requests, 0, memory_order_relaxed),
        .body_bytes = atomic_exchange_explicit(&tally->body_bytes, 0, memory_order_relaxed),
    };
}
