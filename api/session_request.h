/* The body of POST /api/sessions/start. */
#ifndef PH_API_SESSION_REQUEST_H
#define PH_API_SESSION_REQUEST_H

#include "api/body.h"
#include "api/sessions_store.h"

/* 0; -EINVAL with the fault; -ENOMEM. An empty body asks for the defaults. */
int ph_session_request_parse(
    struct ph_slice body, struct ph_session_wish *wish, struct ph_body_fault *fault) PH_NODISCARD;

#endif
