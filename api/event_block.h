/* Events as text/event-stream (the HTML standard, "server-sent events"), pure. */
#ifndef PH_API_EVENT_BLOCK_H
#define PH_API_EVENT_BLOCK_H

#include "api/events.h"
#include "core/base/builder.h"

/* "id: 17\nevent: chat\ndata: {…}\n\n"; an event without a number has no id, so that the listener's last one
 * stays. */
void ph_event_block(struct ph_builder *builder, int64_t sequence, const char *type, const char *body);
/* Last-Event-ID: a number that such a block had. */
bool ph_event_id_parse(const char *text, int64_t *sequence);

#endif
