/* Reading the spool back at start. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "origin/archive/folder_file.h"
#include "origin/spool_index.h"
#include "origin/spool_private.h"

enum { most_publication_bytes = 64 << 10, most_init_bytes = 1 << 20, most_segment_bytes = 1 << 30 };
enum { most_index_bytes = 256 << 20 };
/* More than a window holds, listed or not yet expired: what is older waits on disk for the archive alone. */
static const uint64_t most_restored_segments = 40;

static int read_file(const char *dir, const char *name, size_t most_bytes, struct ph_bytes **content) {
    char path[PH_SPOOL_PATH_BYTES];
    *content = NULL;
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    return ph_file_load(path, most_bytes, content);
}

/* A segment that only the index tells of: its file has gone. */
struct past_segment {
    bool any;
    uint64_t number;
    int64_t start_ticks, duration_ticks;
    bool gap;
};

/* One track being read: the index line by line, the segments it names one at a time. */
struct reader {
    struct ph_session *session;
    struct ph_spool_track *track;
    uint32_t index;
    int64_t now_us;
    uint64_t wanted_from; /* segments below it have left the window */
    char dir[PH_SPOOL_PATH_BYTES];
    struct ph_bytes *segment; /* the file of `number`, or NULL */
    uint64_t number;
    bool has_number;
    uint64_t offset; /* in it */
    double parts;
    struct past_segment past; /* of whose file is gone, as far as its lines were read */
};

/* 0; -ENOENT when the segment's file is gone. */
static int load_segment(struct reader *reader, const struct ph_part_position *position) {
    char name[32];
    if (reader->has_number && reader->number == position->segment)
        return reader->segment ? 0 : -ENOENT;
    ph_bytes_unref(&reader->segment);
    reader->number = position->segment;
    reader->has_number = true;
    reader->offset = 0;
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", position->segment);
    return read_file(reader->dir, name, most_segment_bytes, &reader->segment);
}

/* Adds the part to the window; after a hole the window begins anew. */
static int add_part(struct reader *reader, struct ph_part *part) {
    struct ph_window *window = &reader->session->window;
    enum ph_window_verdict verdict = ph_window_add_part(window, reader->index, part, reader->now_us, NULL);
    if (verdict == PH_WINDOW_OUT_OF_ORDER && part->head.position.part == 0) {
        ph_window_reset_track(window, reader->index);
        reader->track->first_on_disk = part->head.position.segment;
        verdict = ph_window_add_part(window, reader->index, part, reader->now_us, NULL);
    }
    if (verdict == PH_WINDOW_NO_MEMORY)
        return -ENOMEM;
    return verdict == PH_WINDOW_ADDED ? 0 : PH_INVALID_DATA;
}

/* One line of the index and its part. -ENOENT: the segment has left the window before; PH_INVALID_DATA: the
 * line or the part is torn; others: it cannot be read now, which says nothing of what it is. */
static int restore_part(struct reader *reader, struct ph_slice line, const struct ph_spool_record *record) {
    int code = record->head.position.segment < reader->wanted_from
                   ? -ENOENT
                   : load_segment(reader, &record->head.position);
    if (code)
        return code == -ENOENT && reader->track->begun ? PH_INVALID_DATA : code;
    struct ph_slice file = ph_bytes_slice(reader->segment);
    if (record->bytes > file.size - reader->offset || (record->head.gap && record->bytes))
        return PH_INVALID_DATA;
    const uint8_t *start = file.data + reader->offset;
    uint32_t crc = (uint32_t)crc32_z(0, start, (z_size_t)record->bytes);
    if (ph_spool_record_check(line, record, crc) != record->check)
        return PH_INVALID_DATA;

    struct ph_bytes *bytes = ph_bytes_copy(start, (size_t)record->bytes);
    enum ph_track_kind kind = reader->session->publication.tracks[reader->index].kind;
    struct ph_part *part =
        bytes ? ph_part_create(&record->head, kind, bytes, reader->session->publication.is_private) : NULL;
    code = part ? add_part(reader, part) : -ENOMEM;
    if (!code)
        reader->offset += record->bytes;
    ph_part_unref(&part);
    ph_bytes_unref(&bytes);
    return code;
}

static void note_part(struct reader *reader, const struct ph_spool_record *record, size_t line_bytes) {
    struct ph_spool_track *track = reader->track;
    if (!track->begun)
        track->first_on_disk = record->head.position.segment;
    track->begun = true;
    if (record->head.position.part == 0)
        track->index_segment_bytes = track->index_bytes;
    ph_spool_track_measure(track, &record->head);
    track->index_bytes += line_bytes;
    track->data_bytes = reader->offset;
    reader->parts++;
}

