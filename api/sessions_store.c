#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/sessions_store_internal.h"
#include "core/base/hex.h"

/* The columns read_row() takes, in its order. */
#define COLUMNS                                                                                              \
    "id, owner, title, visibility, state, reason, ladder, record, created_ms, started_ms, ended_ms, "        \
    "(SELECT watching FROM viewer_counts WHERE viewer_counts.session = sessions.id) AS watching"
/* Whether the subject $n is a guardian of the row's owner, as 1 or 0. */
#define IS_GUARDED(n)                                                                                        \
    "CASE WHEN EXISTS (SELECT 1 FROM guardians WHERE guardians.profile = sessions.owner "                    \
    "AND guardians.subject = " n ") THEN 1 ELSE 0 END"

/* Stream keys are kept as SHA-256: 160 random bits need no slow hash. */
int ph_stream_key_hash(const char *stream_key, char text[PH_STREAM_KEY_HASH_BYTES]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(stream_key, strlen(stream_key), digest, &size, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    ph_hex_write(digest, size, text);
    return 0;
}

static void read_row(struct ph_db_statement *row, struct ph_session *session) {
    int visibility = ph_visibility_parse(ph_db_text(row, 3));
    int state = ph_session_state_parse(ph_db_text(row, 4));
    snprintf(session->id, sizeof(session->id), "%s", ph_db_text(row, 0));
    snprintf(session->owner, sizeof(session->owner), "%s", ph_db_text(row, 1));
    snprintf(session->title, sizeof(session->title), "%s", ph_db_text(row, 2));
    session->visibility = visibility < 0 ? PH_VISIBILITY_PRIVATE : (enum ph_visibility)visibility;
    session->state = state < 0 ? PH_SESSION_FAILED : (enum ph_session_state)state;
    snprintf(session->reason, sizeof(session->reason), "%s", ph_db_text(row, 5));
    snprintf(session->ladder, sizeof(session->ladder), "%s", ph_db_text(row, 6));
    session->record = ph_db_integer(row, 7) != 0;
    session->is_guarded = false;
    session->created_ms = ph_db_integer(row, 8);
    session->started_ms = ph_db_integer(row, 9);
    session->ended_ms = ph_db_integer(row, 10);
    session->viewers = ph_db_integer(row, 11);
}

int ph_sessions_create(struct ph_sessions **result, struct ph_db *db, const char *ladder) {
    struct ph_sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions)
        return -ENOMEM;
    sessions->db = db;
    snprintf(sessions->ladder, sizeof(sessions->ladder), "%s", ladder);
    *result = sessions;
    return 0;
}

void ph_sessions_destroy(struct ph_sessions *sessions) {
    free(sessions);
}

void ph_sessions_observe(struct ph_sessions *sessions, struct ph_session_observer *observer) {
    assert(sessions->observer_count < PH_MOST_SESSION_OBSERVERS);
    sessions->observers[sessions->observer_count++] = observer;
}

int ph_sessions_announce(struct ph_sessions *sessions, struct ph_db_transaction *transaction,
    const struct ph_session_change *change) {
    int code = 0;
    for (size_t i = 0; code >= 0 && i < sessions->observer_count; i++)
        code = sessions->observers[i]->impl->changed(sessions->observers[i], transaction, change);
    return code;
}

static int64_t count_open(struct ph_db_transaction *transaction, const char *owner) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "SELECT COUNT(*) FROM sessions WHERE owner = $1 AND state IN ('created', 'live', 'reconnecting')",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, owner);
    code = ph_db_step(statement);
    int64_t count = code < 0 ? code : ph_db_integer(statement, 0);
    ph_db_finish(statement);
    return count;
}

/* Ends the owner's oldest session that never was live. -EDQUOT when there is none. */
static int64_t displace(struct ph_sessions *sessions, struct ph_db_transaction *transaction,
    const char *owner, int64_t now_ms, char id[PH_SESSION_ID_BYTES]) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "SELECT id FROM sessions WHERE owner = $1 AND state = 'created' ORDER BY created_ms, id LIMIT 1",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, owner);
    code = ph_db_step(statement);
    if (code == 1)
        snprintf(id, PH_SESSION_ID_BYTES, "%s", ph_db_text(statement, 0));
    ph_db_finish(statement);
    if (code <= 0)
        return code < 0 ? code : -EDQUOT;
    return ph_sessions_apply_in(
        sessions, transaction, id, PH_SESSION_END, "its owner started another one instead", now_ms);
}

