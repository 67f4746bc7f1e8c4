/* Named threads. */
#ifndef PH_BASE_THREAD_H
#define PH_BASE_THREAD_H

#include <pthread.h>

#include "core/base/error.h"

/* Starts `run(opaque)` in a thread whose name (15 characters at most) shows in ps and gdb. All signals are
 * blocked in it: the main thread alone takes signals. 0 or -errno; join with pthread_join. */
int ph_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *opaque) PH_NODISCARD;

#endif
