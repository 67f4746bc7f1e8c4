#include "api/analytics.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "api/analytics_store.h"
#include "api/answer.h"
#include "api/problem.h"

/* The summary is of so long before now when nothing else is asked for. */
static const int64_t usual_period_ms = INT64_C(30) * 24 * 3600 * 1000;

static int64_t now_ms(struct ph_analytics_resource *resource) {
    return ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
}

/* [{"name", "viewers"}]; NULL when out of memory. */
static json_t *shares_view(const struct ph_share *shares, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        const char *name = shares[i].name[0] ? shares[i].name : "unknown";
        if (json_array_append_new(
                list, json_pack("{s:s, s:I}", "name", name, "viewers", (json_int_t)shares[i].viewers)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *viewers_view(const struct ph_analytics *figures) {
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "total", (json_int_t)figures->viewers, "people",
        (json_int_t)figures->people, "mostAtOnce", (json_int_t)figures->most_at_once, "watchedMs",
        (json_int_t)figures->watched_ms, "devices", shares_view(figures->devices, figures->device_count),
        "browsers", shares_view(figures->browsers, figures->browser_count), "countries",
        shares_view(figures->countries, figures->country_count));
}

static json_t *mean_view(const struct ph_mean *mean) {
    return mean->count > 0 ? json_integer(mean->sum / mean->count) : json_null();
}

static json_t *delivered_view(const struct ph_delivered *delivered) {
    return json_pack("{s:I, s:I, s:I, s:I, s:{s:I, s:I, s:o, s:o}}", "playlistRequests",
        (json_int_t)delivered->playlist_requests, "playlistBytes", (json_int_t)delivered->playlist_bytes,
        "mediaRequests", (json_int_t)delivered->media_requests, "mediaBytes",
        (json_int_t)delivered->media_bytes, "cmcd", "requests", (json_int_t)delivered->told, "starved",
        (json_int_t)delivered->starved, "bitrateKbps", mean_view(&delivered->bitrate_kbps), "throughputKbps",
        mean_view(&delivered->throughput_kbps));
}

static json_t *quality_view(const struct ph_quality *quality) {
    bool is_known = quality->watched_ms > 0;
    json_t *ratio =
        is_known ? json_real((double)quality->stalled_ms / (double)quality->watched_ms) : json_null();
    return json_pack("{s:I, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:I}", "viewers", (json_int_t)quality->viewers,
        "startupMs", mean_view(&quality->startup_ms), "rebuffers", (json_int_t)quality->stalls, "rebufferMs",
        (json_int_t)quality->stalled_ms, "rebufferRatio", ratio, "latencyMs", mean_view(&quality->latency_ms),
        "bitrateKbps", mean_view(&quality->bitrate_kbps), "throughputKbps",
        mean_view(&quality->throughput_kbps), "droppedFrames", (json_int_t)quality->dropped_frames);
}

static json_t *timeline_view(const struct ph_timeline *timeline) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < timeline->count; i++) {
        int64_t at_ms = timeline->begin_ms + (int64_t)i * timeline->span_ms;
        if (json_array_append_new(list, json_pack("{s:I, s:I}", "at", (json_int_t)at_ms, "viewers",
                                            (json_int_t)timeline->viewers[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static struct ph_http_response *session_answer(struct ph_analytics_resource *resource,
    const struct ph_session *session, const struct ph_analytics *figures) {
    struct ph_timeline timeline = {.span_ms = PH_LEAST_SPAN_MS};
    int64_t end_ms = session->ended_ms ? session->ended_ms : now_ms(resource);
    int code = session->started_ms
                   ? ph_analytics_timeline(resource->db, session->id, session->started_ms, end_ms, &timeline)
                   : 0;
    if (code < 0)
        return ph_problem_of_code(code);
    return ph_answer_json(
        200, json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:I, s:o}", "sessionId", session->id, "state",
                 ph_session_state_name(session->state), "createdAt", (json_int_t)session->created_ms,
                 "liveMs", (json_int_t)figures->live_ms, "viewers", viewers_view(figures), "delivered",
                 delivered_view(&figures->delivered), "quality", quality_view(&figures->quality), "spanMs",
                 (json_int_t)timeline.span_ms, "timeline", timeline_view(&timeline)));
}

static struct ph_http_response *of_session(void *opaque, const struct ph_api_call *call) {
    struct ph_analytics_resource *resource = opaque;
    struct ph_session session;
    int code = ph_access_session(
        resource->sessions, &call->caller, call->id, PH_ACTION_ANALYTICS_SESSION, &session, NULL);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "a session's figures are for its owner and operators");
    struct ph_analytics *figures = malloc(sizeof(*figures));
    if (!figures)
        return NULL;
    code = ph_analytics_read(resource->db,
        &(struct ph_analytics_scope){.session = session.id, .now_ms = now_ms(resource)}, figures);
    struct ph_http_response *response =
        code < 0 ? ph_problem_of_code(code) : session_answer(resource, &session, figures);
    free(figures);
    return response;
}

/* UTC in ms; keeps *time_ms for NULL. */
static bool parse_time(const char *text, int64_t *time_ms) {
    if (!text)
        return true;
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 15 || text[digits])
        return false;
    *time_ms = strtoll(text, NULL, 10);
    return true;
}

static struct ph_http_response *read_summary(
    struct ph_analytics_resource *resource, const struct ph_analytics_scope *scope) {
    struct ph_analytics *figures = malloc(sizeof(*figures));
    if (!figures)
        return NULL;
    int code = ph_analytics_read(resource->db, scope, figures);
    struct ph_http_response *response =
        code < 0
            ? ph_problem_of_code(code)
            : ph_answer_json(200,
                  json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "from", (json_int_t)scope->from_ms, "to",
                      (json_int_t)scope->to_ms, "sessions", (json_int_t)figures->sessions, "liveMs",
                      (json_int_t)figures->live_ms, "viewers", viewers_view(figures), "delivered",
                      delivered_view(&figures->delivered), "quality", quality_view(&figures->quality)));
    free(figures);
    return response;
}

/* Who may see all sees all, or one owner's; others see their own. */
static struct ph_http_response *summary(void *opaque, const struct ph_api_call *call) {
    struct ph_analytics_resource *resource = opaque;
    struct ph_analytics_scope scope = {.owner = ph_api_call_query(call, "owner"), .now_ms = now_ms(resource)};
    bool sees_all = ph_access_general(&call->caller, PH_ACTION_ANALYTICS_ALL) == 0;
    int code = ph_access_general(&call->caller, PH_ACTION_ANALYTICS_OWN);
    bool is_own = scope.owner && strcmp(scope.owner, call->caller.subject) == 0;
    if (code == 0 && !sees_all && scope.owner && !is_own)
        code = -EPERM;
    if (code < 0)
        return ph_access_problem(&call->caller, code, "figures are for a session's owner and operators");
    if (!scope.owner)
        scope.owner = sees_all ? "" : call->caller.subject;
    scope.to_ms = scope.now_ms + 1;
    if (!parse_time(ph_api_call_query(call, "to"), &scope.to_ms))
        return ph_problem(400, "to", "must be a time, UTC in ms");
    scope.from_ms = scope.to_ms - usual_period_ms;
    if (!parse_time(ph_api_call_query(call, "from"), &scope.from_ms))
        return ph_problem(400, "from", "must be a time, UTC in ms");
    return read_summary(resource, &scope);
}

const struct ph_api_route ph_analytics_routes[] = {
    {"GET", "/api/analytics/sessions/{id}", "analytics.session", .action = of_session},
    {"GET", "/api/analytics/summary", "analytics.summary", .action = summary,
        .wants = {.queries = {"from", "to", "owner"}}},
};
const size_t ph_analytics_route_count = sizeof(ph_analytics_routes) / sizeof(ph_analytics_routes[0]);
