/* links: ph_transcode ph_media ph_base */
#include <assert.h>
#include <string.h>

#include "transcode/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The first packets after a resumption: in time, ever later, and days away. */
static void map_some(struct ph_timeline *timeline) {
    const int64_t day_us = 86400000000;
    for (int64_t i = 0; i < 16; i++) {
        int64_t ticks = timeline->reference_ticks + i * 900;
        int64_t arrival_us = ticks * 100 / 9 + timeline->offset_us + i * i * 10000;
        (void)ph_timeline_map(timeline, i % 2, ticks, arrival_us);
    }
    for (int64_t i = 0; i < 16; i++)
        (void)ph_timeline_map(timeline, i % 2, i * INT64_C(0x15555555), i * i * day_us / 16);
}

/* A sender's packets and reports after a resumption, likewise. */
static void tell_some(struct ph_rtp_clock *clock) {
    for (uint32_t i = 0; i < 16; i++) {
        const struct ph_rtp_stream_clock *stream = &clock->streams[i % 2];
        int32_t rate = stream->is_placed ? stream->rate : 90000;
        uint32_t timestamp = (uint32_t)stream->reference + i * i * 0x01555555U;
        (void)ph_rtp_clock_map(clock, i % 2, stream->ssrc, rate, timestamp, (int64_t)i * 20000);
        ph_rtp_clock_report(clock, &(struct ph_rtp_report){stream->ssrc, timestamp, (int64_t)i * 1000000});
    }
}

/* A state that reads is written and read again as it was, its timeline takes packets, and its frames have a
 * time. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct ph_source_state state, again;
    if (ph_source_state_read((struct ph_slice){bytes, size}, &state) < 0)
        return 0;
    struct ph_bytes *written = ph_source_state_write(&state);
    assert(written);
    int code = ph_source_state_read(ph_bytes_slice(written), &again);
    assert(code == 0);
    struct ph_bytes *rewritten = ph_source_state_write(&again);
    assert(rewritten && ph_bytes_size(rewritten) == ph_bytes_size(written));
    assert(memcmp(ph_bytes_data(rewritten), ph_bytes_data(written), ph_bytes_size(written)) == 0);
    map_some(&state.timeline);
    tell_some(&state.rtp_clock);
    assert(ph_grid_video_time_us(&state.description.plan, state.slot) >= 0);
    assert(ph_grid_audio_time_us(state.audio_frame) >= 0);
    ph_bytes_unref(&written);
    ph_bytes_unref(&rewritten);
    ph_source_state_finish(&state);
    ph_source_state_finish(&again);
    return 0;
}
