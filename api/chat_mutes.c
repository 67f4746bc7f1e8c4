/* Who may not speak in a session. */
#include <stdio.h>
#include <string.h>

#include "api/chat_store.h"

/* Runs a statement whose first parameters are the session and the author, in a transaction of its own; how
 * many rows it changed. */
static int64_t run(
    struct ph_db *db, const char *sql, const char *session, const char *author, const int64_t *now_ms) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    char key[PH_EVENTS_KEY_BYTES];
    ph_events_key(session, key);
    int code = ph_db_begin_keyed(db, key, &transaction);
    if (code < 0)
        return code;
    int64_t changed = ph_db_prepare(transaction, sql, &statement);
    if (changed == 0) {
        ph_db_bind_text(statement, 1, session);
        ph_db_bind_text(statement, 2, author);
        if (now_ms)
            ph_db_bind_integer(statement, 3, *now_ms);
        changed = ph_db_run(statement);
    }
    code = ph_db_settle(transaction, changed);
    return code < 0 ? code : changed;
}

int ph_chat_mute(struct ph_db *db, const char *session, const char *author, int64_t now_ms) {
    int64_t changed = run(db,
        "INSERT INTO chat_mutes (session, author, name, muted_ms) SELECT session, author, name, CAST($3 AS "
        "BIGINT) FROM chat_messages WHERE session = $1 AND author = $2 ORDER BY number DESC LIMIT 1 ON "
        "CONFLICT (session, author) DO UPDATE SET muted_ms = chat_mutes.muted_ms",
        session, author, &now_ms);
    return changed < 0 ? (int)changed : changed == 0 ? -ENOENT : 0;
}

int ph_chat_unmute(struct ph_db *db, const char *session, const char *author) {
    int64_t changed =
        run(db, "DELETE FROM chat_mutes WHERE session = $1 AND author = $2", session, author, NULL);
    return changed < 0 ? (int)changed : 0;
}

int ph_chat_mutes(
    struct ph_db *db, const char *session, size_t most, struct ph_chat_mute *list, size_t *count) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *rows;
    *count = 0;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "SELECT author, name, muted_ms FROM chat_mutes WHERE session = $1 ORDER BY muted_ms DESC, author "
        "LIMIT $2",
        &rows);
    if (code == 0) {
        ph_db_bind_text(rows, 1, session);
        ph_db_bind_integer(rows, 2, (int64_t)most);
        while (*count < most && (code = ph_db_step(rows)) == 1) {
            struct ph_chat_mute *mute = &list[(*count)++];
            snprintf(mute->author, sizeof(mute->author), "%s", ph_db_text(rows, 0));
            snprintf(mute->name, sizeof(mute->name), "%s", ph_db_text(rows, 1));
            mute->muted_ms = ph_db_integer(rows, 2);
        }
        ph_db_finish(rows);
    }
    ph_db_rollback(transaction);
    return code < 0 ? code : 0;
}
