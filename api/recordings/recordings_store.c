#include "api/recordings/recordings_store.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events.h"
#include "api/recordings/recording_rows.h"
#include "api/text.h"

static const char *const kinds[PH_RECORDING_KINDS] = {"session", "clip", "upload"};
static const char *const states[PH_RECORDING_STATES] = {
    "recording", "processing", "ready", "failed", "deleting", "deleted"};
static const char *const storages[PH_STORAGES] = {
    "standard", "infrequent", "archived", "restoring", "restored"};

const char *ph_recording_kind_name(enum ph_recording_kind kind) {
    return kinds[kind];
}

const char *ph_recording_state_name(enum ph_recording_state state) {
    return states[state];
}

const char *ph_recording_storage_name(enum ph_recording_storage storage) {
    return storages[storage];
}

bool ph_recording_is_cold(const struct ph_recording *recording) {
    return recording->storage == PH_STORAGE_ARCHIVED || recording->storage == PH_STORAGE_RESTORING;
}

/* The last one where it is none, which no column can hold. */
static int parse(const char *const *names, int count, const char *name) {
    int i = 0;
    while (i < count - 1 && strcmp(names[i], name) != 0)
        i++;
    return i;
}

void ph_recordings_read_row(struct ph_db_statement *row, struct ph_recording *recording) {
    *recording = (struct ph_recording){
        .kind = (enum ph_recording_kind)parse(kinds, PH_RECORDING_KINDS, ph_db_text(row, 5)),
        .state = (enum ph_recording_state)parse(states, PH_RECORDING_STATES, ph_db_text(row, 6)),
        .storage = (enum ph_recording_storage)parse(storages, PH_STORAGES, ph_db_text(row, 7)),
        .from_ms = ph_db_integer(row, 9),
        .to_ms = ph_db_integer(row, 10),
        .duration_ms = ph_db_integer(row, 11),
        .bytes = ph_db_integer(row, 12),
        .total_bytes = ph_db_integer(row, 13),
        .width = ph_db_integer(row, 14),
        .height = ph_db_integer(row, 15),
        .has_poster = ph_db_integer(row, 16) != 0,
        .has_storyboard = ph_db_integer(row, 17) != 0,
        .created_ms = ph_db_integer(row, 18),
        .ready_ms = ph_db_integer(row, 19),
    };
    snprintf(recording->id, sizeof(recording->id), "%s", ph_db_text(row, 0));
    snprintf(recording->session, sizeof(recording->session), "%s", ph_db_text(row, 1));
    snprintf(recording->source, sizeof(recording->source), "%s", ph_db_text(row, 2));
    snprintf(recording->owner, sizeof(recording->owner), "%s", ph_db_text(row, 3));
    snprintf(recording->title, sizeof(recording->title), "%s", ph_db_text(row, 4));
    snprintf(recording->reason, sizeof(recording->reason), "%s", ph_db_text(row, 8));
}

/* Whether the subject $n is a guardian of the row's owner, as 1 or 0. */
#define IS_GUARDED(n)                                                                                        \
    "CASE WHEN EXISTS (SELECT 1 FROM guardians WHERE guardians.profile = recordings.owner "                  \
    "AND guardians.subject = " n ") THEN 1 ELSE 0 END"

static int find(struct ph_db_transaction *transaction, const char *id, const char *subject,
    struct ph_recording *recording) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "SELECT " PH_RECORDING_COLUMNS ", " IS_GUARDED("$2") " FROM recordings WHERE id = $1", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    ph_db_bind_text(statement, 2, subject);
    code = ph_db_step(statement);
    if (code == 1) {
        ph_recordings_read_row(statement, recording);
        recording->is_guarded = ph_db_integer(statement, PH_RECORDING_COLUMN_COUNT) != 0;
    }
    ph_db_finish(statement);
    return code == 0 ? -ENOENT : code < 0 ? code : 0;
}

int ph_recordings_find_in(
    struct ph_db_transaction *transaction, const char *id, struct ph_recording *recording) {
    return find(transaction, id, "", recording);
}

int ph_recordings_find_for(
    struct ph_db *db, const char *id, const char *subject, struct ph_recording *recording) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = find(transaction, id, subject, recording);
    ph_db_rollback(transaction);
    return code;
}

int ph_recordings_has_any(struct ph_db *db, const char *sql, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction, sql, &statement);
    if (code == 0) {
        ph_db_bind_integer(statement, 1, now_ms);
        code = ph_db_step(statement);
        ph_db_finish(statement);
    }
    ph_db_rollback(transaction);
    return code;
}

int64_t ph_recordings_update_held(struct ph_db_transaction *transaction, const char *sql, const char *id,
    const char *lessee, int64_t time_ms) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    ph_db_bind_text(statement, 2, lessee);
    if (time_ms)
        ph_db_bind_integer(statement, 3, time_ms);
    else
        ph_db_bind_null(statement, 3);
    int64_t changed = ph_db_run(statement);
    return changed == 0 ? -ESTALE : changed;
}

/* The policy's row for listing, as the conditions of the query. */
static void bind_caller(struct ph_db_statement *statement, const struct ph_caller *caller) {
    static const enum ph_relation relations[] = {
        PH_RELATION_OWNER, PH_RELATION_GUARDIAN, PH_RELATION_KEPT, PH_RELATION_OPEN};
    for (int i = 0; i < 4; i++)
        ph_db_bind_integer(
            statement, i + 1, ph_policy_allows(caller->role, PH_ACTION_RECORDING_LIST, relations[i]));
    ph_db_bind_text(statement, 5, caller->subject);
    ph_db_bind_text(statement, 6, caller->session);
}

