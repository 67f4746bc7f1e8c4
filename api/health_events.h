/* The figures of sessions that are carried here, told as events of the moment. */
#ifndef PH_API_HEALTH_EVENTS_H
#define PH_API_HEALTH_EVENTS_H

#include "api/events.h"
#include "api/session_feed.h"

/* Embedded; begins as {0}. */
struct ph_health_events {
    int64_t told_ms; /* up to which figures were told */
};

/* Tells what came since the last call, all of it in one transaction. What fails is left to the next figures.
 */
void ph_health_events_tell(
    struct ph_health_events *events, struct ph_db *db, struct ph_session_feed *feed, struct ph_clock *clock);

#endif
