#include "core/store/s3_engine.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/http/client.h"
#include "core/store/s3_transfer.h"

enum { most_transfers = 32 }; /* at once; who comes then waits */

/* A place for a transfer. `easy`, `headers` and `exchange` are the caller's while it prepares, the engine
 * thread's from when it is in `submitted` until `is_done`. */
struct place {
    CURL *easy; /* NULL until it is first used */
    struct curl_slist *headers;
    struct ph_s3_exchange *exchange;
    struct place *next; /* in `idle` or `submitted`, under the lock; then in `running` */
    pthread_cond_t done;
    bool is_done; /* under the lock */
    int code;     /* under the lock */
};

struct ph_s3_engine {
    CURLM *multi;
    char *ca_file;
    pthread_t thread;
    bool has_thread; /* of who creates and destroys */
    pthread_mutex_t lock;
    pthread_cond_t idles;    /* somebody may find one idle, or it was cancelled */
    struct place *idle;      /* under `lock` */
    struct place *submitted; /* under `lock`; newest first */
    bool is_cancelled;       /* under `lock` */
    bool is_ending;          /* under `lock` */
    struct place *running;   /* the thread's */
    struct place places[most_transfers];
};

static void complete(struct ph_s3_engine *engine, struct place *place, int code) {
    curl_multi_remove_handle(engine->multi, place->easy);
    struct place **link = &engine->running;
    while (*link && *link != place)
        link = &(*link)->next;
    if (*link)
        *link = place->next;
    pthread_mutex_lock(&engine->lock);
    place->code = code;
    place->is_done = true;
    pthread_cond_signal(&place->done);
    pthread_mutex_unlock(&engine->lock);
}

/* Takes over what was submitted, and says whether to go on. */
static bool take(struct ph_s3_engine *engine, bool *is_cancelled) {
    pthread_mutex_lock(&engine->lock);
    struct place *taken = engine->submitted;
    engine->submitted = NULL;
    *is_cancelled = engine->is_cancelled;
    bool goes_on = !engine->is_ending;
    pthread_mutex_unlock(&engine->lock);
    while (taken) {
        struct place *place = taken;
        taken = place->next;
        place->next = engine->running;
        engine->running = place;
        if (curl_multi_add_handle(engine->multi, place->easy))
            complete(engine, place, -ENOMEM);
    }
    return goes_on;
}

static void complete_finished(struct ph_s3_engine *engine) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(engine->multi, &left))) {
        struct place *place;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&place))
            continue;
        complete(engine, place, ph_s3_transfer_code(place->easy, place->exchange, message->data.result));
    }
}

static void *run(void *opaque) {
    struct ph_s3_engine *engine = opaque;
    bool is_cancelled;
    int running;
    while (take(engine, &is_cancelled)) {
        while (is_cancelled && engine->running)
            complete(engine, engine->running, -ECANCELED);
        if (curl_multi_perform(engine->multi, &running)) {
            while (engine->running)
                complete(engine, engine->running, -EIO);
        }
        complete_finished(engine);
        curl_multi_poll(engine->multi, NULL, 0, 1000, NULL); /* woken by who submits, cancels or ends */
    }
    return NULL;
}

int ph_s3_engine_create(struct ph_s3_engine **out, const char *ca_file) {
    *out = NULL;
    int code = ph_http_client_init();
    if (code < 0)
        return code;
    struct ph_s3_engine *engine = calloc(1, sizeof(*engine));
    if (!engine)
        return -ENOMEM;
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->idles, NULL);
    for (size_t i = most_transfers; i-- > 0;) {
        pthread_cond_init(&engine->places[i].done, NULL);
        engine->places[i].next = engine->idle;
        engine->idle = &engine->places[i];
    }
    engine->multi = curl_multi_init();
    engine->ca_file = strdup(ca_file ? ca_file : "");
    code = engine->multi && engine->ca_file ? 0 : -ENOMEM;
    if (!code) {
        curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)most_transfers);
        code = ph_thread_start(&engine->thread, "store-s3", run, engine);
        engine->has_thread = code == 0;
    }
    if (code < 0) {
        ph_s3_engine_destroy(engine);
        return code;
    }
    *out = engine;
    return 0;
}

void ph_s3_engine_cancel(struct ph_s3_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    engine->is_cancelled = true;
    pthread_cond_broadcast(&engine->idles);
    pthread_mutex_unlock(&engine->lock);
    curl_multi_wakeup(engine->multi);
}

void ph_s3_engine_destroy(struct ph_s3_engine *engine) {
    if (!engine)
        return;
    if (engine->has_thread) {
        pthread_mutex_lock(&engine->lock);
        engine->is_ending = true;
        pthread_mutex_unlock(&engine->lock);
        curl_multi_wakeup(engine->multi);
        pthread_join(engine->thread, NULL);
    }
    for (size_t i = 0; i < most_transfers; i++) {
        curl_easy_cleanup(engine->places[i].easy);
        pthread_cond_destroy(&engine->places[i].done);
    }
    if (engine->multi)
        curl_multi_cleanup(engine->multi);
    pthread_cond_destroy(&engine->idles);
    pthread_mutex_destroy(&engine->lock);
    free(engine->ca_file);
    free(engine);
}

/* Every transfer ends within its own time, so that waiting for a place ends too. */
static struct place *take_place(struct ph_s3_engine *engine) {
    pthread_mutex_lock(&engine->lock);
    while (!engine->idle && !engine->is_cancelled)
        pthread_cond_wait(&engine->idles, &engine->lock);
    struct place *place = engine->is_cancelled ? NULL : engine->idle;
    if (place)
        engine->idle = place->next;
    pthread_mutex_unlock(&engine->lock);
    return place;
}

static void give_back(struct ph_s3_engine *engine, struct place *place) {
    curl_slist_free_all(place->headers);
    place->headers = NULL;
    place->exchange = NULL;
    pthread_mutex_lock(&engine->lock);
    place->next = engine->idle;
    engine->idle = place;
    pthread_cond_signal(&engine->idles);
    pthread_mutex_unlock(&engine->lock);
}

static int prepare(struct ph_s3_engine *engine, struct place *place, struct ph_s3_exchange *exchange) {
    if (!place->easy && !(place->easy = curl_easy_init()))
        return -ENOMEM;
    place->exchange = exchange;
    int code = ph_s3_transfer_prepare(place->easy, exchange, engine->ca_file, &place->headers);
    if (!code && curl_easy_setopt(place->easy, CURLOPT_PRIVATE, place))
        code = -ENOMEM;
    return code;
}

int ph_s3_engine_perform(struct ph_s3_engine *engine, struct ph_s3_exchange *exchange) {
    struct place *place = take_place(engine);
    if (!place)
        return -ECANCELED;
    int code = prepare(engine, place, exchange);
    if (!code) {
        pthread_mutex_lock(&engine->lock);
        place->is_done = false;
        place->next = engine->submitted;
        engine->submitted = place;
        curl_multi_wakeup(engine->multi);
        while (!place->is_done)
            pthread_cond_wait(&place->done, &engine->lock);
        code = place->code;
        pthread_mutex_unlock(&engine->lock);
    }
    give_back(engine, place);
    return code;
}

void ph_s3_exchange_finish(struct ph_s3_exchange *exchange) {
    ph_builder_discard(&exchange->answer);
}
