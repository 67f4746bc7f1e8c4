#include "api/recordings/recordings_jobs.h"

#include <stdio.h>

#include "api/recordings/recording_rows.h"
#include "api/recordings/recording_states.h"
#include "core/base/backoff.h"
#include "core/base/clock.h"

/* Before the second attempt, then four times as long each time; jittered, so that nodes do not come back all
 * at once. A store or an origin may be away for minutes. */
static const int64_t pause_us = 10 * PH_SECOND_US, longest_pause_us = 3600 * PH_SECOND_US;
/* How long the archive may take, once a job is done, until it is asked what has become of it. */
static const int64_t settling_ms = INT64_C(6) * 3600 * 1000;

/* As long as a clip keeps its source from being removed. */
static const int64_t longest_wait_ms = INT64_C(24) * 3600 * 1000;

static void take_job(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_recording_job *job = rows;
    struct ph_recording recording;
    (void)index;
    ph_recordings_read_row(row, &recording);
    *job = (struct ph_recording_job){.kind = recording.kind,
        .from_ms = recording.from_ms,
        .to_ms = recording.to_ms,
        .created_ms = recording.created_ms,
        .attempts = ph_db_integer(row, PH_RECORDING_COLUMN_COUNT),
        .take = ph_db_integer(row, PH_RECORDING_COLUMN_COUNT + 1)};
    snprintf(job->id, sizeof(job->id), "%s", recording.id);
    snprintf(job->source, sizeof(job->source), "%s", recording.source);
    snprintf(job->owner, sizeof(job->owner), "%s", recording.owner);
    snprintf(job->title, sizeof(job->title), "%s", recording.title);
}

#define DUE "turn_ms <= $1 AND state = 'processing' AND lease_until_ms < $1"

int ph_recording_jobs_lease(struct ph_db *db, enum ph_recording_kind kind, const char *lessee, int64_t now_ms,
    int64_t until_ms, struct ph_recording_job *job) {
    const struct ph_sql *any =
        PH_SQL("SELECT 1 FROM recordings WHERE " DUE " LIMIT 1", ph_sql_integer(now_ms));
    const struct ph_sql *lease =
        PH_SQL("UPDATE recordings SET lease_owner = $2, lease_until_ms = $3, attempts = attempts + 1, takes "
               "= takes + 1 WHERE id = (SELECT id FROM recordings WHERE " DUE
               " AND attempts < $4 AND ($5 = '' OR kind = $5) ORDER BY turn_ms, id LIMIT 1) "
               "RETURNING " PH_RECORDING_COLUMNS ", attempts, takes",
            ph_sql_integer(now_ms), ph_sql_text(lessee), ph_sql_integer(until_ms),
            ph_sql_integer(PH_RECORDING_JOB_ATTEMPTS),
            ph_sql_text(kind < PH_RECORDING_KINDS ? ph_recording_kind_name(kind) : ""));
    return ph_recordings_lease(db, any, lease, take_job, job);
}

#define HELD "WHERE id = $1 AND lease_owner = $2 AND state = 'processing'"

static int update_alone(
    struct ph_db *db, const char *sql, const char *id, const char *lessee, int64_t time_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    return ph_db_settle(transaction, ph_recordings_update_held(transaction, sql, id, lessee, time_ms));
}

int ph_recording_jobs_renew(struct ph_db *db, const char *id, const char *lessee, int64_t until_ms) {
    return update_alone(db, "UPDATE recordings SET lease_until_ms = $3 " HELD, id, lessee, until_ms);
}

int ph_recording_jobs_put_off(struct ph_db *db, const char *id, const char *lessee, int64_t again_ms) {
    return update_alone(db,
        "UPDATE recordings SET lease_owner = '', lease_until_ms = 0, turn_ms = $3, attempts = attempts - "
        "1 " HELD,
        id, lessee, again_ms);
}

int ph_recording_jobs_done(struct ph_db *db, const char *id, const char *lessee,
    const struct ph_recording_outcome *outcome, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = ph_recordings_update_held(transaction,
        "UPDATE recordings SET lease_owner = '', lease_until_ms = 0, turn_ms = $3 " HELD, id, lessee,
        now_ms + settling_ms);
    if (answer >= 0 && outcome)
        answer = ph_recordings_ready_in(transaction, id, outcome, now_ms);
    return ph_db_settle(transaction, answer);
}

/* How many attempts were made; the row is held. */
static int64_t attempts_of(struct ph_db_transaction *transaction, const char *id, const char *lessee) {
    int64_t answer = ph_db_number(
        transaction, PH_SQL("SELECT attempts FROM recordings " HELD, ph_sql_text(id), ph_sql_text(lessee)));
    return answer == -ENOENT ? -ESTALE : answer;
}

