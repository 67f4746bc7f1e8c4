#include "api/answer.h"

#include <stdlib.h>

struct ph_http_response *ph_answer_json(unsigned status, json_t *body) {
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct ph_http_response *response =
        text ? ph_http_response_from_text(status, "application/json", text) : NULL;
    free(text);
    json_decref(body);
    return response;
}
