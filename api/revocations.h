/* Ends the access of people to media that they were let in to: kept in the database with the change that ends
 * it, and told to every origin, again and again while tokens issued before may still hold. So an origin that
 * was away or restarted hears of it too.
 *
 * Lifetime of the teller: create → start → poke … → stop → destroy. */
#ifndef PH_API_REVOCATIONS_H
#define PH_API_REVOCATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/db/db.h"
#include "core/media/playback_token.h"

/* In the transaction of the change. `tag` is a viewer's id or a subject's holder (playback_token.h). */
int ph_revocations_add(
    struct ph_db_transaction *transaction, const char *session, const char *tag, int64_t now_ms) PH_NODISCARD;
/* The same in a transaction of its own. */
int ph_revocations_add_now(
    struct ph_db *db, const char *session, const char *tag, int64_t now_ms) PH_NODISCARD;
/* The same for every session of an owner that may be watched. */
int ph_revocations_add_of_owner(
    struct ph_db_transaction *transaction, const char *owner, const char *tag, int64_t now_ms) PH_NODISCARD;

struct ph_revocation_row {
    char session[PH_SESSION_ID_BYTES];
    char tag[PH_PLAYBACK_VIEWER_BYTES];
    int64_t at_ms; /* UTC */
};
/* Up to `most` rows that are newer than `since_ms`, by session and tag, behind the row `after` (NULL: from
 * the first); `*count` of them. */
int ph_revocations_read(struct ph_db *db, int64_t since_ms, const struct ph_revocation_row *after,
    struct ph_revocation_row *rows, size_t most, size_t *count) PH_NODISCARD;
/* Forgets those of before then. */
int ph_revocations_prune(struct ph_db *db, int64_t before_ms) PH_NODISCARD;

struct ph_revoker;
struct ph_revoker_options {
    struct ph_db *db; /* borrowed, as all */
    struct ph_clock *clock;
    const char *cluster_secret;
};

int ph_revoker_create(struct ph_revoker **revoker, const struct ph_revoker_options *options) PH_NODISCARD;
/* `origins`: base URLs, comma-separated; copied. */
int ph_revoker_start(struct ph_revoker *revoker, const char *origins) PH_NODISCARD;
/* Something was added: tells it at once. From any thread, also before start. */
void ph_revoker_poke(struct ph_revoker *revoker);
void ph_revoker_stop(struct ph_revoker *revoker);
/* NULL is fine. */
void ph_revoker_destroy(struct ph_revoker *revoker);

#endif
