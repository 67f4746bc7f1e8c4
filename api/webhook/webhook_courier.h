/* Delivers the outbox's rows to webhooks. */
#ifndef PH_API_WEBHOOK_WEBHOOK_COURIER_H
#define PH_API_WEBHOOK_WEBHOOK_COURIER_H

#include "api/outbox/courier.h"
#include "core/base/clock.h"

struct ph_webhook_courier_options {
    struct ph_db *db; /* all borrowed */
    struct ph_clock *clock;
    const char *authorities; /* a file of certificates to trust instead of the machine's; "" for those */
    bool allow_private;
};

int ph_webhook_courier_create(
    struct ph_courier **courier, const struct ph_webhook_courier_options *options) PH_NODISCARD;

#endif
