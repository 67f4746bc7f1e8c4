#include "ingest/webrtc/whip_exchange.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/sha256.h"
#include "ingest/webrtc/whip_answers.h"

uint32_t ph_whip_top_rate(const char *ladder) {
    uint64_t top = 0;
    for (const char *at = strchr(ladder, '@'); at; at = strchr(at + 1, '@')) {
        char *end;
        uint64_t rate = strtoull(at + 1, &end, 10);
        uint64_t unit = *end == 'k' ? 1000 : *end == 'm' || *end == 'M' ? 1000000 : 1;
        if (rate <= UINT32_MAX / unit && rate * unit > top)
            top = rate * unit;
    }
    return (uint32_t)top;
}

/* What the log and the metrics hear of a publisher that is not taken. */
static struct ph_http_response *refuse(const struct ph_whip_exchange *exchange,
    const struct ph_whip_request *request, const char *session, struct ph_http_response *answer,
    const char *reason) {
    char code[16];
    uint64_t suppressed;
    unsigned status = answer ? ph_http_response_status(answer) : 500;
    snprintf(code, sizeof(code), "%u", status);
    ph_metric_add(ph_metrics_counter(exchange->metrics, "porthole_ingest_rejected_total",
                      "Publishers rejected", PH_LABELS({"protocol", "whip"}, {"code", code})),
        1);
    if (ph_log_allowance_take(exchange->log_allowance, ph_now_us(), &suppressed))
        ph_log_warning("publisher rejected", ph_str("protocol", "whip"),
            ph_str("session", *session ? session : NULL), ph_str("peer", request->peer),
            ph_str("reason", reason), ph_int("code", status),
            ph_int("lines_suppressed", (int64_t)suppressed));
    return answer;
}

static const char *reason_of(enum ph_publisher_verdict verdict) {
    switch (verdict) {
    case PH_PUBLISHER_UNAUTHORIZED:
        return "the stream key is not known";
    case PH_PUBLISHER_ENDED:
        return "the session is over";
    case PH_PUBLISHER_BUSY:
        return "another publisher is on the session";
    case PH_PUBLISHER_FULL:
        return "no worker has room for another session";
    default:
        return "the sessions' store does not answer, or the node shuts down";
    }
}

static void hash_key(const char *key, uint8_t hash[PH_WEBRTC_KEY_HASH_BYTES]) {
    static_assert((int)PH_WEBRTC_KEY_HASH_BYTES == (int)PH_SHA256_BYTES, "the hash fits");
    if (ph_sha256((struct ph_slice){(const uint8_t *)key, strlen(key)}, hash) < 0)
        ph_random_bytes(hash, PH_WEBRTC_KEY_HASH_BYTES); /* matches nothing */
}

/* Our end, for the functions that write it. */
static struct ph_local_transport transport_of(const struct ph_webrtc_local *local) {
    struct ph_local_transport transport = {.ufrag = local->credentials.ufrag,
        .pwd = local->credentials.pwd,
        .candidates = local->candidates,
        .candidate_count = local->candidate_count};
    memcpy(transport.fingerprint_sha256, local->fingerprint, sizeof(transport.fingerprint_sha256));
    return transport;
}

static struct ph_bytes *write_answer(const struct ph_negotiation *negotiation,
    const struct ph_webrtc_local *local, const struct ph_answer_rates *rates) {
    struct ph_builder builder = {0};
    struct ph_local_transport transport = transport_of(local);
    uint64_t number;
    ph_random_bytes(&number, sizeof(number));
    ph_negotiation_answer_write(&builder, negotiation, &transport, rates, number >> 2);
    return ph_builder_finish(&builder);
}

static char *write_worker_sdp(const struct ph_negotiation *negotiation) {
    struct ph_builder builder = {0};
    ph_negotiation_worker_sdp_write(&builder, negotiation);
    return ph_builder_finish_string(&builder);
}

