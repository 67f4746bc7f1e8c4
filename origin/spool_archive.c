/* The spool's side of the archive: what it is told, and how room is made for what comes. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/log.h"
#include "origin/archive/folder_file.h"
#include "origin/spool_private.h"

static const int64_t log_every_us = 60 * PH_SECOND_US;
static const int64_t poster_every_us = 60 * PH_SECOND_US;

static void take_back(struct ph_spool *spool, uint64_t bytes) {
    struct ph_spool_budget *budget = &spool->budget;
    budget->used_bytes -= bytes < budget->used_bytes ? bytes : budget->used_bytes;
}

/* Where nothing is archived: first sessions that have ended, the oldest first; then segments that have left
 * the playlists of the others. */
static void forget_oldest(struct ph_spool *spool) {
    struct ph_session **list = calloc(PH_MOST_SESSIONS, sizeof(struct ph_session *)), *oldest = NULL;
    size_t count = list ? ph_origin_sessions_list(spool->options.sessions, list) : 0;
    int64_t oldest_us = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        struct ph_session *session = list[i];
        pthread_mutex_lock(&session->lock);
        if (session->end_durable && session->spool && !session->spool->files_gone &&
            session->ended_us < oldest_us) {
            oldest = session;
            oldest_us = session->ended_us;
        }
        pthread_mutex_unlock(&session->lock);
    }
    if (oldest)
        ph_spool_files_remove_all(oldest, &spool->budget);
    for (size_t i = 0; i < count; i++) {
        struct ph_session *session = list[i];
        for (uint32_t track = 0; !oldest && session->spool && track < session->publication.track_count;
             track++) {
            pthread_mutex_lock(&session->lock);
            uint64_t listed = ph_window_first_listed(&session->window, track);
            pthread_mutex_unlock(&session->lock);
            ph_spool_files_remove_below(session, track, listed, &spool->budget);
        }
        ph_session_unref(&list[i]);
    }
    free(list);
}

/* Viewers are served from memory all the same. The oldest that is in the archive's store goes first; only
 * then the oldest that is not. */
bool ph_spool_make_room(struct ph_spool *spool) {
    struct ph_archive *archive = spool->options.archive;
    uint64_t before = spool->budget.used_bytes;
    if (!archive) {
        forget_oldest(spool);
        return spool->budget.used_bytes < before;
    }
    uint64_t freed = ph_archive_take_freed(archive);
    if (!freed)
        freed = ph_archive_shed(archive, false);
    if (!freed)
        freed = ph_archive_shed(archive, true);
    take_back(spool, freed);
    return spool->budget.used_bytes < before;
}

void ph_spool_watch_fill(struct ph_spool *spool) {
    if (spool->options.archive)
        take_back(spool, ph_archive_take_freed(spool->options.archive));
    double fill = (double)spool->budget.used_bytes / (double)spool->budget.most_bytes;
    atomic_store(&spool->fill, fill);
    ph_metric_set(spool->options.metrics->spool_fill, fill);
    if (fill < PH_SPOOL_ALARMING_FILL || ph_now_us() < spool->fill_log_next_us)
        return;
    spool->fill_log_next_us = ph_now_us() + log_every_us;
    ph_log_warning("the spool is nearly full: see that the archive's store takes what is written, or enlarge "
                   "spool_most_mib",
        ph_str("folder", spool->root), ph_int("percent", (int64_t)(100 * fill)));
}

void ph_spool_tell_archive(struct ph_spool *spool, struct ph_session *session) {
    struct ph_spool_session *files = session->spool;
    uint64_t durable_below[PH_MOST_TRACKS] = {0};
    if (!spool->options.archive || files->archived || files->files_gone)
        return;
    /* The end's marker says that all is on disk: also a segment that the end cut short. */
    for (uint32_t i = 0; i < session->publication.track_count; i++)
        durable_below[i] = files->end_written ? UINT64_MAX : files->tracks[i].next.segment;
    files->archived = ph_archive_open(
        spool->options.archive, session->id, files->dir, &session->publication, durable_below);
    if (files->archived && files->end_written)
        ph_archive_end(files->archived);
}

