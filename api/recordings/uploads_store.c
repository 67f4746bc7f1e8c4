#include "api/recordings/uploads_store.h"

#include <stdio.h>
#include <string.h>

#include "api/recordings/recording_rows.h"
#include "api/recordings/recording_states.h"
#include "core/base/random.h"

#define COLUMNS "id, owner, title, bytes, received, created_ms, expires_ms"

static void read_row(struct ph_db_statement *row, struct ph_upload *upload) {
    *upload = (struct ph_upload){.bytes = ph_db_integer(row, 3),
        .received = ph_db_integer(row, 4),
        .created_ms = ph_db_integer(row, 5),
        .expires_ms = ph_db_integer(row, 6)};
    snprintf(upload->id, sizeof(upload->id), "%s", ph_db_text(row, 0));
    snprintf(upload->owner, sizeof(upload->owner), "%s", ph_db_text(row, 1));
    snprintf(upload->title, sizeof(upload->title), "%s", ph_db_text(row, 2));
}

static int64_t count_of(struct ph_db_transaction *transaction, const char *owner, int64_t now_ms) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "SELECT COUNT(*) FROM uploads WHERE owner = $1 AND received < bytes AND expires_ms > $2", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, owner);
    ph_db_bind_integer(statement, 2, now_ms);
    code = ph_db_step(statement);
    int64_t count = code < 0 ? code : ph_db_integer(statement, 0);
    ph_db_finish(statement);
    return count;
}

static int64_t insert(struct ph_db_transaction *transaction, const struct ph_upload *upload) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(
        transaction, "INSERT INTO uploads (" COLUMNS ") VALUES ($1, $2, $3, $4, 0, $5, $6)", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, upload->id);
    ph_db_bind_text(statement, 2, upload->owner);
    ph_db_bind_text(statement, 3, upload->title);
    ph_db_bind_integer(statement, 4, upload->bytes);
    ph_db_bind_integer(statement, 5, upload->created_ms);
    ph_db_bind_integer(statement, 6, upload->expires_ms);
    return ph_db_run(statement);
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

/* One row by a query of a text and a time: 1 or 0. */
static int select_one(
    struct ph_db *db, const char *sql, const char *text, int64_t time_ms, struct ph_upload *upload) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction, sql, &statement);
    if (code == 0) {
        ph_db_bind_text(statement, 1, text);
        ph_db_bind_integer(statement, 2, time_ms);
        code = ph_db_step(statement);
        if (code == 1)
            read_row(statement, upload);
        ph_db_finish(statement);
    }
    ph_db_rollback(transaction);
    return code;
}

int ph_uploads_find(struct ph_db *db, const char *id, int64_t now_ms, struct ph_upload *upload) {
    int code = select_one(
        db, "SELECT " COLUMNS " FROM uploads WHERE id = $1 AND expires_ms > $2", id, now_ms, upload);
    return code == 0 ? -ENOENT : code < 0 ? code : 0;
}

int ph_uploads_next_whole(struct ph_db *db, const char *after, struct ph_upload *upload) {
    return select_one(db,
        "SELECT " COLUMNS " FROM uploads WHERE id > $1 AND received >= bytes AND expires_ms > $2 ORDER BY id "
        "LIMIT 1",
        after, 0, upload);
}

/* Its recording waits for the source: it has no turn before. */
static int64_t add_recording(
    struct ph_db_transaction *transaction, const struct ph_upload *upload, int64_t now_ms) {
    struct ph_db_statement *statement;
    struct ph_recording recording = {
        .kind = PH_RECORDING_UPLOAD, .state = PH_RECORDING_PROCESSING, .created_ms = now_ms};
    memcpy(recording.id, upload->id, sizeof(recording.id));
    memcpy(recording.owner, upload->owner, sizeof(recording.owner));
    memcpy(recording.title, upload->title, sizeof(recording.title));
    int64_t code = ph_recordings_add(transaction, &recording);
    if (code >= 0)
        code = ph_db_prepare(transaction, "UPDATE recordings SET turn_ms = NULL WHERE id = $1", &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, upload->id);
    return ph_db_run(statement);
}

int ph_uploads_advance(struct ph_db *db, struct ph_upload *upload, int64_t received, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = ph_db_prepare(
        transaction, "UPDATE uploads SET received = $3 WHERE id = $1 AND received = $2", &statement);
    if (answer == 0) {
        ph_db_bind_text(statement, 1, upload->id);
        ph_db_bind_integer(statement, 2, upload->received);
        ph_db_bind_integer(statement, 3, received);
        answer = ph_db_run(statement);
        answer = answer == 0 ? -ESTALE : answer;
    }
    if (answer >= 0 && received == upload->bytes)
        answer = add_recording(transaction, upload, now_ms);
    code = ph_db_settle(transaction, answer);
    if (code == 0)
        upload->received = received;
    return code;
}

static int64_t run_for(
    struct ph_db_transaction *transaction, const char *sql, const char *id, int64_t time_ms) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction, sql, &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, id);
    if (time_ms)
        ph_db_bind_integer(statement, 2, time_ms);
    return ph_db_run(statement);
}

int ph_uploads_end(struct ph_db *db, const char *id) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    return ph_db_settle(
        transaction, run_for(transaction, "DELETE FROM uploads WHERE id = $1 AND received < bytes", id, 0));
}

static int64_t forget(struct ph_db_transaction *transaction, const char *id) {
    return run_for(transaction, "DELETE FROM uploads WHERE id = $1", id, 0);
}

int ph_uploads_stored(struct ph_db *db, const char *id, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = forget(transaction, id);
    if (answer > 0)
        answer = run_for(transaction,
            "UPDATE recordings SET turn_ms = $2 WHERE id = $1 AND state = 'processing'", id, now_ms);
    if (answer > 0)
        answer = ph_db_notify(transaction, PH_RECORDINGS_CHANNEL, "");
    return ph_db_settle(transaction, answer);
}

int ph_uploads_expire(struct ph_db *db, int64_t now_ms) {
    struct ph_upload upload = {.id = ""};
    int code;
    while ((code = select_one(db,
                "SELECT " COLUMNS " FROM uploads WHERE id > $1 AND expires_ms <= $2 ORDER BY id LIMIT 1", "",
                now_ms, &upload)) == 1) {
        struct ph_db_transaction *transaction;
        code = ph_db_begin(db, PH_DB_WRITE, &transaction);
        if (code < 0)
            return code;
        int64_t answer = forget(transaction, upload.id);
        if (answer > 0 && upload.received >= upload.bytes)
            answer = ph_recordings_failed_in(
                transaction, upload.id, "the upload was lost before it could be kept", now_ms);
        code = ph_db_settle(transaction, answer);
        if (code < 0)
            return code;
    }
    return code;
}
