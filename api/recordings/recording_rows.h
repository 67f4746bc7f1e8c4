/* What the files that read and write rows of recordings share. */
#ifndef PH_API_RECORDINGS_RECORDING_ROWS_H
#define PH_API_RECORDINGS_RECORDING_ROWS_H

#include "api/recordings/recordings_store.h"
#include "core/db/sql.h"

/* The columns ph_recordings_read_row() takes, in its order. */
#define PH_RECORDING_COLUMNS                                                                                 \
    "id, session, source, owner, title, kind, state, storage, reason, from_ms, to_ms, duration_ms, bytes, "  \
    "total_bytes, width, height, has_poster, has_storyboard, created_ms, ready_ms"
enum { PH_RECORDING_COLUMN_COUNT = 20 };

void ph_recordings_read_row(struct ph_db_statement *row, struct ph_recording *recording);
/* Into an array of recordings, and the first column into one of ids. */
ph_sql_take ph_recordings_take_row;
ph_sql_take ph_recordings_take_id;
/* Changes one row and takes it, when a look at `any` finds some: 1 or 0. Most of the time there is none, and
 * nobody who writes has to wait. */
int ph_recordings_lease(struct ph_db *db, const struct ph_sql *any, const struct ph_sql *lease,
    ph_sql_take *take, void *row) PH_NODISCARD;
/* Runs an update of the row that the lessee holds: $1 and $2 are its id and the lessee, $3 a time; 0: SQL's
 * null. -ESTALE when it holds it no more. */
int64_t ph_recordings_update_held(struct ph_db_transaction *transaction, const char *sql, const char *id,
    const char *lessee, int64_t time_ms) PH_NODISCARD;

#endif
