/* One answer for many callers, for a while. */
#ifndef PH_API_SHARED_ANSWER_H
#define PH_API_SHARED_ANSWER_H

#include <pthread.h>
#include <stdint.h>

#include "core/http/response.h"

struct ph_shared_answer {
    pthread_mutex_t lock;
    struct ph_http_response *response; /* under lock; owned */
    int64_t until_us;                  /* under lock */
};

void ph_shared_answer_init(struct ph_shared_answer *answer);
void ph_shared_answer_finish(struct ph_shared_answer *answer);
/* A reference of the caller's own, or NULL when there is none that still holds. */
struct ph_http_response *ph_shared_answer_get(struct ph_shared_answer *answer, int64_t now_us);
/* Keeps a reference of a good answer; others (NULL, a failure) are not kept. */
void ph_shared_answer_keep(
    struct ph_shared_answer *answer, struct ph_http_response *response, int64_t until_us);

#endif
