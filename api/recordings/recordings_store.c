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

void ph_recordings_take_row(void *rows, size_t index, struct ph_db_statement *row) {
    ph_recordings_read_row(row, (struct ph_recording *)rows + index);
}

static void take_guarded_row(void *rows, size_t index, struct ph_db_statement *row) {
    ph_recordings_take_row(rows, index, row);
    ((struct ph_recording *)rows)[index].is_guarded = ph_db_integer(row, PH_RECORDING_COLUMN_COUNT) != 0;
}

void ph_recordings_take_id(void *ids, size_t index, struct ph_db_statement *row) {
    snprintf(((char(*)[PH_SESSION_ID_BYTES])ids)[index], PH_SESSION_ID_BYTES, "%s", ph_db_text(row, 0));
}

/* The recording, and whether the subject is a guardian of its owner. */
#define FIND(id, subject)                                                                                    \
    PH_SQL("SELECT " PH_RECORDING_COLUMNS ", " IS_GUARDED("$2") " FROM recordings WHERE id = $1",            \
        ph_sql_text(id), ph_sql_text(subject))

int ph_recordings_find_in(
    struct ph_db_transaction *transaction, const char *id, struct ph_recording *recording) {
    return ph_db_found(ph_db_query(transaction, FIND(id, ""), 1, take_guarded_row, recording));
}

int ph_recordings_find_for(
    struct ph_db *db, const char *id, const char *subject, struct ph_recording *recording) {
    return ph_db_found(ph_db_read(db, FIND(id, subject), 1, take_guarded_row, recording));
}

int ph_recordings_lease(
    struct ph_db *db, const struct ph_sql *any, const struct ph_sql *lease, ph_sql_take *take, void *row) {
    struct ph_db_transaction *transaction;
    int code = ph_db_read(db, any, 1, NULL, NULL);
    if (code <= 0)
        return code;
    code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int leased = ph_db_query(transaction, lease, 1, take, row);
    code = ph_db_settle(transaction, leased);
    return code < 0 ? code : leased;
}

int64_t ph_recordings_update_held(struct ph_db_transaction *transaction, const char *sql, const char *id,
    const char *lessee, int64_t time_ms) {
    int64_t changed = ph_db_change(transaction,
        PH_SQL(sql, ph_sql_text(id), ph_sql_text(lessee), time_ms ? ph_sql_integer(time_ms) : ph_sql_null()));
    return changed == 0 ? -ESTALE : changed;
}

/* The policy's row for listing, as a condition of the query. */
static struct ph_sql_value may_list(const struct ph_caller *caller, enum ph_relation relation) {
    return ph_sql_integer(ph_policy_allows(caller->role, PH_ACTION_RECORDING_LIST, relation));
}

static int select_page(struct ph_db *db, const struct ph_caller *caller,
    const struct ph_recordings_filter *filter, size_t most, struct ph_recording *list) {
    static const char sql[] =
        "SELECT " PH_RECORDING_COLUMNS " FROM recordings WHERE state NOT IN ('deleting', 'deleted') "
        "AND ($6 = '' OR id = $6 OR session = $6) AND (($1 = 1 AND owner = $5) OR ($2 = 1 AND " IS_GUARDED(
            "$5") " = 1) OR ($3 = 1 AND $6 <> '') OR ($4 = 1 AND $6 = '')) "
                  "AND ($7 = '' OR session = $7) AND (created_ms < $8 OR (created_ms = $8 AND id < $9)) "
                  "ORDER BY created_ms DESC, id DESC LIMIT $10";
    return ph_db_read(db,
        PH_SQL(sql, may_list(caller, PH_RELATION_OWNER), may_list(caller, PH_RELATION_GUARDIAN),
            may_list(caller, PH_RELATION_KEPT), may_list(caller, PH_RELATION_OPEN),
            ph_sql_text(caller->subject), ph_sql_text(caller->session), ph_sql_text(filter->session),
            ph_sql_integer(filter->after_ms), ph_sql_text(filter->after_id), ph_sql_integer((int64_t)most)),
        most, ph_recordings_take_row, list);
}

int ph_recordings_list(struct ph_db *db, const struct ph_caller *caller,
    const struct ph_recordings_filter *filter, size_t most, struct ph_recording **list, size_t *count) {
    *list = NULL;
    *count = 0;
    struct ph_recording *rows = calloc(most, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    int code = select_page(db, caller, filter, most, rows);
    if (code <= 0) {
        free(rows);
        return code;
    }
    *list = rows;
    *count = (size_t)code;
    return 0;
}

static struct ph_sql_value text_or_null(const char *text) {
    return *text ? ph_sql_text(text) : ph_sql_null();
}

static int64_t insert(struct ph_db_transaction *transaction, const struct ph_recording *recording) {
    bool is_clip = recording->kind == PH_RECORDING_CLIP;
    bool has_job = recording->kind != PH_RECORDING_SESSION && recording->state == PH_RECORDING_PROCESSING;
    const struct ph_sql_value null = ph_sql_null(), created_ms = ph_sql_integer(recording->created_ms);
    return ph_db_change(transaction,
        PH_SQL("INSERT INTO recordings (id, kind, session, source, owner, title, state, reason, from_ms, "
               "to_ms, duration_ms, bytes, total_bytes, width, height, has_poster, has_storyboard, storage, "
               "created_ms, lease_owner, lease_until_ms, attempts, turn_ms) VALUES ($1, $2, $3, $4, $5, $6, "
               "$7, '', $8, $9, $10, 0, 0, 0, 0, 0, 0, 'standard', $11, '', 0, 0, $12)",
            ph_sql_text(recording->id), ph_sql_text(kinds[recording->kind]), text_or_null(recording->session),
            text_or_null(recording->source), ph_sql_text(recording->owner), ph_sql_text(recording->title),
            ph_sql_text(states[recording->state]), is_clip ? ph_sql_integer(recording->from_ms) : null,
            is_clip ? ph_sql_integer(recording->to_ms) : null, ph_sql_integer(recording->duration_ms),
            created_ms, has_job ? created_ms : null));
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
