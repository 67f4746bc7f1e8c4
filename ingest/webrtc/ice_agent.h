/* ICE-lite for one publisher (RFC 8445 section 2.5): answers checks, keeps the paths that passed one, knows
 * which of them to send by, and how long the publisher is taken to be there. Pure.
 *
 * We are always the controlled side. A path is valid once a check with our credentials came by it, or media
 * that nobody else can have made. Which
 * valid path is sent by follows the publisher: that by which its media or handshake came last; before there
 * is any, that which it nominated with the highest priority. So a publisher that moves to another network,
 * with or without an ICE restart, is followed with its first packet from there.
 *
 * Consent (RFC 7675) is asked for by full agents, of those they send to; a lite agent asks for none (section
 * 2), so section 5.1 sets it no end. What is decided here is when a publisher is given up: 30 s after its
 * last check, or after its last authentic packet by a path that passed one. Not every publisher goes on
 * checking once it is connected: some send Binding indications, which are not signed, and some send nothing
 * but media. Feedback to them goes on while their media comes: it is theirs to want, whoever makes such
 * packets has the keys, and it weighs less than what it answers. When nothing comes, nothing is sent beyond
 * those 30 s. Checks, or sender reports, keep a connection whose publisher pauses; its session they keep no
 * longer than it waits for media (ph_publishing_report()). */
#ifndef PH_INGEST_WEBRTC_ICE_AGENT_H
#define PH_INGEST_WEBRTC_ICE_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/webrtc/net_address.h"
#include "ingest/webrtc/stun.h"

enum {
    PH_ICE_UFRAG_CHARACTERS = 16,
    PH_ICE_PWD_CHARACTERS = 32,
    PH_ICE_MOST_PATHS = 8,
};
/* How long a publisher that is not heard is waited for: as long as consent lasts (RFC 7675 section 5.1). */
#define PH_ICE_SILENCE_US INT64_C(30000000)

/* Where a packet came from and where an answer goes. */
struct ph_ice_path {
    uint64_t tcp; /* the TCP connection's number; 0: UDP */
    struct ph_net_address remote;
    struct ph_net_address local; /* the address the packet was sent to; its port is not used */
};

struct ph_ice_credentials {
    char ufrag[PH_ICE_UFRAG_CHARACTERS + 1]; /* "": none */
    char pwd[PH_ICE_PWD_CHARACTERS + 1];
};

struct ph_ice_known_path {
    struct ph_ice_path path;
    uint32_t priority;
    bool nominated;
    bool checked;     /* a check came by it; not by one that was only followed */
    int64_t heard_us; /* anything authentic */
};

struct ph_ice_agent {
    struct ph_ice_credentials present;
    struct ph_ice_credentials next; /* after a restart, until the first check that uses them */
    struct ph_ice_known_path paths[PH_ICE_MOST_PATHS];
    size_t path_count;
    int selected;      /* index; -1: none */
    int64_t media_us;  /* when the selected path last brought media or handshake; 0: never */
    int64_t check_us;  /* of the last check */
    int64_t proven_us; /* when a path with a check last brought media or handshake; 0: never */
};

void ph_ice_agent_init(struct ph_ice_agent *agent, int64_t now_us);
/* New credentials in `next`; the present ones hold until the publisher uses them. */
void ph_ice_agent_restart(struct ph_ice_agent *agent);

/* What a check did. */
struct ph_ice_outcome {
    size_t answer_bytes; /* 0: nothing is answered */
    int path;            /* the index of its path; -1: the check counts for nothing */
    bool is_new;         /* that place holds another path than before */
    bool promoted;       /* `next` became `present` */
};
/* A Binding request for one of our ufrags. A wrong signature is not answered: whoever sent it knows nothing.
 */
struct ph_ice_outcome ph_ice_agent_check(struct ph_ice_agent *agent, const struct ph_stun_message *message,
    const struct ph_ice_path *path, int64_t now_us, uint8_t answer[PH_STUN_MOST_ANSWER_BYTES]);
/* Media or handshake came by a valid path: it is sent by from here on. */
void ph_ice_agent_heard(struct ph_ice_agent *agent, int path, const struct ph_ice_path *from, int64_t now_us);
/* Authentic media came by a path that no check came by: it is placed like one of a check, and sent by from
 * here on. It gives the publisher no more time. Returns its index, which may have held another path. */
int ph_ice_agent_follow(struct ph_ice_agent *agent, const struct ph_ice_path *from, int64_t now_us);
/* A TCP connection is gone: its paths are forgotten. The index that was forgotten, -1: none. Call until -1.
 */
int ph_ice_agent_forget_tcp(struct ph_ice_agent *agent, uint64_t tcp);

/* NULL when there is none yet. */
const struct ph_ice_path *ph_ice_agent_selected(const struct ph_ice_agent *agent);
/* The instant after which the publisher is given up, when nothing comes that gives it more time. */
int64_t ph_ice_agent_given_up_us(const struct ph_ice_agent *agent);
/* Whether anything authentic came by the path that is sent by within PH_ICE_SILENCE_US. */
bool ph_ice_agent_is_heard(const struct ph_ice_agent *agent, int64_t now_us);

#endif
