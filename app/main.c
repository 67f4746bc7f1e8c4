#include <stdio.h>
#include <stdlib.h>

#include "api/token.h"
#include "app/archive_command.h"
#include "app/options.h"
#include "app/serve.h"
#include "core/base/log.h"
#include "core/base/settings.h"
#include "transcode/transcode.h"

enum { exit_good = 0, exit_failed = 1, exit_usage = 2 };

static int report(const struct ph_error *error, int exit_code) {
    fprintf(stderr, "porthole: %s\n", error->text);
    return exit_code;
}

static int config_check(const struct ph_options *options) {
    struct ph_settings settings;
    struct ph_error error = {0};
    if (ph_settings_load(&settings, options->config, &error))
        return report(&error, exit_failed);
    printf("settings are good\n");
    ph_settings_finish(&settings);
    return exit_good;
}

static int token(const struct ph_options *options) {
    struct ph_settings settings;
    struct ph_error error = {0};
    if (ph_settings_load(&settings, options->config, &error))
        return report(&error, exit_failed);
    char *text = NULL;
    int code = ph_settings_prepare(&settings, &error);
    if (!code)
        code = ph_token_issue(settings.jwt_secret, options->token_role, options->token_subject,
            options->token_session, options->token_ttl_s, &text, &error);
    if (!code)
        printf("%s\n", text);
    free(text);
    ph_settings_finish(&settings);
    return code ? report(&error, exit_failed) : exit_good;
}

static int serve(const struct ph_options *options) {
    struct ph_settings settings;
    struct ph_error error = {0};
    if (ph_settings_load(&settings, options->config, &error))
        return report(&error, exit_failed);
    int code = ph_settings_prepare(&settings, &error);
    if (!code)
        code = ph_serve(&settings, options->config, options->roles, &error);
    ph_settings_finish(&settings);
    return code ? report(&error, exit_failed) : exit_good;
}

static int archive_verify(const struct ph_options *options) {
    struct ph_settings settings;
    struct ph_error error = {0};
    bool is_clean = false;
    if (ph_settings_load(&settings, options->config, &error))
        return report(&error, exit_failed);
    int code = ph_settings_prepare(&settings, &error);
    if (!code)
        code = ph_archive_command_verify(&settings,
            &(struct ph_archive_wish){.session = options->archive_session,
                .repair = options->archive_repair,
                .deep = options->archive_deep},
            &is_clean, &error);
    ph_settings_finish(&settings);
    if (code)
        return report(&error, exit_failed);
    return is_clean ? exit_good : exit_failed;
}

int main(int argc, char **argv) {
    struct ph_options options;
    struct ph_error error = {0};
    if (ph_options_parse(&options, argc, argv, &error))
        return report(&error, exit_usage);
    switch (options.command) {
    case PH_COMMAND_HELP:
        fputs(ph_options_help, stdout);
        return exit_good;
    case PH_COMMAND_VERSION:
        printf("porthole %s\n", PH_VERSION);
        return exit_good;
    case PH_COMMAND_SERVE:
        return serve(&options);
    case PH_COMMAND_TRANSCODE:
        return ph_transcode_main();
    case PH_COMMAND_TOKEN:
        return token(&options);
    case PH_COMMAND_CONFIG_CHECK:
        return config_check(&options);
    case PH_COMMAND_ARCHIVE_VERIFY:
        return archive_verify(&options);
    }
    return exit_usage;
}
