#include "transcode/encode_video.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/queue.h"
#include "core/base/thread.h"
#include "transcode/effort.h"
#include "transcode/encode.h"
#include "transcode/scale.h"

/* Pictures wait for the encoder about as long as frames may be late before they are dropped, so that a slow
 * one does not hold up the sound, and no longer: a 1080p picture is 3 MB. */
static const int64_t queue_us = 360 * PH_MILLISECOND_US;

static size_t queue_length(struct ph_rational rate) {
    return (size_t)(queue_us * rate.num / rate.den / PH_SECOND_US) + 1;
}

struct queued_frame {
    AVFrame *picture;
    int64_t frame;
    int64_t arrival_us;
    int64_t pushed_us; /* local clock */
};

struct ph_video_track {
    struct ph_video_track_options options;
    struct ph_track_timing timing;
    struct ph_encoder *encoder;
    struct ph_scaler *scaler;
    char codecs[32];
    struct ph_bytes *init_segment;

    struct ph_queue *queue; /* of struct queued_frame * */
    pthread_t thread;
    bool started;
    atomic_int wanted_effort;
    atomic_llong drop_after_us;
    atomic_bool abandoned;
    atomic_int code; /* why the thread ended, 0 while it runs */

    /* The thread's own. */
    struct ph_packager packager;
    AVFrame *last; /* the picture encoded last, for repeats */
    int effort;
    int64_t next_frame;    /* after the newest handled */
    int64_t part_delay_us; /* of the newest part, when it was sent */

    pthread_mutex_t lock; /* guards figures */
    struct ph_video_figures figures;
};

static void free_frame(struct queued_frame *queued) {
    av_frame_free(&queued->picture);
    free(queued);
}

static int make_header(struct ph_video_track *track) {
    struct ph_video_header header = {
        .width = track->options.rendition.width,
        .height = track->options.rendition.height,
        .timescale = track->timing.timescale,
        .sps = ph_bytes_slice(track->encoder->sps),
        .pps = ph_bytes_slice(track->encoder->pps),
    };
    int code = ph_package_video_codecs(header.sps, track->codecs, sizeof(track->codecs));
    if (code < 0)
        return code;
    struct ph_builder builder = {0};
    code = ph_package_video_init(&builder, &header);
    if (code < 0) {
        ph_builder_discard(&builder);
        return code;
    }
    track->init_segment = ph_builder_finish(&builder);
    return track->init_segment ? 0 : -ENOMEM;
}

static int open_encoder(struct ph_video_track *track) {
    const struct ph_rendition *rendition = &track->options.rendition;
    struct ph_encoder_settings settings = {
        .width = rendition->width,
        .height = rendition->height,
        .rate = rendition->rate,
        .bitrate = rendition->bitrate,
        .most_bitrate = rendition->most_bitrate,
        .buffer_bits = rendition->buffer_bits,
        .threads = track->options.threads,
        .effort = track->options.effort,
    };
    return ph_encoder_open(&track->encoder, track->options.encoder, &settings);
}

static bool is_fresh_start(const struct ph_video_track *track, int64_t frame) {
    for (uint32_t i = 0; i < track->options.fresh_start_count; i++) {
        if (track->options.fresh_starts[i] == frame)
            return true;
    }
    return frame == track->options.first_frame;
}

static void count_frame(
    struct ph_video_track *track, bool encoded, int64_t took_us, int64_t waited_us, int64_t delay_us) {
    pthread_mutex_lock(&track->lock);
    struct ph_video_figures *figures = &track->figures;
    if (waited_us > figures->queue_delay_us)
        figures->queue_delay_us = waited_us;
    if (delay_us != PH_NO_DELAY_US)
        figures->delay_us = delay_us;
    figures->busy_us += took_us;
    if (encoded) {
        figures->frames_encoded++;
        int bucket = 0;
        while (bucket < PH_LINK_ENCODE_BOUNDS && took_us > ph_link_encode_bounds_us[bucket])
            bucket++;
        figures->encode.frames[bucket]++;
        figures->encode.total_us += (uint64_t)took_us;
    } else {
        figures->frames_dropped++;
    }
    pthread_mutex_unlock(&track->lock);
}