/* An upload that can never be carried has its turn to lose its source. */
static int64_t refuse(
    struct ph_db_transaction *transaction, const char *id, const char *reason, int64_t now_ms) {
    int64_t answer = ph_recordings_failed_in(transaction, id, reason, now_ms);
    if (answer >= 0)
        answer = ph_db_change(
            transaction, PH_SQL("UPDATE recordings SET turn_ms = $2 WHERE id = $1 AND kind = 'upload'",
                             ph_sql_text(id), ph_sql_integer(now_ms)));
    return answer < 0 ? answer : ph_db_notify(transaction, PH_RECORDINGS_CHANNEL, "");
}

int ph_recording_jobs_fail(
    struct ph_db *db, const char *id, const char *lessee, const char *reason, bool may_pass, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = attempts_of(transaction, id, lessee);
    if (answer >= 0 && may_pass && answer < PH_RECORDING_JOB_ATTEMPTS) {
        int64_t wait_us = ph_backoff_within_us((unsigned)(2 * answer - 1), pause_us, longest_pause_us);
        answer = ph_recordings_update_held(transaction,
            "UPDATE recordings SET lease_owner = '', lease_until_ms = 0, turn_ms = $3 " HELD, id, lessee,
            now_ms + wait_us / PH_MILLISECOND_US);
    } else if (answer >= 0) {
        answer = may_pass ? ph_recordings_failed_in(transaction, id, reason, now_ms)
                          : refuse(transaction, id, reason, now_ms);
    }
    return ph_db_settle(transaction, answer);
}

int ph_recording_jobs_judge_source(
    struct ph_db *db, const struct ph_recording_job *job, int64_t now_ms, enum ph_clip_source *source) {
    struct ph_recording found = {.state = PH_RECORDING_DELETED};
    int code = ph_recordings_find_for(db, job->source, "", &found);
    if (code < 0 && code != -ENOENT)
        return code;
    bool is_being_made = found.state <= PH_RECORDING_PROCESSING || found.state == PH_RECORDING_DELETING;
    if (found.state == PH_RECORDING_FAILED || found.state == PH_RECORDING_DELETED ||
        now_ms - job->created_ms > longest_wait_ms)
        *source = PH_CLIP_SOURCE_GONE;
    else
        *source = is_being_made && !found.ready_ms ? PH_CLIP_SOURCE_GROWS : PH_CLIP_SOURCE_WHOLE;
    return 0;
}

/* Whether the job's take is the one that counts: 1 or 0. One that has ended may be ready, too: the archive
 * comes by again when it could not note that, and what it made is kept. */
static int holds_take(struct ph_db_transaction *transaction, const char *id, int64_t take, bool has_ended) {
    return ph_db_query(transaction,
        PH_SQL(
            "SELECT 1 FROM recordings WHERE id = $1 AND takes = $2 AND (state = 'processing' OR state = $3)",
            ph_sql_text(id), ph_sql_integer(take), ph_sql_text(has_ended ? "ready" : "processing")),
        1, NULL, NULL);
}

/* Nobody holds it: its next turn is put off. */
static int64_t let_settle(struct ph_db_transaction *transaction, const char *id, int64_t now_ms) {
    return ph_db_change(
        transaction, PH_SQL("UPDATE recordings SET turn_ms = $2 WHERE id = $1 AND lease_owner = '' AND state "
                            "= 'processing'",
                         ph_sql_text(id), ph_sql_integer(now_ms + settling_ms)));
}

int ph_recording_jobs_is_wanted(
    struct ph_db *db, const char *id, int64_t take, bool has_ended, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, has_ended ? PH_DB_WRITE : PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    int answer = holds_take(transaction, id, take, has_ended);
    int64_t settled = 0;
    if (answer == 1 && has_ended)
        settled = let_settle(transaction, id, now_ms);
    code = ph_db_settle(transaction, settled < 0 ? settled : answer);
    return code < 0 ? code : answer;
}

/* The id of one whose last attempt died; 1 or 0. */
static int find_abandoned(struct ph_db *db, int64_t now_ms, char id[PH_SESSION_ID_BYTES]) {
    return ph_db_read(db,
        PH_SQL("SELECT id FROM recordings WHERE " DUE " AND attempts >= $2 LIMIT 1", ph_sql_integer(now_ms),
            ph_sql_integer(PH_RECORDING_JOB_ATTEMPTS)),
        1, ph_recordings_take_id, id);
}

int ph_recording_jobs_sweep(struct ph_db *db, int64_t now_ms) {
    char id[PH_SESSION_ID_BYTES] = "";
    int code;
    while ((code = find_abandoned(db, now_ms, id)) == 1) {
        code = ph_recordings_failed(
            db, id, "it could not be made: the server broke off each time it tried", now_ms);
        if (code < 0)
            return code;
    }
    return code;
}
