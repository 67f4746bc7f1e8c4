#include "core/store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/store_impl.h"

enum { first_part = 2, last_part = 10000, most_ttl_s = 604800 };

static const struct kind {
    const char *scheme;
    int (*create)(struct ph_store **store, const struct ph_store_options *options, struct ph_error *error);
} kinds[] = {
    {"file:", ph_store_file_create},
    {"s3:", ph_store_s3_create},
};

int ph_store_create(struct ph_store **store, const struct ph_store_options *options, struct ph_error *error) {
    *store = NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(options->url, kinds[i].scheme, strlen(kinds[i].scheme)) == 0)
            return kinds[i].create(store, options, error);
    }
    return ph_error_set(error, -EINVAL,
        "archive_url: there is no store for its scheme: use file:<path> or s3://<bucket>/<prefix>");
}

void ph_store_init(
    struct ph_store *store, const struct ph_store_impl *impl, const struct ph_store_options *options) {
    store->impl = impl;
    store->clock = options->clock ? options->clock : ph_clock_system();
    store->metrics = options->metrics;
    atomic_init(&store->cancelled, false);
    pthread_mutex_init(&store->lock, NULL);
    store->is_unwell = false;
}

void ph_store_finish(struct ph_store *store) {
    pthread_mutex_destroy(&store->lock);
}

void ph_store_cancel(struct ph_store *store) {
    atomic_store(&store->cancelled, true);
    if (store->impl->cancel)
        store->impl->cancel(store);
}

void ph_store_destroy(struct ph_store *store) {
    if (store)
        store->impl->destroy(store);
}

void ph_store_set_trouble(struct ph_store *store, const char *sentence) {
    pthread_mutex_lock(&store->lock);
    store->is_unwell = sentence != NULL;
    if (sentence)
        ph_error_set(&store->trouble, 0, "%s", sentence);
    pthread_mutex_unlock(&store->lock);
}

bool ph_store_is_well(const struct ph_store *store, struct ph_error *error) {
    struct ph_store *locked = (struct ph_store *)store; /* the lock alone changes */
    pthread_mutex_lock(&locked->lock);
    bool is_well = !store->is_unwell;
    if (!is_well)
        ph_error_set(error, 0, "%s", store->trouble.text);
    pthread_mutex_unlock(&locked->lock);
    return is_well;
}

const char *ph_store_folder(const struct ph_store *store) {
    return store->impl->folder ? store->impl->folder(store) : NULL;
}

static bool is_key_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool ph_store_key_is_valid(const char *key) {
    bool begins_segment = true;
    size_t size = 0;
    for (; key[size]; size++) {
        char c = key[size];
        if (size + 1 == PH_STORE_KEY_BYTES)
            return false;
        if (begins_segment && (c == '.' || c == '/'))
            return false;
        if (c != '/' && !is_key_character(c))
            return false;
        begins_segment = c == '/';
    }
    return size > 0 && !begins_segment;
}

/* Counts what a call came to; returns `code`. */
static int counted(struct ph_store *store, const char *call, int64_t began_us, int code) {
    if (!store->metrics)
        return code;
    const char *outcome = code >= 0 || code == -ENOENT || code == -EEXIST ? "done"
                          : code == -ECANCELED                            ? "cancelled"
                                                                          : "failed";
    ph_metric_add(ph_metrics_counter(store->metrics, "porthole_store_calls_total",
                      "Calls to the archive's store, by what they came to.",
                      PH_LABELS({"call", call}, {"outcome", outcome})),
        1);
    ph_metric_observe(ph_metrics_histogram(store->metrics, "porthole_store_call_seconds",
                          "How long calls to the archive's store took.", PH_LABELS({"call", call}),
                          ph_latency_bounds, ph_latency_bounds_count),
        (double)(ph_now_us() - began_us) / PH_SECOND_US);
    return code;
}

