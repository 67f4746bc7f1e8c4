/* From the disk of the node into the store. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/recordings/recording_states.h"
#include "api/recordings/upload_file.h"
#include "api/recordings/uploads.h"
#include "api/recordings/uploads_store.h"
#include "core/base/log.h"

/* What is kept by its row must still have its file, whose time is another clock's. */
static const int64_t sweep_slack_ms = INT64_C(3600) * 1000;

/* Of a recording that was deleted nothing is kept: not what was put while that happened, nor what a process
 * put that was killed behind it. Who deletes it after the last look finds the source in the store. 1: it was.
 */
static int put_source(const struct ph_uploads_keeping *keeping, const char *id, const char *path) {
    char key[PH_STORE_KEY_BYTES];
    snprintf(key, sizeof(key), "uploads/%s/source", id);
    int code = ph_recordings_is_deleted(keeping->db, id);
    if (code == 0)
        code = ph_store_put(keeping->store,
            &(struct ph_store_put){.key = key, .path = path, .content_type = "application/octet-stream"},
            NULL);
    if (code == 0)
        code = ph_recordings_is_deleted(keeping->db, id);
    int removed = code == 1 ? ph_store_remove(keeping->store, key) : 0;
    return removed < 0 ? removed : code;
}

/* 0 also when it lies on another node's disk. */
static int store_one(const struct ph_uploads_keeping *keeping, const struct ph_upload *upload) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", keeping->folder, upload->id);
    if (access(path, R_OK) < 0)
        return 0;
    int code = put_source(keeping, upload->id, path);
    bool is_kept = code == 0;
    if (code >= 0)
        code =
            ph_uploads_stored(keeping->db, upload->id, ph_clock_utc_us(keeping->clock) / PH_MILLISECOND_US);
    if (code < 0) {
        ph_log_warning("an upload could not be put into the archive; it is tried again",
            ph_str("recording", upload->id), ph_code(code));
        return code;
    }
    ph_upload_file_remove(keeping->folder, upload->id);
    if (is_kept)
        ph_log_info("upload is kept", ph_str("recording", upload->id), ph_int("bytes", upload->bytes));
    return 0;
}

int ph_uploads_keep(const struct ph_uploads_keeping *keeping) {
    struct ph_upload upload = {.id = ""};
    char after[PH_SESSION_ID_BYTES] = "";
    int64_t now_ms = ph_clock_utc_us(keeping->clock) / PH_MILLISECOND_US;
    int code, stored = 0;
    while ((code = ph_uploads_next_whole(keeping->db, after, &upload)) == 1 && stored == 0) {
        stored = store_one(keeping, &upload);
        memcpy(after, upload.id, sizeof(after));
    }
    if (code >= 0)
        code = ph_uploads_expire(keeping->db, now_ms);
    ph_upload_folder_sweep(keeping->folder, now_ms - PH_UPLOAD_KEPT_MS - sweep_slack_ms);
    return code < 0 ? code : stored;
}