static int keep_last(struct ph_video_track *track, const AVFrame *picture) {
    av_frame_unref(track->last);
    return av_frame_ref(track->last, picture);
}

static int encode_frame(struct ph_video_track *track, const AVFrame *picture, int64_t frame, bool idr) {
    int wanted = atomic_load(&track->wanted_effort);
    if (wanted != track->effort) {
        int code = ph_encoder_set_effort(track->encoder, wanted);
        if (code < 0)
            return code;
        track->effort = wanted;
    }
    const AVFrame *scaled;
    int code = ph_scaler_run(track->scaler, picture, &scaled);
    if (code < 0)
        return code;
    struct ph_access_unit unit;
    code = ph_encoder_encode(track->encoder, scaled, idr, &unit);
    if (code < 0)
        return code;
    return ph_packager_add(&track->packager, frame, unit.bytes, unit.idr);
}

static int emit_part(struct ph_video_track *track, int64_t end_frame, bool last) {
    struct ph_part part;
    int code = ph_packager_close(&track->packager, end_frame, last, &part);
    if (code < 0)
        return code;
    code = track->options.take(track->options.opaque, &part);
    ph_part_finish(&part);
    return code;
}

static int handle_frame(struct ph_video_track *track, struct queued_frame *queued) {
    const struct ph_grid_plan *grid = &track->timing.grid;
    struct ph_part_position position = ph_grid_part_of_video(grid, queued->frame);
    bool first_of_part = ph_grid_first_video(grid, position) == queued->frame;
    bool idr = (first_of_part && position.part == 0) || is_fresh_start(track, queued->frame);
    int64_t began_us = ph_now_us();
    bool is_at_lowest = atomic_load(&track->wanted_effort) == PH_EFFORT_LOWEST;
    struct ph_frame_lateness lateness = {
        .delay_us = track->options.age(track->options.opaque, queued->arrival_us),
        .part_before_us = is_at_lowest ? track->part_delay_us : PH_NO_DELAY_US,
        .first_of_part = first_of_part,
    };
    enum ph_effort_verdict verdict = ph_effort_judge(atomic_load(&track->drop_after_us), &lateness);
    if (verdict == PH_EFFORT_REPEAT && !track->last->buf[0])
        verdict = PH_EFFORT_ENCODE;

    ph_packager_note_arrival(&track->packager, queued->arrival_us);
    int code = 0;
    if (verdict == PH_EFFORT_ENCODE)
        code = keep_last(track, queued->picture);
    if (code >= 0 && verdict != PH_EFFORT_DROP)
        code = encode_frame(track, track->last, queued->frame, idr);
    if (code < 0)
        return code;
    track->next_frame = queued->frame + track->timing.step;
    if (ph_grid_first_video(grid, ph_part_after(grid, position)) == track->next_frame) {
        code = emit_part(track, track->next_frame, false);
        track->part_delay_us = track->options.age(track->options.opaque, queued->arrival_us);
    }
    count_frame(track, verdict == PH_EFFORT_ENCODE, ph_now_us() - began_us, began_us - queued->pushed_us,
        lateness.delay_us);
    return code;
}

static int run_queue(struct ph_video_track *track) {
    void *item;
    while (ph_queue_pop(track->queue, &item, PH_NEVER_US) == 0) {
        struct queued_frame *queued = item;
        int code = atomic_load(&track->abandoned) ? PH_EOF : handle_frame(track, queued);
        free_frame(queued);
        if (code < 0)
            return code;
    }
    if (atomic_load(&track->abandoned))
        return PH_EOF;
    if (!track->packager.count)
        return 0;
    return emit_part(track, track->next_frame, true);
}

static void *run(void *opaque) {
    struct ph_video_track *track = opaque;
    int code = run_queue(track);
    if (code < 0) {
        if (code != PH_EOF)
            ph_log_error("rendition fails", ph_str("track", track->options.rendition.name), ph_code(code));
        atomic_store(&track->code, code);
    }
    /* Frees who waits in push. */
    ph_queue_close(track->queue);
    void *item;
    while (ph_queue_pop(track->queue, &item, 0) == 0)
        free_frame(item);
    return NULL;
}

