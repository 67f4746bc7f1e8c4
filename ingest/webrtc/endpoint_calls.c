/* What other threads ask of the endpoint, run by its thread. */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ingest/webrtc/endpoint_internal.h"

/* Our end as the latest credentials have it. */
static void describe(const struct ph_webrtc_connection *connection, struct ph_webrtc_local *local) {
    const struct ph_webrtc_endpoint *endpoint = connection->endpoint;
    const struct ph_ice_agent *ice = &connection->ice;
    *local = (struct ph_webrtc_local){.credentials = *ice->next.ufrag ? ice->next : ice->present,
        .candidate_count = endpoint->candidate_count};
    memcpy(local->id, connection->id, sizeof(local->id));
    memcpy(local->fingerprint, ph_dtls_identity_fingerprint(endpoint->identity), sizeof(local->fingerprint));
    memcpy(local->candidates, endpoint->candidates, sizeof(local->candidates));
}

struct open_call {
    const struct ph_webrtc_publisher *publisher;
    char *worker_sdp; /* NULL once taken over */
    struct ph_webrtc_local *local;
};

static int run_open(struct ph_webrtc_endpoint *endpoint, void *argument) {
    struct open_call *call = argument;
    struct ph_webrtc_connection *connection;
    int code = ph_webrtc_connection_open(endpoint, call->publisher, call->worker_sdp, &connection);
    call->worker_sdp = NULL;
    if (!code)
        describe(connection, call->local);
    return code;
}

int ph_webrtc_open(struct ph_webrtc_endpoint *endpoint, const struct ph_webrtc_publisher *publisher,
    char *worker_sdp, struct ph_webrtc_local *local) {
    struct open_call call = {publisher, worker_sdp, local};
    int code = ph_webrtc_run(endpoint, run_open, &call);
    if (call.worker_sdp) /* the call was not run */
        free(worker_sdp);
    return code;
}

static int find(struct ph_webrtc_endpoint *endpoint, const char *id, const uint8_t *key_hash,
    struct ph_webrtc_connection **out) {
    struct ph_webrtc_connection *connection = NULL;
    if (strlen(id) == PH_WEBRTC_ID_CHARACTERS)
        HASH_FIND(hh, endpoint->connections, id, PH_WEBRTC_ID_CHARACTERS, connection);
    if (!connection || connection->over)
        return -ENOENT;
    *out = connection;
    return CRYPTO_memcmp(connection->key_hash, key_hash, sizeof(connection->key_hash)) ? -EACCES : 0;
}

/* A list of entity-tags, or "*" (RFC 9110 section 13.1.1). Ours is the ufrag: letters and digits alone. A
 * weak one matches nothing. */
static bool matches(const char *if_match, const struct ph_ice_credentials *latest) {
    char tag[PH_ICE_UFRAG_CHARACTERS + 3] = "\"";
    strcat(strcat(tag, latest->ufrag), "\"");
    if (strcmp(if_match, "*") == 0)
        return true;
    const char *found = strstr(if_match, tag);
    return found && (found == if_match || strchr(", \t", found[-1]));
}

/* The restart under way is asked for once more: a publisher between two networks misses answers. Once a check
 * used the new credentials they are known to it. */
static bool asks_again(const struct ph_webrtc_patch *patch, const struct ph_ice_agent *ice) {
    return *ice->next.ufrag && patch->if_match && strcmp(patch->if_match, "*") == 0;
}

static int answer_restart(struct ph_webrtc_connection *connection, struct ph_webrtc_patch *patch) {
    describe(connection, &patch->local);
    patch->negotiation = connection->negotiation;
    return PH_WEBRTC_RESTARTED;
}

static int run_patch(struct ph_webrtc_endpoint *endpoint, void *argument) {
    struct ph_webrtc_patch *patch = argument;
    struct ph_webrtc_connection *connection;
    int code = find(endpoint, patch->id, patch->key_hash, &connection);
    if (code)
        return code;
    struct ph_ice_agent *ice = &connection->ice;
    const struct ph_ice_credentials *latest = *ice->next.ufrag ? &ice->next : &ice->present;
    if (patch->if_match && !matches(patch->if_match, latest))
        return -ESTALE;
    const struct ph_sdpfrag *fragment = patch->fragment;
    /* A lite agent checks nothing, so it has no use for the publisher's candidates, and asks for no If-Match
     * with them: who forgets it would be sent away for nothing. */
    if (!*fragment->ufrag)
        return PH_WEBRTC_TRICKLED;
    if (strcmp(fragment->ufrag, connection->negotiation.ufrag) == 0)
        return asks_again(patch, ice) ? answer_restart(connection, patch) : PH_WEBRTC_TRICKLED;
    if (!patch->if_match)
        return -EINVAL;
    memcpy(connection->negotiation.ufrag, fragment->ufrag, sizeof(fragment->ufrag));
    memcpy(connection->negotiation.pwd, fragment->pwd, sizeof(fragment->pwd));
    ph_ice_agent_restart(ice);
    ph_webrtc_list_ufrag(connection, 1, ice->next.ufrag);
    return answer_restart(connection, patch);
}

int ph_webrtc_patch(struct ph_webrtc_endpoint *endpoint, struct ph_webrtc_patch *patch) {
    return ph_webrtc_run(endpoint, run_patch, patch);
}

struct close_call {
    const char *id;
    const uint8_t *key_hash;
};

static int run_close(struct ph_webrtc_endpoint *endpoint, void *argument) {
    const struct close_call *call = argument;
    struct ph_webrtc_connection *connection;
    int code = find(endpoint, call->id, call->key_hash, &connection);
    if (!code)
        ph_webrtc_connection_end(connection, "the publisher ended it");
    return code;
}

int ph_webrtc_close(struct ph_webrtc_endpoint *endpoint, const char *id, const uint8_t *key_hash) {
    struct close_call call = {id, key_hash};
    return ph_webrtc_run(endpoint, run_close, &call);
}
