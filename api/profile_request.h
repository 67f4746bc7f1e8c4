/* The body of PUT /api/profiles/{sub}. */
#ifndef PH_API_PROFILE_REQUEST_H
#define PH_API_PROFILE_REQUEST_H

#include "api/body.h"
#include "api/profiles_store.h"

/* Fills all but the subject and the time. 0; -EINVAL with the fault; -ENOMEM. */
int ph_profile_request_parse(
    struct ph_slice body, struct ph_profile *profile, struct ph_body_fault *fault) PH_NODISCARD;

#endif
