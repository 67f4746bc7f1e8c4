#include "core/http/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *ph_http_request_method(const struct ph_http_request *request) {
    return request->method;
}

const char *ph_http_request_path(const struct ph_http_request *request) {
    return request->path;
}

const char *ph_http_request_param(const struct ph_http_request *request, const char *name) {
    for (size_t i = 0; i < request->match.param_count; i++) {
        if (strcmp(request->match.params[i].name, name) == 0)
            return request->match.params[i].value;
    }
    assert(!"a name that is in the pattern");
    return "";
}

/* Room for `size` bytes that lives as long as the request. NULL when out of memory. */
static char *take_text(struct ph_http_request *request, size_t size) {
    if (size <= sizeof(request->text) - request->text_used) {
        char *text = request->text + request->text_used;
        request->text_used += size;
        return text;
    }
    struct ph_request_text *text = malloc(sizeof(*text) + size);
    if (!text)
        return NULL;
    text->next = request->texts;
    request->texts = text;
    return text->text;
}

/* The names of a query are compared as they came: ours need no encoding. */
const char *ph_http_request_query(const struct ph_http_request *request, const char *name) {
    const char *raw = NULL;
    size_t raw_size = 0;
    if (MHD_lookup_connection_value_n(
            request->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &raw, &raw_size) != MHD_YES)
        return NULL;
    if (!raw || !raw_size)
        return "";
    if (!memchr(raw, '%', raw_size))
        return raw;
    char *text = take_text((struct ph_http_request *)(uintptr_t)request, raw_size + 1);
    return text && ph_percent_decode(text, raw, raw_size) == 0 ? text : NULL;
}

static bool is_encoded_well(const char *text) {
    for (const char *p = text; p && (p = strchr(p, '%')); p++) {
        char decoded[4];
        if (strlen(p) < 3 || ph_percent_decode(decoded, p, 3))
            return false;
    }
    return true;
}

static enum MHD_Result check_pair(void *opaque, enum MHD_ValueKind kind, const char *key, const char *value) {
    bool *valid = opaque;
    (void)kind;
    *valid = is_encoded_well(key) && is_encoded_well(value);
    return *valid ? MHD_YES : MHD_NO;
}

bool ph_http_request_query_is_valid(const struct ph_http_request *request) {
    bool valid = true;
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, check_pair, &valid);
    return valid;
}

const char *ph_http_request_header(const struct ph_http_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *ph_http_request_bearer(const struct ph_http_request *request) {
    static const char scheme[] = "Bearer";
    const char *header = ph_http_request_header(request, "Authorization");
    if (!header || strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    const char *token = header + sizeof(scheme) - 1;
    size_t blanks = strspn(token, " \t");
    return blanks && token[blanks] ? token + blanks : NULL;
}

struct ph_slice ph_http_request_body(const struct ph_http_request *request) {
    return ph_bytes_slice(request->body ? request->body : request->server->nothing);
}

struct ph_bytes *ph_http_request_body_ref(struct ph_http_request *request) {
    return ph_bytes_ref(request->body ? request->body : request->server->nothing);
}

enum ph_http_phase ph_http_request_phase(const struct ph_http_request *request) {
    return request->phase;
}

uint64_t ph_http_request_body_offset(const struct ph_http_request *request) {
    return request->piece_first;
}

/* libmicrohttpd has refused what is no number. */
uint64_t ph_http_request_body_announced(const struct ph_http_request *request) {
    const char *text = ph_http_request_header(request, "Content-Length");
    if (ph_http_request_header(request, "Transfer-Encoding"))
        return UINT64_MAX;
    return text ? strtoull(text, NULL, 10) : 0;
}

void ph_http_request_keep(struct ph_http_request *request, void *kept, void (*release)(void *kept)) {
    assert(!request->kept);
    request->kept = kept;
    request->release_kept = release;
}

void *ph_http_request_kept(const struct ph_http_request *request) {
    return request->kept;
}

const char *ph_http_request_peer(const struct ph_http_request *request) {
    return request->peer->peer;
}

void ph_http_request_tally(struct ph_http_request *request, struct ph_http_tally *tally) {
    assert(!request->answered && !request->tally);
    request->tally = ph_http_tally_ref(tally);
}

int ph_http_request_hold(struct ph_http_request *request, int64_t deadline_us,
    struct ph_http_response *on_deadline, struct ph_http_hold **hold) {
    assert(!request->answered && !request->hold);
    *hold = NULL;
    if (request->phase == PH_HTTP_CUT)
        return -ESHUTDOWN;
    int code = ph_holds_suspend(
        request->server->holds, request->connection, deadline_us, on_deadline, &request->hold);
    if (!code)
        request->was_held = true;
    *hold = request->hold;
    return code;
}
