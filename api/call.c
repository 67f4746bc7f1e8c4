#include "api/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/text.h"

/* Keeps a value; NULL is none. */
static int keep(struct ph_api_call *call, enum ph_call_value_kind kind, const char *name, size_t name_size,
    const char *value) {
    if (!value || call->value_count == PH_MOST_CALL_VALUES)
        return 0;
    char *copy = strndup(value, PH_MOST_CALL_VALUE_BYTES);
    if (!copy)
        return -ENOMEM;
    call->values[call->value_count++] =
        (struct ph_call_value){.kind = kind, .name_size = name_size, .name = name, .value = copy};
    return 0;
}

static int keep_params(struct ph_api_call *call, struct ph_http_request *request, const char *pattern) {
    int code = 0;
    for (const char *open = strchr(pattern, '{'); code == 0 && open; open = strchr(open + 1, '{')) {
        char name[32];
        size_t size = strcspn(open + 1, ".}");
        snprintf(name, sizeof(name), "%.*s", (int)size, open + 1);
        code = keep(call, PH_CALL_PARAM, open + 1, size, ph_http_request_param(request, name));
    }
    return code;
}

int ph_api_call_copy(struct ph_api_call *call, struct ph_http_request *request, const char *pattern,
    const struct ph_call_wants *wants) {
    int code = keep_params(call, request, pattern);
    for (size_t i = 0; code == 0 && i < PH_MOST_CALL_WANTS && wants->queries[i]; i++) {
        const char *name = wants->queries[i];
        code = keep(call, PH_CALL_QUERY, name, strlen(name), ph_http_request_query(request, name));
    }
    for (size_t i = 0; code == 0 && i < PH_MOST_CALL_WANTS && wants->headers[i]; i++) {
        const char *name = wants->headers[i];
        code = keep(call, PH_CALL_HEADER, name, strlen(name), ph_http_request_header(request, name));
    }
    const char *id = strstr(pattern, "{id}") ? ph_api_call_param(call, "id") : "";
    if (ph_text_is_session_id(id))
        memcpy(call->id, id, PH_SESSION_ID_BYTES);
    snprintf(call->address, sizeof(call->address), "%s", ph_http_request_peer(request));
    ph_api_call_take_body(call, request);
    return code;
}

void ph_api_call_take_body(struct ph_api_call *call, struct ph_http_request *request) {
    ph_bytes_unref(&call->body);
    if (ph_http_request_body(request).size > 0)
        call->body = ph_http_request_body_ref(request);
    call->phase = ph_http_request_phase(request);
    call->body_offset = ph_http_request_body_offset(request);
    call->body_announced = ph_http_request_body_announced(request);
}

void ph_api_call_finish(struct ph_api_call *call) {
    for (size_t i = 0; i < call->value_count; i++)
        free(call->values[i].value);
    call->value_count = 0;
    ph_bytes_unref(&call->body);
}

static const char *find(const struct ph_api_call *call, enum ph_call_value_kind kind, const char *name) {
    for (size_t i = 0; i < call->value_count; i++) {
        const struct ph_call_value *value = &call->values[i];
        if (value->kind == kind && value->name_size == strlen(name) &&
            memcmp(value->name, name, value->name_size) == 0)
            return value->value;
    }
    return NULL;
}

const char *ph_api_call_param(const struct ph_api_call *call, const char *name) {
    const char *value = find(call, PH_CALL_PARAM, name);
    return value ? value : "";
}

const char *ph_api_call_query(const struct ph_api_call *call, const char *name) {
    return find(call, PH_CALL_QUERY, name);
}

const char *ph_api_call_header(const struct ph_api_call *call, const char *name) {
    return find(call, PH_CALL_HEADER, name);
}

struct ph_slice ph_api_call_body(const struct ph_api_call *call) {
    return call->body ? ph_bytes_slice(call->body) : (struct ph_slice){0};
}

void ph_api_call_made(const struct ph_api_call *call, const char *target) {
    if (call->target)
        snprintf(call->target, PH_CALL_TARGET_BYTES, "%s", target);
}

const char *ph_api_call_target(const struct ph_api_call *call) {
    if (call->target && call->target[0])
        return call->target;
    for (size_t i = 0; i < call->value_count; i++) {
        if (call->values[i].kind == PH_CALL_PARAM)
            return call->values[i].value;
    }
    return "";
}
