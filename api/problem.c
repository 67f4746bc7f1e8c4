#include "api/problem.h"

#include <jansson.h>
#include <stdlib.h>

static const char *title_of(unsigned status) {
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {{400, "Bad request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not found"},
        {409, "Conflict"}, {410, "Gone"}, {412, "Precondition Failed"}, {413, "Content Too Large"},
        {415, "Unsupported Media Type"}, {422, "Unprocessable Content"}, {423, "Locked"},
        {429, "Too Many Requests"}, {460, "Checksum Mismatch"}, {500, "Internal error"},
        {503, "Unavailable"}};
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (titles[i].status == status)
            return titles[i].title;
    }
    return "Error";
}

static struct ph_http_response *make(
    unsigned status, const char *detail, const char *member, const char *value) {
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s*}", "type", "about:blank", "title",
        title_of(status), "status", (int)status, "detail", detail, member, value);
    char *text = problem ? json_dumps(problem, JSON_COMPACT) : NULL;
    struct ph_http_response *response =
        text ? ph_http_response_from_text(status, "application/problem+json", text) : NULL;
    free(text);
    json_decref(problem);
    return response;
}

struct ph_http_response *ph_problem(unsigned status, const char *field, const char *detail) {
    return make(status, detail, "field", field && *field ? field : NULL);
}

struct ph_http_response *ph_problem_linking(
    unsigned status, const char *detail, const char *name, const char *address) {
    return make(status, detail, name, address);
}

static struct ph_http_response *with_header(
    struct ph_http_response *response, const char *name, const char *value) {
    if (response && ph_http_response_add_header(response, name, value) < 0)
        ph_http_response_unref(&response);
    return response;
}

struct ph_http_response *ph_problem_of_code(int code) {
    switch (code) {
    case -ENOENT:
        return ph_problem(404, NULL, "there is no such session, or it is not yours to see");
    case -EAGAIN:
    case -EIO:
    case -ENOSPC:
    case -EACCES:
    case -ENOMEM:
        return with_header(
            ph_problem(503, NULL, "the database does not answer; try again"), "Retry-After", "2");
    default:
        return ph_problem(500, NULL, "the server failed to do this");
    }
}

struct ph_http_response *ph_problem_unauthorized(const char *detail) {
    return with_header(ph_problem(401, NULL, detail), "WWW-Authenticate", "Bearer");
}
