/* A relay's metrics. The session's own are looked up at each use, once a second, so that no pointer outlives
 * them. */
#ifndef PH_INGEST_RELAY_FIGURES_H
#define PH_INGEST_RELAY_FIGURES_H

#include "ingest/relay.h"

void ph_relay_figure_stats(struct ph_relay *relay, const struct ph_link_stats *stats);
void ph_relay_figure_death(struct ph_relay *relay);
/* From a worker's death to the first part its successor published. */
void ph_relay_figure_recovery(struct ph_relay *relay, int64_t recovery_us);

#endif
