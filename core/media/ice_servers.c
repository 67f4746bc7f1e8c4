#include "core/media/ice_servers.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

static void make_credentials(
    const char *secret, const char *name, int64_t now_s, struct ph_ice_server *server) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    snprintf(
        server->username, sizeof(server->username), "%" PRId64 ":%.64s", now_s + PH_ICE_CREDENTIALS_S, name);
    HMAC(EVP_sha1(), secret, (int)strlen(secret), (const unsigned char *)server->username,
        strlen(server->username), digest, &size);
    EVP_EncodeBlock((unsigned char *)server->password, digest, (int)size); /* 28 characters */
}

size_t ph_ice_servers_list(const char *urls, const char *secret, const char *name, int64_t now_s,
    struct ph_ice_server servers[PH_MOST_ICE_SERVERS]) {
    size_t count = 0;
    for (const char *next = urls; *next && count < PH_MOST_ICE_SERVERS;) {
        next += strspn(next, ", ");
        size_t size = strcspn(next, ", ");
        struct ph_ice_server *server = &servers[count];
        if (size > 0 && size < sizeof(server->url)) {
            *server = (struct ph_ice_server){0};
            memcpy(server->url, next, size);
            if (strncmp(server->url, "stun:", 5) != 0 && *secret)
                make_credentials(secret, name, now_s, server);
            count++;
        }
        next += size;
    }
    return count;
}

bool ph_ice_server_link(const struct ph_ice_server *server, char link[PH_ICE_LINK_BYTES]) {
    int size = *server->username ? snprintf(link, PH_ICE_LINK_BYTES,
                                       "<%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; "
                                       "credential-type=\"password\"",
                                       server->url, server->username, server->password)
                                 : snprintf(link, PH_ICE_LINK_BYTES, "<%s>; rel=\"ice-server\"", server->url);
    return size < PH_ICE_LINK_BYTES;
}
