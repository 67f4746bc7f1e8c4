/* A publisher, a network and an RTP session, on a clock that a test moves: the same seed makes the same run.
 *
 * The publisher sends `fps` frames a second of `packets_per_frame` packets, repeats what it is asked for by
 * RTX (or the same packet, when RTX is not negotiated), begins a keyframe when it gets a PLI, and answers
 * reference times. */
#ifndef PH_TEST_RTP_NETWORK_H
#define PH_TEST_RTP_NETWORK_H

#include "ingest/webrtc/rtp_session.h"

struct ph_network_options {
    const char *offer; /* of the corpus */
    double loss;       /* of each packet, both ways */
    int64_t delay_us;  /* one way */
    int64_t jitter_us; /* added to it, anew for each packet: so they overtake each other */
    double duplication;
    bool without_rtx; /* lost packets are sent again as they were */
    int fps, packets_per_frame;
    uint16_t first_sequence;
    uint32_t first_timestamp;
    uint64_t seed;
};

struct ph_network;

struct ph_network *ph_network_create(const struct ph_network_options *options);
void ph_network_destroy(struct ph_network *network);
/* Goes on for this long. */
void ph_network_run(struct ph_network *network, int64_t duration_us);
/* Nothing arrives while it is down. */
void ph_network_cut(struct ph_network *network, bool down);
void ph_network_set_loss(struct ph_network *network, double loss);
/* The publisher begins a new source, with other numbers. */
void ph_network_change_ssrc(struct ph_network *network);
/* Loses the next `count` packets of the publisher and every repetition of them. */
void ph_network_lose_for_good(struct ph_network *network, int count);

struct ph_network_seen {
    uint64_t sent;      /* media packets, first sendings */
    uint64_t forwarded; /* of them */
    uint64_t gaps;      /* numbers left out in what was forwarded */
    uint64_t disorders; /* a number not above the last, or a packet that differs from what was sent: never */
    uint64_t plis;      /* that reached the publisher */
    uint64_t repeated;  /* packets it sent again */
    uint64_t feedback_packets;
    uint64_t reports_forwarded;
    int64_t longest_wait_us; /* from arrival to being forwarded */
    uint64_t immediate;      /* forwarded in the call that brought them */
    uint32_t last_timestamp;
    struct ph_rtp_figures figures;
};
void ph_network_look(struct ph_network *network, struct ph_network_seen *seen);

#endif
