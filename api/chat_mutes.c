/* Who may not speak in a session. */
#include <stdio.h>
#include <string.h>

#include "api/chat_store.h"
#include "core/db/sql.h"

int ph_chat_mute(struct ph_db *db, const char *session, const char *author, int64_t now_ms) {
    char key[PH_EVENTS_KEY_BYTES];
    ph_events_key(session, key);
    return ph_db_found(ph_db_write_keyed(db, key,
        PH_SQL("INSERT INTO chat_mutes (session, author, name, muted_ms) SELECT session, author, name, "
               "CAST($3 AS BIGINT) FROM chat_messages WHERE session = $1 AND author = $2 ORDER BY number "
               "DESC LIMIT 1 ON CONFLICT (session, author) DO UPDATE SET muted_ms = chat_mutes.muted_ms",
            ph_sql_text(session), ph_sql_text(author), ph_sql_integer(now_ms))));
}

int ph_chat_unmute(struct ph_db *db, const char *session, const char *author) {
    char key[PH_EVENTS_KEY_BYTES];
    ph_events_key(session, key);
    int64_t changed = ph_db_write_keyed(db, key,
        PH_SQL("DELETE FROM chat_mutes WHERE session = $1 AND author = $2", ph_sql_text(session),
            ph_sql_text(author)));
    return changed < 0 ? (int)changed : 0;
}

static void read_row(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_chat_mute *mute = (struct ph_chat_mute *)rows + index;
    snprintf(mute->author, sizeof(mute->author), "%s", ph_db_text(row, 0));
    snprintf(mute->name, sizeof(mute->name), "%s", ph_db_text(row, 1));
    mute->muted_ms = ph_db_integer(row, 2);
}

int ph_chat_mutes(
    struct ph_db *db, const char *session, size_t most, struct ph_chat_mute *list, size_t *count) {
    int code = ph_db_read(db,
        PH_SQL("SELECT author, name, muted_ms FROM chat_mutes WHERE session = $1 ORDER BY muted_ms DESC, "
               "author LIMIT $2",
            ph_sql_text(session), ph_sql_integer((int64_t)most)),
        most, read_row, list);
    *count = code > 0 ? (size_t)code : 0;
    return code < 0 ? code : 0;
}
