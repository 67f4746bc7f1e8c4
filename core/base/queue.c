#include "core/base/queue.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/clock.h"

struct ph_queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty; /* with `lock` */
    pthread_cond_t not_full;  /* with `lock` */
    size_t capacity;
    size_t first;  /* guarded by lock */
    size_t length; /* guarded by lock */
    bool closed;   /* guarded by lock */
    void *items[]; /* guarded by lock */
};

int ph_queue_create(struct ph_queue **out, size_t capacity) {
    *out = NULL;
    struct ph_queue *queue = calloc(1, sizeof(*queue) + capacity * sizeof(queue->items[0]));
    if (!queue)
        return -ENOMEM;
    queue->capacity = capacity;
    pthread_mutex_init(&queue->lock, NULL);
    ph_cond_init(&queue->not_empty);
    ph_cond_init(&queue->not_full);
    *out = queue;
    return 0;
}

void ph_queue_destroy(struct ph_queue *queue) {
    if (!queue)
        return;
    pthread_cond_destroy(&queue->not_empty);
    pthread_cond_destroy(&queue->not_full);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

int ph_queue_push(struct ph_queue *queue, void *item, int64_t deadline_us) {
    int code = 0;
    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->length == queue->capacity && code == 0)
        code = ph_cond_wait_until(&queue->not_full, &queue->lock, deadline_us);
    if (queue->closed) {
        code = PH_EOF;
    } else if (queue->length < queue->capacity) {
        queue->items[(queue->first + queue->length++) % queue->capacity] = item;
        pthread_cond_signal(&queue->not_empty);
        code = 0;
    }
    pthread_mutex_unlock(&queue->lock);
    return code;
}

int ph_queue_pop(struct ph_queue *queue, void **item, int64_t deadline_us) {
    int code = 0;
    *item = NULL;
    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->length == 0 && code == 0)
        code = ph_cond_wait_until(&queue->not_empty, &queue->lock, deadline_us);
    if (queue->length > 0) {
        *item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->length--;
        pthread_cond_signal(&queue->not_full);
        code = 0;
    } else if (queue->closed) {
        code = PH_EOF;
    }
    pthread_mutex_unlock(&queue->lock);
    return code;
}

void ph_queue_close(struct ph_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->not_empty);
    pthread_cond_broadcast(&queue->not_full);
    pthread_mutex_unlock(&queue->lock);
}

size_t ph_queue_length(struct ph_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    size_t length = queue->length;
    pthread_mutex_unlock(&queue->lock);
    return length;
}
