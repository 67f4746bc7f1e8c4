/* Suspended connections: their deadlines, their release and the drain. No other module suspends or resumes.
 *
 * Lifetime of a hold (each line may be the last for its reference):
 *   waiting   suspended in libmicrohttpd; listed in the heap of deadlines; referenced by the request and the
 * caller claimed   exactly one of release, deadline and drain has won it, and stores the answer answered  the
 * connection is resumed: its own thread takes the answer and drops the request's reference */
#ifndef PH_HTTP_HOLD_H
#define PH_HTTP_HOLD_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/http/response.h"

struct ph_holds;
struct ph_http_hold;

/* Starts the thread of deadlines. `gauge` (borrowed, may be NULL) counts the held requests. */
int ph_holds_create(struct ph_holds **holds, struct ph_metric *gauge) PH_NODISCARD;
/* After ph_holds_drain(). NULL is fine. */
void ph_holds_destroy(struct ph_holds *holds);
/* Suspends the connection; only from inside its access handler. On success *hold carries two references, the
 * caller's and the request's. Takes a reference on `on_deadline`. -ENOMEM; -ESHUTDOWN while draining; then
 * nothing is suspended. */
int ph_holds_suspend(struct ph_holds *holds, struct MHD_Connection *connection, int64_t deadline_us,
    struct ph_http_response *on_deadline, struct ph_http_hold **hold) PH_NODISCARD;
/* The same for a connection that is being answered and has nothing to send: only from inside its content
 * reader. Released, by a release or by the deadline, it is asked again. Not counted among the held requests.
 */
int ph_holds_park(struct ph_holds *holds, struct MHD_Connection *connection, int64_t deadline_us,
    struct ph_http_hold **hold) PH_NODISCARD;
/* Refuses new holds, answers those there are with their deadline's response, and returns when every
 * connection has been resumed. */
void ph_holds_drain(struct ph_holds *holds);

/* The request's side, in the connection's own thread after it was resumed: whether the hold was answered, and
 * the answer (borrowed; valid as long as the reference; NULL when the release had none). */
bool ph_hold_take_answer(struct ph_http_hold *hold, struct ph_http_response **answer);
/* Gives up the request's reference. */
void ph_hold_unref(struct ph_http_hold **hold);

#endif
