#include "app/recording_worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/thread.h"

static const int64_t look_us = 10 * PH_SECOND_US;
static const int64_t busy_us = 2 * PH_SECOND_US;
/* Who takes the job over begins it again. */
static const int64_t lease_us = 45 * PH_SECOND_US;
static const int64_t renew_us = 10 * PH_SECOND_US;
/* Until the source of a clip may have come further. */
static const int64_t not_yet_ms = 3000;
static const int64_t longest_us = INT64_C(24) * 3600 * PH_SECOND_US;

enum job_end { JOB_DONE, JOB_REFUSED, JOB_FAILED, JOB_PUT_OFF, JOB_ENDS };

struct ph_recording_worker {
    struct ph_recording_worker_options options;
    char *origins;
    char lessee[PH_SESSION_ID_BYTES];
    struct ph_metric *ends[PH_RECORDING_KINDS][JOB_ENDS], *seconds[PH_RECORDING_KINDS];
    struct ph_db_listener *listener;
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool woken, stopped;
};

static int64_t now_ms(const struct ph_recording_worker *worker) {
    return ph_clock_utc_us(worker->options.clock) / PH_MILLISECOND_US;
}

static int64_t until_ms(const struct ph_recording_worker *worker) {
    return now_ms(worker) + lease_us / PH_MILLISECOND_US;
}

static bool is_stopped(struct ph_recording_worker *worker) {
    pthread_mutex_lock(&worker->lock);
    bool stopped = worker->stopped;
    pthread_mutex_unlock(&worker->lock);
    return stopped;
}

int ph_recording_work_keep_on(struct ph_recording_work *work) {
    int64_t now_us = ph_now_us();
    if (is_stopped(work->worker))
        return -ECANCELED;
    if (now_us - work->began_us > longest_us)
        return -ETIMEDOUT;
    if (now_us - work->renewed_us < renew_us)
        return 0;
    int code = ph_recording_jobs_renew(
        work->options->db, work->job.id, work->worker->lessee, until_ms(work->worker));
    if (code == 0)
        work->renewed_us = now_us;
    /* A database that is away may be back before the lease is over. */
    return code == 0 || (code != -ESTALE && now_us - work->renewed_us < lease_us) ? 0 : -ESTALE;
}

static const char *reason_or(const struct ph_link_reason *reason, const char *text) {
    return *reason->text ? reason->text : text;
}

/* What became of a job goes to the database; when that is away, the lease runs out and the job is done again.
 */
static void settle(struct ph_recording_work *work, int code, const struct ph_recording_outcome *outcome,
    const struct ph_link_reason *reason) {
    struct ph_recording_worker *worker = work->worker;
    const char *id = work->job.id;
    ph_log_info("recording job ends", ph_str("recording", id),
        ph_str("kind", ph_recording_kind_name(work->job.kind)), ph_code(code),
        ph_str("reason", *reason->text ? reason->text : NULL));
    if (code == -ESTALE)
        return;
    int told;
    enum job_end end = code == 0 ? JOB_DONE : code == -EINVAL ? JOB_REFUSED : JOB_FAILED;
    if (code == -ECANCELED || (code == -EAGAIN && work->job.kind == PH_RECORDING_CLIP))
        end = JOB_PUT_OFF;
    ph_metric_add(worker->ends[work->job.kind][end], 1);
    if (code == 0)
        told = ph_recording_jobs_done(worker->options.db, id, worker->lessee, outcome, now_ms(worker));
    else if (code == -EAGAIN && work->job.kind == PH_RECORDING_CLIP)
        told = ph_recording_jobs_put_off(worker->options.db, id, worker->lessee, now_ms(worker) + not_yet_ms);
    else if (code == -ECANCELED)
        told = ph_recording_jobs_put_off(worker->options.db, id, worker->lessee, now_ms(worker));
    else
        told = ph_recording_jobs_fail(worker->options.db, id, worker->lessee,
            reason_or(reason, "It could not be made for a failure of ours."), code != -EINVAL,
            now_ms(worker));
    if (told < 0 && told != -ESTALE)
        ph_log_warning("the end of a recording job is not told", ph_str("recording", id), ph_code(told));
}

