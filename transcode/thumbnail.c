#include "transcode/thumbnail.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "transcode/jpeg.h"
#include "transcode/scale.h"
#include "transcode/turn.h"

enum { long_side = 640, nice_value = 10, quality = 6 };

static const int64_t interval_us = 5 * PH_SECOND_US;

struct ph_thumbnailer {
    const struct ph_origin *origins;
    uint32_t origin_count;
    struct ph_http_client *client;
    pthread_t thread;
    bool started;
    int64_t due_us; /* grid time; of the offering thread */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    AVFrame *waiting;
    AVFrame *missed; /* not taken by every origin; nothing newer has come */
    bool finishing, finished, stopped;
};

static void thumbnail_size(const AVFrame *picture, uint32_t *width, uint32_t *height) {
    struct ph_shown shown = ph_turn_shown(picture);
    double wide = (double)shown.width * shown.aspect.num / shown.aspect.den, high = shown.height;
    double longer = wide > high ? wide : high;
    double factor = longer > long_side ? long_side / longer : 1;
    *width = (uint32_t)(wide * factor / 2 + 0.5) * 2;
    *height = (uint32_t)(high * factor / 2 + 0.5) * 2;
    *width = *width < 16 ? 16 : *width;
    *height = *height < 16 ? 16 : *height;
}

struct ph_bytes *ph_thumbnail_make(const AVFrame *picture) {
    uint32_t width, height;
    thumbnail_size(picture, &width, &height);
    struct ph_scaler *scaler;
    if (ph_scaler_create(&scaler, width, height, PH_COLOURS_JPEG) < 0)
        return NULL;
    struct ph_bytes *jpeg = NULL;
    const AVFrame *scaled;
    if (ph_scaler_run(scaler, picture, &scaled) == 0)
        jpeg = ph_jpeg_make(scaled, quality);
    ph_scaler_destroy(scaler);
    return jpeg;
}

/* Whether every origin took it. */
static bool publish(struct ph_thumbnailer *thumbnailer, const AVFrame *picture) {
    struct ph_bytes *jpeg = ph_thumbnail_make(picture);
    if (!jpeg) {
        ph_log_debug("no thumbnail could be made of a picture");
        return false;
    }
    bool taken = true;
    for (uint32_t i = 0; i < thumbnailer->origin_count; i++) {
        int code =
            ph_origin_put_thumbnail(thumbnailer->client, &thumbnailer->origins[i], ph_bytes_slice(jpeg));
        taken &= code / 100 == 2;
        if (code / 100 != 2)
            ph_log_debug("origin did not take the thumbnail", ph_int("status", code));
    }
    ph_bytes_unref(&jpeg);
    return taken;
}

static AVFrame *take(AVFrame **picture) {
    AVFrame *taken = *picture;
    *picture = NULL;
    return taken;
}

/* Under the lock. NULL when the thread is to end. */
static AVFrame *wait_for_picture(struct ph_thumbnailer *thumbnailer) {
    while (!thumbnailer->stopped) {
        if (thumbnailer->waiting)
            return take(&thumbnailer->waiting);
        if (thumbnailer->finishing && thumbnailer->missed)
            return take(&thumbnailer->missed);
        if (thumbnailer->finishing && !thumbnailer->finished) {
            thumbnailer->finished = true;
            pthread_cond_broadcast(&thumbnailer->changed);
        }
        (void)ph_cond_wait_until(&thumbnailer->changed, &thumbnailer->lock, PH_NEVER_US);
    }
    return NULL;
}

static void *run(void *opaque) {
    struct ph_thumbnailer *thumbnailer = opaque;
    /* On Linux this is the thread's own priority. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), nice_value);
    pthread_mutex_lock(&thumbnailer->lock);
    AVFrame *picture;
    while ((picture = wait_for_picture(thumbnailer))) {
        av_frame_free(&thumbnailer->missed);
        bool is_last = thumbnailer->finishing && !thumbnailer->waiting;
        pthread_mutex_unlock(&thumbnailer->lock);
        bool taken = publish(thumbnailer, picture);
        pthread_mutex_lock(&thumbnailer->lock);
        if (!taken && !is_last)
            thumbnailer->missed = take(&picture);
        av_frame_free(&picture);
    }
    pthread_mutex_unlock(&thumbnailer->lock);
    return NULL;
}

int ph_thumbnailer_create(
    struct ph_thumbnailer **created, const struct ph_origin *origins, uint32_t origin_count) {
    struct ph_thumbnailer *thumbnailer = calloc(1, sizeof(*thumbnailer));
    if (!thumbnailer)
        return -ENOMEM;
    thumbnailer->origins = origins;
    thumbnailer->origin_count = origin_count;
    thumbnailer->due_us = INT64_MIN;
    pthread_mutex_init(&thumbnailer->lock, NULL);
    int code = ph_cond_init(&thumbnailer->changed);
    if (code >= 0)
        code = ph_http_client_create(&thumbnailer->client);
    if (code >= 0)
        code = ph_thread_start(&thumbnailer->thread, "thumbnail", run, thumbnailer);
    if (code < 0) {
        ph_thumbnailer_destroy(thumbnailer);
        return code;
    }
    thumbnailer->started = true;
    *created = thumbnailer;
    return 0;
}

void ph_thumbnailer_offer(struct ph_thumbnailer *thumbnailer, const AVFrame *picture, int64_t time_us) {
    if (time_us < thumbnailer->due_us)
        return;
    AVFrame *kept = av_frame_clone(picture);
    if (!kept)
        return;
    thumbnailer->due_us = time_us + interval_us;
    pthread_mutex_lock(&thumbnailer->lock);
    av_frame_free(&thumbnailer->waiting);
    thumbnailer->waiting = kept;
    pthread_cond_broadcast(&thumbnailer->changed);
    pthread_mutex_unlock(&thumbnailer->lock);
}

void ph_thumbnailer_finish(struct ph_thumbnailer *thumbnailer, int64_t deadline_us) {
    int code = 0;
    pthread_mutex_lock(&thumbnailer->lock);
    thumbnailer->finishing = true;
    pthread_cond_broadcast(&thumbnailer->changed);
    while (!thumbnailer->finished && code == 0)
        code = ph_cond_wait_until(&thumbnailer->changed, &thumbnailer->lock, deadline_us);
    pthread_mutex_unlock(&thumbnailer->lock);
}

void ph_thumbnailer_destroy(struct ph_thumbnailer *thumbnailer) {
    if (!thumbnailer)
        return;
    if (thumbnailer->started) {
        pthread_mutex_lock(&thumbnailer->lock);
        thumbnailer->stopped = true;
        pthread_cond_broadcast(&thumbnailer->changed);
        pthread_mutex_unlock(&thumbnailer->lock);
        ph_http_client_cancel(thumbnailer->client);
        pthread_join(thumbnailer->thread, NULL);
    }
    av_frame_free(&thumbnailer->waiting);
    av_frame_free(&thumbnailer->missed);
    ph_http_client_destroy(thumbnailer->client);
    pthread_cond_destroy(&thumbnailer->changed);
    pthread_mutex_destroy(&thumbnailer->lock);
    free(thumbnailer);
}
