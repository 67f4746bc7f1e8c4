#include "api/chat_store.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A statement of the session and the author. */
static int prepare_for(struct ph_db_transaction *transaction, const char *sql, const char *session,
    const char *author, struct ph_db_statement **statement) {
    int code = ph_db_prepare(transaction, sql, statement);
    if (code < 0)
        return code;
    ph_db_bind_text(*statement, 1, session);
    ph_db_bind_text(*statement, 2, author);
    return 0;
}

/* 0, -EPERM, -EDQUOT. Who owns the session, or operates, is never muted. */
static int check_author(struct ph_db_transaction *transaction, const struct ph_chat_message *message) {
    struct ph_db_statement *statement;
    int code = prepare_for(transaction, "SELECT 1 FROM chat_mutes WHERE session = $1 AND author = $2",
        message->session, message->author, &statement);
    if (code < 0)
        return code;
    code = ph_db_step(statement);
    ph_db_finish(statement);
    if (code < 0 || (code == 1 && message->role == PH_CHAT_GUEST))
        return code < 0 ? code : -EPERM;
    code = prepare_for(transaction,
        "SELECT COUNT(*) FROM chat_messages WHERE session = $1 AND author = $2 AND sent_ms > $3",
        message->session, message->author, &statement);
    if (code < 0)
        return code;
    ph_db_bind_integer(statement, 3, message->sent_ms - PH_CHAT_BURST_MS);
    code = ph_db_step(statement);
    int64_t recent = code == 1 ? ph_db_integer(statement, 0) : 0;
    ph_db_finish(statement);
    return code < 0 ? code : recent >= PH_CHAT_BURST ? -EDQUOT : 0;
}

/* A profile's name goes before what the caller calls itself: nobody borrows the name of who has one. */
static int take_name(struct ph_db_transaction *transaction, struct ph_chat_message *message) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, "SELECT display_name FROM profiles WHERE subject = $1", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, message->subject);
    code = ph_db_step(statement);
    if (code == 1 && *ph_db_text(statement, 0))
        snprintf(message->name, sizeof(message->name), "%s", ph_db_text(statement, 0));
    ph_db_finish(statement);
    return code < 0 ? code : 0;
}

static int64_t insert(struct ph_db_transaction *transaction, const struct ph_chat_message *message) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "INSERT INTO chat_messages (session, number, subject, author, name, role, text, sent_ms) VALUES ($1, "
        "$2, $3, $4, $5, $6, $7, $8)",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, message->session);
    ph_db_bind_integer(statement, 2, message->number);
    ph_db_bind_text(statement, 3, message->subject);
    ph_db_bind_text(statement, 4, message->author);
    ph_db_bind_text(statement, 5, message->name);
    ph_db_bind_text(statement, 6, roles[message->role]);
    ph_db_bind_text(statement, 7, message->text);
    ph_db_bind_integer(statement, 8, message->sent_ms);
    return ph_db_run(statement);
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

static void read_row(struct ph_db_statement *row, struct ph_chat_message *message) {
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
    struct ph_db_transaction *transaction;
    struct ph_db_statement *rows;
    *count = 0;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "SELECT " COLUMNS " FROM chat_messages WHERE session = $1 AND number < $2 ORDER BY number DESC LIMIT "
        "$3",
        &rows);
    if (code == 0) {
        ph_db_bind_text(rows, 1, session);
        ph_db_bind_integer(rows, 2, before ? before : INT64_MAX);
        ph_db_bind_integer(rows, 3, (int64_t)most);
        while (*count < most && (code = ph_db_step(rows)) == 1)
            read_row(rows, &list[(*count)++]);
        ph_db_finish(rows);
    }
    ph_db_rollback(transaction);
    return code < 0 ? code : 0;
}

/* 1 when it stood, 0 when it was deleted before, -ENOENT. */
static int mark_deleted(struct ph_db_transaction *transaction, const char *session, int64_t number,
    int64_t now_ms, struct ph_chat_message *message) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(
        transaction, "SELECT " COLUMNS " FROM chat_messages WHERE session = $1 AND number = $2", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, session);
    ph_db_bind_integer(statement, 2, number);
    code = ph_db_step(statement);
    if (code == 1)
        read_row(statement, message);
    ph_db_finish(statement);
    if (code <= 0 || message->deleted_ms)
        return code < 0 ? code : code == 0 ? -ENOENT : 0;
    message->deleted_ms = now_ms;
    code = ph_db_prepare(transaction,
        "UPDATE chat_messages SET deleted_ms = $3, text = '' WHERE session = $1 AND number = $2", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, session);
    ph_db_bind_integer(statement, 2, number);
    ph_db_bind_integer(statement, 3, now_ms);
    return (int)ph_db_run(statement);
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
