/* A control plane that knows a few keys and remembers what ingest told it. Thread-safe. */
#ifndef PH_TEST_CONTROL_DOUBLE_H
#define PH_TEST_CONTROL_DOUBLE_H

#include <pthread.h>
#include <stdbool.h>

#include "ingest/control.h"

struct control_double {
    struct ph_ingest_control base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int connected, disconnected, live, stats, ended, failed, worker_deaths; /* calls */
    char ended_reason[64];                                                  /* the first */
    char failed_code[64];
    char last_session[64];
};

void control_double_init(struct control_double *control);
void control_double_finish(struct control_double *control);
/* Waits until a counter (a member of `control`) reaches a number; false after ten seconds. */
bool control_double_wait(struct control_double *control, const int *counter, int number);
int control_double_read(struct control_double *control, const int *counter);

#endif
