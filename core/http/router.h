/* Which route a request's path and method belong to (pure). Patterns are "/live/{session}/{file}": a literal
 * segment beats a parameter, a parameter beats the rest "{path...}", which stands last only and may be empty.
 */
#ifndef PH_HTTP_ROUTER_H
#define PH_HTTP_ROUTER_H

#include <stddef.h>

#include "core/base/error.h"

enum { PH_ROUTER_MOST_SEGMENTS = 24, PH_ROUTER_MOST_PARAMS = 8, PH_ROUTER_ALLOW_BYTES = 96 };

struct ph_router;

enum ph_router_verdict {
    PH_ROUTER_FOUND,
    PH_ROUTER_NOT_FOUND,
    PH_ROUTER_WRONG_METHOD, /* the path is known, with other methods */
    PH_ROUTER_BAD_PATH,     /* bad percent-encoding, a control character, an encoded slash, "." or ".." */
    PH_ROUTER_TOO_LONG
};

struct ph_router_param {
    const char *name; /* borrowed from the router */
    const char *value;
};

struct ph_router_match {
    enum ph_router_verdict verdict;
    void *target; /* the route's; with a wrong method that of the best route for the path; else NULL */
    size_t param_count;
    struct ph_router_param params[PH_ROUTER_MOST_PARAMS];
    char allow[PH_ROUTER_ALLOW_BYTES]; /* with a wrong method: the methods of an Allow header */
};

int ph_router_create(struct ph_router **router) PH_NODISCARD;
void ph_router_destroy(struct ph_router *router);
/* Copies `method` (NULL: any) and `pattern`; borrows `target`. -EINVAL for a malformed pattern, -EEXIST when
 * the same method and pattern are there, -ENOMEM. */
int ph_router_add(
    struct ph_router *router, const char *method, const char *pattern, void *target) PH_NODISCARD;
/* `path` as it came, still percent-encoded, without the query. The match's values live in `buffer`, which is
 * never written past `buffer_bytes`; *used says how much of it they take. */
struct ph_router_match ph_router_find(const struct ph_router *router, const char *method, const char *path,
    char *buffer, size_t buffer_bytes, size_t *used);

/* Decodes %XX of `size` characters into `target`, which has room for size + 1, and ends it with NUL. 0, or
 * -EINVAL for a bad escape or an encoded NUL. */
int ph_percent_decode(char *target, const char *source, size_t size) PH_NODISCARD;

#endif
