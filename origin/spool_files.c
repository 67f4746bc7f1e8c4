#include "origin/spool_files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "origin/archive/folder_file.h"
#include "origin/spool_index.h"

struct ph_spool_session *ph_spool_files_of(struct ph_session *session, const char *root) {
    if (session->spool)
        return session->spool;
    struct ph_spool_session *files = calloc(1, sizeof(*files));
    if (!files)
        return NULL;
    int size = snprintf(files->dir, sizeof(files->dir), "%s/%s", root, session->id);
    if (size < 0 || (size_t)size >= sizeof(files->dir)) {
        free(files);
        return NULL;
    }
    for (int i = 0; i < PH_MOST_TRACKS; i++)
        files->tracks[i].data_fd = files->tracks[i].index_fd = -1;
    session->spool = files;
    return files;
}

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void ph_spool_files_close(struct ph_spool_session *files) {
    for (int i = 0; files && i < PH_MOST_TRACKS; i++) {
        close_fd(&files->tracks[i].data_fd);
        close_fd(&files->tracks[i].index_fd);
    }
}

void ph_spool_files_destroy(struct ph_spool_session *files) {
    ph_spool_files_close(files);
    if (files)
        ph_bytes_unref(&files->poster);
    free(files);
}

/* -ENAMETOOLONG when it does not fit. */
static int join_path(char path[PH_SPOOL_PATH_BYTES], const char *dir, const char *name) {
    int size = snprintf(path, PH_SPOOL_PATH_BYTES, "%s/%s", dir, name);
    return size > 0 && size < PH_SPOOL_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

int ph_spool_write_file(const char *dir, const char *name, struct ph_slice content) {
    char path[PH_SPOOL_PATH_BYTES], temporary[PH_SPOOL_PATH_BYTES + 8];
    int code = join_path(path, dir, name);
    if (code)
        return code;
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    code = ph_file_write_at(fd, content, 0);
    if (!code && fsync(fd))
        code = -errno;
    close(fd);
    if (!code && rename(temporary, path))
        code = -errno;
    return code ? code : ph_file_sync_folder(dir);
}

static int make_dir(const char *path) {
    return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int track_dir(char path[PH_SPOOL_PATH_BYTES], const struct ph_session *session, uint32_t track) {
    return join_path(path, session->spool->dir, session->publication.tracks[track].name);
}

/* An earlier take's, with which this one would be over after a restart. */
static int remove_end(const char *dir) {
    char path[PH_SPOOL_PATH_BYTES];
    int code = join_path(path, dir, "end");
    return !code && unlink(path) && errno != ENOENT ? -errno : code;
}

/* A folder that could not be read at the start keeps what is in it, under a name that is no session's. */
static int put_aside(const struct ph_session *session) {
    const char *dir = session->spool->dir;
    char path[PH_SPOOL_PATH_BYTES];
    int code = join_path(path, dir, "publication.json");
    if (code || (access(path, F_OK) && errno == ENOENT))
        return code;
    int size = snprintf(path, sizeof(path), "%s.%" PRId64, dir, ph_now_us());
    if (size < 0 || (size_t)size >= sizeof(path))
        return -ENAMETOOLONG;
    if (rename(dir, path))
        return -errno;
    ph_log_error(
        "a session that could not be read goes on in a new folder; what was there is put aside: see what "
        "of it can be saved, and remove it",
        ph_str("session", session->id), ph_str("folder", path));
    return 0;
}

static int write_publication(struct ph_session *session) {
    struct ph_spool_session *files = session->spool;
    const struct ph_slice json = {
        (const uint8_t *)session->publication_json, strlen(session->publication_json)};
    char path[PH_SPOOL_PATH_BYTES];
    int code = files->is_own ? 0 : put_aside(session);
    files->is_own = !code;
    if (!code)
        code = make_dir(files->dir);
    if (!code)
        code = remove_end(files->dir);
    for (uint32_t i = 0; i < session->publication.track_count && !code; i++) {
        code = track_dir(path, session, i);
        if (!code)
            code = make_dir(path);
    }
    if (!code)
        code = ph_spool_write_file(files->dir, "publication.json", json);
    if (!code)
        code = join_path(path, files->dir, "..");
    if (!code)
        code = ph_file_sync_folder(path);
    files->head_written = !code;
    return code;
}

static int write_init(struct ph_session *session, uint32_t track) {
    char path[PH_SPOOL_PATH_BYTES];
    pthread_mutex_lock(&session->lock);
    struct ph_bytes *init = session->window.tracks[track].init_bytes;
    if (init)
        ph_bytes_ref(init);
    pthread_mutex_unlock(&session->lock);
    if (!init)
        return 0;
    int code = track_dir(path, session, track);
    if (!code)
        code = ph_spool_write_file(path, "init.mp4", ph_bytes_slice(init));
    ph_bytes_unref(&init);
    session->spool->init_written[track] = !code;
    return code;
}

int ph_spool_files_write_head(struct ph_session *session) {
    struct ph_spool_session *files = session->spool;
    int code = files->head_written ? 0 : write_publication(session);
    for (uint32_t i = 0; i < session->publication.track_count && !code; i++) {
        if (!files->init_written[i])
            code = write_init(session, i);
    }
    return code;
}

static int open_file(int *fd, const char *dir, const char *name) {
    char path[PH_SPOOL_PATH_BYTES];
    if (*fd >= 0)
        return 0;
    int code = join_path(path, dir, name);
    if (code)
        return code;
    *fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return *fd < 0 ? -errno : 0;
}

static int open_files(const struct ph_session *session, uint32_t index, uint64_t segment) {
    struct ph_spool_track *track = &session->spool->tracks[index];
    char dir[PH_SPOOL_PATH_BYTES], name[32];
    int code = track_dir(dir, session, index);
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", segment);
    if (!code)
        code = open_file(&track->data_fd, dir, name);
    if (!code)
        code = open_file(&track->index_fd, dir, "index");
    return code;
}

static int write_both(struct ph_spool_track *track, struct ph_slice bytes, struct ph_slice line) {
    int code = ph_file_write_at(track->data_fd, bytes, track->data_bytes);
    return code ? code : ph_file_write_at(track->index_fd, line, track->index_bytes);
}

void ph_spool_track_measure(struct ph_spool_track *track, const struct ph_part_head *head) {
    if (head->position.part == 0) {
        track->start_ticks = head->start_ticks;
        track->duration_ticks = 0;
    }
    track->duration_ticks += head->duration_ticks;
}

int ph_spool_files_write_part(
    struct ph_session *session, uint32_t index, const struct ph_part *part, struct ph_spool_budget *budget) {
    struct ph_spool_track *track = &session->spool->tracks[index];
    struct ph_slice bytes = ph_bytes_slice(part->bytes);
    struct ph_builder line = {0};
    if (budget->used_bytes + bytes.size + PH_SPOOL_LINE_BYTES > budget->most_bytes)
        return -ENOSPC;
    ph_spool_record_write(&line, &part->head, bytes.size, part->crc32);
    int code = ph_builder_ok(&line) ? open_files(session, index, part->head.position.segment) : -ENOMEM;
    if (!code)
        code = write_both(track, bytes, (struct ph_slice){line.data, line.size});
    if (!code) {
        if (!track->begun)
            track->first_on_disk = part->head.position.segment;
        ph_spool_track_measure(track, &part->head);
        track->begun = true;
        track->next = (struct ph_part_position){part->head.position.segment, part->head.position.part + 1};
        track->data_bytes += bytes.size;
        track->index_bytes += line.size;
        budget->used_bytes += bytes.size + line.size;
    }
    ph_builder_discard(&line);
    return code;
}

int ph_spool_files_sync(struct ph_session *session, uint32_t index, bool closes) {
    struct ph_spool_track *track = &session->spool->tracks[index];
    char dir[PH_SPOOL_PATH_BYTES];
    int code = open_files(session, index, track->next.segment);
    if (!code && ftruncate(track->data_fd, (off_t)track->data_bytes))
        code = -errno;
    if (!code && fdatasync(track->data_fd))
        code = -errno;
    if (!code && ftruncate(track->index_fd, (off_t)track->index_bytes))
        code = -errno;
    if (!code && fdatasync(track->index_fd))
        code = -errno;
    if (!code)
        code = track_dir(dir, session, index);
    if (!code)
        code = ph_file_sync_folder(dir);
    if (code || !closes)
        return code;
    close_fd(&track->data_fd);
    track->data_bytes = 0;
    track->index_segment_bytes = track->index_bytes;
    track->next = (struct ph_part_position){track->next.segment + 1, 0};
    return 0;
}

void ph_spool_files_rewind(struct ph_session *session, uint32_t index, struct ph_spool_budget *budget) {
    struct ph_spool_track *track = &session->spool->tracks[index];
    uint64_t taken_back = track->data_bytes + track->index_bytes - track->index_segment_bytes;
    close_fd(&track->data_fd);
    close_fd(&track->index_fd);
    budget->used_bytes -= taken_back < budget->used_bytes ? taken_back : budget->used_bytes;
    track->data_bytes = 0;
    track->index_bytes = track->index_segment_bytes;
    track->next.part = 0;
}

int ph_spool_files_write_end(struct ph_session *session, int64_t utc_us) {
    char text[48];
    int size = snprintf(text, sizeof(text), "%" PRId64 " %" PRIu32 "\n", utc_us, session->publication.take);
    int code = ph_spool_write_file(
        session->spool->dir, "end", (struct ph_slice){(const uint8_t *)text, (size_t)size});
    session->spool->end_written = !code;
    return code;
}

/* The one place that decides whether a segment's file may go: when no viewer can fetch the segment any more,
 * and the archive has it. */
static bool may_go(
    const struct ph_spool_session *files, uint32_t index, uint64_t segment, uint64_t keep_from) {
    if (segment >= keep_from || segment >= files->tracks[index].next.segment)
        return false;
    return !files->archived || ph_archive_release(files->archived, index, segment);
}

static void remove_counted(const char *dir, const char *name, struct ph_spool_budget *budget) {
    char path[PH_SPOOL_PATH_BYTES];
    struct stat status;
    if (join_path(path, dir, name) || stat(path, &status) || unlink(path))
        return;
    uint64_t size = (uint64_t)status.st_size;
    budget->used_bytes -= size < budget->used_bytes ? size : budget->used_bytes;
}

void ph_spool_files_skip_to(
    struct ph_session *session, uint32_t index, uint64_t segment, struct ph_spool_budget *budget) {
    struct ph_spool_track *track = &session->spool->tracks[index];
    char dir[PH_SPOOL_PATH_BYTES], name[32];
    bool is_torn = track->next.part > 0;
    ph_spool_files_rewind(session, index, budget);
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", track->next.segment);
    if (is_torn && !track_dir(dir, session, index))
        remove_counted(dir, name, &(struct ph_spool_budget){0});
    track->next = (struct ph_part_position){segment, 0};
}

void ph_spool_files_remove_below(
    struct ph_session *session, uint32_t index, uint64_t keep_from, struct ph_spool_budget *budget) {
    struct ph_spool_track *track = &session->spool->tracks[index];
    char dir[PH_SPOOL_PATH_BYTES], name[32];
    if (!track->begun || track_dir(dir, session, index))
        return;
    for (; may_go(session->spool, index, track->first_on_disk, keep_from); track->first_on_disk++) {
        snprintf(name, sizeof(name), "%" PRIu64 ".m4s", track->first_on_disk);
        remove_counted(dir, name, budget);
    }
}

void ph_spool_files_remove_all(struct ph_session *session, struct ph_spool_budget *budget) {
    struct ph_spool_session *files = session->spool;
    if (!files || files->files_gone)
        return;
    ph_spool_files_close(files);
    files->files_gone = true;
    uint64_t freed = ph_archive_remove_folder(files->dir, "end");
    budget->used_bytes -= freed < budget->used_bytes ? freed : budget->used_bytes;
}
