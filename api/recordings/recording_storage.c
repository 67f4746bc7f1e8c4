#include "api/recordings/recording_storage.h"

#include <stdio.h>

#include "api/recordings/recording_rows.h"

#define DUE "state = 'ready' AND storage_ms <= $1"

int ph_recording_storage_lease(
    struct ph_db *db, int64_t now_ms, int64_t until_ms, struct ph_recording *recording) {
    return ph_recordings_lease(db,
        PH_SQL("SELECT 1 FROM recordings WHERE " DUE " LIMIT 1", ph_sql_integer(now_ms)),
        PH_SQL("UPDATE recordings SET storage_ms = $2 WHERE id = (SELECT id FROM recordings WHERE " DUE
               " ORDER BY storage_ms, id LIMIT 1) RETURNING " PH_RECORDING_COLUMNS,
            ph_sql_integer(now_ms), ph_sql_integer(until_ms)),
        ph_recordings_take_row, recording);
}

static int64_t write(struct ph_db_transaction *transaction, const struct ph_recording *recording,
    enum ph_recording_storage storage, int64_t next_ms) {
    return ph_db_change(
        transaction, PH_SQL("UPDATE recordings SET storage = $2, storage_ms = $3 WHERE id = $1",
                         ph_sql_text(recording->id), ph_sql_text(ph_recording_storage_name(storage)),
                         ph_sql_integer(next_ms)));
}

static int64_t set(struct ph_db_transaction *transaction, struct ph_recording *recording,
    enum ph_recording_storage storage, int64_t next_ms, int64_t now_ms) {
    bool is_news = recording->storage != storage;
    int64_t code = write(transaction, recording, storage, next_ms);
    recording->storage = storage;
    return code < 0 || !is_news ? code : ph_recordings_tell(transaction, recording, now_ms);
}

int ph_recording_storage_note(
    struct ph_db *db, const char *id, enum ph_recording_storage storage, int64_t next_ms, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    struct ph_recording recording;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = ph_recordings_find_in(transaction, id, &recording);
    /* Somebody asked for it back while the store was asked: that stands. */
    bool is_old_news = recording.storage == PH_STORAGE_RESTORING && storage == PH_STORAGE_ARCHIVED;
    if (answer == 0 && recording.state == PH_RECORDING_READY && !is_old_news)
        answer = set(transaction, &recording, storage, next_ms, now_ms);
    return ph_db_settle(transaction, answer);
}

static int64_t note_asked(
    struct ph_db_transaction *transaction, const char *id, const char *key, int64_t next_ms) {
    return ph_db_change(transaction,
        PH_SQL("UPDATE recordings SET asked_key = $2, storage_ms = $3 WHERE id = $1 AND state = 'ready'",
            ph_sql_text(id), ph_sql_text(key), ph_sql_integer(next_ms)));
}

int ph_recording_storage_note_asked(struct ph_db *db, const char *id, const char *key, int64_t next_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    return code < 0 ? code : ph_db_settle(transaction, note_asked(transaction, id, key, next_ms));
}

static void take_key(void *keys, size_t index, struct ph_db_statement *row) {
    (void)index;
    snprintf(keys, PH_STORE_KEY_BYTES, "%s", ph_db_text(row, 0));
}

int ph_recording_storage_asked(struct ph_db *db, const char *id, char key[PH_STORE_KEY_BYTES]) {
    int code = ph_db_read(
        db, PH_SQL("SELECT asked_key FROM recordings WHERE id = $1", ph_sql_text(id)), 1, take_key, key);
    return code == 0 ? -ENOENT : code < 0 ? code : 0;
}

int ph_recording_storage_restore(struct ph_db *db, const char *id, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    struct ph_recording recording;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = ph_recordings_find_in(transaction, id, &recording);
    bool is_archived =
        answer == 0 && recording.state == PH_RECORDING_READY && recording.storage == PH_STORAGE_ARCHIVED;
    if (is_archived)
        answer = set(transaction, &recording, PH_STORAGE_RESTORING, now_ms, now_ms);
    if (is_archived && answer >= 0)
        answer = note_asked(transaction, id, "", now_ms);
    if (answer >= 0)
        answer = ph_db_notify(transaction, PH_RECORDINGS_CHANNEL, "");
    return ph_db_settle(transaction, answer);
}
