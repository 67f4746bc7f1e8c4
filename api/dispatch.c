#include "api/dispatch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/client_address.h"
#include "api/cors.h"
#include "api/problem.h"
#include "api/rate_gate.h"
#include "api/shared_answer.h"
#include "core/base/queue.h"
#include "core/base/thread.h"
#include "core/http/http_date.h"

enum { THREADS = 4, MOST_WAITING = 2048 };

static const int64_t most_wait_us = 15 * PH_SECOND_US;

/* A route of one server, with its metric. */
struct binding {
    struct binding *next;
    struct ph_dispatch *dispatch;
    const struct ph_api_route *route;
    void *opaque; /* of the action; borrowed */
    struct ph_metric *latency;
    struct ph_shared_answer shared; /* of a route that is shared */
};

struct ph_dispatch {
    struct ph_dispatch_options options;
    struct binding *bindings;
    struct ph_queue *calls;
    pthread_t threads[THREADS];
    size_t thread_count;
    struct ph_http_response *busy; /* 503 */
};

/* A request. One whose body comes in pieces is the call of one phase after another: it belongs to the
 * connection's thread until it is queued, then to a thread of the API until that releases the hold. */
struct pending {
    atomic_uint references; /* the queue's or the API's thread's, and the request's own between phases */
    struct binding *binding;
    struct ph_http_hold *hold; /* NULL: nobody hears the answer */
    struct ph_api_call call;
    char note[PH_CALL_NOTE_BYTES];
    struct ph_rate_verdict verdict;
    bool is_admitted;           /* the caller is known, and counted */
    char *token;                /* NULL without one */
    char *origin;               /* of a page elsewhere that may read the answer; NULL for others */
    bool has_other_credentials; /* an Authorization header that is no bearer token */
    bool is_shared;             /* the answer may be given to others */
    int64_t began_us;
};

static void unref(void *opaque) {
    struct pending *pending = opaque;
    if (atomic_fetch_sub_explicit(&pending->references, 1, memory_order_acq_rel) != 1)
        return;
    if (pending->token)
        explicit_bzero(pending->token, strlen(pending->token));
    free(pending->token);
    free(pending->origin);
    ph_api_call_finish(&pending->call);
    free(pending);
}

/* The API's answers are one caller's, of one moment, and what their type says. */
static struct ph_http_response *keep_private(struct ph_http_response *response) {
    if (response && (ph_http_response_add_header(response, "Cache-Control", "no-store") < 0 ||
                        ph_http_response_add_header(response, "X-Content-Type-Options", "nosniff") < 0))
        ph_http_response_unref(&response);
    return response;
}

/* With what the route's answers tell. */
static struct ph_http_response *finish(const struct binding *binding, struct ph_http_response *response) {
    response = keep_private(response);
    return response && binding->route->mark ? binding->route->mark(response) : response;
}

/* Who calls: NULL, or the refusal. Refused tokens are counted by the address they come from. */
static struct ph_http_response *identify(struct ph_dispatch *dispatch, struct pending *pending) {
    struct ph_error error = {""};
    struct ph_api_call *call = &pending->call;
    if (pending->has_other_credentials)
        return ph_problem_unauthorized("the Authorization header must be \"Bearer\" and a token");
    struct ph_rate_verdict failures = ph_rate_gate_failures(dispatch->options.limits, call, false);
    if (pending->token && failures.is_refused)
        return ph_rate_gate_refusal(&failures);
    if (pending->token && ph_auth_is_api_key(dispatch->options.api_key, pending->token)) {
        call->caller = (struct ph_caller){.role = PH_CALLER_APP, .subject = "app"};
        return NULL;
    }
    int code = ph_auth_identify(dispatch->options.verifier, pending->token,
        ph_clock_utc_us(dispatch->options.clock) / PH_SECOND_US, &call->caller, &error);
    if (code == -EACCES) {
        ph_rate_gate_failures(dispatch->options.limits, call, true);
        return ph_problem_unauthorized(error.text);
    }
    return code < 0 ? ph_problem_of_code(code) : NULL;
}

