/* Profiles and guardians in the database. Every call is a transaction of its own and may wait for the
 * database. */
#ifndef PH_API_PROFILES_STORE_H
#define PH_API_PROFILES_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/policy.h"
#include "core/db/db.h"

enum {
    PH_MOST_NAME_CHARACTERS = 80,
    PH_NAME_BYTES = 4 * PH_MOST_NAME_CHARACTERS + 1,
    PH_AVATAR_URL_BYTES = 513,
    PH_MAIL_ADDRESS_BYTES = 255, /* RFC 5321 allows 254 */
    PH_LANGUAGE_BYTES = 3,
    PH_MOST_GUARDIANS = 16,
};

enum ph_mail_kind { PH_MAIL_STARTED, PH_MAIL_ENDED, PH_MAIL_RECORDING, PH_MAIL_KINDS };
extern const char *const ph_mail_kinds[PH_MAIL_KINDS]; /* "started", "ended", "recording" */

enum { PH_LANGUAGES = 5 };
extern const char *const ph_languages[PH_LANGUAGES]; /* "en" first, "es", "fr", "de", "tr" */

struct ph_guardian {
    char subject[PH_SUBJECT_BYTES];
    char mail_address[PH_MAIL_ADDRESS_BYTES]; /* "": gets no mails */
    char language[PH_LANGUAGE_BYTES];
    bool wants[PH_MAIL_KINDS];
};

struct ph_profile {
    char subject[PH_SUBJECT_BYTES];
    char display_name[PH_NAME_BYTES];
    char avatar_url[PH_AVATAR_URL_BYTES]; /* "": none */
    int64_t changed_ms;
    size_t guardian_count;
    struct ph_guardian guardians[PH_MOST_GUARDIANS];
};

/* -ENOENT. */
int ph_profile_find(struct ph_db *db, const char *subject, struct ph_profile *profile) PH_NODISCARD;
/* Makes or replaces it with all its guardians. Who is guardian no more loses the media of its sessions:
 * `has_revoked` says that there was such a one (and the revoker is to be poked). */
int ph_profile_put(struct ph_db *db, const char *cluster_secret, const struct ph_profile *profile,
    bool *has_revoked) PH_NODISCARD;

#endif
