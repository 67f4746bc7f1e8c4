/* Rate limits at the door of the API: which buckets a call takes from, and how its answer says so. */
#ifndef PH_API_RATE_GATE_H
#define PH_API_RATE_GATE_H

#include "api/call.h"
#include "api/rate_limits.h"
#include "core/http/response.h"

/* Takes a token for the call, and one of the route's class if it has one: by subject, or by address without a
 * token. This machine itself and the app are not limited. `limits` may be NULL: nobody is. The verdict is a
 * refusal, or that of the bucket which is nearest to one. */
struct ph_rate_verdict ph_rate_gate_admit(
    struct ph_rate_limits *limits, const struct ph_api_call *call, enum ph_rate_class rate);
/* Of refused tokens from the call's address; `takes`: one more. */
struct ph_rate_verdict ph_rate_gate_failures(
    struct ph_rate_limits *limits, const struct ph_api_call *call, bool takes);

/* 429 with Retry-After (RFC 6585) and what mark() adds. NULL when out of memory. */
struct ph_http_response *ph_rate_gate_refusal(const struct ph_rate_verdict *verdict);
/* Adds RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset (seconds). Takes over the response and gives
 * it back; NULL stays NULL, and comes when out of memory. */
struct ph_http_response *ph_rate_gate_mark(
    struct ph_http_response *response, const struct ph_rate_verdict *verdict);

#endif
