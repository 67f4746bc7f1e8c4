#include "ingest/webrtc/srtp.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <srtp2/srtp.h>

enum { replay_window = 1024, least_rtp_bytes = 12, least_rtcp_bytes = 8 };

struct ph_srtp {
    srtp_t incoming, outgoing;
    uint32_t streams[PH_SRTP_MOST_STREAMS]; /* SSRCs that proved themselves */
    size_t stream_count;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static bool library_works;

static void start_library(void) {
    library_works = srtp_init() == srtp_err_status_ok; /* for the life of the process */
}

/* libsrtp wants keys it may write to. */
static int make(srtp_t *session, bool incoming, struct ph_srtp_keys *keys) {
    srtp_policy_t policy = {.ssrc.type = incoming ? ssrc_any_inbound : ssrc_any_outbound,
        .key = incoming ? keys->theirs : keys->ours,
        .window_size = replay_window};
    srtp_profile_t profile = (srtp_profile_t)keys->profile;
    if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile) ||
        srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile))
        return -EIO;
    srtp_err_status_t status = srtp_create(session, &policy);
    return status == srtp_err_status_ok ? 0 : status == srtp_err_status_alloc_fail ? -ENOMEM : -EIO;
}

int ph_srtp_create(struct ph_srtp **out, const struct ph_srtp_keys *keys) {
    *out = NULL;
    pthread_once(&library_once, start_library);
    struct ph_srtp *srtp = library_works ? calloc(1, sizeof(*srtp)) : NULL;
    if (!srtp)
        return library_works ? -ENOMEM : -EIO;
    struct ph_srtp_keys copy = *keys;
    int code = make(&srtp->incoming, true, &copy);
    if (!code)
        code = make(&srtp->outgoing, false, &copy);
    explicit_bzero(&copy, sizeof(copy));
    if (code) {
        ph_srtp_destroy(srtp);
        return code;
    }
    *out = srtp;
    return 0;
}

void ph_srtp_destroy(struct ph_srtp *srtp) {
    if (!srtp)
        return;
    if (srtp->incoming)
        srtp_dealloc(srtp->incoming);
    if (srtp->outgoing)
        srtp_dealloc(srtp->outgoing);
    free(srtp);
}

static bool knows(const struct ph_srtp *srtp, uint32_t ssrc) {
    for (size_t i = 0; i < srtp->stream_count; i++) {
        if (srtp->streams[i] == ssrc)
            return true;
    }
    return false;
}

static uint32_t ssrc_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int code_of(srtp_err_status_t status) {
    switch (status) {
    case srtp_err_status_ok:
        return 0;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
        return -EALREADY;
    default:
        return -EBADMSG;
    }
}

/* libsrtp keeps state for each SSRC, and looks it up in a row: their number is bounded here. */
static int open_packet(struct ph_srtp *srtp, uint8_t *packet, size_t *size, uint32_t ssrc,
    srtp_err_status_t (*unprotect)(srtp_t, void *, int *)) {
    bool is_known = knows(srtp, ssrc);
    if (!is_known && srtp->stream_count == PH_SRTP_MOST_STREAMS)
        return -EDQUOT;
    int length = (int)*size;
    int code = code_of(unprotect(srtp->incoming, packet, &length));
    if (code)
        return code;
    if (!is_known)
        srtp->streams[srtp->stream_count++] = ssrc;
    *size = (size_t)length;
    return 0;
}

int ph_srtp_open(struct ph_srtp *srtp, uint8_t *packet, size_t *size) {
    if (*size < least_rtp_bytes)
        return -EBADMSG;
    return open_packet(srtp, packet, size, ssrc_at(packet + 8), srtp_unprotect);
}

int ph_srtp_open_rtcp(struct ph_srtp *srtp, uint8_t *packet, size_t *size) {
    if (*size < least_rtcp_bytes)
        return -EBADMSG;
    return open_packet(srtp, packet, size, ssrc_at(packet + 4), srtp_unprotect_rtcp);
}

int ph_srtp_seal_rtcp(struct ph_srtp *srtp, uint8_t *packet, size_t *size) {
    if (*size < least_rtcp_bytes)
        return -EIO;
    int length = (int)*size;
    if (srtp_protect_rtcp(srtp->outgoing, packet, &length) != srtp_err_status_ok)
        return -EIO;
    *size = (size_t)length;
    return 0;
}
