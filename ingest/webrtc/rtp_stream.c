#include "ingest/webrtc/rtp_stream.h"

#include <string.h>

#include "core/base/clock.h"
#include "ingest/webrtc/keyframe_probe.h"
#include "ingest/webrtc/sdp_text.h"

/* A source that was silent for so long is replaced by another one that sends the same payload type. */
enum { silence_us = 500000 };

static void look_for_keyframe(struct ph_rtp_stream *stream, const uint8_t *packet, size_t size) {
    if (stream->reorder.lost != stream->lost_seen) {
        stream->lost_seen = stream->reorder.lost;
        ph_keyframe_request_want(&stream->keyframe, stream->time_us);
    }
    struct ph_slice payload = {packet + PH_RTP_HEADER_BYTES, size - PH_RTP_HEADER_BYTES};
    if (!ph_keyframe_begins(stream->media->codec, payload))
        return;
    uint32_t timestamp;
    memcpy(&timestamp, packet + 4, sizeof(timestamp));
    if (!stream->keyframes || timestamp != stream->keyframe_timestamp)
        stream->keyframes++;
    stream->keyframe_timestamp = timestamp;
    ph_keyframe_request_satisfy(&stream->keyframe);
}

static void deliver(void *opaque, int64_t sequence, uint8_t *packet, size_t size) {
    struct ph_rtp_stream *stream = opaque;
    if (size == PH_RTP_HEADER_BYTES) {
        stream->removed++;
        return;
    }
    uint16_t number = (uint16_t)(sequence - stream->removed);
    packet[2] = (uint8_t)(number >> 8);
    packet[3] = (uint8_t)number;
    if (stream->media->is_video)
        look_for_keyframe(stream, packet, size);
    stream->figures.forwarded++;
    stream->impl->forward(stream->opaque, (struct ph_slice){packet, size});
}

static const struct ph_reorder_impl reorder_impl = {.deliver = deliver};

int ph_rtp_stream_init(struct ph_rtp_stream *stream, const struct ph_negotiated_media *media,
    const struct ph_rtp_session_options *options, struct ph_rtt *rtt) {
    stream->media = media;
    stream->impl = options->impl;
    stream->opaque = options->opaque;
    stream->rtt = rtt;
    stream->rtx_ssrc = media->rtx_ssrc;
    return ph_rtp_reorder_init(&stream->reorder, &reorder_impl, stream);
}

void ph_rtp_stream_finish(struct ph_rtp_stream *stream) {
    ph_rtp_reorder_finish(&stream->reorder);
}

/* What was held goes out, and what follows is numbered behind it. How much was lost at that is not known: of
 * video one number is left out, so that what is there of a picture is not taken for all of it, and the
 * pictures that follow not for such that can do with it. */
static void break_off(struct ph_rtp_stream *stream, int64_t now_us) {
    ph_rtp_reorder_flush(&stream->reorder);
    if (!stream->media->is_video)
        return;
    stream->removed--;
    ph_keyframe_request_want(&stream->keyframe, now_us);
}

static void latch(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet, int64_t now_us) {
    const struct ph_negotiated_media *media = stream->media;
    int64_t unwrapped = packet->sequence;
    if (stream->latched) {
        break_off(stream, now_us);
        unwrapped = stream->reorder.highest + 1;
        int64_t passed_us = now_us - stream->source.last_arrival_us;
        uint32_t passed = (uint32_t)(passed_us * media->clock_rate / PH_SECOND_US);
        uint32_t goes_on = stream->source.last_timestamp + stream->timestamp_shift + passed;
        stream->timestamp_shift = goes_on - packet->timestamp;
        stream->rtx_ssrc = packet->ssrc == media->ssrc ? media->rtx_ssrc : 0;
    } else {
        stream->ssrc = packet->ssrc;
    }
    stream->latched = true;
    ph_rtp_source_begin(&stream->source, packet->ssrc, media->clock_rate, packet->sequence, unwrapped);
    if (media->is_video)
        ph_keyframe_request_want(&stream->keyframe, now_us);
}

/* Whether a packet of the media's payload types is of the one stream that is taken (RFC 9143 section 9.2): by
 * mid, by rid, by the announced SSRC, and by who was there first. */
static bool belongs(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet, int64_t now_us) {
    const struct ph_negotiated_media *media = stream->media;
    if (stream->latched && packet->ssrc == stream->source.ssrc)
        return true;
    bool named = *media->rid && ph_sdp_is(packet->rid, media->rid);
    bool announced = media->ssrc && packet->ssrc == media->ssrc;
    if (packet->mid.size && *media->mid && !ph_sdp_is(packet->mid, media->mid))
        return false;
    if (*media->rid && !named && (packet->rid.size || !announced))
        return false;
    bool alive = stream->latched && !stream->bye_us && now_us - stream->source.last_arrival_us < silence_us;
    if (alive && !named && !announced)
        return false;
    latch(stream, packet, now_us);
    return true;
}