static int64_t insert(struct ph_sessions *sessions, struct ph_db_transaction *transaction, const char *owner,
    const struct ph_session_wish *wish, int64_t now_ms, const struct ph_session_birth *birth) {
    char hash[PH_STREAM_KEY_HASH_BYTES];
    struct ph_db_statement *statement;
    int code = ph_stream_key_hash(birth->stream_key, hash);
    if (code == 0)
        code = ph_db_prepare(transaction,
            "INSERT INTO sessions (id, owner, title, visibility, record, state, reason, ladder, "
            "stream_key_sha256, "
            "passphrase, platform, version, device, created_ms) "
            "VALUES ($1, $2, $3, $4, $5, 'created', '', $6, $7, $8, $9, $10, $11, $12)",
            &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, birth->id);
    ph_db_bind_text(statement, 2, owner);
    ph_db_bind_text(statement, 3, wish->title);
    ph_db_bind_text(statement, 4, ph_visibility_name(wish->visibility));
    ph_db_bind_integer(statement, 5, wish->record);
    ph_db_bind_text(statement, 6, sessions->ladder);
    ph_db_bind_text(statement, 7, hash);
    ph_db_bind_text(statement, 8, birth->passphrase);
    ph_db_bind_text(statement, 9, wish->platform);
    ph_db_bind_text(statement, 10, wish->version);
    ph_db_bind_text(statement, 11, wish->device);
    ph_db_bind_integer(statement, 12, now_ms);
    return ph_db_run(statement);
}

static int find(
    struct ph_db_transaction *transaction, const char *id, const char *subject, struct ph_session *session) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(
        transaction, "SELECT " COLUMNS ", " IS_GUARDED("$2") " FROM sessions WHERE id = $1", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    ph_db_bind_text(statement, 2, subject);
    code = ph_db_step(statement);
    if (code == 1) {
        read_row(statement, session);
        session->is_guarded = ph_db_integer(statement, 12) != 0;
    }
    ph_db_finish(statement);
    return code == 0 ? -ENOENT : code < 0 ? code : 0;
}

int ph_sessions_find_in(struct ph_db_transaction *transaction, const char *id, struct ph_session *session) {
    return find(transaction, id, "", session);
}

static int announce_birth(
    struct ph_sessions *sessions, struct ph_db_transaction *transaction, const char *id, int64_t now_ms) {
    struct ph_session session;
    int code = ph_sessions_find_in(transaction, id, &session);
    if (code < 0)
        return code;
    return ph_sessions_announce(sessions, transaction,
        &(struct ph_session_change){.session = &session, .is_new = true, .at_ms = now_ms});
}

