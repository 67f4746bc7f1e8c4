#include "api/shared_answer.h"

#include <stdbool.h>

void ph_shared_answer_init(struct ph_shared_answer *answer) {
    *answer = (struct ph_shared_answer){0};
    pthread_mutex_init(&answer->lock, NULL);
}

void ph_shared_answer_finish(struct ph_shared_answer *answer) {
    ph_http_response_unref(&answer->response);
    pthread_mutex_destroy(&answer->lock);
}

struct ph_http_response *ph_shared_answer_get(struct ph_shared_answer *answer, int64_t now_us) {
    pthread_mutex_lock(&answer->lock);
    bool holds = answer->response && now_us < answer->until_us;
    struct ph_http_response *response = holds ? ph_http_response_ref(answer->response) : NULL;
    pthread_mutex_unlock(&answer->lock);
    return response;
}

void ph_shared_answer_keep(
    struct ph_shared_answer *answer, struct ph_http_response *response, int64_t until_us) {
    if (!response || ph_http_response_status(response) != 200)
        return;
    pthread_mutex_lock(&answer->lock);
    struct ph_http_response *before = answer->response;
    answer->response = ph_http_response_ref(response);
    answer->until_us = until_us;
    pthread_mutex_unlock(&answer->lock);
    ph_http_response_unref(&before);
}
