#include "origin/vod/vod.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/queue.h"
#include "core/base/thread.h"
#include "origin/caching.h"
#include "origin/vod/failure.h"
#include "origin/vod/fetch.h"
#include "origin/vod/shelf.h"

enum { default_threads = 4, most_threads = 16, default_waiting = 256 };
static const uint64_t default_bytes = UINT64_C(128) << 20;
static const int64_t hold_us = 20 * PH_SECOND_US;

struct ph_vod {
    struct ph_vod_options options; /* constant */
    struct ph_shelf *shelf;
    struct ph_queue *jobs;
    struct ph_http_response *too_late; /* to who was held for too long */
    struct ph_metric *fetched, *failed, *shared, *busy, *kept_bytes;
    pthread_t threads[most_threads];
    uint32_t running;
};

/* A request that is held. */
struct visit {
    struct ph_shelf_waiter waiter;
    struct ph_http_hold *hold;
    struct ph_vod_wish wish;
    struct ph_vod_object object; /* of PH_VOD_OBJECT, or once it is known */
};

/* What a thread is to fetch: the object, or without a key the recording. */
struct job {
    struct ph_vod_object object;
    char recording[PH_SESSION_NAME_BYTES];
    struct ph_shelf_item *known; /* a reference; the recording as it was */
};

static struct ph_metric *count_fetches(struct ph_metrics *metrics, const char *result) {
    return ph_metrics_counter(metrics, "porthole_vod_fetches_total",
        "What viewers of recordings asked for, by how they got it.", PH_LABELS({"result", result}));
}

int ph_vod_create(struct ph_vod **out, const struct ph_vod_options *options) {
    struct ph_vod *vod = calloc(1, sizeof(*vod));
    *out = NULL;
    if (!vod)
        return -ENOMEM;
    vod->options = *options;
    if (!options->threads || options->threads > most_threads)
        vod->options.threads = default_threads;
    vod->fetched = count_fetches(options->metrics, "fetched");
    vod->failed = count_fetches(options->metrics, "failed");
    vod->shared = count_fetches(options->metrics, "shared");
    vod->busy = count_fetches(options->metrics, "refused");
    vod->kept_bytes = ph_metrics_gauge(options->metrics, "porthole_vod_kept_bytes",
        "Bytes of recordings kept in memory for the next who ask.", NULL);
    vod->too_late = ph_vod_failure(-EAGAIN);
    int code = vod->too_late ? 0 : -ENOMEM;
    if (!code)
        code = ph_shelf_create(&vod->shelf, options->most_bytes ? options->most_bytes : default_bytes);
    if (!code)
        code = ph_queue_create(&vod->jobs, options->most_waiting ? options->most_waiting : default_waiting);
    if (code)
        ph_vod_destroy(vod);
    else
        *out = vod;
    return code;
}

enum ph_access_verdict ph_vod_judge(const struct ph_vod *vod, const char *recording, const char *token) {
    struct ph_playback_claims claims;
    int64_t now_s = ph_clock_utc_us(vod->options.clock) / PH_SECOND_US;
    enum ph_access_verdict verdict = ph_access_judge(vod->options.secret, recording, token, now_s, &claims);
    if (verdict == PH_ACCESS_GRANTED && vod->options.is_revoked &&
        vod->options.is_revoked(vod->options.opaque, recording, &claims))
        return PH_ACCESS_REVOKED;
    return verdict;
}

static int64_t now_us(const struct ph_vod *vod) {
    return ph_clock_monotonic_us(vod->options.clock);
}

/* The visit is over: borrows the answer. */
static void finish(struct visit *visit, struct ph_http_response *answer) {
    ph_http_hold_release(visit->hold, answer);
    free(visit);
}

static void fail(struct visit *visit, int code) {
    struct ph_http_response *failure = ph_vod_failure(code);
    finish(visit, failure);
    ph_http_response_unref(&failure);
}

static void fail_all(struct ph_shelf_waiter *waiters, int code) {
    while (waiters) {
        struct visit *visit = (struct visit *)waiters;
        waiters = waiters->next;
        fail(visit, code);
    }
}

static void job_free(struct job *job) {
    ph_shelf_item_unref(&job->known);
    free(job);
}

