/* What is said in sessions, in the database. Every call is a transaction of its own and may wait for it. */
#ifndef PH_API_CHAT_STORE_H
#define PH_API_CHAT_STORE_H

#include <jansson.h>

#include "api/events.h"
#include "api/profiles_store.h"

enum {
    PH_MOST_CHAT_CHARACTERS = 500,
    PH_CHAT_TEXT_BYTES = 4 * PH_MOST_CHAT_CHARACTERS + 1,
    PH_MOST_CHAT_NAME_CHARACTERS = 40,
    PH_CHAT_AUTHOR_CHARACTERS = 16,
    PH_CHAT_AUTHOR_BYTES = PH_CHAT_AUTHOR_CHARACTERS + 1,
    /* Of one author, in as many ms. */
    PH_CHAT_BURST = 5,
    PH_CHAT_BURST_MS = 10000,
};

enum ph_chat_role { PH_CHAT_GUEST, PH_CHAT_OWNER, PH_CHAT_OPERATOR, PH_CHAT_ROLES };

/* `author` stands for the subject in this session: it tells nobody who that is. */
struct ph_chat_message {
    char session[PH_SESSION_ID_BYTES];
    int64_t number; /* in its session, growing */
    char subject[PH_SUBJECT_BYTES];
    char author[PH_CHAT_AUTHOR_BYTES];
    char name[PH_NAME_BYTES];
    enum ph_chat_role role;
    char text[PH_CHAT_TEXT_BYTES];
    int64_t sent_ms;
    int64_t deleted_ms; /* 0: it stands */
};

struct ph_chat_mute {
    char author[PH_CHAT_AUTHOR_BYTES];
    char name[PH_NAME_BYTES];
    int64_t muted_ms;
};

/* The subject's stand-in in a session, by the cluster's secret: the same on every node. -ENOMEM. */
int ph_chat_author(const char *secret, const char *session, const char *subject,
    char author[PH_CHAT_AUTHOR_BYTES]) PH_NODISCARD;
/* Keeps the message and tells it. Fills in the number, and the name by the subject's profile if it has one.
 * -EPERM: the author is muted; -EDQUOT: it says too much. */
int ph_chat_say(struct ph_db *db, struct ph_chat_message *message) PH_NODISCARD;
/* Up to `most` messages before the number (0: the newest), newest first. */
int ph_chat_read(struct ph_db *db, const char *session, int64_t before, size_t most,
    struct ph_chat_message *list, size_t *count) PH_NODISCARD;
/* Takes the text away, from the history and from the events that are kept, and tells it. Idempotent. -ENOENT.
 */
int ph_chat_delete(struct ph_db *db, const char *session, int64_t number, int64_t now_ms) PH_NODISCARD;
/* Of somebody who said something in the session, else -ENOENT. Idempotent. */
int ph_chat_mute(struct ph_db *db, const char *session, const char *author, int64_t now_ms) PH_NODISCARD;
int ph_chat_unmute(struct ph_db *db, const char *session, const char *author) PH_NODISCARD;
/* The newest first, `most` at most. */
int ph_chat_mutes(struct ph_db *db, const char *session, size_t most, struct ph_chat_mute *list,
    size_t *count) PH_NODISCARD;

/* As JSON; NULL when out of memory. */
json_t *ph_chat_message_view(const struct ph_chat_message *message);

#endif
