/* Checkpoints as the link carries them: the source's own state behind the part it is good for.
 *
 * The source is asked for a checkpoint only at what is published, which is ahead of what is durable; a
 * history of the answers gives the durable one. Pure. */
#ifndef PH_TRANSCODE_LINK_CHECKPOINT_H
#define PH_TRANSCODE_LINK_CHECKPOINT_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "core/media/track.h"

/* A replay with `source_state` makes every track again from this part on. */
struct ph_checkpoint {
    struct ph_part_position position;
    struct ph_slice source_state;
};

/* The opaque state of the link's checkpoint. NULL when out of memory. */
struct ph_bytes *ph_checkpoint_write(const struct ph_checkpoint *checkpoint);
/* Borrows from `state`. PH_INVALID_DATA for bytes that are none of ours. */
int ph_checkpoint_read(struct ph_slice state, struct ph_checkpoint *checkpoint) PH_NODISCARD;

enum { PH_MOST_CHECKPOINTS = 64 };

struct ph_kept_checkpoint {
    struct ph_part_position position;
    uint64_t replay_from;
    struct ph_bytes *state; /* as written */
};
/* Embedded; starts zeroed. */
struct ph_checkpoint_history {
    struct ph_kept_checkpoint kept[PH_MOST_CHECKPOINTS]; /* oldest first */
    uint32_t count;
};
/* Takes over the reference on the checkpoint's state; positions rise. When full, every second one goes: what
 * remains is coarser and as safe. */
void ph_checkpoint_history_add(struct ph_checkpoint_history *history, struct ph_kept_checkpoint checkpoint);
/* The newest that is good from this part on, or NULL; forgets those before it. Borrowed until the next call.
 */
const struct ph_kept_checkpoint *ph_checkpoint_history_find(
    struct ph_checkpoint_history *history, struct ph_part_position position);
/* The newest of all, or NULL. */
const struct ph_kept_checkpoint *ph_checkpoint_history_newest(const struct ph_checkpoint_history *history);
void ph_checkpoint_history_finish(struct ph_checkpoint_history *history);

#endif
