/* A source link that came in and has no process yet: over TCP both ends prove that they know the cluster's
 * secret. Embedded; owned by the supervisor's thread. Reads no byte beyond AUTH: what follows is the
 * process's.
 *
 *   phase       waits for
 *   proving     AUTH                            TCP only
 *   expecting   the first byte of HELLO         so that a caller who wants nothing costs no process
 *   waiting     a spare process, and room
 *   parting     the peer to close               it was refused */
#ifndef PH_TRANSCODE_WORKER_GREETING_H
#define PH_TRANSCODE_WORKER_GREETING_H

#include <stdbool.h>

#include "core/media/source_link.h"

enum { PH_WORKER_PROOF_BYTES = PH_LINK_HEADER_BYTES + PH_LINK_NONCE_BYTES + 32 };

enum ph_greeting_phase {
    PH_GREETING_PROVING,
    PH_GREETING_EXPECTING,
    PH_GREETING_WAITING,
    PH_GREETING_PARTING,
};

struct ph_worker_greeting {
    int fd; /* -1: free */
    enum ph_greeting_phase phase;
    int64_t since_us;    /* waiting */
    int64_t deadline_us; /* of the phase */
    uint8_t challenge[PH_LINK_NONCE_BYTES];
    uint8_t proof[PH_WORKER_PROOF_BYTES];
    size_t proof_bytes;
};

/* Takes the descriptor over; over TCP the challenge goes out. 0 or -errno, then it is closed. */
int ph_worker_greeting_begin(
    struct ph_worker_greeting *greeting, int fd, bool is_unix, int64_t now_us) PH_NODISCARD;
/* Reads what came in the phases proving, expecting and parting, and moves on. 0; -EACCES for a wrong proof;
 * PH_INVALID_DATA, PH_EOF, -errno: close it. */
int ph_worker_greeting_read(
    struct ph_worker_greeting *greeting, struct ph_slice secret, int64_t now_us) PH_NODISCARD;
/* Says why there is no process. The descriptor stays open for the peer to close, or until the deadline:
 * closing while HELLO is on its way would reset the connection and take the reason from the peer. */
void ph_worker_greeting_refuse(
    struct ph_worker_greeting *greeting, const char *code, const char *text, int64_t now_us);
void ph_worker_greeting_close(struct ph_worker_greeting *greeting);

#endif
