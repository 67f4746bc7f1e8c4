/* Stream keys after a session's start: another one, or none; and the beat that keeps it before media arrives.
 */
#include <stdio.h>
#include <string.h>

#include "api/sessions_store_internal.h"

static int64_t write_key(
    struct ph_db_transaction *transaction, const char *id, const char *hash, const char *passphrase) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "UPDATE sessions SET stream_key_sha256 = $2, "
        "passphrase = CASE WHEN passphrase = '' THEN '' ELSE $3 END "
        "WHERE id = $1 AND state IN ('created', 'live', 'reconnecting')",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    ph_db_bind_text(statement, 2, hash);
    ph_db_bind_text(statement, 3, passphrase);
    return ph_db_run(statement);
}

/* Whether the session has a passphrase: told by the row after the change. */
static int read_passphrase(
    struct ph_db_transaction *transaction, const char *id, char passphrase[PH_PASSPHRASE_BYTES]) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, "SELECT passphrase FROM sessions WHERE id = $1", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    code = ph_db_step(statement);
    if (code == 1)
        snprintf(passphrase, PH_PASSPHRASE_BYTES, "%s", ph_db_text(statement, 0));
    ph_db_finish(statement);
    return code < 0 ? code : 0;
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
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int code = ph_db_begin_keyed(sessions->db, id, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(
        transaction, "UPDATE sessions SET beat_ms = $2 WHERE id = $1 AND state = 'created'", &statement);
    int64_t changed = code;
    if (code == 0) {
        ph_db_bind_text(statement, 1, id);
        ph_db_bind_integer(statement, 2, now_ms);
        changed = ph_db_run(statement);
    }
    return ph_db_settle(transaction, changed);
}
