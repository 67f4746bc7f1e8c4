#include "transcode/worker_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_ours(const char *variable) {
    return strncmp(variable, "PORTHOLE_", strlen("PORTHOLE_")) == 0;
}

static char *variable_make(const char *name, const char *value) {
    size_t size = strlen(name) + strlen(value) + 2;
    char *variable = malloc(size);
    if (variable)
        snprintf(variable, size, "%s=%s", name, value);
    return variable;
}

char **ph_worker_environment_make(const char *encoder) {
    if (!encoder)
        encoder = getenv("PORTHOLE_ENCODER");
    size_t count = 0;
    while (environ && environ[count])
        count++;
    char **environment = calloc(count + 2, sizeof(*environment));
    if (!environment)
        return NULL;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_ours(environ[i]))
            continue;
        environment[kept] = strdup(environ[i]);
        if (!environment[kept++])
            goto fail;
    }
    if (encoder) {
        environment[kept] = variable_make("PORTHOLE_ENCODER", encoder);
        if (!environment[kept])
            goto fail;
    }
    return environment;
fail:
    ph_worker_environment_free(environment);
    return NULL;
}

void ph_worker_environment_free(char **environment) {
    if (!environment)
        return;
    for (char **variable = environment; *variable; variable++)
        free(*variable);
    free(environment);
}