int ph_sessions_start(struct ph_sessions *sessions, const char *owner, const struct ph_session_wish *wish,
    int64_t now_ms, struct ph_session_birth *birth) {
    struct ph_db_transaction *transaction;
    *birth = (struct ph_session_birth){0};
    ph_random_id(birth->id, PH_SESSION_ID_CHARACTERS);
    ph_random_id(birth->stream_key, PH_STREAM_KEY_CHARACTERS);
    if (wish->encryption)
        ph_random_id(birth->passphrase, PH_PASSPHRASE_CHARACTERS);
    int code = ph_db_begin(sessions->db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = count_open(transaction, owner);
    if (answer >= PH_MOST_OPEN_SESSIONS)
        answer = displace(sessions, transaction, owner, now_ms, birth->displaced);
    if (answer >= 0)
        answer = insert(sessions, transaction, owner, wish, now_ms, birth);
    if (answer >= 0)
        answer = announce_birth(sessions, transaction, birth->id, now_ms);
    return ph_db_settle(transaction, answer);
}

int ph_sessions_find(struct ph_sessions *sessions, const char *id, struct ph_session *session) {
    return ph_sessions_find_for(sessions, id, "", session);
}

int ph_sessions_find_for(
    struct ph_sessions *sessions, const char *id, const char *subject, struct ph_session *session) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(sessions->db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = find(transaction, id, subject, session);
    ph_db_rollback(transaction);
    return code;
}

/* The policy's row for listing, as the conditions of the query. */
static void bind_caller(struct ph_db_statement *statement, const struct ph_caller *caller) {
    static const enum ph_relation relations[] = {PH_RELATION_PUBLIC, PH_RELATION_UNLISTED, PH_RELATION_OWNER,
        PH_RELATION_GUARDIAN, PH_RELATION_NAMED, PH_RELATION_KEPT, PH_RELATION_OPEN};
    for (int i = 0; i < 7; i++)
        ph_db_bind_integer(
            statement, i + 1, ph_policy_allows(caller->role, PH_ACTION_SESSION_LIST, relations[i]));
    ph_db_bind_text(statement, 8, caller->subject);
    ph_db_bind_text(statement, 9, caller->session);
    ph_db_bind_integer(statement, 10, caller->is_confined);
}

static int select_page(struct ph_db_transaction *transaction, const struct ph_caller *caller,
    const struct ph_session_cursor *after, size_t most, struct ph_session *list, size_t *count) {
    static const char sql[] =
        "SELECT " COLUMNS " FROM sessions WHERE state IN ('live', 'reconnecting') AND ("
        "(visibility = 'public' AND $1 = 1) OR (visibility = 'unlisted' AND $2 = 1) "
        "OR (($9 = '' OR id = $9) AND (($3 = 1 AND owner = $8) OR ($4 = 1 AND " IS_GUARDED(
            "$8") " = 1))) "
                  "OR ($5 = 1 AND id = $9 AND $10 = 0) OR ($6 = 1 AND id = $9) OR ($7 = 1 AND $9 = '')) "
                  "AND (created_ms < $11 OR (created_ms = $11 AND id < $12)) "
                  "ORDER BY created_ms DESC, id DESC LIMIT $13";
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    bind_caller(statement, caller);
    ph_db_bind_integer(statement, 11, after ? after->created_ms : INT64_MAX);
    ph_db_bind_text(statement, 12, after ? after->id : "");
    ph_db_bind_integer(statement, 13, (int64_t)most);
    while ((code = ph_db_step(statement)) == 1 && *count < most)
        read_row(statement, &list[(*count)++]);
    ph_db_finish(statement);
    return code < 0 ? code : 0;
}

int ph_sessions_list(struct ph_sessions *sessions, const struct ph_caller *caller,
    const struct ph_session_cursor *after, size_t most, struct ph_session **list, size_t *count) {
    struct ph_db_transaction *transaction;
    *list = NULL;
    *count = 0;
    struct ph_session *rows = calloc(most, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    int code = ph_db_begin(sessions->db, PH_DB_READ, &transaction);
    if (code == 0) {
        code = select_page(transaction, caller, after, most, rows, count);
        ph_db_rollback(transaction);
    }
    if (code < 0 || *count == 0) {
        free(rows);
        return code;
    }
    *list = rows;
    return 0;
}

static int admit(
    struct ph_db_transaction *transaction, const char *hash, struct ph_session_admission *admission) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "SELECT id, state, passphrase, ladder, visibility, record FROM sessions WHERE stream_key_sha256 = $1",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, hash);
    code = ph_db_step(statement);
    if (code == 1) {
        int state = ph_session_state_parse(ph_db_text(statement, 1));
        snprintf(admission->session, sizeof(admission->session), "%s", ph_db_text(statement, 0));
        snprintf(admission->passphrase, sizeof(admission->passphrase), "%s", ph_db_text(statement, 2));
        snprintf(admission->ladder, sizeof(admission->ladder), "%s", ph_db_text(statement, 3));
        int visibility = ph_visibility_parse(ph_db_text(statement, 4));
        admission->visibility = visibility < 0 ? PH_VISIBILITY_PRIVATE : (enum ph_visibility)visibility;
        admission->record = ph_db_integer(statement, 5) != 0;
        code = state < 0 || ph_session_state_is_over((enum ph_session_state)state) ? -ESHUTDOWN : 0;
    } else if (code == 0) {
        code = -ENOENT;
    }
    ph_db_finish(statement);
    return code;
}

int ph_sessions_admit(
    struct ph_sessions *sessions, const char *stream_key, struct ph_session_admission *admission) {
    struct ph_db_transaction *transaction;
    char hash[PH_STREAM_KEY_HASH_BYTES];
    *admission = (struct ph_session_admission){0};
    if (strlen(stream_key) != PH_STREAM_KEY_CHARACTERS)
        return -ENOENT;
    int code = ph_stream_key_hash(stream_key, hash);
    if (code == 0)
        code = ph_db_begin(sessions->db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = admit(transaction, hash, admission);
    ph_db_rollback(transaction);
    return code;
}

int ph_sessions_count(struct ph_sessions *sessions, int64_t counts[PH_SESSION_STATES]) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    memset(counts, 0, PH_SESSION_STATES * sizeof(*counts));
    int code = ph_db_begin(sessions->db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "SELECT state, COUNT(*) FROM sessions WHERE state IN ('created', 'live', 'reconnecting') GROUP BY "
        "state",
        &statement);
    if (code == 0) {
        while ((code = ph_db_step(statement)) == 1) {
            int state = ph_session_state_parse(ph_db_text(statement, 0));
            if (state >= 0)
                counts[state] = ph_db_integer(statement, 1);
        }
        ph_db_finish(statement);
    }
    ph_db_rollback(transaction);
    return code;
}
