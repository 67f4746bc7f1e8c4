/* SRT publishers: one listening socket, admission before the handshake ends, one thread that reads them all.
 */
#ifndef PH_INGEST_SRT_LISTENER_H
#define PH_INGEST_SRT_LISTENER_H

#include "ingest/relays.h"

struct ph_srt_listener;

/* 0, -ENOMEM, or -EINVAL with a sentence when `listen` is no "host:port". Borrows the relays. */
int ph_srt_listener_create(struct ph_srt_listener **listener, struct ph_relays *relays, const char *listen,
    uint32_t latency_ms, struct ph_error *error) PH_NODISCARD;
/* Opens the port. -EADDRINUSE and others with a sentence that names PORTHOLE_SRT_LISTEN. */
int ph_srt_listener_start(struct ph_srt_listener *listener, struct ph_error *error) PH_NODISCARD;
/* Disconnects everybody. NULL is fine. */
void ph_srt_listener_destroy(struct ph_srt_listener *listener);

#endif
