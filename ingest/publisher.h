/* What a publishing protocol (SRT, WHIP) asks of ingest: admission, then one `struct ph_publishing` for each
 * connection.
 *
 *   ph_publisher_admit → (handshake) → ph_publishing_begin → ph_publishing_unit … → ph_publishing_end
 *
 * Thread-safe. A publishing belongs to the protocol's thread. Ingest never calls into a protocol: the thread
 * asks ph_publishing_requests() when it is woken through `wake_fd`, and at least every 100 ms when it gave
 * none. */
#ifndef PH_INGEST_PUBLISHER_H
#define PH_INGEST_PUBLISHER_H

#include "ingest/control.h"

struct ph_relays;
struct ph_publishing;

enum ph_publisher_verdict {
    PH_PUBLISHER_OK,
    PH_PUBLISHER_UNAUTHORIZED, /* unknown key: SRT 1401, HTTP 401 */
    PH_PUBLISHER_ENDED,        /* the session is over: 1403, 403 */
    PH_PUBLISHER_BUSY,         /* another publisher is alive on the session: 1409, 409 */
    PH_PUBLISHER_FULL,         /* no worker has room: 1402, 503 */
    PH_PUBLISHER_UNAVAILABLE,  /* the store is down, or the node shuts down: 1503, 503 */
};

/* Asks the control plane, and whether session and node can take a publisher now. Answers within milliseconds.
 */
enum ph_publisher_verdict ph_publisher_admit(
    struct ph_relays *relays, const char *stream_key, struct ph_admission *admission);

/* Borrowed for the call. */
struct ph_publisher_offer {
    const char *protocol; /* "srt" or "whip" */
    const char *kind;     /* "mpegts" or "rtp" */
    const char *sdp;      /* rtp: the negotiated session description; else NULL */
    const char *peer;     /* address, for logs and the control plane */
    int wake_fd;          /* an eventfd that outlives the publishing; -1: the protocol asks by itself */
};

/* The connection stands: a CONNECTION entry, and the session's relay if it has none yet. A publisher that has
 * been silent for a second is superseded. 0; -EBUSY when another publisher is alive; PH_EOF when the session
 * is over; -ENOMEM. */
int ph_publishing_begin(struct ph_relays *relays, const struct ph_admission *admission,
    const struct ph_publisher_offer *offer, struct ph_publishing **publishing) PH_NODISCARD;

/* One datagram, copied. 0, or PH_EOF when this publishing was superseded or its session is over: end it.
 * -ENOMEM loses the datagram. */
int ph_publishing_unit(struct ph_publishing *publishing, struct ph_slice bytes) PH_NODISCARD;
/* The same for a datagram that tells about media and is none, such as a sender report: who sends nothing else
 * is as silent as who sends nothing. Its session ends, and another may supersede it, as if it were away. */
int ph_publishing_report(struct ph_publishing *publishing, struct ph_slice bytes) PH_NODISCARD;
/* After a batch of units: lets the relay send them. */
void ph_publishing_flush(struct ph_publishing *publishing);

enum { PH_PUBLISHER_CLOSE = 1, PH_PUBLISHER_KEYFRAME = 2 };
/* Takes what was asked of the publisher since the last call: an or of the values above. CLOSE stays. */
unsigned ph_publishing_requests(struct ph_publishing *publishing);

/* The session's id. */
const char *ph_publishing_session(const struct ph_publishing *publishing);
/* The connection is gone: a GONE entry, unless another publisher took over. Frees it; NULL is fine. */
void ph_publishing_end(struct ph_publishing *publishing);

#endif
