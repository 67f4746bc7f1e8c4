#include "ingest/webrtc/endpoint.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/http/address.h"
#include "ingest/relays.h"
#include "ingest/webrtc/endpoint_internal.h"
#include "ingest/webrtc/host_candidates.h"

enum { usual_most_connections = 256, most_events = 64, port_tries = 16 };
static const int64_t usual_connect_us = 20 * PH_SECOND_US;
static const int64_t usual_first_media_us = 30 * PH_SECOND_US;
static const int64_t longest_round_us = PH_SECOND_US;

/* What epoll says of our own descriptors; TCP connections have numbers from PH_TCP_FIRST_NUMBER up. */
enum { EVENT_WAKE = 1, EVENT_UDP, EVENT_TCP_LISTENER };

static const char *const drop_reasons[PH_WEBRTC_DROP_COUNT] = {
    "stranger", "stun", "early", "forged", "replayed", "streams", "other"};

void ph_webrtc_send(
    struct ph_webrtc_endpoint *endpoint, const struct ph_ice_path *path, struct ph_slice packet) {
    if (path->tcp)
        ph_tcp_port_send(endpoint->tcp, path->tcp, packet);
    else
        ph_udp_port_send(endpoint->udp, path, packet);
}

void ph_webrtc_drop(struct ph_webrtc_endpoint *endpoint, enum ph_webrtc_drop reason) {
    ph_metric_add(endpoint->drops[reason], 1);
}

static void make_metrics(struct ph_webrtc_endpoint *endpoint) {
    struct ph_metrics *metrics = endpoint->metrics;
    endpoint->publishers = ph_metrics_gauge(
        metrics, "porthole_ingest_publishers", "Publishers connected", PH_LABELS({"protocol", "whip"}));
    endpoint->received_bytes = ph_metrics_counter(metrics, "porthole_ingest_bytes_total",
        "Bytes received from publishers", PH_LABELS({"protocol", "whip"}));
    endpoint->connections_gauge = ph_metrics_gauge(metrics, "porthole_webrtc_connections",
        "WHIP connections, those that are still connecting too", NULL);
    endpoint->tcp_links = ph_metrics_gauge(
        metrics, "porthole_webrtc_tcp_connections", "TCP connections to the WebRTC port", NULL);
    for (int i = 0; i < PH_WEBRTC_DROP_COUNT; i++)
        endpoint->drops[i] = ph_metrics_counter(metrics, "porthole_webrtc_dropped_packets_total",
            "Packets that were thrown away unread", PH_LABELS({"reason", drop_reasons[i]}));
}

int ph_webrtc_endpoint_create(
    struct ph_webrtc_endpoint **out, const struct ph_webrtc_options *options, struct ph_error *error) {
    *out = NULL;
    struct ph_webrtc_endpoint *endpoint = calloc(1, sizeof(*endpoint));
    if (!endpoint)
        return -ENOMEM;
    endpoint->epoll = endpoint->wake_fd = -1;
    endpoint->relays = options->relays;
    endpoint->metrics = ph_relays_metrics(options->relays);
    endpoint->most_connections =
        options->most_connections ? options->most_connections : usual_most_connections;
    endpoint->connect_us = options->connect_us ? options->connect_us : usual_connect_us;
    endpoint->first_media_us = options->first_media_us ? options->first_media_us : usual_first_media_us;
    pthread_mutex_init(&endpoint->calls_lock, NULL);
    pthread_cond_init(&endpoint->calls_done, NULL);
    endpoint->calls_closed = true;
    make_metrics(endpoint);
    int code = ph_address_split(options->listen, endpoint->host, sizeof(endpoint->host), &endpoint->port);
    if (code)
        ph_error_set(error, code,
            "PORTHOLE_WEBRTC_LISTEN: \"%s\" is not host:port, such as 0.0.0.0:8000 or [::]:8000",
            options->listen);
    endpoint->announce = strdup(options->announce);
    if (!code && !endpoint->announce)
        code = -ENOMEM;
    if (!code)
        code = ph_dtls_identity_create(&endpoint->identity, ph_dtls_verify);
    if (code) {
        ph_webrtc_endpoint_destroy(endpoint);
        return code;
    }
    *out = endpoint;
    return 0;
}

static int explain(const struct ph_webrtc_endpoint *endpoint, int code, struct ph_error *error) {
    char text[64];
    if (code == -EADDRINUSE)
        return ph_error_set(error, code,
            "PORTHOLE_WEBRTC_LISTEN: UDP or TCP port %u of %s is in use; stop what uses it or choose another "
            "port",
            endpoint->port, endpoint->host);
    return ph_error_set(error, code, "PORTHOLE_WEBRTC_LISTEN: cannot listen on %s port %u: %s",
        endpoint->host, endpoint->port, ph_error_name(code, text, sizeof(text)));
}

