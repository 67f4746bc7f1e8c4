/* Where to go on: what the origins have, held against the checkpoints that ingest kept. */
#ifndef PH_TRANSCODE_LINK_RESUME_H
#define PH_TRANSCODE_LINK_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/media/source_link.h"
#include "core/media/track.h"
#include "transcode/link_checkpoint.h"
#include "transcode/publisher_origin.h"

struct ph_origin_state {
    bool answered; /* with a standing; an origin that knows nothing of the session has none */
    uint32_t count;
    struct ph_track_standing standings[PH_MOST_TRACKS];
};

struct ph_resume {
    uint32_t origin_count;
    struct ph_origin_state origins[PH_LINK_MOST_ORIGINS];
    /* The checkpoint chosen: part 0.0 and no state from the beginning on. Borrows from the HELLO. */
    struct ph_checkpoint from;
    uint64_t replay_from;
    bool from_published; /* an origin that lost its memory needs an earlier replay */
};

/* Asks every origin of the HELLO where it stands, for half a second each. -ENOMEM. */
int ph_resume_ask(struct ph_resume *resume, const struct ph_link_hello *hello) PH_NODISCARD;
/* Takes the published checkpoint when every origin that answered stands at or after it (and one did), else
 * the durable one, else the beginning. 0, or PH_INVALID_DATA for a state that is none of ours. Pure. */
int ph_resume_choose(struct ph_resume *resume, const struct ph_link_hello *hello) PH_NODISCARD;
/* First part of a track that is wanted: the earliest that an origin lacks, but none before the checkpoint.
 * Pure. */
struct ph_part_position ph_resume_first_part(const struct ph_resume *resume, const char *track);
/* Where an origin goes on with a track: its standing, but not before the checkpoint. Pure. */
struct ph_part_position ph_resume_part_of_origin(
    const struct ph_resume *resume, uint32_t origin, const char *track);

#endif
