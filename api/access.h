/* The way to a session for every call about one: finds it, asks the policy, and says no in the right words.
 */
#ifndef PH_API_ACCESS_H
#define PH_API_ACCESS_H

#include "api/sessions_store.h"
#include "core/http/response.h"

/* 0 with the session and what the caller is to it (`relations` may be NULL); -ENOENT when there is none or it
 * is hidden from the caller; -EPERM when the caller may see it and not do this; the database's failures. */
int ph_access_session(struct ph_sessions *sessions, const struct ph_caller *caller, const char *id,
    enum ph_action action, struct ph_session *session, unsigned *relations) PH_NODISCARD;
/* What belongs to no session: 0 or -EPERM. */
int ph_access_general(const struct ph_caller *caller, enum ph_action action) PH_NODISCARD;

/* The answer to a refusal of the above: 404, 401 for a stranger (who may become somebody), 403, 503. `detail`
 * is what an -EPERM says. NULL when out of memory. */
struct ph_http_response *ph_access_problem(const struct ph_caller *caller, int code, const char *detail);

#endif
