/* What the files that read and write rows of recordings share. */
#ifndef PH_API_RECORDINGS_RECORDING_ROWS_H
#define PH_API_RECORDINGS_RECORDING_ROWS_H

#include "api/recordings/recordings_store.h"

/* The columns ph_recordings_read_row() takes, in its order. */
#define PH_RECORDING_COLUMNS                                                                                 \
    "id, session, source, owner, title, kind, state, storage, reason, from_ms, to_ms, duration_ms, bytes, "  \
    "total_bytes, width, height, has_poster, has_storyboard, created_ms, ready_ms"
enum { PH_RECORDING_COLUMN_COUNT = 20 };

void ph_recordings_read_row(struct ph_db_statement *row, struct ph_recording *recording);

#endif
