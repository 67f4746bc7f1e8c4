#include "ingest/webrtc/srtp.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <srtp2/srtp.h>

enum {
    replay_window = 1024,
    least_rtp_bytes = 12,
    least_rtcp_bytes = 8,
    most_retried_bytes = 2048,
    numbers = 1 << 16, /* of packets, in a round */
};

/* An SSRC that proved itself. */
struct stream {
    uint32_t ssrc;
    bool has_media;   /* RTP, not only RTCP */
    uint16_t highest; /* number of that */
    unsigned failed;  /* packets, since one opened */
};

struct ph_srtp {
    srtp_t incoming, outgoing;
    struct ph_srtp_keys keys;
    struct stream streams[PH_SRTP_MOST_STREAMS];
    size_t stream_count;
    unsigned retries;                   /* that are left */
    uint8_t sealed[most_retried_bytes]; /* a packet that may be tried again; opening spoils it */
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static bool library_works;

static void start_library(void) {
    library_works = srtp_init() == srtp_err_status_ok; /* for the life of the process */
}

/* libsrtp wants keys it may write to: the policy borrows them. */
static int describe(srtp_policy_t *policy, bool incoming, struct ph_srtp_keys *keys) {
    *policy = (srtp_policy_t){.ssrc.type = incoming ? ssrc_any_inbound : ssrc_any_outbound,
        .key = incoming ? keys->theirs : keys->ours,
        .window_size = replay_window};
    srtp_profile_t profile = (srtp_profile_t)keys->profile;
    bool fits = !srtp_crypto_policy_set_from_profile_for_rtp(&policy->rtp, profile) &&
                !srtp_crypto_policy_set_from_profile_for_rtcp(&policy->rtcp, profile);
    return fits ? 0 : -EIO;
}

static int make(srtp_t *session, bool incoming, struct ph_srtp_keys *keys) {
    srtp_policy_t policy;
    int code = describe(&policy, incoming, keys);
    if (code)
        return code;
    srtp_err_status_t status = srtp_create(session, &policy);
    return status == srtp_err_status_ok ? 0 : status == srtp_err_status_alloc_fail ? -ENOMEM : -EIO;
}

int ph_srtp_create(struct ph_srtp **out, const struct ph_srtp_keys *keys) {
    *out = NULL;
    pthread_once(&library_once, start_library);
    struct ph_srtp *srtp = library_works ? calloc(1, sizeof(*srtp)) : NULL;
    if (!srtp)
        return library_works ? -ENOMEM : -EIO;
    srtp->keys = *keys;
    srtp->retries = PH_SRTP_MOST_RETRIES;
    int code = make(&srtp->incoming, true, &srtp->keys);
    if (!code)
        code = make(&srtp->outgoing, false, &srtp->keys);
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
    explicit_bzero(&srtp->keys, sizeof(srtp->keys));
    free(srtp);
}

static struct stream *find(struct ph_srtp *srtp, uint32_t ssrc) {
    for (size_t i = 0; i < srtp->stream_count; i++) {
        if (srtp->streams[i].ssrc == ssrc)
            return &srtp->streams[i];
    }
    return NULL;
}

static uint32_t ssrc_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint16_t number_at(const uint8_t *packet) {
    return (uint16_t)(packet[2] << 8 | packet[3]);
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

/* What libsrtp has no stream of is tried apart, so that a forgery leaves none behind. */
static bool opens_apart(
    const struct ph_srtp *srtp, const srtp_policy_t *policy, uint32_t round, uint8_t *packet, size_t size) {
    srtp_t apart = NULL;
    int length = (int)size;
    bool opens = srtp_create(&apart, policy) == srtp_err_status_ok &&
                 srtp_set_stream_roc(apart, policy->ssrc.value, round) == srtp_err_status_ok &&
                 srtp_unprotect(apart, packet, &length) == srtp_err_status_ok;
    if (apart)
        srtp_dealloc(apart);
    memcpy(packet, srtp->sealed, size);
    return opens;
}

static bool add_stream(struct ph_srtp *srtp, uint32_t ssrc, uint32_t round, uint8_t *packet, size_t size) {
    srtp_policy_t policy;
    if (describe(&policy, true, &srtp->keys))
        return false;
    policy.ssrc = (srtp_ssrc_t){.type = ssrc_specific, .value = ssrc};
    return opens_apart(srtp, &policy, round, packet, size) &&
           srtp_add_stream(srtp->incoming, &policy) == srtp_err_status_ok;
}

/* The round behind that which libsrtp takes the packet for. */
static uint32_t next_round(const struct ph_srtp *srtp, const struct stream *stream, uint16_t number) {
    uint32_t round;
    if (!stream || !stream->has_media ||
        srtp_get_stream_roc(srtp->incoming, stream->ssrc, &round) != srtp_err_status_ok)
        return 1;
    int64_t highest = (int64_t)round * numbers + stream->highest;
    return (uint32_t)((highest + (int16_t)(uint16_t)(number - stream->highest) + numbers) / numbers);
}

static bool may_retry(const struct ph_srtp *srtp, const struct stream *stream, uint16_t number, size_t size) {
    if (!srtp->retries || size > sizeof(srtp->sealed))
        return false;
    return stream && stream->has_media ? stream->failed >= PH_SRTP_LOST_AFTER : number < numbers / 2;
}

/* A packet that did not open, once more, as one of the next round. What libsrtp is told of rounds holds until
 * it is told otherwise. */
static bool opens_anew(
    struct ph_srtp *srtp, const struct stream *stream, uint8_t *packet, size_t size, int *length) {
    uint32_t ssrc = ssrc_at(packet + 8);
    uint32_t round = next_round(srtp, stream, number_at(packet));
    srtp->retries--;
    memcpy(packet, srtp->sealed, size);
    *length = (int)size;
    if (!stream && !add_stream(srtp, ssrc, round, packet, size))
        return false;
    bool opens = srtp_set_stream_roc(srtp->incoming, ssrc, round) == srtp_err_status_ok &&
                 srtp_unprotect(srtp->incoming, packet, length) == srtp_err_status_ok;
    (void)srtp_set_stream_roc(srtp->incoming, ssrc, 0);
    return opens;
}

/* libsrtp keeps state for each SSRC, and looks it up in a row: their number is bounded here. */
static bool is_one_too_many(const struct ph_srtp *srtp, const struct stream *stream) {
    return !stream && srtp->stream_count == PH_SRTP_MOST_STREAMS;
}

static struct stream *note_opened(struct ph_srtp *srtp, struct stream *stream, uint32_t ssrc) {
    if (srtp->retries < PH_SRTP_MOST_RETRIES)
        srtp->retries++;
    if (stream)
        return stream;
    stream = &srtp->streams[srtp->stream_count++];
    *stream = (struct stream){.ssrc = ssrc};
    return stream;
}

static void note_media(struct stream *stream, uint16_t number, bool is_anew) {
    if (is_anew || !stream->has_media || (int16_t)(uint16_t)(number - stream->highest) > 0)
        stream->highest = number;
    stream->has_media = true;
    stream->failed = 0;
}

int ph_srtp_open(struct ph_srtp *srtp, uint8_t *packet, size_t *size) {
    if (*size < least_rtp_bytes)
        return -EBADMSG;
    uint32_t ssrc = ssrc_at(packet + 8);
    uint16_t number = number_at(packet);
    struct stream *stream = find(srtp, ssrc);
    if (is_one_too_many(srtp, stream))
        return -EDQUOT;
    bool retries = may_retry(srtp, stream, number, *size);
    if (retries)
        memcpy(srtp->sealed, packet, *size);
    int length = (int)*size;
    int code = code_of(srtp_unprotect(srtp->incoming, packet, &length));
    bool is_anew = code && retries && opens_anew(srtp, stream, packet, *size, &length);
    if (code && !is_anew) {
        if (stream)
            stream->failed++;
        return code;
    }
    note_media(note_opened(srtp, stream, ssrc), number, is_anew);
    *size = (size_t)length;
    return 0;
}

int ph_srtp_open_rtcp(struct ph_srtp *srtp, uint8_t *packet, size_t *size) {
    if (*size < least_rtcp_bytes)
        return -EBADMSG;
    uint32_t ssrc = ssrc_at(packet + 4);
    struct stream *stream = find(srtp, ssrc);
    if (is_one_too_many(srtp, stream))
        return -EDQUOT;
    int length = (int)*size;
    int code = code_of(srtp_unprotect_rtcp(srtp->incoming, packet, &length));
    if (code)
        return code;
    (void)note_opened(srtp, stream, ssrc);
    *size = (size_t)length;
    return 0;
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