static int select_page(struct ph_db_transaction *transaction, const struct ph_caller *caller,
    const struct ph_recordings_filter *filter, size_t most, struct ph_recording *list, size_t *count) {
    static const char sql[] =
        "SELECT " PH_RECORDING_COLUMNS " FROM recordings WHERE state NOT IN ('deleting', 'deleted') "
        "AND ($6 = '' OR id = $6 OR session = $6) AND (($1 = 1 AND owner = $5) OR ($2 = 1 AND " IS_GUARDED(
            "$5") " = 1) OR ($3 = 1 AND $6 <> '') OR ($4 = 1 AND $6 = '')) "
                  "AND ($7 = '' OR session = $7) AND (created_ms < $8 OR (created_ms = $8 AND id < $9)) "
                  "ORDER BY created_ms DESC, id DESC LIMIT $10";
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    bind_caller(statement, caller);
    ph_db_bind_text(statement, 7, filter->session);
    ph_db_bind_integer(statement, 8, filter->after_ms);
    ph_db_bind_text(statement, 9, filter->after_id);
    ph_db_bind_integer(statement, 10, (int64_t)most);
    while ((code = ph_db_step(statement)) == 1 && *count < most)
        ph_recordings_read_row(statement, &list[(*count)++]);
    ph_db_finish(statement);
    return code < 0 ? code : 0;
}

int ph_recordings_list(struct ph_db *db, const struct ph_caller *caller,
    const struct ph_recordings_filter *filter, size_t most, struct ph_recording **list, size_t *count) {
    struct ph_db_transaction *transaction;
    *list = NULL;
    *count = 0;
    struct ph_recording *rows = calloc(most, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code == 0) {
        code = select_page(transaction, caller, filter, most, rows, count);
        ph_db_rollback(transaction);
    }
    if (code < 0 || *count == 0) {
        free(rows);
        return code;
    }
    *list = rows;
    return 0;
}

static void bind_text_or_null(struct ph_db_statement *statement, int number, const char *text) {
    ph_db_bind_text(statement, number, *text ? text : NULL);
}

static int64_t insert(struct ph_db_transaction *transaction, const struct ph_recording *recording) {
    struct ph_db_statement *statement;
    bool is_clip = recording->kind == PH_RECORDING_CLIP;
    bool has_job = recording->kind != PH_RECORDING_SESSION && recording->state == PH_RECORDING_PROCESSING;
    int code = ph_db_prepare(transaction,
        "INSERT INTO recordings (id, kind, session, source, owner, title, state, reason, from_ms, to_ms, "
        "duration_ms, bytes, total_bytes, width, height, has_poster, has_storyboard, storage, created_ms, "
        "lease_owner, lease_until_ms, attempts, turn_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, $9, "
        "$10, 0, 0, 0, 0, 0, 0, 'standard', $11, '', 0, 0, $12)",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, recording->id);
    ph_db_bind_text(statement, 2, kinds[recording->kind]);
    bind_text_or_null(statement, 3, recording->session);
    bind_text_or_null(statement, 4, recording->source);
    ph_db_bind_text(statement, 5, recording->owner);
    ph_db_bind_text(statement, 6, recording->title);
    ph_db_bind_text(statement, 7, states[recording->state]);
    for (int i = 8; i <= 9; i++) {
        if (is_clip)
            ph_db_bind_integer(statement, i, i == 8 ? recording->from_ms : recording->to_ms);
        else
            ph_db_bind_null(statement, i);
    }
    ph_db_bind_integer(statement, 10, recording->duration_ms);
    ph_db_bind_integer(statement, 11, recording->created_ms);
    if (has_job)
        ph_db_bind_integer(statement, 12, recording->created_ms);
    else
        ph_db_bind_null(statement, 12);
    return ph_db_run(statement);
}

int ph_recordings_add(struct ph_db_transaction *transaction, const struct ph_recording *recording) {
    int64_t code = insert(transaction, recording);
    if (code >= 0)
        code = ph_recordings_tell(transaction, recording, recording->created_ms);
    if (code >= 0 && recording->kind != PH_RECORDING_SESSION)
        code = ph_db_notify(transaction, PH_RECORDINGS_CHANNEL, "");
    return code < 0 ? (int)code : 0;
}

int ph_recordings_insert(struct ph_db *db, const struct ph_recording *recording) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    return code < 0 ? code : ph_db_settle(transaction, ph_recordings_add(transaction, recording));
}

int ph_recordings_tell(
    struct ph_db_transaction *transaction, const struct ph_recording *recording, int64_t now_ms) {
    struct ph_event event = {.type = PH_EVENT_RECORDING, .at_ms = now_ms};
    const char *topic = *recording->session ? recording->session : recording->id;
    json_t *body = json_pack("{s:s, s:s?, s:s, s:s, s:s?, s:I, s:s}", "recordingId", recording->id,
        "sessionId", *recording->session ? recording->session : NULL, "kind", kinds[recording->kind], "state",
        states[recording->state], "reason", *recording->reason ? recording->reason : NULL, "durationMs",
        (json_int_t)recording->duration_ms, "storage", storages[recording->storage]);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    memcpy(event.session, topic, sizeof(event.session));
    event.body = text;
    int code = text ? ph_events_number(transaction, event.session, &event.sequence) : -ENOMEM;
    if (code == 0)
        code = ph_events_put(transaction, &event);
    free(text);
    json_decref(body);
    return code;
}

bool ph_recordings_event_id(const char *body, char id[PH_SESSION_ID_BYTES]) {
    json_t *event = json_loads(body, 0, NULL);
    const char *told = json_string_value(json_object_get(event, "recordingId"));
    bool is_one = told && ph_text_is_session_id(told);
    if (is_one)
        memcpy(id, told, PH_SESSION_ID_BYTES);
    json_decref(event);
    return is_one;
}
