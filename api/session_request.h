/* The body of POST /api/sessions/start. */
#ifndef PH_API_SESSION_REQUEST_H
#define PH_API_SESSION_REQUEST_H

#include "api/sessions_store.h"
#include "core/base/bytes.h"

/* What is wrong with a body: the field's path ("metadata.device"; "" for the body itself) and a sentence. */
struct ph_body_fault {
    char field[64];
    char text[192];
};

/* 0; -EINVAL with the fault; -ENOMEM. An empty body asks for the defaults. */
int ph_session_request_parse(
    struct ph_slice body, struct ph_session_wish *wish, struct ph_body_fault *fault) PH_NODISCARD;

#endif
