#include "api/viewers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "api/answer.h"
#include "api/body.h"
#include "api/page.h"
#include "api/playback.h"
#include "api/problem.h"
#include "api/text.h"
#include "api/user_agent.h"

static int64_t now_ms(const struct ph_viewers_resource *resource) {
    return ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
}

/* Two capital letters, as the CDN's header gives them; anything else is no country. */
static void take_country(const char *value, char country[PH_COUNTRY_BYTES]) {
    country[0] = '\0';
    if (value && strlen(value) == 2 && strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2)
        memcpy(country, value, PH_COUNTRY_BYTES);
}

/* What the client says of itself goes before what its User-Agent lets guess. */
static int read_device(const struct ph_api_call *call, enum ph_device *device, struct ph_body_fault *fault) {
    struct ph_body body;
    int choice = -1;
    ph_body_open(&body, ph_api_call_body(call));
    ph_body_choice(&body, "device", ph_device_names, PH_DEVICES, &choice);
    int code = ph_body_close(&body, fault);
    *device =
        choice < 0 ? ph_user_agent_device(ph_api_call_header(call, "User-Agent")) : (enum ph_device)choice;
    return code;
}

static struct ph_http_response *welcome(const struct ph_viewers_resource *resource,
    const struct ph_caller *caller, const struct ph_session *session, const struct ph_viewer *viewer) {
    char hls[80], token[PH_PLAYBACK_TOKEN_BYTES];
    bool is_private = session->visibility == PH_VISIBILITY_PRIVATE;
    if (is_private)
        ph_playback_grant(resource->settings->cluster_secret, caller, session->id, viewer->id,
            now_ms(resource) / 1000, token);
    snprintf(hls, sizeof(hls), "/live/%s/index.m3u8", session->id);
    return ph_answer_json(
        201, json_pack("{s:s, s:{s:s, s:s?}, s:i}", "viewerId", viewer->id, "playback", "hls", hls, "token",
                 is_private ? token : NULL, "heartbeatSeconds", (int)PH_VIEWER_BEAT_S));
}

static struct ph_http_response *join(void *opaque, const struct ph_api_call *call) {
    struct ph_viewers_resource *resource = opaque;
    struct ph_session session;
    struct ph_body_fault fault;
    enum ph_device device;
    int code = ph_access_session(
        resource->sessions, &call->caller, call->id, PH_ACTION_VIEWERS_JOIN, &session, NULL);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "watching this session is not for this token");
    code = read_device(call, &device, &fault);
    if (code == -EINVAL)
        return ph_problem(400, fault.field, fault.text);
    if (code < 0)
        return ph_problem_of_code(code);
    if (ph_session_state_is_over(session.state))
        return ph_problem(409, NULL, "the session is over");
    struct ph_viewer viewer = {.joined_ms = now_ms(resource)};
    memcpy(viewer.session, session.id, sizeof(viewer.session));
    snprintf(viewer.subject, sizeof(viewer.subject), "%s", call->caller.subject);
    snprintf(viewer.device, sizeof(viewer.device), "%s", ph_device_names[device]);
    snprintf(viewer.browser, sizeof(viewer.browser), "%s",
        ph_user_agent_browser(ph_api_call_header(call, "User-Agent")));
    if (*resource->settings->country_header)
        take_country(ph_api_call_header(call, resource->settings->country_header), viewer.country);
    code = ph_viewers_join(resource->db, &viewer);
    if (code < 0)
        return ph_problem_of_code(code);
    ph_metric_add(resource->joined, 1);
    ph_viewer_counts_changed(resource->counts, session.id);
    return welcome(resource, &call->caller, &session, &viewer);
}

/* The id is a secret of the viewer's; who has it may speak for it. */
static const char *viewer_of(const struct ph_api_call *call) {
    const char *viewer = ph_api_call_param(call, "viewer");
    return call->id[0] && ph_text_is_session_id(viewer) ? viewer : NULL;
}

static struct ph_http_response *answer_to_viewer(int code) {
    if (code == -ENOENT)
        return ph_problem(404, NULL, "there is no such viewer, or it has left: join again");
    return code < 0 ? ph_problem_of_code(code) : ph_http_response_create(204);
}

static struct ph_http_response *beat(void *opaque, const struct ph_api_call *call) {
    struct ph_viewers_resource *resource = opaque;
    const char *viewer = viewer_of(call);
    struct ph_body body;
    struct ph_body_fault fault;
    struct ph_qoe qoe;
    ph_body_open(&body, ph_api_call_body(call));
    bool tells = ph_qoe_read(&body, "cmcd", &qoe);
    int code = ph_body_close(&body, &fault);
    if (code == -EINVAL)
        return ph_problem(400, fault.field, fault.text);
    if (code < 0)
        return ph_problem_of_code(code);
    return answer_to_viewer(
        viewer ? ph_viewers_beat(resource->db, call->id, viewer, tells ? &qoe : NULL, now_ms(resource))
               : -ENOENT);
}

