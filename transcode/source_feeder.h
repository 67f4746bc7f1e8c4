/* The demuxing thread of a source: takes link entries from its queue, runs a demuxer for each connection, and
 * passes packets and the time on, in order. */
#ifndef PH_TRANSCODE_SOURCE_FEEDER_H
#define PH_TRANSCODE_SOURCE_FEEDER_H

#include "core/base/queue.h"
#include "transcode/source.h"

struct ph_source_feeder;

/* Borrows `items`, to which struct ph_source_item go (the taker owns them). `connection` (copied; NULL: none)
 * is the one a replay begins in the middle of. */
int ph_source_feeder_create(struct ph_source_feeder **feeder, struct ph_queue *items,
    const struct ph_link_connection *connection) PH_NODISCARD;
/* Copies the entry; blocks while the queue is full. PH_EOF when closed. */
int ph_source_feeder_push(struct ph_source_feeder *feeder, const struct ph_link_entry *entry) PH_NODISCARD;
/* Ends the thread; `items` must be closed before. NULL is fine. */
void ph_source_feeder_destroy(struct ph_source_feeder *feeder);

#endif
