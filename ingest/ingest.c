#include "ingest/ingest.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "ingest/srt_listener.h"

struct ph_ingest {
    struct ph_relays *relays;
    struct ph_srt_listener *srt;
};

int ph_ingest_create(
    struct ph_ingest **out, const struct ph_ingest_options *options, struct ph_error *error) {
    *out = NULL;
    struct ph_ingest *ingest = calloc(1, sizeof(*ingest));
    if (!ingest)
        return -ENOMEM;
    int code = ph_relays_create(&ingest->relays, &options->relays, error);
    if (!code)
        code = ph_srt_listener_create(
            &ingest->srt, ingest->relays, options->srt_listen, options->srt_latency_ms, error);
    if (code) {
        ph_ingest_destroy(ingest);
        return code;
    }
    *out = ingest;
    return 0;
}

int ph_ingest_start(struct ph_ingest *ingest, struct ph_error *error) {
    int code = ph_relays_start(ingest->relays);
    if (code)
        return ph_error_set(error, code, "ingest's thread cannot be started");
    return ph_srt_listener_start(ingest->srt, error);
}

void ph_ingest_end_session(struct ph_ingest *ingest, const char *session, const char *reason) {
    int code = ph_relays_end(ingest->relays, session, reason);
    if (code)
        ph_log_error("a session cannot be ended", ph_str("session", session), ph_code(code));
}

int ph_ingest_drain(struct ph_ingest *ingest, int64_t deadline_us) {
    ph_relays_end_all(ingest->relays, "shutdown");
    return ph_relays_wait_empty(ingest->relays, deadline_us);
}

void ph_ingest_destroy(struct ph_ingest *ingest) {
    if (!ingest)
        return;
    ph_srt_listener_destroy(ingest->srt);
    ph_relays_destroy(ingest->relays);
    free(ingest);
}

size_t ph_ingest_sessions(struct ph_ingest *ingest, struct ph_ingest_session *sessions, size_t most) {
    return ph_relays_snapshot(ingest->relays, sessions, most);
}

struct ph_relays *ph_ingest_relays(struct ph_ingest *ingest) {
    return ingest->relays;
}
