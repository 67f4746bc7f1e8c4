#include "app/options.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char ph_options_help[] =
    "usage: porthole <command>\n"
    "\n"
    "  serve [--config FILE] [--roles ingest,worker,origin,api]\n"
    "        run this node; all roles by default\n"
    "  token --role streamer|viewer|operator|admin --sub ID [--session ID] [--ttl SECONDS] [--config FILE]\n"
    "        print a JWT signed with the node's secret; it lasts an hour unless --ttl says otherwise\n"
    "  config check [--config FILE]\n"
    "        read the settings and say what is wrong with them\n"
    "  archive verify [--session ID] [--deep] [--repair] [--config FILE]\n"
    "        compare spool, list of recordings and store, a line of JSON for each difference; with --deep "
    "what\n"
    "        is in the objects too; with --repair mend what can be mended; 1 when a difference is left\n"
    "  version\n"
    "\n"
    "Settings come from FILE (porthole.yaml in the working folder if it is there) and from PORTHOLE_… "
    "variables, which\n"
    "win. porthole.example.yaml documents every one.\n";

struct flag {
    const char *name;
    const char **value;
};

/* Reads `--name value` and `--name=value` pairs. */
static int parse_flags(char **argv, int argc, const struct flag *flags, struct ph_error *error) {
    for (int i = 0; i < argc; i++) {
        const struct flag *flag = flags;
        const char *value = NULL;
        for (; flag->name; flag++) {
            size_t size = strlen(flag->name);
            if (strncmp(argv[i], flag->name, size) != 0)
                continue;
            if (argv[i][size] == '=')
                value = argv[i] + size + 1;
            else if (argv[i][size] == '\0')
                value = i + 1 < argc ? argv[++i] : NULL;
            else
                continue;
            break;
        }
        if (!flag->name)
            return ph_error_set(error, -EINVAL, "unknown argument '%s'; see porthole --help", argv[i]);
        if (!value)
            return ph_error_set(error, -EINVAL, "%s needs a value; see porthole --help", flag->name);
        *flag->value = value;
    }
    return 0;
}

static int parse_roles(const char *text, unsigned *roles, struct ph_error *error) {
    static const struct {
        const char *name;
        unsigned role;
    } names[] = {{"ingest", PH_ROLE_INGEST}, {"worker", PH_ROLE_WORKER}, {"origin", PH_ROLE_ORIGIN},
        {"api", PH_ROLE_API}};
    *roles = 0;
    for (const char *next = text; *next;) {
        size_t size = strcspn(next, ",");
        unsigned role = 0;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (strlen(names[i].name) == size && strncmp(names[i].name, next, size) == 0)
                role = names[i].role;
        }
        if (!role)
            return ph_error_set(error, -EINVAL,
                "unknown role '%.*s'; --roles takes ingest, worker, origin and api", (int)size, next);
        *roles |= role;
        next += size + (next[size] == ',');
    }
    if (!*roles)
        return ph_error_set(error, -EINVAL, "--roles is empty; it takes ingest, worker, origin and api");
    return 0;
}

static int parse_serve(struct ph_options *options, int argc, char **argv, struct ph_error *error) {
    const char *roles = NULL;
    int code = parse_flags(argv, argc,
        (const struct flag[]){{"--config", &options->config}, {"--roles", &roles}, {NULL, NULL}}, error);
    if (code || !roles)
        return code;
    return parse_roles(roles, &options->roles, error);
}

static int parse_token(struct ph_options *options, int argc, char **argv, struct ph_error *error) {
    const char *ttl = NULL;
    int code = parse_flags(argv, argc,
        (const struct flag[]){{"--role", &options->token_role}, {"--sub", &options->token_subject},
            {"--session", &options->token_session}, {"--ttl", &ttl}, {"--config", &options->config},
            {NULL, NULL}},
        error);
    if (code)
        return code;
    if (!options->token_role || !options->token_subject)
        return ph_error_set(error, -EINVAL, "porthole token needs --role and --sub; see porthole --help");
    if (!ttl)
        return 0;
    char *end = NULL;
    errno = 0;
    options->token_ttl_s = strtoll(ttl, &end, 10);
    if (errno || end == ttl || *end || options->token_ttl_s < 1 || options->token_ttl_s > 366 * 86400)
        return ph_error_set(error, -EINVAL, "--ttl takes whole seconds from 1 to %d", 366 * 86400);
    return 0;
}

static int parse_config(struct ph_options *options, int argc, char **argv, struct ph_error *error) {
    if (argc < 1 || strcmp(argv[0], "check") != 0)
        return ph_error_set(
            error, -EINVAL, "the only config command is: porthole config check [--config FILE]");
    return parse_flags(
        argv + 1, argc - 1, (const struct flag[]){{"--config", &options->config}, {NULL, NULL}}, error);
}

static int parse_archive(struct ph_options *options, int argc, char **argv, struct ph_error *error) {
    char *others[16];
    int count = 0;
    if (argc < 1 || strcmp(argv[0], "verify") != 0)
        return ph_error_set(error, -EINVAL,
            "the only archive command is: porthole archive verify [--session ID] [--deep] [--repair]");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--repair") == 0)
            options->archive_repair = true;
        else if (strcmp(argv[i], "--deep") == 0)
            options->archive_deep = true;
        else if (count < (int)(sizeof(others) / sizeof(others[0])))
            others[count++] = argv[i];
    }
    return parse_flags(others, count,
        (const struct flag[]){
            {"--session", &options->archive_session}, {"--config", &options->config}, {NULL, NULL}},
        error);
}

static int parse_nothing(struct ph_options *options, int argc, char **argv, struct ph_error *error) {
    (void)options;
    return argc == 0 ? 0
                     : ph_error_set(error, -EINVAL, "unknown argument '%s'; see porthole --help", argv[0]);
}

int ph_options_parse(struct ph_options *options, int argc, char **argv, struct ph_error *error) {
    static const struct {
        const char *name;
        enum ph_command command;
        int (*parse)(struct ph_options *options, int argc, char **argv, struct ph_error *error);
    } commands[] = {
        {"serve", PH_COMMAND_SERVE, parse_serve},
        {"transcode", PH_COMMAND_TRANSCODE, parse_nothing},
        {"token", PH_COMMAND_TOKEN, parse_token},
        {"config", PH_COMMAND_CONFIG_CHECK, parse_config},
        {"archive", PH_COMMAND_ARCHIVE_VERIFY, parse_archive},
        {"version", PH_COMMAND_VERSION, parse_nothing},
        {"--version", PH_COMMAND_VERSION, parse_nothing},
        {"help", PH_COMMAND_HELP, parse_nothing},
        {"--help", PH_COMMAND_HELP, parse_nothing},
        {"-h", PH_COMMAND_HELP, parse_nothing},
    };
    *options = (struct ph_options){.roles = PH_ROLE_ALL, .token_ttl_s = 3600};
    if (argc < 2)
        return ph_error_set(error, -EINVAL, "a command is missing; see porthole --help");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        options->command = commands[i].command;
        return commands[i].parse(options, argc - 2, argv + 2, error);
    }
    return ph_error_set(error, -EINVAL, "unknown command '%s'; see porthole --help", argv[1]);
}