/* The segment whose lines were read is a whole one. */
static void remember_past(struct reader *reader) {
    const struct past_segment *past = &reader->past;
    struct ph_window_track *track = &reader->session->window.tracks[reader->index];
    if (past->any)
        ph_history_add(&track->history, past->number, past->start_ticks, past->duration_ticks, past->gap);
    reader->past.any = false;
}

/* The line of a part whose segment's file is gone. */
static void note_past(struct reader *reader, const struct ph_part_head *head) {
    struct past_segment *past = &reader->past;
    if (!past->any || past->number != head->position.segment) {
        remember_past(reader);
        *past = (struct past_segment){
            .any = true, .number = head->position.segment, .start_ticks = head->start_ticks};
    }
    past->duration_ticks += head->duration_ticks;
    past->gap = past->gap || head->gap;
}

/* Where the window began, by the index's last line. */
static uint64_t find_wanted(struct ph_slice text) {
    struct ph_spool_record record;
    size_t line_bytes = 0;
    uint64_t last = 0;
    while (text.size && ph_spool_record_parse(text, &record, &line_bytes) == 0) {
        last = record.head.position.segment;
        text.data += line_bytes;
        text.size -= line_bytes;
    }
    return last > most_restored_segments ? last - most_restored_segments : 0;
}

/* Reads lines until one is torn. 0, or a code that forbids serving. */
static int read_index(struct reader *reader, struct ph_slice text, bool *torn) {
    while (text.size) {
        struct ph_spool_record record;
        size_t line_bytes = 0;
        int code = ph_spool_record_parse(text, &record, &line_bytes);
        if (!code && reader->past.any && record.head.position.segment != reader->past.number)
            remember_past(reader);
        if (!code)
            code = restore_part(reader, text, &record);
        if (code == PH_INVALID_DATA) {
            *torn = true;
            return 0;
        }
        if (code && code != -ENOENT)
            return code;
        if (code) {
            reader->track->index_bytes += line_bytes;
            note_past(reader, &record.head);
        } else
            note_part(reader, &record, line_bytes);
        text.data += line_bytes;
        text.size -= line_bytes;
    }
    return 0;
}

static int sync_file(int dir_fd, const char *name) {
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = fdatasync(fd) ? -errno : 0;
    close(fd);
    return code;
}

/* Removes files that belong to nothing. What was written and not yet synced when the process died becomes
 * durable here, before it counts as such. */
static int tidy(struct reader *reader, struct ph_spool_budget *budget) {
    int code = 0;
    struct ph_spool_track *track = reader->track;
    DIR *dir = opendir(reader->dir);
    struct dirent *entry;
    struct ph_media_file file;
    struct stat status;
    if (!dir && errno != ENOENT)
        return -errno;
    while (dir && (entry = readdir(dir))) {
        int fd = dirfd(dir);
        bool is_segment = ph_media_file_parse(entry->d_name, &file) == 0 && file.kind == PH_FILE_SEGMENT;
        if (!is_segment)
            continue;
        uint64_t number = file.position.segment, open = track->next.segment;
        bool is_open = number == open && track->next.part > 0;
        bool is_known = track->begun && (number < open || is_open);
        if (is_known && number < track->first_on_disk)
            track->first_on_disk = number;
        if (!is_known)
            unlinkat(fd, entry->d_name, 0);
        else if (fstatat(fd, entry->d_name, &status, 0) == 0)
            budget->used_bytes += (uint64_t)status.st_size;
        if (is_known && !code)
            code = sync_file(fd, entry->d_name);
    }
    if (!code && dir)
        code = sync_file(dirfd(dir), "index");
    if (!code && dir && fsync(dirfd(dir)))
        code = -errno;
    if (dir)
        closedir(dir);
    budget->used_bytes += track->index_bytes;
    return code == -ENOENT ? 0 : code;
}

static void truncate_file(const char *dir, const char *name, uint64_t size) {
    char path[PH_SPOOL_PATH_BYTES];
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) && truncate(path, (off_t)size))
        ph_log_warning("a torn file cannot be cut", ph_str("file", path), ph_code(-errno));
}

/* Where writing goes on. */
static void set_position(struct reader *reader) {
    struct ph_spool_track *track = reader->track;
    const struct ph_edge *edge = &reader->session->window.tracks[reader->index].edge;
    char name[32];
    track->next = ph_edge_next(edge);
    if (track->next.part == 0) {
        track->data_bytes = 0;
        track->index_segment_bytes = track->index_bytes;
        return;
    }
    snprintf(name, sizeof(name), "%" PRIu64 ".m4s", track->next.segment);
    truncate_file(reader->dir, name, track->data_bytes);
}

