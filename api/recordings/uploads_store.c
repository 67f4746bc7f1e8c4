#include "api/recordings/uploads_store.h"

#include <stdio.h>
#include <string.h>

#include "api/recordings/recording_rows.h"
#include "api/recordings/recording_states.h"
#include "core/base/random.h"

#define COLUMNS "id, owner, title, bytes, received, created_ms, expires_ms, node, is_stored, metadata"

static void read_row(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_upload *upload = (struct ph_upload *)rows + index;
    *upload = (struct ph_upload){.bytes = ph_db_integer(row, 3),
        .received = ph_db_integer(row, 4),
        .created_ms = ph_db_integer(row, 5),
        .expires_ms = ph_db_integer(row, 6),
        .is_stored = ph_db_integer(row, 8) != 0};
    snprintf(upload->id, sizeof(upload->id), "%s", ph_db_text(row, 0));
    snprintf(upload->owner, sizeof(upload->owner), "%s", ph_db_text(row, 1));
    snprintf(upload->title, sizeof(upload->title), "%s", ph_db_text(row, 2));
    snprintf(upload->node, sizeof(upload->node), "%s", ph_db_text(row, 7));
    snprintf(upload->metadata, sizeof(upload->metadata), "%s", ph_db_text(row, 9));
}

/* Of which nothing comes for so long nobody knows any more: the answer that told where it is was lost. */
static const int64_t unbegun_ms = INT64_C(3600) * 1000;

static int64_t count_of(struct ph_db_transaction *transaction, const char *owner, int64_t now_ms) {
    return ph_db_number(transaction,
        PH_SQL("SELECT COUNT(*) FROM uploads WHERE owner = $1 AND received < bytes AND expires_ms > $2 AND "
               "(received > 0 OR created_ms > $3)",
            ph_sql_text(owner), ph_sql_integer(now_ms), ph_sql_integer(now_ms - unbegun_ms)));
}

static int64_t insert(struct ph_db_transaction *transaction, const struct ph_upload *upload) {
    return ph_db_change(transaction,
        PH_SQL("INSERT INTO uploads (" COLUMNS ") VALUES ($1, $2, $3, $4, 0, $5, $6, $7, 0, $8)",
            ph_sql_text(upload->id), ph_sql_text(upload->owner), ph_sql_text(upload->title),
            ph_sql_integer(upload->bytes), ph_sql_integer(upload->created_ms),
            ph_sql_integer(upload->expires_ms), ph_sql_text(upload->node), ph_sql_text(upload->metadata)));
}

int ph_uploads_begin(struct ph_db *db, struct ph_upload *upload, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    ph_random_id(upload->id, PH_SESSION_ID_CHARACTERS);
    upload->received = 0;
    upload->created_ms = now_ms;
    upload->expires_ms = now_ms + PH_UPLOAD_KEPT_MS;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = count_of(transaction, upload->owner, now_ms);
    answer = answer >= PH_MOST_UPLOADS ? -EDQUOT : answer < 0 ? answer : insert(transaction, upload);
    return ph_db_settle(transaction, answer);
}

int ph_uploads_find(struct ph_db *db, const char *id, int64_t now_ms, struct ph_upload *upload) {
    return ph_db_found(ph_db_read(db,
        PH_SQL("SELECT " COLUMNS " FROM uploads WHERE id = $1 AND expires_ms > $2", ph_sql_text(id),
            ph_sql_integer(now_ms)),
        1, read_row, upload));
}

int ph_uploads_next_whole(struct ph_db *db, const char *after, struct ph_upload *upload) {
    return ph_db_read(db,
        PH_SQL("SELECT " COLUMNS
               " FROM uploads WHERE id > $1 AND received >= bytes AND is_stored = 0 ORDER BY id LIMIT 1",
            ph_sql_text(after)),
        1, read_row, upload);
}

/* Its recording waits for the source: it has no turn before. */
static int64_t add_recording(
    struct ph_db_transaction *transaction, const struct ph_upload *upload, int64_t now_ms) {
    struct ph_recording recording = {
        .kind = PH_RECORDING_UPLOAD, .state = PH_RECORDING_PROCESSING, .created_ms = now_ms};
    memcpy(recording.id, upload->id, sizeof(recording.id));
    memcpy(recording.owner, upload->owner, sizeof(recording.owner));
    memcpy(recording.title, upload->title, sizeof(recording.title));
    int code = ph_recordings_add(transaction, &recording);
    if (code < 0)
        return code;
    return ph_db_change(
        transaction, PH_SQL("UPDATE recordings SET turn_ms = NULL WHERE id = $1", ph_sql_text(upload->id)));
}

