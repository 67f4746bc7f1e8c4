#include "transcode/rtp_clock.h"

#include <stdlib.h>

#include "transcode/timeline.h"

enum {
    most_back_us = 500000,   /* pictures are sent in the order of decoding */
    most_jump_us = 10000000, /* beyond this, timestamps have begun anew */
    jitter_us = 250000,      /* what arrivals may tell wrong */
    noise_us = 60000,        /* what reports of one clock may differ by */
};

static int64_t time_of(const struct ph_rtp_stream_clock *stream, int64_t timestamp) {
    return timestamp * 1000000 / stream->rate;
}

/* The timestamp with these low 32 bits that lies nearest to the last one. */
static int64_t unwrap(const struct ph_rtp_stream_clock *stream, uint32_t timestamp) {
    return stream->reference + (int32_t)(timestamp - (uint32_t)stream->reference);
}

static bool tells(const struct ph_rtp_stream_clock *stream) {
    return stream->is_placed && stream->is_fresh && !stream->is_doubtful;
}

/* How far the picture is to be moved; false while that is not known. */
static bool find_error(const struct ph_rtp_clock *clock, int64_t *error_us) {
    const struct ph_rtp_stream_clock *picture = &clock->streams[PH_TRACK_VIDEO];
    const struct ph_rtp_stream_clock *sound = &clock->streams[PH_TRACK_AUDIO];
    if (!tells(picture) || !tells(sound))
        return false;
    int64_t wanted_us = sound->offset_us + picture->report_offset_us - sound->report_offset_us;
    *error_us = wanted_us - picture->offset_us;
    int64_t ahead_us = time_of(picture, picture->reference) + wanted_us - picture->arrival_us;
    return ahead_us >= -PH_RTP_CLOCK_MOST_LATE_US; /* where it would not be seen it is not put */
}

/* Once both streams have told where they stand since they jumped. */
static bool leap(struct ph_rtp_clock *clock, int64_t error_us) {
    struct ph_rtp_stream_clock *picture = &clock->streams[PH_TRACK_VIDEO];
    if (!clock->is_unsettled || !picture->is_trusted || !clock->streams[PH_TRACK_AUDIO].is_trusted)
        return false;
    clock->is_unsettled = false;
    if (llabs(error_us) < PH_RTP_CLOCK_LEAST_LEAP_US || llabs(error_us) > PH_RTP_CLOCK_MOST_LEAP_US)
        return false;
    picture->offset_us += error_us;
    return true;
}

static void move_picture(struct ph_rtp_clock *clock, int64_t elapsed_us) {
    int64_t most_us = elapsed_us > 0 ? elapsed_us * PH_RTP_CLOCK_SLEW / 100 : 0;
    int64_t error_us;
    if (!find_error(clock, &error_us) || leap(clock, error_us) ||
        llabs(error_us) >= PH_RTP_CLOCK_MOST_ERROR_US)
        return;
    if (error_us > most_us)
        error_us = most_us;
    if (error_us < -most_us)
        error_us = -most_us;
    clock->streams[PH_TRACK_VIDEO].offset_us += error_us;
}

/* A packet of a stream that is placed. */
struct sample {
    int64_t timestamp; /* unwrapped */
    int64_t arrival_us;
    int64_t elapsed_us; /* since the last one, by timestamps */
    int64_t gained_us;  /* of that, what did not pass between the arrivals */
    int64_t ahead_us;   /* of its arrival, where the stream stands */
};

static struct sample sample_of(
    const struct ph_rtp_stream_clock *stream, uint32_t timestamp, int64_t arrival_us) {
    struct sample sample = {.timestamp = unwrap(stream, timestamp), .arrival_us = arrival_us};
    sample.elapsed_us = time_of(stream, sample.timestamp) - time_of(stream, stream->reference);
    sample.gained_us = sample.elapsed_us - (arrival_us - stream->arrival_us);
    sample.ahead_us = time_of(stream, sample.timestamp) + stream->offset_us - arrival_us;
    return sample;
}

/* Whether a sample so far off its arrival is of a stream that jumped. Timestamps that went on with the time
 * while packets were lost have not. */
