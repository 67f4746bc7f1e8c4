/* The objects of one recording, for those who verify. */
#ifndef PH_ORIGIN_ARCHIVE_VERIFY_OBJECTS_H
#define PH_ORIGIN_ARCHIVE_VERIFY_OBJECTS_H

#include "origin/archive/verify.h"

/* Looks at one recording and adds to what the verification came to. `is_listed`: the catalogue says that it
 * is ready. */
int ph_verify_recording(
    struct ph_archive_verification *verification, const char *id, bool is_listed) PH_NODISCARD;

#endif
