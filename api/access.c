#include "api/access.h"

#include "api/problem.h"

int ph_access_session(struct ph_sessions *sessions, const struct ph_caller *caller, const char *id,
    enum ph_action action, struct ph_session *session, unsigned *relations) {
    if (!*id)
        return -ENOENT;
    int code = ph_sessions_find_for(sessions, id, caller->subject, session);
    if (code < 0)
        return code;
    unsigned found = ph_policy_relations(caller,
        &(struct ph_policy_session){session->id, session->owner, session->visibility, session->is_guarded});
    if (relations)
        *relations = found;
    if (!ph_policy_allows(caller->role, PH_ACTION_SESSION_VIEW, found))
        return -ENOENT;
    return ph_policy_allows(caller->role, action, found) ? 0 : -EPERM;
}

int ph_access_general(const struct ph_caller *caller, enum ph_action action) {
    return ph_policy_allows(caller->role, action, ph_policy_relations_to_none(caller)) ? 0 : -EPERM;
}

struct ph_http_response *ph_access_problem(const struct ph_caller *caller, int code, const char *detail) {
    if (code != -EPERM)
        return ph_problem_of_code(code);
    return caller->role == PH_CALLER_ANONYMOUS ? ph_problem_unauthorized(detail)
                                               : ph_problem(403, NULL, detail);
}
