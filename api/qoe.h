/* Quality of experience: how the watching goes, as the player tells it with its beats, under the keys of CMCD
 * (CTA-5004). Each figure is of all the time since the viewer joined, so a beat that is lost loses nothing.
 */
#ifndef PH_API_QOE_H
#define PH_API_QOE_H

#include "api/body.h"
#include "core/db/db.h"

enum ph_qoe_figure {
    PH_QOE_STARTUP_MS,      /* "msd": from asking to play to the first picture */
    PH_QOE_STALLS,          /* "bsa": how often the buffer ran dry */
    PH_QOE_STALLED_MS,      /* "bsda": how long in all */
    PH_QOE_BITRATE_KBPS,    /* "br": encoded, the mean */
    PH_QOE_LATENCY_MS,      /* "ltc": behind the live moment, the median */
    PH_QOE_THROUGHPUT_KBPS, /* "mtp": as the player measures it */
    PH_QOE_DROPPED_FRAMES,  /* "dfa" */
    PH_QOE_FIGURES,
};

struct ph_qoe {
    int64_t figures[PH_QOE_FIGURES]; /* -1: not told */
};

/* Reads the object that is the body's field `name`. False when it is absent or there is a fault. */
bool ph_qoe_read(struct ph_body *body, const char *name, struct ph_qoe *qoe);
/* Keeps the figures in place of earlier ones; those that are not told stay. */
int ph_qoe_keep(struct ph_db_transaction *transaction, const char *session, const char *viewer,
    const struct ph_qoe *qoe, int64_t now_ms) PH_NODISCARD;

#endif