/* Lets a thread fetch it. When none can, those who wait are told so, and `known` stays what it is. */
static void order(struct ph_vod *vod, const char *name, const struct ph_vod_object *object,
    const struct ph_vod_wish *wish, struct ph_shelf_item *known) {
    struct job *job = calloc(1, sizeof(*job));
    if (job && object)
        job->object = *object;
    if (job && !object)
        strcpy(job->object.name, name);
    if (job && !object)
        strcpy(job->recording, wish->recording);
    if (job && known)
        job->known = ph_shelf_item_ref(known);
    if (job && ph_queue_push(vod->jobs, job, 0) == 0)
        return;
    if (job)
        job_free(job);
    ph_metric_add(vod->busy, 1);
    fail_all(ph_shelf_put(vod->shelf, name, now_us(vod), known), -EAGAIN);
}

static void pass_object(struct ph_vod *vod, struct visit *visit) {
    const struct ph_vod_object object = visit->object; /* the visit may be over before it is ordered */
    struct ph_shelf_item *item = NULL;
    switch (ph_shelf_take(vod->shelf, object.name, now_us(vod), &visit->waiter, &item)) {
    case PH_SHELF_KEPT:
    case PH_SHELF_AGED:
        finish(visit, item->response);
        ph_shelf_item_unref(&item);
        break;
    case PH_SHELF_WAITING:
        ph_metric_add(vod->shared, 1);
        break;
    case PH_SHELF_WANTED:
        order(vod, object.name, &object, NULL, NULL);
        break;
    case PH_SHELF_MISSING:
        fail(visit, -ENOMEM);
        break;
    }
}

static void pass_recording(
    struct ph_vod *vod, struct visit *visit, const struct ph_vod_recording *recording) {
    struct ph_http_response *answer = NULL;
    int code = ph_vod_recording_resolve(recording, &visit->wish, &answer, &visit->object);
    if (code)
        fail(visit, code);
    else if (answer)
        finish(visit, answer);
    else
        pass_object(vod, visit);
}

static void enter(struct ph_vod *vod, struct visit *visit) {
    const struct ph_vod_wish wish = visit->wish; /* the visit may be over before it is ordered */
    struct ph_shelf_item *item = NULL;
    char name[PH_STORE_KEY_BYTES];
    ph_vod_manifest_key(wish.recording, name);
    enum ph_shelf_verdict verdict = ph_shelf_take(vod->shelf, name, now_us(vod), &visit->waiter, &item);
    if (verdict == PH_SHELF_WANTED || verdict == PH_SHELF_AGED)
        order(vod, name, NULL, &wish, item);
    if (verdict == PH_SHELF_KEPT || verdict == PH_SHELF_AGED)
        pass_recording(vod, visit, item->recording);
    if (verdict == PH_SHELF_MISSING)
        fail(visit, -ENOMEM);
    ph_shelf_item_unref(&item);
}

/* An answer (a reference) out of memory, or NULL when something is to be fetched for it. */
static struct ph_http_response *answer_kept(
    struct ph_vod *vod, const struct ph_vod_wish *wish, struct ph_vod_object *object) {
    struct ph_http_response *answer = NULL;
    struct ph_shelf_item *item = NULL;
    int code = 0;
    if (wish->kind != PH_VOD_OBJECT) {
        char name[PH_STORE_KEY_BYTES];
        ph_vod_manifest_key(wish->recording, name);
        if (ph_shelf_take(vod->shelf, name, now_us(vod), NULL, &item) != PH_SHELF_KEPT)
            return NULL;
        code = ph_vod_recording_resolve(item->recording, wish, &answer, object);
        answer = code ? ph_vod_failure(code) : answer ? ph_http_response_ref(answer) : NULL;
        ph_shelf_item_unref(&item);
        if (code || answer)
            return answer;
    }
    if (ph_shelf_take(vod->shelf, object->name, now_us(vod), NULL, &item) == PH_SHELF_KEPT)
        answer = ph_http_response_ref(item->response);
    ph_shelf_item_unref(&item);
    return answer;
}

static void answer_or_hold(struct ph_vod *vod, struct ph_http_request *request,
    const struct ph_vod_wish *wish, struct ph_vod_object *object) {
    struct ph_http_response *answer = answer_kept(vod, wish, object);
    if (answer) {
        ph_http_respond(request, answer);
        ph_http_response_unref(&answer);
        return;
    }
    struct visit *visit = calloc(1, sizeof(*visit));
    if (!visit || ph_http_request_hold(request, ph_now_us() + hold_us, vod->too_late, &visit->hold)) {
        ph_http_respond(request, visit ? vod->too_late : NULL);
        free(visit);
        return;
    }
    visit->wish = *wish;
    visit->object = *object;
    if (wish->kind == PH_VOD_OBJECT)
        pass_object(vod, visit);
    else
        enter(vod, visit);
}

