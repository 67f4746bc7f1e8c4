#include "transcode/checkpoint.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { version = 1, most_sdp_bytes = 16384 };

void ph_source_state_finish(struct ph_source_state *state) {
    free(state->sdp);
    state->sdp = NULL;
}

static json_t *timeline_to_json(const struct ph_timeline *timeline) {
    return json_pack("{s:b, s:b, s:I, s:I, s:I, s:[I,I], s:b, s:I, s:I, s:I}", "mapped", timeline->is_mapped,
        "hasPrevious", timeline->has_previous, "reference", (json_int_t)timeline->reference_ticks, "offset",
        (json_int_t)timeline->offset_us, "previous", (json_int_t)timeline->previous_offset_us, "late",
        (json_int_t)timeline->late_since_us[0], (json_int_t)timeline->late_since_us[1], "hasBaseline",
        timeline->has_baseline, "baseline", (json_int_t)timeline->baseline_us, "windowStart",
        (json_int_t)timeline->window_start_us, "windowLeast", (json_int_t)timeline->window_least_us);
}

static json_t *rtp_stream_to_json(const struct ph_rtp_stream_clock *stream) {
    return json_pack(
        "{s:b, s:I, s:i, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:b, s:I, s:I, s:I}",
        "placed", stream->is_placed, "ssrc", (json_int_t)stream->ssrc, "rate", (int)stream->rate, "reference",
        (json_int_t)stream->reference, "arrival", (json_int_t)stream->arrival_us, "offset",
        (json_int_t)stream->offset_us, "isLate", stream->is_late, "lateSince",
        (json_int_t)stream->late_since_us, "jump", (json_int_t)stream->jump_us, "moved",
        (json_int_t)stream->moved_us, "jumped", (json_int_t)stream->jumped_us, "freshFrom",
        (json_int_t)stream->fresh_from, "hasReport", stream->has_report, "fresh", stream->is_fresh, "trusted",
        stream->is_trusted, "doubtful", stream->is_doubtful, "report", (json_int_t)stream->report_offset_us,
        "gained", (json_int_t)stream->gained_us, "unsteady", (json_int_t)stream->unsteady_us);
}

static json_t *rtp_clock_to_json(const struct ph_rtp_clock *clock) {
    return json_pack("[o, o, b]", rtp_stream_to_json(&clock->streams[0]),
        rtp_stream_to_json(&clock->streams[1]), clock->is_unsettled);
}

struct ph_bytes *ph_source_state_write(const struct ph_source_state *state) {
    const struct ph_source_description *description = &state->description;
    json_t *root =
        json_pack("{s:i, s:[i,i], s:[i,i], s:[i,i], s:o, s:o, s:I, s:I, s:f, s:I, s:b, s:I, s:s, s:s?}",
            "version", version, "size", (int)description->width, (int)description->height, "rate",
            (int)description->plan.rate.num, (int)description->plan.rate.den, "grid",
            (int)description->plan.frames_per_part, (int)description->plan.parts_per_segment, "timeline",
            timeline_to_json(&state->timeline), "rtp", rtp_clock_to_json(&state->rtp_clock), "slot",
            (json_int_t)state->slot, "audioFrame", (json_int_t)state->audio_frame, "phase", state->phase,
            "bias", (json_int_t)state->audio_bias, "hasAudio", state->has_audio, "connection",
            (json_int_t)state->connection, "kind", state->kind, "sdp", state->sdp);
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    return text ? ph_bytes_adopt(text, strlen(text)) : NULL;
}

static bool rtp_stream_is_sane(const struct ph_rtp_stream_clock *stream) {
    const int64_t most_reference = INT64_C(1) << 42, bound = INT64_C(1) << 56;
    if (!stream->is_placed)
        return !stream->has_report && !stream->is_fresh;
    const int64_t times[] = {stream->arrival_us, stream->offset_us, stream->late_since_us, stream->jump_us,
        stream->moved_us, stream->jumped_us, stream->report_offset_us, stream->gained_us,
        stream->unsteady_us};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (times[i] < -bound || times[i] > bound)
            return false;
    }
    return stream->rate > 0 && stream->rate <= 1000000 && stream->reference >= -most_reference &&
           stream->reference <= most_reference;
}

