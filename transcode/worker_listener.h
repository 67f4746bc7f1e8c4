/* The sockets a worker node listens on for source links. Embedded. */
#ifndef PH_TRANSCODE_WORKER_LISTENER_H
#define PH_TRANSCODE_WORKER_LISTENER_H

#include "core/media/link_endpoint.h"

enum { PH_MOST_WORKER_LISTENERS = 4 };

struct ph_worker_listener {
    struct ph_link_endpoint endpoint;
    int fd; /* -1: closed */
    bool paused;
};

/* Opens what `text` lists, separated by commas: non-blocking, a unix socket for this user alone. 0 with the
 * count, or a negative code with a sentence that names PORTHOLE_WORKER_LISTEN, and nothing open. */
int ph_worker_listeners_open(struct ph_worker_listener listeners[PH_MOST_WORKER_LISTENERS], int *count,
    const char *text, struct ph_error *error) PH_NODISCARD;
/* Closes them; a unix socket's file goes. */
void ph_worker_listeners_close(struct ph_worker_listener *listeners, int count);

#endif
