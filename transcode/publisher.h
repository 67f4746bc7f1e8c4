/* One track on its way to one origin: a thread that sends parts in order, keeps them until the origin has
 * them on disk, and sends them again to an origin that lost them.
 *
 * Lifetime: create → offer … → close → wait → destroy, or destroy at any point. offer, close and read are
 * called from any thread and never block.
 *
 *   phase      goes on to
 *   STANDING   SENDING where the origin stands (200); ANNOUNCING when it knows nothing (404)
 *   ANNOUNCING STANDING after publication and init segment were taken
 *   SENDING    itself, part by part; STANDING after a failure, a 404 or a 409
 *   OVER       nothing: all parts are sent, or the session has ended at the origin (410). Of a file also when
 *              the origin lacks what it had, or a part that is held no more: a file has no gaps */
#ifndef PH_TRANSCODE_PUBLISHER_H
#define PH_TRANSCODE_PUBLISHER_H

#include "transcode/package.h"
#include "transcode/publisher_origin.h"

struct ph_publisher_options {
    struct ph_origin origin; /* strings borrowed for the publisher's life, as all that follow */
    const char *track;
    const char *publication;       /* JSON */
    struct ph_bytes *init_segment; /* a reference is taken: its encoder ends before the publisher does */
    struct ph_track_timing timing;
    struct ph_part_position first; /* the first part that will be offered */
    int64_t link_to_utc_us;        /* to be added to link time */
    /* Bytes kept for an origin that does not answer. Beyond, the oldest parts are given up: they become gaps.
     */
    size_t most_bytes;
    /* An origin whose disk is behind (507) is waited for. Else its viewers have what it took: the next part
     * follows, and what its disk has not is kept. */
    bool waits_for_disk;
    /* Parts before `first` may exist elsewhere: an origin that lacks them sets `lost` instead of being sent
     * gaps. */
    bool can_replay;
    /* After a part was taken, and when the standing changed. From the publisher's thread. */
    void (*advanced)(void *opaque, const struct ph_part *taken);
    void *opaque;
};

struct ph_publisher;

int ph_publisher_create(
    struct ph_publisher **publisher, const struct ph_publisher_options *options) PH_NODISCARD;
/* Takes a reference on the part's body. Parts come in order without a hole. 0 or -ENOMEM. */
int ph_publisher_offer(struct ph_publisher *publisher, const struct ph_part *part) PH_NODISCARD;
/* No more parts come. */
void ph_publisher_close(struct ph_publisher *publisher);
/* Until everything offered is taken (0), the deadline (-ETIMEDOUT), or the session's end at the origin
 * (PH_EOF). */
int ph_publisher_wait(struct ph_publisher *publisher, int64_t deadline_us) PH_NODISCARD;
/* NULL is fine. */
void ph_publisher_destroy(struct ph_publisher *publisher);

struct ph_publisher_standing {
    struct ph_part_position published; /* the next part the origin lacks */
    struct ph_part_position durable;   /* what lies before it is on the origin's disk */
    int64_t answered_us;               /* when the origin answered last (local clock); 0: never */
    size_t held_bytes;
    uint64_t gaps; /* parts given up and sent as gaps */
    bool ended;    /* the origin says the session is over */
    bool lost;     /* the origin lacks parts that only a replay can bring */
};
/* Waits until what is kept for the origin is less than half of what may be. 0, -ETIMEDOUT, or PH_EOF when it
 * takes nothing more. For who must not lose a part. */
int ph_publisher_wait_for_room(struct ph_publisher *publisher, int64_t deadline_us) PH_NODISCARD;
void ph_publisher_read(struct ph_publisher *publisher, struct ph_publisher_standing *standing);

#endif
