#include "core/http/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/http/acceptor.h"
#include "core/http/address.h"
#include "core/http/request.h"

enum {
    most_threads = 4,
    /* Of a request's head: longer ones get 414 or 431. About half of it stays resident while an answer
       streams. */
    connection_memory_bytes = 20 * 1024,
    most_files = 65536,
    reserved_files = 128, /* database, logs, media, the listening sockets */
    fewest_connections = 16,
    connections_in_passing = 1024, /* accepted, and not yet counted */
};
static const int64_t default_idle_timeout_us = 30 * PH_SECOND_US;

/* Lifts the soft limit of open files as far as the hard one allows and leaves a reserve to the rest of the
 * process. */
static unsigned connections_by_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return fewest_connections;
    rlim_t wanted = limit.rlim_max < most_files ? limit.rlim_max : most_files;
    if (limit.rlim_cur < wanted) {
        struct rlimit lifted = {wanted, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &lifted) == 0)
            limit.rlim_cur = wanted;
    }
    rlim_t files = limit.rlim_cur < most_files ? limit.rlim_cur : most_files;
    return files > reserved_files + fewest_connections ? (unsigned)files - reserved_files
                                                       : fewest_connections;
}

static unsigned threads_by_cores(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > most_threads ? most_threads : (unsigned)cores;
}

static struct ph_metric *make_gauge(struct ph_http_server *server, const char *name, const char *help) {
    return server->metrics ? ph_metrics_gauge(server->metrics, name, help, NULL) : NULL;
}

static int create_parts(struct ph_http_server *server) {
    server->nothing = ph_bytes_create(0);
    server->broken = ph_http_response_problem(500, "Internal Server Error", "The server failed to answer.");
    if (!server->listen || !server->nothing || !server->broken)
        return -ENOMEM;
    int code = ph_router_create(&server->router);
    if (!code)
        code = ph_request_metrics_create(&server->unmatched, server->metrics, "unmatched");
    if (!code)
        code = ph_holds_create(&server->holds,
            make_gauge(server, "porthole_http_held_requests", "Requests that wait for something to happen."));
    if (!code)
        code = ph_connections_create(&server->connections, server->idle_timeout_us,
            make_gauge(server, "porthole_http_connections", "Open HTTP connections."));
    if (!code && server->metrics)
        server->refused = ph_metrics_counter(server->metrics, "porthole_http_refused_connections_total",
            "Connections closed at once because there were too many.", NULL);
    return code;
}

int ph_http_server_create(
    struct ph_http_server **out, const struct ph_http_server_options *options, struct ph_error *error) {
    *out = NULL;
    struct ph_http_server *server = calloc(1, sizeof(*server));
    if (!server)
        return ph_error_set(error, -ENOMEM, "out of memory for the HTTP server");
    server->listen = strdup(options->listen);
    server->threads = options->threads ? options->threads : threads_by_cores();
    server->most_connections = options->most_connections ? options->most_connections : connections_by_limit();
    server->idle_timeout_us = options->idle_timeout_us ? options->idle_timeout_us : default_idle_timeout_us;
    server->metrics = options->metrics;
    int code = create_parts(server);
    if (code) {
        ph_http_server_destroy(server);
        return ph_error_set(error, code, "out of memory or threads for the HTTP server");
    }
    *out = server;
    return 0;
}

int ph_http_server_add_route(struct ph_http_server *server, const struct ph_http_route *route) {
    if (server->daemon || !route->handler)
        return -EINVAL;
    struct ph_http_endpoint *endpoint = calloc(1, sizeof(*endpoint));
    if (!endpoint)
        return -ENOMEM;
    endpoint->takes_any_method = !route->method;
    endpoint->cors = route->cors;
    endpoint->most_body_bytes = route->most_body_bytes;
    endpoint->piece_bytes = route->piece_bytes;
    endpoint->judge = route->judge;
    endpoint->handler = route->handler;
    endpoint->opaque = route->opaque;
    int code =
        ph_request_metrics_create(&endpoint->metrics, server->metrics, route->kind ? route->kind : "other");
    if (!code)
        code = ph_router_add(server->router, route->method, route->pattern, endpoint);
    if (code) {
        ph_request_metrics_destroy(endpoint->metrics);
        free(endpoint);
        return code;
    }
    endpoint->next = server->endpoints;
    server->endpoints = endpoint;
    return 0;
}

