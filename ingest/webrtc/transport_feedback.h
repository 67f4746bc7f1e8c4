/* Transport-wide congestion feedback: when each packet arrived, by the number that the sender gave it across
 * all its streams (draft-holmer-rmcat-transport-wide-cc-extensions-01). Pure; embedded; bounded. */
#ifndef PH_INGEST_WEBRTC_TRANSPORT_FEEDBACK_H
#define PH_INGEST_WEBRTC_TRANSPORT_FEEDBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/builder.h"

enum { PH_FEEDBACK_WINDOW = 2048 };

struct ph_transport_feedback {
    int64_t arrivals_us[PH_FEEDBACK_WINDOW]; /* by number modulo the window; 0: not arrived */
    bool begun;
    int64_t next;    /* the lowest number, unwrapped, that the next feedback tells of */
    int64_t highest; /* that arrived */
    size_t pending;  /* arrived and not yet told of, or more */
    uint8_t count;   /* of packets written */
};

void ph_transport_feedback_arrived(struct ph_transport_feedback *feedback, uint16_t sequence, int64_t now_us);
/* Appends one feedback packet of at most `most_bytes` (100 or more). false when there is nothing to tell;
 * call it until then. */
bool ph_transport_feedback_write(struct ph_transport_feedback *feedback, struct ph_builder *builder,
    uint32_t sender, uint32_t media, size_t most_bytes);

#endif