enum ph_arrival ph_rtp_stream_put(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet,
    int64_t sequence, int64_t now_us, struct ph_reorder_slot *before) {
    struct ph_rtp_wire out = *packet;
    out.payload_type = (uint8_t)stream->media->payload_type;
    out.ssrc = stream->ssrc;
    out.timestamp += stream->timestamp_shift;
    stream->time_us = now_us;
    ph_rtp_wire_header_write(stream->scratch, &out);
    if (packet->payload.size)
        memcpy(stream->scratch + PH_RTP_HEADER_BYTES, packet->payload.data, packet->payload.size);
    size_t size = PH_RTP_HEADER_BYTES + packet->payload.size;
    return ph_rtp_reorder_put(&stream->reorder, sequence, stream->scratch, size, now_us, before);
}

/* Takes the primary coding out of RED. Correction data fills the line of numbers and is of no other use here.
 */
static bool unwrap(const struct ph_rtp_stream *stream, struct ph_rtp_wire *packet, struct ph_red *red) {
    const struct ph_negotiated_media *media = stream->media;
    red->count = 0;
    if (packet->payload_type == media->red_payload_type) {
        if (!ph_red_parse(packet->payload, red))
            return false;
        packet->payload_type = red->blocks[red->count - 1].payload_type;
        packet->payload = red->blocks[red->count - 1].payload;
    }
    if (packet->payload_type == media->ulpfec_payload_type)
        packet->payload.size = 0;
    else if (packet->payload_type != media->payload_type)
        return false;
    return true;
}

/* The publisher began to number anew. Its clock may have been set as well. */
static void restart(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet, int64_t now_us) {
    enum { most_seconds = 5 };
    int64_t passed_us = now_us - stream->source.last_arrival_us;
    uint32_t passed = (uint32_t)(passed_us * stream->media->clock_rate / PH_SECOND_US);
    uint32_t expected = stream->source.last_timestamp + passed;
    int64_t difference = (int32_t)(packet->timestamp - expected);
    int64_t most = (int64_t)most_seconds * stream->media->clock_rate;
    if (difference > most || difference < -most)
        stream->timestamp_shift += expected - packet->timestamp;
    break_off(stream, now_us);
}

static void count_arrival(struct ph_rtp_stream *stream, enum ph_arrival arrival,
    const struct ph_reorder_slot *before, int64_t now_us) {
    if (arrival == PH_ARRIVAL_FILLED)
        ph_rtp_stream_note_filled(stream, before, now_us);
    if (arrival == PH_ARRIVAL_LATE)
        stream->figures.late++;
    if (arrival == PH_ARRIVAL_DUPLICATE)
        stream->figures.duplicates++;
}

static void count_packet(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet, int64_t now_us) {
    size_t bytes = PH_RTP_HEADER_BYTES + packet->payload.size;
    ph_rtp_source_count(&stream->source, packet->timestamp, now_us);
    ph_rate_meter_count(&stream->rate, bytes, now_us);
    stream->figures.packets++;
    stream->figures.bytes += bytes;
}

bool ph_rtp_stream_receive(struct ph_rtp_stream *stream, const struct ph_rtp_wire *packet, int64_t now_us) {
    struct ph_rtp_wire inner = *packet;
    struct ph_red red;
    int64_t sequence;
    if (!belongs(stream, packet, now_us) || !unwrap(stream, &inner, &red))
        return false;
    stream->bye_us = 0;
    enum ph_numbering numbering =
        ph_rtp_source_unwrap(&stream->source, packet->sequence, packet->timestamp, now_us, &sequence);
    if (numbering == PH_NUMBERING_JUMPED)
        return true;
    if (numbering == PH_NUMBERING_RESTARTED)
        restart(stream, packet, now_us);
    int64_t highest = stream->reorder.begun ? stream->reorder.highest : sequence - 1;
    struct ph_reorder_slot before;
    enum ph_arrival arrival = ph_rtp_stream_put(stream, &inner, sequence, now_us, &before);
    count_arrival(stream, arrival, &before, now_us);
    if (arrival == PH_ARRIVAL_AHEAD)
        stream->figures.missing += (uint64_t)(sequence - highest - 1);
    if (arrival != PH_ARRIVAL_DUPLICATE)
        count_packet(stream, packet, now_us);
    if (red.count > 1)
        ph_rtp_stream_fill_from_red(stream, packet, &red, now_us);
    return true;
}

void ph_rtp_stream_report(
    struct ph_rtp_stream *stream, const struct ph_sender_report *report, int64_t now_us) {
    struct ph_sender_report out = *report;
    struct ph_builder builder = {0};
    ph_rtp_source_report(&stream->source, report, now_us);
    out.ssrc = stream->ssrc;
    out.timestamp += stream->timestamp_shift;
    ph_sender_report_write(&builder, &out);
    if (ph_builder_ok(&builder))
        stream->impl->forward(stream->opaque, (struct ph_slice){builder.data, builder.size});
    ph_builder_discard(&builder);
}

int64_t ph_rtp_stream_expire(struct ph_rtp_stream *stream, int64_t now_us) {
    stream->time_us = now_us;
    return ph_rtp_reorder_expire(&stream->reorder, now_us, ph_rtp_stream_wait_us(stream));
}
