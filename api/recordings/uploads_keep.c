/* From the disk of the node into the store. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/recordings/upload_file.h"
#include "api/recordings/uploads.h"
#include "api/recordings/uploads_store.h"
#include "core/base/log.h"

/* 0 also when it lies on another node's disk. */
static int store_one(const struct ph_uploads_keeping *keeping, const struct ph_upload *upload) {
    char key[PH_STORE_KEY_BYTES], path[PATH_MAX];
    snprintf(key, sizeof(key), "uploads/%s/source", upload->id);
    snprintf(path, sizeof(path), "%s/%s", keeping->folder, upload->id);
    if (access(path, R_OK) < 0)
        return 0;
    int code = ph_store_put(keeping->store,
        &(struct ph_store_put){.key = key, .path = path, .content_type = "application/octet-stream"}, NULL);
    if (code == 0)
        code =
            ph_uploads_stored(keeping->db, upload->id, ph_clock_utc_us(keeping->clock) / PH_MILLISECOND_US);
    if (code < 0) {
        ph_log_warning("an upload could not be put into the archive; it is tried again",
            ph_str("recording", upload->id), ph_code(code));
        return code;
    }
    ph_upload_file_remove(keeping->folder, upload->id);
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
    ph_upload_folder_sweep(keeping->folder, now_ms - PH_UPLOAD_KEPT_MS);
    return code < 0 ? code : stored;
}