/* Whom the owner or an operator sends away loses the media too. */
static int end_access(
    const struct ph_viewers_resource *resource, const struct ph_api_call *call, const char *viewer) {
    struct ph_session session;
    int code = ph_access_session(
        resource->sessions, &call->caller, call->id, PH_ACTION_VIEWERS_REMOVE, &session, NULL);
    if (code < 0)
        return code == -EPERM || code == -ENOENT ? 0 : code; /* it leaves on its own */
    code = ph_revocations_add_now(resource->db, session.id, viewer, now_ms(resource));
    if (code == 0)
        ph_revoker_poke(resource->revoker);
    return code;
}

static struct ph_http_response *leave(void *opaque, const struct ph_api_call *call) {
    struct ph_viewers_resource *resource = opaque;
    const char *viewer = viewer_of(call);
    int code = viewer ? ph_viewers_leave(resource->db, call->id, viewer, now_ms(resource)) : -ENOENT;
    if (code == 0)
        ph_viewer_counts_changed(resource->counts, call->id);
    if (code == 0)
        code = end_access(resource, call, viewer);
    return answer_to_viewer(code);
}

static json_t *time_or_null(int64_t time_ms) {
    return time_ms > 0 ? json_integer(time_ms) : json_null();
}

static json_t *viewer_view(const struct ph_viewer *viewer) {
    int64_t until_ms = viewer->left_ms ? viewer->left_ms : viewer->seen_ms;
    return json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:s?, s:I, s:o, s:I}", "viewerId", viewer->id, "subject",
        *viewer->subject ? viewer->subject : NULL, "name", *viewer->name ? viewer->name : NULL, "device",
        viewer->device, "browser", viewer->browser, "country", *viewer->country ? viewer->country : NULL,
        "joinedAt", (json_int_t)viewer->joined_ms, "leftAt", time_or_null(viewer->left_ms), "watchedMs",
        (json_int_t)(until_ms - viewer->joined_ms));
}

static json_t *page_view(const struct ph_viewer *list, size_t count, bool has_more) {
    char cursor[PH_PAGE_CURSOR_BYTES] = "";
    json_t *entries = json_array();
    for (size_t i = 0; entries && i < count; i++) {
        if (json_array_append_new(entries, viewer_view(&list[i])) < 0) {
            json_decref(entries);
            return NULL;
        }
    }
    if (!entries)
        return NULL;
    if (has_more)
        ph_page_cursor_print(list[count - 1].joined_ms, list[count - 1].id, cursor);
    return json_pack("{s:o, s:s?}", "viewers", entries, "next", has_more ? cursor : NULL);
}

static struct ph_http_response *list(void *opaque, const struct ph_api_call *call) {
    struct ph_viewers_resource *resource = opaque;
    struct ph_session session;
    struct ph_viewer_cursor cursor;
    size_t limit, count = 0;
    int code = ph_access_session(
        resource->sessions, &call->caller, call->id, PH_ACTION_VIEWERS_LIST, &session, NULL);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "who watched is told to the owner and its guardians");
    const char *after = ph_api_call_query(call, "cursor");
    if (after && !ph_page_cursor_parse(after, &cursor.joined_ms, cursor.id))
        return ph_problem(400, "cursor", "must be the \"next\" of an earlier answer");
    if (!ph_page_limit_parse(ph_api_call_query(call, "limit"), &limit))
        return ph_problem(400, "limit", "must be a whole number from 1 to 100");
    struct ph_viewer *viewers = calloc(limit + 1, sizeof(*viewers));
    if (!viewers)
        return NULL;
    code = ph_viewers_list(resource->db, session.id, after ? &cursor : NULL, limit + 1, viewers, &count);
    bool has_more = count > limit;
    struct ph_http_response *response =
        code < 0 ? ph_problem_of_code(code)
                 : ph_answer_json(200, page_view(viewers, has_more ? limit : count, has_more));
    free(viewers);
    return response;
}

void ph_viewers_resource_init(struct ph_viewers_resource *resource) {
    const char *country = *resource->settings->country_header ? resource->settings->country_header : NULL;
    const struct ph_call_wants joining = {.headers = {"User-Agent", country}};
    const struct ph_api_route routes[PH_VIEWERS_ROUTES] = {
        {.method = "POST",
            .pattern = "/api/sessions/{id}/viewers",
            .name = "viewers.join",
            .action = join,
            .wants = joining},
        {.method = "POST",
            .pattern = "/api/stream/join/{id}",
            .name = "viewers.join",
            .action = join,
            .wants = joining},
        {.method = "PUT",
            .pattern = "/api/sessions/{id}/viewers/{viewer}",
            .name = "viewers.beat",
            .action = beat,
            .rate = PH_RATE_FREE},
        {.method = "DELETE",
            .pattern = "/api/sessions/{id}/viewers/{viewer}",
            .name = "viewers.leave",
            .action = leave,
            .rate = PH_RATE_FREE},
        {.method = "GET",
            .pattern = "/api/sessions/{id}/viewers",
            .name = "viewers.list",
            .action = list,
            .wants = {.queries = {"cursor", "limit"}}},
    };
    memcpy(resource->routes, routes, sizeof(routes));
}