/* Of a worker that knew neither lateness nor jumps: the stream is in time, and its report holds. */
static void complete_rtp_stream(struct ph_rtp_stream_clock *stream) {
    if (stream->rate > 0)
        stream->arrival_us = stream->reference * 1000000 / stream->rate + stream->offset_us;
    stream->jumped_us = stream->unsteady_us = stream->arrival_us;
    stream->fresh_from = stream->reference;
    stream->is_fresh = stream->has_report;
}

static int unpack_rtp_stream(json_t *value, struct ph_rtp_stream_clock *stream) {
    int placed = 0, rate = 0, is_late = 0, has_report = 0, is_fresh = 0, is_trusted = 0;
    int is_doubtful = 0;
    json_int_t ssrc = 0, times[11] = {0};
    if (json_unpack(value,
            "{s:b, s:I, s:i, s:I, s?I, s:I, s?b, s?I, s?I, s?I, s?I, s?I, s:b, s?b, s?b, s?b, s:I, s?I, s?I}",
            "placed", &placed, "ssrc", &ssrc, "rate", &rate, "reference", &times[0], "arrival", &times[1],
            "offset", &times[2], "isLate", &is_late, "lateSince", &times[3], "jump", &times[4], "moved",
            &times[5], "jumped", &times[6], "freshFrom", &times[7], "hasReport", &has_report, "fresh",
            &is_fresh, "trusted", &is_trusted, "doubtful", &is_doubtful, "report", &times[8], "gained",
            &times[9], "unsteady", &times[10]))
        return PH_INVALID_DATA;
    *stream = (struct ph_rtp_stream_clock){placed, (uint32_t)ssrc, rate, times[0], times[1], times[2],
        is_late, times[3], times[4], times[5], times[6], times[7], has_report, is_fresh, is_trusted,
        is_doubtful, times[8], times[9], times[10]};
    if (!rtp_stream_is_sane(stream))
        return PH_INVALID_DATA;
    if (!json_object_get(value, "arrival"))
        complete_rtp_stream(stream);
    return 0;
}

/* A state of a worker that knew no RTP has none. */
static int unpack_rtp_clock(json_t *root, struct ph_rtp_clock *clock) {
    json_t *value = json_object_get(root, "rtp");
    if (!value)
        return 0;
    clock->is_unsettled = json_is_true(json_array_get(value, 2));
    int code = unpack_rtp_stream(json_array_get(value, 0), &clock->streams[0]);
    return code < 0 ? code : unpack_rtp_stream(json_array_get(value, 1), &clock->streams[1]);
}

static bool timeline_is_sane(const struct ph_timeline *timeline) {
    const int64_t bound = INT64_C(1) << 56; /* two thousand years; sums of a few stay far from overflow */
    const int64_t values[] = {timeline->reference_ticks, timeline->offset_us, timeline->previous_offset_us,
        timeline->late_since_us[0], timeline->late_since_us[1], timeline->baseline_us,
        timeline->window_start_us};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (values[i] < -bound || values[i] > bound)
            return false;
    }
    return timeline->window_least_us >= -bound; /* the greatest there is while nothing has come */
}

static bool state_is_sane(const struct ph_source_state *state) {
    const struct ph_source_description *description = &state->description;
    const struct ph_grid_plan *plan = &description->plan;
    const int64_t most_frames = INT64_C(1) << 40;
    return description->width >= 2 && description->width <= 8192 && description->width % 2 == 0 &&
           description->height >= 2 && description->height <= 8192 && description->height % 2 == 0 &&
           plan->rate.num > 0 && plan->rate.num <= 1000000 && plan->rate.den > 0 &&
           plan->rate.den <= 100000 && plan->rate.num <= 120 * plan->rate.den && plan->frames_per_part > 0 &&
           plan->frames_per_part <= 1000 && plan->parts_per_segment > 0 && plan->parts_per_segment <= 1000 &&
           state->slot >= 0 && state->slot < most_frames &&
           ph_grid_video_time_us(plan, state->slot) >= 0 /* no overflow */ && state->audio_frame >= 0 &&
           state->audio_frame < most_frames && fabs(state->phase) <= 1 &&
           llabs(state->audio_bias) <= PH_AUDIO_RATE && timeline_is_sane(&state->timeline);
}