static void count_bytes(struct ph_store *store, const char *direction, uint64_t bytes) {
    if (store->metrics)
        ph_metric_add(
            ph_metrics_counter(store->metrics, "porthole_store_bytes_total",
                "Bytes put to and got from the archive's store.", PH_LABELS({"direction", direction})),
            (double)bytes);
}

/* 0, or why a call with this key is not begun. */
static int may_begin(const struct ph_store *store, const char *key) {
    if (ph_store_is_cancelled(store))
        return -ECANCELED;
    return ph_store_key_is_valid(key) ? 0 : -EINVAL;
}

int ph_store_put(struct ph_store *store, const struct ph_store_put *put, struct ph_store_object *written) {
    int code = may_begin(store, put->key);
    if (code < 0)
        return code;
    int64_t began_us = ph_now_us();
    struct ph_store_object ignored;
    struct ph_store_object *object = written ? written : &ignored;
    memset(object, 0, sizeof(*object));
    code = store->impl->put(store, put, object);
    if (code == 0)
        count_bytes(store, "put", object->bytes);
    return counted(store, "put", began_us, code);
}

int ph_store_get(
    struct ph_store *store, const char *key, uint64_t offset, uint64_t size, struct ph_bytes **bytes) {
    *bytes = NULL;
    int code = may_begin(store, key);
    if (code == 0 && size == 0)
        code = -EINVAL;
    if (code < 0)
        return code;
    int64_t began_us = ph_now_us();
    code = store->impl->get(store, key, offset, size, bytes);
    if (code == 0)
        count_bytes(store, "get", ph_bytes_size(*bytes));
    return counted(store, "get", began_us, code);
}

int ph_store_head(struct ph_store *store, const char *key, struct ph_store_object *object) {
    memset(object, 0, sizeof(*object));
    int code = may_begin(store, key);
    if (code < 0)
        return code;
    int64_t began_us = ph_now_us();
    return counted(store, "head", began_us, store->impl->head(store, key, object));
}

int ph_store_remove(struct ph_store *store, const char *key) {
    int code = may_begin(store, key);
    if (code < 0)
        return code;
    int64_t began_us = ph_now_us();
    return counted(store, "remove", began_us, store->impl->remove(store, key));
}

int ph_store_remove_all(struct ph_store *store, const char *prefix) {
    int code = may_begin(store, prefix);
    if (code < 0)
        return code;
    int64_t began_us = ph_now_us();
    return counted(store, "remove_all", began_us, store->impl->remove_all(store, prefix));
}

int ph_store_copy(struct ph_store *store, const char *from, const char *to) {
    int code = may_begin(store, from);
    if (code == 0)
        code = may_begin(store, to);
    if (code < 0)
        return code;
    int64_t began_us = ph_now_us();
    return counted(store, "copy", began_us, store->impl->copy(store, from, to));
}

int ph_store_list(struct ph_store *store, const char *prefix, ph_store_visitor *visit, void *opaque) {
    return ph_store_list_after(store, prefix, "", visit, opaque);
}

int ph_store_list_after(
    struct ph_store *store, const char *prefix, const char *after, ph_store_visitor *visit, void *opaque) {
    int code = may_begin(store, prefix);
    if (code == 0 && *after && !ph_store_key_is_valid(after))
        code = -EINVAL;
    return code < 0 ? code : store->impl->list(store, prefix, after, visit, opaque);
}

int ph_store_restore(struct ph_store *store, const char *key, uint32_t days) {
    int code = may_begin(store, key);
    if (code < 0)
        return code;
    int64_t began_us = ph_now_us();
    return counted(store, "restore", began_us, store->impl->restore(store, key, days));
}

int ph_store_sign(struct ph_store *store, const struct ph_store_link *link, char url[PH_STORE_URL_BYTES]) {
    int code = may_begin(store, link->key);
    if (code == 0 && (link->ttl_s == 0 || link->ttl_s > most_ttl_s))
        code = -EINVAL;
    if (code == 0 && link->granted_s)
        *link->granted_s = link->ttl_s;
    return code < 0 ? code : store->impl->sign(store, link, url);
}

