#include "app/addresses.h"

#include <stdio.h>
#include <string.h>

/* This process's own origin, as its workers reach it. */
static void write_own_origin(struct ph_addresses *addresses, const char *listen, unsigned port) {
    const char *colon = strrchr(listen, ':');
    size_t host_size = colon ? (size_t)(colon - listen) : 0;
    bool is_any = host_size == 0 || strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0;
    if (is_any)
        snprintf(addresses->own_origin, sizeof(addresses->own_origin), "http://127.0.0.1:%u", port);
    else
        snprintf(addresses->own_origin, sizeof(addresses->own_origin), "http://%.*s:%u", (int)host_size,
            listen, port);
}

void ph_addresses_find(
    struct ph_addresses *addresses, const struct ph_settings *settings, uint16_t http_port, bool has_origin) {
    const char *listen = settings->worker_listen;
    write_own_origin(addresses, settings->http_listen, http_port);
    /* The first of them. */
    snprintf(
        addresses->own_workers, sizeof(addresses->own_workers), "%.*s", (int)strcspn(listen, ","), listen);
    addresses->origins = has_origin ? addresses->own_origin : NULL;
    if (*settings->origins)
        addresses->origins = settings->origins;
    addresses->workers = *settings->workers ? settings->workers : addresses->own_workers;
}
