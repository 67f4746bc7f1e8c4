/* A source link that came in and has no worker yet: over TCP both ends prove that they know the cluster's
 * secret. Embedded; owned by the supervisor's thread. Reads no byte beyond AUTH: what follows is the
 * worker's. */
#ifndef PH_TRANSCODE_WORKER_GREETING_H
#define PH_TRANSCODE_WORKER_GREETING_H

#include <stdbool.h>

#include "core/media/source_link.h"

enum { PH_AUTH_FRAME_BYTES = PH_LINK_HEADER_BYTES + PH_LINK_NONCE_BYTES + 32 };

struct ph_worker_greeting {
    int fd; /* -1: free */
    bool authenticated;
    bool refused;
    int64_t deadline_us; /* for the proof, then for a worker */
    int64_t since_us;
    uint8_t challenge[PH_LINK_NONCE_BYTES];
    uint8_t auth[PH_AUTH_FRAME_BYTES];
    size_t auth_size;
};

/* Takes the descriptor over; over TCP the challenge goes out. 0 or -errno, then the descriptor is closed. */
int ph_worker_greeting_begin(
    struct ph_worker_greeting *greeting, int fd, bool is_unix, int64_t now_us) PH_NODISCARD;
/* Reads the proof and answers it. 0 once authenticated, -EAGAIN, -EACCES for a wrong proof, PH_INVALID_DATA,
 * PH_EOF, -errno. */
int ph_worker_greeting_read(struct ph_worker_greeting *greeting, struct ph_slice secret) PH_NODISCARD;
/* Says why there is no worker. The descriptor stays open for the peer to close, or until the deadline:
 * closing while HELLO is on its way would reset the connection and take the reason away from the peer. */
void ph_worker_greeting_refuse(
    struct ph_worker_greeting *greeting, const char *code, const char *text, int64_t now_us);
/* After a refusal: discards what the peer sends, and closes when it did. */
void ph_worker_greeting_part(struct ph_worker_greeting *greeting);
void ph_worker_greeting_close(struct ph_worker_greeting *greeting);

#endif
