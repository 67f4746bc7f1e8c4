/* What is to be made of recordings: clips are cut, uploads transcoded, by whichever node takes the job first.
 *
 *   lease → renew, while it goes on, well within the lease → done | fail
 *
 * A node that dies loses the job when its lease runs out; another takes it. Each lease is an attempt, and a
 * take of its own: what an earlier one made does not count, though who made it may still live. After
 * PH_RECORDING_JOB_ATTEMPTS the recording has failed. Who waits for jobs listens (ph_db_listen) to
 * PH_RECORDINGS_CHANNEL, and looks now and then. */
#ifndef PH_API_RECORDINGS_RECORDINGS_JOBS_H
#define PH_API_RECORDINGS_RECORDINGS_JOBS_H

#include "api/recordings/recordings_store.h"

enum { PH_RECORDING_JOB_ATTEMPTS = 5 };

struct ph_recording_job {
    char id[PH_SESSION_ID_BYTES];     /* the recording to be made */
    enum ph_recording_kind kind;      /* a clip or an upload */
    char source[PH_SESSION_ID_BYTES]; /* a clip's recording, which may still be going on */
    int64_t from_ms, to_ms;           /* of a clip */
    char owner[PH_SUBJECT_BYTES];
    char title[PH_TITLE_BYTES];
    int64_t created_ms;
    int64_t attempts; /* this one counted */
    int64_t take;     /* the number of this lease: what is made under a lower one does not count */
};

/* Takes the job whose turn has come for longest, for `lessee` (a name of this node's life), until `until_ms`.
 * 1 with the job, 0 when there is none. `kind`: PH_RECORDING_KINDS for any. */
int ph_recording_jobs_lease(struct ph_db *db, enum ph_recording_kind kind, const char *lessee, int64_t now_ms,
    int64_t until_ms, struct ph_recording_job *job) PH_NODISCARD;
/* -ESTALE when the lease is lost: the recording was deleted, or another node has the job; give it up. */
int ph_recording_jobs_renew(
    struct ph_db *db, const char *id, const char *lessee, int64_t until_ms) PH_NODISCARD;
/* The job is over. With an outcome the recording is ready by it; with NULL the archive will tell
 * (ph_recordings_ready), and if it does not within hours the job is done again. -ESTALE. */
int ph_recording_jobs_done(struct ph_db *db, const char *id, const char *lessee,
    const struct ph_recording_outcome *outcome, int64_t now_ms) PH_NODISCARD;
/* The attempt failed. `may_pass`: it may go better later, and is tried again unless this was the last
 * attempt; else the recording has failed, and an upload's source is to be removed. -ESTALE. */
int ph_recording_jobs_fail(struct ph_db *db, const char *id, const char *lessee, const char *reason,
    bool may_pass, int64_t now_ms) PH_NODISCARD;
/* Not now: the job can be taken again from `again_ms` on, and this was no attempt (the source of a clip is
 * not that far). -ESTALE. */
int ph_recording_jobs_put_off(
    struct ph_db *db, const char *id, const char *lessee, int64_t again_ms) PH_NODISCARD;
enum ph_clip_source {
    PH_CLIP_SOURCE_GROWS, /* what it lacks may still come */
    PH_CLIP_SOURCE_WHOLE, /* nothing more comes */
    PH_CLIP_SOURCE_GONE,  /* it failed, was removed, or nothing came of it for a day */
};
/* How a clip's source is, by the list. */
int ph_recording_jobs_judge_source(struct ph_db *db, const struct ph_recording_job *job, int64_t now_ms,
    enum ph_clip_source *source) PH_NODISCARD;

/* The archive asks whether a take of an upload is still wanted: 1; 0 when another take counts, or the
 * recording is settled or deleted, so that nothing of this one is to be kept. `has_ended`: the job has
 * published all of it and the archive makes the recording, or has made it and asks again; nobody is to begin
 * anew meanwhile. */
int ph_recording_jobs_is_wanted(
    struct ph_db *db, const char *id, int64_t take, bool has_ended, int64_t now_ms) PH_NODISCARD;
/* Recordings whose last attempt's lease ran out have failed. To be called now and then. */
int ph_recording_jobs_sweep(struct ph_db *db, int64_t now_ms) PH_NODISCARD;

#endif
