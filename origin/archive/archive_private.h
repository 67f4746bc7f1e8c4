/* What the archive's files share among themselves. Fields marked L are guarded by the archive's lock; those
 * marked R belong to the recording thread that has the session (`is_busy`); the others do not change. */
#ifndef PH_ORIGIN_ARCHIVE_ARCHIVE_PRIVATE_H
#define PH_ORIGIN_ARCHIVE_ARCHIVE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <uthash.h>

#include "origin/archive/archive.h"
#include "origin/archive/archive_metrics.h"
#include "origin/archive/folder_file.h"
#include "origin/archive/ledger.h"
#include "origin/recording/recorder.h"
#include "origin/session.h"

enum {
    PH_ARCHIVE_MOST_THREADS = 16,
    PH_ARCHIVE_RECORDING_THREADS = 3,
    PH_ARCHIVE_MOST_SEGMENT_BYTES = 1 << 30,
    PH_ARCHIVE_MOST_INIT_BYTES = 1 << 20,
};

/* A session whose recording is whole and told, or that has none and is put. */
#define PH_ARCHIVE_COMPLETE "complete"
#define PH_ARCHIVE_POSTER "poster.jpg"

struct ph_archive_track {
    struct ph_ledger ledger;    /* L */
    struct ph_bytes *init;      /* L; NULL until it was read. Its bytes do not change */
    bool init_put;              /* L */
    uint64_t consumed_below;    /* L: the recorder needs no file below it */
    uint64_t passed_over_below; /* R: the recorder is not given segments below it */
};

struct ph_archive_session {
    struct ph_archive *archive;
    char id[PH_SESSION_NAME_BYTES];
    char dir[PH_ARCHIVE_PATH_BYTES];
    char prefix[PH_SESSION_NAME_BYTES + 16]; /* of its keys: "recordings/<id>" or "live/<id>" */
    struct ph_publication publication;
    struct ph_archive_track tracks[PH_MOST_TRACKS];
    bool publication_put;            /* L */
    uint32_t putting;                /* L: segments on their way */
    bool ended;                      /* L */
    bool retired;                    /* L */
    bool done;                       /* L: nothing is left to do but to remove the folder */
    bool discarded;                  /* L: it was deleted, or given up: nothing more is put */
    bool given_up;                   /* L: nothing of it is to be kept */
    bool in_doubt;                   /* L: the catalogue is to be asked whether it is wanted */
    bool is_unwanted;                /* L: the catalogue said so */
    int64_t asked_us;                /* L: when it was to be asked last, monotonic */
    bool is_busy;                    /* L: a recording thread has it */
    bool has_news;                   /* L: a recording thread is to look */
    int64_t ended_us;                /* L, monotonic */
    int64_t retry_at_us;             /* L: of the recording */
    uint32_t failures;               /* L: of the recording, in a row */
    pthread_mutex_t journal_lock;    /* of its journals' files; taken alone */
    struct ph_recorder *recorder;    /* R; NULL: not open */
    bool is_unrecordable;            /* R: there is no recording to make; what there is was put */
    bool was_checked;                /* R: that it is not deleted, since this process began */
    bool is_whole;                   /* R: all objects are in the store; `facts` are to be told */
    struct ph_recording_facts facts; /* R */
    UT_hash_handle hh;               /* L */
};

struct ph_archive {
    struct ph_archive_options options;
    struct ph_archive_metrics metrics;
    pthread_t threads[PH_ARCHIVE_MOST_THREADS];
    uint32_t thread_count;
    pthread_mutex_t lock;
    pthread_cond_t work;                 /* with lock: something may have become possible */
    struct ph_archive_session *sessions; /* L */
    bool stopping;                       /* L */
    uint32_t putting;                    /* L: of all sessions */
    uint32_t failures;                   /* L: of the store, in a row */
    int64_t retry_at_us;                 /* L: while the store fails, nothing is put before */
    /* L: what is told again and again keeps nothing else from being told. */
    int64_t failure_log_next_us, loss_log_next_us, unreadable_log_next_us;
    _Atomic(uint64_t) freed_bytes;
};

/* It is in no table any more. */
void ph_archive_session_free(struct ph_archive_session *session);

/* Now, for everything that is compared with a deadline. */
int64_t ph_archive_now_us(const struct ph_archive *archive);
/* Doubled for each failure, up to half a minute, with jitter. */
int64_t ph_archive_backoff_us(const struct ph_archive *archive, uint32_t failures);
/* A segment whose file had to make room, or is gone, is not in the store: it is counted, and told now and
 * then. With the lock held. */
void ph_archive_note_loss(
    struct ph_archive *archive, const struct ph_archive_session *session, uint64_t segment, bool made_room);
/* Whether the store as a whole is away, so that nothing else is worth a try. */
static inline bool ph_archive_is_away(int code) {
    return code == -EAGAIN || code == -EACCES;
}

/* "<prefix>/<track>/<name>", or with `track` PH_MOST_TRACKS "<prefix>/<name>". */
int ph_archive_key(char key[PH_STORE_KEY_BYTES], const struct ph_archive_session *session, uint32_t track,
    const char *name) PH_NODISCARD;
/* "<dir>/<track>". */
int ph_archive_track_dir(
    char path[PH_ARCHIVE_PATH_BYTES], const struct ph_archive_session *session, uint32_t track) PH_NODISCARD;
/* A reference to the track's init segment, from memory, the folder or the store. -ENOENT. */
int ph_archive_load_init(
    struct ph_archive_session *session, uint32_t track, struct ph_bytes **bytes) PH_NODISCARD;
/* A segment's bytes from the folder, or else from the store. -ENOENT. */
int ph_archive_load_segment(struct ph_archive_session *session, uint32_t track, uint64_t segment,
    struct ph_bytes **bytes) PH_NODISCARD;
/* Puts bytes or, with `path`, that file, as the archive's own: what is there with other bytes is replaced
 * unless `if_absent`. */
int ph_archive_put(struct ph_archive_session *session, const struct ph_store_put *put) PH_NODISCARD;

/* Reads what the folder tells of the session. */
int ph_archive_recover(
    struct ph_archive_session *session, const uint64_t durable_below[PH_MOST_TRACKS]) PH_NODISCARD;

/* Of the threads that put: until the archive stops. */
void *ph_archive_put_segments(void *archive);
/* Of the threads that record: the same. */
void *ph_archive_record_sessions(void *archive);

/* Of the recording thread that has the session. Gives the recorder what it can have; 0, or a code: later. */
int ph_archive_feed(struct ph_archive_session *session) PH_NODISCARD;
/* Everything was put and given: makes the recording whole and tells the catalogue. */
int ph_archive_complete(struct ph_archive_session *session) PH_NODISCARD;
/* Poster and storyboard, as the folder has them; what of them is in the store is in the manifest then.
 * `replaces`: a recording is there, and is made anew. */
int ph_archive_put_pictures(
    struct ph_archive_session *session, struct ph_manifest *manifest, bool replaces) PH_NODISCARD;
/* Asks the catalogue whether a session is wanted, and keeps the answer for ph_archive_is_unwanted(). */
void ph_archive_ask_wanted(struct ph_archive_session *session);
/* 1 when it was deleted, and no clip is being made of it. */
int ph_archive_is_deleted(const struct ph_archive_session *session) PH_NODISCARD;
/* It was deleted, or given up: takes back what is in the store. -EBUSY while something is on its way. */
int ph_archive_discard(struct ph_archive_session *session) PH_NODISCARD;

#endif
