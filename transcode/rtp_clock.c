#include "transcode/rtp_clock.h"

#include "transcode/timeline.h"

static int64_t time_of(const struct ph_rtp_stream_clock *stream, int64_t timestamp) {
    return timestamp * 1000000 / stream->rate;
}

/* The timestamp with these low 32 bits that lies nearest to the last one. */
static int64_t unwrap(const struct ph_rtp_stream_clock *stream, uint32_t timestamp) {
    return stream->reference + (int32_t)(timestamp - (uint32_t)stream->reference);
}

/* How far the picture is to be moved; 0 while that is not known, or not to be believed. */
static int64_t error_of(const struct ph_rtp_clock *clock) {
    const struct ph_rtp_stream_clock *picture = &clock->streams[PH_TRACK_VIDEO];
    const struct ph_rtp_stream_clock *sound = &clock->streams[PH_TRACK_AUDIO];
    if (!picture->is_placed || !picture->has_report || !sound->is_placed || !sound->has_report)
        return 0;
    int64_t wanted_us = sound->offset_us + picture->report_offset_us - sound->report_offset_us;
    int64_t error_us = wanted_us - picture->offset_us;
    bool is_sane = error_us < PH_RTP_CLOCK_MOST_ERROR_US && error_us > -PH_RTP_CLOCK_MOST_ERROR_US;
    return is_sane ? error_us : 0;
}

static void move_picture(struct ph_rtp_clock *clock, int64_t elapsed_us) {
    int64_t most_us = elapsed_us > 0 ? elapsed_us * PH_RTP_CLOCK_SLEW / 100 : 0;
    int64_t error_us = error_of(clock);
    if (error_us > most_us)
        error_us = most_us;
    if (error_us < -most_us)
        error_us = -most_us;
    clock->streams[PH_TRACK_VIDEO].offset_us += error_us;
}

static void place(
    struct ph_rtp_stream_clock *stream, uint32_t ssrc, int32_t rate, uint32_t timestamp, int64_t arrival_us) {
    *stream =
        (struct ph_rtp_stream_clock){.is_placed = true, .ssrc = ssrc, .rate = rate, .reference = timestamp};
    stream->offset_us = arrival_us - time_of(stream, timestamp);
}

/* Whether a packet that lies so far off its arrival is of a stream that jumped. */
static bool has_jumped(
    struct ph_rtp_stream_clock *stream, int64_t ahead_us, int64_t elapsed_us, int64_t arrival_us) {
    enum { most_back_us = 500000 }; /* pictures are sent in the order of decoding */
    if (!ph_timeline_has_jumped(ahead_us, elapsed_us)) {
        stream->is_late = false;
        return false;
    }
    if (ahead_us > 0 || elapsed_us < -most_back_us)
        return true;
    if (!stream->is_late)
        stream->late_since_us = arrival_us;
    stream->is_late = true;
    return arrival_us - stream->late_since_us > PH_RTP_CLOCK_PERSISTS_US;
}

int64_t ph_rtp_clock_map(struct ph_rtp_clock *clock, enum ph_track_kind kind, uint32_t ssrc, int32_t rate,
    uint32_t timestamp, int64_t arrival_us) {
    struct ph_rtp_stream_clock *stream = &clock->streams[kind];
    if (!stream->is_placed || stream->ssrc != ssrc || stream->rate != rate) {
        place(stream, ssrc, rate, timestamp, arrival_us);
        return arrival_us;
    }
    int64_t unwrapped = unwrap(stream, timestamp);
    int64_t elapsed_us = time_of(stream, unwrapped) - time_of(stream, stream->reference);
    int64_t ahead_us = time_of(stream, unwrapped) + stream->offset_us - arrival_us;
    if (has_jumped(stream, ahead_us, elapsed_us, arrival_us)) {
        place(stream, ssrc, rate, timestamp, arrival_us);
        return arrival_us;
    }
    stream->reference = unwrapped;
    if (kind == PH_TRACK_VIDEO)
        move_picture(clock, elapsed_us);
    return time_of(stream, unwrapped) + stream->offset_us;
}

void ph_rtp_clock_report(struct ph_rtp_clock *clock, const struct ph_rtp_report *report) {
    for (int i = 0; i < 2; i++) {
        struct ph_rtp_stream_clock *stream = &clock->streams[i];
        if (!stream->is_placed || stream->ssrc != report->ssrc)
            continue;
        stream->has_report = true;
        stream->report_offset_us = report->ntp_us - time_of(stream, unwrap(stream, report->timestamp));
        return;
    }
}
