#include "api/recordings/recording_removal.h"

#include <stdio.h>

#include "api/audit_log.h"
#include "api/outbox/events.h"
#include "api/recordings/recording_rows.h"

static int64_t mark_deleting(struct ph_db_transaction *transaction, const char *id, int64_t now_ms) {
    return ph_db_change(
        transaction, PH_SQL("UPDATE recordings SET state = 'deleting', reason = '', turn_ms = $2, storage_ms "
                            "= NULL, lease_owner = '', lease_until_ms = 0, attempts = 0 WHERE id = $1",
                         ph_sql_text(id), ph_sql_integer(now_ms)));
}

static int64_t delete_in(
    struct ph_db_transaction *transaction, const char *id, const struct ph_caller *caller, int64_t now_ms) {
    struct ph_recording recording;
    int64_t code = ph_recordings_find_in(transaction, id, &recording);
    if (code < 0 || recording.state >= PH_RECORDING_DELETING)
        return code;
    if (recording.state == PH_RECORDING_RECORDING)
        return -EBUSY;
    recording.state = PH_RECORDING_DELETING;
    recording.reason[0] = '\0';
    code = mark_deleting(transaction, id, now_ms);
    if (code >= 0)
        code = ph_audit_log_write_in(transaction, caller, "recordings.delete", id, now_ms);
    if (code >= 0)
        code = ph_recordings_tell(transaction, &recording, now_ms);
    if (code >= 0)
        code = ph_db_notify(transaction, PH_RECORDINGS_CHANNEL, "");
    return code < 0 ? code : 1;
}

int ph_recordings_delete(struct ph_db *db, const char *id, const struct ph_caller *caller, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = delete_in(transaction, id, caller, now_ms);
    code = ph_db_settle(transaction, answer);
    return code < 0 ? code : (int)answer;
}

/* What a clip is being made of stays until that is done, for a day at most. */
#define IS_BEING_CUT                                                                                         \
    "EXISTS (SELECT 1 FROM recordings AS clip WHERE clip.source = recordings.id AND clip.state = "           \
    "'processing' AND clip.created_ms > $1 - 86400000)"
#define WAITS "turn_ms <= $1 AND state <> 'processing' AND lease_until_ms < $1 AND NOT " IS_BEING_CUT

int ph_recordings_is_being_cut(struct ph_db *db, const char *id, int64_t now_ms) {
    return ph_db_read(db,
        PH_SQL("SELECT 1 FROM recordings WHERE id = $2 AND " IS_BEING_CUT, ph_sql_integer(now_ms),
            ph_sql_text(id)),
        1, NULL, NULL);
}

static void take_removal(void *removals, size_t index, struct ph_db_statement *row) {
    struct ph_recording_removal *removal = (struct ph_recording_removal *)removals + index;
    struct ph_recording recording;
    ph_recordings_read_row(row, &recording);
    *removal = (struct ph_recording_removal){.is_all = recording.state >= PH_RECORDING_DELETING,
        .attempts = ph_db_integer(row, PH_RECORDING_COLUMN_COUNT)};
    snprintf(removal->id, sizeof(removal->id), "%s", recording.id);
}

int ph_recording_removal_lease(struct ph_db *db, const char *lessee, int64_t now_ms, int64_t until_ms,
    struct ph_recording_removal *removal) {
    return ph_recordings_lease(db,
        PH_SQL("SELECT 1 FROM recordings WHERE " WAITS " LIMIT 1", ph_sql_integer(now_ms)),
        PH_SQL("UPDATE recordings SET lease_owner = $2, lease_until_ms = $3, attempts = attempts + 1 WHERE "
               "id = (SELECT id FROM recordings WHERE " WAITS
               " ORDER BY turn_ms, id LIMIT 1) RETURNING " PH_RECORDING_COLUMNS ", attempts",
            ph_sql_integer(now_ms), ph_sql_text(lessee), ph_sql_integer(until_ms)),
        take_removal, removal);
}

/* Ends the lease; $3: the row's next turn, null for never. */
static const char release_sql[] = "UPDATE recordings SET lease_owner = '', lease_until_ms = 0, turn_ms = $3 "
                                  "WHERE id = $1 AND lease_owner = $2";
/* A tombstone says no more than it must. */
static const char bury_sql[] = "UPDATE recordings SET state = 'deleted', title = '', lease_owner = '', "
                               "lease_until_ms = 0, attempts = 0, "
                               "turn_ms = $3 WHERE id = $1 AND lease_owner = $2";

static int64_t bury(struct ph_db_transaction *transaction, struct ph_recording *recording, const char *lessee,
    int64_t now_ms) {
    struct ph_recording_note note = {.id = recording->id,
        .session = recording->session,
        .owner = recording->owner,
        .title = recording->title,
        .thumbnail = "",
        .duration_ms = recording->duration_ms,
        .bytes = recording->bytes};
    int64_t code =
        ph_recordings_update_held(transaction, bury_sql, recording->id, lessee, now_ms + PH_LATE_REMOVAL_MS);
    if (code >= 0)
        code = ph_outbox_recording_deleted(transaction, &note, now_ms);
    recording->state = PH_RECORDING_DELETED;
    return code < 0 ? code : ph_recordings_tell(transaction, recording, now_ms);
}

int ph_recording_removal_done(struct ph_db *db, const char *id, const char *lessee, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    struct ph_recording recording;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = ph_recordings_find_in(transaction, id, &recording);
    if (answer == 0 && recording.state == PH_RECORDING_DELETING)
        answer = bury(transaction, &recording, lessee, now_ms);
    else if (answer == 0)
        answer = ph_recordings_update_held(transaction, release_sql, id, lessee, 0);
    return ph_db_settle(transaction, answer);
}

int ph_recording_removal_again(struct ph_db *db, const char *id, const char *lessee, int64_t again_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    return ph_db_settle(
        transaction, ph_recordings_update_held(transaction, release_sql, id, lessee, again_ms));
}
