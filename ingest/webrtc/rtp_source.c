#include "ingest/webrtc/rtp_source.h"

#include "core/base/clock.h"

enum { most_dropout = 3000, most_misorder = 1000, nothing_jumped = -1 };

void ph_rtp_source_begin(
    struct ph_rtp_source *source, uint32_t ssrc, uint32_t clock_rate, uint16_t sequence, int64_t unwrapped) {
    *source = (struct ph_rtp_source){
        .ssrc = ssrc,
        .clock_rate = clock_rate,
        .shift = unwrapped - sequence,
        .first = unwrapped,
        .highest = unwrapped - 1,
        .after_jump = nothing_jumped,
    };
}

/* The unwrapped number nearest to the highest one. */
static int64_t nearest(const struct ph_rtp_source *source, uint16_t sequence) {
    uint16_t highest_on_wire = (uint16_t)(source->highest - source->shift);
    return source->highest + (int16_t)(uint16_t)(sequence - highest_on_wire);
}

bool ph_rtp_source_locate(const struct ph_rtp_source *source, uint16_t sequence, int64_t *unwrapped) {
    *unwrapped = nearest(source, sequence);
    return *unwrapped <= source->highest + most_dropout && *unwrapped >= source->highest - most_misorder;
}

/* Whether a jump ahead by so many numbers is an outage: whoever numbers anew has no reason to number as many
 * as can have been sent meanwhile, and to let the timestamp go on as well. Half the line of numbers is as far
 * as can be told. */
static bool is_outage(const struct ph_rtp_source *source, int64_t ahead, uint32_t timestamp, int64_t now_us) {
    enum { most_packets_a_second = 20000, most_off_seconds = 2 };
    int64_t passed_us = now_us - source->last_arrival_us;
    if (!source->last_arrival_us || ahead <= 0 || ahead > passed_us * most_packets_a_second / PH_SECOND_US)
        return false;
    uint32_t passed = (uint32_t)(passed_us * source->clock_rate / PH_SECOND_US);
    int64_t off = (int32_t)(timestamp - source->last_timestamp - passed);
    int64_t most_off = (int64_t)most_off_seconds * source->clock_rate;
    return off <= most_off && off >= -most_off;
}

enum ph_numbering ph_rtp_source_unwrap(
    struct ph_rtp_source *source, uint16_t sequence, uint32_t timestamp, int64_t now_us, int64_t *unwrapped) {
    if (ph_rtp_source_locate(source, sequence, unwrapped)) {
        source->after_jump = nothing_jumped;
        if (*unwrapped > source->highest)
            source->highest = *unwrapped;
        return PH_NUMBERING_GOES_ON;
    }
    if (source->after_jump != sequence) {
        source->after_jump = (uint16_t)(sequence + 1);
        return PH_NUMBERING_JUMPED;
    }
    source->after_jump = nothing_jumped;
    if (is_outage(source, *unwrapped - source->highest, timestamp, now_us)) {
        source->highest = *unwrapped;
        return PH_NUMBERING_GOES_ON;
    }
    *unwrapped = ++source->highest;
    source->shift = *unwrapped - sequence;
    source->first = *unwrapped;
    source->received = source->received_before = source->expected_before = 0;
    return PH_NUMBERING_RESTARTED;
}

void ph_rtp_source_count(struct ph_rtp_source *source, uint32_t timestamp, int64_t now_us) {
    if (source->last_arrival_us) {
        double arrived =
            (double)(now_us - source->last_arrival_us) * source->clock_rate / (double)PH_SECOND_US;
        double difference = arrived - (double)(int32_t)(timestamp - source->last_timestamp);
        source->jitter_ticks += ((difference < 0 ? -difference : difference) - source->jitter_ticks) / 16;
    }
    source->received++;
    source->last_timestamp = timestamp;
    source->last_arrival_us = now_us;
}

void ph_rtp_source_report(
    struct ph_rtp_source *source, const struct ph_sender_report *report, int64_t now_us) {
    source->report_ntp = (uint32_t)(report->ntp >> 16);
    source->report_us = now_us;
}

static int32_t clamped_24_bits(int64_t value) {
    enum { most = 0x7FFFFF };
    return (int32_t)(value > most ? most : value < -most ? -most : value);
}

void ph_rtp_source_block(struct ph_rtp_source *source, struct ph_report_block *block, int64_t now_us) {
    uint64_t expected = (uint64_t)(source->highest - source->first + 1);
    int64_t interval = (int64_t)(expected - source->expected_before);
    int64_t lost = interval - (int64_t)(source->received - source->received_before);
    int64_t fraction = interval > 0 && lost > 0 ? lost * 256 / interval : 0;
    source->expected_before = expected;
    source->received_before = source->received;
    *block = (struct ph_report_block){
        .ssrc = source->ssrc,
        .fraction_lost = (uint8_t)(fraction > 255 ? 255 : fraction),
        .lost = clamped_24_bits((int64_t)(expected - source->received)),
        .highest = (uint32_t)(source->highest - source->shift),
        .jitter = source->jitter_ticks < UINT32_MAX ? (uint32_t)source->jitter_ticks : UINT32_MAX,
        .last_report = source->report_ntp,
    };
    if (source->report_ntp)
        block->delay_since_last_report = (uint32_t)(ph_ntp_of_us(now_us - source->report_us) >> 16);
}
