#define HASH_NONFATAL_OOM 1
#include "origin/vod/shelf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "origin/vod/recording.h"

struct entry {
    char name[PH_SHELF_NAME_BYTES];
    struct ph_shelf_item *item; /* a reference; NULL while it is wanted for the first time */
    struct ph_shelf_waiter *waiters;
    bool is_being_fetched;
    bool is_forgotten; /* what is being fetched is not to be kept */
    int64_t put_us;
    struct entry *prev, *next; /* of what is kept, asked for last at the end */
    UT_hash_handle hh;
};

struct ph_shelf {
    uint64_t most_bytes; /* constant */
    pthread_mutex_t lock;
    struct entry *entries; /* guarded by lock, as all that follow */
    struct entry *kept;
    uint64_t bytes;
};

struct ph_shelf_item *ph_shelf_item_create(
    struct ph_http_response *response, struct ph_vod_recording *recording, uint64_t cost_bytes) {
    struct ph_shelf_item *item = response || recording ? calloc(1, sizeof(*item)) : NULL;
    if (!item) {
        ph_http_response_unref(&response);
        ph_vod_recording_destroy(recording);
        return NULL;
    }
    atomic_init(&item->references, 1);
    item->cost_bytes = cost_bytes + sizeof(struct entry);
    item->response = response;
    item->recording = recording;
    return item;
}

struct ph_shelf_item *ph_shelf_item_ref(struct ph_shelf_item *item) {
    atomic_fetch_add_explicit(&item->references, 1, memory_order_relaxed);
    return item;
}

void ph_shelf_item_unref(struct ph_shelf_item **link) {
    struct ph_shelf_item *item = *link;
    *link = NULL;
    if (!item || atomic_fetch_sub_explicit(&item->references, 1, memory_order_acq_rel) > 1)
        return;
    ph_http_response_unref(&item->response);
    ph_vod_recording_destroy(item->recording);
    free(item);
}

int ph_shelf_create(struct ph_shelf **out, uint64_t most_bytes) {
    struct ph_shelf *shelf = calloc(1, sizeof(*shelf));
    *out = shelf;
    if (!shelf)
        return -ENOMEM;
    shelf->most_bytes = most_bytes;
    pthread_mutex_init(&shelf->lock, NULL);
    return 0;
}

/* With the lock held, as all that follow up to the public functions. What is kept under the name goes. */
static void drop_item(struct ph_shelf *shelf, struct entry *entry) {
    if (!entry->item)
        return;
    DL_DELETE(shelf->kept, entry);
    shelf->bytes -= entry->item->cost_bytes;
    ph_shelf_item_unref(&entry->item);
}

static void remove_entry(struct ph_shelf *shelf, struct entry *entry) {
    drop_item(shelf, entry);
    HASH_DEL(shelf->entries, entry);
    free(entry);
}

static struct entry *find_entry(struct ph_shelf *shelf, const char *name) {
    struct entry *entry = NULL;
    HASH_FIND_STR(shelf->entries, name, entry);
    return entry;
}

static struct entry *add_entry(struct ph_shelf *shelf, const char *name) {
    struct entry *entry = strlen(name) < PH_SHELF_NAME_BYTES ? calloc(1, sizeof(*entry)) : NULL;
    if (!entry)
        return NULL;
    strcpy(entry->name, name);
    HASH_ADD_STR(shelf->entries, name, entry);
    if (entry->hh.tbl)
        return entry;
    free(entry);
    return NULL;
}

static struct ph_shelf_item *lend(struct ph_shelf *shelf, struct entry *entry) {
    DL_DELETE(shelf->kept, entry);
    DL_APPEND(shelf->kept, entry);
    return ph_shelf_item_ref(entry->item);
}

static enum ph_shelf_verdict wait_for(struct entry *entry, struct ph_shelf_waiter *waiter) {
    bool is_first = !entry->is_being_fetched;
    LL_PREPEND(entry->waiters, waiter);
    entry->is_being_fetched = true;
    return is_first ? PH_SHELF_WANTED : PH_SHELF_WAITING;
}

