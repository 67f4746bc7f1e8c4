/* The side of a relay that publishers and the API see: everything here is under relays->lock. */
#include "ingest/relay.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

/* A publisher silent for this long may be superseded. */
static const int64_t alive_us = PH_SECOND_US;

struct ph_relay *ph_relay_find(struct ph_relays *relays, const char *session) {
    struct ph_relay *relay;
    HASH_FIND_STR(relays->table, session, relay);
    return relay;
}

struct ph_relay *ph_relay_create(struct ph_relays *relays, const struct ph_admission *admission) {
    struct ph_relay *relay = calloc(1, sizeof(*relay));
    if (!relay)
        return NULL;
    relay->relays = relays;
    relay->references = 1;
    relay->is_private = admission->is_private;
    relay->is_recorded = admission->is_recorded;
    relay->ladder = strdup(*admission->ladder ? admission->ladder : relays->ladder);
    if (!relay->ladder || ph_ring_create(&relay->ring, &relays->ring_limits)) {
        ph_relay_unref(relay);
        return NULL;
    }
    memcpy(relay->session, admission->session, sizeof(relay->session));
    relay->last_media_us = ph_now_us();
    relay->state_name = "waiting";
    ph_link_socket_init(&relay->socket);
    HASH_ADD_STR(relays->table, session, relay);
    return relay;
}

void ph_relay_unref(struct ph_relay *relay) {
    if (--relay->references)
        return;
    if (*relay->session)
        ph_metrics_forget(relay->relays->metrics, "session", relay->session);
    ph_ring_destroy(relay->ring);
    ph_bytes_unref(&relay->durable.state);
    ph_bytes_unref(&relay->published.state);
    free(relay->ladder);
    free(relay);
}

int ph_relay_append(struct ph_relay *relay, enum ph_link_type type, struct ph_slice bytes) {
    int64_t now_us = ph_now_us();
    if (now_us < relay->last_entry_us)
        now_us = relay->last_entry_us;
    int code = ph_ring_append(relay->ring, type, now_us, bytes);
    if (!code)
        relay->last_entry_us = now_us;
    return code;
}

void ph_relay_request(struct ph_relay *relay, unsigned request) {
    struct ph_publishing *publisher = relay->publisher;
    if (!publisher)
        return;
    publisher->requests |= request;
    if (publisher->wake_fd >= 0) {
        ssize_t ignored = write(publisher->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)ignored;
    }
}

int ph_relay_end(struct ph_relay *relay, const char *reason) {
    if (relay->end_wanted || relay->over)
        return 0;
    if (relay->connections) {
        struct ph_slice text = {(const uint8_t *)reason, strnlen(reason, sizeof(relay->end_reason) - 1)};
        int code = ph_relay_append(relay, PH_LINK_END, text);
        if (code)
            return code;
    }
    strncpy(relay->end_reason, reason, sizeof(relay->end_reason) - 1);
    relay->end_us = ph_now_us();
    relay->end_wanted = true;
    ph_relay_request(relay, PH_PUBLISHER_CLOSE);
    return 0;
}

static bool publisher_alive(const struct ph_relay *relay, int64_t now_us) {
    return relay->publisher && now_us - relay->last_media_us < alive_us;
}

static bool node_has_room(struct ph_relays *relays) {
    if (relays->has_capacity)
        return relays->has_capacity(relays->capacity_opaque);
    return !ph_worker_pool_is_full(relays->workers, ph_now_us());
}

enum ph_publisher_verdict ph_publisher_admit(
    struct ph_relays *relays, const char *stream_key, struct ph_admission *admission) {
    static const enum ph_publisher_verdict verdicts[] = {
        [PH_ADMIT_OK] = PH_PUBLISHER_OK,
        [PH_ADMIT_UNAUTHORIZED] = PH_PUBLISHER_UNAUTHORIZED,
        [PH_ADMIT_ENDED] = PH_PUBLISHER_ENDED,
        [PH_ADMIT_UNAVAILABLE] = PH_PUBLISHER_UNAVAILABLE,
    };
    *admission = (struct ph_admission){0};
    enum ph_publisher_verdict verdict =
        verdicts[relays->control->impl->admit(relays->control, stream_key, admission)];
    if (verdict != PH_PUBLISHER_OK)
        return verdict;
    pthread_mutex_lock(&relays->lock);
    const struct ph_relay *relay = ph_relay_find(relays, admission->session);
    bool known = relay != NULL;
    if (relays->closed)
        verdict = PH_PUBLISHER_UNAVAILABLE;
    else if (relay && (relay->over || relay->end_wanted))
        verdict = PH_PUBLISHER_ENDED;
    else if (relay && publisher_alive(relay, ph_now_us()))
        verdict = PH_PUBLISHER_BUSY;
    pthread_mutex_unlock(&relays->lock);
    if (verdict == PH_PUBLISHER_OK && !known && !node_has_room(relays))
        verdict = PH_PUBLISHER_FULL;
    return verdict;
}

/* Whether the relay takes a publisher now. */
static int attach_check(const struct ph_relays *relays, const struct ph_relay *relay) {
    if (relays->closed || (relay && (relay->over || relay->end_wanted)))
        return PH_EOF;
    return relay && publisher_alive(relay, ph_now_us()) ? -EBUSY : 0;
}

