/* An error of the log as Sentry's protocol has it (pure): an envelope with one event.
 *
 * What leaves the machine is scrubbed: a field whose name speaks of a key, a person or an address is left
 * out, and of every text the words that look like one: mail and network addresses, URLs, and long runs of
 * letters and digits, as keys, tokens and ids are. */
#ifndef PH_HTTP_ERROR_EVENT_H
#define PH_HTTP_ERROR_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"

/* Where reports go, from "https://<key>@<host>[:port][/path]/<project>". */
struct ph_dsn {
    char url[512];         /* of the endpoint for envelopes */
    char key[128];         /* the public one */
    char public_text[512]; /* the DSN without a secret */
};
bool ph_dsn_parse(const char *text, struct ph_dsn *dsn);

struct ph_error_event {
    const char *release; /* "porthole@0.1.0" */
    const char *message; /* a log line's, which never varies */
    const struct ph_log_field *fields;
    int64_t at_us; /* UTC */
};
/* The envelope, malloc'ed: three lines of JSON. NULL when out of memory. */
char *ph_error_event_write(const struct ph_dsn *dsn, const struct ph_error_event *event);
/* Copies a text without what looks like a key, an address or a URL. */
void ph_scrub(const char *text, char *target, size_t target_bytes);

#endif