static bool has_jumped(struct ph_rtp_stream_clock *stream, const struct sample *sample) {
    int64_t step_us = sample->gained_us > jitter_us ? sample->elapsed_us : 0;
    bool is_early = sample->ahead_us > 0 && ph_timeline_has_jumped(sample->ahead_us, step_us);
    if (is_early || sample->elapsed_us < -most_back_us)
        return true;
    bool was_late = stream->is_late;
    stream->is_late = sample->ahead_us < -PH_RTP_CLOCK_MOST_LATE_US;
    if (stream->is_late && !was_late)
        stream->late_since_us = sample->arrival_us;
    return stream->is_late && sample->arrival_us - stream->late_since_us > PH_RTP_CLOCK_PERSISTS_US;
}

/* By how much timestamps jumped; what is late did so before. */
static int64_t jump_of(const struct ph_rtp_stream_clock *stream, const struct sample *sample) {
    return stream->is_late ? sample->ahead_us : sample->gained_us;
}

/* Whether what arrivals tell of a jump may be that jump. */
static bool is_about(int64_t told_us, int64_t jump_us) {
    int64_t apart_us = llabs(told_us - jump_us);
    return apart_us < jitter_us && apart_us * 2 < llabs(jump_us);
}

/* Whether the stream jumps as the other did a moment ago. */
static bool jumps_with(const struct ph_rtp_stream_clock *stream, const struct ph_rtp_stream_clock *other,
    const struct sample *sample) {
    bool is_recent = other->jump_us && other->jumped_us > stream->jumped_us &&
                     sample->arrival_us - other->jumped_us <= PH_RTP_CLOCK_TOGETHER_US;
    return is_recent &&
           (is_about(sample->gained_us, other->jump_us) || is_about(jump_of(stream, sample), other->jump_us));
}

static void note_jump(
    struct ph_rtp_stream_clock *stream, const struct sample *sample, int64_t moved_us, int64_t jumped_us) {
    stream->jump_us = jump_of(stream, sample);
    stream->moved_us = moved_us;
    stream->jumped_us = jumped_us;
}

static void move(
    struct ph_rtp_stream_clock *stream, const struct sample *sample, int64_t moved_us, int64_t jumped_us) {
    stream->offset_us += moved_us;
    note_jump(stream, sample, moved_us, jumped_us);
    stream->fresh_from = sample->timestamp - (int64_t)stream->rate * noise_us / 1000000;
    stream->is_late = stream->is_fresh = false;
}

/* How far before its arrival a stream stands beside the other. */
static int64_t ahead_beside(const struct ph_rtp_stream_clock *other) {
    if (!other->is_placed)
        return 0;
    int64_t ahead_us = time_of(other, other->reference) + other->offset_us - other->arrival_us;
    if (ahead_us < 0)
        return 0;
    return ahead_us < PH_TIMELINE_MOST_AHEAD_US ? ahead_us : PH_TIMELINE_MOST_AHEAD_US;
}

/* Nothing of before holds. */
static void place(
    struct ph_rtp_stream_clock *stream, uint32_t ssrc, int32_t rate, uint32_t timestamp, int64_t arrival_us) {
    *stream = (struct ph_rtp_stream_clock){.is_placed = true,
        .ssrc = ssrc,
        .rate = rate,
        .reference = timestamp,
        .arrival_us = arrival_us,
        .jumped_us = arrival_us,
        .unsteady_us = arrival_us,
        .fresh_from = (int64_t)timestamp + INT32_MIN};
    stream->offset_us = arrival_us - time_of(stream, timestamp);
}

/* Whether the sample's timestamp has nothing to do with those before it. */
static bool begins_anew(const struct sample *sample) {
    return llabs(sample->gained_us) > most_jump_us || llabs(sample->ahead_us) > most_jump_us;
}

