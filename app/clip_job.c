#include <stdio.h>

#include "app/recording_worker.h"
#include "core/base/log.h"
#include "origin/recording/clip.h"
#include "transcode/cutter.h"

struct clip_job {
    struct ph_clip_cutter base;
    struct ph_recording_work *work;
    struct ph_cutter *cutter; /* NULL until it is needed, and after it failed */
};

/* Whether the process is of use for the next piece. */
static int judge(struct clip_job *job, int code) {
    if (code != -EIO && code != -ETIMEDOUT)
        return code;
    ph_cutter_destroy(job->cutter);
    job->cutter = NULL;
    return PH_INVALID_DATA;
}

static int cut(struct ph_clip_cutter *base, const struct ph_publication *publication, uint32_t track,
    int64_t from_us, int64_t to_us, struct ph_slice init, struct ph_slice segment, struct ph_bytes **made) {
    struct clip_job *job = (struct clip_job *)base;
    const struct ph_cut wanted = {
        .publication = *publication, .track = track, .from_us = from_us, .to_us = to_us};
    int code = job->cutter ? 0 : ph_cutter_create(&job->cutter, NULL);
    if (code == 0)
        code = ph_cutter_cut(job->cutter, &wanted, init, segment, made);
    return judge(job, code);
}

static int draw(struct ph_clip_cutter *base, int64_t at_us, uint64_t tile, struct ph_slice init,
    struct ph_slice segment, struct ph_storyboard_drawn *drawn) {
    struct clip_job *job = (struct clip_job *)base;
    int code = job->cutter ? 0 : ph_cutter_create(&job->cutter, NULL);
    if (code == 0)
        code = ph_cutter_draw(
            job->cutter, &(struct ph_draw){.at_us = at_us, .tile = tile}, init, segment, drawn);
    return judge(job, code);
}

static int keep_on(struct ph_clip_cutter *base) {
    return ph_recording_work_keep_on(((struct clip_job *)base)->work);
}

static int refuse(struct ph_link_reason *reason, const char *text) {
    snprintf(reason->text, sizeof(reason->text), "%s", text);
    return -EINVAL;
}

/* What its source lacks may come: a session's first segments are archived behind all that is older, and a
 * clip's source may be a clip that waits itself. What will not come is not waited for. */
static int judge_lack(struct ph_recording_work *work, int code, struct ph_link_reason *reason) {
    enum ph_clip_source source;
    int64_t now_ms = ph_clock_utc_us(work->options->clock) / PH_MILLISECOND_US;
    int found = ph_recording_jobs_judge_source(work->options->db, &work->job, now_ms, &source);
    if (found < 0 || source == PH_CLIP_SOURCE_GROWS)
        return -EAGAIN;
    if (code == -ENODATA)
        return refuse(reason, "The recording has nothing between these times.");
    return source == PH_CLIP_SOURCE_GONE ? refuse(reason, "The recording could not be read.") : -EAGAIN;
}

int ph_clip_job_run(
    struct ph_recording_work *work, struct ph_recording_outcome *outcome, struct ph_link_reason *reason) {
    struct clip_job job = {.base = {cut, draw, keep_on}, .work = work};
    struct ph_clip clip = {
        .id = work->job.id,
        .source = work->job.source,
        .title = work->job.title,
        .take = (uint32_t)work->job.take,
        .from_us = work->job.from_ms * PH_MILLISECOND_US,
        .to_us = work->job.to_ms * PH_MILLISECOND_US,
        .cutter = &job.base,
    };
    struct ph_clip_result result;
    int code = ph_clip_make(work->options->store, &clip, &result);
    ph_cutter_destroy(job.cutter);
    *outcome = (struct ph_recording_outcome){
        .duration_ms = result.duration_us / PH_MILLISECOND_US,
        .bytes = (int64_t)result.mp4_bytes,
        .total_bytes = (int64_t)result.total_bytes,
        .width = result.width,
        .height = result.height,
        .has_poster = result.has_poster,
        .has_storyboard = result.has_storyboard,
    };
    if (code == -ENODATA || code == -EAGAIN)
        return judge_lack(work, code, reason);
    if (code == PH_INVALID_DATA)
        return refuse(reason, "The recording cannot be read between these times.");
    return code == -EINVAL ? -EIO : code;
}
