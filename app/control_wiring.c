#include "app/control_wiring.h"

#include <stddef.h>
#include <stdio.h>

static struct ph_session_feed *feed_of(struct ph_ingest_control *control) {
    return ((struct ph_control_wiring *)((char *)control - offsetof(struct ph_control_wiring, control)))
        ->feed;
}

static enum ph_admission_result admit(
    struct ph_ingest_control *control, const char *stream_key, struct ph_admission *admission) {
    struct ph_session_admission found = {0};
    switch (ph_session_feed_admit(feed_of(control), stream_key, &found)) {
    case 0:
        break;
    case -ENOENT:
        return PH_ADMIT_UNAUTHORIZED;
    case -ESHUTDOWN:
        return PH_ADMIT_ENDED;
    default:
        return PH_ADMIT_UNAVAILABLE;
    }
    *admission = (struct ph_admission){0};
    snprintf(admission->session, sizeof(admission->session), "%s", found.session);
    snprintf(admission->passphrase, sizeof(admission->passphrase), "%s", found.passphrase);
    snprintf(admission->ladder, sizeof(admission->ladder), "%s", found.ladder);
    admission->is_private = found.visibility == PH_VISIBILITY_PRIVATE;
    admission->is_recorded = found.record;
    return PH_ADMIT_OK;
}

static void connected(struct ph_ingest_control *control, const char *session, uint64_t connection,
    const char *protocol, const char *peer) {
    (void)peer; /* ingest's own log has it; the control plane keeps no addresses */
    ph_session_feed_connected(feed_of(control), session, connection, protocol);
}

static void disconnected(struct ph_ingest_control *control, const char *session, uint64_t connection) {
    ph_session_feed_disconnected(feed_of(control), session, connection);
}

static void live(struct ph_ingest_control *control, const char *session) {
    ph_session_feed_live(feed_of(control), session);
}

static void stats(
    struct ph_ingest_control *control, const char *session, const struct ph_link_stats *figures) {
    ph_session_feed_stats(feed_of(control), session, figures);
}

static void ended(struct ph_ingest_control *control, const char *session, const char *reason) {
    ph_session_feed_ended(feed_of(control), session, reason);
}

static void failed(
    struct ph_ingest_control *control, const char *session, const struct ph_link_reason *reason) {
    ph_session_feed_failed(feed_of(control), session, reason->text);
}

static void worker_died(struct ph_ingest_control *control, const char *session, const char *worker) {
    ph_session_feed_worker_died(feed_of(control), session, worker);
}

static struct ph_control_wiring *wiring_of(struct ph_api_runtime *runtime) {
    return (struct ph_control_wiring *)((char *)runtime - offsetof(struct ph_control_wiring, runtime));
}

static void end_session(struct ph_api_runtime *runtime, const char *session, const char *reason) {
    struct ph_ingest *ingest = atomic_load(&wiring_of(runtime)->ingest);
    if (ingest)
        ph_ingest_end_session(ingest, session, reason);
}

static void forget_recording(struct ph_api_runtime *runtime, const char *recording) {
    struct ph_origin *origin = atomic_load(&wiring_of(runtime)->origin);
    if (origin)
        ph_origin_forget_recording(origin, recording);
}

void ph_control_wiring_init(struct ph_control_wiring *wiring) {
    static const struct ph_ingest_control_impl control = {
        admit, connected, disconnected, live, stats, ended, failed, worker_died};
    static const struct ph_api_runtime_impl runtime = {end_session, forget_recording};
    *wiring = (struct ph_control_wiring){.control.impl = &control, .runtime.impl = &runtime};
    atomic_init(&wiring->ingest, NULL);
    atomic_init(&wiring->origin, NULL);
}

void ph_control_wiring_set_feed(struct ph_control_wiring *wiring, struct ph_session_feed *feed) {
    wiring->feed = feed;
}

void ph_control_wiring_set_origin(struct ph_control_wiring *wiring, struct ph_origin *origin) {
    atomic_store(&wiring->origin, origin);
}

void ph_control_wiring_set_ingest(struct ph_control_wiring *wiring, struct ph_ingest *ingest) {
    atomic_store(&wiring->ingest, ingest);
}