/* Takes a sample of a stream that is placed; false when it has to be placed as a new one. */
static bool take_sample(struct ph_rtp_clock *clock, enum ph_track_kind kind, const struct sample *sample) {
    struct ph_rtp_stream_clock *stream = &clock->streams[kind];
    const struct ph_rtp_stream_clock *other = &clock->streams[1 - kind];
    bool jumped = has_jumped(stream, sample);
    if (jumped && begins_anew(sample))
        return false;
    if (jumps_with(stream, other, sample)) {
        move(stream, sample, other->moved_us, other->jumped_us);
    } else if (jumped) {
        move(stream, sample, ahead_beside(other) - sample->ahead_us, sample->arrival_us);
        clock->is_unsettled = true;
    } else if (sample->gained_us > jitter_us) {
        note_jump(
            stream, sample, 0, sample->arrival_us); /* too short to be moved for, and so is the other's */
    }
    stream->reference = sample->timestamp;
    stream->arrival_us = sample->arrival_us;
    stream->gained_us += sample->gained_us;
    if (llabs(sample->gained_us) > noise_us)
        stream->unsteady_us = sample->arrival_us;
    if (kind == PH_TRACK_VIDEO)
        move_picture(clock, sample->elapsed_us);
    return true;
}

int64_t ph_rtp_clock_map(struct ph_rtp_clock *clock, enum ph_track_kind kind, uint32_t ssrc, int32_t rate,
    uint32_t timestamp, int64_t arrival_us) {
    struct ph_rtp_stream_clock *stream = &clock->streams[kind];
    bool was_placed = stream->is_placed, goes_on = was_placed && stream->ssrc == ssrc && stream->rate == rate;
    if (goes_on) {
        struct sample sample = sample_of(stream, timestamp, arrival_us);
        goes_on = take_sample(clock, kind, &sample);
    }
    if (!goes_on)
        place(stream, ssrc, rate, timestamp, arrival_us);
    if (!goes_on && was_placed) {
        stream->offset_us += ahead_beside(&clock->streams[1 - kind]);
        clock->is_unsettled = true;
    }
    return time_of(stream, stream->reference) + stream->offset_us;
}

void ph_rtp_clock_shift_arrivals(struct ph_rtp_clock *clock, int64_t earlier_us) {
    for (int i = 0; i < 2; i++) {
        struct ph_rtp_stream_clock *stream = &clock->streams[i];
        stream->arrival_us -= earlier_us;
        stream->late_since_us -= earlier_us;
        stream->jumped_us -= earlier_us;
        stream->unsteady_us -= earlier_us;
    }
}

/* Whether the stream's timestamps jumped, as its report says, and the other's went on. */
static bool jumped_alone(
    const struct ph_rtp_stream_clock *stream, const struct ph_rtp_stream_clock *other, int64_t jump_us) {
    return is_about(stream->gained_us, jump_us) && !is_about(other->gained_us, jump_us) &&
           other->arrival_us - stream->unsteady_us > jitter_us;
}

static void take_report(struct ph_rtp_clock *clock, struct ph_rtp_stream_clock *stream,
    struct ph_rtp_stream_clock *other, const struct ph_rtp_report *report) {
    int64_t reported = unwrap(stream, report->timestamp);
    int64_t offset_us = report->ntp_us - time_of(stream, reported);
    int64_t jump_us = stream->report_offset_us - offset_us;
    bool is_same = stream->has_report && llabs(jump_us) < noise_us;
    stream->is_trusted = is_same || (stream->has_report && is_about(stream->gained_us, jump_us));
    stream->is_doubtful = stream->has_report && !stream->is_trusted;
    if (stream->has_report && !is_same) {
        clock->is_unsettled = true;
        other->is_fresh &= jumped_alone(stream, other, jump_us);
    }
    stream->has_report = true;
    stream->is_fresh = reported >= stream->fresh_from;
    stream->report_offset_us = offset_us;
    stream->gained_us = 0;
}

void ph_rtp_clock_report(struct ph_rtp_clock *clock, const struct ph_rtp_report *report) {
    for (int i = 0; i < 2; i++) {
        struct ph_rtp_stream_clock *stream = &clock->streams[i];
        if (!stream->is_placed || stream->ssrc != report->ssrc)
            continue;
        take_report(clock, stream, &clock->streams[1 - i], report);
        return;
    }
}
