/* `porthole archive verify`. */
#ifndef PH_APP_ARCHIVE_COMMAND_H
#define PH_APP_ARCHIVE_COMMAND_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/settings.h"

struct ph_archive_wish {
    const char *session; /* NULL: all */
    bool repair;
    bool deep;
};

/* Writes a line of JSON for each difference and one that sums up to standard output. `is_clean`: no
 * difference is left. */
int ph_archive_command_verify(const struct ph_settings *settings, const struct ph_archive_wish *wish,
    bool *is_clean, struct ph_error *error) PH_NODISCARD;

#endif
