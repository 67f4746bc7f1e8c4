/* Points of a source to replay from: noted at keyframes, asked for by whoever acknowledges. */
#include <stdlib.h>
#include <string.h>

#include "transcode/source_stage.h"

enum {
    least_distance_us = 500000,
    /* A decoder and a resampler that start anew are right after this many samples. */
    warm_up_samples = 3 * PH_AUDIO_FRAME_SAMPLES,
};

/* Of the stage's picture grid; the slot that a keyframe will take. */
static int64_t slot_at(const struct ph_source_stage *stage, int64_t time_us) {
    int64_t slot = ph_grid_video_at_us(&stage->description.plan, time_us);
    return slot < 0 ? 0 : slot + 1; /* the phase may move it by one: later is safe */
}

static bool has_sound(const struct ph_source_stage *stage) {
    return stage->now_us < stage->audio_grid.expected_until_us && !stage->is_unusable[PH_TRACK_AUDIO];
}

static int make_point(
    struct ph_source_stage *stage, uint64_t replay_from, int64_t slot, struct ph_source_point *point) {
    const struct ph_link_connection *connection = &stage->connection;
    *point = (struct ph_source_point){
        .replay_from = replay_from,
        .slot = slot,
        /* Until a packet of sound tells; silence follows the picture from where it stands. */
        .audio_frame = has_sound(stage) ? INT64_MAX : stage->audio_grid.next,
    };
    struct ph_source_state *state = &point->state;
    *state = (struct ph_source_state){
        .description = stage->description,
        .timeline = stage->timeline,
        .rtp_clock = stage->rtp_clock,
        .slot = point->slot,
        .phase = stage->grid.phase,
        .audio_bias = stage->audio_grid.has_position ? stage->audio_grid.bias : 0,
        .has_audio = stage->audio_grid.is_declared,
        .connection = connection->number,
    };
    if (connection->kind)
        strncpy(state->kind, connection->kind, sizeof(state->kind) - 1);
    if (connection->sdp && !(state->sdp = strdup(connection->sdp)))
        return -ENOMEM;
    return 0;
}

int ph_source_stage_note_keyframe(
    struct ph_source_stage *stage, const struct ph_source_item *item, int64_t time_us) {
    if (item->replay_from == PH_NO_UNIT)
        return 0;
    if (!stage->has_begun) {
        if (stage->first_replay_from == PH_NO_UNIT)
            stage->first_replay_from = item->replay_from;
        return 0;
    }
    pthread_mutex_lock(&stage->lock);
    const struct ph_source_points *points = &stage->points;
    const struct ph_source_point *last = points->count ? &points->points[points->count - 1] : NULL;
    int64_t slot = slot_at(stage, time_us);
    bool is_near =
        last && ph_grid_video_time_us(&stage->description.plan, slot - last->slot) < least_distance_us;
    struct ph_source_point point;
    int code = is_near ? 0 : make_point(stage, item->replay_from, slot, &point);
    if (code == 0 && !is_near)
        ph_source_points_add(&stage->points, &point);
    pthread_mutex_unlock(&stage->lock);
    return code;
}

int ph_source_stage_note_beginning(struct ph_source_stage *stage) {
    if (stage->first_replay_from == PH_NO_UNIT)
        return 0;
    struct ph_source_point point;
    int code = make_point(stage, stage->first_replay_from, stage->grid.next, &point);
    if (code < 0)
        return code;
    point.audio_frame = stage->audio_grid.next;
    pthread_mutex_lock(&stage->lock);
    ph_source_points_add(&stage->points, &point);
    pthread_mutex_unlock(&stage->lock);
    return 0;
}

void ph_source_stage_note_audio(
    struct ph_source_stage *stage, const struct ph_source_item *item, int64_t time_us) {
    if (item->replay_from == PH_NO_UNIT)
        return;
    int64_t samples = time_us * 48 / 1000 + warm_up_samples;
    int64_t frame = samples > 0 ? (samples + PH_AUDIO_FRAME_SAMPLES - 1) / PH_AUDIO_FRAME_SAMPLES : 0;
    pthread_mutex_lock(&stage->lock);
    for (unsigned i = 0; i < stage->points.count; i++) {
        struct ph_source_point *point = &stage->points.points[i];
        if (point->audio_frame == INT64_MAX && item->replay_from >= point->replay_from)
            point->audio_frame = frame;
    }
    pthread_mutex_unlock(&stage->lock);
}
