/* `porthole serve`: the roles of one node, wired together.
 *
 * This folder is the only place that sees sibling folders. Order of life: settings → metrics → HTTP server →
 * origin → database and API → supervisor → ingest; they are drained and destroyed in the reverse order. */
#ifndef PH_APP_SERVE_H
#define PH_APP_SERVE_H

#include "core/base/error.h"
#include "core/base/settings.h"

/* Runs until SIGTERM or SIGINT, then drains within 10 s. SIGHUP reads the settings again (`config` as given
 * to ph_settings_load) and applies the log level. 0, or a negative code with a sentence for the operator. */
int ph_serve(const struct ph_settings *settings, const char *config, unsigned roles,
    struct ph_error *error) PH_NODISCARD;

#endif