static int append_connection(struct ph_relay *relay, const struct ph_publisher_offer *offer) {
    struct ph_link_connection connection = {
        .number = relay->connections, .kind = (char *)offer->kind, .sdp = (char *)offer->sdp};
    char *json = ph_link_connection_to_json(&connection);
    if (!json)
        return -ENOMEM;
    int code =
        ph_relay_append(relay, PH_LINK_CONNECTION, (struct ph_slice){(const uint8_t *)json, strlen(json)});
    free(json);
    return code;
}

/* Ends what the publisher before left open. */
static int supersede(struct ph_relay *relay) {
    if (!relay->publisher)
        return 0;
    int code = ph_relay_append(relay, PH_LINK_GONE, (struct ph_slice){NULL, 0});
    if (code)
        return code;
    ph_relay_request(relay, PH_PUBLISHER_CLOSE);
    relay->publisher = NULL;
    return 0;
}

static int attach(
    struct ph_relay *relay, const struct ph_publisher_offer *offer, struct ph_publishing *publishing) {
    int code = supersede(relay);
    if (!code)
        code = append_connection(relay, offer);
    if (code)
        return code;
    if (!relay->connections) {
        relay->epoch_time_us = relay->last_entry_us;
        relay->epoch_utc_us = ph_utc_now_us();
    }
    *publishing =
        (struct ph_publishing){.relay = relay, .number = relay->connections++, .wake_fd = offer->wake_fd};
    relay->last_media_us = ph_now_us();
    relay->publisher = publishing;
    relay->references++;
    return 0;
}

int ph_publishing_begin(struct ph_relays *relays, const struct ph_admission *admission,
    const struct ph_publisher_offer *offer, struct ph_publishing **out) {
    *out = NULL;
    struct ph_publishing *publishing = calloc(1, sizeof(*publishing));
    if (!publishing)
        return -ENOMEM;
    pthread_mutex_lock(&relays->lock);
    struct ph_relay *relay = ph_relay_find(relays, admission->session);
    int code = attach_check(relays, relay);
    if (!code && !relay)
        relay = ph_relay_create(relays, admission);
    if (!code)
        code = relay ? attach(relay, offer, publishing) : -ENOMEM;
    pthread_mutex_unlock(&relays->lock);
    if (code) {
        free(publishing);
        return code;
    }
    ph_relays_wake(relays);
    if (publishing->number)
        ph_metric_add(ph_metrics_counter(relays->metrics, "porthole_ingest_reconnects_total",
                          "Publishers that came back to their session", NULL),
            1);
    relays->control->impl->connected(
        relays->control, admission->session, publishing->number, offer->protocol, offer->peer);
    *out = publishing;
    return 0;
}

static int append_unit(struct ph_publishing *publishing, struct ph_slice bytes, bool is_media) {
    struct ph_relay *relay = publishing->relay;
    struct ph_relays *relays = relay->relays;
    pthread_mutex_lock(&relays->lock);
    bool carried = relay->publisher == publishing && !relay->end_wanted && !relay->over;
    int code = carried ? ph_relay_append(relay, PH_LINK_UNIT, bytes) : PH_EOF;
    if (!code && is_media)
        relay->last_media_us = relay->last_entry_us;
    pthread_mutex_unlock(&relays->lock);
    return code;
}

int ph_publishing_unit(struct ph_publishing *publishing, struct ph_slice bytes) {
    return append_unit(publishing, bytes, true);
}

int ph_publishing_report(struct ph_publishing *publishing, struct ph_slice bytes) {
    return append_unit(publishing, bytes, false);
}

void ph_publishing_flush(struct ph_publishing *publishing) {
    ph_relays_wake(publishing->relay->relays);
}

unsigned ph_publishing_requests(struct ph_publishing *publishing) {
    struct ph_relays *relays = publishing->relay->relays;
    pthread_mutex_lock(&relays->lock);
    unsigned requests = publishing->requests;
    publishing->requests &= PH_PUBLISHER_CLOSE;
    pthread_mutex_unlock(&relays->lock);
    return requests;
}

const char *ph_publishing_session(const struct ph_publishing *publishing) {
    return publishing->relay->session;
}

void ph_publishing_end(struct ph_publishing *publishing) {
    if (!publishing)
        return;
    struct ph_relay *relay = publishing->relay;
    struct ph_relays *relays = relay->relays;
    uint64_t number = publishing->number;
    char session[PH_SESSION_ID_BYTES];
    memcpy(session, relay->session, sizeof(session));
    pthread_mutex_lock(&relays->lock);
    bool attached = relay->publisher == publishing;
    bool carried = attached && !relay->end_wanted && !relay->over;
    if (attached)
        relay->publisher = NULL;
    int code = carried ? ph_relay_append(relay, PH_LINK_GONE, (struct ph_slice){NULL, 0}) : 0;
    ph_relay_unref(relay);
    pthread_mutex_unlock(&relays->lock);
    free(publishing);
    ph_relays_wake(relays);
    if (carried)
        relays->control->impl->disconnected(relays->control, session, number);
    if (code)
        ph_log_warning(
            "the worker is not told that a publisher is gone", ph_str("session", session), ph_code(code));
}
