/* Serves one source link: HELLO, replay, live, END.
 *
 *   thread     runs                                     ends
 *   caller     reads the link, feeds the source         with the link, END, or a failure
 *   reporter   every 100 ms: effort, ACK, STATS         told by the caller
 *   others     the source's, one a rendition, one a     with the source, the output
 *              publisher, the thumbnailer's */
#ifndef PH_TRANSCODE_LINK_SESSION_H
#define PH_TRANSCODE_LINK_SESSION_H

#include <stdbool.h>

#include "core/base/error.h"

struct ph_session_options {
    /* Called about each second from the reporter with the figures' JSON; may be NULL. */
    void (*beat)(void *opaque, const char *stats_json);
    void *opaque;
    bool no_devices; /* hardware encoders cannot be opened: libx264 takes their place */
};

/* Takes over the link's descriptor. 0 when the session is finished, refused as uncarriable, or the link was
 * closed; a negative code when another worker has to go on: a failure in here, or an origin that needs an
 * earlier replay (-ESTALE). */
int ph_session_serve(int link_fd, const struct ph_session_options *options) PH_NODISCARD;

#endif
