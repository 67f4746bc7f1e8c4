/* Sessions as JSON. */
#ifndef PH_API_SESSION_VIEW_H
#define PH_API_SESSION_VIEW_H

#include <jansson.h>

#include "api/session_feed.h"
#include "api/sessions_store.h"
#include "core/media/ice_servers.h"

/* New references; NULL when out of memory. */

/* One session; `health` NULL: not carried by this process; `playback_token` NULL: none is needed. */
json_t *ph_session_view(
    const struct ph_session *session, const struct ph_session_health *health, const char *playback_token);

/* The figures alone; null without any. */
json_t *ph_session_health_view(const struct ph_session_health *health);

/* What the streamer is told once. */
struct ph_session_welcome {
    const struct ph_session_birth *birth;
    const char *public_url;
    const char *srt_host;
    uint16_t srt_port;
    const char *viewer_token;
    const struct ph_ice_server *ice_servers;
    size_t ice_server_count;
};
json_t *ph_session_welcome_view(const struct ph_session_welcome *welcome);

/* The host of an http(s) URL, with the brackets of an IPv6 address. False when it does not fit. */
bool ph_url_host(const char *url, char *host, size_t host_bytes);

#endif
