/* The ingest node's clock as a worker sees it: entries carry its times, so the shortest way an entry ever
 * took tells the difference of the two clocks. Pure, but for being read by many threads. */
#ifndef PH_TRANSCODE_LINK_CLOCK_H
#define PH_TRANSCODE_LINK_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Embedded; starts zeroed. One thread notes, any reads. */
struct ph_link_clock {
    atomic_llong ahead_us;  /* local clock less link clock */
    atomic_llong moved_us;  /* local: when link time was last found to be ahead of what was known */
    int64_t moved_ahead_us; /* ahead_us then */
    int64_t noted_us;       /* local; 0 before the first entry */
};

/* An entry of this link time arrived at this local time. Replayed entries are old and change nothing once a
 * live one has been seen. The difference may grow by a millisecond a second, so that clocks may drift apart.
 */
void ph_link_clock_note(struct ph_link_clock *clock, int64_t link_us, int64_t local_us);
/* The link's time at a local time. */
int64_t ph_link_clock_at(struct ph_link_clock *clock, int64_t local_us);
/* False while a replay is being read: each of its entries is nearer to the present than the one before, so
 * that nobody knows how late anything is. */
bool ph_link_clock_is_settled(struct ph_link_clock *clock, int64_t local_us);

#endif
