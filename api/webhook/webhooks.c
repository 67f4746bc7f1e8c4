#include "api/webhook/webhooks.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "api/answer.h"
#include "api/body.h"
#include "api/outbox/events.h"
#include "api/problem.h"
#include "api/webhook/webhooks_store.h"
#include "core/base/log.h"

enum { MOST_EVENTS = 16 };

bool ph_webhook_is_url(const char *text, bool allow_private) {
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL, *fragment = NULL;
    bool is_good = parts && strlen(text) < PH_WEBHOOK_URL_BYTES &&
                   curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host &&
                   curl_url_get(parts, CURLUPART_USER, &user, 0) != CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_FRAGMENT, &fragment, 0) != CURLUE_OK;
    if (is_good)
        is_good = strcmp(scheme, "https") == 0 || (allow_private && strcmp(scheme, "http") == 0);
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(fragment);
    curl_url_cleanup(parts);
    return is_good;
}

static json_t *time_or_null(int64_t time_ms) {
    return time_ms ? json_integer(time_ms) : json_null();
}

static json_t *events_view(const char *events) {
    json_t *list = json_array();
    while (list && *events) {
        size_t size = strcspn(events, " ");
        if (json_array_append_new(list, json_stringn(events, size)) < 0) {
            json_decref(list);
            return NULL;
        }
        events += size + (events[size] == ' ');
    }
    return list;
}

static json_t *webhook_view(const struct ph_webhook *webhook) {
    const char *state = webhook->is_disabled ? "disabled" : webhook->failing_since_ms ? "failing" : "active";
    return json_pack("{s:s, s:s, s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:I}", "id", webhook->id, "url",
        webhook->url, "events", events_view(webhook->events), "state", state, "reason",
        *webhook->reason ? json_string(webhook->reason) : json_null(), "createdBy", webhook->created_by,
        "createdAt", time_or_null(webhook->created_ms), "deliveredAt", time_or_null(webhook->delivered_ms),
        "failingSince", time_or_null(webhook->failing_since_ms), "failures", (json_int_t)webhook->failures);
}

static struct ph_http_response *forbid(const struct ph_api_call *call) {
    return ph_access_problem(&call->caller, -EPERM, "webhooks are for admins");
}

static struct ph_http_response *list_all(void *opaque, const struct ph_api_call *call) {
    struct ph_webhooks_resource *resource = opaque;
    struct ph_webhook *list;
    size_t count;
    if (ph_access_general(&call->caller, PH_ACTION_WEBHOOKS_VIEW) < 0)
        return forbid(call);
    int code = ph_webhook_list(resource->db, &list, &count);
    if (code < 0)
        return ph_problem_of_code(code);
    json_t *entries = json_array();
    for (size_t i = 0; entries && i < count; i++) {
        if (json_array_append_new(entries, webhook_view(&list[i])) < 0) {
            json_decref(entries);
            entries = NULL;
        }
    }
    free(list);
    return ph_answer_json(200, entries ? json_pack("{s:o, s:n}", "webhooks", entries, "next") : NULL);
}

static bool has_text(const char *text) {
    return *text != '\0';
}

static void take_event(void *opaque, const char *text) {
    struct ph_webhook *webhook = opaque;
    size_t size = strlen(webhook->events);
    snprintf(webhook->events + size, sizeof(webhook->events) - size, "%s%s", size ? " " : "", text);
}

static int parse(const struct ph_webhooks_resource *resource, struct ph_slice bytes,
    struct ph_webhook *webhook, struct ph_body_fault *fault) {
    struct ph_body body;
    ph_body_open(&body, bytes);
    ph_body_require(&body, "url");
    ph_body_require(&body, "events");
    ph_body_text(&body, "url",
        (struct ph_text_rule){.least = 1, .most = 1024, .has_form = has_text, .form = "a URL"}, webhook->url,
        sizeof(webhook->url));
    ph_body_texts(&body, "events", MOST_EVENTS,
        (struct ph_text_rule){.least = 1,
            .most = 31,
            .has_form = ph_outbox_is_event,
            .form = "an event's name, \"session.started\", or a group of them, \"session.*\""},
        take_event, webhook);
    if (body.code == 0 && !ph_webhook_is_url(webhook->url, resource->allow_private))
        ph_body_refuse(&body, "url", "must be an https:// URL without a password and a fragment");
    if (body.code == 0 && !*webhook->events)
        ph_body_refuse(&body, "events", "must name an event");
    return ph_body_close(&body, fault);
}

static struct ph_http_response *create(void *opaque, const struct ph_api_call *call) {
    struct ph_webhooks_resource *resource = opaque;
    struct ph_webhook webhook = {0};
    struct ph_body_fault fault;
    if (ph_access_general(&call->caller, PH_ACTION_WEBHOOKS_WRITE) < 0)
        return forbid(call);
    int code = parse(resource, ph_api_call_body(call), &webhook, &fault);
    if (code == -EINVAL)
        return ph_problem(400, fault.field, fault.text);
    snprintf(webhook.created_by, sizeof(webhook.created_by), "%s", call->caller.subject);
    webhook.created_ms = ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
    if (code == 0)
        code = ph_webhook_add(resource->db, &webhook);
    if (code == -EDQUOT)
        return ph_problem(409, NULL, "there are 64 webhooks already; delete one first");
    if (code < 0)
        return ph_problem_of_code(code);
    ph_log_info("webhook added", ph_str("webhook", webhook.id));
    ph_api_call_made(call, webhook.id);
    json_t *body = webhook_view(&webhook);
    if (body && json_object_set_new(body, "secret", json_string(webhook.secret)) < 0) {
        json_decref(body);
        body = NULL;
    }
    explicit_bzero(webhook.secret, sizeof(webhook.secret));
    return ph_answer_json(201, body);
}

static struct ph_http_response *delete_one(void *opaque, const struct ph_api_call *call) {
    struct ph_webhooks_resource *resource = opaque;
    if (ph_access_general(&call->caller, PH_ACTION_WEBHOOKS_WRITE) < 0)
        return forbid(call);
    int code = *call->id ? ph_webhook_remove(resource->db, call->id) : -ENOENT;
    if (code == -ENOENT)
        return ph_problem(404, NULL, "there is no such webhook");
    if (code < 0)
        return ph_problem_of_code(code);
    ph_log_info("webhook removed", ph_str("webhook", call->id));
    return ph_http_response_create(204);
}

const struct ph_api_route ph_webhooks_routes[] = {
    {"GET", "/api/webhooks", "webhooks.list", .action = list_all},
    {"POST", "/api/webhooks", "webhooks.create", .action = create, .is_audited = true},
    {"DELETE", "/api/webhooks/{id}", "webhooks.delete", .action = delete_one, .is_audited = true},
};
const size_t ph_webhooks_route_count = sizeof(ph_webhooks_routes) / sizeof(ph_webhooks_routes[0]);