static struct ph_http_response *open_connection(const struct ph_whip_exchange *exchange,
    const struct ph_whip_request *request, struct ph_webrtc_publisher *publisher) {
    const char *ladder = *publisher->admission.ladder ? publisher->admission.ladder : exchange->ladder;
    struct ph_answer_rates rates = ph_answer_rates_for(ph_whip_top_rate(ladder));
    struct ph_webrtc_local local;
    publisher->ceiling_bps = rates.ceiling_bps;
    hash_key(request->key, publisher->key_hash);
    char *worker_sdp = write_worker_sdp(&publisher->negotiation);
    int code = worker_sdp ? ph_webrtc_open(exchange->endpoint, publisher, worker_sdp, &local) : -ENOMEM;
    if (code)
        return refuse(exchange, request, publisher->admission.session, ph_whip_failed(code),
            code == -EMFILE ? "too many connections" : "the connection cannot be made");
    struct ph_ice_server servers[PH_MOST_ICE_SERVERS];
    size_t server_count = ph_ice_servers_list(exchange->turn_urls, exchange->turn_secret,
        publisher->admission.session, ph_utc_now_us() / PH_SECOND_US, servers);
    return ph_whip_created(
        &local, write_answer(&publisher->negotiation, &local, &rates), servers, server_count);
}

/* Who may not publish learns nothing about the offer. */
static struct ph_http_response *post(const struct ph_whip_exchange *exchange,
    const struct ph_whip_request *request, struct ph_webrtc_publisher *publisher) {
    struct ph_error error = {""};
    enum ph_publisher_verdict verdict =
        ph_publisher_admit(exchange->relays, request->key, &publisher->admission);
    const char *session = publisher->admission.session;
    if (verdict != PH_PUBLISHER_OK)
        return refuse(exchange, request, session, ph_whip_refused(verdict), reason_of(verdict));
    int code =
        ph_negotiation_parse(ph_whip_request_body(request), PH_CODECS_USUAL, &publisher->negotiation, &error);
    if (code == -ENOTSUP)
        return refuse(exchange, request, session,
            ph_whip_problem(422, "Unprocessable Content", error.text, 0), error.text);
    if (code)
        return refuse(
            exchange, request, session, ph_whip_problem(400, "Bad Request", error.text, 0), error.text);
    return open_connection(exchange, request, publisher);
}

static struct ph_http_response *patch(const struct ph_whip_exchange *exchange,
    const struct ph_whip_request *request, struct ph_webrtc_patch *change) {
    struct ph_error error = {""};
    struct ph_sdpfrag fragment;
    uint8_t key_hash[PH_WEBRTC_KEY_HASH_BYTES];
    if (ph_sdpfrag_parse(ph_whip_request_body(request), &fragment, &error))
        return ph_whip_problem(400, "Bad Request", error.text, 0);
    hash_key(request->key, key_hash);
    change->id = request->id;
    change->key_hash = key_hash;
    change->fragment = &fragment;
    change->if_match = request->has_if_match ? request->if_match : NULL;
    int code = ph_webrtc_patch(exchange->endpoint, change);
    if (code < 0)
        return ph_whip_failed(code);
    if (code == PH_WEBRTC_TRICKLED)
        return ph_whip_done(204);
    struct ph_builder builder = {0};
    struct ph_local_transport transport = transport_of(&change->local);
    ph_sdpfrag_answer_write(&builder, &change->negotiation, &transport);
    return ph_whip_restarted(&change->local, ph_builder_finish(&builder));
}

static struct ph_http_response *end(
    const struct ph_whip_exchange *exchange, const struct ph_whip_request *request) {
    uint8_t key_hash[PH_WEBRTC_KEY_HASH_BYTES];
    hash_key(request->key, key_hash);
    int code = ph_webrtc_close(exchange->endpoint, request->id, key_hash);
    return code ? ph_whip_failed(code) : ph_whip_done(200);
}

/* What is some kilobytes large lives on the heap. */
struct ph_http_response *ph_whip_exchange(
    const struct ph_whip_exchange *exchange, const struct ph_whip_request *request) {
    if (request->kind == PH_WHIP_DELETE)
        return end(exchange, request);
    struct ph_http_response *response = NULL;
    if (request->kind == PH_WHIP_POST) {
        struct ph_webrtc_publisher *publisher = calloc(1, sizeof(*publisher));
        response = publisher ? post(exchange, request, publisher) : NULL;
        free(publisher);
    } else {
        struct ph_webrtc_patch *change = calloc(1, sizeof(*change));
        response = change ? patch(exchange, request, change) : NULL;
        free(change);
    }
    return response;
}
