#include "api/workers.h"

#include <stdlib.h>

#include "api/access.h"
#include "api/answer.h"
#include "api/problem.h"
#include "api/workers_store.h"
#include "core/base/log.h"

static const char *state_of(const struct ph_worker_record *record, int64_t now_ms) {
    if (now_ms - record->seen_ms > PH_WORKER_LOST_MS)
        return "lost";
    if (record->is_draining)
        return "draining";
    return record->is_well ? "serving" : "failing";
}

static json_t *view(const struct ph_worker_record *record, int64_t now_ms) {
    json_t *speed = record->has_speed ? json_real(record->speed) : json_null();
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:I, s:I}", "id", record->id, "name", record->name,
        "state", state_of(record, now_ms), "capacity", (json_int_t)record->capacity, "sessions",
        (json_int_t)record->sessions, "speed", speed, "startedAt", (json_int_t)record->started_ms, "seenAt",
        (json_int_t)record->seen_ms);
}

/* NULL when the caller may. */
static struct ph_http_response *refusal(const struct ph_api_call *call, enum ph_action action) {
    int code = ph_access_general(&call->caller, action);
    return code < 0 ? ph_access_problem(&call->caller, code, "workers are for operators") : NULL;
}

static int64_t now_ms(struct ph_workers_resource *resource) {
    return ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
}

static json_t *list_view(const struct ph_worker_record *list, size_t count, int64_t time_ms) {
    json_t *entries = json_array();
    for (size_t i = 0; entries && i < count; i++) {
        if (json_array_append_new(entries, view(&list[i], time_ms)) < 0) {
            json_decref(entries);
            return NULL;
        }
    }
    return entries ? json_pack("{s:o}", "workers", entries) : NULL;
}

static struct ph_http_response *list_all(void *opaque, const struct ph_api_call *call) {
    struct ph_workers_resource *resource = opaque;
    struct ph_worker_record *list;
    size_t count;
    struct ph_http_response *no = refusal(call, PH_ACTION_WORKERS_VIEW);
    if (no)
        return no;
    int code = ph_workers_list(resource->db, &list, &count);
    if (code < 0)
        return ph_problem_of_code(code);
    json_t *body = list_view(list, count, now_ms(resource));
    free(list);
    return ph_answer_json(200, body);
}

static struct ph_http_response *show(struct ph_workers_resource *resource, const char *id) {
    struct ph_worker_record record;
    int code = ph_workers_find(resource->db, id, &record);
    if (code == -ENOENT)
        return ph_problem(404, NULL, "there is no such worker");
    return code < 0 ? ph_problem_of_code(code) : ph_answer_json(200, view(&record, now_ms(resource)));
}

static struct ph_http_response *get(void *opaque, const struct ph_api_call *call) {
    struct ph_http_response *no = refusal(call, PH_ACTION_WORKERS_VIEW);
    return no ? no : show(opaque, call->id);
}

static struct ph_http_response *drain(void *opaque, const struct ph_api_call *call) {
    struct ph_workers_resource *resource = opaque;
    struct ph_http_response *no = refusal(call, PH_ACTION_WORKERS_DRAIN);
    if (no)
        return no;
    int code = ph_workers_drain(resource->db, call->id);
    if (code == -ENOENT)
        return ph_problem(404, NULL, "there is no such worker");
    if (code < 0)
        return ph_problem_of_code(code);
    ph_log_info("worker shall drain", ph_str("worker", call->id));
    return show(resource, call->id);
}

const struct ph_api_route ph_workers_routes[] = {
    {"GET", "/api/workers", "workers.list", .action = list_all},
    {"GET", "/api/workers/{id}", "workers.get", .action = get},
    {"POST", "/api/workers/{id}/drain", "workers.drain", .action = drain, .is_audited = true},
};
const size_t ph_workers_route_count = sizeof(ph_workers_routes) / sizeof(ph_workers_routes[0]);
