/* A thread that does something again and again: a while after the last time ended, never twice at once.
 *
 * Lifetime: start → stop. What `tick` owns is the thread's between them. */
#ifndef PH_BASE_TICKER_H
#define PH_BASE_TICKER_H

#include <stdint.h>

#include "core/base/error.h"

struct ph_ticker;

struct ph_ticker_options {
    const char *name; /* the thread's: 15 characters at most */
    int64_t first_us; /* until the first time */
    int64_t period_us;
    void (*tick)(void *opaque);
    void *opaque;
};

/* 0, -ENOMEM or -errno of the thread: then `ticker` is NULL. */
int ph_ticker_start(struct ph_ticker **ticker, const struct ph_ticker_options *options) PH_NODISCARD;
/* Waits until a tick that is under way has ended, frees, and sets the pointer to NULL; NULL is fine. */
void ph_ticker_stop(struct ph_ticker **ticker);

#endif