static struct ph_http_response *act(struct ph_dispatch *dispatch, struct pending *pending) {
    const struct ph_dispatch_options *options = &dispatch->options;
    const struct ph_api_route *route = pending->binding->route;
    char target[PH_CALL_TARGET_BYTES] = "";
    bool is_audited = route->is_audited && options->done;
    pending->call.target = is_audited ? target : NULL;
    struct ph_http_response *response = route->action(pending->binding->opaque, &pending->call);
    if (is_audited && response && ph_http_response_status(response) / 100 == 2)
        options->done(options->done_opaque, &pending->call, route->name);
    return response;
}

/* NULL, or the refusal. */
static struct ph_http_response *admit(struct ph_dispatch *dispatch, struct pending *pending) {
    struct ph_http_response *refusal = identify(dispatch, pending);
    if (refusal)
        return refusal;
    if (!pending->is_shared)
        pending->verdict =
            ph_rate_gate_admit(dispatch->options.limits, &pending->call, pending->binding->route->rate);
    pending->is_admitted = !pending->verdict.is_refused;
    return pending->is_admitted ? NULL : ph_rate_gate_refusal(&pending->verdict);
}

static struct ph_http_response *answer(struct ph_dispatch *dispatch, struct pending *pending) {
    struct ph_http_response *refusal = pending->is_admitted ? NULL : admit(dispatch, pending);
    return refusal ? refusal : ph_rate_gate_mark(act(dispatch, pending), &pending->verdict);
}

static void observe(const struct pending *pending) {
    ph_metric_observe(pending->binding->latency, (double)(ph_now_us() - pending->began_us) / PH_SECOND_US);
}

static void *run(void *opaque) {
    struct ph_dispatch *dispatch = opaque;
    void *item;
    while (ph_queue_pop(dispatch->calls, &item, PH_NEVER_US) == 0) {
        struct pending *pending = item;
        struct ph_http_hold *hold = pending->hold;
        if (hold && ph_http_hold_is_over(hold)) {
            ph_http_hold_drop(hold);
            unref(pending);
            continue;
        }
        struct ph_http_response *response = finish(pending->binding, answer(dispatch, pending));
        if (response && ph_http_response_date(response) < 0)
            ph_http_response_unref(&response);
        if (pending->origin)
            response = ph_cors_mark(response, pending->origin);
        if (pending->is_shared)
            ph_shared_answer_keep(&pending->binding->shared, response, ph_now_us() + PH_SHARED_ANSWER_US);
        observe(pending);
        if (hold)
            ph_http_hold_release(hold, response); /* from here the next piece may be in it */
        ph_http_response_unref(&response);
        unref(pending);
    }
    return NULL;
}

static struct pending *copy_request(struct binding *binding, struct ph_http_request *request) {
    struct pending *pending = calloc(1, sizeof(*pending));
    if (!pending)
        return NULL;
    atomic_init(&pending->references, 1);
    pending->binding = binding;
    pending->call.note = pending->note;
    pending->began_us = ph_now_us();
    const char *token = ph_http_request_bearer(request);
    pending->has_other_credentials = !token && ph_http_request_header(request, "Authorization");
    if (token && !(pending->token = strdup(token))) {
        unref(pending);
        return NULL;
    }
    if (ph_api_call_copy(&pending->call, request, binding->route->pattern, &binding->route->wants) < 0) {
        unref(pending);
        return NULL;
    }
    ph_client_address(ph_http_request_peer(request), ph_http_request_header(request, "X-Forwarded-For"),
        binding->dispatch->options.trusted_proxies, pending->call.address);
    return pending;
}

/* Of a caller who says nothing of itself. */
static bool may_share(const struct binding *binding, const struct ph_http_request *request) {
    const struct ph_call_wants *wants = &binding->route->wants;
    if (!binding->route->is_shared || ph_http_request_header(request, "Authorization") ||
        ph_http_request_header(request, "Origin"))
        return false;
    for (size_t i = 0; i < PH_MOST_CALL_WANTS && wants->queries[i]; i++) {
        if (ph_http_request_query(request, wants->queries[i]))
            return false;
    }
    return true;
}

static enum ph_cors_verdict judge_page(
    const struct ph_dispatch *dispatch, const struct ph_http_request *request) {
    return ph_cors_judge(ph_http_request_header(request, "Origin"), ph_http_request_header(request, "Host"),
        dispatch->options.public_url, dispatch->options.cors_origins);
}