static int unpack(json_t *root, struct ph_source_state *state) {
    int number = 0, width = 0, height = 0, parts[2] = {0}, rate[2] = {0}, mapped = 0, has_previous = 0;
    int has_baseline = 0, has_audio = 0;
    json_int_t times[8] = {0}, slot = 0, audio_frame = 0, bias = 0, connection = 0;
    const char *kind = NULL;
    json_t *description = NULL;
    int code = json_unpack(root,
        "{s:i, s:[i,i], s:[i,i], s:[i,i], s:{s:b, s:b, s:I, s:I, s:I, s:[I,I], s:b, s:I, s:I, s:I}, s:I, "
        "s:I, s:F, s:I,"
        " s:b, s:I, s:s, s:o}",
        "version", &number, "size", &width, &height, "rate", &rate[0], &rate[1], "grid", &parts[0], &parts[1],
        "timeline", "mapped", &mapped, "hasPrevious", &has_previous, "reference", &times[0], "offset",
        &times[1], "previous", &times[2], "late", &times[3], &times[4], "hasBaseline", &has_baseline,
        "baseline", &times[5], "windowStart", &times[6], "windowLeast", &times[7], "slot", &slot,
        "audioFrame", &audio_frame, "phase", &state->phase, "bias", &bias, "hasAudio", &has_audio,
        "connection", &connection, "kind", &kind, "sdp", &description);
    const char *sdp = json_string_value(description); /* NULL for JSON's null */
    if (code || number != version || strlen(kind) >= sizeof(state->kind) ||
        (sdp && strlen(sdp) > most_sdp_bytes))
        return PH_INVALID_DATA;
    if (width < 0 || height < 0 || parts[0] < 0 || parts[1] < 0)
        return PH_INVALID_DATA;
    state->description = (struct ph_source_description){
        (uint32_t)width, (uint32_t)height, {{rate[0], rate[1]}, (uint32_t)parts[0], (uint32_t)parts[1]}};
    state->timeline = (struct ph_timeline){mapped, has_previous, times[0], times[1], times[2],
        {times[3], times[4]}, has_baseline, times[5], times[6], times[7]};
    state->slot = slot;
    state->audio_frame = audio_frame;
    state->audio_bias = bias;
    state->has_audio = has_audio;
    state->connection = (uint64_t)connection;
    strcpy(state->kind, kind);
    state->sdp = NULL;
    if (!state_is_sane(state) || unpack_rtp_clock(root, &state->rtp_clock) < 0)
        return PH_INVALID_DATA;
    if (sdp && !(state->sdp = strdup(sdp)))
        return -ENOMEM;
    return 0;
}

int ph_source_state_read(struct ph_slice bytes, struct ph_source_state *state) {
    *state = (struct ph_source_state){0};
    json_t *root = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        return PH_INVALID_DATA;
    int code = unpack(root, state);
    json_decref(root);
    return code;
}

static void forget_first(struct ph_source_points *points, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        ph_source_state_finish(&points->points[i].state);
    points->count -= count;
    memmove(points->points, points->points + count, points->count * sizeof(points->points[0]));
}

static void thin_out(struct ph_source_points *points) {
    unsigned kept = 0;
    for (unsigned i = 0; i < points->count; i++) {
        if (i % 2)
            ph_source_state_finish(&points->points[i].state);
        else
            points->points[kept++] = points->points[i];
    }
    points->count = kept;
}

void ph_source_points_add(struct ph_source_points *points, const struct ph_source_point *point) {
    if (points->count == PH_MOST_SOURCE_POINTS)
        thin_out(points);
    points->points[points->count++] = *point;
}

const struct ph_source_point *ph_source_points_find(
    struct ph_source_points *points, int64_t video, int64_t audio) {
    unsigned found = points->count;
    for (unsigned i = 0; i < points->count; i++) {
        if (points->points[i].slot <= video && points->points[i].audio_frame <= audio)
            found = i;
    }
    if (found == points->count)
        return NULL;
    forget_first(points, found);
    return &points->points[0];
}

void ph_source_points_finish(struct ph_source_points *points) {
    forget_first(points, points->count);
}
