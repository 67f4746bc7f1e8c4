/* A bounded queue of pointers between threads. End of stream flows through it: after ph_queue_close() pushes
 * fail with PH_EOF, and pops drain what is left, then return PH_EOF. The queue does not own its items. */
#ifndef PH_BASE_QUEUE_H
#define PH_BASE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct ph_queue;

/* 0, or -ENOMEM. `capacity` is the most items it holds, at least 1. */
int ph_queue_create(struct ph_queue **queue, size_t capacity) PH_NODISCARD;
/* The queue must be empty or its items owned elsewhere, and no thread may be inside a call. NULL is fine. */
void ph_queue_destroy(struct ph_queue *queue);

/* 0; -ETIMEDOUT when it stays full until the deadline (ph_now_us() time; 0 does not wait); PH_EOF when
 * closed. On failure the item stays the caller's. */
int ph_queue_push(struct ph_queue *queue, void *item, int64_t deadline_us) PH_NODISCARD;
/* 0 and the oldest item; -ETIMEDOUT when it stays empty; PH_EOF when closed and drained. */
int ph_queue_pop(struct ph_queue *queue, void **item, int64_t deadline_us) PH_NODISCARD;
void ph_queue_close(struct ph_queue *queue);
size_t ph_queue_length(struct ph_queue *queue);

#endif