/* 1 or 0. */
static int is_there(struct ph_db_transaction *transaction, const char *id, int64_t now_ms) {
    return ph_db_query(transaction,
        PH_SQL("SELECT 1 FROM uploads WHERE id = $1 AND expires_ms > $2", ph_sql_text(id),
            ph_sql_integer(now_ms)),
        1, NULL, NULL);
}

static int64_t advance(struct ph_db_transaction *transaction, const struct ph_upload *upload,
    int64_t received, int64_t expires_ms, int64_t now_ms) {
    int64_t answer = ph_db_change(
        transaction, PH_SQL("UPDATE uploads SET received = $3, expires_ms = $4 WHERE id = $1 AND received = "
                            "$2 AND expires_ms > $5",
                         ph_sql_text(upload->id), ph_sql_integer(upload->received), ph_sql_integer(received),
                         ph_sql_integer(expires_ms), ph_sql_integer(now_ms)));
    if (answer != 0)
        return answer;
    answer = is_there(transaction, upload->id, now_ms);
    return answer < 0 ? answer : answer ? -ESTALE : -ENOENT;
}

int ph_uploads_advance(struct ph_db *db, struct ph_upload *upload, int64_t received, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    bool is_whole = received == upload->bytes;
    int64_t expires_ms = is_whole ? now_ms + PH_UPLOAD_KEPT_MS : upload->expires_ms;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = advance(transaction, upload, received, expires_ms, now_ms);
    if (answer >= 0 && is_whole)
        answer = add_recording(transaction, upload, now_ms);
    code = ph_db_settle(transaction, answer);
    if (code == 0) {
        upload->received = received;
        upload->expires_ms = expires_ms;
    }
    return code;
}

int ph_uploads_end(struct ph_db *db, const char *id) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = ph_db_change(
        transaction, PH_SQL("DELETE FROM uploads WHERE id = $1 AND received < bytes", ph_sql_text(id)));
    if (answer == 0 && (answer = is_there(transaction, id, 0)) > 0)
        answer = -EEXIST;
    return ph_db_settle(transaction, answer);
}

int ph_uploads_stored(struct ph_db *db, const char *id, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = ph_db_change(transaction,
        PH_SQL("UPDATE uploads SET is_stored = 1 WHERE id = $1 AND is_stored = 0", ph_sql_text(id)));
    if (answer > 0)
        answer = ph_db_change(
            transaction, PH_SQL("UPDATE recordings SET turn_ms = $2 WHERE id = $1 AND state = 'processing'",
                             ph_sql_text(id), ph_sql_integer(now_ms)));
    if (answer > 0)
        answer = ph_db_notify(transaction, PH_RECORDINGS_CHANNEL, "");
    return ph_db_settle(transaction, answer);
}

/* One whose time is over; 1 or 0. */
static int find_expired(struct ph_db *db, int64_t now_ms, struct ph_upload *upload) {
    return ph_db_read(db,
        PH_SQL("SELECT " COLUMNS " FROM uploads WHERE expires_ms <= $1 ORDER BY id LIMIT 1",
            ph_sql_integer(now_ms)),
        1, read_row, upload);
}

/* As it is when it goes: since it was found it may have become whole, been stored, or gone. */
static int64_t forget_expired(struct ph_db_transaction *transaction, const char *id, int64_t now_ms) {
    struct ph_upload gone;
    int64_t answer = ph_db_query(transaction,
        PH_SQL("DELETE FROM uploads WHERE id = $1 AND expires_ms <= $2 RETURNING " COLUMNS, ph_sql_text(id),
            ph_sql_integer(now_ms)),
        1, read_row, &gone);
    if (answer <= 0 || gone.received < gone.bytes || gone.is_stored)
        return answer;
    return ph_recordings_failed_in(transaction, id, "the upload was lost before it could be kept", now_ms);
}

int ph_uploads_expire(struct ph_db *db, int64_t now_ms) {
    struct ph_upload upload = {.id = ""};
    int code;
    while ((code = find_expired(db, now_ms, &upload)) == 1) {
        struct ph_db_transaction *transaction;
        code = ph_db_begin(db, PH_DB_WRITE, &transaction);
        if (code == 0)
            code = ph_db_settle(transaction, forget_expired(transaction, upload.id, now_ms));
        if (code < 0)
            return code;
    }
    return code;
}
