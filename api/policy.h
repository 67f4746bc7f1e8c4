/* Who may do what: one table of role × action. An action is a resource's name and what is done to it. */
#ifndef PH_API_POLICY_H
#define PH_API_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/random.h"

enum { PH_MOST_SUBJECT_CHARACTERS = 128, PH_SUBJECT_BYTES = 4 * PH_MOST_SUBJECT_CHARACTERS + 1 };

enum ph_caller_role {
    PH_CALLER_ANONYMOUS, /* without a token */
    PH_CALLER_VIEWER,
    PH_CALLER_STREAMER,
    PH_CALLER_OPERATOR,
    PH_CALLER_ADMIN,
    PH_CALLER_APP, /* the app that embeds Porthole, by its API key: no token carries this role */
    PH_CALLER_ROLES
};

/* A caller as its token describes it. */
struct ph_caller {
    enum ph_caller_role role;
    char subject[PH_SUBJECT_BYTES];
    char session[PH_SESSION_ID_BYTES]; /* "" unless the token is good for one session alone */
    bool is_confined;  /* the session only keeps the token there: it lets its holder in to nothing */
    int64_t expires_s; /* when the token ends; 0 without one */
    int64_t since_s;   /* when it was issued, or the one it was renewed from; 0: it does not say */
};

enum ph_visibility { PH_VISIBILITY_PRIVATE, PH_VISIBILITY_UNLISTED, PH_VISIBILITY_PUBLIC, PH_VISIBILITIES };

enum ph_action {
    PH_ACTION_SESSION_START,
    PH_ACTION_SESSION_LIST, /* see it among the active ones */
    PH_ACTION_SESSION_VIEW, /* see it by its id: without this right it is not there (404) */
    PH_ACTION_SESSION_END,
    PH_ACTION_SESSION_BEAT,  /* keep it before media arrives */
    PH_ACTION_SESSION_REKEY, /* revoke its stream key, or have another one */

    PH_ACTION_VIEWERS_JOIN, /* become one, with a playback token for the media; beat and leave take the
                               viewer's id alone */
    PH_ACTION_VIEWERS_LIST,
    PH_ACTION_VIEWERS_REMOVE,

    PH_ACTION_CHAT_READ,
    PH_ACTION_CHAT_SAY,
    PH_ACTION_CHAT_MODERATE,

    PH_ACTION_EVENTS_FOLLOW, /* of one session */

    PH_ACTION_RECORDING_LIST,
    PH_ACTION_RECORDING_VIEW,
    PH_ACTION_RECORDING_DOWNLOAD,
    PH_ACTION_RECORDING_DELETE,
    PH_ACTION_RECORDING_CLIP, /* make one of it */
    PH_ACTION_RECORDING_UPLOAD,

    PH_ACTION_PROFILE_VIEW,
    PH_ACTION_PROFILE_WRITE,

    PH_ACTION_WORKERS_VIEW,
    PH_ACTION_WORKERS_DRAIN,

    PH_ACTION_WEBHOOKS_VIEW,
    PH_ACTION_WEBHOOKS_WRITE,

    PH_ACTION_ANALYTICS_SESSION,
    PH_ACTION_ANALYTICS_OWN, /* the summary of the caller's own sessions */
    PH_ACTION_ANALYTICS_ALL, /* of everybody's */

    PH_ACTION_AUDIT_VIEW,

    PH_ACTION_TOKEN_RENEW, /* a fresh or narrower one for oneself */
    PH_ACTION_TOKEN_MAKE,  /* one for a streamer or viewer */

    PH_ACTIONS
};

/* What a caller is to a session or a profile; a set of bits. */
enum ph_relation {
    PH_RELATION_PUBLIC = 1,   /* the session is public */
    PH_RELATION_UNLISTED = 2, /* the session is unlisted */
    PH_RELATION_OWNER = 4,    /* the caller started the session */
    PH_RELATION_GUARDIAN = 8, /* the caller is a guardian of who started it */
    PH_RELATION_NAMED = 16,   /* the caller's token was made for the session */
    PH_RELATION_KEPT = 32,    /* the caller's token is good for the session alone */
    PH_RELATION_OPEN = 64,    /* the caller's token is not kept to one session */
    PH_RELATION_SELF = 128,   /* the profile is the caller's own */
    PH_RELATIONS_END = 256,
};

/* A session as the policy sees it. */
struct ph_policy_session {
    const char *id, *owner;
    enum ph_visibility visibility;
    bool is_guarded; /* the caller is a guardian of its owner */
};

unsigned ph_policy_relations(const struct ph_caller *caller, const struct ph_policy_session *session);
/* To what belongs to no session. */
unsigned ph_policy_relations_to_none(const struct ph_caller *caller);
/* To the profile of `subject`. */
unsigned ph_policy_relations_to_profile(const struct ph_caller *caller, const char *subject);
/* Whether one of the relations lets the role do it. */
bool ph_policy_allows(enum ph_caller_role role, enum ph_action action, unsigned relations);

/* "session.start" */
const char *ph_action_name(enum ph_action action);
const char *ph_visibility_name(enum ph_visibility visibility);
/* -1 for no visibility's name. */
int ph_visibility_parse(const char *name);
const char *ph_caller_role_name(enum ph_caller_role role);
/* -1 for a role that no token may carry. */
int ph_caller_role_parse(const char *name);

#endif
