#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/sessions_store_internal.h"
#include "core/base/hex.h"
#include "core/base/sha256.h"

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
    uint8_t hash[PH_SHA256_BYTES];
    int code = ph_sha256((struct ph_slice){(const uint8_t *)stream_key, strlen(stream_key)}, hash);
    if (code == 0)
        ph_hex_write(hash, sizeof(hash), text);
    return code;
}

static enum ph_visibility visibility_of(const char *name) {
    int visibility = ph_visibility_parse(name);
    return visibility < 0 ? PH_VISIBILITY_PRIVATE : (enum ph_visibility)visibility;
}

static void read_row(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_session *session = (struct ph_session *)rows + index;
    int state = ph_session_state_parse(ph_db_text(row, 4));
    snprintf(session->id, sizeof(session->id), "%s", ph_db_text(row, 0));
    snprintf(session->owner, sizeof(session->owner), "%s", ph_db_text(row, 1));
    snprintf(session->title, sizeof(session->title), "%s", ph_db_text(row, 2));
    session->visibility = visibility_of(ph_db_text(row, 3));
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

/* Of a query that asks for IS_GUARDED behind COLUMNS. */
static void read_guarded_row(void *rows, size_t index, struct ph_db_statement *row) {
    read_row(rows, index, row);
    ((struct ph_session *)rows)[index].is_guarded = ph_db_integer(row, 12) != 0;
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
    return ph_db_number(transaction,
        PH_SQL(
            "SELECT COUNT(*) FROM sessions WHERE owner = $1 AND state IN ('created', 'live', 'reconnecting')",
            ph_sql_text(owner)));
}

void ph_sessions_take_id(void *ids, size_t index, struct ph_db_statement *row) {
    snprintf(((char(*)[PH_SESSION_ID_BYTES])ids)[index], PH_SESSION_ID_BYTES, "%s", ph_db_text(row, 0));
}

/* Ends the owner's oldest session that never was live. -EDQUOT when there is none. */
static int64_t displace(struct ph_sessions *sessions, struct ph_db_transaction *transaction,
    const char *owner, int64_t now_ms, char id[PH_SESSION_ID_BYTES]) {
    int found = ph_db_query(transaction,
        PH_SQL(
            "SELECT id FROM sessions WHERE owner = $1 AND state = 'created' ORDER BY created_ms, id LIMIT 1",
            ph_sql_text(owner)),
        1, ph_sessions_take_id, id);
    if (found <= 0)
        return found < 0 ? found : -EDQUOT;
    return ph_sessions_apply_in(
        sessions, transaction, id, PH_SESSION_END, "its owner started another one instead", now_ms);
}

static int64_t insert(struct ph_sessions *sessions, struct ph_db_transaction *transaction, const char *owner,
    const struct ph_session_wish *wish, int64_t now_ms, const struct ph_session_birth *birth) {
    char hash[PH_STREAM_KEY_HASH_BYTES];
    int code = ph_stream_key_hash(birth->stream_key, hash);
    if (code < 0)
        return code;
    return ph_db_change(
        transaction, PH_SQL("INSERT INTO sessions (id, owner, title, visibility, record, state, reason, "
                            "ladder, stream_key_sha256, passphrase, platform, version, device, created_ms) "
                            "VALUES ($1, $2, $3, $4, $5, 'created', '', $6, $7, $8, $9, $10, $11, $12)",
                         ph_sql_text(birth->id), ph_sql_text(owner), ph_sql_text(wish->title),
                         ph_sql_text(ph_visibility_name(wish->visibility)), ph_sql_integer(wish->record),
                         ph_sql_text(sessions->ladder), ph_sql_text(hash), ph_sql_text(birth->passphrase),
                         ph_sql_text(wish->platform), ph_sql_text(wish->version), ph_sql_text(wish->device),
                         ph_sql_integer(now_ms)));
}

/* The session, and whether the subject is a guardian of its owner. */
#define FIND(id, subject)                                                                                    \
    PH_SQL("SELECT " COLUMNS ", " IS_GUARDED("$2") " FROM sessions WHERE id = $1", ph_sql_text(id),          \
        ph_sql_text(subject))

int ph_sessions_find_in(struct ph_db_transaction *transaction, const char *id, struct ph_session *session) {
    return ph_db_found(ph_db_query(transaction, FIND(id, ""), 1, read_guarded_row, session));
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
    return ph_db_found(ph_db_read(sessions->db, FIND(id, subject), 1, read_guarded_row, session));
}

/* The policy's row for listing, as a condition of the query. */
static struct ph_sql_value may_list(const struct ph_caller *caller, enum ph_relation relation) {
    return ph_sql_integer(ph_policy_allows(caller->role, PH_ACTION_SESSION_LIST, relation));
}

static int select_page(struct ph_db *db, const struct ph_caller *caller,
    const struct ph_session_cursor *after, size_t most, struct ph_session *list) {
    static const char sql[] =
        "SELECT " COLUMNS " FROM sessions WHERE state IN ('live', 'reconnecting') AND ("
        "(visibility = 'public' AND $1 = 1) OR (visibility = 'unlisted' AND $2 = 1) "
        "OR (($9 = '' OR id = $9) AND (($3 = 1 AND owner = $8) OR ($4 = 1 AND " IS_GUARDED(
            "$8") " = 1))) "
                  "OR ($5 = 1 AND id = $9 AND $10 = 0) OR ($6 = 1 AND id = $9) OR ($7 = 1 AND $9 = '')) "
                  "AND (created_ms < $11 OR (created_ms = $11 AND id < $12)) "
                  "ORDER BY created_ms DESC, id DESC LIMIT $13";
    return ph_db_read(db,
        PH_SQL(sql, may_list(caller, PH_RELATION_PUBLIC), may_list(caller, PH_RELATION_UNLISTED),
            may_list(caller, PH_RELATION_OWNER), may_list(caller, PH_RELATION_GUARDIAN),
            may_list(caller, PH_RELATION_NAMED), may_list(caller, PH_RELATION_KEPT),
            may_list(caller, PH_RELATION_OPEN), ph_sql_text(caller->subject), ph_sql_text(caller->session),
            ph_sql_integer(caller->is_confined), ph_sql_integer(after ? after->created_ms : INT64_MAX),
            ph_sql_text(after ? after->id : ""), ph_sql_integer((int64_t)most)),
        most, read_row, list);
}

int ph_sessions_list(struct ph_sessions *sessions, const struct ph_caller *caller,
    const struct ph_session_cursor *after, size_t most, struct ph_session **list, size_t *count) {
    *list = NULL;
    *count = 0;
    struct ph_session *rows = calloc(most, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    int code = select_page(sessions->db, caller, after, most, rows);
    if (code <= 0) {
        free(rows);
        return code;
    }
    *list = rows;
    *count = (size_t)code;
    return 0;
}

/* A session as its publisher finds it. */
struct door {
    struct ph_session_admission *admission;
    bool is_shut;
};

static void read_door(void *opaque, size_t index, struct ph_db_statement *row) {
    struct door *door = opaque;
    struct ph_session_admission *admission = door->admission;
    int state = ph_session_state_parse(ph_db_text(row, 1));
    (void)index;
    snprintf(admission->session, sizeof(admission->session), "%s", ph_db_text(row, 0));
    door->is_shut = state < 0 || ph_session_state_is_over((enum ph_session_state)state);
    snprintf(admission->passphrase, sizeof(admission->passphrase), "%s", ph_db_text(row, 2));
    snprintf(admission->ladder, sizeof(admission->ladder), "%s", ph_db_text(row, 3));
    admission->visibility = visibility_of(ph_db_text(row, 4));
    admission->record = ph_db_integer(row, 5) != 0;
}

int ph_sessions_admit(
    struct ph_sessions *sessions, const char *stream_key, struct ph_session_admission *admission) {
    struct door door = {.admission = admission};
    char hash[PH_STREAM_KEY_HASH_BYTES];
    *admission = (struct ph_session_admission){0};
    if (strlen(stream_key) != PH_STREAM_KEY_CHARACTERS)
        return -ENOENT;
    int code = ph_stream_key_hash(stream_key, hash);
    if (code < 0)
        return code;
    code = ph_db_found(ph_db_read(sessions->db,
        PH_SQL("SELECT id, state, passphrase, ladder, visibility, record FROM sessions WHERE "
               "stream_key_sha256 = $1",
            ph_sql_text(hash)),
        1, read_door, &door));
    return code == 0 && door.is_shut ? -ESHUTDOWN : code;
}

static void take_count(void *counts, size_t index, struct ph_db_statement *row) {
    int state = ph_session_state_parse(ph_db_text(row, 0));
    (void)index;
    if (state >= 0)
        ((int64_t *)counts)[state] = ph_db_integer(row, 1);
}

int ph_sessions_count(struct ph_sessions *sessions, int64_t counts[PH_SESSION_STATES]) {
    memset(counts, 0, PH_SESSION_STATES * sizeof(*counts));
    int code = ph_db_read(sessions->db,
        PH_SQL("SELECT state, COUNT(*) FROM sessions WHERE state IN ('created', 'live', 'reconnecting') "
               "GROUP BY state"),
        PH_SESSION_STATES, take_count, counts);
    return code < 0 ? code : 0;
}
