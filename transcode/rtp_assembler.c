#include "transcode/rtp_assembler.h"

enum { most_frame_bytes = 4 << 20, sequence_span = 1 << 16 };

static void forget(struct ph_rtp_assembler *assembler) {
    ph_builder_clear(&assembler->frame.bytes);
    assembler->frame = (struct ph_rtp_frame){.bytes = assembler->frame.bytes};
    assembler->is_open = assembler->is_broken = assembler->is_given = false;
}

/* A frame may begin behind a loss only where its own bytes say that nothing of it is missing. */
static bool may_begin(const struct ph_rtp_assembler *assembler, struct ph_slice payload) {
    enum ph_rtp_beginning beginning = assembler->format->beginning(payload);
    return beginning == PH_RTP_SURELY || (beginning == PH_RTP_PERHAPS && !assembler->is_after_loss);
}

static void begin(struct ph_rtp_assembler *assembler, const struct ph_rtp_packet *packet, uint64_t unit,
    int64_t arrival_us) {
    forget(assembler);
    assembler->is_open = true;
    assembler->is_broken = !may_begin(assembler, packet->payload);
    assembler->is_after_loss = false;
    assembler->timestamp = packet->timestamp;
    assembler->first_unit = unit;
    assembler->first_arrival_us = arrival_us;
}

/* The frame has all it will get. Parameter sets alone wait for the picture they are for. */
static enum ph_rtp_outcome end(struct ph_rtp_assembler *assembler) {
    if (!assembler->is_broken && assembler->format->finish)
        assembler->is_broken = assembler->format->finish(&assembler->frame) < 0;
    if (assembler->is_broken) {
        forget(assembler);
        return PH_RTP_LOSS;
    }
    if (!assembler->frame.has_picture)
        return PH_RTP_NOTHING;
    assembler->is_given = true;
    return PH_RTP_FRAME;
}

/* Whether a packet follows those before it. A packet that is behind them is not wanted any more. */
static bool follows(struct ph_rtp_assembler *assembler, uint16_t sequence, bool *is_lost) {
    uint16_t ahead = (uint16_t)(sequence - assembler->next_sequence);
    *is_lost = assembler->has_sequence && ahead != 0;
    if (*is_lost && ahead >= sequence_span / 2)
        return false;
    assembler->has_sequence = true;
    assembler->next_sequence = sequence;
    return true;
}

static int add(struct ph_rtp_assembler *assembler, const struct ph_rtp_packet *packet) {
    if (assembler->is_broken || packet->payload.size == 0)
        return 0;
    int code = assembler->format->take(&assembler->frame, packet->payload);
    if (code == -ENOMEM)
        return code;
    assembler->is_broken = code < 0 || assembler->frame.bytes.size > most_frame_bytes;
    return 0;
}

int ph_rtp_assembler_take(struct ph_rtp_assembler *assembler, const struct ph_rtp_packet *packet,
    uint64_t unit, int64_t arrival_us, enum ph_rtp_outcome *outcome, bool *again) {
    *outcome = PH_RTP_NOTHING;
    *again = false;
    bool is_lost;
    if (!follows(assembler, packet->sequence, &is_lost))
        return 0;
    if (assembler->is_given)
        forget(assembler);
    if (is_lost) {
        assembler->is_broken |= assembler->is_open;
        assembler->is_after_loss = *again = true;
        *outcome = PH_RTP_LOSS;
        return 0;
    }
    if (assembler->is_open && packet->timestamp != assembler->timestamp) {
        *outcome = end(assembler);
        *again = *outcome != PH_RTP_NOTHING;
        if (*again)
            return 0;
        assembler->timestamp = packet->timestamp;
    }
    /* Padding takes a number and nothing else. */
    if (!assembler->is_open && packet->payload.size > 0)
        begin(assembler, packet, unit, arrival_us);
    assembler->next_sequence++;
    int code = assembler->is_open ? add(assembler, packet) : 0;
    if (code == 0 && assembler->is_open && packet->marker)
        *outcome = end(assembler);
    return code;
}

void ph_rtp_assembler_finish(struct ph_rtp_assembler *assembler) {
    ph_builder_discard(&assembler->frame.bytes);
}
