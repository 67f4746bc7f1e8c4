/* The thread that takes new connections off the listening socket. It is ours and not libmicrohttpd's, because
 * that library cannot stop listening safely while its threads run: it may then touch a socket that is closed,
 * and aborts when two of its threads stop listening at the same moment. */
#ifndef PH_HTTP_ACCEPTOR_H
#define PH_HTTP_ACCEPTOR_H

#include <sys/socket.h>

#include "core/base/error.h"

struct ph_acceptor;

/* Called in the acceptor's thread; takes over `fd`, which is non-blocking and close-on-exec. */
typedef void ph_acceptor_connected(int fd, const struct sockaddr *peer, socklen_t peer_bytes, void *opaque);

/* Takes over the listening socket, on success and on failure. */
int ph_acceptor_start(
    struct ph_acceptor **acceptor, int fd, ph_acceptor_connected *connected, void *opaque) PH_NODISCARD;
/* Stops listening, waits for the thread, frees and nulls. NULL inside is fine. */
void ph_acceptor_stop(struct ph_acceptor **acceptor);

#endif
