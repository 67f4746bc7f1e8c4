/* A mail of the outbox, written: the row's payload put into the words of its guardian's language. */
#ifndef PH_API_MAIL_LETTER_H
#define PH_API_MAIL_LETTER_H

#include "api/mail/words.h"
#include "api/outbox/outbox.h"
#include "api/policy.h"
#include "core/base/bytes.h"

struct ph_letter_house {
    const struct ph_words *words; /* all borrowed */
    const char *public_url;
    const char *mail_from; /* "Name <address>"; "": no-reply at the public URL's host */
    const char *secret;    /* signs the links */
};

/* What of the payload is needed beside the message. */
struct ph_letter {
    char from[PH_MOST_RECIPIENT_BYTES];
    char profile[PH_SUBJECT_BYTES], guardian[PH_SUBJECT_BYTES];
    struct ph_bytes *message; /* owned */
};

/* -EINVAL for a payload or an address that is none, -ENOMEM. The message's links hold tokens: never log it.
 */
int ph_letter_write(const struct ph_letter_house *house, const struct ph_outbox_row *row, int64_t now_s,
    struct ph_letter *letter) PH_NODISCARD;
void ph_letter_finish(struct ph_letter *letter);

/* Both forms of a mail, without its headers; for tests and for looking at. */
struct ph_letter_text {
    char *subject, *text, *html; /* owned */
};
struct ph_letter_words {
    const char *language; /* of a catalogue */
    const char *event;
    const char *name, *title;                   /* may be "" */
    int64_t duration_ms;                        /* -1: not said */
    bool is_recorded;                           /* an ended session's recording follows */
    const char *picture, *action, *unsubscribe; /* URLs; the first may be "" */
};
int ph_letter_compose(const struct ph_words *words, const struct ph_letter_words *what,
    struct ph_letter_text *letter) PH_NODISCARD;
void ph_letter_text_finish(struct ph_letter_text *letter);

#endif
