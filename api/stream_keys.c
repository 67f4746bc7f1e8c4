/* Stream keys after a session's start: another one, or none; and the beat that keeps it before media arrives.
 */
#include <stdio.h>
#include <string.h>

#include "api/sessions_store_internal.h"

static int64_t write_key(
    struct ph_db_transaction *transaction, const char *id, const char *hash, const char *passphrase) {
    return ph_db_change(transaction,
        PH_SQL("UPDATE sessions SET stream_key_sha256 = $2, passphrase = CASE WHEN passphrase = '' THEN '' "
               "ELSE $3 END WHERE id = $1 AND state IN ('created', 'live', 'reconnecting')",
            ph_sql_text(id), ph_sql_text(hash), ph_sql_text(passphrase)));
}

static void take_passphrase(void *passphrase, size_t index, struct ph_db_statement *row) {
    (void)index;
    snprintf(passphrase, PH_PASSPHRASE_BYTES, "%s", ph_db_text(row, 0));
}

/* Whether the session has a passphrase: told by the row after the change. */
static int read_passphrase(
    struct ph_db_transaction *transaction, const char *id, char passphrase[PH_PASSPHRASE_BYTES]) {
    return ph_db_query(transaction, PH_SQL("SELECT passphrase FROM sessions WHERE id = $1", ph_sql_text(id)),
        1, take_passphrase, passphrase);
}

int ph_sessions_rekey(struct ph_sessions *sessions, const char *id, struct ph_session_birth *birth) {
    struct ph_db_transaction *transaction;
    struct ph_session_birth made = {0};
    char hash[PH_STREAM_KEY_HASH_BYTES];
    ph_random_id(made.stream_key, PH_STREAM_KEY_CHARACTERS);
    ph_random_id(made.passphrase, PH_PASSPHRASE_CHARACTERS);
    snprintf(made.id, sizeof(made.id), "%s", id);
    /* Without a new key its hash still is one: of a key that nobody was told. */
    int code = ph_stream_key_hash(made.stream_key, hash);
    if (code == 0)
        code = ph_db_begin(sessions->db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t changed = write_key(transaction, id, hash, made.passphrase);
    if (changed == 0)
        changed = -ENOENT;
    if (changed > 0)
        changed = read_passphrase(transaction, id, made.passphrase);
    code = ph_db_settle(transaction, changed);
    if (code == 0 && birth)
        *birth = made;
    explicit_bzero(&made, sizeof(made));
    return code;
}

int ph_sessions_beat(struct ph_sessions *sessions, const char *id, int64_t now_ms) {
    int64_t changed = ph_db_write_keyed(sessions->db, id,
        PH_SQL("UPDATE sessions SET beat_ms = $2 WHERE id = $1 AND state = 'created'", ph_sql_text(id),
            ph_sql_integer(now_ms)));
    return changed < 0 ? (int)changed : 0;
}
