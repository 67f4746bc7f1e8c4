#include "core/base/thread.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

/* A thread inherits its creator's name. Naming it afterwards would open a file in /proc, which a sandbox
 * forbids. */
static int create_named(pthread_t *thread, const char *name, void *(*run)(void *), void *opaque) {
    char own_name[16] = {0}, short_name[16] = {0};
    strncpy(short_name, name, sizeof(short_name) - 1);
    prctl(PR_GET_NAME, own_name);
    prctl(PR_SET_NAME, short_name);
    int code = pthread_create(thread, NULL, run, opaque);
    prctl(PR_SET_NAME, own_name);
    return -code;
}

int ph_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *opaque) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = create_named(thread, name, run, opaque);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}
