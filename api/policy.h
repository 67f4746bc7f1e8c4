/* Who may do what to which session: one table. */
#ifndef PH_API_POLICY_H
#define PH_API_POLICY_H

#include <stdbool.h>

#include "core/base/random.h"

enum { PH_MOST_SUBJECT_CHARACTERS = 128, PH_SUBJECT_BYTES = 4 * PH_MOST_SUBJECT_CHARACTERS + 1 };

enum ph_caller_role {
    PH_CALLER_ANONYMOUS, /* without a token */
    PH_CALLER_VIEWER,
    PH_CALLER_STREAMER,
    PH_CALLER_OPERATOR,
    PH_CALLER_ADMIN,
    PH_CALLER_ROLES
};

/* A caller as its token describes it. `session` is "" unless the token is narrowed to one session. */
struct ph_caller {
    enum ph_caller_role role;
    char subject[PH_SUBJECT_BYTES];
    char session[PH_SESSION_ID_BYTES];
};

enum ph_visibility { PH_VISIBILITY_PRIVATE, PH_VISIBILITY_UNLISTED, PH_VISIBILITY_PUBLIC, PH_VISIBILITIES };

enum ph_action {
    PH_ACTION_START,
    PH_ACTION_LIST, /* see it among the active ones */
    PH_ACTION_VIEW, /* see it by its id */
    PH_ACTION_END,
    PH_ACTIONS
};

/* What a caller is to a session; a set of bits. */
enum ph_relation {
    PH_RELATION_PUBLIC = 1,   /* the session is public */
    PH_RELATION_UNLISTED = 2, /* the session is unlisted */
    PH_RELATION_OWNER = 4,    /* the caller started it */
    PH_RELATION_NAMED = 8,    /* the caller's token names it */
    PH_RELATION_OPEN = 16,    /* the caller's token does not keep it to another session */
};

unsigned ph_policy_relations(
    const struct ph_caller *caller, const char *session, const char *owner, enum ph_visibility visibility);
/* Before there is a session. */
unsigned ph_policy_relations_to_none(const struct ph_caller *caller);
/* Whether one of the relations lets the role do it. */
bool ph_policy_allows(enum ph_caller_role role, enum ph_action action, unsigned relations);

const char *ph_visibility_name(enum ph_visibility visibility);
/* -1 for no visibility's name. */
int ph_visibility_parse(const char *name);
const char *ph_caller_role_name(enum ph_caller_role role);
/* -1 for a role that no token may carry. */
int ph_caller_role_parse(const char *name);

#endif
