#include "app/serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/node.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/log_writer.h"

/* The signals `porthole serve` waits for. They are blocked in every thread; only the main thread takes them.
 */
static void block_signals(sigset_t *taken) {
    sigemptyset(taken);
    sigaddset(taken, SIGTERM);
    sigaddset(taken, SIGINT);
    sigaddset(taken, SIGHUP);
    pthread_sigmask(SIG_BLOCK, taken, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void apply_log_level(const struct ph_settings *settings) {
    enum ph_log_level level;
    if (ph_log_level_parse(settings->log_level, &level) == 0)
        ph_log_set_level(level);
}

/* SIGHUP: what can change while running is the log level, and the keys of the main app's tokens. A wrong file
 * changes nothing. */
static void reload(struct ph_node *node, const char *config) {
    struct ph_settings settings;
    struct ph_error error = {0};
    ph_node_reload(node);
    if (ph_settings_load(&settings, config, &error)) {
        ph_log_error("settings were not reloaded; the old ones stay", ph_str("reason", error.text));
        return;
    }
    apply_log_level(&settings);
    ph_log_info("settings reloaded", ph_str("log_level", settings.log_level));
    ph_settings_finish(&settings);
}

static void wait_for_the_end(const sigset_t *taken, struct ph_node *node, const char *config) {
    for (;;) {
        int number = 0;
        if (sigwait(taken, &number))
            continue;
        if (number == SIGHUP) {
            reload(node, config);
            continue;
        }
        ph_log_info("asked to stop; draining", ph_str("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
        return;
    }
}

int ph_serve(const struct ph_settings *settings, const char *config, unsigned roles, struct ph_error *error) {
    sigset_t taken;
    block_signals(&taken);
    apply_log_level(settings);
    struct ph_node *node = NULL;
    int code = ph_log_writer_start();
    if (code)
        return ph_error_set(error, code, "the log's thread cannot be started");
    code = ph_node_create(&node, settings, roles, error);
    if (!code)
        code = ph_node_start(node, error);
    if (!code) {
        wait_for_the_end(&taken, node, config);
        ph_node_drain(node, ph_now_us() + PH_DRAIN_US);
        ph_log_info("stopped");
    }
    ph_node_destroy(node);
    ph_log_writer_stop();
    return code;
}
