#include "ingest/webrtc/whip.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/queue.h"
#include "core/base/thread.h"
#include "ingest/webrtc/whip_answers.h"
#include "ingest/webrtc/whip_exchange.h"

enum { most_threads = 2, most_waiting = 64 };
static const int64_t most_wait_us = 10 * PH_SECOND_US;

struct ph_whip {
    struct ph_whip_exchange exchange; /* relays and endpoint are set before `attached` */
    struct ph_log_allowance log_allowance;
    struct ph_queue *waiting;
    pthread_t threads[most_threads];
    size_t thread_count;
    struct ph_http_response *busy;
    atomic_bool attached;
};

/* A request that waits for a thread. */
struct pending {
    struct ph_whip_request request;
    struct ph_http_hold *hold;
};

static void free_pending(struct pending *pending) {
    ph_whip_request_finish(&pending->request);
    free(pending);
}

static void *run(void *opaque) {
    struct ph_whip *whip = opaque;
    void *item;
    while (ph_queue_pop(whip->waiting, &item, PH_NEVER_US) == 0) {
        struct pending *pending = item;
        if (ph_http_hold_is_over(pending->hold)) {
            ph_http_hold_drop(pending->hold);
        } else {
            struct ph_http_response *response = atomic_load(&whip->attached)
                                                    ? ph_whip_exchange(&whip->exchange, &pending->request)
                                                    : ph_whip_refused(PH_PUBLISHER_UNAVAILABLE);
            ph_http_hold_release(pending->hold, response);
            ph_http_response_unref(&response);
        }
        free_pending(pending);
    }
    return NULL;
}

/* Takes the response over. */
static void respond(struct ph_http_request *request, struct ph_http_response *response) {
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

static void handle(struct ph_whip *whip, struct ph_http_request *request, enum ph_whip_kind kind) {
    struct pending *pending = calloc(1, sizeof(*pending));
    if (!pending) {
        ph_http_respond(request, whip->busy);
        return;
    }
    struct ph_http_response *refusal = ph_whip_request_read(&pending->request, request, kind);
    if (refusal) {
        respond(request, refusal);
        free_pending(pending);
        return;
    }
    if (ph_http_request_hold(request, ph_now_us() + most_wait_us, whip->busy, &pending->hold) < 0) {
        ph_http_respond(request, whip->busy);
        free_pending(pending);
        return;
    }
    if (ph_queue_push(whip->waiting, pending, 0) < 0) {
        ph_http_hold_release(pending->hold, whip->busy);
        free_pending(pending);
    }
}

static void handle_post(struct ph_http_request *request, void *opaque) {
    handle(opaque, request, PH_WHIP_POST);
}

static void handle_patch(struct ph_http_request *request, void *opaque) {
    handle(opaque, request, PH_WHIP_PATCH);
}

static void handle_delete(struct ph_http_request *request, void *opaque) {
    handle(opaque, request, PH_WHIP_DELETE);
}

static void handle_options(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    respond(request, ph_whip_options(false));
}

static void handle_session_options(struct ph_http_request *request, void *opaque) {
    (void)opaque;
    respond(request, ph_whip_options(true));
}

int ph_whip_create(struct ph_whip **out, const struct ph_whip_options *options) {
    *out = NULL;
    struct ph_whip *whip = calloc(1, sizeof(*whip));
    if (!whip)
        return -ENOMEM;
    ph_log_allowance_init(&whip->log_allowance);
    atomic_init(&whip->attached, false);
    whip->busy = ph_whip_problem(
        503, "Service Unavailable", "The node has too many publishers to answer at once. Try again.", 2);
    whip->exchange = (struct ph_whip_exchange){.metrics = options->metrics,
        .ladder = options->ladder,
        .turn_urls = options->turn_urls,
        .turn_secret = options->turn_secret,
        .log_allowance = &whip->log_allowance};
    int code = whip->busy ? ph_queue_create(&whip->waiting, most_waiting) : -ENOMEM;
    while (!code && whip->thread_count < most_threads) {
        code = ph_thread_start(&whip->threads[whip->thread_count], "whip", run, whip);
        whip->thread_count += !code;
    }
    if (code) {
        ph_whip_destroy(whip);
        return code;
    }
    *out = whip;
    return 0;
}

int ph_whip_add_routes(struct ph_whip *whip, struct ph_http_server *server) {
    static const struct {
        const char *method, *pattern;
        ph_http_handler *handler;
        size_t most_body_bytes;
    } routes[] = {
        {"POST", "/whip", handle_post, PH_SDP_MOST_BYTES},
        {"OPTIONS", "/whip", handle_options, 0},
        {"PATCH", "/whip/{id}", handle_patch, PH_SDPFRAG_MOST_BYTES},
        {"DELETE", "/whip/{id}", handle_delete, 0},
        {"OPTIONS", "/whip/{id}", handle_session_options, 0},
    };
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        int code = ph_http_server_add_route(server, &(struct ph_http_route){.method = routes[i].method,
                                                        .pattern = routes[i].pattern,
                                                        .kind = "whip",
                                                        .handler = routes[i].handler,
                                                        .opaque = whip,
                                                        .most_body_bytes = routes[i].most_body_bytes,
                                                        .cors = true});
        if (code)
            return code;
    }
    return 0;
}

void ph_whip_attach(struct ph_whip *whip, struct ph_relays *relays, struct ph_webrtc_endpoint *endpoint) {
    whip->exchange.relays = relays;
    whip->exchange.endpoint = endpoint;
    atomic_store(&whip->attached, true);
}

void ph_whip_stop(struct ph_whip *whip) {
    if (!whip)
        return;
    if (whip->waiting)
        ph_queue_close(whip->waiting);
    while (whip->thread_count > 0)
        pthread_join(whip->threads[--whip->thread_count], NULL);
}

void ph_whip_destroy(struct ph_whip *whip) {
    if (!whip)
        return;
    ph_whip_stop(whip);
    ph_queue_destroy(whip->waiting);
    ph_http_response_unref(&whip->busy);
    ph_log_allowance_finish(&whip->log_allowance);
    free(whip);
}