static void work_on(struct ph_recording_worker *worker, const struct ph_recording_job *job) {
    struct ph_recording_work work = {
        .worker = worker, .options = &worker->options, .job = *job, .renewed_us = ph_now_us()};
    struct ph_link_reason reason = {0};
    work.began_us = work.renewed_us;
    ph_log_info("recording job begins", ph_str("recording", job->id),
        ph_str("kind", ph_recording_kind_name(job->kind)), ph_int("attempt", job->attempts));
    struct ph_recording_outcome outcome;
    if (job->kind == PH_RECORDING_CLIP) {
        int code = ph_clip_job_run(&work, &outcome, &reason);
        settle(&work, code, &outcome, &reason);
    } else {
        settle(&work, ph_upload_job_run(&work, &reason), NULL, &reason);
    }
    ph_metric_add(worker->seconds[job->kind], (double)(ph_now_us() - work.began_us) / (double)PH_SECOND_US);
}

/* Whether it did something; then there may be more. */
static bool take_one(struct ph_recording_worker *worker) {
    struct ph_recording_job job;
    if (!ph_supervisor_has_capacity(worker->options.supervisor))
        return false;
    int code = ph_recording_jobs_lease(
        worker->options.db, PH_RECORDING_KINDS, worker->lessee, now_ms(worker), until_ms(worker), &job);
    if (code == 1)
        work_on(worker, &job);
    else if (code < 0)
        ph_log_debug("no recording job could be asked for", ph_code(code));
    return code == 1;
}

/* Until there may be something to do; false when it is over. */
static bool wait_for_news(struct ph_recording_worker *worker) {
    bool has_room = ph_supervisor_has_capacity(worker->options.supervisor);
    int64_t pause_us = has_room ? look_us : busy_us;
    int64_t until_us = ph_now_us() + pause_us / 2 + (int64_t)((double)pause_us * ph_random_unit());
    pthread_mutex_lock(&worker->lock);
    int code = 0;
    while (!worker->stopped && !(worker->woken && has_room) && code == 0)
        code = ph_cond_wait_until(&worker->changed, &worker->lock, until_us);
    worker->woken = false;
    bool going = !worker->stopped;
    pthread_mutex_unlock(&worker->lock);
    return going;
}

static void *run(void *opaque) {
    struct ph_recording_worker *worker = opaque;
    do {
        while (!is_stopped(worker) && take_one(worker))
            continue;
    } while (wait_for_news(worker));
    return NULL;
}

static void wake(void *opaque, const char *payload) {
    struct ph_recording_worker *worker = opaque;
    (void)payload;
    pthread_mutex_lock(&worker->lock);
    worker->woken = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

static void take_metrics(struct ph_recording_worker *worker, struct ph_metrics *metrics) {
    static const char *const names[JOB_ENDS] = {"done", "refused", "failed", "put_off"};
    for (int kind = PH_RECORDING_CLIP; kind < PH_RECORDING_KINDS; kind++) {
        const char *name = ph_recording_kind_name((enum ph_recording_kind)kind);
        for (int end = 0; end < JOB_ENDS; end++)
            worker->ends[kind][end] = ph_metrics_counter(metrics, "porthole_recording_jobs_total",
                "Clips and uploads that this node worked on",
                PH_LABELS({"kind", name}, {"outcome", names[end]}));
        worker->seconds[kind] = ph_metrics_counter(metrics, "porthole_recording_jobs_seconds_total",
            "Time spent on clips and uploads", PH_LABELS({"kind", name}));
    }
}

int ph_recording_worker_create(
    struct ph_recording_worker **created, const struct ph_recording_worker_options *options) {
    *created = NULL;
    struct ph_recording_worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return -ENOMEM;
    worker->options = *options;
    take_metrics(worker, options->metrics);
    ph_random_id(worker->lessee, PH_SESSION_ID_CHARACTERS);
    pthread_mutex_init(&worker->lock, NULL);
    int code = ph_cond_init(&worker->changed);
    worker->options.origins = worker->origins = strdup(options->origins);
    if (code == 0 && !worker->origins)
        code = -ENOMEM;
    if (code == 0)
        code = ph_db_listen(options->db, PH_RECORDINGS_CHANNEL, wake, worker, &worker->listener);
    if (code == 0)
        code = ph_thread_start(&worker->thread, "recording-jobs", run, worker);
    worker->started = code == 0;
    if (code < 0) {
        ph_recording_worker_destroy(worker);
        return code;
    }
    *created = worker;
    return 0;
}

void ph_recording_worker_destroy(struct ph_recording_worker *worker) {
    if (!worker)
        return;
    ph_db_unlisten(worker->listener);
    pthread_mutex_lock(&worker->lock);
    worker->stopped = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    if (worker->started)
        pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    free(worker->origins);
    free(worker);
}
