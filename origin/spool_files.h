/* One session's files in the spool. Of the spool's thread alone. */
#ifndef PH_ORIGIN_SPOOL_FILES_H
#define PH_ORIGIN_SPOOL_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "origin/session.h"

enum { PH_SPOOL_PATH_BYTES = 512 };

struct ph_archive_session;

struct ph_spool_track {
    int data_fd;                  /* the segment being written, or -1 */
    int index_fd;                 /* or -1 */
    struct ph_part_position next; /* the part to write next */
    bool begun;                   /* `next` is known: a part was written or restored */
    uint64_t data_bytes;          /* written to data_fd */
    uint64_t index_bytes;         /* written to index_fd */
    uint64_t index_segment_bytes; /* index_bytes where the segment being written begins */
    uint64_t first_on_disk;       /* segments [first_on_disk, next.segment] have files */
    int64_t start_ticks;          /* of the segment being written */
    int64_t duration_ticks;       /* of what is written of it */
};

struct ph_spool_session {
    char dir[PH_SPOOL_PATH_BYTES];
    bool is_own;       /* what is in the folder is of this session, or there was none */
    bool head_written; /* publication and folders */
    bool init_written[PH_MOST_TRACKS];
    bool end_written;
    bool files_gone;        /* removed to make room: nothing more is written */
    uint64_t lost_segments; /* that were not there any more when they could be written; not yet told */
    struct ph_spool_track tracks[PH_MOST_TRACKS];
    struct ph_archive_session *archived; /* NULL: not told, or retired */
    struct ph_bytes *poster;             /* the picture written last */
    int64_t poster_us;                   /* when that was, monotonic */
};

/* What the files of all sessions share. */
struct ph_spool_budget {
    uint64_t used_bytes; /* of segments and indices */
    uint64_t most_bytes;
};

/* The session's record, made when first asked for and freed with the session. NULL when out of memory or when
 * the path is too long. */
struct ph_spool_session *ph_spool_files_of(struct ph_session *session, const char *root);
void ph_spool_files_close(struct ph_spool_session *files);
/* Closes and frees. NULL is fine. */
void ph_spool_files_destroy(struct ph_spool_session *files);

/* Publication and init segments, synced, where they are not there yet. */
int ph_spool_files_write_head(struct ph_session *session) PH_NODISCARD;
/* A part and its index line. -ENOSPC when the budget does not allow it; a failure leaves nothing half
 * written: the next attempt overwrites it. */
int ph_spool_files_write_part(struct ph_session *session, uint32_t track, const struct ph_part *part,
    struct ph_spool_budget *budget) PH_NODISCARD;
/* Adds a part to what is known of the segment being written. */
void ph_spool_track_measure(struct ph_spool_track *track, const struct ph_part_head *head);
/* Makes what is written of the open segment durable, and goes on with the next when `closes`. */
int ph_spool_files_sync(struct ph_session *session, uint32_t track, bool closes) PH_NODISCARD;
/* After a failed sync: nobody knows what reached the disk, so that the segment is written again from its
 * first part. */
void ph_spool_files_rewind(struct ph_session *session, uint32_t track, struct ph_spool_budget *budget);
/* Goes on with part 0 of a later segment. Of the one whose rest is lost nothing stays: after a restart it
 * would be taken for whole. */
void ph_spool_files_skip_to(
    struct ph_session *session, uint32_t track, uint64_t segment, struct ph_spool_budget *budget);
/* The end marker, synced. */
int ph_spool_files_write_end(struct ph_session *session, int64_t utc_us) PH_NODISCARD;

/* Removes segment files below `keep_from`, as far as they may go. */
void ph_spool_files_remove_below(
    struct ph_session *session, uint32_t track, uint64_t keep_from, struct ph_spool_budget *budget);
/* Removes all but the end marker; without a marker the folder too. */
void ph_spool_files_remove_all(struct ph_session *session, struct ph_spool_budget *budget);

/* Writes a whole file under a temporary name, syncs it and gives it its name. Other threads may write other
 * files of the folder. */
int ph_spool_write_file(const char *dir, const char *name, struct ph_slice content) PH_NODISCARD;

#endif
