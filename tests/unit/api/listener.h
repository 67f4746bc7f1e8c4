/* A listener to /api/events of the stage's server. */
#ifndef PH_TEST_API_LISTENER_H
#define PH_TEST_API_LISTENER_H

struct listener {
    int fd;
    char heard[32768]; /* all that came since it was opened or last forgot, chunks' sizes included */
};

/* Opens the stream and waits for its head. `token` is taken over, NULL: anonymous; `last_id` NULL: none. */
void listener_open(struct listener *listener, const char *query, char *token, const char *last_id);
/* Waits for the text, 5 s at most, and forgets all up to its end. What came before it is in `skipped`, if not
 * NULL, which has room for as much as `heard`. */
void listener_await(struct listener *listener, const char *text, char *skipped);
void listener_close(struct listener *listener);

#endif
