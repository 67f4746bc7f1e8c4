#include "api/rate_gate.h"

#include <stdbool.h>
#include <stdio.h>

#include "api/client_address.h"
#include "api/problem.h"

static struct ph_rate_verdict take_by_address(
    struct ph_rate_limits *limits, enum ph_rate_class rate, const char *address, bool takes) {
    char network[INET6_ADDRSTRLEN];
    ph_client_network(address, network);
    if (!limits || !network[0])
        return (struct ph_rate_verdict){0};
    return takes ? ph_rate_limits_take(limits, rate, network) : ph_rate_limits_look(limits, rate, network);
}

static struct ph_rate_verdict take(
    struct ph_rate_limits *limits, const struct ph_api_call *call, enum ph_rate_class rate) {
    bool is_anonymous = call->caller.role == PH_CALLER_ANONYMOUS;
    return is_anonymous ? take_by_address(limits, rate, call->address, true)
                        : ph_rate_limits_take(limits, rate, call->caller.subject);
}

/* The share of the limit that is left decides. */
static bool is_nearer(const struct ph_rate_verdict *one, const struct ph_rate_verdict *other) {
    if (!one->is_limited || !other->is_limited)
        return one->is_limited;
    return (uint64_t)one->remaining * other->limit < (uint64_t)other->remaining * one->limit;
}

struct ph_rate_verdict ph_rate_gate_admit(
    struct ph_rate_limits *limits, const struct ph_api_call *call, enum ph_rate_class rate) {
    if (!limits || rate == PH_RATE_FREE || call->caller.role == PH_CALLER_APP)
        return (struct ph_rate_verdict){0};
    bool is_anonymous = call->caller.role == PH_CALLER_ANONYMOUS;
    struct ph_rate_verdict verdict = take(limits, call, is_anonymous ? PH_RATE_ANONYMOUS : PH_RATE_CALLS);
    if (verdict.is_refused || rate == PH_RATE_CALLS)
        return verdict;
    struct ph_rate_verdict own = take(limits, call, rate);
    return own.is_refused || is_nearer(&own, &verdict) ? own : verdict;
}

struct ph_rate_verdict ph_rate_gate_failures(
    struct ph_rate_limits *limits, const struct ph_api_call *call, bool takes) {
    return take_by_address(limits, PH_RATE_FAILURES, call->address, takes);
}

static int add_number(struct ph_http_response *response, const char *name, uint32_t number) {
    char text[16];
    snprintf(text, sizeof(text), "%u", number);
    return ph_http_response_add_header(response, name, text);
}

struct ph_http_response *ph_rate_gate_mark(
    struct ph_http_response *response, const struct ph_rate_verdict *verdict) {
    if (!response || !verdict->is_limited)
        return response;
    int code = add_number(response, "RateLimit-Limit", verdict->limit);
    if (code == 0)
        code = add_number(response, "RateLimit-Remaining", verdict->remaining);
    if (code == 0)
        code = add_number(response, "RateLimit-Reset", verdict->reset_s);
    if (code < 0)
        ph_http_response_unref(&response);
    return response;
}

struct ph_http_response *ph_rate_gate_refusal(const struct ph_rate_verdict *verdict) {
    struct ph_http_response *response =
        ph_rate_gate_mark(ph_problem(429, NULL, "too many requests; try again later"), verdict);
    if (response && add_number(response, "Retry-After", verdict->retry_after_s) < 0)
        ph_http_response_unref(&response);
    return response;
}
