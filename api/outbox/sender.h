/* Sends what is in the outbox: one thread takes rows by lease, whenever one was added or has its turn, and
 * hands them to couriers, each with a thread of its own.
 *
 * Lifetime: create → add … → start → (wake, from any thread) → stop → destroy. Stop lets running deliveries
 * finish for a moment, then cancels them. */
#ifndef PH_API_OUTBOX_SENDER_H
#define PH_API_OUTBOX_SENDER_H

#include "api/outbox/courier.h"
#include "core/base/clock.h"
#include "core/base/metrics.h"

struct ph_outbox_sender;

struct ph_outbox_sender_options {
    struct ph_db *db; /* all borrowed */
    struct ph_clock *clock;
    struct ph_metrics *metrics;
    const char *owner; /* of the leases */
};

enum { PH_MOST_COURIERS = 24 };

int ph_outbox_sender_create(
    struct ph_outbox_sender **sender, const struct ph_outbox_sender_options *options) PH_NODISCARD;
/* Takes the courier over, on success and on failure. Before start. -ENOSPC beyond PH_MOST_COURIERS. */
int ph_outbox_sender_add(struct ph_outbox_sender *sender, struct ph_courier *courier) PH_NODISCARD;
int ph_outbox_sender_start(struct ph_outbox_sender *sender) PH_NODISCARD;
/* Rows may have been added. */
void ph_outbox_sender_wake(struct ph_outbox_sender *sender);
void ph_outbox_sender_stop(struct ph_outbox_sender *sender);
/* NULL is fine. */
void ph_outbox_sender_destroy(struct ph_outbox_sender *sender);

#endif
