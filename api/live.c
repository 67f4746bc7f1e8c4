#include "api/live.h"

#include <stdlib.h>

#include "api/chat.h"
#include "api/event_hub.h"
#include "api/event_stream.h"
#include "api/viewers.h"

struct ph_live {
    struct ph_live_options options;
    struct ph_state_events state_events;
    struct ph_viewer_counts *counts;
    struct ph_event_hub *hub; /* NULL before the start */
    struct ph_event_stream_resource event_stream;
    struct ph_viewers_resource viewers;
    struct ph_chat_resource chat;
};

static void fill_resources(struct ph_live *live) {
    const struct ph_live_options *options = &live->options;
    live->viewers = (struct ph_viewers_resource){.settings = options->settings,
        .db = options->db,
        .sessions = options->sessions,
        .counts = live->counts,
        .revoker = options->revoker,
        .clock = options->clock,
        .joined = ph_metrics_counter(
            options->metrics, "porthole_api_viewers_joined_total", "Viewers who joined a session", NULL)};
    ph_viewers_resource_init(&live->viewers);
    live->chat = (struct ph_chat_resource){.settings = options->settings,
        .db = options->db,
        .sessions = options->sessions,
        .clock = options->clock,
        .said = ph_metrics_counter(
            options->metrics, "porthole_api_chat_messages_total", "Messages said in chats", NULL)};
}

int ph_live_create(struct ph_live **out, const struct ph_live_options *options) {
    *out = NULL;
    struct ph_live *live = calloc(1, sizeof(*live));
    if (!live)
        return -ENOMEM;
    live->options = *options;
    int code = ph_viewer_counts_create(&live->counts, options->db, options->clock);
    if (code < 0) {
        ph_live_destroy(live);
        return code;
    }
    ph_state_events_init(&live->state_events);
    ph_sessions_observe(options->sessions, &live->state_events.observer);
    ph_sessions_observe(options->sessions, ph_viewer_counts_observer(live->counts));
    fill_resources(live);
    *out = live;
    return 0;
}

int ph_live_start(struct ph_live *live, struct ph_session_feed *feed) {
    const struct ph_live_options *options = &live->options;
    int code = ph_event_hub_create(&live->hub, &(struct ph_event_hub_options){.db = options->db,
                                                   .sessions = options->sessions,
                                                   .feed = feed,
                                                   .clock = options->clock,
                                                   .metrics = options->metrics});
    if (code == 0)
        live->event_stream =
            (struct ph_event_stream_resource){.hub = live->hub, .sessions = options->sessions};
    return code;
}

int ph_live_add_routes(struct ph_live *live, struct ph_dispatch *dispatch, struct ph_http_server *server) {
    int code = ph_dispatch_add_routes(
        dispatch, server, ph_event_stream_routes, ph_event_stream_route_count, &live->event_stream);
    if (code == 0)
        code =
            ph_dispatch_add_routes(dispatch, server, live->viewers.routes, PH_VIEWERS_ROUTES, &live->viewers);
    if (code == 0)
        code = ph_dispatch_add_routes(dispatch, server, ph_chat_routes, ph_chat_route_count, &live->chat);
    return code;
}

void ph_live_stop(struct ph_live *live) {
    ph_viewer_counts_stop(live->counts);
    if (live->hub)
        ph_event_hub_stop(live->hub);
}

void ph_live_destroy(struct ph_live *live) {
    if (!live)
        return;
    ph_event_hub_destroy(live->hub);
    ph_viewer_counts_destroy(live->counts);
    free(live);
}
