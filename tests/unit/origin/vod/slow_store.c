#include "tests/unit/origin/vod/slow_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/store_impl.h"

enum { most_objects = 32, most_asked = 256 };

struct object {
    char key[PH_STORE_KEY_BYTES];
    char *bytes;
    int64_t modified_ms;
};

struct slow_store {
    struct ph_store base;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool closed;
    size_t waiting;
    struct object objects[most_objects];
    int64_t changes;
    char failing[PH_STORE_KEY_BYTES];
    int code;
    char asked[most_asked][PH_STORE_KEY_BYTES];
    size_t asked_count, heads;
};

static struct slow_store *slow(struct ph_store *store) {
    return (struct slow_store *)store;
}

static struct object *find(struct slow_store *store, const char *key) {
    for (size_t i = 0; i < most_objects; i++) {
        if (store->objects[i].bytes && strcmp(store->objects[i].key, key) == 0)
            return &store->objects[i];
    }
    return NULL;
}

/* With the mutex held. The object, behind the gate. */
static int open_object(struct slow_store *store, const char *key, struct object **object) {
    store->waiting++;
    while (store->closed)
        pthread_cond_wait(&store->changed, &store->mutex);
    store->waiting--;
    if (store->code && strstr(key, store->failing))
        return store->code;
    *object = find(store, key);
    return *object ? 0 : -ENOENT;
}

static int get(
    struct ph_store *base, const char *key, uint64_t offset, uint64_t size, struct ph_bytes **bytes) {
    struct slow_store *store = slow(base);
    struct object *object = NULL;
    (void)offset;
    (void)size;
    pthread_mutex_lock(&store->mutex);
    snprintf(store->asked[store->asked_count++ % most_asked], PH_STORE_KEY_BYTES, "%s", key);
    int code = open_object(store, key, &object);
    if (!code) {
        *bytes = ph_bytes_copy(object->bytes, strlen(object->bytes));
        code = *bytes ? 0 : -ENOMEM;
    }
    pthread_mutex_unlock(&store->mutex);
    return code;
}

static int head(struct ph_store *base, const char *key, struct ph_store_object *told) {
    struct slow_store *store = slow(base);
    struct object *object = NULL;
    *told = (struct ph_store_object){0};
    pthread_mutex_lock(&store->mutex);
    store->heads++;
    int code = open_object(store, key, &object);
    if (!code) {
        told->bytes = strlen(object->bytes);
        told->modified_ms = object->modified_ms;
    }
    pthread_mutex_unlock(&store->mutex);
    return code;
}

static void destroy(struct ph_store *base) {
    struct slow_store *store = slow(base);
    for (size_t i = 0; i < most_objects; i++)
        free(store->objects[i].bytes);
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->mutex);
    ph_store_finish(base);
    free(store);
}

static const struct ph_store_impl impl = {.destroy = destroy, .get = get, .head = head};

struct ph_store *slow_store_create(void) {
    struct slow_store *store = calloc(1, sizeof(*store));
    ph_store_init(&store->base, &impl, &(struct ph_store_options){0});
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->changed, NULL);
    return &store->base;
}

void slow_store_set(struct ph_store *base, const char *key, const char *bytes) {
    struct slow_store *store = slow(base);
    pthread_mutex_lock(&store->mutex);
    struct object *object = find(store, key);
    for (size_t i = 0; !object && i < most_objects; i++)
        object = store->objects[i].bytes ? NULL : &store->objects[i];
    free(object->bytes);
    object->bytes = bytes ? strdup(bytes) : NULL;
    object->modified_ms = ++store->changes;
    snprintf(object->key, sizeof(object->key), "%s", key);
    pthread_mutex_unlock(&store->mutex);
}

void slow_store_close_gate(struct ph_store *base, bool closed) {
    struct slow_store *store = slow(base);
    pthread_mutex_lock(&store->mutex);
    store->closed = closed;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->mutex);
}

void slow_store_fail(struct ph_store *base, const char *part, int code) {
    struct slow_store *store = slow(base);
    pthread_mutex_lock(&store->mutex);
    snprintf(store->failing, sizeof(store->failing), "%s", part);
    store->code = code;
    pthread_mutex_unlock(&store->mutex);
}

size_t slow_store_gets(struct ph_store *base, const char *part) {
    struct slow_store *store = slow(base);
    size_t count = 0;
    pthread_mutex_lock(&store->mutex);
    for (size_t i = 0; i < store->asked_count; i++)
        count += strstr(store->asked[i], part) != NULL;
    pthread_mutex_unlock(&store->mutex);
    return count;
}

size_t slow_store_heads(struct ph_store *base) {
    struct slow_store *store = slow(base);
    pthread_mutex_lock(&store->mutex);
    size_t heads = store->heads;
    pthread_mutex_unlock(&store->mutex);
    return heads;
}

size_t slow_store_waiting(struct ph_store *base) {
    struct slow_store *store = slow(base);
    pthread_mutex_lock(&store->mutex);
    size_t waiting = store->waiting;
    pthread_mutex_unlock(&store->mutex);
    return waiting;
}
