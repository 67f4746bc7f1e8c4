/* An origin alone, for tests from outside: origin_server <data_dir> <secret> [port] [spool_mib]
 * [keep_ended_s].
 *
 * Prints "listening <port>" and serves until SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/http/server.h"
#include "origin/origin.h"

static void get_metrics(struct ph_http_request *request, void *opaque) {
    struct ph_builder builder = {0};
    ph_metrics_render(opaque, &builder);
    struct ph_bytes *text = ph_builder_finish(&builder);
    struct ph_http_response *response = text ? ph_http_response_from_bytes(200, "text/plain", text) : NULL;
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
    ph_bytes_unref(&text);
}

static int serve(
    struct ph_origin *origin, struct ph_metrics *metrics, const char *listen, struct ph_error *error) {
    const struct ph_http_route route = {
        .method = "GET", .pattern = "/metrics", .handler = get_metrics, .opaque = metrics};
    const struct ph_http_server_options options = {.listen = listen, .metrics = metrics};
    struct ph_http_server *server = NULL;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int code = ph_http_server_create(&server, &options, error);
    if (!code)
        code = ph_http_server_add_route(server, &route);
    if (!code)
        code = ph_origin_restore(origin, error);
    if (!code)
        code = ph_origin_add_routes(origin, server);
    if (!code)
        code = ph_origin_start(origin);
    if (!code)
        code = ph_http_server_start(server, error);
    if (!code) {
        int signal_number;
        printf("listening %u\n", ph_http_server_port(server));
        fflush(stdout);
        sigwait(&signals, &signal_number);
    }
    ph_origin_drain(origin, ph_now_us() + 5 * PH_SECOND_US);
    ph_http_server_drain(server, ph_now_us() + 2 * PH_SECOND_US);
    ph_http_server_destroy(server);
    return code;
}

int main(int argc, char **argv) {
    struct ph_error error = {.text = "failed"};
    struct ph_metrics *metrics = NULL;
    struct ph_origin *origin = NULL;
    char listen[32];
    if (argc < 3) {
        fprintf(stderr, "usage: origin_server <data_dir> <secret> [port] [spool_mib] [keep_ended_s]\n");
        return 2;
    }
    snprintf(listen, sizeof(listen), "127.0.0.1:%d", argc > 3 ? atoi(argv[3]) : 0);
    int code = ph_metrics_create(&metrics);
    const struct ph_origin_options options = {
        .data_dir = argv[1],
        .secret = {(const uint8_t *)argv[2], strlen(argv[2])},
        .spool_most_mib = argc > 4 ? (uint32_t)atoi(argv[4]) : 0,
        .keep_ended_us = argc > 5 ? atoi(argv[5]) * PH_SECOND_US : 0,
        .metrics = metrics,
    };
    if (!code)
        code = ph_origin_create(&origin, &options, &error);
    if (!code)
        code = serve(origin, metrics, listen, &error);
    if (code)
        fprintf(stderr, "%s\n", error.text);
    ph_origin_destroy(origin);
    ph_metrics_destroy(metrics);
    return code ? 1 : 0;
}
