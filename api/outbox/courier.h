/* Who delivers rows of one kind: a mail courier has a connection to the relay, a webhook courier an HTTP
 * client. Each belongs to one thread of the sender. */
#ifndef PH_API_OUTBOX_COURIER_H
#define PH_API_OUTBOX_COURIER_H

#include <stdbool.h>

#include "api/outbox/outbox.h"

struct ph_courier;
struct ph_courier_impl {
    enum ph_outbox_kind kind;
    /* Fills the result. False: nobody knows how it went, and the row is to stay as it is. May take long. */
    bool (*deliver)(
        struct ph_courier *courier, const struct ph_outbox_row *row, struct ph_outbox_result *result);
    /* The row's outcome is in the database, or the lease was lost. */
    void (*settled)(struct ph_courier *courier, const struct ph_outbox_row *row);
    /* From any thread: a running and every later delivery ends soon. */
    void (*cancel)(struct ph_courier *courier);
    void (*destroy)(struct ph_courier *courier);
};
struct ph_courier {
    const struct ph_courier_impl *impl;
};

#endif
