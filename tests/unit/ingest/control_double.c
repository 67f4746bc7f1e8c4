#include "tests/unit/ingest/control_double.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"

/* Keys: "key-<session>" is session <session>; "locked-<session>" the same with the passphrase "correct
 * horse"; "ended" is over, "down" finds the store down, everything else is unknown. */
static enum ph_admission_result admit(
    struct ph_ingest_control *base, const char *stream_key, struct ph_admission *admission) {
    (void)base;
    if (strcmp(stream_key, "ended") == 0)
        return PH_ADMIT_ENDED;
    if (strcmp(stream_key, "down") == 0)
        return PH_ADMIT_UNAVAILABLE;
    bool locked = strncmp(stream_key, "locked-", 7) == 0;
    if (!locked && strncmp(stream_key, "key-", 4) != 0)
        return PH_ADMIT_UNAUTHORIZED;
    snprintf(admission->session, sizeof(admission->session), "%.20s", strchr(stream_key, '-') + 1);
    if (locked)
        strcpy(admission->passphrase, "correct-horse");
    return PH_ADMIT_OK;
}

static void count(struct ph_ingest_control *base, size_t offset, const char *session) {
    struct control_double *control = (struct control_double *)base;
    pthread_mutex_lock(&control->lock);
    ++*(int *)((char *)control + offset);
    snprintf(control->last_session, sizeof(control->last_session), "%s", session);
    pthread_cond_broadcast(&control->changed);
    pthread_mutex_unlock(&control->lock);
}

static void connected(struct ph_ingest_control *base, const char *session, uint64_t connection,
    const char *protocol, const char *peer) {
    (void)connection;
    (void)protocol;
    (void)peer;
    count(base, offsetof(struct control_double, connected), session);
}

static void disconnected(struct ph_ingest_control *base, const char *session, uint64_t connection) {
    (void)connection;
    count(base, offsetof(struct control_double, disconnected), session);
}

static void live(struct ph_ingest_control *base, const char *session) {
    count(base, offsetof(struct control_double, live), session);
}

static void stats(struct ph_ingest_control *base, const char *session, const struct ph_link_stats *figures) {
    (void)figures;
    count(base, offsetof(struct control_double, stats), session);
}

static void ended(struct ph_ingest_control *base, const char *session, const char *reason) {
    struct control_double *control = (struct control_double *)base;
    pthread_mutex_lock(&control->lock);
    if (!control->ended_reason[0])
        snprintf(control->ended_reason, sizeof(control->ended_reason), "%s", reason);
    pthread_mutex_unlock(&control->lock);
    count(base, offsetof(struct control_double, ended), session);
}

static void worker_died(struct ph_ingest_control *base, const char *session, const char *worker) {
    (void)worker;
    count(base, offsetof(struct control_double, worker_deaths), session);
}

static void failed(struct ph_ingest_control *base, const char *session, const struct ph_link_reason *reason) {
    struct control_double *control = (struct control_double *)base;
    pthread_mutex_lock(&control->lock);
    snprintf(control->failed_code, sizeof(control->failed_code), "%s", reason->code);
    pthread_mutex_unlock(&control->lock);
    count(base, offsetof(struct control_double, failed), session);
}

void control_double_init(struct control_double *control) {
    static const struct ph_ingest_control_impl impl = {
        admit, connected, disconnected, live, stats, ended, failed, worker_died};
    *control = (struct control_double){.base.impl = &impl};
    pthread_mutex_init(&control->lock, NULL);
    ph_cond_init(&control->changed);
}

void control_double_finish(struct control_double *control) {
    pthread_cond_destroy(&control->changed);
    pthread_mutex_destroy(&control->lock);
}

bool control_double_wait(struct control_double *control, const int *counter, int number) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    int code = 0;
    pthread_mutex_lock(&control->lock);
    while (*counter < number && !code)
        code = ph_cond_wait_until(&control->changed, &control->lock, deadline_us);
    bool reached = *counter >= number;
    pthread_mutex_unlock(&control->lock);
    return reached;
}

int control_double_read(struct control_double *control, const int *counter) {
    pthread_mutex_lock(&control->lock);
    int value = *counter;
    pthread_mutex_unlock(&control->lock);
    return value;
}
