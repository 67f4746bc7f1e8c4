/* Who follows what, and where each has got to: the hub thread's own. */
#ifndef PH_API_EVENT_TOPICS_H
#define PH_API_EVENT_TOPICS_H

#include <stdatomic.h>

#include "api/event_hub.h"

/* One stream; in a topic's list, in the list of those who follow all, or on its way there. */
struct ph_follower {
    struct ph_follower *prev, *next;
    struct ph_http_stream *stream; /* owned reference */
    struct ph_caller caller;
    char session[PH_SESSION_ID_BYTES];
    bool is_back;
    int64_t last;
    int64_t checked_us;   /* when the policy was asked last */
    atomic_size_t *count; /* of all followers; borrowed; counted down when this one goes */
};

struct ph_event_topics;

int ph_event_topics_create(
    struct ph_event_topics **topics, const struct ph_event_hub_options *options) PH_NODISCARD;
/* Ends every stream. NULL is fine. */
void ph_event_topics_destroy(struct ph_event_topics *topics);

/* Takes over the follower and tells it how things stand. */
void ph_event_topics_add(struct ph_event_topics *topics, struct ph_follower *follower);
/* Something was put: brings what is new to whom it concerns. */
void ph_event_topics_hear(struct ph_event_topics *topics, const struct ph_event *event);
/* Something may have been missed: looks for it in all that is followed. */
void ph_event_topics_catch_up(struct ph_event_topics *topics);
/* Looks at what was kept lately, for processes that share a database without notifications; and tells of it.
 * Who was let in meanwhile is added in between: what was found may have happened since, and is told once. */
void ph_event_topics_look(struct ph_event_topics *topics);
void ph_event_topics_tell(struct ph_event_topics *topics);
/* Lets go of streams that are over, and ends those whose caller may follow no longer. */
void ph_event_topics_sweep(struct ph_event_topics *topics);
void ph_follower_destroy(struct ph_follower *follower);

#endif
