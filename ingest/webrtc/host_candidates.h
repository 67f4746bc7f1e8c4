/* The candidates that an answer offers: every announced address, over UDP and over TCP. */
#ifndef PH_INGEST_WEBRTC_HOST_CANDIDATES_H
#define PH_INGEST_WEBRTC_HOST_CANDIDATES_H

#include "ingest/webrtc/ice_candidate.h"
#include "ingest/webrtc/net_address.h"

enum { PH_MOST_HOST_ADDRESSES = PH_ICE_MOST_CANDIDATES / 2 };

/* The addresses to announce: those of `announce` (comma-separated, numeric); else `bound` when it is one
 * address; else this host's, without loopback unless there is nothing else. IPv4 first; IPv6 only when
 * `bound` is IPv6. The count; 0 when there is none; -EINVAL with a sentence. */
int ph_host_addresses(struct ph_net_address addresses[PH_MOST_HOST_ADDRESSES], const char *announce,
    const struct sockaddr *bound, struct ph_error *error) PH_NODISCARD;
/* UDP of every address first, then TCP (pure). Returns how many there are. */
size_t ph_host_candidates(struct ph_ice_candidate candidates[PH_ICE_MOST_CANDIDATES],
    const struct ph_net_address *addresses, size_t count, uint16_t port);

#endif
