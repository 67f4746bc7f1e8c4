#include "api/policy.h"

#include <string.h>

enum {
    NOBODY = 0,
    LISTED = PH_RELATION_PUBLIC,
    SHOWN = PH_RELATION_PUBLIC | PH_RELATION_UNLISTED,
    OWN = PH_RELATION_OWNER,
    NAMED = PH_RELATION_NAMED,
    EVERY = PH_RELATION_OPEN | PH_RELATION_NAMED,
};

// clang-format off
static const unsigned allowed[PH_CALLER_ROLES][PH_ACTIONS] = {
    /*                        START              LIST              VIEW             END   */
    [PH_CALLER_ANONYMOUS] = { NOBODY,            LISTED,           SHOWN,           NOBODY },
    [PH_CALLER_VIEWER]    = { NOBODY,            LISTED | NAMED,   SHOWN | NAMED,   NOBODY },
    [PH_CALLER_STREAMER]  = { PH_RELATION_OPEN,  LISTED | OWN,     SHOWN | OWN,     OWN    },
    [PH_CALLER_OPERATOR]  = { NOBODY,            LISTED | EVERY,   SHOWN | EVERY,   EVERY  },
    [PH_CALLER_ADMIN]     = { NOBODY,            LISTED | EVERY,   SHOWN | EVERY,   EVERY  },
};
// clang-format on

static const char *const visibilities[PH_VISIBILITIES] = {"private", "unlisted", "public"};
static const char *const roles[PH_CALLER_ROLES] = {"anonymous", "viewer", "streamer", "operator", "admin"};

unsigned ph_policy_relations(
    const struct ph_caller *caller, const char *session, const char *owner, enum ph_visibility visibility) {
    unsigned relations = 0;
    if (visibility == PH_VISIBILITY_PUBLIC)
        relations |= PH_RELATION_PUBLIC;
    if (visibility == PH_VISIBILITY_UNLISTED)
        relations |= PH_RELATION_UNLISTED;
    if (caller->role == PH_CALLER_ANONYMOUS)
        return relations;
    if (caller->session[0] && strcmp(caller->session, session) != 0)
        return relations; /* a narrowed token is nobody's outside its session */
    if (caller->session[0])
        relations |= PH_RELATION_NAMED;
    else
        relations |= PH_RELATION_OPEN;
    if (strcmp(caller->subject, owner) == 0)
        relations |= PH_RELATION_OWNER;
    return relations;
}

unsigned ph_policy_relations_to_none(const struct ph_caller *caller) {
    return caller->session[0] ? 0 : PH_RELATION_OPEN;
}

bool ph_policy_allows(enum ph_caller_role role, enum ph_action action, unsigned relations) {
    return (allowed[role][action] & relations) != 0;
}

const char *ph_visibility_name(enum ph_visibility visibility) {
    return visibilities[visibility];
}

int ph_visibility_parse(const char *name) {
    for (int i = 0; i < PH_VISIBILITIES; i++) {
        if (strcmp(name, visibilities[i]) == 0)
            return i;
    }
    return -1;
}

const char *ph_caller_role_name(enum ph_caller_role role) {
    return roles[role];
}

int ph_caller_role_parse(const char *name) {
    for (int i = PH_CALLER_VIEWER; i < PH_CALLER_ROLES; i++) {
        if (strcmp(name, roles[i]) == 0)
            return i;
    }
    return -1;
}
