#include "api/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "api/answer.h"
#include "api/page.h"
#include "api/playback.h"
#include "api/problem.h"
#include "api/recordings/recording_view.h"
#include "api/recordings/recordings.h"
#include "api/session_request.h"
#include "api/session_view.h"
#include "api/token.h"
#include "core/base/log.h"

enum { VIEWER_TOKEN_S = 6 * 3600 };

static int64_t now_ms(struct ph_sessions_resource *resource) {
    return ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
}

static struct ph_http_response *welcome(
    struct ph_sessions_resource *resource, const struct ph_session_birth *birth) {
    char host[256], subject[64], *token = NULL;
    const char *port = strrchr(resource->settings->srt_listen, ':');
    if (!ph_url_host(resource->settings->public_url, host, sizeof(host)))
        return ph_problem_of_code(-EINVAL);
    snprintf(subject, sizeof(subject), "link:%s", birth->id);
    int code = ph_token_issue(
        resource->settings->jwt_secret, "viewer", subject, birth->id, VIEWER_TOKEN_S, &token, NULL);
    if (code < 0)
        return ph_problem_of_code(code);
    struct ph_ice_server ice_servers[PH_MOST_ICE_SERVERS];
    size_t ice_server_count = ph_ice_servers_list(resource->settings->turn_urls,
        resource->settings->turn_secret, birth->id, now_ms(resource) / 1000, ice_servers);
    json_t *body = ph_session_welcome_view(&(struct ph_session_welcome){
        .birth = birth,
        .public_url = resource->settings->public_url,
        .srt_host = host,
        .srt_port = resource->srt_port ? resource->srt_port : (uint16_t)strtoul(port + 1, NULL, 10),
        .viewer_token = token,
        .ice_servers = ice_servers,
        .ice_server_count = ice_server_count,
    });
    free(token);
    return ph_answer_json(201, body);
}

static struct ph_http_response *start(void *opaque, const struct ph_api_call *call) {
    struct ph_sessions_resource *resource = opaque;
    struct ph_session_wish wish;
    struct ph_body_fault fault;
    struct ph_session_birth birth;
    int code = ph_access_general(&call->caller, PH_ACTION_SESSION_START);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "starting a session takes a streamer's token");
    code = ph_session_request_parse(ph_api_call_body(call), &wish, &fault);
    if (code == -EINVAL)
        return ph_problem(400, fault.field, fault.text);
    if (code == 0)
        code = ph_sessions_start(resource->sessions, call->caller.subject, &wish, now_ms(resource), &birth);
    if (code == -EDQUOT)
        return ph_problem(
            409, NULL, "this streamer has as many live sessions as one may have; end one first");
    if (code < 0)
        return ph_problem_of_code(code);
    ph_metric_add(resource->started, 1);
    ph_api_call_made(call, birth.id);
    ph_log_info("session started", ph_str("session", birth.id),
        ph_str("visibility", ph_visibility_name(wish.visibility)), ph_bool("encryption", wish.encryption));
    if (birth.displaced[0])
        resource->runtime->impl->end_session(
            resource->runtime, birth.displaced, "its owner started another one instead");
    struct ph_http_response *response = welcome(resource, &birth);
    explicit_bzero(&birth, sizeof(birth));
    return response;
}

/* A session as its caller sees it, who may watch what it may see (policy.c). */
static json_t *view_for(
    struct ph_sessions_resource *resource, const struct ph_caller *caller, const struct ph_session *session) {
    struct ph_session_health health;
    char token[PH_PLAYBACK_TOKEN_BYTES];
    bool is_carried = ph_session_feed_health(resource->feed, session->id, &health);
    bool is_private = session->visibility == PH_VISIBILITY_PRIVATE;
    if (is_private)
        ph_playback_grant(
            resource->settings->cluster_secret, caller, session->id, "", now_ms(resource) / 1000, token);
    return ph_session_view(session, is_carried ? &health : NULL, is_private ? token : NULL);
}

static struct ph_http_response *show(
    struct ph_sessions_resource *resource, const struct ph_caller *caller, const struct ph_session *session) {
    return ph_answer_json(200, view_for(resource, caller, session));
}

static struct ph_http_response *end(void *opaque, const struct ph_api_call *call) {
    struct ph_sessions_resource *resource = opaque;
    struct ph_session session;
    unsigned relations;
    int code = ph_access_session(
        resource->sessions, &call->caller, call->id, PH_ACTION_SESSION_END, &session, &relations);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "a session is ended by its owner or an operator");
    if (ph_session_state_is_over(session.state))
        return show(resource, &call->caller, &session);
    const char *reason = relations & PH_RELATION_OWNER ? "ended by its owner" : "ended by an operator";
    code = ph_sessions_apply(resource->sessions, session.id, PH_SESSION_END, reason, now_ms(resource));
    if (code == 0)
        code = ph_sessions_find(resource->sessions, call->id, &session);
    if (code < 0)
        return ph_problem_of_code(code);
    ph_log_info("session ended", ph_str("session", session.id), ph_str("reason", reason));
    resource->runtime->impl->end_session(resource->runtime, session.id, reason);
    return show(resource, &call->caller, &session);
}

/* Null for who may not see it; what the database does not tell is not worth the session's view. */
static int add_recording(struct ph_sessions_resource *resource, const struct ph_caller *caller,
    const struct ph_session *session, json_t *view) {
    struct ph_recording recording;
    bool is_there = session->record && ph_recording_access(resource->db, caller, session->id,
                                           PH_ACTION_RECORDING_VIEW, &recording) == 0;
    return json_object_set_new(
        view, "recording", is_there ? ph_recording_brief_view(&recording) : json_null());
}

