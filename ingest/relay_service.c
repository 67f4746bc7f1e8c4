/* What a relay does by itself as time passes: reaching a worker, sending the ring, giving up. */
#include "ingest/relay.h"

#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "core/base/backoff.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "ingest/relay_figures.h"

enum { send_bytes = 64 * 1024, most_sends = 16, most_frames = 64 };

static const int64_t tick_us = 50 * PH_MILLISECOND_US;
static const int64_t connect_us = 2 * PH_SECOND_US;
static const int64_t silence_us = 5 * PH_SECOND_US;
/* An ended session whose worker cannot finish it is let go after this. */
static const int64_t ending_us = 30 * PH_SECOND_US;

/* 0 for the first try, then 100 ms doubled up to 2 s, each between half and whole of it. */
static int64_t backoff_us(int attempts) {
    return attempts ? ph_backoff_within_us((unsigned)attempts, 100 * PH_MILLISECOND_US, 2 * PH_SECOND_US) : 0;
}

static bool is_carrying(const struct ph_relay *relay) {
    return relay->state >= PH_RELAY_REPLAYING && relay->state <= PH_RELAY_ENDING;
}

static void skip_to_newest(struct ph_relay *relay) {
    pthread_mutex_lock(&relay->relays->lock);
    ph_ring_skip_to_newest(relay->ring);
    pthread_mutex_unlock(&relay->relays->lock);
    ph_log_warning("workers die at the same point: the session goes on from the newest data",
        ph_str("session", relay->session));
}

