/* Finding a session again in its folder. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "origin/archive/archive_private.h"
#include "origin/archive/journal.h"
#include "origin/spool_index.h"

enum { most_index_bytes = 256 << 20 };

struct reader {
    struct ph_archive_session *session;
    uint32_t track;
    struct ph_ledger *ledger;
    uint64_t durable_below;
    int64_t now_us;
};

static int add_segment(struct reader *reader, const struct ph_manifest_segment *segment) {
    if (!segment->duration_ticks || segment->number >= reader->durable_below)
        return 0;
    int code = ph_ledger_add(reader->ledger, segment, reader->now_us);
    return code == -EALREADY || code == -ENOSPC ? 0 : code; /* more than a recording may have are lost */
}

/* The spool's index tells of parts; those of a segment follow each other. */
static int read_lines(struct reader *reader, struct ph_slice text) {
    struct ph_manifest_segment open = {0};
    int code = 0;
    while (text.size && !code) {
        struct ph_spool_record record;
        size_t consumed = 0;
        if (ph_spool_record_parse(text, &record, &consumed))
            break;
        if (record.head.position.part == 0) {
            code = add_segment(reader, &open);
            open = (struct ph_manifest_segment){
                .number = record.head.position.segment, .start_ticks = record.head.start_ticks};
        }
        open.duration_ticks += record.head.duration_ticks;
        open.bytes += record.bytes;
        text.data += consumed;
        text.size -= consumed;
    }
    return code ? code : add_segment(reader, &open);
}

static int read_index(struct reader *reader, const char *dir) {
    char path[PH_ARCHIVE_PATH_BYTES];
    struct ph_bytes *bytes;
    int code = ph_archive_path(path, dir, "index");
    if (!code)
        code = ph_file_load(path, most_index_bytes, &bytes);
    if (code)
        return code == -ENOENT ? 0 : code;
    code = read_lines(reader, ph_bytes_slice(bytes));
    ph_bytes_unref(&bytes);
    return code;
}

static int note_archived(void *opaque, const struct ph_manifest_segment *segment) {
    struct reader *reader = opaque;
    struct ph_ledger_entry *entry = ph_ledger_find(reader->ledger, segment->number);
    if (!entry)
        return 0;
    if (entry->state == PH_LEDGER_WAITING)
        ph_ledger_move(reader->ledger, entry, PH_LEDGER_ARCHIVED);
    entry->facts = *segment;
    return 0;
}

/* The first number of which there is a file; UINT64_MAX: there is none. */
static int find_first_file(const char *dir, uint64_t *first) {
    struct ph_media_file file;
    struct dirent *entry;
    DIR *folder = opendir(dir);
    *first = UINT64_MAX;
    if (!folder)
        return errno == ENOENT ? 0 : -errno;
    while ((entry = readdir(folder))) {
        if (ph_media_file_parse(entry->d_name, &file) == 0 && file.kind == PH_FILE_SEGMENT &&
            file.position.segment < *first)
            *first = file.position.segment;
    }
    closedir(folder);
    return 0;
}

/* What is neither in the store nor on disk is lost: it made room. Its loss was counted then. */
static int settle_files(struct reader *reader, const char *dir) {
    struct ph_ledger *ledger = reader->ledger;
    uint64_t first;
    int code = find_first_file(dir, &first);
    if (code)
        return code;
    ledger->files_from = first == UINT64_MAX ? ph_ledger_end(ledger) : first;
    for (uint32_t i = 0; i < ledger->count && ledger->entries[i].facts.number < ledger->files_from; i++) {
        if (ledger->entries[i].state == PH_LEDGER_WAITING)
            ph_ledger_move(ledger, &ledger->entries[i], PH_LEDGER_MISSING);
    }
    return 0;
}

static int recover_track(struct reader *reader) {
    char dir[PH_ARCHIVE_PATH_BYTES];
    int code = ph_archive_track_dir(dir, reader->session, reader->track);
    if (!code)
        code = read_index(reader, dir);
    if (!code)
        code = ph_journal_read(dir, note_archived, reader);
    if (!code)
        code = settle_files(reader, dir);
    return code;
}

/* Of what is to go no more has to be known. */
int ph_archive_recover(struct ph_archive_session *session, const uint64_t durable_below[PH_MOST_TRACKS]) {
    int code = 0;
    session->done = ph_archive_has_file(session->dir, PH_ARCHIVE_COMPLETE);
    for (uint32_t i = 0; i < session->publication.track_count && !code; i++) {
        struct reader reader = {.session = session,
            .track = i,
            .ledger = &session->tracks[i].ledger,
            .durable_below = durable_below[i],
            .now_us = ph_archive_now_us(session->archive)};
        code = recover_track(&reader);
    }
    return session->done || ph_archive_has_file(session->dir, PH_ARCHIVE_GIVEN_UP) ? 0 : code;
}
