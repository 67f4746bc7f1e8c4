#include "ingest/worker_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"

enum { most_endpoints = 16, most_addresses = 64 };

static const int64_t refusal_memory_us = 2 * PH_SECOND_US;
static const int64_t look_up_interval_us = 5 * PH_SECOND_US;

struct worker {
    struct ph_link_address address;
    int64_t refused_us; /* 0: never */
};

struct ph_worker_pool {
    struct ph_link_endpoint endpoints[most_endpoints];
    int endpoint_count;
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;                /* with `lock` */
    bool stopping;                         /* guarded by lock */
    struct worker workers[most_addresses]; /* guarded by lock */
    int worker_count;                      /* guarded by lock */
    int turn;                              /* guarded by lock */
};

static bool same_address(const struct ph_link_address *a, const struct ph_link_address *b) {
    return a->size == b->size && memcmp(&a->address, &b->address, a->size) == 0;
}

static struct worker *find_worker(struct worker *workers, int count, const struct ph_link_address *address) {
    for (int i = 0; i < count; i++) {
        if (same_address(&workers[i].address, address))
            return &workers[i];
    }
    return NULL;
}

/* Looks every endpoint up. One that cannot be found keeps nothing; when none can, the old addresses stay. */
static void look_up(struct ph_worker_pool *pool) {
    struct ph_link_address found[most_addresses];
    int count = 0;
    for (int i = 0; i < pool->endpoint_count && count < most_addresses; i++) {
        int added = ph_link_endpoint_resolve(&pool->endpoints[i], found + count, most_addresses - count);
        if (added > 0)
            count += added;
    }
    if (!count)
        return;
    pthread_mutex_lock(&pool->lock);
    struct worker workers[most_addresses];
    for (int i = 0; i < count; i++) {
        const struct worker *known = find_worker(pool->workers, pool->worker_count, &found[i]);
        workers[i] = (struct worker){.address = found[i], .refused_us = known ? known->refused_us : 0};
    }
    memcpy(pool->workers, workers, (size_t)count * sizeof(workers[0]));
    pool->worker_count = count;
    pthread_mutex_unlock(&pool->lock);
}

static void *run(void *opaque) {
    struct ph_worker_pool *pool = opaque;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        pthread_mutex_unlock(&pool->lock);
        look_up(pool);
        int64_t deadline_us = ph_now_us() + look_up_interval_us;
        pthread_mutex_lock(&pool->lock);
        while (!pool->stopping && ph_cond_wait_until(&pool->stopped, &pool->lock, deadline_us) == 0) {
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static int endpoints_parse(
    struct ph_worker_pool *pool, const char *text, bool *numeric, struct ph_error *error) {
    *numeric = true;
    for (const char *start = text; *start;) {
        size_t size = strcspn(start, ",");
        if (pool->endpoint_count == most_endpoints)
            return ph_error_set(error, -EINVAL, "more than %d worker addresses", most_endpoints);
        struct ph_link_endpoint *endpoint = &pool->endpoints[pool->endpoint_count++];
        int code = ph_link_endpoint_parse(start, size, endpoint, error);
        if (code)
            return code;
        *numeric = *numeric && ph_link_endpoint_is_numeric(endpoint);
        start += size + (start[size] == ',');
    }
    return pool->endpoint_count ? 0 : ph_error_set(error, -EINVAL, "no worker address is given");
}

int ph_worker_pool_create(struct ph_worker_pool **out, const char *workers, struct ph_error *error) {
    *out = NULL;
    struct ph_worker_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return -ENOMEM;
    pthread_mutex_init(&pool->lock, NULL);
    ph_cond_init(&pool->stopped);
    bool numeric;
    int code = endpoints_parse(pool, workers, &numeric, error);
    if (!code && numeric) {
        look_up(pool);
    } else if (!code) {
        code = ph_thread_start(&pool->thread, "ph-resolve", run, pool);
        pool->has_thread = !code;
    }
    if (code) {
        ph_worker_pool_destroy(pool);
        return code;
    }
    *out = pool;
    return 0;
}

void ph_worker_pool_destroy(struct ph_worker_pool *pool) {
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_signal(&pool->stopped);
    pthread_mutex_unlock(&pool->lock);
    if (pool->has_thread)
        pthread_join(pool->thread, NULL);
    pthread_cond_destroy(&pool->stopped);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static bool refused_lately(const struct worker *worker, int64_t now_us) {
    return worker->refused_us && now_us - worker->refused_us < refusal_memory_us;
}

int ph_worker_pool_pick(struct ph_worker_pool *pool, int64_t now_us, struct ph_link_address *address) {
    int code = -EHOSTUNREACH;
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < pool->worker_count; i++) {
        const struct worker *worker = &pool->workers[(pool->turn + i) % pool->worker_count];
        if (code == 0 && refused_lately(worker, now_us))
            continue;
        *address = worker->address;
        code = 0;
        if (!refused_lately(worker, now_us))
            break;
    }
    pool->turn = pool->worker_count ? (pool->turn + 1) % pool->worker_count : 0;
    pthread_mutex_unlock(&pool->lock);
    return code;
}

void ph_worker_pool_refused(
    struct ph_worker_pool *pool, const struct ph_link_address *address, int64_t now_us) {
    pthread_mutex_lock(&pool->lock);
    struct worker *worker = find_worker(pool->workers, pool->worker_count, address);
    if (worker)
        worker->refused_us = now_us;
    pthread_mutex_unlock(&pool->lock);
}

bool ph_worker_pool_is_full(struct ph_worker_pool *pool, int64_t now_us) {
    bool full = true;
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < pool->worker_count; i++)
        full = full && refused_lately(&pool->workers[i], now_us);
    full = full && pool->worker_count > 0;
    pthread_mutex_unlock(&pool->lock);
    return full;
}
