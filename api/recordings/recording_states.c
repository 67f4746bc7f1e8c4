#include "api/recordings/recording_states.h"

#include <stdio.h>
#include <string.h>

#include "api/outbox/events.h"
#include "api/recordings/recording_rows.h"
#include "api/sessions_store_internal.h"

enum { VISITED_AT_ONCE = 100 };
/* The store is asked first when nothing can have moved yet. */
static const int64_t first_look_ms = INT64_C(24) * 3600 * 1000;

/* Into another state; it has no turn and no lease then. */
static int64_t move(struct ph_db_transaction *transaction, const struct ph_recording *recording,
    enum ph_recording_state to, const char *reason) {
    return ph_db_change(
        transaction, PH_SQL("UPDATE recordings SET state = $2, reason = $3, duration_ms = $4, turn_ms = "
                            "NULL, lease_owner = '', lease_until_ms = 0 WHERE id = $1",
                         ph_sql_text(recording->id), ph_sql_text(ph_recording_state_name(to)),
                         ph_sql_text(reason), ph_sql_integer(recording->duration_ms)));
}

/* Adds the recording of a session that began at `created_ms`. */
static int add_of_session(
    struct ph_db_transaction *transaction, const struct ph_session *session, int64_t created_ms) {
    struct ph_recording recording = {
        .kind = PH_RECORDING_SESSION, .state = PH_RECORDING_RECORDING, .created_ms = created_ms};
    memcpy(recording.id, session->id, sizeof(recording.id));
    memcpy(recording.session, session->id, sizeof(recording.session));
    memcpy(recording.owner, session->owner, sizeof(recording.owner));
    memcpy(recording.title, session->title, sizeof(recording.title));
    return ph_recordings_add(transaction, &recording);
}

/* What the archive said before its session was known to be live, or over, stands. */
static int begin(struct ph_db_transaction *transaction, const struct ph_session_change *change) {
    const struct ph_session *session = change->session;
    struct ph_recording recording;
    int code = ph_recordings_find_in(transaction, session->id, &recording);
    return code == -ENOENT ? add_of_session(transaction, session, session->started_ms) : code;
}

static int process(struct ph_db_transaction *transaction, const struct ph_session_change *change) {
    struct ph_recording recording;
    int64_t code = ph_recordings_find_in(transaction, change->session->id, &recording);
    if (code < 0 || recording.state != PH_RECORDING_RECORDING)
        return code == -ENOENT ? 0 : (int)code;
    recording.duration_ms = change->at_ms > recording.created_ms ? change->at_ms - recording.created_ms : 0;
    recording.state = PH_RECORDING_PROCESSING;
    code = move(transaction, &recording, PH_RECORDING_PROCESSING, "");
    return code < 0 ? (int)code : ph_recordings_tell(transaction, &recording, change->at_ms);
}

static int changed(struct ph_session_observer *observer, struct ph_db_transaction *transaction,
    const struct ph_session_change *change) {
    (void)observer;
    if (!change->session->record)
        return 0;
    if (change->is_first_live)
        return begin(transaction, change);
    if (!change->is_new && ph_session_state_is_over(change->session->state))
        return process(transaction, change);
    return 0;
}

void ph_recording_observer_init(struct ph_recording_observer *observer) {
    static const struct ph_session_observer_impl impl = {.changed = changed};
    *observer = (struct ph_recording_observer){.observer.impl = &impl};
}

