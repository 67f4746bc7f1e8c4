/* What the mails' "Stop these emails" leads to: a page that asks once more, and the call that does it, which
 * mail programs make themselves (RFC 8058). The signed wish in the link is all the proof it takes. */
#ifndef PH_API_MAIL_UNSUBSCRIBE_PAGE_H
#define PH_API_MAIL_UNSUBSCRIBE_PAGE_H

#include "api/dispatch.h"
#include "api/mail/words.h"
#include "core/db/db.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_unsubscribe_resource {
    struct ph_db *db;
    const struct ph_words *words;
    const char *secret;
};

extern const struct ph_api_route ph_unsubscribe_routes[];
extern const size_t ph_unsubscribe_route_count;

#endif
