#include "core/base/thread.h"

#include <signal.h>
#include <string.h>

int ph_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *opaque) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(thread, NULL, run, opaque);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code)
        return -code;
    char short_name[16] = {0};
    strncpy(short_name, name, sizeof(short_name) - 1);
    pthread_setname_np(*thread, short_name);
    return 0;
}
