/* The worker's share in making recordings: one job at a time, taken by lease while the node has room for a
 * live session, done at low priority.
 *
 *   upload   the file is fetched and transcoded by a process of its own, which publishes it to the origins as
 *            if it were live; the archive makes the recording of it          upload_job.c
 *   clip     whole segments are copied in the store, those at the edges cut
 *            by a process of their own; the recording is made here           clip_job.c
 *
 * Lifetime: create (its thread runs) → destroy. What it borrows outlives it. */
#ifndef PH_APP_RECORDING_WORKER_H
#define PH_APP_RECORDING_WORKER_H

#include "api/recordings/recordings_jobs.h"
#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/base/settings.h"
#include "core/media/source_link.h"
#include "core/store/store.h"
#include "transcode/supervisor.h"

struct ph_recording_worker;

struct ph_recording_worker_options {
    struct ph_db *db;
    struct ph_store *store;
    struct ph_supervisor *supervisor;
    struct ph_clock *clock;
    const struct ph_settings *settings;
    struct ph_metrics *metrics;
    const char *origins; /* where recordings are published to, separated by commas; copied */
};

int ph_recording_worker_create(
    struct ph_recording_worker **worker, const struct ph_recording_worker_options *options) PH_NODISCARD;
/* Gives up what is under way: another node, or the next start, goes on with it. NULL is fine. */
void ph_recording_worker_destroy(struct ph_recording_worker *worker);

/* A job while it is done. Of the jobs' thread. */
struct ph_recording_work {
    struct ph_recording_worker *worker;
    const struct ph_recording_worker_options *options;
    struct ph_recording_job job;
    int64_t renewed_us, began_us;
};
/* To be asked about once a second: keeps the lease. 0; -ESTALE when it is lost, -ETIMEDOUT when the job takes
 * too long, -ECANCELED when the node stops. */
int ph_recording_work_keep_on(struct ph_recording_work *work) PH_NODISCARD;

/* 0: the origin has it all, and the archive will tell. -EINVAL: never, `reason` says why. Another code: it
 * may go better another time. */
int ph_upload_job_run(struct ph_recording_work *work, struct ph_link_reason *reason) PH_NODISCARD;
/* 0: it is in the store, as `outcome` says. -EAGAIN: its source is not that far. Otherwise as above. */
int ph_clip_job_run(struct ph_recording_work *work, struct ph_recording_outcome *outcome,
    struct ph_link_reason *reason) PH_NODISCARD;

#endif
