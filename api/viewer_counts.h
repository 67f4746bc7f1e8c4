/* Keeps the number of viewers of each session true: counts after changes, at most once a second, and lets
 * those go who no longer beat. Has one thread.
 *
 * Lifetime: create → changed (from any thread) → stop → destroy. */
#ifndef PH_API_VIEWER_COUNTS_H
#define PH_API_VIEWER_COUNTS_H

#include "api/viewers_store.h"
#include "core/base/clock.h"

struct ph_viewer_counts;

int ph_viewer_counts_create(
    struct ph_viewer_counts **counts, struct ph_db *db, struct ph_clock *clock) PH_NODISCARD;
void ph_viewer_counts_stop(struct ph_viewer_counts *counts);
/* NULL is fine. */
void ph_viewer_counts_destroy(struct ph_viewer_counts *counts);
/* Somebody joined or left: it will be counted. */
void ph_viewer_counts_changed(struct ph_viewer_counts *counts, const char *session);
/* Lets all viewers go when their session ends; pass it to ph_sessions_observe(). */
struct ph_session_observer *ph_viewer_counts_observer(struct ph_viewer_counts *counts);

#endif