/* The router decodes: what libmicrohttpd hands over stays as it came. */
static size_t leave_encoded(void *opaque, struct MHD_Connection *connection, char *text) {
    (void)opaque;
    (void)connection;
    return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void log_library(
    void *opaque, const char *format, va_list arguments) {
    char text[256];
    (void)opaque;
    vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    ph_log_debug("libmicrohttpd reports", ph_str("text", text)); /* mostly what peers did wrong */
}

/* The limit of connections is kept by connect_peer(): the library's own, which counts for each thread, lies
 * above. */
static struct MHD_Daemon *start_daemon(struct ph_http_server *server) {
    unsigned timeout_s = (unsigned)((server->idle_timeout_us + PH_SECOND_US - 1) / PH_SECOND_US);
    unsigned limit = (server->most_connections + connections_in_passing) * server->threads;
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                                MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_TURBO,
        0, NULL, NULL, ph_http_on_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
        MHD_OPTION_THREAD_POOL_SIZE, server->threads, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_TIMEOUT, timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)connection_memory_bytes, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, ph_http_on_request_end, server, MHD_OPTION_NOTIFY_CONNECTION,
        ph_http_on_connection, server, MHD_OPTION_END);
}

static void connect_peer(int fd, const struct sockaddr *peer, socklen_t peer_bytes, void *opaque) {
    struct ph_http_server *server = opaque;
    if (ph_connections_count(server->connections) >= server->most_connections) {
        close(fd);
        if (server->refused)
            ph_metric_add(server->refused, 1);
        return;
    }
    MHD_add_connection(server->daemon, fd, peer, peer_bytes); /* closes it on failure */
}

int ph_http_server_start(struct ph_http_server *server, struct ph_error *error) {
    int fd;
    int code = ph_address_listen(server->listen, "PORTHOLE_HTTP_LISTEN", &fd, &server->port, error);
    if (code)
        return code;
    sigset_t all, before; /* the main thread alone takes signals; the daemon's threads inherit the mask */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server->daemon = start_daemon(server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (server->daemon)
        code = ph_acceptor_start(&server->acceptor, fd, connect_peer, server);
    else
        close(fd);
    if (server->acceptor)
        return 0;
    return ph_error_set(error, code ? code : -EIO,
        "the HTTP server on %s could not start its threads: raise the limits of processes and open files "
        "(ulimit -u, ulimit -n)",
        server->listen);
}

uint16_t ph_http_server_port(const struct ph_http_server *server) {
    return server->port;
}

void ph_http_server_drain(struct ph_http_server *server, int64_t deadline_us) {
    if (!server->daemon || server->drained)
        return;
    server->drained = true;
    ph_acceptor_stop(&server->acceptor);
    ph_holds_drain(server->holds);
    ph_connections_drain(server->connections, deadline_us);
}

void ph_http_server_destroy(struct ph_http_server *server) {
    if (!server)
        return;
    ph_http_server_drain(server, 0);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    ph_holds_destroy(server->holds);
    ph_connections_destroy(server->connections);
    while (server->endpoints) {
        struct ph_http_endpoint *endpoint = server->endpoints;
        server->endpoints = endpoint->next;
        ph_request_metrics_destroy(endpoint->metrics);
        free(endpoint);
    }
    ph_request_metrics_destroy(server->unmatched);
    ph_router_destroy(server->router);
    ph_http_response_unref(&server->broken);
    ph_bytes_unref(&server->nothing);
    free(server->listen);
    free(server);
}