static int open_epoll(struct ph_webrtc_endpoint *endpoint) {
    endpoint->epoll = epoll_create1(EPOLL_CLOEXEC);
    endpoint->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (endpoint->epoll < 0 || endpoint->wake_fd < 0)
        return -errno;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = EVENT_WAKE};
    return epoll_ctl(endpoint->epoll, EPOLL_CTL_ADD, endpoint->wake_fd, &event) ? -errno : 0;
}

/* UDP and TCP on the same number. */
static int open_pair(struct ph_webrtc_endpoint *endpoint, struct sockaddr *address, socklen_t address_bytes) {
    const struct ph_tcp_port_options options = {.epoll = endpoint->epoll,
        .listener_id = EVENT_TCP_LISTENER,
        .receiver = ph_webrtc_receive,
        .closed = ph_webrtc_tcp_closed,
        .opaque = endpoint};
    struct ph_net_address name;
    struct sockaddr_storage numbered;
    uint16_t port;
    int code = ph_udp_port_open(&endpoint->udp, address, address_bytes, &port);
    if (!code)
        code = ph_net_address_read(&name, address);
    if (code)
        return code;
    name.port = port;
    socklen_t size = ph_net_address_write(&name, address->sa_family, &numbered);
    code = ph_tcp_port_open(&endpoint->tcp, (struct sockaddr *)&numbered, size, &options);
    if (code) {
        ph_udp_port_close(endpoint->udp);
        endpoint->udp = NULL;
        return code;
    }
    endpoint->port = port;
    return 0;
}

static int find_candidates(
    struct ph_webrtc_endpoint *endpoint, const struct sockaddr *bound, struct ph_error *error) {
    struct ph_net_address addresses[PH_MOST_HOST_ADDRESSES];
    int count = ph_host_addresses(addresses, endpoint->announce, bound, error);
    if (count < 0)
        return count;
    endpoint->candidate_count =
        ph_host_candidates(endpoint->candidates, addresses, (size_t)count, endpoint->port);
    if (!count)
        ph_log_warning("this host has no address to announce for WebRTC: set PORTHOLE_WEBRTC_ANNOUNCE");
    return 0;
}

static int open_ports(struct ph_webrtc_endpoint *endpoint, struct ph_error *error) {
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof(service), "%u", endpoint->port);
    if (getaddrinfo(*endpoint->host ? endpoint->host : NULL, service, &hints, &found))
        return ph_error_set(
            error, -EINVAL, "PORTHOLE_WEBRTC_LISTEN: \"%s\" is no address of this host", endpoint->host);
    bool any_port = endpoint->port == 0;
    int code = -EADDRINUSE;
    /* The number that UDP gets may be taken by TCP. */
    for (int i = 0; i < (any_port ? port_tries : 1) && code == -EADDRINUSE; i++)
        code = open_pair(endpoint, found->ai_addr, found->ai_addrlen);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = EVENT_UDP};
    if (!code && epoll_ctl(endpoint->epoll, EPOLL_CTL_ADD, ph_udp_port_fd(endpoint->udp), &event))
        code = -errno;
    if (code)
        explain(endpoint, code, error);
    else
        code = find_candidates(endpoint, found->ai_addr, error);
    freeaddrinfo(found);
    return code;
}

static void handle_event(struct ph_webrtc_endpoint *endpoint, const struct epoll_event *event) {
    uint64_t woken;
    switch (event->data.u64) {
    case EVENT_WAKE:
        endpoint->woken = read(endpoint->wake_fd, &woken, sizeof(woken)) > 0;
        return;
    case EVENT_UDP:
        ph_udp_port_receive(endpoint->udp, ph_webrtc_receive, endpoint);
        return;
    case EVENT_TCP_LISTENER:
        ph_tcp_port_accept(endpoint->tcp, ph_now_us());
        return;
    default:
        ph_tcp_port_event(endpoint->tcp, event->data.u64, event->events);
    }
}

/* Returns when the earliest connection wants its next turn. */
static int64_t service_all(struct ph_webrtc_endpoint *endpoint) {
    int64_t now_us = ph_now_us(), next_us = now_us + longest_round_us;
    struct ph_webrtc_connection *connection, *next;
    HASH_ITER(hh, endpoint->connections, connection, next) {
        if (ph_webrtc_connection_service(connection, now_us) && connection->next_us < next_us)
            next_us = connection->next_us;
    }
    endpoint->woken = false;
    ph_udp_port_flush(endpoint->udp);
    return next_us;
}

static void measure_all(struct ph_webrtc_endpoint *endpoint) {
    int64_t now_us = ph_now_us();
    struct ph_webrtc_connection *connection, *next;
    HASH_ITER(hh, endpoint->connections, connection, next) {
        ph_webrtc_connection_measure(connection, now_us);
    }
    ph_metric_set(endpoint->connections_gauge, HASH_COUNT(endpoint->connections));
    ph_metric_set(endpoint->tcp_links, (double)ph_tcp_port_count(endpoint->tcp));
    ph_tcp_port_expire(endpoint->tcp, now_us);
}

