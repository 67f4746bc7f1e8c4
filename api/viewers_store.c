#include "api/viewers_store.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/db/sql.h"

enum { KEY_BYTES = PH_SESSION_ID_BYTES + 8 };

/* A beat so soon after the last tells nothing new. */
static const int64_t early_ms = PH_VIEWER_BEAT_S * INT64_C(1000) / 3;

/* Rows of one viewer are its own: joins and beats of many do not wait for each other. */
static void make_key(const char *id, char key[KEY_BYTES]) {
    snprintf(key, KEY_BYTES, "viewer:%s", id);
}

int ph_viewers_join(struct ph_db *db, struct ph_viewer *viewer) {
    char key[KEY_BYTES];
    ph_random_id(viewer->id, PH_SESSION_ID_CHARACTERS);
    make_key(viewer->id, key);
    int64_t joined = ph_db_write_keyed(db, key,
        PH_SQL("INSERT INTO viewers (id, session, subject, device, browser, country, joined_ms, seen_ms) "
               "VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
            ph_sql_text(viewer->id), ph_sql_text(viewer->session), ph_sql_text(viewer->subject),
            ph_sql_text(viewer->device), ph_sql_text(viewer->browser), ph_sql_text(viewer->country),
            ph_sql_integer(viewer->joined_ms)));
    return joined < 0 ? (int)joined : 0;
}

/* When a viewer was seen last. */
struct sight {
    int64_t seen_ms;
    bool has_left;
};

static void read_sight(void *sights, size_t index, struct ph_db_statement *row) {
    struct sight *sight = (struct sight *)sights + index;
    sight->seen_ms = ph_db_integer(row, 0);
    sight->has_left = !ph_db_is_null(row, 1);
}

/* -ENOENT when there never was such a viewer. */
static int look_at(struct ph_db *db, const char *session, const char *id, struct sight *sight) {
    return ph_db_found(ph_db_read(db,
        PH_SQL("SELECT seen_ms, left_ms FROM viewers WHERE id = $1 AND session = $2", ph_sql_text(id),
            ph_sql_text(session)),
        1, read_sight, sight));
}

/* Nobody is asked for a token to beat and leave: who does it wildly, or guesses ids, reads and writes
 * nothing. */
int ph_viewers_beat(
    struct ph_db *db, const char *session, const char *id, const struct ph_qoe *qoe, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    struct sight sight;
    char key[KEY_BYTES];
    int code = look_at(db, session, id, &sight);
    if (code < 0 || sight.has_left)
        return code < 0 ? code : -ENOENT;
    if (now_ms >= sight.seen_ms && now_ms - sight.seen_ms < early_ms)
        return 0;
    make_key(id, key);
    code = ph_db_begin_keyed(db, key, &transaction);
    if (code < 0)
        return code;
    int64_t changed = ph_db_change(transaction,
        PH_SQL("UPDATE viewers SET seen_ms = $3 WHERE id = $1 AND session = $2 AND left_ms IS NULL",
            ph_sql_text(id), ph_sql_text(session), ph_sql_integer(now_ms)));
    if (changed > 0 && qoe)
        code = ph_qoe_keep(transaction, session, id, qoe, now_ms);
    code = ph_db_settle(transaction, code < 0 ? code : changed);
    return code < 0 ? code : changed == 0 ? -ENOENT : 0;
}

int ph_viewers_leave(struct ph_db *db, const char *session, const char *id, int64_t now_ms) {
    struct sight sight;
    char key[KEY_BYTES];
    int code = look_at(db, session, id, &sight);
    if (code < 0 || sight.has_left)
        return code;
    make_key(id, key);
    return ph_db_found(ph_db_write_keyed(db, key,
        PH_SQL("UPDATE viewers SET left_ms = COALESCE(left_ms, $3) WHERE id = $1 AND session = $2",
            ph_sql_text(id), ph_sql_text(session), ph_sql_integer(now_ms))));
}

static void read_row(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_viewer *viewer = (struct ph_viewer *)rows + index;
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
    int code = ph_db_read(db,
        PH_SQL("SELECT viewers.id, session, viewers.subject, profiles.display_name, device, browser, "
               "country, joined_ms, seen_ms, left_ms FROM viewers LEFT JOIN profiles ON profiles.subject = "
               "viewers.subject WHERE session = $1 AND (joined_ms < $2 OR (joined_ms = $2 AND viewers.id < "
               "$3)) ORDER BY joined_ms DESC, viewers.id DESC LIMIT $4",
            ph_sql_text(session), ph_sql_integer(after ? after->joined_ms : INT64_MAX),
            ph_sql_text(after ? after->id : ""), ph_sql_integer((int64_t)most)),
        most, read_row, list);
    *count = code > 0 ? (size_t)code : 0;
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
        "UPDATE viewers SET left_ms = CASE WHEN seen_ms < $1 THEN seen_ms ELSE $2 END WHERE left_ms IS NULL "
        "AND (seen_ms < $1 OR seen_ms > $2) RETURNING session",
        &rows);
    if (code == 0) {
        ph_db_bind_integer(rows, 1, now_ms - PH_VIEWER_PATIENCE_MS);
        ph_db_bind_integer(rows, 2, now_ms + PH_VIEWER_PATIENCE_MS);
        while ((code = ph_db_step(rows)) == 1)
            take(opaque, ph_db_text(rows, 0));
        ph_db_finish(rows);
    }
    return ph_db_settle(transaction, code);
}

int ph_viewers_end(struct ph_db_transaction *transaction, const char *session, int64_t now_ms) {
    int64_t changed = ph_db_change(
        transaction, PH_SQL("UPDATE viewers SET left_ms = $2 WHERE session = $1 AND left_ms IS NULL",
                         ph_sql_text(session), ph_sql_integer(now_ms)));
    return changed < 0 ? (int)changed : 0;
}

static int64_t keep_count(
    struct ph_db_transaction *transaction, const char *session, int64_t watching, int64_t now_ms) {
    return ph_db_change(
        transaction, PH_SQL("INSERT INTO viewer_counts (session, watching, most, counted_ms) VALUES ($1, $2, "
                            "$2, $3) ON CONFLICT (session) DO UPDATE SET watching = excluded.watching, "
                            "counted_ms = excluded.counted_ms, most = CASE WHEN excluded.watching > "
                            "viewer_counts.most THEN excluded.watching ELSE viewer_counts.most END",
                         ph_sql_text(session), ph_sql_integer(watching), ph_sql_integer(now_ms)));
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
    int64_t before = ph_db_number(
        transaction, PH_SQL("SELECT watching FROM viewer_counts WHERE session = $1", ph_sql_text(session)));
    int64_t watching = ph_db_number(transaction,
        PH_SQL("SELECT COUNT(*) FROM viewers WHERE session = $1 AND left_ms IS NULL", ph_sql_text(session)));
    int64_t answer = watching;
    if (watching >= 0 && watching != before)
        answer = keep_count(transaction, session, watching, now_ms);
    if (answer >= 0 && watching != before)
        answer = tell_count(transaction, session, watching, now_ms);
    return ph_db_settle(transaction, answer);
}