static struct ph_http_response *get(void *opaque, const struct ph_api_call *call) {
    struct ph_sessions_resource *resource = opaque;
    struct ph_session session;
    int code = ph_access_session(
        resource->sessions, &call->caller, call->id, PH_ACTION_SESSION_VIEW, &session, NULL);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "");
    json_t *body = view_for(resource, &call->caller, &session);
    if (body && add_recording(resource, &call->caller, &session, body) < 0) {
        json_decref(body);
        body = NULL;
    }
    return ph_answer_json(200, body);
}

static json_t *page_view(struct ph_sessions_resource *resource, const struct ph_caller *caller,
    const struct ph_session *list, size_t count, bool has_more) {
    char cursor[PH_PAGE_CURSOR_BYTES] = "";
    json_t *entries = json_array();
    for (size_t i = 0; entries && i < count; i++) {
        if (json_array_append_new(entries, view_for(resource, caller, &list[i])) < 0) {
            json_decref(entries);
            return NULL;
        }
    }
    if (!entries)
        return NULL;
    if (has_more)
        ph_page_cursor_print(list[count - 1].created_ms, list[count - 1].id, cursor);
    return json_pack("{s:o, s:s?}", "sessions", entries, "next", has_more ? cursor : NULL);
}

static struct ph_http_response *list_active(void *opaque, const struct ph_api_call *call) {
    struct ph_sessions_resource *resource = opaque;
    struct ph_session_cursor cursor;
    size_t limit, count;
    struct ph_session *list;
    const char *after = ph_api_call_query(call, "cursor");
    if (after && !ph_page_cursor_parse(after, &cursor.created_ms, cursor.id))
        return ph_problem(400, "cursor", "must be the \"next\" of an earlier answer");
    if (!ph_page_limit_parse(ph_api_call_query(call, "limit"), &limit))
        return ph_problem(400, "limit", "must be a whole number from 1 to 100");
    int code =
        ph_sessions_list(resource->sessions, &call->caller, after ? &cursor : NULL, limit + 1, &list, &count);
    if (code < 0)
        return ph_problem_of_code(code);
    bool has_more = count > limit;
    json_t *body = page_view(resource, &call->caller, list, has_more ? limit : count, has_more);
    free(list);
    return ph_answer_json(200, body);
}

/* The session whose key the caller may change, or the refusal. */
static struct ph_http_response *find_for_rekey(
    struct ph_sessions_resource *resource, const struct ph_api_call *call, struct ph_session *session) {
    int code = ph_access_session(
        resource->sessions, &call->caller, call->id, PH_ACTION_SESSION_REKEY, session, NULL);
    if (code < 0)
        return ph_access_problem(
            &call->caller, code, "a stream key is changed by the session's owner or an operator");
    return ph_session_state_is_over(session->state) ? ph_problem(409, NULL, "the session is over") : NULL;
}

static struct ph_http_response *rekey(void *opaque, const struct ph_api_call *call) {
    struct ph_sessions_resource *resource = opaque;
    struct ph_session session;
    struct ph_session_birth birth;
    struct ph_http_response *no = find_for_rekey(resource, call, &session);
    if (no)
        return no;
    int code = ph_sessions_rekey(resource->sessions, session.id, &birth);
    if (code < 0)
        return ph_problem_of_code(code);
    ph_log_info("stream key changed", ph_str("session", session.id));
    struct ph_http_response *response = welcome(resource, &birth);
    explicit_bzero(&birth, sizeof(birth));
    return response;
}

static struct ph_http_response *revoke_key(void *opaque, const struct ph_api_call *call) {
    struct ph_sessions_resource *resource = opaque;
    struct ph_session session;
    struct ph_http_response *no = find_for_rekey(resource, call, &session);
    if (no)
        return no;
    int code = ph_sessions_rekey(resource->sessions, session.id, NULL);
    if (code < 0)
        return ph_problem_of_code(code);
    ph_log_info("stream key revoked", ph_str("session", session.id));
    return ph_http_response_create(204);
}

#define PAGE                                                                                                 \
    { "cursor", "limit" }
const struct ph_api_route ph_sessions_routes[] = {
    {"POST", "/api/sessions/start", "sessions.start", .action = start, .rate = PH_RATE_STARTS,
        .is_audited = true},
    {"POST", "/api/sessions/end/{id}", "sessions.end", .action = end, .is_audited = true},
    {"DELETE", "/api/stream/session/{id}", "sessions.end", .action = end, .is_audited = true},
    {"GET", "/api/sessions/active", "sessions.active", .action = list_active, .wants = {.queries = PAGE},
        .is_shared = true},
    {"GET", "/api/stream/active", "sessions.active", .action = list_active, .wants = {.queries = PAGE},
        .is_shared = true},
    {"GET", "/api/sessions/{id}", "sessions.get", .action = get},
    {"POST", "/api/sessions/{id}/key", "sessions.rekey", .action = rekey, .rate = PH_RATE_TOKENS,
        .is_audited = true},
    {"DELETE", "/api/sessions/{id}/key", "sessions.revoke_key", .action = revoke_key, .is_audited = true},
};
const size_t ph_sessions_route_count = sizeof(ph_sessions_routes) / sizeof(ph_sessions_routes[0]);