static enum ph_shelf_verdict take(struct ph_shelf *shelf, const char *name, int64_t now_us,
    struct ph_shelf_waiter *waiter, struct ph_shelf_item **item) {
    struct entry *entry = find_entry(shelf, name);
    int64_t age_us = entry && entry->item && entry->item->recording ? now_us - entry->put_us : 0;
    if (entry && entry->item && age_us <= PH_SHELF_STALE_US) {
        bool is_aged = age_us > PH_SHELF_FRESH_US && !entry->is_being_fetched;
        if (is_aged && !waiter)
            return PH_SHELF_MISSING; /* who only looks is not to have the fresh look either */
        entry->is_being_fetched = entry->is_being_fetched || is_aged;
        *item = lend(shelf, entry);
        return is_aged ? PH_SHELF_AGED : PH_SHELF_KEPT;
    }
    if (!waiter)
        return PH_SHELF_MISSING;
    if (!entry)
        entry = add_entry(shelf, name);
    else if (entry->item && !entry->is_being_fetched)
        *item = lend(shelf, entry);
    return entry ? wait_for(entry, waiter) : PH_SHELF_MISSING;
}

/* The new one is dropped too when it alone is too large. */
static void make_room(struct ph_shelf *shelf) {
    while (shelf->kept && shelf->bytes > shelf->most_bytes) {
        struct entry *oldest = shelf->kept;
        if (oldest->is_being_fetched)
            drop_item(shelf, oldest);
        else
            remove_entry(shelf, oldest);
    }
}

void ph_shelf_destroy(struct ph_shelf *shelf) {
    if (!shelf)
        return;
    while (shelf->entries)
        remove_entry(shelf, shelf->entries);
    pthread_mutex_destroy(&shelf->lock);
    free(shelf);
}

enum ph_shelf_verdict ph_shelf_take(struct ph_shelf *shelf, const char *name, int64_t now_us,
    struct ph_shelf_waiter *waiter, struct ph_shelf_item **item) {
    *item = NULL;
    pthread_mutex_lock(&shelf->lock);
    enum ph_shelf_verdict verdict = take(shelf, name, now_us, waiter, item);
    pthread_mutex_unlock(&shelf->lock);
    return verdict;
}

struct ph_shelf_waiter *ph_shelf_put(
    struct ph_shelf *shelf, const char *name, int64_t now_us, struct ph_shelf_item *item) {
    struct ph_shelf_waiter *waiters = NULL;
    pthread_mutex_lock(&shelf->lock);
    struct entry *entry = find_entry(shelf, name);
    if (entry) {
        waiters = entry->waiters;
        entry->waiters = NULL;
        entry->is_being_fetched = false;
        drop_item(shelf, entry);
    }
    if (entry && item && !entry->is_forgotten) {
        entry->item = ph_shelf_item_ref(item);
        entry->put_us = now_us;
        DL_APPEND(shelf->kept, entry);
        shelf->bytes += item->cost_bytes;
        make_room(shelf);
    } else if (entry) {
        remove_entry(shelf, entry);
    }
    pthread_mutex_unlock(&shelf->lock);
    return waiters;
}

void ph_shelf_forget(struct ph_shelf *shelf, const char *prefix) {
    size_t size = strlen(prefix);
    struct entry *entry, *following;
    pthread_mutex_lock(&shelf->lock);
    HASH_ITER(hh, shelf->entries, entry, following) {
        if (strncmp(entry->name, prefix, size) != 0)
            continue;
        drop_item(shelf, entry);
        entry->is_forgotten = true;
        if (!entry->is_being_fetched)
            remove_entry(shelf, entry);
    }
    pthread_mutex_unlock(&shelf->lock);
}

struct ph_shelf_waiter *ph_shelf_give_up(struct ph_shelf *shelf) {
    struct ph_shelf_waiter *all = NULL;
    struct entry *entry, *following;
    pthread_mutex_lock(&shelf->lock);
    HASH_ITER(hh, shelf->entries, entry, following) {
        LL_CONCAT(all, entry->waiters);
        entry->waiters = NULL;
    }
    pthread_mutex_unlock(&shelf->lock);
    return all;
}

uint64_t ph_shelf_bytes(struct ph_shelf *shelf) {
    pthread_mutex_lock(&shelf->lock);
    uint64_t bytes = shelf->bytes;
    pthread_mutex_unlock(&shelf->lock);
    return bytes;
}
