/* A supervisor with stand-ins for its processes, and links to it. */
#ifndef PH_TEST_SUPERVISOR_SCENE_H
#define PH_TEST_SUPERVISOR_SCENE_H

#include <stdbool.h>

#include "transcode/supervisor.h"

#define SCENE_SECRET "a secret of thirty-two characters"

struct supervisor_scene {
    char folder[64];
    char path[96];
    char port[6]; /* "": no TCP */
    struct ph_metrics *metrics;
    struct ph_supervisor *supervisor;
};

/* `start` is FAKE_START of the stand-ins; `tcp` listens on TCP too. */
void scene_begin(struct supervisor_scene *scene, const char *start, uint32_t most_sessions, bool tcp);
void scene_end(struct supervisor_scene *scene);

/* A free TCP port of 127.0.0.1. */
void scene_free_port(char port[6]);

/* Links: blocking descriptors with a deadline of ten seconds. */
int scene_connect(const struct supervisor_scene *scene);
int scene_connect_tcp(const struct supervisor_scene *scene);
void scene_send(int link, enum ph_link_type type, const void *payload, size_t size);
/* HELLO that names what the stand-in does. */
void scene_hello(int link, const char *session);
/* The next frame's type; its payload as text. -1 when the link is closed. */
int scene_receive(int link, char *payload, size_t size);
/* A link that carries a session of this name. */
int scene_session(const struct supervisor_scene *scene, const char *session);
/* The code of the refusal that has to come. */
void scene_expect_refusal(int link, const char *code);

unsigned scene_count(const struct supervisor_scene *scene, enum ph_worker_state state);
/* The process id of one that is in this state, after waiting for it. */
pid_t scene_pid(const struct supervisor_scene *scene, enum ph_worker_state state);
/* Waits until so many are in this state. */
void scene_await(const struct supervisor_scene *scene, enum ph_worker_state state, unsigned count);
double scene_crashes(const struct supervisor_scene *scene);
void scene_pause(int milliseconds);

#endif
