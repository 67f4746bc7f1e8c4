/* How sessions end in the spool's folder: by their end marker, or given up, with nothing left. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "origin/archive/folder_file.h"
#include "origin/spool_private.h"

int ph_spool_read_end(const char *dir, struct ph_spool_end *end) {
    struct ph_bytes *text;
    char copy[48] = "", *rest;
    char path[PH_SPOOL_PATH_BYTES + 256];
    if (snprintf(path, sizeof(path), "%s/end", dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    int code = ph_file_load(path, sizeof(copy) - 1, &text);
    if (code)
        return code;
    memcpy(copy, ph_bytes_data(text), ph_bytes_size(text));
    ph_bytes_unref(&text);
    end->utc_us = strtoll(copy, &rest, 10);
    end->take = (uint32_t)strtoul(rest, NULL, 10);
    return 0;
}

/* 0 when nothing of it can come back after a restart. */
static int mark_given_up(struct ph_session *session) {
    struct ph_spool_session *files = session->spool;
    int code = ph_spool_write_file(files->dir, PH_ARCHIVE_GIVEN_UP, (struct ph_slice){0});
    if (code && code != -ENOENT)
        return code;
    ph_spool_files_close(files);
    files->files_gone = true;
    return 0;
}

void ph_spool_remove_given_up(const char *dir) {
    ph_archive_remove_folder(dir, PH_ARCHIVE_GIVEN_UP);
    ph_archive_remove_folder(dir, NULL);
}

void ph_spool_clear(struct ph_spool *spool, struct ph_session *session) {
    struct ph_spool_session *files = session->spool;
    if (files && !files->files_gone) {
        int code = mark_given_up(session);
        if (code) {
            ph_log_warning("what was given up cannot be cleared away; it is tried again",
                ph_str("session", session->id), ph_code(code));
            return;
        }
        if (!files->archived)
            ph_spool_remove_given_up(files->dir);
    }
    if (files && files->archived)
        ph_archive_give_up(files->archived);
    if (files)
        files->archived = NULL;
    if (spool->options.archive && ph_archive_has(spool->options.archive, session->id))
        return;
    if (files)
        ph_spool_remove_given_up(files->dir);
    pthread_mutex_lock(&session->lock);
    session->cleared = true;
    pthread_mutex_unlock(&session->lock);
}

bool ph_spool_has_publication(const char *dir) {
    char path[PH_SPOOL_PATH_BYTES + 300];
    snprintf(path, sizeof(path), "%s/publication.json", dir);
    return access(path, F_OK) == 0 || errno != ENOENT;
}

void ph_spool_sweep_tombstones(struct ph_spool *spool) {
    char path[PH_SPOOL_PATH_BYTES + 256];
    struct dirent *entry;
    struct ph_spool_end end = {0};
    int64_t now_utc_us = ph_clock_utc_us(spool->options.clock);
    DIR *dir = opendir(spool->root);
    while (dir && (entry = readdir(dir))) {
        snprintf(path, sizeof(path), "%s/%s", spool->root, entry->d_name);
        if (!ph_session_name_is_valid(entry->d_name) || ph_spool_read_end(path, &end) ||
            now_utc_us - end.utc_us <= PH_TOMBSTONE_US || ph_spool_has_publication(path))
            continue;
        strncat(path, "/end", sizeof(path) - strlen(path) - 1);
        unlink(path);
        unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
    }
    if (dir)
        closedir(dir);
}
