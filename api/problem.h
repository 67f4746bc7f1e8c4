/* Errors as application/problem+json (RFC 9457), with the member `field` where one field of the request is
 * wrong: a JSON pointer into the body, or the name of a query's value. */
#ifndef PH_API_PROBLEM_H
#define PH_API_PROBLEM_H

#include "core/http/response.h"

/* `field` may be NULL or "". The title follows from the status. NULL when out of memory, which
 * ph_http_respond() answers. */
struct ph_http_response *ph_problem(unsigned status, const char *field, const char *detail);
/* With one more member, the address of what helps: "restore". */
struct ph_http_response *ph_problem_linking(
    unsigned status, const char *detail, const char *name, const char *address);
/* For a failed look-up or write: 404 for -ENOENT, 503 with Retry-After for -EAGAIN and what else passes, else
 * 500. */
struct ph_http_response *ph_problem_of_code(int code);
/* 401 with WWW-Authenticate (RFC 6750). */
struct ph_http_response *ph_problem_unauthorized(const char *detail);

#endif