/* Bytes of files that count for the budget. */
static uint64_t measure_folder(const char *dir, const struct ph_publication *publication) {
    char path[PH_SPOOL_PATH_BYTES];
    struct dirent *entry;
    struct stat status;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < publication->track_count; i++) {
        DIR *folder = ph_archive_path(path, dir, publication->tracks[i].name) ? NULL : opendir(path);
        while (folder && (entry = readdir(folder))) {
            bool is_counted = strstr(entry->d_name, ".m4s") || strcmp(entry->d_name, "index") == 0;
            if (is_counted && fstatat(dirfd(folder), entry->d_name, &status, 0) == 0)
                bytes += (uint64_t)status.st_size;
        }
        if (folder)
            closedir(folder);
    }
    return bytes;
}

/* The archive's session of a folder that nobody is served from; NULL when there is none. */
static struct ph_archive_session *open_alone(
    struct ph_spool *spool, const char *id, const char *dir, struct ph_publication *publication) {
    uint64_t durable_below[PH_MOST_TRACKS];
    memset(durable_below, 0xff, sizeof(durable_below));
    int code = ph_archive_read_publication(dir, publication);
    struct ph_archive_session *archived =
        spool->options.archive && !code
            ? ph_archive_open(spool->options.archive, id, dir, publication, durable_below)
            : NULL;
    if (archived)
        spool->budget.used_bytes += measure_folder(dir, publication);
    return archived;
}

/* Without a publication it was being removed already, when a process ended. */
void ph_spool_hand_over(struct ph_spool *spool, const char *id, const char *dir) {
    struct ph_publication publication;
    struct ph_archive_session *archived = open_alone(spool, id, dir, &publication);
    if (archived) {
        ph_archive_end(archived);
        ph_archive_retire(archived);
    } else if (!spool->options.archive || !ph_spool_has_publication(dir)) {
        ph_archive_remove_folder(dir, "end");
    }
}

bool ph_spool_restore_given_up(struct ph_spool *spool, const char *id, const char *dir) {
    struct ph_publication publication;
    if (!ph_archive_has_file(dir, PH_ARCHIVE_GIVEN_UP))
        return false;
    struct ph_archive_session *archived = open_alone(spool, id, dir, &publication);
    if (archived)
        ph_archive_give_up(archived);
    else
        ph_spool_remove_given_up(dir);
    return true;
}

void ph_spool_let_go(struct ph_spool *spool, struct ph_session *session) {
    struct ph_spool_session *files = session->spool;
    if (!files || !spool->options.archive) {
        ph_spool_files_remove_all(session, &spool->budget);
        return;
    }
    ph_spool_files_close(files);
    files->files_gone = true;
    if (files->archived) /* otherwise it is at the next start */
        ph_archive_retire(files->archived);
    files->archived = NULL;
}

int ph_spool_write_poster(struct ph_session *session, bool ended) {
    struct ph_spool_session *files = session->spool;
    int64_t now_us = ph_now_us();
    if (!files->archived || !session->publication.is_recorded ||
        (files->poster && !ended && now_us - files->poster_us < poster_every_us))
        return 0;
    pthread_mutex_lock(&session->lock);
    struct ph_bytes *picture = session->picture ? ph_bytes_ref(session->picture) : NULL;
    pthread_mutex_unlock(&session->lock);
    int code = 0;
    if (picture && picture != files->poster)
        code = ph_spool_write_file(files->dir, "poster.jpg", ph_bytes_slice(picture));
    if (picture && !code) {
        ph_bytes_unref(&files->poster);
        files->poster = picture;
        files->poster_us = now_us;
    } else {
        ph_bytes_unref(&picture);
    }
    return code;
}
