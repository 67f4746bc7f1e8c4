#include "core/base/clock.h"
#include "ingest/webrtc/rtp_stream.h"
#include "ingest/webrtc/sdp_text.h"

enum {
    least_wait_us = 80000,
    least_again_us = 20000,
    most_nacks = 10,
    round_trips_waited = 6,
    /* Without NACK only reordering, or the redundancy of the next packet, can fill a hole. */
    plain_wait_us = 20000,
    redundant_wait_us = 60000,
    most_plain_wait_us = 150000,
    most_reordering_us = 100000,
};

static bool asks(const struct ph_rtp_stream *stream) {
    return stream->media->feedback & PH_FEEDBACK_NACK;
}

int64_t ph_rtp_stream_wait_us(const struct ph_rtp_stream *stream) {
    if (!asks(stream)) {
        int64_t least = stream->has_redundancy ? redundant_wait_us : plain_wait_us;
        int64_t plain = least + 2 * stream->reordering_us;
        return plain < most_plain_wait_us ? plain : most_plain_wait_us;
    }
    int64_t wait = stream->reordering_us + round_trips_waited * ph_rtt_patience_us(stream->rtt);
    if (wait < least_wait_us)
        return least_wait_us;
    return wait < PH_RTP_MOST_WAIT_US ? wait : PH_RTP_MOST_WAIT_US;
}

size_t ph_rtp_stream_ask(
    struct ph_rtp_stream *stream, int64_t now_us, uint16_t *sequences, size_t most, int64_t *due_us) {
    enum { most_at_once = 256 };
    int64_t unwrapped[most_at_once];
    *due_us = PH_NEVER_US;
    if (!asks(stream) || !stream->reorder.missing)
        return 0;
    int64_t patience = ph_rtt_patience_us(stream->rtt);
    struct ph_nack_policy policy = {
        .first_us = stream->reordering_us,
        .again_us = patience > least_again_us ? patience : least_again_us,
        .wait_us = ph_rtp_stream_wait_us(stream),
        .rtt_us = stream->rtt->smoothed_us,
        .most = most_nacks,
    };
    if (most > most_at_once)
        most = most_at_once;
    size_t count = ph_rtp_reorder_ask(&stream->reorder, &policy, now_us, unwrapped, most, due_us);
    for (size_t i = 0; i < count; i++)
        sequences[i] = (uint16_t)(unwrapped[i] - stream->source.shift);
    return count;
}

/* The estimate rises at once and falls slowly. */
static void note_reordering(struct ph_rtp_stream *stream, int64_t late_us) {
    if (late_us > most_reordering_us)
        late_us = most_reordering_us;
    if (late_us > stream->reordering_us)
        stream->reordering_us = late_us;
    else
        stream->reordering_us += (late_us - stream->reordering_us) / 16;
}

void ph_rtp_stream_note_filled(
    struct ph_rtp_stream *stream, const struct ph_reorder_slot *before, int64_t now_us) {
    /* Without RTX a repeated packet looks like a late one: what comes a round trip after it was first asked
     * for is taken for the answer. Whoever is asked again was asked a round trip ago. */
    int64_t asked_us = now_us - before->asked_us;
    bool answers =
        stream->media->rtx_payload_type < 0 &&
        (before->nacks > 1 || (before->nacks == 1 && asked_us >= stream->rtt->smoothed_us * 3 / 4));
    if (answers) {
        stream->figures.recovered++;
        note_reordering(stream, 0);
        if (before->nacks == 1)
            ph_rtt_take(stream->rtt, asked_us);
        return;
    }
    stream->figures.reordered++;
    note_reordering(stream, now_us - before->missing_since_us);
}

static void note_recovered(
    struct ph_rtp_stream *stream, const struct ph_reorder_slot *before, int64_t now_us) {
    stream->figures.recovered++;
    note_reordering(stream, 0);
    if (before->nacks == 1)
        ph_rtt_take(stream->rtt, now_us - before->asked_us);
}

static bool rtx_belongs(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet) {
    const struct ph_negotiated_media *media = stream->media;
    if (stream->rtx_ssrc)
        return packet->ssrc == stream->rtx_ssrc;
    if (*media->rid && !ph_sdp_is(packet->repaired_rid, media->rid))
        return false;
    if (packet->mid.size && *media->mid && !ph_sdp_is(packet->mid, media->mid))
        return false;
    stream->rtx_ssrc = packet->ssrc;
    return true;
}

bool ph_rtp_stream_receive_rtx(
    struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet, int64_t now_us) {
    if (!stream->latched)
        return true; /* browsers probe for bandwidth before the first picture */
    if (!rtx_belongs(stream, packet))
        return false;
    if (!packet->payload.size)
        return true;
    if (packet->payload.size < 2)
        return false;
    struct ph_rtp_wire original = *packet;
    original.sequence = (uint16_t)(packet->payload.data[0] << 8 | packet->payload.data[1]);
    original.payload = (struct ph_slice){packet->payload.data + 2, packet->payload.size - 2};
    int64_t sequence;
    if (!ph_rtp_source_locate(&stream->source, original.sequence, &sequence) ||
        !ph_rtp_reorder_wants(&stream->reorder, sequence))
        return true;
    struct ph_reorder_slot before;
    if (ph_rtp_stream_put(stream, &original, sequence, now_us, &before) == PH_ARRIVAL_FILLED)
        note_recovered(stream, &before, now_us);
    return true;
}

void ph_rtp_stream_fill_from_red(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet,
    const struct ph_red *red, int64_t now_us) {
    stream->has_redundancy = true;
    for (size_t i = 0; i + 1 < red->count; i++) {
        const struct ph_red_block *block = &red->blocks[i];
        struct ph_rtp_wire earlier = *packet;
        int64_t sequence;
        earlier.sequence = (uint16_t)(packet->sequence - (red->count - 1 - i));
        earlier.timestamp = packet->timestamp - block->timestamp_offset;
        earlier.marker = false;
        earlier.payload = block->payload;
        if (!block->payload.size || block->payload_type != stream->media->payload_type ||
            !ph_rtp_source_locate(&stream->source, earlier.sequence, &sequence) ||
            !ph_rtp_reorder_wants(&stream->reorder, sequence))
            continue;
        struct ph_reorder_slot before;
        if (ph_rtp_stream_put(stream, &earlier, sequence, now_us, &before) == PH_ARRIVAL_FILLED)
            stream->figures.recovered++;
    }
}
