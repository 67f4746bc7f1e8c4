#include "api/audit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "api/access.h"
#include "api/answer.h"
#include "api/audit_log.h"
#include "api/page.h"
#include "api/problem.h"
#include "core/base/log.h"

static const int64_t prune_every_us = 3600 * PH_SECOND_US;

static void prune(struct ph_audit_resource *resource, int64_t time_ms) {
    int64_t due_us = atomic_load(&resource->next_prune_us), now_us = ph_now_us();
    if (now_us < due_us ||
        !atomic_compare_exchange_strong(&resource->next_prune_us, &due_us, now_us + prune_every_us))
        return;
    int code = ph_audit_log_prune(resource->db, time_ms - PH_AUDIT_KEPT_MS);
    if (code < 0)
        ph_log_warning("old entries of the audit log stay for another hour", ph_code(code));
}

void ph_audit_note(void *opaque, const struct ph_api_call *call, const char *name) {
    struct ph_audit_resource *resource = opaque;
    int64_t time_ms = ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
    const char *target = ph_api_call_target(call);
    int code = ph_audit_log_write(resource->db, &call->caller, name, target, time_ms);
    if (code < 0) {
        ph_metric_add(resource->lost, 1);
        ph_log_error("audit log was not written", ph_str("action", name), ph_str("target", target),
            ph_str("role", ph_caller_role_name(call->caller.role)), ph_code(code));
        return;
    }
    prune(resource, time_ms);
}

static json_t *view(const struct ph_audit_entry *entry) {
    return json_pack("{s:I, s:s, s:s, s:s, s:s}", "at", (json_int_t)entry->at_ms, "actor", entry->actor,
        "role", entry->role, "action", entry->action, "target", entry->target);
}

static json_t *page_view(const struct ph_audit_entry *list, size_t count, bool has_more) {
    char cursor[PH_PAGE_CURSOR_BYTES] = "";
    json_t *entries = json_array();
    for (size_t i = 0; entries && i < count; i++) {
        if (json_array_append_new(entries, view(&list[i])) < 0) {
            json_decref(entries);
            return NULL;
        }
    }
    if (entries && has_more)
        ph_page_cursor_print(list[count - 1].at_ms, list[count - 1].id, cursor);
    return entries ? json_pack("{s:o, s:s?}", "entries", entries, "next", has_more ? cursor : NULL) : NULL;
}

static const char *or_empty(const char *text) {
    return text ? text : "";
}

static struct ph_http_response *list_entries(void *opaque, const struct ph_api_call *call) {
    struct ph_audit_resource *resource = opaque;
    int64_t before_ms = INT64_MAX;
    char before_id[PH_SESSION_ID_BYTES] = "";
    size_t limit, count;
    struct ph_audit_entry *list;
    int code = ph_access_general(&call->caller, PH_ACTION_AUDIT_VIEW);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "the audit log is for admins");
    const char *cursor = ph_api_call_query(call, "cursor");
    if (cursor && !ph_page_cursor_parse(cursor, &before_ms, before_id))
        return ph_problem(400, "cursor", "must be the \"next\" of an earlier answer");
    if (!ph_page_limit_parse(ph_api_call_query(call, "limit"), &limit))
        return ph_problem(400, "limit", "must be a whole number from 1 to 100");
    const struct ph_audit_filter filter = {or_empty(ph_api_call_query(call, "actor")),
        or_empty(ph_api_call_query(call, "action")), or_empty(ph_api_call_query(call, "target"))};
    code = ph_audit_log_read(resource->db, &filter, before_ms, before_id, limit + 1, &list, &count);
    if (code < 0)
        return ph_problem_of_code(code);
    bool has_more = count > limit;
    json_t *body = page_view(list, has_more ? limit : count, has_more);
    free(list);
    return ph_answer_json(200, body);
}

const struct ph_api_route ph_audit_routes[] = {
    {"GET", "/api/audit", "audit.list", .action = list_entries,
        .wants = {.queries = {"cursor", "limit", "actor", "action", "target"}}},
};
const size_t ph_audit_route_count = sizeof(ph_audit_routes) / sizeof(ph_audit_routes[0]);