int ph_video_track_create(struct ph_video_track **created, const struct ph_video_track_options *options) {
    struct ph_video_track *track = calloc(1, sizeof(*track));
    if (!track)
        return -ENOMEM;
    track->options = *options;
    track->timing = ph_track_timing_video(&options->grid, options->rendition.step, options->rendition.rate);
    track->effort = options->effort;
    track->part_delay_us = PH_NO_DELAY_US;
    atomic_store(&track->wanted_effort, options->effort);
    atomic_store(&track->drop_after_us, options->drop_after_us);
    pthread_mutex_init(&track->lock, NULL);
    ph_packager_init(&track->packager, &track->timing);
    int code = -ENOMEM;
    track->last = av_frame_alloc();
    if (!track->last)
        goto fail;
    code = ph_queue_create(&track->queue, queue_length(options->rendition.rate));
    if (code >= 0)
        code = ph_scaler_create(
            &track->scaler, options->rendition.width, options->rendition.height, PH_COLOURS_VIDEO);
    if (code >= 0)
        code = open_encoder(track);
    if (code >= 0)
        code = make_header(track);
    if (code >= 0)
        code = ph_thread_start(&track->thread, options->rendition.name, run, track);
    if (code < 0)
        goto fail;
    track->started = true;
    *created = track;
    return 0;

fail:
    ph_video_track_destroy(track);
    return code;
}

const struct ph_track_timing *ph_video_track_timing(const struct ph_video_track *track) {
    return &track->timing;
}

const char *ph_video_track_codecs(const struct ph_video_track *track) {
    return track->codecs;
}

struct ph_bytes *ph_video_track_init_segment(const struct ph_video_track *track) {
    return track->init_segment;
}

int ph_video_track_push(struct ph_video_track *track, const struct ph_grid_video *video) {
    if (video->frame < track->options.first_frame || video->frame % track->timing.step != 0)
        return 0;
    struct queued_frame *queued = calloc(1, sizeof(*queued));
    if (!queued)
        return -ENOMEM;
    queued->frame = video->frame;
    queued->arrival_us = video->arrival_us;
    queued->picture = av_frame_clone(video->picture);
    int code = queued->picture ? 0 : -ENOMEM;
    queued->pushed_us = ph_now_us();
    if (code >= 0)
        code = ph_queue_push(track->queue, queued, PH_NEVER_US);
    if (code < 0) {
        free_frame(queued);
        int ended = atomic_load(&track->code);
        return ended ? ended : code;
    }
    return 0;
}

static void join(struct ph_video_track *track) {
    if (!track->started)
        return;
    ph_queue_close(track->queue);
    pthread_join(track->thread, NULL);
    track->started = false;
}

int ph_video_track_finish(struct ph_video_track *track) {
    join(track);
    return atomic_load(&track->code);
}

void ph_video_track_abandon(struct ph_video_track *track) {
    atomic_store(&track->abandoned, true);
    ph_queue_close(track->queue);
}

void ph_video_track_destroy(struct ph_video_track *track) {
    if (!track)
        return;
    if (track->queue)
        ph_video_track_abandon(track);
    join(track);
    ph_queue_destroy(track->queue);
    ph_packager_finish(&track->packager);
    ph_encoder_destroy(track->encoder);
    ph_scaler_destroy(track->scaler);
    av_frame_free(&track->last);
    ph_bytes_unref(&track->init_segment);
    pthread_mutex_destroy(&track->lock);
    free(track);
}

void ph_video_track_set_effort(struct ph_video_track *track, int level, int64_t drop_after_us) {
    atomic_store(&track->wanted_effort, level);
    atomic_store(&track->drop_after_us, drop_after_us);
}

void ph_video_track_read(struct ph_video_track *track, struct ph_video_figures *figures) {
    pthread_mutex_lock(&track->lock);
    *figures = track->figures;
    track->figures.queue_delay_us = 0;
    pthread_mutex_unlock(&track->lock);
}
