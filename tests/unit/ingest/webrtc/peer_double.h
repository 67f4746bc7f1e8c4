/* A publisher's end of WebRTC in a test's thread: checks, handshake by OpenSSL, packets by libsrtp, over real
 * sockets. It can be wrong in any way a test wants. Asserts inside. */
#ifndef PH_TEST_PEER_DOUBLE_H
#define PH_TEST_PEER_DOUBLE_H

#include <srtp2/srtp.h>

#include "ingest/webrtc/dtls.h"
#include "ingest/webrtc/endpoint.h"
#include "ingest/webrtc/tcp_framing.h"
#include "tests/unit/ingest/webrtc/stun_writer.h"

enum { PEER_VIDEO_TYPE = 96, PEER_MOST_BYTES = 2048 };

struct peer_double {
    int fd;    /* -1: not connected */
    bool ipv6; /* connects to ::1 instead of 127.0.0.1 */
    bool tcp;
    bool announces; /* its offer names its SSRC */
    struct ph_tcp_framing framing;
    uint8_t stream[4096]; /* TCP: what was read and is not yet framed */
    struct ph_slice unframed;
    struct ph_webrtc_local local; /* the endpoint's answer */
    struct ph_dtls_identity *identity;
    struct ph_dtls *dtls;
    srtp_t sender, receiver;
    uint8_t transaction;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
};

void peer_double_init(struct peer_double *peer);
void peer_double_finish(struct peer_double *peer);

/* What the endpoint is told of this peer: session `session`, one H.264 stream, this certificate. */
void peer_double_describe(
    struct peer_double *peer, const char *session, struct ph_webrtc_publisher *publisher);
/* Opens a socket to the loopback address; a second call moves to another port. */
void peer_double_connect(struct peer_double *peer, uint16_t port, bool tcp);

void peer_double_send(struct peer_double *peer, struct ph_slice bytes);
/* The next packet within the time; 0: none. */
size_t peer_double_receive(struct peer_double *peer, uint8_t bytes[PEER_MOST_BYTES], int within_ms);

/* Sends a nominating check, again each second until it is answered: whether with success, for 30 s at most.
 */
bool peer_double_check(struct peer_double *peer);
/* Sends one, with these changes (NULL: none): whether no success came within a second. */
bool peer_double_is_refused(struct peer_double *peer, const struct stun_check *changes);
/* Drives DTLS until it is connected: true; or fails, or 30 s are over: false. */
bool peer_double_handshake(struct peer_double *peer);
/* Check and handshake. */
bool peer_double_join(struct peer_double *peer);

/* The next packet of the stream, protected. */
size_t peer_double_packet(struct peer_double *peer, uint8_t packet[PEER_MOST_BYTES]);
void peer_double_publish(struct peer_double *peer, int packets);
/* A sender report of the stream. */
void peer_double_report(struct peer_double *peer);
/* BYE for the stream, which may go on after it. */
void peer_double_say_bye(struct peer_double *peer);
/* Whether the endpoint sends a feedback message of this payload type, sealed, within half a minute. */
bool peer_double_hears_feedback(struct peer_double *peer, unsigned type);
/* The same of a NACK, for packets that are lost on the way until there is one: an endpoint that looks late
 * has no time left to ask. */
bool peer_double_is_asked_for_what_it_loses(struct peer_double *peer);

#endif
