/* Uploads in the database, until their source lies in the store.
 *
 *   begun ──received grows──▶ whole, with a recording that is processing ──▶ stored, a job of the recording
 *     └──expired, ended──▶ gone                  └──expired: the recording has failed       └──expired──▶
 * gone
 *
 * It expires a day after it was begun, a whole one a day after it was whole. */
#ifndef PH_API_RECORDINGS_UPLOADS_STORE_H
#define PH_API_RECORDINGS_UPLOADS_STORE_H

#include "api/recordings/tus_headers.h"
#include "api/sessions_store.h"
#include "core/db/db.h"

enum {
    PH_MOST_UPLOADS = 3, /* of one owner that are not whole; without a byte one counts for an hour */
    PH_NODE_NAME_BYTES = 65,
};
#define PH_MOST_UPLOAD_BYTES (INT64_C(500) * 1000 * 1000)
#define PH_UPLOAD_KEPT_MS (INT64_C(24) * 3600 * 1000)

struct ph_upload {
    char id[PH_SESSION_ID_BYTES];
    char owner[PH_SUBJECT_BYTES];
    char title[PH_TITLE_BYTES];
    char node[PH_NODE_NAME_BYTES];        /* whose disk has it */
    char metadata[PH_TUS_METADATA_BYTES]; /* as its client sent it; "" for none */
    int64_t bytes, received;
    int64_t created_ms, expires_ms;
    bool is_stored; /* its source is no more on a disk but in the store */
};

/* Of its owner, title, metadata, node and bytes; makes the rest. -EDQUOT when the owner has PH_MOST_UPLOADS.
 */
int ph_uploads_begin(struct ph_db *db, struct ph_upload *upload, int64_t now_ms) PH_NODISCARD;
/* -ENOENT also for one that has expired. */
int ph_uploads_find(struct ph_db *db, const char *id, int64_t now_ms, struct ph_upload *upload) PH_NODISCARD;
/* From `upload->received` to `received` bytes; by the last one its recording is made. -ESTALE when somebody
 * else wrote meanwhile; -ENOENT when it has expired, or was ended. */
int ph_uploads_advance(
    struct ph_db *db, struct ph_upload *upload, int64_t received, int64_t now_ms) PH_NODISCARD;
/* Forgets one that is not whole: -EEXIST for one that is. 0 also when there was none. */
int ph_uploads_end(struct ph_db *db, const char *id) PH_NODISCARD;

/* The next whole upload after an id ("" for the first) that is not stored: 1, or 0 when there is none. */
int ph_uploads_next_whole(struct ph_db *db, const char *after, struct ph_upload *upload) PH_NODISCARD;
/* Its source lies in the store: the recording's job may begin. It is known until it expires: a client that
 * missed the last answer asks how far it is. */
int ph_uploads_stored(struct ph_db *db, const char *id, int64_t now_ms) PH_NODISCARD;
/* Forgets what has expired. */
int ph_uploads_expire(struct ph_db *db, int64_t now_ms) PH_NODISCARD;

#endif
