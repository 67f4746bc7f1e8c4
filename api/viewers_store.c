#include "api/viewers_store.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A beat so soon after the last tells nothing new. */
static const int64_t early_ms = PH_VIEWER_BEAT_S * INT64_C(1000) / 3;

/* Rows of one viewer are its own: joins and beats of many do not wait for each other. */
static int begin_for(struct ph_db *db, const char *id, struct ph_db_transaction **transaction) {
    char key[PH_SESSION_ID_BYTES + 8];
    snprintf(key, sizeof(key), "viewer:%s", id);
    return ph_db_begin_keyed(db, key, transaction);
}

int ph_viewers_join(struct ph_db *db, struct ph_viewer *viewer) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    ph_random_id(viewer->id, PH_SESSION_ID_CHARACTERS);
    int code = begin_for(db, viewer->id, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "INSERT INTO viewers (id, session, subject, device, browser, country, joined_ms, seen_ms) VALUES "
        "($1, $2, $3, $4, $5, $6, $7, $8)",
        &statement);
    if (code < 0)
        return ph_db_settle(transaction, code);
    ph_db_bind_text(statement, 1, viewer->id);
    ph_db_bind_text(statement, 2, viewer->session);
    ph_db_bind_text(statement, 3, viewer->subject);
    ph_db_bind_text(statement, 4, viewer->device);
    ph_db_bind_text(statement, 5, viewer->browser);
    ph_db_bind_text(statement, 6, viewer->country);
    ph_db_bind_integer(statement, 7, viewer->joined_ms);
    ph_db_bind_integer(statement, 8, viewer->joined_ms);
    return ph_db_settle(transaction, ph_db_run(statement));
}

/* Runs an update of one viewer with the time; how many rows it changed. */
static int64_t touch(struct ph_db_transaction *transaction, const char *sql, const char *session,
    const char *id, int64_t now_ms) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    ph_db_bind_text(statement, 2, session);
    ph_db_bind_integer(statement, 3, now_ms);
    return ph_db_run(statement);
}

/* When the viewer was seen last, and whether it has left; -ENOENT when there never was such a viewer. */
static int64_t look_at(struct ph_db *db, const char *session, const char *id, bool *has_left) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int64_t code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(
        transaction, "SELECT seen_ms, left_ms FROM viewers WHERE id = $1 AND session = $2", &statement);
    if (code == 0) {
        ph_db_bind_text(statement, 1, id);
        ph_db_bind_text(statement, 2, session);
        int found = ph_db_step(statement);
        code = found == 1 ? ph_db_integer(statement, 0) : found == 0 ? -ENOENT : found;
        *has_left = found == 1 && !ph_db_is_null(statement, 1);
        ph_db_finish(statement);
    }
    ph_db_rollback(transaction);
    return code;
}

/* Nobody is asked for a token to beat and leave: who does it wildly, or guesses ids, reads and writes
 * nothing. */
int ph_viewers_beat(
    struct ph_db *db, const char *session, const char *id, const struct ph_qoe *qoe, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    bool has_left;
    int64_t seen_ms = look_at(db, session, id, &has_left);
    if (seen_ms < 0 || has_left)
        return seen_ms < 0 ? (int)seen_ms : -ENOENT;
    if (now_ms - seen_ms < early_ms)
        return 0;
    int code = begin_for(db, id, &transaction);
    if (code < 0)
        return code;
    int64_t changed = touch(transaction,
        "UPDATE viewers SET seen_ms = $3 WHERE id = $1 AND session = $2 AND left_ms IS NULL", session, id,
        now_ms);
    if (changed > 0 && qoe)
        code = ph_qoe_keep(transaction, session, id, qoe, now_ms);
    code = ph_db_settle(transaction, code < 0 ? code : changed);
    return code < 0 ? code : changed == 0 ? -ENOENT : 0;
}

int ph_viewers_leave(struct ph_db *db, const char *session, const char *id, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    bool has_left;
    int64_t seen_ms = look_at(db, session, id, &has_left);
    if (seen_ms < 0 || has_left)
        return seen_ms < 0 ? (int)seen_ms : 0;
    int code = begin_for(db, id, &transaction);
    if (code < 0)
        return code;
    int64_t changed = touch(transaction,
        "UPDATE viewers SET left_ms = COALESCE(left_ms, $3) WHERE id = $1 AND session = $2", session, id,
        now_ms);
    code = ph_db_settle(transaction, changed);
    return code < 0 ? code : changed == 0 ? -ENOENT : 0;
}

static void read_row(struct ph_db_statement *row, struct ph_viewer *viewer) {
    *viewer = (struct ph_viewer){0};
    snprintf(viewer->id, sizeof(viewer->id), "%s", ph_db_text(row, 0));
    snprintf(viewer->session, sizeof(viewer->session), "%s", ph_db_text(row, 1));
    snprintf(viewer->subject, sizeof(viewer->subject), "%s", ph_db_text(row, 2));
    snprintf(viewer->name, sizeof(viewer->name), "%s", ph_db_text(row, 3));
    snprintf(viewer->device, sizeof(viewer->device), "%s", ph_db_text(row, 4));
    snprintf(viewer->browser, sizeof(viewer->browser), "%s", ph_db_text(row, 5));
    snprintf(viewer->country, sizeof(viewer->country), "%s", ph_db_text(row, 6));
    viewer->joined_ms = ph_db_integer(row, 7);
    viewer->seen_ms = ph_db_integer(row, 8);
    viewer->left_ms = ph_db_integer(row, 9);
}

