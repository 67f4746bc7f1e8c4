#include "api/event_stream.h"

#include "api/access.h"
#include "api/event_block.h"
#include "api/problem.h"
#include "api/text.h"

static struct ph_http_response *open_stream(
    struct ph_event_stream_resource *resource, const struct ph_event_following *following) {
    struct ph_http_stream *stream;
    int code = ph_event_hub_follow(resource->hub, following, &stream);
    if (code < 0)
        return ph_problem_of_code(-EAGAIN);
    struct ph_http_response *response = ph_http_response_from_stream(200, "text/event-stream", stream);
    /* Proxies pass on what they get when they get it. */
    if (response && ph_http_response_add_header(response, "X-Accel-Buffering", "no") < 0)
        ph_http_response_unref(&response);
    if (!response)
        ph_http_stream_end(stream);
    ph_http_stream_unref(&stream);
    return response;
}

static struct ph_http_response *follow(void *opaque, const struct ph_api_call *call) {
    struct ph_event_stream_resource *resource = opaque;
    const char *id = ph_api_call_query(call, "session");
    const char *last = ph_api_call_header(call, "Last-Event-ID");
    struct ph_event_following following = {.caller = &call->caller, .session = "", .last = -1};
    struct ph_session session;
    if (id && !ph_text_is_session_id(id))
        return ph_problem(400, "/session", "must be a session's id");
    if (id) {
        int code =
            ph_access_session(resource->sessions, &call->caller, id, PH_ACTION_EVENTS_FOLLOW, &session, NULL);
        if (code < 0)
            return ph_access_problem(
                &call->caller, code, "following this session's events is not for this token");
        following.session = session.id;
    }
    following.is_back = last && *last;
    if (following.is_back && !ph_event_id_parse(last, &following.last))
        following.last = -1; /* not ours: it begins anew */
    return open_stream(resource, &following);
}

const struct ph_api_route ph_event_stream_routes[] = {
    {.method = "GET",
        .pattern = "/api/events",
        .name = "events.follow",
        .action = follow,
        .wants = {.queries = {"session"}, .headers = {"Last-Event-ID"}}},
};
const size_t ph_event_stream_route_count = sizeof(ph_event_stream_routes) / sizeof(ph_event_stream_routes[0]);
