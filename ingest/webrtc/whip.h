/* The WHIP resource (RFC 9725): POST /whip takes an offer, PATCH and DELETE on the Location change and end
 * what it made.
 *
 *   phase      what may be called
 *   created    add_routes, attach, stop, destroy
 *   attached   the same: requests are answered
 *   stopped    destroy: requests get 503
 *
 * Requests are held and answered from the resource's own threads: admission asks the control plane, which may
 * take a while. One thread creates, attaches, stops and destroys. */
#ifndef PH_INGEST_WEBRTC_WHIP_H
#define PH_INGEST_WEBRTC_WHIP_H

#include "core/http/server.h"
#include "ingest/webrtc/endpoint.h"

struct ph_whip;

struct ph_whip_options {
    struct ph_metrics *metrics; /* borrowed */
    const char *ladder;         /* the node's; rates of answers follow a session's own, or this; borrowed */
    /* As the settings of these names have them; borrowed. */
    const char *turn_urls, *turn_secret;
};

/* 0, -ENOMEM, or a thread's -errno. */
int ph_whip_create(struct ph_whip **whip, const struct ph_whip_options *options) PH_NODISCARD;
/* Before the server starts. */
int ph_whip_add_routes(struct ph_whip *whip, struct ph_http_server *server) PH_NODISCARD;
/* From here on publishers are taken. Both are borrowed until stop. */
void ph_whip_attach(struct ph_whip *whip, struct ph_relays *relays, struct ph_webrtc_endpoint *endpoint);
/* Answers what waits; uses what was attached no more once it returns. */
void ph_whip_stop(struct ph_whip *whip);
/* After the server's drain or destruction. NULL is fine. */
void ph_whip_destroy(struct ph_whip *whip);

#endif
