/* The link of "Stop these emails": signed, so that it works without logging in and for nobody else. */
#ifndef PH_API_MAIL_UNSUBSCRIBE_H
#define PH_API_MAIL_UNSUBSCRIBE_H

#include "api/outbox/outbox.h"
#include "api/policy.h"

/* Who wants no more of which mails. */
struct ph_unsubscription {
    char event[PH_OUTBOX_EVENT_BYTES];
    char profile[PH_SUBJECT_BYTES];
    char guardian[PH_SUBJECT_BYTES];
    char language[16];
};

/* A text for a URL's query, malloc'ed. -ENOMEM. */
int ph_unsubscription_sign(
    const char *secret, const struct ph_unsubscription *wish, char **text) PH_NODISCARD;
/* -EACCES when it was not signed by us, -ENOMEM. */
int ph_unsubscription_verify(
    const char *secret, const char *text, struct ph_unsubscription *wish) PH_NODISCARD;

#endif
