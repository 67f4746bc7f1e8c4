/* A call of the API, copied from its request: what an action knows of it. */
#ifndef PH_API_CALL_H
#define PH_API_CALL_H

#include <netinet/in.h>

#include "api/policy.h"
#include "core/base/bytes.h"
#include "core/http/server.h"

enum {
    PH_MOST_CALL_WANTS = 8,
    PH_MOST_CALL_VALUES = 24,
    PH_MOST_CALL_VALUE_BYTES = 4096, /* longer ones are cut short, which is as wrong: good ones are short */
};

/* Names in static storage; the first NULL ends a list. */
struct ph_call_wants {
    const char *queries[PH_MOST_CALL_WANTS];
    const char *headers[PH_MOST_CALL_WANTS];
};

enum ph_call_value_kind { PH_CALL_PARAM, PH_CALL_QUERY, PH_CALL_HEADER };

struct ph_call_value {
    enum ph_call_value_kind kind;
    size_t name_size;
    const char *name; /* borrowed from the route; not ended by NUL */
    char *value;      /* owned */
};

struct ph_api_call {
    struct ph_caller caller;
    char id[PH_SESSION_ID_BYTES];   /* the path's {id}; "" when there is none or it is no session's id */
    char address[INET6_ADDRSTRLEN]; /* of the client, "203.0.113.9" */
    struct ph_bytes *body;          /* NULL without one */
    struct ph_call_value values[PH_MOST_CALL_VALUES];
    size_t value_count;
    /* Of a route with `piece_bytes`, else PH_HTTP_LAST and all of the body. */
    enum ph_http_phase phase;
    uint64_t body_offset;    /* bytes of the body before `body` */
    uint64_t body_announced; /* all of it; UINT64_MAX when that is not told */
    char *note;   /* room of PH_CALL_NOTE_BYTES that the action has from phase to phase; "" at first */
    char *target; /* room for what the action made, for the audit log; NULL where nobody asks */
};

enum { PH_CALL_TARGET_BYTES = PH_SUBJECT_BYTES, PH_CALL_NOTE_BYTES = 64 };

/* Fills an empty call, but its caller. -ENOMEM: finish it all the same. */
int ph_api_call_copy(struct ph_api_call *call, struct ph_http_request *request, const char *pattern,
    const struct ph_call_wants *wants) PH_NODISCARD;
/* The next phase of the same request, in place of the one before. */
void ph_api_call_take_body(struct ph_api_call *call, struct ph_http_request *request);
void ph_api_call_finish(struct ph_api_call *call);

/* The path's {name}; never NULL for a name in the route's pattern. */
const char *ph_api_call_param(const struct ph_api_call *call, const char *name);
/* The query's value, of those the route wants: "" when given without one, NULL when absent. */
const char *ph_api_call_query(const struct ph_api_call *call, const char *name);
/* A header, of those the route wants, by the name as the route writes it; NULL when absent. */
const char *ph_api_call_header(const struct ph_api_call *call, const char *name);
/* Names what the action made, for the audit log: a session's id and the like, nothing secret. Without it the
 * target is the path's first parameter. */
void ph_api_call_made(const struct ph_api_call *call, const char *target);
/* "" for none. */
const char *ph_api_call_target(const struct ph_api_call *call);
struct ph_slice ph_api_call_body(const struct ph_api_call *call);

#endif