int ph_viewers_list(struct ph_db *db, const char *session, const struct ph_viewer_cursor *after, size_t most,
    struct ph_viewer *list, size_t *count) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *rows;
    *count = 0;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "SELECT viewers.id, session, viewers.subject, profiles.display_name, device, browser, country, "
        "joined_ms, seen_ms, left_ms FROM viewers LEFT JOIN profiles ON profiles.subject = viewers.subject "
        "WHERE session = $1 AND (joined_ms < $2 OR (joined_ms = $2 AND viewers.id < $3)) ORDER BY joined_ms "
        "DESC, viewers.id DESC LIMIT $4",
        &rows);
    if (code == 0) {
        ph_db_bind_text(rows, 1, session);
        ph_db_bind_integer(rows, 2, after ? after->joined_ms : INT64_MAX);
        ph_db_bind_text(rows, 3, after ? after->id : "");
        ph_db_bind_integer(rows, 4, (int64_t)most);
        while (*count < most && (code = ph_db_step(rows)) == 1)
            read_row(rows, &list[(*count)++]);
        ph_db_finish(rows);
    }
    ph_db_rollback(transaction);
    return code < 0 ? code : 0;
}

int ph_viewers_expire(
    struct ph_db *db, int64_t now_ms, void (*take)(void *opaque, const char *session), void *opaque) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *rows;
    int code = ph_db_begin_keyed(db, "viewers:expire", &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "UPDATE viewers SET left_ms = seen_ms WHERE left_ms IS NULL AND seen_ms < $1 RETURNING session",
        &rows);
    if (code == 0) {
        ph_db_bind_integer(rows, 1, now_ms - PH_VIEWER_PATIENCE_MS);
        while ((code = ph_db_step(rows)) == 1)
            take(opaque, ph_db_text(rows, 0));
        ph_db_finish(rows);
    }
    return ph_db_settle(transaction, code);
}

int ph_viewers_end(struct ph_db_transaction *transaction, const char *session, int64_t now_ms) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(
        transaction, "UPDATE viewers SET left_ms = $2 WHERE session = $1 AND left_ms IS NULL", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, session);
    ph_db_bind_integer(statement, 2, now_ms);
    int64_t changed = ph_db_run(statement);
    return changed < 0 ? (int)changed : 0;
}

/* The number of a query of the session; -1 without a row. */
static int64_t number_of(struct ph_db_transaction *transaction, const char *sql, const char *session) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, session);
    code = ph_db_step(statement);
    int64_t number = code == 1 ? ph_db_integer(statement, 0) : -1;
    ph_db_finish(statement);
    return code < 0 ? code : number;
}

static int64_t keep_count(
    struct ph_db_transaction *transaction, const char *session, int64_t watching, int64_t now_ms) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "INSERT INTO viewer_counts (session, watching, most, counted_ms) VALUES ($1, $2, $3, $4) ON CONFLICT "
        "(session) DO UPDATE SET watching = excluded.watching, counted_ms = excluded.counted_ms, most = CASE "
        "WHEN excluded.watching > viewer_counts.most THEN excluded.watching ELSE viewer_counts.most END",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, session);
    ph_db_bind_integer(statement, 2, watching);
    ph_db_bind_integer(statement, 3, watching);
    ph_db_bind_integer(statement, 4, now_ms);
    return ph_db_run(statement);
}

static int tell_count(
    struct ph_db_transaction *transaction, const char *session, int64_t watching, int64_t now_ms) {
    char body[128];
    struct ph_event event = {.type = PH_EVENT_VIEWERS, .body = body, .at_ms = now_ms};
    snprintf(event.session, sizeof(event.session), "%s", session);
    snprintf(body, sizeof(body), "{\"sessionId\":\"%s\",\"viewers\":%" PRId64 "}", session, watching);
    return ph_events_put(transaction, &event);
}

/* One counts at a time in all of the cluster, so that the last to count is the last to tell. */
int ph_viewers_count(struct ph_db *db, const char *session, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    char key[PH_SESSION_ID_BYTES + 16];
    snprintf(key, sizeof(key), "viewers:%s", session);
    int code = ph_db_begin_keyed(db, key, &transaction);
    if (code < 0)
        return code;
    int64_t before = number_of(transaction, "SELECT watching FROM viewer_counts WHERE session = $1", session);
    int64_t watching =
        before < -1 ? before
                    : number_of(transaction,
                          "SELECT COUNT(*) FROM viewers WHERE session = $1 AND left_ms IS NULL", session);
    int64_t answer = watching;
    if (watching >= 0 && watching != before)
        answer = keep_count(transaction, session, watching, now_ms);
    if (answer >= 0 && watching != before)
        answer = tell_count(transaction, session, watching, now_ms);
    return ph_db_settle(transaction, answer);
}
