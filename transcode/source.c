/* The threads of a source: `demux` (source_feeder.c) reads entries and passes packets on, `grid` (here)
 * decodes them and calls the sink.
 *
 *   phase      what may be called
 *   running    feed, tick, checkpoint, read_figures, set_decode_effort; from any thread, feed and tick from
 * one over       the same; feed and tick answer how it ended. Entered when the sink fails, at END, or at a
 * failure destroyed  nothing
 *
 * End of stream flows both ways through the two queues: who is over closes them. */
#include "transcode/source.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/queue.h"
#include "core/base/thread.h"
#include "transcode/source_feeder.h"
#include "transcode/source_stage.h"

enum { most_items = 256, items_when_behind = 8 };

struct ph_source {
    struct ph_queue *items;
    struct ph_source_feeder *feeder;
    struct ph_source_stage stage;
    pthread_t thread;
    bool has_stage, has_thread;
    atomic_int outcome; /* 0 while running */
};

static void *run(void *opaque) {
    struct ph_source *source = opaque;
    int code = ph_source_stage_start(&source->stage);
    while (code >= 0) {
        void *item;
        code = ph_queue_pop(source->items, &item, PH_NEVER_US);
        if (code == 0)
            code = ph_source_stage_take(
                &source->stage, item, ph_queue_length(source->items) > items_when_behind);
    }
    atomic_store(&source->outcome, code);
    ph_queue_close(source->items);
    return NULL;
}

static int start(struct ph_source *source, const struct ph_source_options *options, struct ph_grid_sink *sink,
    struct ph_source_state *state) {
    int code = ph_queue_create(&source->items, most_items);
    if (code < 0)
        return code;
    source->has_stage = true;
    code = ph_source_stage_init(&source->stage, options, sink, state);
    if (code < 0)
        return code;
    code = ph_source_feeder_create(&source->feeder, source->items, state ? &source->stage.connection : NULL);
    if (code < 0)
        return code;
    code = ph_thread_start(&source->thread, "grid", run, source);
    source->has_thread = code == 0;
    return code;
}

int ph_source_create(
    struct ph_source **out, const struct ph_source_options *options, struct ph_grid_sink *sink) {
    *out = NULL;
    struct ph_source_state state = {0};
    int code = options->state.size ? ph_source_state_read(options->state, &state) : 0;
    if (code < 0)
        return code;
    struct ph_source *source = calloc(1, sizeof(*source));
    code = source ? start(source, options, sink, options->state.size ? &state : NULL) : -ENOMEM;
    ph_source_state_finish(&state);
    if (code < 0) {
        ph_source_destroy(source);
        return code;
    }
    *out = source;
    return 0;
}

int ph_source_feed(struct ph_source *source, const struct ph_link_entry *entry) {
    int code = ph_source_feeder_push(source->feeder, entry);
    int outcome = atomic_load(&source->outcome);
    return outcome < 0 ? outcome : code;
}

int ph_source_tick(struct ph_source *source, int64_t now_us) {
    return ph_source_feed(source, &(struct ph_link_entry){.type = PH_LINK_TICK, .time_us = now_us});
}

int ph_source_checkpoint(
    struct ph_source *source, int64_t video, int64_t audio, uint64_t *replay_from, struct ph_bytes **state) {
    struct ph_source_stage *stage = &source->stage;
    *state = NULL;
    pthread_mutex_lock(&stage->lock);
    const struct ph_source_point *point = ph_source_points_find(&stage->points, video, audio);
    int code = -EAGAIN;
    if (point) {
        struct ph_source_state copy = point->state; /* borrows the sdp */
        copy.audio_frame = point->audio_frame;
        *replay_from = point->replay_from;
        *state = ph_source_state_write(&copy);
        code = *state ? 0 : -ENOMEM;
    }
    pthread_mutex_unlock(&stage->lock);
    return code;
}

int ph_source_state_description(struct ph_slice bytes, struct ph_source_description *description) {
    struct ph_source_state state;
    int code = ph_source_state_read(bytes, &state);
    if (code < 0)
        return code;
    *description = state.description;
    ph_source_state_finish(&state);
    return 0;
}

void ph_source_read_figures(struct ph_source *source, struct ph_source_figures *figures) {
    pthread_mutex_lock(&source->stage.lock);
    *figures = source->stage.figures;
    pthread_mutex_unlock(&source->stage.lock);
}

void ph_source_set_decode_effort(struct ph_source *source, int skip) {
    atomic_store(&source->stage.decode_skip, skip);
}

void ph_source_destroy(struct ph_source *source) {
    if (!source)
        return;
    if (source->items)
        ph_queue_close(source->items);
    ph_source_feeder_destroy(source->feeder);
    if (source->has_thread)
        pthread_join(source->thread, NULL);
    void *item;
    while (source->items && ph_queue_pop(source->items, &item, 0) == 0)
        ph_source_item_destroy(item);
    ph_queue_destroy(source->items);
    if (source->has_stage)
        ph_source_stage_finish(&source->stage);
    free(source);
}
