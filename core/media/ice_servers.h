/* STUN and TURN servers for a publisher over WebRTC: as the settings list them, with credentials for a time
 * by the shared-secret scheme of TURN servers ("TURN REST API"; coturn's use-auth-secret): the name is
 * "<expiry in UTC seconds>:<subject>", the password base64(HMAC-SHA1(secret, name)). */
#ifndef PH_MEDIA_ICE_SERVERS_H
#define PH_MEDIA_ICE_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PH_MOST_ICE_SERVERS = 8,
    PH_ICE_URL_BYTES = 256,
    PH_ICE_NAME_BYTES = 96,
    PH_ICE_PASSWORD_BYTES = 32,
    PH_ICE_LINK_BYTES = 512,
    PH_ICE_CREDENTIALS_S = 86400,
};

struct ph_ice_server {
    char url[PH_ICE_URL_BYTES];
    char username[PH_ICE_NAME_BYTES];     /* "" for STUN, or without a secret */
    char password[PH_ICE_PASSWORD_BYTES]; /* "" likewise */
};

/* Fills the list from the settings' text; how many. `name` tells the credentials of one session from those of
 * another; they end PH_ICE_CREDENTIALS_S from now. */
size_t ph_ice_servers_list(const char *urls, const char *secret, const char *name, int64_t now_s,
    struct ph_ice_server servers[PH_MOST_ICE_SERVERS]);
/* The value of a Link header (RFC 9725, section 4.6). False when it does not fit. */
bool ph_ice_server_link(const struct ph_ice_server *server, char link[PH_ICE_LINK_BYTES]);

#endif
