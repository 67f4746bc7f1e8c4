#include <string.h>

#include "origin/recording/recorder_private.h"

static void describe(struct ph_recorder *recorder, const struct ph_mp4 *mp4, uint64_t front_bytes) {
    struct ph_recorder_result *result = &recorder->result;
    *result = (struct ph_recorder_result){
        .bytes = front_bytes + recorder->appended_bytes, .duration_us = ph_mp4_duration_us(mp4)};
    for (uint32_t i = 0; i < mp4->track_count; i++) {
        const struct ph_mp4_track *track = mp4->tracks[i];
        if (track->kind == PH_TRACK_VIDEO) {
            result->width = track->width;
            result->height = track->height;
            result->video_samples = track->sample_count;
        } else {
            result->audio_samples = track->sample_count;
        }
    }
}

/* How much padding the place that is reserved in front needs. */
static int ask_padding(struct ph_recorder *recorder, uint64_t needed, uint32_t *padding) {
    uint64_t front = 0;
    int code = ph_composition_reserve(recorder->composition, needed, &front);
    if (!code && front > needed && front < needed + PH_LEAST_MP4_PADDING)
        code = ph_composition_reserve(recorder->composition, needed + PH_LEAST_MP4_PADDING, &front);
    if (code)
        return code;
    if (front < needed || front - needed > UINT32_MAX)
        return -EFBIG;
    *padding = (uint32_t)(front - needed);
    return 0;
}

/* Head of the MP4 and head of the media. */
static int write_front(struct ph_recorder *recorder, struct ph_builder *front) {
    struct ph_mp4 mp4 = ph_recorder_mp4(recorder);
    mp4.created_utc_us += ph_mp4_start_us(&mp4);
    uint32_t padding = 0;
    int code = ph_mp4_write_head(&mp4, 0, front);
    if (!code)
        code = ask_padding(recorder, front->size + recorder->head.size, &padding);
    if (!code && padding) {
        ph_builder_clear(front);
        code = ph_mp4_write_head(&mp4, padding, front);
    }
    ph_builder_append(front, recorder->head.data, recorder->head.size);
    if (!code && !ph_builder_ok(front))
        code = -ENOMEM;
    if (!code)
        describe(recorder, &mp4, front->size);
    return code;
}

/* Whoever finds the composition gone knows by this that it became the object. */
static int note_finishing(struct ph_recorder *recorder) {
    struct ph_builder record = {0};
    ph_recorder_write_finishing(&record, &recorder->result);
    int code = -ENOMEM;
    if (ph_builder_ok(&record))
        code = ph_recorder_files_append(&recorder->files, (struct ph_slice){record.data, record.size});
    ph_builder_discard(&record);
    return code;
}

static int compose(struct ph_recorder *recorder) {
    struct ph_builder front = {0};
    int code = ph_recorder_flush(recorder, true);
    if (!code)
        code = write_front(recorder, &front);
    if (!code)
        code = note_finishing(recorder);
    if (!code)
        code = ph_composition_finish(recorder->composition, (struct ph_slice){front.data, front.size},
            recorder->receipts, recorder->receipt_count);
    recorder->finished = !code;
    ph_builder_discard(&front);
    return code;
}

int ph_recorder_finish(struct ph_recorder *recorder, struct ph_recorder_result *result) {
    struct ph_store_object object;
    if (recorder->broken)
        return -ENOMEM;
    if (!recorder->finished) {
        if (recorder->cut_awaited)
            return -EPERM;
        if (!recorder->media_bytes || !recorder->composition)
            return -ENODATA;
        int code = compose(recorder);
        if (code)
            return code;
    }
    int code = ph_store_head(recorder->store, recorder->key, &object);
    if (code)
        return code;
    *result = recorder->result;
    memcpy(result->etag, object.etag, sizeof(result->etag));
    return 0;
}
