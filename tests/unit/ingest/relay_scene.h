/* Relays between the doubles of control and worker, for one test: what publishers send, and what the worker
 * has seen of it. Asserts inside; a test sets options between set_up and start. */
#ifndef PH_TEST_RELAY_SCENE_H
#define PH_TEST_RELAY_SCENE_H

#include "ingest/relays.h"
#include "tests/unit/ingest/control_double.h"
#include "tests/unit/ingest/worker_double.h"

struct relay_scene {
    struct control_double control;
    struct worker_double worker;
    struct ph_metrics *metrics;
    struct ph_relays *relays;
    struct ph_relays_options options;
    char folder[64], path[96];
    int sent; /* units */
};

/* Of all: the cluster's, the publish tokens', the worker's. */
extern const struct ph_slice relay_scene_secret;

int relay_scene_set_up(void **state);
int relay_scene_tear_down(void **state);
/* The worker listens, the relays run. */
void relay_scene_start(struct relay_scene *scene);

int relay_scene_begin(struct relay_scene *scene, const char *session, struct ph_publishing **publishing);
/* Begins in session s1. */
struct ph_publishing *relay_scene_publish(struct relay_scene *scene);
/* Unit n holds n, at varying sizes. */
struct ph_slice relay_scene_unit(int number, uint8_t bytes[1500]);
/* The next `count` units, flushed. */
void relay_scene_send(struct relay_scene *scene, struct ph_publishing *publishing, int count);

/* Conditions for worker_double_wait(): the last life has handled an entry of this index or later; it has said
 * that it finished. */
bool relay_scene_reached(struct worker_double *worker, int index);
bool relay_scene_finished(struct worker_double *worker, int unused);

#define RELAY_SCENE(test) cmocka_unit_test_setup_teardown(test, relay_scene_set_up, relay_scene_tear_down)

#endif
