#include "origin/recording/recorder.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "origin/recording/recorder_private.h"

static const struct ph_track *best_of(
    const struct ph_recorder_options *options, enum ph_track_kind kind, uint32_t *index) {
    const struct ph_track *best = NULL;
    for (uint32_t i = 0; i < options->publication->track_count; i++) {
        const struct ph_track *track = &options->publication->tracks[i];
        if (track->kind != kind || !options->inits[i].size)
            continue;
        if (!best || track->height > best->height) {
            best = track;
            *index = i;
        }
    }
    return best;
}

static int add_slot(
    struct ph_recorder *recorder, const struct ph_recorder_options *options, enum ph_track_kind kind) {
    uint32_t index = 0;
    if (!best_of(options, kind, &index))
        return 0;
    struct ph_recorder_slot *slot = &recorder->slots[recorder->slot_count];
    struct ph_slice init = options->inits[index];
    int code = ph_init_segment_read(init, &slot->init);
    if (!code && slot->init.kind != kind)
        code = PH_INVALID_DATA;
    if (!code)
        code = ph_mp4_track_init(&slot->table, &slot->init);
    if (code)
        return code;
    slot->init.description = (struct ph_slice){0};
    slot->init_check = (uint32_t)crc32_z(0, init.data, init.size);
    slot->index = index;
    recorder->slot_count++;
    return 0;
}

void ph_recorder_set_title(struct ph_recorder *recorder, const char *title) {
    memset(recorder->title, 0, sizeof(recorder->title));
    if (title)
        strncpy(recorder->title, title, sizeof(recorder->title) - 1);
}

static int fill(struct ph_recorder *recorder, const struct ph_recorder_options *options) {
    if (strlen(options->key) >= sizeof(recorder->key))
        return -EINVAL;
    memcpy(recorder->key, options->key, strlen(options->key) + 1);
    ph_recorder_set_title(recorder, options->title);
    recorder->store = options->store;
    recorder->epoch_utc_us = options->publication->epoch_utc_us;
    int code = ph_recorder_files_init(&recorder->files, options->dir);
    if (!code)
        code = add_slot(recorder, options, PH_TRACK_VIDEO);
    if (!code)
        code = add_slot(recorder, options, PH_TRACK_AUDIO);
    return !code && !recorder->slot_count ? PH_INVALID_DATA : code;
}

/* An empty recorder of these options. */
static int create(struct ph_recorder **recorder, const struct ph_recorder_options *options) {
    struct ph_recorder *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->files.fd = -1;
    int code = fill(made, options);
    if (code) {
        ph_recorder_free(made);
        made = NULL;
    }
    *recorder = made;
    return code;
}

/* The composition is gone: by having become the object, when that is there. */
static int recognise_object(struct ph_recorder *recorder) {
    struct ph_store_object object;
    if (!recorder->result.bytes)
        return PH_INVALID_DATA;
    int code = ph_store_head(recorder->store, recorder->key, &object);
    if (code == -ENOENT || (!code && object.bytes != recorder->result.bytes))
        return PH_INVALID_DATA;
    recorder->finished = !code;
    return code;
}

static int restore_head(struct ph_recorder *recorder) {
    struct ph_bytes *head = NULL;
    if (!recorder->receipt_count || !recorder->most_head_bytes)
        return 0;
    int code = ph_recorder_files_load_head(&recorder->files, &head);
    if (code)
        return code == -ENOENT ? PH_INVALID_DATA : code;
    if (ph_bytes_size(head) == recorder->most_head_bytes)
        ph_builder_append(&recorder->head, ph_bytes_data(head), ph_bytes_size(head));
    ph_bytes_unref(&head);
    recorder->head_saved = true;
    if (!ph_builder_ok(&recorder->head))
        return -ENOMEM;
    return recorder->head.size == recorder->most_head_bytes ? 0 : PH_INVALID_DATA;
}

static int resume(struct ph_recorder *recorder, struct ph_slice journal) {
    uint64_t valid_bytes = 0;
    int code = ph_recorder_restore(recorder, journal, &valid_bytes);
    if (!code)
        code = restore_head(recorder);
    if (!code)
        code = ph_composition_resume(recorder->store, recorder->key, recorder->token, &recorder->composition);
    if (code == -ENOENT)
        return recognise_object(recorder);
    return code ? code : ph_recorder_files_open(&recorder->files, valid_bytes);
}

/* What cannot be gone on with leaves nothing behind. */
static int drop(struct ph_recorder *recorder) {
    int code = 0;
    if (recorder->token[0] && !recorder->composition)
        code = ph_composition_resume(recorder->store, recorder->key, recorder->token, &recorder->composition);
    if (code && code != -ENOENT && code != -EINVAL)
        return code;
    return ph_recorder_abort(recorder);
}

int ph_recorder_open(struct ph_recorder **recorder, const struct ph_recorder_options *options) {
    struct ph_bytes *journal = NULL;
    int code = create(recorder, options);
    if (code)
        return code;
    code = ph_recorder_files_load(&(*recorder)->files, &journal);
    if (code == -ENOENT)
        return 0;
    if (!code)
        code = resume(*recorder, ph_bytes_slice(journal));
    ph_bytes_unref(&journal);
    if (!code)
        return 0;
    bool begins_anew = code == PH_INVALID_DATA;
    if (begins_anew)
        code = drop(*recorder);
    ph_recorder_free(*recorder);
    *recorder = NULL;
    return begins_anew && !code ? create(recorder, options) : code;
}

void ph_recorder_free(struct ph_recorder *recorder) {
    if (!recorder)
        return;
    ph_composition_free(recorder->composition);
    ph_recorder_files_close(&recorder->files);
    for (uint32_t i = 0; i < PH_MOST_MP4_TRACKS; i++)
        ph_mp4_track_finish(&recorder->slots[i].table);
    ph_builder_discard(&recorder->head);
    ph_builder_discard(&recorder->pending);
    ph_builder_discard(&recorder->entries);
    free(recorder->receipts);
    free(recorder->chunks);
    free(recorder);
}

int ph_recorder_abort(struct ph_recorder *recorder) {
    recorder->broken = true;
    bool is_open = recorder->composition && !recorder->finished;
    int code = is_open ? ph_composition_abort(recorder->composition) : 0;
    return code ? code : ph_recorder_files_remove(&recorder->files);
}

/* NULL when the track is not recorded. */
static const struct ph_recorder_slot *slot_of(const struct ph_recorder *recorder, uint32_t track) {
    for (uint32_t i = 0; i < recorder->slot_count; i++) {
        if (recorder->slots[i].index == track)
            return &recorder->slots[i];
    }
    return NULL;
}

bool ph_recorder_takes(const struct ph_recorder *recorder, uint32_t track) {
    return slot_of(recorder, track);
}

bool ph_recorder_expects(const struct ph_recorder *recorder, uint32_t *track, uint64_t *segment) {
    if (!recorder->cut_awaited || recorder->finished)
        return false;
    *track = recorder->slots[recorder->cut.slot].index;
    *segment = recorder->cut.segment;
    return true;
}

uint64_t ph_recorder_consumed_below(const struct ph_recorder *recorder, uint32_t track) {
    const struct ph_recorder_slot *slot = slot_of(recorder, track);
    return slot && !recorder->finished ? slot->consumed_below : UINT64_MAX;
}

uint64_t ph_recorder_taken_below(const struct ph_recorder *recorder, uint32_t track) {
    const struct ph_recorder_slot *slot = slot_of(recorder, track);
    return slot && !recorder->finished ? slot->taken_below : UINT64_MAX;
}
