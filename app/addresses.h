/* Where a process finds those that it works with, by its settings or in itself. */
#ifndef PH_APP_ADDRESSES_H
#define PH_APP_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/settings.h"

struct ph_addresses {
    const char
        *origins; /* base URLs, comma-separated; NULL: nobody said it, and there is none in this process */
    const char *workers; /* as PORTHOLE_WORKERS */
    char own_origin[160], own_workers[512];
};

/* `http_port`: that its server listens on. Points into the settings and into itself: it is not to be copied.
 */
void ph_addresses_find(
    struct ph_addresses *addresses, const struct ph_settings *settings, uint16_t http_port, bool has_origin);

#endif
