/* The life of a session, as a table: created → live ⇄ reconnecting → ended | failed. */
#ifndef PH_API_SESSION_STATE_H
#define PH_API_SESSION_STATE_H

#include <stdbool.h>

enum ph_session_state {
    PH_SESSION_CREATED,
    PH_SESSION_LIVE,
    PH_SESSION_RECONNECTING,
    PH_SESSION_ENDED,
    PH_SESSION_FAILED,
    PH_SESSION_STATES
};

enum ph_session_event {
    PH_SESSION_CONNECTED, /* a publisher's connection came */
    PH_SESSION_PUBLISHED, /* the first part is out */
    PH_SESSION_LOST,      /* the publisher's connection went */
    PH_SESSION_END,
    PH_SESSION_FAIL,
    PH_SESSION_EVENTS
};

/* The state after an event; the same state where the event changes nothing. */
enum ph_session_state ph_session_state_after(enum ph_session_state state, enum ph_session_event event);
bool ph_session_state_is_over(enum ph_session_state state);
/* The state's name in the database and the API, and back: -1 for no state's name. */
const char *ph_session_state_name(enum ph_session_state state);
int ph_session_state_parse(const char *name);

#endif
