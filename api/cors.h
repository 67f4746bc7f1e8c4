/* Which pages may call the API from a browser (Fetch standard; RFC 6454): those of this server, and those of
 * the origins that the settings list. Others are refused before anything is done. */
#ifndef PH_API_CORS_H
#define PH_API_CORS_H

#include "core/http/server.h"

enum ph_cors_verdict {
    PH_CORS_SAME,   /* no page, or one of this server */
    PH_CORS_LISTED, /* a page of another origin that may */
    PH_CORS_REFUSED
};

/* `origin` and `host` are the request's headers, or NULL; `listed` as in the settings. Pure. */
enum ph_cors_verdict ph_cors_judge(
    const char *origin, const char *host, const char *public_url, const char *listed);
/* Lets the page of a listed origin read the answer. Returns the response, or NULL (and drops it) when memory
 * is out; NULL stays NULL. */
struct ph_http_response *ph_cors_mark(struct ph_http_response *response, const char *origin);
/* The answer to a preflight of a listed origin. NULL when out of memory. */
struct ph_http_response *ph_cors_preflight(const char *origin);

#endif
