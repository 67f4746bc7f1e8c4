#include "ingest/webrtc/transport_feedback.h"

#include "core/base/clock.h"
#include "ingest/webrtc/rtcp_packet.h"

enum {
    tick_us = 250,
    reference_us = 64000,
    most_told = 512, /* numbers in one packet */
    format = 15,
    head_bytes = 20,
};

/* Status of a number (section 3.1.1). */
enum status { not_received, small_delta, large_delta };

static int64_t *arrival(struct ph_transport_feedback *feedback, int64_t number) {
    return &feedback->arrivals_us[(uint64_t)number % PH_FEEDBACK_WINDOW];
}

static void begin(struct ph_transport_feedback *feedback, int64_t number) {
    for (size_t i = 0; i < PH_FEEDBACK_WINDOW; i++)
        feedback->arrivals_us[i] = 0;
    feedback->begun = true;
    feedback->next = number;
    feedback->highest = number - 1;
    feedback->pending = 0;
}

void ph_transport_feedback_arrived(
    struct ph_transport_feedback *feedback, uint16_t sequence, int64_t now_us) {
    int64_t number = sequence;
    if (feedback->begun)
        number = feedback->highest + (int16_t)(uint16_t)(sequence - (uint16_t)feedback->highest);
    if (!feedback->begun || number > feedback->highest + PH_FEEDBACK_WINDOW / 2)
        begin(feedback, number);
    if (number <= feedback->highest - PH_FEEDBACK_WINDOW / 2)
        return;
    for (int64_t i = feedback->highest + 1; i <= number; i++)
        *arrival(feedback, i) = 0;
    if (number > feedback->highest)
        feedback->highest = number;
    if (feedback->next <= feedback->highest - PH_FEEDBACK_WINDOW / 2)
        feedback->next = feedback->highest - PH_FEEDBACK_WINDOW / 2 + 1;
    if (*arrival(feedback, number))
        return;
    *arrival(feedback, number) = now_us > 0 ? now_us : 1;
    feedback->pending++;
    if (number < feedback->next)
        feedback->next = number; /* late: tell of it, and again of those after it */
}

/* One packet being put together. */
struct telling {
    int64_t reference; /* in units of reference_us */
    int64_t last_tick;
    size_t count, delta_bytes;
    uint8_t statuses[most_told];
    int16_t deltas[most_told];
};

/* Adds what is known of a number; false when the packet is full or the time since the last does not fit. */
static bool tell(struct telling *telling, int64_t arrival_us, size_t most_bytes) {
    size_t chunks = (telling->count + 1 + 6) / 7;
    if (telling->count == most_told || head_bytes + 2 * chunks + telling->delta_bytes + 2 + 3 > most_bytes)
        return false;
    uint8_t *status = &telling->statuses[telling->count];
    *status = not_received;
    if (arrival_us) {
        int64_t tick = arrival_us / tick_us, delta = tick - telling->last_tick;
        if (delta < INT16_MIN || delta > INT16_MAX)
            return false;
        *status = delta >= 0 && delta <= UINT8_MAX ? small_delta : large_delta;
        telling->deltas[telling->count] = (int16_t)delta;
        telling->delta_bytes += *status == small_delta ? 1 : 2;
        telling->last_tick = tick;
    }
    telling->count++;
    return true;
}

/* Runs of one status take one chunk; others two-bit vectors of seven. */
static void write_chunks(struct ph_builder *builder, const struct telling *telling) {
    for (size_t i = 0; i < telling->count;) {
        size_t run = 1;
        while (i + run < telling->count && telling->statuses[i + run] == telling->statuses[i])
            run++;
        if (run >= 7 || i + run == telling->count) {
            ph_builder_u16(builder, (uint16_t)(telling->statuses[i] << 13 | run));
            i += run;
            continue;
        }
        uint16_t chunk = 0xC000;
        for (size_t k = 0; k < 7 && i < telling->count; k++, i++)
            chunk |= (uint16_t)(telling->statuses[i] << (12 - 2 * k));
        ph_builder_u16(builder, chunk);
    }
}

static void write_deltas(struct ph_builder *builder, const struct telling *telling) {
    for (size_t i = 0; i < telling->count; i++) {
        if (telling->statuses[i] == small_delta)
            ph_builder_u8(builder, (uint8_t)telling->deltas[i]);
        else if (telling->statuses[i] == large_delta)
            ph_builder_u16(builder, (uint16_t)telling->deltas[i]);
    }
}

/* The length in a header, once the packet is whole: it begins at `start`. */
static void close_packet(struct ph_builder *builder, size_t start, unsigned count, enum ph_rtcp_type type) {
    size_t padding = (4 - (builder->size - start) % 4) % 4;
    if (padding) {
        ph_builder_zeros(builder, padding - 1);
        ph_builder_u8(builder, (uint8_t)padding);
    }
    if (!ph_builder_ok(builder))
        return;
    uint32_t words = (uint32_t)((builder->size - start) / 4 - 1);
    uint32_t first = 0x80U | (padding ? 0x20U : 0) | count;
    ph_builder_patch_u32(builder, start, first << 24 | (uint32_t)type << 16 | words);
}

/* The lowest number at or above `next` that arrived. */
static int64_t first_arrived(struct ph_transport_feedback *feedback) {
    int64_t number = feedback->next;
    while (number <= feedback->highest && !*arrival(feedback, number))
        number++;
    return number;
}

/* What comes before the first that arrived is told of as lost; its time is the reference. */
static void collect(struct ph_transport_feedback *feedback, struct telling *telling, size_t most_bytes) {
    int64_t arrived = first_arrived(feedback);
    if (feedback->next < arrived - most_told / 2)
        feedback->next = arrived - most_told / 2;
    telling->reference = *arrival(feedback, arrived) / reference_us;
    telling->last_tick = telling->reference * (reference_us / tick_us);
    int64_t number = feedback->next;
    while (number <= feedback->highest && tell(telling, *arrival(feedback, number), most_bytes))
        number++;
    while (telling->count && telling->statuses[telling->count - 1] == not_received)
        telling->count--;
}

bool ph_transport_feedback_write(struct ph_transport_feedback *feedback, struct ph_builder *builder,
    uint32_t sender, uint32_t media, size_t most_bytes) {
    feedback->pending = 0;
    if (!feedback->begun || first_arrived(feedback) > feedback->highest)
        return false;
    struct telling telling = {0};
    collect(feedback, &telling, most_bytes);
    size_t start = builder->size;
    ph_builder_u32(builder, 0);
    ph_builder_u32(builder, sender);
    ph_builder_u32(builder, media);
    ph_builder_u16(builder, (uint16_t)feedback->next);
    ph_builder_u16(builder, (uint16_t)telling.count);
    ph_builder_u24(builder, (uint32_t)telling.reference & 0xFFFFFF);
    ph_builder_u8(builder, feedback->count++);
    write_chunks(builder, &telling);
    write_deltas(builder, &telling);
    close_packet(builder, start, format, PH_RTCP_TRANSPORT_FEEDBACK);
    feedback->next += (int64_t)telling.count;
    return true;
}