/* Answers with a response that is given away. */
static void respond(struct ph_http_request *request, struct ph_http_response *response) {
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

/* The route that a request means, whose pattern its own shares; NULL when it names none. */
static struct binding *find_meant(struct binding *binding, const struct ph_http_request *request) {
    if (!binding->route->is_override)
        return binding;
    const char *method = ph_http_request_header(request, "X-HTTP-Method-Override");
    struct binding *meant = method ? binding->dispatch->bindings : NULL;
    if (method && strcmp(method, "HEAD") == 0)
        method = "GET";
    while (
        meant && (meant->route->is_override || strcmp(meant->route->pattern, binding->route->pattern) != 0 ||
                     strcmp(meant->route->method, method) != 0))
        meant = meant->next;
    return meant;
}

static void refuse_page(struct ph_http_request *request) {
    respond(request, keep_private(ph_problem(
                         403, NULL, "pages of this origin may not call: list it in PORTHOLE_CORS_ORIGINS")));
}

/* Before a body comes: a token is asked for its signature and its time alone, which takes no database. */
static struct ph_http_response *judge(struct ph_http_request *request, void *opaque) {
    const struct binding *binding = opaque;
    const struct ph_dispatch_options *options = &binding->dispatch->options;
    struct ph_caller caller;
    struct ph_error error = {"a token is required"};
    const char *token = ph_http_request_bearer(request);
    int code = token ? ph_auth_identify(options->verifier, token,
                           ph_clock_utc_us(options->clock) / PH_SECOND_US, &caller, &error)
                     : -EACCES;
    if (code == 0)
        return NULL;
    struct ph_http_response *refusal =
        finish(binding, code == -EACCES ? ph_problem_unauthorized(error.text) : ph_problem_of_code(code));
    return judge_page(binding->dispatch, request) == PH_CORS_LISTED
               ? ph_cors_mark(refusal, ph_http_request_header(request, "Origin"))
               : refusal;
}

static struct ph_http_response *describe(const struct binding *binding, struct ph_http_response *response) {
    return binding->route->describe ? binding->route->describe(response) : response;
}

static void handle_preflight(struct ph_http_request *request, void *opaque) {
    const struct binding *binding = opaque;
    enum ph_cors_verdict verdict = judge_page(binding->dispatch, request);
    if (verdict == PH_CORS_REFUSED)
        refuse_page(request);
    else if (verdict == PH_CORS_LISTED)
        respond(request, describe(binding, ph_cors_preflight(ph_http_request_header(request, "Origin"))));
    else
        respond(request, describe(binding, ph_http_response_create(204)));
}

/* Takes over a reference. */
static void enqueue(struct ph_dispatch *dispatch, struct ph_http_request *request, struct pending *pending) {
    bool is_heard = ph_http_request_phase(request) != PH_HTTP_CUT;
    pending->hold = NULL;
    if (is_heard &&
        ph_http_request_hold(request, ph_now_us() + most_wait_us, dispatch->busy, &pending->hold) < 0) {
        ph_http_respond(request, dispatch->busy);
        unref(pending);
    } else if (ph_queue_push(dispatch->calls, pending, 0) < 0) {
        if (is_heard)
            ph_http_hold_release(pending->hold, dispatch->busy);
        unref(pending);
    }
}

static void handle_piece(struct ph_dispatch *dispatch, struct ph_http_request *request) {
    struct pending *pending = ph_http_request_kept(request);
    atomic_fetch_add_explicit(&pending->references, 1, memory_order_relaxed);
    ph_api_call_take_body(&pending->call, request);
    pending->began_us = ph_now_us();
    enqueue(dispatch, request, pending);
}

static void handle(struct ph_http_request *request, void *opaque) {
    struct binding *called = opaque, *binding = find_meant(called, request);
    struct ph_dispatch *dispatch = called->dispatch;
    if (ph_http_request_kept(request)) {
        handle_piece(dispatch, request);
        return;
    }
    if (!binding) {
        respond(request, finish(called, ph_problem(400, "X-HTTP-Method-Override",
                                            "must name the method that is meant: PATCH, DELETE or HEAD")));
        return;
    }
    enum ph_cors_verdict verdict = judge_page(dispatch, request);
    if (verdict == PH_CORS_REFUSED && !binding->route->takes_any_page) {
        refuse_page(request);
        return;
    }
    bool is_shared = may_share(binding, request);
    struct ph_http_response *shared = is_shared ? ph_shared_answer_get(&binding->shared, ph_now_us()) : NULL;
    if (shared) {
        ph_http_respond(request, shared);
        ph_http_response_unref(&shared);
        return;
    }
    struct pending *pending = copy_request(binding, request);
    if (pending)
        pending->is_shared = is_shared;
    if (pending && verdict == PH_CORS_LISTED)
        pending->origin = strdup(ph_http_request_header(request, "Origin"));
    if (!pending) {
        ph_http_respond(request, dispatch->busy);
        return;
    }
    if (binding->route->piece_bytes) {
        atomic_fetch_add_explicit(&pending->references, 1, memory_order_relaxed);
        ph_http_request_keep(request, pending, unref);
    }
    enqueue(dispatch, request, pending);
}

static int make_busy(struct ph_dispatch *dispatch) {
    dispatch->busy = keep_private(ph_problem(503, NULL, "the server is busy; try again"));
    if (!dispatch->busy)
        return -ENOMEM;
    return ph_http_response_add_header(dispatch->busy, "Retry-After", "2");
}

int ph_dispatch_create(struct ph_dispatch **result, const struct ph_dispatch_options *options) {
    struct ph_dispatch *dispatch = calloc(1, sizeof(*dispatch));
    if (!dispatch)
        return -ENOMEM;
    dispatch->options = *options;
    int code = make_busy(dispatch);
    if (code == 0)
        code = ph_queue_create(&dispatch->calls, MOST_WAITING);
    while (code == 0 && dispatch->thread_count < THREADS) {
        code = ph_thread_start(&dispatch->threads[dispatch->thread_count], "api", run, dispatch);
        dispatch->thread_count += code == 0;
    }
    if (code < 0) {
        ph_dispatch_destroy(dispatch);
        return code;
    }
    *result = dispatch;
    return 0;
}

void ph_dispatch_destroy(struct ph_dispatch *dispatch) {
    if (!dispatch)
        return;
    if (dispatch->calls)
        ph_queue_close(dispatch->calls);
    for (size_t i = 0; i < dispatch->thread_count; i++)
        pthread_join(dispatch->threads[i], NULL);
    ph_queue_destroy(dispatch->calls);
    while (dispatch->bindings) {
        struct binding *binding = dispatch->bindings;
        dispatch->bindings = binding->next;
        ph_shared_answer_finish(&binding->shared);
        free(binding);
    }
    ph_http_response_unref(&dispatch->busy);
    free(dispatch);
}

static int add_route(struct ph_dispatch *dispatch, struct ph_http_server *server,
    const struct ph_api_route *route, void *opaque) {
    struct binding *binding = calloc(1, sizeof(*binding));
    if (!binding)
        return -ENOMEM;
    binding->dispatch = dispatch;
    binding->route = route;
    binding->opaque = opaque;
    ph_shared_answer_init(&binding->shared);
    binding->latency = ph_metrics_histogram(dispatch->options.metrics, "porthole_api_latency_seconds",
        "From a whole request to its answer, by call", PH_LABELS({"call", route->name}), ph_latency_bounds,
        ph_latency_bounds_count);
    binding->next = dispatch->bindings;
    dispatch->bindings = binding;
    int code = ph_http_server_add_route(server,
        &(struct ph_http_route){.method = route->method,
            .pattern = route->pattern,
            .kind = "api",
            .handler = handle,
            .opaque = binding,
            .judge = route->is_guarded ? judge : NULL,
            .piece_bytes = route->piece_bytes,
            .most_body_bytes = route->most_body_bytes ? route->most_body_bytes : PH_MOST_API_BODY_BYTES});
    if (code < 0)
        return code;
    code = ph_http_server_add_route(server, &(struct ph_http_route){.method = "OPTIONS",
                                                .pattern = route->pattern,
                                                .kind = "api",
                                                .handler = handle_preflight,
                                                .opaque = binding});
    return code == -EEXIST ? 0 : code; /* another method of this address has it */
}

int ph_dispatch_add_routes(struct ph_dispatch *dispatch, struct ph_http_server *server,
    const struct ph_api_route *routes, size_t count, void *opaque) {
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = add_route(dispatch, server, &routes[i], opaque);
    return code;
}
