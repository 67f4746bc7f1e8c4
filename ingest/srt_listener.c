#include "ingest/srt_listener.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/media/link_endpoint.h"
#include "ingest/srt_internal.h"

enum { backlog = 32, peer_idle_ms = 4000, round_ms = 100, most_events = 64 };

/* libsrt's own lines are for its developers; what matters here is logged by the listener. */
static void discard_srt_log(
    void *opaque, int level, const char *file, int line, const char *area, const char *message) {
    (void)opaque;
    (void)level;
    (void)file;
    (void)line;
    (void)area;
    (void)message;
}

int ph_srt_listener_create(struct ph_srt_listener **out, struct ph_relays *relays, const char *listen,
    uint32_t latency_ms, struct ph_error *error) {
    *out = NULL;
    struct ph_srt_listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return -ENOMEM;
    if (ph_host_port_split(listen, listener->host, listener->port)) {
        free(listener);
        return ph_error_set(error, -EINVAL,
            "PORTHOLE_SRT_LISTEN: \"%s\" is not host:port, such as 0.0.0.0:9000 or [::]:9000", listen);
    }
    listener->relays = relays;
    listener->metrics = ph_relays_metrics(relays);
    listener->latency_ms = (int)latency_ms;
    listener->socket = SRT_INVALID_SOCK;
    listener->epoll = -1;
    listener->publishers = ph_metrics_gauge(listener->metrics, "porthole_ingest_publishers",
        "Publishers connected", PH_LABELS({"protocol", "srt"}));
    listener->received_bytes = ph_metrics_counter(listener->metrics, "porthole_ingest_bytes_total",
        "Bytes received from publishers", PH_LABELS({"protocol", "srt"}));
    pthread_mutex_init(&listener->lock, NULL);
    srt_startup();
    srt_setloghandler(NULL, discard_srt_log);
    *out = listener;
    return 0;
}

static void accept_one(struct ph_srt_listener *listener) {
    SRTSOCKET socket = srt_accept(listener->socket, NULL, NULL);
    if (socket == SRT_INVALID_SOCK)
        return;
    struct ph_srt_pending pending;
    if (ph_srt_take_pending(listener, socket, &pending))
        ph_srt_connection_open(listener, socket, &pending);
    else
        srt_close(socket);
}

static void handle_event(struct ph_srt_listener *listener, const SRT_EPOLL_EVENT *event) {
    if (event->fd == listener->socket) {
        accept_one(listener);
        return;
    }
    struct ph_srt_connection *connection;
    HASH_FIND_INT(listener->connections, &event->fd, connection);
    if (!connection)
        srt_epoll_remove_usock(listener->epoll, event->fd);
    else if (!ph_srt_connection_read(listener, connection))
        ph_srt_connection_close(listener, connection, "the connection broke or was closed");
}

/* What nobody wakes the thread for. */
static void look_around(struct ph_srt_listener *listener, bool measure) {
    struct ph_srt_connection *connection, *next;
    HASH_ITER(hh, listener->connections, connection, next) {
        if (measure)
            ph_srt_connection_measure(listener, connection);
        if (ph_publishing_requests(connection->publishing) & PH_PUBLISHER_CLOSE)
            ph_srt_connection_close(
                listener, connection, "its session is over, or another connection took over");
    }
    ph_srt_expire_pending(listener, ph_now_us());
}

static void *run(void *opaque) {
    struct ph_srt_listener *listener = opaque;
    int64_t looked_us = 0, measured_us = 0;
    while (!atomic_load(&listener->stopping)) {
        SRT_EPOLL_EVENT events[most_events];
        int count = srt_epoll_uwait(listener->epoll, events, most_events, round_ms);
        for (int i = 0; i < count; i++)
            handle_event(listener, &events[i]);
        int64_t now_us = ph_now_us();
        if (now_us - looked_us < round_ms * PH_MILLISECOND_US)
            continue;
        looked_us = now_us;
        bool measure = now_us - measured_us >= PH_SECOND_US;
        measured_us = measure ? now_us : measured_us;
        look_around(listener, measure);
    }
    struct ph_srt_connection *connection, *next;
    HASH_ITER(hh, listener->connections, connection, next) {
        ph_srt_connection_close(listener, connection, "the node shuts down");
    }
    return NULL;
}

