/* Brings events from the database to the streams of those who follow them, with one thread for all.
 *
 * A follower of a session hears first how things stand, or, when it comes back, what it missed; then each
 * numbered event once and in order, and the newest figures. A follower of no session hears of the states of
 * all sessions that it may see listed. The hub ends a stream when its token has expired, when the policy no
 * longer lets its caller follow, and when it is behind by more than its queue holds: whoever comes back with
 * the last id misses nothing.
 *
 * Lifetime: create → follow (from any thread) → stop, after the server's drain → destroy. */
#ifndef PH_API_EVENT_HUB_H
#define PH_API_EVENT_HUB_H

#include "api/events.h"
#include "api/session_feed.h"
#include "core/base/metrics.h"
#include "core/http/stream.h"

struct ph_event_hub;

struct ph_event_hub_options {
    struct ph_db *db; /* all borrowed */
    struct ph_sessions *sessions;
    struct ph_session_feed *feed; /* its sessions' figures become events */
    struct ph_clock *clock;
    struct ph_metrics *metrics;
};

int ph_event_hub_create(struct ph_event_hub **hub, const struct ph_event_hub_options *options) PH_NODISCARD;
void ph_event_hub_stop(struct ph_event_hub *hub);
/* NULL is fine. */
void ph_event_hub_destroy(struct ph_event_hub *hub);

struct ph_event_following {
    const struct ph_caller *caller; /* who was let in; copied */
    const char *session;            /* "": the states of all it may see listed */
    bool is_back;                   /* it has heard … */
    int64_t last;                   /* … up to this number; -1 for a number that makes no sense */
};

/* The stream of a new follower; the caller owns the reference. -EAGAIN when there are too many, -ESHUTDOWN,
 * -ENOMEM. */
int ph_event_hub_follow(struct ph_event_hub *hub, const struct ph_event_following *following,
    struct ph_http_stream **stream) PH_NODISCARD;

#endif
