/* links: ph_media ph_base */
#include <stddef.h>
#include <stdint.h>

#include "core/media/source_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const struct ph_link_frame *frame) {
    struct ph_link_entry entry;
    struct ph_link_ack ack;
    struct ph_link_hello hello;
    struct ph_link_connection connection;
    struct ph_link_reason reason;
    struct ph_link_stats stats;
    int64_t now_us;
    uint64_t replay_from;
    if (ph_link_hello_parse(frame, &hello) == 0)
        ph_link_hello_finish(&hello);
    if (ph_link_entry_parse(frame, &entry) == 0 &&
        ph_link_connection_from_json(entry.bytes, &connection) == 0)
        ph_link_connection_finish(&connection);
    int ignored = ph_link_ack_parse(frame, &ack);
    ignored |= ph_link_reason_parse(frame, &reason);
    ignored |= ph_link_stats_from_json(frame->payload, &stats);
    ignored |= ph_link_tick_parse(frame, &now_us);
    ignored |= ph_link_accept_parse(frame, &replay_from);
    (void)ignored;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_slice rest = {data, size};
    struct ph_link_frame frame;
    size_t consumed;
    while (ph_link_frame_parse(rest, &frame, &consumed) == 0) {
        parse(&frame);
        rest = (struct ph_slice){rest.data + consumed, rest.size - consumed};
    }
    return 0;
}
