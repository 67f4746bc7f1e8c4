/* The worker's end of a source link: whole frames over a connected stream socket. */
#ifndef PH_TRANSCODE_LINK_H
#define PH_TRANSCODE_LINK_H

#include <stdint.h>

#include "core/media/source_link.h"

struct ph_link;

/* Takes over the descriptor on success and on failure. */
int ph_link_create(struct ph_link **link, int fd) PH_NODISCARD;
/* NULL is fine. */
void ph_link_destroy(struct ph_link *link);

/* The next frame; its payload is valid until the next call. One thread reads. 0, PH_EOF when ingest has hung
 * up, -ETIMEDOUT at the deadline (ph_now_us() time), PH_INVALID_DATA, or the socket's error. */
int ph_link_read(struct ph_link *link, struct ph_link_frame *frame, int64_t deadline_us) PH_NODISCARD;
/* Sends what was built and clears the builder; frames of several threads do not mix. An ingest node that
 * takes nothing for five seconds fails the link: -ETIMEDOUT. */
int ph_link_send(struct ph_link *link, struct ph_builder *frames) PH_NODISCARD;
/* From any thread: makes reads return PH_EOF; what is to be said can still be sent. */
void ph_link_shut(struct ph_link *link);

#endif
