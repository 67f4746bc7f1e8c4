/* One node: the roles it has, made in order, drained and destroyed in the reverse order.
 *
 *   phase      what may be called
 *   created    start, destroy
 *   running    drain
 *   drained    destroy
 *
 * One thread calls all of it. */
#ifndef PH_APP_NODE_H
#define PH_APP_NODE_H

#include "app/options.h"
#include "core/base/clock.h"
#include "core/base/settings.h"

/* How long a drain may take: publishers are told, last segments finished, ENDLIST served. */
#define PH_DRAIN_US (9 * PH_SECOND_US)

struct ph_node;

/* Borrows the settings for the node's life. A negative code with a sentence for the operator. */
int ph_node_create(struct ph_node **node, const struct ph_settings *settings, unsigned roles,
    struct ph_error *error) PH_NODISCARD;
int ph_node_start(struct ph_node *node, struct ph_error *error) PH_NODISCARD;
/* On SIGHUP. */
void ph_node_reload(struct ph_node *node);
void ph_node_drain(struct ph_node *node, int64_t deadline_us);
/* NULL is fine. */
void ph_node_destroy(struct ph_node *node);

#endif
