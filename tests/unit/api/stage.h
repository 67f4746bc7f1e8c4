/* The API on a server of its own on loopback, and a client of it. One at a time; failures end the test. */
#ifndef PH_TEST_API_STAGE_H
#define PH_TEST_API_STAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "api/api.h"

struct stage {
    struct ph_api *api;
    struct ph_store *store; /* where its recordings lie: a folder */
    unsigned status;        /* of the last call */
    int64_t retry_after_us; /* of the last call; -1 without */
    json_t *answer;         /* of the last call; NULL when it was no JSON */
};
extern struct stage stage;

/* Setup and teardown of a test. */
int stage_open(void **state);
int stage_close(void **state);

/* How often the node was told to end a session, by whichever thread, and whether the last of them was this
 * one. */
int stage_ends(void);
bool stage_ended_last(const char *id);

uint16_t stage_port(void);
struct ph_db *stage_database(void);

struct ph_db *stage_db(void);

/* A token, malloc'ed; `stage_alice` is a streamer's. */
char *stage_token(const char *role, const char *subject, const char *session);
char *stage_alice(void);
#define STAGE_API_KEY "fedcba9876543210fedcba9876543210"

/* `authorization` is a whole header, or NULL. */
void stage_call_with(
    const char *method, const char *path, const char *authorization, const void *body, size_t size);
/* GET with these headers, the last followed by NULL. */
void stage_call_headers(const char *path, const char *const *headers);
/* GET, through a proxy that says whom it is for. */
void stage_call_from(const char *client, const char *authorization, const char *path);
/* `token` is taken over; NULL: anonymous. */
void stage_call_bytes(const char *method, const char *path, char *token, const void *body, size_t size);
void stage_call(const char *method, const char *path, char *token, const char *body);

/* The member at "a.b.c" of the last answer; its text, "(none)" for no string. */
json_t *stage_member(const char *path);
const char *stage_text(const char *path);

/* Alice starts a session. */
void stage_start(const char *body, char id[PH_SESSION_ID_BYTES]);
/* Both in one text, which the next call overwrites. */
const char *stage_path(const char *prefix, const char *id);
/* Waits until the session is in the state, 5 s at most. */
void stage_await_state(const char *id, const char *state);

#endif
