#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/recording_worker.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/media/publish_token.h"
#include "transcode/file_job.h"

enum { block_bytes = 4 << 20 };

static int refuse(struct ph_link_reason *reason, const char *code, const char *text) {
    snprintf(reason->code, sizeof(reason->code), "%s", code);
    snprintf(reason->text, sizeof(reason->text), "%s", text);
    return -EINVAL;
}

/* A file without a name: nothing is left of it when this process dies. */
static int open_temporary(const char *folder) {
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd < 0 ? -errno : fd;
    char path[512];
    if (snprintf(path, sizeof(path), "%s/upload-XXXXXX", folder) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd < 0 ? -errno : fd;
}

static int fetch(struct ph_recording_work *work, const char *key, int fd) {
    struct ph_store *store = work->options->store;
    struct ph_store_object object;
    int code = ph_store_head(store, key, &object);
    for (uint64_t at = 0; code == 0 && at < object.bytes;) {
        uint64_t left = object.bytes - at;
        struct ph_bytes *block = NULL;
        code = ph_store_get(store, key, at, left < block_bytes ? left : block_bytes, &block);
        if (code == 0) {
            at += ph_bytes_size(block);
            code = ph_bytes_size(block) ? ph_file_write(fd, ph_bytes_slice(block)) : -EIO;
        }
        ph_bytes_unref(&block);
        if (code == 0)
            code = ph_recording_work_keep_on(work);
    }
    return code;
}

static int keep_on(void *opaque, int64_t done_us, int64_t duration_us) {
    struct ph_recording_work *work = opaque;
    (void)done_us;
    (void)duration_us;
    int code = ph_recording_work_keep_on(work);
    /* Beside live sessions it may stand still for long. */
    return code == 0 && !ph_supervisor_has_capacity(work->options->supervisor) ? 1 : code;
}

/* The first of a list, cut in place. One origin is enough, for nobody watches, and it has to be the same at
 * each take: it clears away what an earlier one left in the store. */
static char *first_origin(char *list) {
    list += strspn(list, ", ");
    list[strcspn(list, ", ")] = '\0';
    return list;
}

static int transcode(struct ph_recording_work *work, int fd, char *origins, struct ph_link_reason *reason) {
    const struct ph_settings *settings = work->options->settings;
    const struct ph_slice secret = {
        (const uint8_t *)settings->cluster_secret, strlen(settings->cluster_secret)};
    char token[PH_PUBLISH_TOKEN_BYTES];
    ph_publish_token_make(secret, work->job.id, token);
    struct ph_file_job job = {
        .encoder = settings->encoder,
        .fd = fd,
        .silence_us = (int64_t)settings->job_silence_s * PH_SECOND_US,
        .hello =
            {
                .session = work->job.id,
                .ladder = settings->ladder,
                .preset = settings->preset,
                .encoder = settings->encoder,
                .publish_token = token,
                .part_ms = settings->part_ms,
                .segment_ms = settings->segment_ms,
                .is_private = true,
                .is_recorded = true,
                .take = (uint32_t)work->job.take,
                .epoch_utc_us = work->job.created_ms * PH_MILLISECOND_US,
            },
        .keep_on = keep_on,
        .opaque = work,
    };
    job.hello.origins[0] = first_origin(origins);
    return ph_file_job_run(&job, reason);
}

int ph_upload_job_run(struct ph_recording_work *work, struct ph_link_reason *reason) {
    char key[PH_STORE_KEY_BYTES];
    snprintf(key, sizeof(key), "uploads/%s/source", work->job.id);
    *reason = (struct ph_link_reason){0};
    char *origins = strdup(work->options->origins);
    int fd = open_temporary(work->options->settings->data_dir);
    int code = !origins ? -ENOMEM : fd < 0 ? fd : fetch(work, key, fd);
    if (code == -ENOENT)
        code = refuse(reason, "gone", "The uploaded file is gone.");
    else if (code == 0)
        code = transcode(work, fd, origins, reason);
    if (fd >= 0)
        close(fd);
    free(origins);
    return code;
}