void ph_vod_answer(struct ph_vod *vod, struct ph_http_request *request, const struct ph_vod_wish *wish) {
    struct ph_vod_object object = {0};
    answer_or_hold(vod, request, wish, &object);
}

void ph_vod_answer_object(
    struct ph_vod *vod, struct ph_http_request *request, const struct ph_vod_object *object) {
    struct ph_vod_object copy = *object;
    answer_or_hold(vod, request, &(struct ph_vod_wish){.kind = PH_VOD_OBJECT}, &copy);
}

void ph_vod_forget(struct ph_vod *vod, const char *recording) {
    char prefix[PH_STORE_KEY_BYTES];
    snprintf(prefix, sizeof(prefix), "recordings/%s/", recording);
    ph_shelf_forget(vod->shelf, prefix);
    snprintf(prefix, sizeof(prefix), "past/%s/", recording);
    ph_shelf_forget(vod->shelf, prefix);
}

/* The list goes before the store: objects of a deleted recording may stay for a clip, or while the store
 * removes nothing. */
static int fetch_recording(struct ph_vod *vod, struct job *job, struct ph_shelf_item **item) {
    if (vod->options.is_deleted && vod->options.is_deleted(vod->options.opaque, job->recording))
        return -ENOENT;
    return ph_vod_fetch_recording(vod->options.store, job->recording, job->known, item);
}

/* What cannot be asked at the moment stays as it was known. */
static int fetch(struct ph_vod *vod, struct job *job, struct ph_shelf_item **item) {
    if (!*job->recording)
        return ph_vod_fetch(vod->options.store, &job->object, item);
    int code = fetch_recording(vod, job, item);
    if (code == -ENOENT && job->known)
        ph_vod_forget(vod, job->recording);
    if ((code != -EAGAIN && code != -ECANCELED) || !job->known)
        return code;
    *item = ph_shelf_item_ref(job->known);
    return 0;
}

static void do_job(struct ph_vod *vod, struct job *job) {
    struct ph_shelf_item *item = NULL;
    int code = fetch(vod, job, &item);
    ph_metric_add(code ? vod->failed : vod->fetched, 1);
    if (code && code != -ENOENT && code != -EREMOTE && code != -ECANCELED)
        ph_log_warning(
            "a recording cannot be read from the archive", ph_str("object", job->object.name), ph_code(code));
    struct ph_shelf_waiter *waiters = ph_shelf_put(vod->shelf, job->object.name, now_us(vod), item);
    ph_metric_set(vod->kept_bytes, (double)ph_shelf_bytes(vod->shelf));
    while (waiters) {
        struct visit *visit = (struct visit *)waiters;
        waiters = waiters->next;
        if (code)
            fail(visit, code);
        else if (item->recording)
            pass_recording(vod, visit, item->recording);
        else
            finish(visit, item->response);
    }
    ph_shelf_item_unref(&item);
}

static void *run(void *opaque) {
    struct ph_vod *vod = opaque;
    void *job;
    while (ph_queue_pop(vod->jobs, &job, PH_NEVER_US) == 0) {
        do_job(vod, job);
        job_free(job);
    }
    return NULL;
}

int ph_vod_start(struct ph_vod *vod) {
    int code = 0;
    while (!code && vod->running < vod->options.threads) {
        code = ph_thread_start(&vod->threads[vod->running], "vod", run, vod);
        vod->running += !code;
    }
    return code;
}

/* What stands in the queue is forgotten: nobody waits for it any more. */
static void empty_queue(struct ph_vod *vod) {
    void *job;
    while (ph_queue_pop(vod->jobs, &job, 0) == 0)
        job_free(job);
}

void ph_vod_drain(struct ph_vod *vod) {
    ph_queue_close(vod->jobs);
    empty_queue(vod);
    fail_all(ph_shelf_give_up(vod->shelf), -EAGAIN);
}

void ph_vod_destroy(struct ph_vod *vod) {
    if (!vod)
        return;
    if (vod->jobs)
        ph_vod_drain(vod);
    for (uint32_t i = 0; i < vod->running; i++)
        pthread_join(vod->threads[i], NULL);
    if (vod->shelf)
        fail_all(ph_shelf_give_up(vod->shelf), -EAGAIN);
    ph_queue_destroy(vod->jobs);
    ph_shelf_destroy(vod->shelf);
    ph_http_response_unref(&vod->too_late);
    free(vod);
}
