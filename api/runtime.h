/* What the API asks of the running node. Implemented by the wiring over ingest. Called from the API's
 * threads; must not block. */
#ifndef PH_API_RUNTIME_H
#define PH_API_RUNTIME_H

struct ph_api_runtime;
struct ph_api_runtime_impl {
    /* The session was ended by a person or the control plane: its publisher goes, its last segment is
     * finished. No-op for a session that is not carried here. */
    void (*end_session)(struct ph_api_runtime *runtime, const char *session, const char *reason);
    /* The recording's objects are gone from the store: it is not served out of memory either. NULL: nothing
     * is kept in memory here. */
    void (*forget_recording)(struct ph_api_runtime *runtime, const char *recording);
};
struct ph_api_runtime {
    const struct ph_api_runtime_impl *impl;
};

#endif