/* An upload's source is not needed any more: it has its turn to be removed. */
static int64_t write_ready(struct ph_db_transaction *transaction, const struct ph_recording *recording,
    const struct ph_recording_outcome *outcome, int64_t now_ms) {
    return ph_db_change(
        transaction, PH_SQL("UPDATE recordings SET state = 'ready', reason = '', duration_ms = $2, bytes = "
                            "$3, total_bytes = $4, width = $5, height = $6, has_poster = $7, has_storyboard "
                            "= $8, ready_ms = COALESCE(ready_ms, $9), storage_ms = COALESCE(storage_ms, "
                            "$10), turn_ms = $11, lease_owner = '', lease_until_ms = 0 WHERE id = $1",
                         ph_sql_text(recording->id), ph_sql_integer(outcome->duration_ms),
                         ph_sql_integer(outcome->bytes), ph_sql_integer(outcome->total_bytes),
                         ph_sql_integer(outcome->width), ph_sql_integer(outcome->height),
                         ph_sql_integer(outcome->has_poster), ph_sql_integer(outcome->has_storyboard),
                         ph_sql_integer(now_ms), ph_sql_integer(now_ms + first_look_ms),
                         recording->kind == PH_RECORDING_UPLOAD ? ph_sql_integer(now_ms) : ph_sql_null()));
}

static int tell_ready(
    struct ph_db_transaction *transaction, const struct ph_recording *recording, int64_t now_ms) {
    struct ph_recording_note note = {.id = recording->id,
        .session = recording->session,
        .owner = recording->owner,
        .title = recording->title,
        .thumbnail = "",
        .is_clip = recording->kind == PH_RECORDING_CLIP,
        .duration_ms = recording->duration_ms,
        .bytes = recording->bytes};
    int code = ph_outbox_recording_ready(transaction, &note, now_ms);
    return code < 0 ? code : ph_recordings_tell(transaction, recording, now_ms);
}

/* Finds it. The archive may know of a session's media what the session's own state does not tell, or not yet:
 * it was over before its first part, or the database was away. Then its recording begins here. */
static int find_or_begin(
    struct ph_db_transaction *transaction, const char *id, struct ph_recording *recording) {
    struct ph_session session;
    int code = ph_recordings_find_in(transaction, id, recording);
    if (code != -ENOENT)
        return code;
    code = ph_sessions_find_in(transaction, id, &session);
    if (code == 0 && !session.record)
        code = -ENOENT;
    if (code == 0)
        code = add_of_session(
            transaction, &session, session.started_ms ? session.started_ms : session.created_ms);
    return code < 0 ? code : ph_recordings_find_in(transaction, id, recording);
}

int ph_recordings_ready_in(struct ph_db_transaction *transaction, const char *id,
    const struct ph_recording_outcome *outcome, int64_t now_ms) {
    struct ph_recording recording;
    int64_t code = find_or_begin(transaction, id, &recording);
    if (code < 0 || recording.state >= PH_RECORDING_DELETING)
        return (int)code;
    bool is_news = recording.state != PH_RECORDING_READY;
    code = write_ready(transaction, &recording, outcome, now_ms);
    if (code >= 0 && is_news)
        code = ph_recordings_find_in(transaction, id, &recording);
    if (code >= 0 && is_news)
        code = tell_ready(transaction, &recording, now_ms);
    if (code >= 0 && recording.kind == PH_RECORDING_UPLOAD)
        code = ph_db_notify(transaction, PH_RECORDINGS_CHANNEL, "");
    return code < 0 ? (int)code : 0;
}

/* What a job makes is whole when the job says so: a clip by itself, an upload by the take that counts.
 * -ESTALE for all else. */
static int64_t check_job(
    struct ph_db_transaction *transaction, const char *id, const struct ph_recording_outcome *outcome) {
    struct ph_recording recording;
    int64_t code = ph_recordings_find_in(transaction, id, &recording);
    if (code < 0 || recording.kind == PH_RECORDING_SESSION || recording.state == PH_RECORDING_READY ||
        recording.state >= PH_RECORDING_DELETING)
        return code == -ENOENT ? 0 : code;
    if (recording.kind == PH_RECORDING_CLIP)
        return -ESTALE;
    int64_t takes =
        ph_db_number(transaction, PH_SQL("SELECT takes FROM recordings WHERE id = $1", ph_sql_text(id)));
    return takes < 0 ? takes : takes == outcome->take ? 0 : -ESTALE;
}

