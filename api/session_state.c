#include "api/session_state.h"

#include <string.h>

#define CREATED PH_SESSION_CREATED
#define LIVE PH_SESSION_LIVE
#define WAITING PH_SESSION_RECONNECTING
#define ENDED PH_SESSION_ENDED
#define FAILED PH_SESSION_FAILED

// clang-format off
static const enum ph_session_state after[PH_SESSION_STATES][PH_SESSION_EVENTS] = {
    /* event:     CONNECTED  PUBLISHED  LOST      END     FAIL */
    [CREATED] = { CREATED,   LIVE,      CREATED,  ENDED,  FAILED },
    [LIVE]    = { LIVE,      LIVE,      WAITING,  ENDED,  FAILED },
    [WAITING] = { LIVE,      LIVE,      WAITING,  ENDED,  FAILED },
    [ENDED]   = { ENDED,     ENDED,     ENDED,    ENDED,  ENDED  },
    [FAILED]  = { FAILED,    FAILED,    FAILED,   FAILED, FAILED },
};
// clang-format on

static const char *const names[PH_SESSION_STATES] = {"created", "live", "reconnecting", "ended", "failed"};

enum ph_session_state ph_session_state_after(enum ph_session_state state, enum ph_session_event event) {
    return after[state][event];
}

bool ph_session_state_is_over(enum ph_session_state state) {
    return state == ENDED || state == FAILED;
}

const char *ph_session_state_name(enum ph_session_state state) {
    return names[state];
}

int ph_session_state_parse(const char *name) {
    for (int i = 0; i < PH_SESSION_STATES; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return -1;
}