/* Runs what other threads wait for. `closing`: takes no more. */
static void run_calls(struct ph_webrtc_endpoint *endpoint, bool closing) {
    pthread_mutex_lock(&endpoint->calls_lock);
    struct ph_webrtc_call *calls = endpoint->calls;
    endpoint->calls = NULL;
    endpoint->calls_closed = endpoint->calls_closed || closing;
    pthread_mutex_unlock(&endpoint->calls_lock);
    if (!calls)
        return;
    for (struct ph_webrtc_call *call = calls; call; call = call->next)
        call->result = closing ? -ESHUTDOWN : call->run(endpoint, call->argument);
    pthread_mutex_lock(&endpoint->calls_lock);
    while (calls) {
        struct ph_webrtc_call *next = calls->next; /* once done, a call is its caller's */
        calls->done = true;
        calls = next;
    }
    pthread_cond_broadcast(&endpoint->calls_done);
    pthread_mutex_unlock(&endpoint->calls_lock);
}

static void *run(void *opaque) {
    struct ph_webrtc_endpoint *endpoint = opaque;
    int64_t next_us = 0, measured_us = 0;
    while (!atomic_load(&endpoint->stopping)) {
        int64_t left_us = next_us - ph_now_us();
        struct epoll_event events[most_events];
        int count =
            epoll_wait(endpoint->epoll, events, most_events, left_us > 0 ? (int)((left_us + 999) / 1000) : 0);
        for (int i = 0; i < count; i++)
            handle_event(endpoint, &events[i]);
        run_calls(endpoint, false);
        next_us = service_all(endpoint);
        if (ph_now_us() - measured_us >= PH_SECOND_US) {
            measured_us = ph_now_us();
            measure_all(endpoint);
        }
    }
    struct ph_webrtc_connection *connection, *next;
    HASH_ITER(hh, endpoint->connections, connection, next) {
        ph_webrtc_connection_end(connection, "the node shuts down");
    }
    service_all(endpoint);
    run_calls(endpoint, true);
    return NULL;
}

int ph_webrtc_run(struct ph_webrtc_endpoint *endpoint,
    int (*function)(struct ph_webrtc_endpoint *endpoint, void *argument), void *argument) {
    struct ph_webrtc_call call = {.run = function, .argument = argument};
    pthread_mutex_lock(&endpoint->calls_lock);
    if (endpoint->calls_closed) {
        pthread_mutex_unlock(&endpoint->calls_lock);
        return -ESHUTDOWN;
    }
    call.next = endpoint->calls;
    endpoint->calls = &call;
    ssize_t ignored = write(endpoint->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)ignored;
    while (!call.done)
        pthread_cond_wait(&endpoint->calls_done, &endpoint->calls_lock);
    pthread_mutex_unlock(&endpoint->calls_lock);
    return call.result;
}

int ph_webrtc_endpoint_start(struct ph_webrtc_endpoint *endpoint, struct ph_error *error) {
    int code = open_epoll(endpoint);
    if (!code)
        code = open_ports(endpoint, error);
    if (code)
        return code;
    endpoint->calls_closed = false;
    code = ph_thread_start(&endpoint->thread, "ph-webrtc", run, endpoint);
    if (code)
        return ph_error_set(error, code, "the WebRTC endpoint's thread cannot be started");
    endpoint->started = true;
    ph_log_info("listening for WebRTC publishers", ph_str("host", endpoint->host),
        ph_int("port", endpoint->port), ph_int("candidates", (int64_t)endpoint->candidate_count));
    return 0;
}

void ph_webrtc_endpoint_destroy(struct ph_webrtc_endpoint *endpoint) {
    if (!endpoint)
        return;
    atomic_store(&endpoint->stopping, true);
    if (endpoint->started) {
        ssize_t ignored = write(endpoint->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)ignored;
        pthread_join(endpoint->thread, NULL);
    }
    ph_tcp_port_close(endpoint->tcp);
    ph_udp_port_close(endpoint->udp);
    if (endpoint->epoll >= 0)
        close(endpoint->epoll);
    if (endpoint->wake_fd >= 0)
        close(endpoint->wake_fd);
    ph_dtls_identity_destroy(endpoint->identity);
    pthread_cond_destroy(&endpoint->calls_done);
    pthread_mutex_destroy(&endpoint->calls_lock);
    free(endpoint->announce);
    free(endpoint);
}

uint16_t ph_webrtc_endpoint_port(const struct ph_webrtc_endpoint *endpoint) {
    return endpoint->port;
}

bool ph_webrtc_endpoint_health(void *opaque, char *text, size_t text_bytes) {
    struct ph_webrtc_endpoint *endpoint = opaque;
    if (!endpoint->candidate_count) {
        snprintf(text, text_bytes, "no address to announce: set PORTHOLE_WEBRTC_ANNOUNCE");
        return false;
    }
    snprintf(text, text_bytes, "%u connections", atomic_load(&endpoint->connection_count));
    return endpoint->started;
}