int ph_recordings_ready(
    struct ph_db *db, const char *id, const struct ph_recording_outcome *outcome, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = check_job(transaction, id, outcome);
    if (answer >= 0)
        answer = ph_recordings_ready_in(transaction, id, outcome, now_ms);
    return ph_db_settle(transaction, answer);
}

int ph_recordings_is_unmade(struct ph_db *db, const char *id) {
    struct ph_recording recording;
    int code = ph_recordings_find_for(db, id, "", &recording);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    return recording.kind == PH_RECORDING_SESSION ? recording.state == PH_RECORDING_RECORDING
                                                  : recording.state != PH_RECORDING_READY;
}

int ph_recordings_is_known(struct ph_db *db, const char *id) {
    struct ph_recording recording;
    int code = ph_recordings_find_for(db, id, "", &recording);
    return code == -ENOENT ? 0 : code < 0 ? code : 1;
}

int ph_recordings_failed_in(
    struct ph_db_transaction *transaction, const char *id, const char *reason, int64_t now_ms) {
    struct ph_recording recording;
    int64_t code = ph_recordings_find_in(transaction, id, &recording);
    if (code < 0 || recording.state > PH_RECORDING_PROCESSING)
        return (int)code;
    recording.state = PH_RECORDING_FAILED;
    snprintf(recording.reason, sizeof(recording.reason), "%s", reason);
    code = move(transaction, &recording, PH_RECORDING_FAILED, recording.reason);
    return code < 0 ? (int)code : ph_recordings_tell(transaction, &recording, now_ms);
}

int ph_recordings_failed(struct ph_db *db, const char *id, const char *reason, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    return ph_db_settle(transaction, ph_recordings_failed_in(transaction, id, reason, now_ms));
}

int ph_recordings_is_deleted(struct ph_db *db, const char *id) {
    struct ph_recording recording;
    int code = ph_recordings_find_for(db, id, "", &recording);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    return recording.state >= PH_RECORDING_DELETING;
}

int ph_recordings_title(struct ph_db *db, const char *id, char title[PH_TITLE_BYTES]) {
    struct ph_recording recording;
    int code = ph_recordings_find_for(db, id, "", &recording);
    snprintf(title, PH_TITLE_BYTES, "%s", code < 0 ? "" : recording.title);
    return code == -ENOENT ? 0 : code;
}

/* The next ids after one; their number. */
static int select_ready(
    struct ph_db *db, const char *after, char (*ids)[PH_SESSION_ID_BYTES], size_t *count) {
    int code = ph_db_read(db,
        PH_SQL("SELECT id FROM recordings WHERE id > $1 AND state = 'ready' ORDER BY id LIMIT $2",
            ph_sql_text(after), ph_sql_integer(VISITED_AT_ONCE)),
        VISITED_AT_ONCE, ph_recordings_take_id, ids);
    *count = code > 0 ? (size_t)code : 0;
    return code < 0 ? code : 0;
}

static int visit_one(
    struct ph_db *db, const char *id, int (*visit)(void *opaque, const char *id), void *opaque) {
    struct ph_recording recording;
    int code = ph_recordings_find_for(db, id, "", &recording);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    return recording.state == PH_RECORDING_READY ? visit(opaque, id) : 0;
}

int ph_recordings_each_ready(
    struct ph_db *db, const char *id, int (*visit)(void *opaque, const char *id), void *opaque) {
    char ids[VISITED_AT_ONCE][PH_SESSION_ID_BYTES] = {""}, after[PH_SESSION_ID_BYTES] = "";
    size_t count = VISITED_AT_ONCE;
    int code = 0;
    if (id)
        return visit_one(db, id, visit, opaque);
    while (code == 0 && count == VISITED_AT_ONCE) {
        code = select_ready(db, after, ids, &count);
        for (size_t i = 0; code == 0 && i < count; i++)
            code = visit(opaque, ids[i]);
        if (code == 0 && count > 0)
            memcpy(after, ids[count - 1], sizeof(after));
    }
    return code;
}