/* "10.0.0.7:7000", or "local" for a unix socket. */
static void name_worker(const struct ph_link_address *address, char *name, size_t name_bytes) {
    char host[NI_MAXHOST], port[NI_MAXSERV];
    bool is_ip = address->address.ss_family == AF_INET || address->address.ss_family == AF_INET6;
    if (is_ip && getnameinfo((const struct sockaddr *)&address->address, address->size, host, sizeof(host),
                     port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(name, name_bytes, "%.80s:%.8s", host, port);
    else
        snprintf(name, name_bytes, "local");
}

static void tell_of_death(struct ph_relay *relay) {
    struct ph_ingest_control *control = relay->relays->control;
    char name[96];
    name_worker(&relay->worker, name, sizeof(name));
    control->impl->worker_died(control, relay->session, name);
}

static void worker_died(struct ph_relay *relay, int code, int64_t now_us) {
    ph_relay_figure_death(relay);
    tell_of_death(relay);
    if (!relay->died_us)
        relay->died_us = now_us;
    pthread_mutex_lock(&relay->relays->lock);
    relay->deaths++;
    pthread_mutex_unlock(&relay->relays->lock);
    ph_log_warning("a worker died: the session takes another", ph_str("session", relay->session),
        ph_code(code), ph_int("replay_from", (int64_t)relay->replay_point));
    switch (ph_crash_history_add(&relay->crashes, relay->replay_point, now_us)) {
    case PH_CRASH_RETRY:
        return;
    case PH_CRASH_SKIP:
        skip_to_newest(relay);
        return;
    case PH_CRASH_GIVE_UP:
        ph_relay_fail(relay, &(struct ph_link_reason){"source_crashes_worker",
                                 "The source made every worker that took it fail. Restart the publisher, or "
                                 "publish in another format."});
        return;
    }
}

/* The link is of no use any more. */
static void link_lost(struct ph_relay *relay, int code, int64_t now_us) {
    /* Slow to answer HELLO is not dead: the worker's node may wait for a warm process. */
    bool greeted =
        is_carrying(relay) || (relay->state == PH_RELAY_HELLO && code != -EBUSY && code != -ETIMEDOUT);
    ph_link_socket_close(&relay->socket);
    if (greeted)
        worker_died(relay, code, now_us);
    else if (code != -EBUSY && relay->attempts % 10 == 0)
        ph_log_warning("no worker takes the session", ph_str("session", relay->session), ph_code(code));
    if (relay->state >= PH_RELAY_FINISHED)
        return;
    ph_relay_enter(relay, PH_RELAY_WAITING, now_us + backoff_us(relay->attempts));
    relay->attempts++;
}

static int begin_connect(struct ph_relay *relay, int64_t now_us) {
    struct ph_relays *relays = relay->relays;
    int code = ph_worker_pool_pick(relays->workers, now_us, &relay->worker);
    if (!code)
        code = ph_link_socket_connect(&relay->socket, &relay->worker, relays->epoll, relay);
    if (!code)
        ph_relay_enter(relay, PH_RELAY_CONNECTING, now_us + connect_us);
    return code;
}

static int check_connected(struct ph_relay *relay, int64_t now_us) {
    int code = ph_link_socket_connected(&relay->socket);
    if (code)
        return code;
    if (relay->worker.address.ss_family == AF_UNIX)
        return ph_relay_greet(relay, now_us);
    ph_relay_enter(relay, PH_RELAY_AUTHENTICATING, now_us + connect_us);
    return 0;
}

/* Reads what the worker sent. -EAGAIN when everything is read, 0 when there may be more. */
static int read_frames(struct ph_relay *relay, int64_t now_us) {
    for (int frames = 0; frames < most_frames; frames++) {
        struct ph_link_frame frame;
        int code = ph_link_socket_next(&relay->socket, &frame);
        if (code == -EAGAIN)
            code = ph_link_socket_receive(&relay->socket);
        else if (!code)
            code = ph_relay_handle_frame(relay, &frame, now_us);
        if (code || relay->state >= PH_RELAY_FINISHED)
            return code;
    }
    ph_relays_wake(relay->relays); /* there may be more: go on after the other relays had their turn */
    return 0;
}

/* Puts entries from the ring into the empty write buffer; a tick when there was nothing for a while. Whether
 * END was among them. */
static bool fill(struct ph_relay *relay, int64_t now_us) {
    struct ph_link_socket *socket = &relay->socket;
    bool end = false;
    pthread_mutex_lock(&relay->relays->lock);
    struct ph_link_entry entry;
    while (socket->out.size < send_bytes && ph_builder_ok(&socket->out) &&
           ph_ring_at(relay->ring, relay->position, &entry)) {
        ph_link_entry_write(&socket->out, &entry);
        relay->position = entry.index + 1;
        end = entry.type == PH_LINK_END;
    }
    bool caught_up = relay->position == ph_ring_next(relay->ring);
    if (socket->out.size) {
        relay->sent_us = now_us;
    } else if (caught_up && now_us - relay->sent_us >= tick_us) {
        int64_t time_us = ph_now_us();
        relay->last_entry_us = time_us > relay->last_entry_us ? time_us : relay->last_entry_us;
        ph_link_tick_write(&socket->out, relay->last_entry_us);
        relay->sent_us = now_us;
    }
    pthread_mutex_unlock(&relay->relays->lock);
    if (caught_up && relay->state == PH_RELAY_REPLAYING)
        ph_relay_enter(relay, PH_RELAY_STREAMING, PH_NEVER_US);
    return end;
}

static int write_entries(struct ph_relay *relay, int64_t now_us) {
    for (int sends = 0; sends < most_sends; sends++) {
        if (is_carrying(relay) && !ph_link_socket_backlog(&relay->socket) && fill(relay, now_us))
            ph_relay_enter(relay, PH_RELAY_ENDING, PH_NEVER_US);
        if (!ph_link_socket_backlog(&relay->socket) && ph_builder_ok(&relay->socket.out))
            return 0;
        int code = ph_link_socket_send(&relay->socket);
        if (code)
            return code;
        if (ph_link_socket_backlog(&relay->socket))
            return 0;
    }
    ph_relays_wake(relay->relays); /* the socket takes more: go on after the other relays had their turn */
    return 0;
}

static int move_link(struct ph_relay *relay, int64_t now_us) {
    if (relay->state == PH_RELAY_CONNECTING) {
        int code = check_connected(relay, now_us);
        if (code)
            return code == -EAGAIN ? 0 : code;
    }
    int code = read_frames(relay, now_us);
    if (relay->state >= PH_RELAY_FINISHED)
        return 0;
    if (code && code != -EAGAIN)
        return code;
    code = write_entries(relay, now_us);
    if (code) { /* why the worker closed its end may lie unread */
        int reason = read_frames(relay, now_us);
        if (relay->state >= PH_RELAY_FINISHED)
            return 0;
        return reason == -EBUSY ? reason : code;
    }
    return is_carrying(relay) && now_us - relay->heard_us > silence_us ? -ETIMEDOUT : 0;
}

/* What follows from the publisher and the API: END after a long absence, and no waiting for ever on an end.
 */
static void watch_session(struct ph_relay *relay, int64_t now_us) {
    struct ph_relays *relays = relay->relays;
    pthread_mutex_lock(&relays->lock);
    bool away = now_us - relay->last_media_us > relays->reconnect_window_s * PH_SECOND_US;
    int code = away ? ph_relay_end(relay, "publisher gone") : 0;
    bool ended = relay->end_wanted;
    bool never_began = !relay->connections;
    bool too_long = ended && now_us - relay->end_us > ending_us;
    pthread_mutex_unlock(&relays->lock);
    if (ended && too_long && !never_began)
        ph_log_warning("no worker finished the session in time: it ends with what is published",
            ph_str("session", relay->session));
    if (ended && (never_began || too_long))
        ph_relay_finish(relay);
    else if (code)
        ph_log_warning("the session's end is delayed", ph_str("session", relay->session), ph_code(code));
}

static bool has_connection(struct ph_relay *relay) {
    pthread_mutex_lock(&relay->relays->lock);
    bool has = relay->connections > 0;
    pthread_mutex_unlock(&relay->relays->lock);
    return has;
}

int64_t ph_relay_service(struct ph_relay *relay, int64_t now_us) {
    watch_session(relay, now_us);
    if (relay->state >= PH_RELAY_FINISHED)
        return now_us;
    int code = 0;
    if (relay->state == PH_RELAY_WAITING && now_us >= relay->deadline_us && has_connection(relay))
        code = begin_connect(relay, now_us);
    if (!code && relay->state != PH_RELAY_WAITING)
        code = move_link(relay, now_us);
    if (!code && relay->state != PH_RELAY_WAITING && now_us >= relay->deadline_us)
        code = -ETIMEDOUT;
    if (code)
        link_lost(relay, code, now_us);
    if (relay->state == PH_RELAY_WAITING)
        return relay->deadline_us > now_us ? relay->deadline_us : now_us + tick_us;
    return is_carrying(relay) ? relay->sent_us + tick_us : relay->deadline_us;
}