static int set_options(struct ph_srt_listener *listener, int family) {
    const int on = 1, off = 0, idle_ms = peer_idle_ms;
    SRTSOCKET socket = listener->socket;
    bool failed =
        srt_setsockflag(socket, SRTO_RCVSYN, &off, sizeof(off)) ||
        srt_setsockflag(socket, SRTO_RCVLATENCY, &listener->latency_ms, sizeof(listener->latency_ms)) ||
        srt_setsockflag(socket, SRTO_PEERIDLETIMEO, &idle_ms, sizeof(idle_ms)) ||
        srt_setsockflag(socket, SRTO_ENFORCEDENCRYPTION, &on, sizeof(on)) ||
        srt_setsockflag(socket, SRTO_REUSEADDR, &off, sizeof(off)) ||
        (family == AF_INET6 && srt_setsockflag(socket, SRTO_IPV6ONLY, &off, sizeof(off)));
    return failed ? -EINVAL : 0;
}

static int listen_error(const struct ph_srt_listener *listener, struct ph_error *error) {
    int system = 0;
    int code = srt_getlasterror(&system);
    bool in_use = system == EADDRINUSE || code == SRT_EBINDCONFLICT;
    if (in_use)
        return ph_error_set(error, -EADDRINUSE,
            "PORTHOLE_SRT_LISTEN: UDP port %s of %s is in use; stop what uses it or choose another port",
            listener->port, listener->host);
    return ph_error_set(error, system ? -system : -EINVAL,
        "PORTHOLE_SRT_LISTEN: cannot listen on %s port %s: %s", listener->host, listener->port,
        srt_getlasterror_str());
}

static int open_port(struct ph_srt_listener *listener, struct ph_error *error) {
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (getaddrinfo(listener->host, listener->port, &hints, &found))
        return ph_error_set(
            error, -EINVAL, "PORTHOLE_SRT_LISTEN: \"%s\" is no address of this host", listener->host);
    listener->socket = srt_create_socket();
    int code = listener->socket == SRT_INVALID_SOCK ? -ENOMEM : set_options(listener, found->ai_family);
    bool failed = code || srt_bind(listener->socket, found->ai_addr, (int)found->ai_addrlen) ||
                  srt_listen_callback(listener->socket, ph_srt_admit, listener) ||
                  srt_listen(listener->socket, backlog);
    freeaddrinfo(found);
    if (failed)
        return listen_error(listener, error);
    const int events = SRT_EPOLL_IN;
    listener->epoll = srt_epoll_create();
    return listener->epoll < 0 || srt_epoll_add_usock(listener->epoll, listener->socket, &events)
               ? listen_error(listener, error)
               : 0;
}

int ph_srt_listener_start(struct ph_srt_listener *listener, struct ph_error *error) {
    int code = open_port(listener, error);
    if (code)
        return code;
    code = ph_thread_start(&listener->thread, "ph-srt", run, listener);
    if (code)
        return ph_error_set(error, code, "the SRT listener's thread cannot be started");
    listener->started = true;
    ph_log_info("listening for SRT publishers", ph_str("host", listener->host),
        ph_str("port", listener->port), ph_int("latency_ms", listener->latency_ms));
    return 0;
}

void ph_srt_listener_destroy(struct ph_srt_listener *listener) {
    if (!listener)
        return;
    atomic_store(&listener->stopping, true);
    if (listener->socket != SRT_INVALID_SOCK)
        srt_close(listener->socket);
    if (listener->started)
        pthread_join(listener->thread, NULL);
    if (listener->epoll >= 0)
        srt_epoll_release(listener->epoll);
    srt_cleanup();
    pthread_mutex_destroy(&listener->lock);
    free(listener);
}
