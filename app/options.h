/* The command line. */
#ifndef PH_APP_OPTIONS_H
#define PH_APP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

enum ph_command {
    PH_COMMAND_HELP,
    PH_COMMAND_VERSION,
    PH_COMMAND_SERVE,
    PH_COMMAND_TRANSCODE,
    PH_COMMAND_TOKEN,
    PH_COMMAND_CONFIG_CHECK,
    PH_COMMAND_ARCHIVE_VERIFY,
};

enum ph_role {
    PH_ROLE_INGEST = 1,
    PH_ROLE_WORKER = 2,
    PH_ROLE_ORIGIN = 4,
    PH_ROLE_API = 8,
    PH_ROLE_ALL = 15,
};

/* Strings are borrowed from argv; NULL when not given. */
struct ph_options {
    enum ph_command command;
    unsigned roles; /* of enum ph_role */
    const char *config;
    const char *token_role;
    const char *token_subject;
    const char *token_session;
    int64_t token_ttl_s;
    const char *archive_session; /* NULL: all */
    bool archive_repair;
    bool archive_deep;
};

/* 0, or -EINVAL with a sentence that says what is wrong. */
int ph_options_parse(struct ph_options *options, int argc, char **argv, struct ph_error *error) PH_NODISCARD;
extern const char ph_options_help[];

#endif
