#include "api/live.h"

#include <stdlib.h>

#include "api/event_hub.h"
#include "api/event_stream.h"

struct ph_live {
    struct ph_event_hub *hub;
    struct ph_event_stream_resource event_stream;
};

int ph_live_create(struct ph_live **out, const struct ph_live_options *options) {
    *out = NULL;
    struct ph_live *live = calloc(1, sizeof(*live));
    if (!live)
        return -ENOMEM;
    int code = ph_event_hub_create(&live->hub, &(struct ph_event_hub_options){.db = options->db,
                                                   .sessions = options->sessions,
                                                   .feed = options->feed,
                                                   .clock = options->clock,
                                                   .metrics = options->metrics});
    if (code < 0) {
        ph_live_destroy(live);
        return code;
    }
    live->event_stream = (struct ph_event_stream_resource){.hub = live->hub, .sessions = options->sessions};
    *out = live;
    return 0;
}

int ph_live_add_routes(struct ph_live *live, struct ph_dispatch *dispatch, struct ph_http_server *server) {
    return ph_dispatch_add_routes(
        dispatch, server, ph_event_stream_routes, ph_event_stream_route_count, &live->event_stream);
}

void ph_live_stop(struct ph_live *live) {
    ph_event_hub_stop(live->hub);
}

void ph_live_destroy(struct ph_live *live) {
    if (!live)
        return;
    ph_event_hub_destroy(live->hub);
    free(live);
}