static int restore_track(struct ph_spool *spool, struct ph_session *session, uint32_t index) {
    struct ph_spool_session *files = session->spool;
    struct reader reader = {.session = session, .track = &files->tracks[index], .index = index};
    struct ph_bytes *init = NULL, *lines = NULL;
    bool torn = false;
    reader.now_us = ph_clock_monotonic_us(spool->options.clock);
    if (snprintf(reader.dir, sizeof(reader.dir), "%s/%s", files->dir,
            session->publication.tracks[index].name) >= (int)sizeof(reader.dir))
        return -ENAMETOOLONG;

    int code = read_file(reader.dir, "init.mp4", most_init_bytes, &init);
    if (code == -ENOENT && ph_archive_has_file(reader.dir, "index"))
        return PH_INVALID_DATA; /* the init segment was there before the first part */
    if (!code)
        code = ph_window_set_init(&session->window, index, init);
    files->init_written[index] = !code;
    if (!code)
        code = read_file(reader.dir, "index", most_index_bytes, &lines);
    if (!code)
        reader.wanted_from = find_wanted(ph_bytes_slice(lines));
    if (!code)
        code = read_index(&reader, ph_bytes_slice(lines), &torn);
    if (!code && torn)
        truncate_file(reader.dir, "index", reader.track->index_bytes);
    if (!code || code == -ENOENT) {
        set_position(&reader);
        code = tidy(&reader, &spool->budget);
        session->durable_segments[index] = reader.track->next.segment;
    }
    ph_metric_add(spool->options.metrics->restored_parts, reader.parts);
    ph_metric_add(spool->options.metrics->restored_torn, torn ? 1 : 0);
    ph_bytes_unref(&reader.segment);
    ph_bytes_unref(&init);
    ph_bytes_unref(&lines);
    return code;
}

/* The session as its folder says; NULL and a code on failure. */
static struct ph_session *restore_session(
    struct ph_spool *spool, const char *id, const char *dir, int *code) {
    struct ph_publication publication;
    struct ph_bytes *json;
    struct ph_session *session = NULL;
    *code = read_file(dir, "publication.json", most_publication_bytes, &json);
    if (*code)
        return NULL;
    *code =
        ph_publication_from_json((const char *)ph_bytes_data(json), ph_bytes_size(json), &publication, NULL);
    ph_bytes_unref(&json);
    if (*code)
        return NULL;
    session = ph_session_create(
        id, &publication, spool->options.metrics, ph_clock_monotonic_us(spool->options.clock));
    if (!session || !ph_spool_files_of(session, spool->root))
        *code = -ENOMEM;
    if (!*code)
        session->spool->head_written = true;
    for (uint32_t i = 0; i < publication.track_count && !*code; i++)
        *code = restore_track(spool, session, i);
    if (*code)
        ph_session_unref(&session);
    return session;
}

static void end_restored(struct ph_spool *spool, struct ph_session *session, int64_t age_us) {
    ph_session_end(session, ph_clock_monotonic_us(spool->options.clock) - age_us);
    session->end_durable = true;
}

/* 0, or a code that is logged. */
static int restore_folder(struct ph_spool *spool, const char *id) {
    char dir[PH_SPOOL_PATH_BYTES];
    int code = 0;
    struct ph_spool_end end = {0};
    int64_t now_us = ph_clock_monotonic_us(spool->options.clock);
    if (snprintf(dir, sizeof(dir), "%s/%s", spool->root, id) >= (int)sizeof(dir))
        return -ENAMETOOLONG;
    if (ph_spool_restore_given_up(spool, id, dir))
        return 0;
    bool ended = ph_spool_read_end(dir, &end) == 0;
    int64_t age_us = ph_clock_utc_us(spool->options.clock) - end.utc_us;
    if (age_us < 0)
        age_us = 0; /* by a clock that was ahead */
    bool is_over = ended && age_us > spool->options.keep_ended_us;
    struct ph_session *session = is_over ? NULL : restore_session(spool, id, dir, &code);
    if (ended && !session) {
        ph_spool_hand_over(spool, id, dir);
        ph_origin_sessions_bury(spool->options.sessions, id, end.take, now_us - age_us);
        return 0;
    }
    if (!session)
        return code;
    session->spool->end_written = ended;
    ph_spool_tell_archive(spool, session);
    if (ended)
        end_restored(spool, session, age_us);
    code = ph_origin_sessions_insert(spool->options.sessions, session);
    ph_metric_add(spool->options.metrics->restored_sessions, code ? 0 : 1);
    ph_session_unref(&session);
    return code;
}

int ph_spool_restore(struct ph_spool *spool, struct ph_error *error) {
    DIR *dir = opendir(spool->root);
    struct dirent *entry;
    if (!dir)
        return ph_error_set(error, -errno, "cannot read the folder %s: let this user read it", spool->root);
    while ((entry = readdir(dir))) {
        if (!ph_session_name_is_valid(entry->d_name))
            continue;
        int code = restore_folder(spool, entry->d_name);
        if (code)
            ph_log_warning(
                "a session in the spool cannot be read", ph_str("session", entry->d_name), ph_code(code));
    }
    closedir(dir);
    return 0;
}
