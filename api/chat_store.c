#include "api/chat_store.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/sql.h"

static const char *const roles[PH_CHAT_ROLES] = {"guest", "owner", "operator"};

int ph_chat_author(
    const char *secret, const char *session, const char *subject, char author[PH_CHAT_AUTHOR_BYTES]) {
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    char text[PH_SESSION_ID_BYTES + PH_SUBJECT_BYTES + 16];
    int length = snprintf(text, sizeof(text), "chat author\n%s\n%s", session, subject);
    if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, (size_t)length, digest,
            &size))
        return -ENOMEM;
    for (size_t i = 0; i < PH_CHAT_AUTHOR_CHARACTERS; i++)
        author[i] = alphabet[digest[i] & 31];
    author[PH_CHAT_AUTHOR_CHARACTERS] = '\0';
    return 0;
}

json_t *ph_chat_message_view(const struct ph_chat_message *message) {
    bool stands = message->deleted_ms == 0;
    return json_pack("{s:s, s:I, s:{s:s, s:s, s:s}, s:s?, s:I, s:b}", "sessionId", message->session, "id",
        (json_int_t)message->number, "author", "id", message->author, "name", message->name, "role",
        roles[message->role], "text", stands ? message->text : NULL, "sentAt", (json_int_t)message->sent_ms,
        "deleted", !stands);
}

static int begin(struct ph_db *db, const char *session, struct ph_db_transaction **transaction) {
    char key[PH_EVENTS_KEY_BYTES];
    ph_events_key(session, key);
    return ph_db_begin_keyed(db, key, transaction);
}

/* 0, -EPERM, -EDQUOT. Who owns the session, or operates, is never muted. */
static int check_author(struct ph_db_transaction *transaction, const struct ph_chat_message *message) {
    int muted = ph_db_query(transaction,
        PH_SQL("SELECT 1 FROM chat_mutes WHERE session = $1 AND author = $2", ph_sql_text(message->session),
            ph_sql_text(message->author)),
        1, NULL, NULL);
    if (muted < 0 || (muted == 1 && message->role == PH_CHAT_GUEST))
        return muted < 0 ? muted : -EPERM;
    int64_t recent = ph_db_number(transaction,
        PH_SQL("SELECT COUNT(*) FROM chat_messages WHERE session = $1 AND author = $2 AND sent_ms > $3",
            ph_sql_text(message->session), ph_sql_text(message->author),
            ph_sql_integer(message->sent_ms - PH_CHAT_BURST_MS)));
    return recent < 0 ? (int)recent : recent >= PH_CHAT_BURST ? -EDQUOT : 0;
}

static void read_name(void *message, size_t index, struct ph_db_statement *row) {
    struct ph_chat_message *named = (struct ph_chat_message *)message + index;
    if (*ph_db_text(row, 0))
        snprintf(named->name, sizeof(named->name), "%s", ph_db_text(row, 0));
}

/* A profile's name goes before what the caller calls itself: nobody borrows the name of who has one. */
static int take_name(struct ph_db_transaction *transaction, struct ph_chat_message *message) {
    int code = ph_db_query(transaction,
        PH_SQL("SELECT display_name FROM profiles WHERE subject = $1", ph_sql_text(message->subject)), 1,
        read_name, message);
    return code < 0 ? code : 0;
}

static int64_t insert(struct ph_db_transaction *transaction, const struct ph_chat_message *message) {
    return ph_db_change(transaction,
        PH_SQL("INSERT INTO chat_messages (session, number, subject, author, name, role, text, sent_ms) "
               "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            ph_sql_text(message->session), ph_sql_integer(message->number), ph_sql_text(message->subject),
            ph_sql_text(message->author), ph_sql_text(message->name), ph_sql_text(roles[message->role]),
            ph_sql_text(message->text), ph_sql_integer(message->sent_ms)));
}

static char *body_of(const struct ph_chat_message *message) {
    json_t *view = ph_chat_message_view(message);
    char *body = view ? json_dumps(view, JSON_COMPACT) : NULL;
    json_decref(view);
    return body;
}

