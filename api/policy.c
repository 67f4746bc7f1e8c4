#include "api/policy.h"

#include <string.h>

enum {
    NONE = 0,
    LISTED = PH_RELATION_PUBLIC,
    SHOWN = PH_RELATION_PUBLIC | PH_RELATION_UNLISTED,
    OWN = PH_RELATION_OWNER,
    CHILD = PH_RELATION_GUARDIAN, /* a session of the child that the caller is a guardian of */
    NAMED = PH_RELATION_NAMED,
    EVERY = PH_RELATION_OPEN | PH_RELATION_KEPT,
    OPEN = PH_RELATION_OPEN,
    SELF = PH_RELATION_SELF,
};

struct rule {
    const char *name;
    unsigned allowed[PH_CALLER_ROLES];
};

#define RULE(action, text, anonymous, viewer, streamer, operator, admin, app)                                \
    [PH_ACTION_##action] = {(text), {anonymous, viewer, streamer, operator, admin, app}}

/* Which sessions and profiles, by what the caller is to them, each role may do each thing to. */
// clang-format off
static const struct rule rules[PH_ACTIONS] = {
    /*                                             ANONYMOUS  VIEWER                  STREAMER              OPERATOR         ADMIN            APP  */
    RULE(SESSION_START,      "session.start",      NONE,      NONE,                   OPEN,                 NONE,            NONE,            NONE),
    RULE(SESSION_LIST,       "session.list",       LISTED,    LISTED | NAMED | CHILD, LISTED | OWN | CHILD, LISTED | EVERY,  LISTED | EVERY,  NONE),
    RULE(SESSION_VIEW,       "session.view",       SHOWN,     SHOWN | NAMED | CHILD,  SHOWN | OWN | CHILD,  SHOWN | EVERY,   SHOWN | EVERY,   NONE),
    RULE(SESSION_END,        "session.end",        NONE,      NONE,                   OWN,                  EVERY,           EVERY,           NONE),
    RULE(SESSION_BEAT,       "session.beat",       NONE,      NONE,                   OWN,                  NONE,            NONE,            NONE),
    RULE(SESSION_REKEY,      "session.rekey",      NONE,      NONE,                   OWN,                  EVERY,           EVERY,           NONE),

    RULE(VIEWERS_JOIN,       "viewers.join",       SHOWN,     SHOWN | NAMED | CHILD,  SHOWN | OWN | CHILD,  SHOWN | EVERY,   SHOWN | EVERY,   NONE),
    RULE(VIEWERS_LIST,       "viewers.list",       NONE,      CHILD,                  OWN | CHILD,          EVERY,           EVERY,           NONE),
    RULE(VIEWERS_REMOVE,     "viewers.remove",     NONE,      NONE,                   OWN,                  EVERY,           EVERY,           NONE),

    RULE(CHAT_READ,          "chat.read",          SHOWN,     SHOWN | NAMED | CHILD,  SHOWN | OWN | CHILD,  SHOWN | EVERY,   SHOWN | EVERY,   NONE),
    RULE(CHAT_SAY,           "chat.say",           NONE,      SHOWN | NAMED | CHILD,  SHOWN | OWN | CHILD,  SHOWN | EVERY,   SHOWN | EVERY,   NONE),
    RULE(CHAT_MODERATE,      "chat.moderate",      NONE,      NONE,                   OWN,                  EVERY,           EVERY,           NONE),

    RULE(EVENTS_FOLLOW,      "events.follow",      SHOWN,     SHOWN | NAMED | CHILD,  SHOWN | OWN | CHILD,  SHOWN | EVERY,   SHOWN | EVERY,   NONE),

    RULE(RECORDING_LIST,     "recording.list",     NONE,      CHILD,                  OWN | CHILD,          EVERY,           EVERY,           NONE),
    RULE(RECORDING_VIEW,     "recording.view",     NONE,      CHILD,                  OWN | CHILD,          EVERY,           EVERY,           NONE),
    RULE(RECORDING_DOWNLOAD, "recording.download", NONE,      CHILD,                  OWN | CHILD,          NONE,            EVERY,           NONE),
    RULE(RECORDING_DELETE,   "recording.delete",   NONE,      NONE,                   OWN,                  NONE,            EVERY,           NONE),
    RULE(RECORDING_CLIP,     "recording.clip",     NONE,      CHILD,                  OWN | CHILD,          NONE,            EVERY,           NONE),
    RULE(RECORDING_UPLOAD,   "recording.upload",   NONE,      NONE,                   OWN,                  NONE,            NONE,            NONE),

    RULE(PROFILE_VIEW,       "profile.view",       NONE,      SELF,                   SELF,                 SELF,            OPEN | SELF,     OPEN),
    RULE(PROFILE_WRITE,      "profile.write",      NONE,      SELF,                   SELF,                 SELF,            OPEN | SELF,     OPEN),

    RULE(WORKERS_VIEW,       "workers.view",       NONE,      NONE,                   NONE,                 OPEN,            OPEN,            NONE),
    RULE(WORKERS_DRAIN,      "workers.drain",      NONE,      NONE,                   NONE,                 OPEN,            OPEN,            NONE),

    RULE(WEBHOOKS_VIEW,      "webhooks.view",      NONE,      NONE,                   NONE,                 NONE,            OPEN,            NONE),
    RULE(WEBHOOKS_WRITE,     "webhooks.write",     NONE,      NONE,                   NONE,                 NONE,            OPEN,            NONE),

    RULE(ANALYTICS_SESSION,  "analytics.session",  NONE,      NONE,                   OWN,                  EVERY,           EVERY,           NONE),
    RULE(ANALYTICS_OWN,      "analytics.own",      NONE,      NONE,                   OPEN,                 OPEN,            OPEN,            NONE),
    RULE(ANALYTICS_ALL,      "analytics.all",      NONE,      NONE,                   NONE,                 OPEN,            OPEN,            NONE),

    RULE(AUDIT_VIEW,         "audit.view",         NONE,      NONE,                   NONE,                 NONE,            OPEN,            NONE),

    RULE(TOKEN_RENEW,        "token.renew",        NONE,      EVERY,                  EVERY,                NONE,            NONE,            NONE),
    RULE(TOKEN_MAKE,         "token.make",         NONE,      NONE,                   NONE,                 NONE,            NONE,            OPEN),
};
// clang-format on

static const char *const visibilities[PH_VISIBILITIES] = {"private", "unlisted", "public"};
static const char *const roles[PH_CALLER_ROLES] = {
    "anonymous", "viewer", "streamer", "operator", "admin", "app"};

unsigned ph_policy_relations(const struct ph_caller *caller, const struct ph_policy_session *session) {
    unsigned relations = 0;
    if (session->visibility == PH_VISIBILITY_PUBLIC)
        relations |= PH_RELATION_PUBLIC;
    if (session->visibility == PH_VISIBILITY_UNLISTED)
        relations |= PH_RELATION_UNLISTED;
    if (caller->role == PH_CALLER_ANONYMOUS)
        return relations;
    if (caller->session[0] && strcmp(caller->session, session->id) != 0)
        return relations; /* a narrowed token is nobody's outside its session */
    relations |= caller->session[0] ? PH_RELATION_KEPT : PH_RELATION_OPEN;
    if (caller->session[0] && !caller->is_confined)
        relations |= PH_RELATION_NAMED;
    if (strcmp(caller->subject, session->owner) == 0)
        relations |= PH_RELATION_OWNER;
    if (session->is_guarded)
        relations |= PH_RELATION_GUARDIAN;
    return relations;
}

unsigned ph_policy_relations_to_none(const struct ph_caller *caller) {
    return caller->session[0] ? PH_RELATION_KEPT : PH_RELATION_OPEN;
}

unsigned ph_policy_relations_to_profile(const struct ph_caller *caller, const char *subject) {
    if (caller->session[0] || caller->role == PH_CALLER_ANONYMOUS)
        return 0;
    return PH_RELATION_OPEN | (strcmp(caller->subject, subject) == 0 ? PH_RELATION_SELF : 0);
}

bool ph_policy_allows(enum ph_caller_role role, enum ph_action action, unsigned relations) {
    return (rules[action].allowed[role] & relations) != 0;
}

const char *ph_action_name(enum ph_action action) {
    return rules[action].name;
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
    for (int i = PH_CALLER_VIEWER; i <= PH_CALLER_ADMIN; i++) {
        if (strcmp(name, roles[i]) == 0)
            return i;
    }
    return -1;
}