int ph_store_apply_rules(struct ph_store *store, const struct ph_store_rules *rules, struct ph_error *error) {
    if (ph_store_is_cancelled(store))
        return ph_error_set(error, -ECANCELED, "the archive is being closed");
    return store->impl->apply_rules(store, rules, error);
}

int ph_store_sweep(struct ph_store *store) {
    if (ph_store_is_cancelled(store))
        return -ECANCELED;
    return store->impl->sweep ? store->impl->sweep(store) : 0;
}

static bool token_is_valid(const char *token) {
    size_t size = strnlen(token, PH_COMPOSITION_TOKEN_BYTES);
    bool is_valid = size > 0 && size < PH_COMPOSITION_TOKEN_BYTES;
    for (size_t i = 0; is_valid && i < size; i++)
        is_valid = token[i] > ' ' && token[i] < 0x7f;
    return is_valid;
}

int ph_composition_begin(struct ph_store *store, const char *key, const char *content_type,
    struct ph_composition **composition, char token[PH_COMPOSITION_TOKEN_BYTES]) {
    *composition = NULL;
    int code = may_begin(store, key);
    if (code < 0)
        return code;
    int64_t began_us = ph_now_us();
    return counted(
        store, "begin", began_us, store->impl->begin(store, key, content_type, composition, token));
}

int ph_composition_resume(
    struct ph_store *store, const char *key, const char *token, struct ph_composition **composition) {
    *composition = NULL;
    int code = may_begin(store, key);
    if (code < 0)
        return code;
    if (!token_is_valid(token))
        return -ENOENT;
    int64_t began_us = ph_now_us();
    return counted(store, "resume", began_us, store->impl->resume(store, key, token, composition));
}

void ph_composition_bounds(const struct ph_composition *composition, uint64_t *part_bytes, uint64_t *front) {
    composition->impl->bounds(composition, part_bytes, front);
}

int ph_composition_append(struct ph_composition *composition, uint32_t number, uint64_t offset,
    struct ph_slice bytes, struct ph_receipt *receipt) {
    struct ph_store *store = composition->store;
    if (ph_store_is_cancelled(store))
        return -ECANCELED;
    if (number < first_part || number > last_part || bytes.size == 0 || offset > INT64_MAX / 2)
        return -EINVAL;
    int64_t began_us = ph_now_us();
    *receipt = (struct ph_receipt){.number = number, .bytes = bytes.size};
    int code = composition->impl->append(composition, number, offset, bytes, receipt);
    if (code == 0)
        count_bytes(store, "put", bytes.size);
    return counted(store, "append", began_us, code);
}

int ph_composition_reserve(struct ph_composition *composition, uint64_t needed, uint64_t *front_bytes) {
    if (ph_store_is_cancelled(composition->store))
        return -ECANCELED;
    return composition->impl->reserve(composition, needed, front_bytes);
}

/* Numbers that begin with the first and leave none out. */
static bool receipts_are_whole(const struct ph_receipt *receipts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (receipts[i].number != first_part + i || receipts[i].bytes == 0)
            return false;
    }
    return count <= last_part - first_part + 1;
}

int ph_composition_finish(struct ph_composition *composition, struct ph_slice front,
    const struct ph_receipt *receipts, size_t count) {
    struct ph_store *store = composition->store;
    if (ph_store_is_cancelled(store))
        return -ECANCELED;
    if (!receipts_are_whole(receipts, count))
        return -EINVAL;
    int64_t began_us = ph_now_us();
    int code = composition->impl->finish(composition, front, receipts, count);
    if (code == 0)
        count_bytes(store, "put", front.size);
    return counted(store, "finish", began_us, code);
}

int ph_composition_abort(struct ph_composition *composition) {
    if (ph_store_is_cancelled(composition->store))
        return -ECANCELED;
    int64_t began_us = ph_now_us();
    return counted(composition->store, "abort", began_us, composition->impl->abort(composition));
}

void ph_composition_free(struct ph_composition *composition) {
    if (composition)
        composition->impl->free(composition);
}