static int tell(struct ph_db_transaction *transaction, const struct ph_chat_message *message,
    int64_t sequence, int64_t now_ms) {
    struct ph_event event = {.sequence = sequence, .type = PH_EVENT_CHAT, .at_ms = now_ms};
    memcpy(event.session, message->session, sizeof(event.session));
    char *body = body_of(message);
    event.body = body;
    int code = body ? ph_events_put(transaction, &event) : -ENOMEM;
    free(body);
    return code;
}

int ph_chat_say(struct ph_db *db, struct ph_chat_message *message) {
    struct ph_db_transaction *transaction;
    int code = begin(db, message->session, &transaction);
    if (code < 0)
        return code;
    int64_t answer = check_author(transaction, message);
    if (answer == 0)
        answer = take_name(transaction, message);
    if (answer == 0)
        answer = ph_events_number(transaction, message->session, &message->number);
    if (answer == 0)
        answer = insert(transaction, message);
    if (answer >= 0)
        answer = tell(transaction, message, message->number, message->sent_ms);
    return ph_db_settle(transaction, answer);
}

#define COLUMNS "session, number, subject, author, name, role, text, sent_ms, deleted_ms"

static void read_row(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_chat_message *message = (struct ph_chat_message *)rows + index;
    snprintf(message->session, sizeof(message->session), "%s", ph_db_text(row, 0));
    message->number = ph_db_integer(row, 1);
    snprintf(message->subject, sizeof(message->subject), "%s", ph_db_text(row, 2));
    snprintf(message->author, sizeof(message->author), "%s", ph_db_text(row, 3));
    snprintf(message->name, sizeof(message->name), "%s", ph_db_text(row, 4));
    message->role = PH_CHAT_GUEST;
    for (int i = 0; i < PH_CHAT_ROLES; i++) {
        if (strcmp(ph_db_text(row, 5), roles[i]) == 0)
            message->role = (enum ph_chat_role)i;
    }
    snprintf(message->text, sizeof(message->text), "%s", ph_db_text(row, 6));
    message->sent_ms = ph_db_integer(row, 7);
    message->deleted_ms = ph_db_integer(row, 8);
}

int ph_chat_read(struct ph_db *db, const char *session, int64_t before, size_t most,
    struct ph_chat_message *list, size_t *count) {
    int code = ph_db_read(db,
        PH_SQL("SELECT " COLUMNS
               " FROM chat_messages WHERE session = $1 AND number < $2 ORDER BY number DESC LIMIT $3",
            ph_sql_text(session), ph_sql_integer(before ? before : INT64_MAX), ph_sql_integer((int64_t)most)),
        most, read_row, list);
    *count = code > 0 ? (size_t)code : 0;
    return code < 0 ? code : 0;
}

/* 1 when it stood, 0 when it was deleted before, -ENOENT. */
static int mark_deleted(struct ph_db_transaction *transaction, const char *session, int64_t number,
    int64_t now_ms, struct ph_chat_message *message) {
    int code = ph_db_found(ph_db_query(transaction,
        PH_SQL("SELECT " COLUMNS " FROM chat_messages WHERE session = $1 AND number = $2",
            ph_sql_text(session), ph_sql_integer(number)),
        1, read_row, message));
    if (code < 0 || message->deleted_ms)
        return code;
    message->deleted_ms = now_ms;
    return (int)ph_db_change(transaction,
        PH_SQL("UPDATE chat_messages SET deleted_ms = $3, text = '' WHERE session = $1 AND number = $2",
            ph_sql_text(session), ph_sql_integer(number), ph_sql_integer(now_ms)));
}

/* Who catches up later must not hear what was taken back. */
static int take_back(struct ph_db_transaction *transaction, const struct ph_chat_message *message) {
    char *body = body_of(message);
    int code = body ? ph_events_replace(transaction, message->session, message->number, body) : -ENOMEM;
    free(body);
    return code;
}

int ph_chat_delete(struct ph_db *db, const char *session, int64_t number, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    struct ph_chat_message message;
    int64_t sequence = 0;
    int code = begin(db, session, &transaction);
    if (code < 0)
        return code;
    int stood = mark_deleted(transaction, session, number, now_ms, &message);
    code = stood;
    if (stood == 1)
        code = take_back(transaction, &message);
    if (stood == 1 && code == 0)
        code = ph_events_number(transaction, session, &sequence);
    if (stood == 1 && code == 0)
        code = tell(transaction, &message, sequence, now_ms);
    return ph_db_settle(transaction, code);
}
