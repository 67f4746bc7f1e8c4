#include "tests/unit/ingest/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/log.h"

const struct ph_slice relay_scene_secret = {(const uint8_t *)"the secret", 10};

int relay_scene_set_up(void **state) {
    struct relay_scene *scene = calloc(1, sizeof(*scene));
    ph_log_set_level(PH_LOG_ERROR);
    control_double_init(&scene->control);
    strcpy(scene->folder, "/tmp/ph-relay-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof(scene->path), "%s/worker.sock", scene->folder);
    assert_int_equal(ph_metrics_create(&scene->metrics), 0);
    scene->worker.path = scene->path;
    scene->worker.secret = relay_scene_secret;
    atomic_store(&scene->worker.ack_every, 20);
    atomic_store(&scene->worker.replay_back, 30);
    scene->options = (struct ph_relays_options){.control = &scene->control.base,
        .metrics = scene->metrics,
        .publish_secret = relay_scene_secret,
        .cluster_secret = relay_scene_secret,
        .origins = "http://127.0.0.1:8080",
        .ladder = "720p30@2500k",
        .preset = "auto",
        .encoder = "libx264",
        .part_ms = 200,
        .segment_ms = 2000,
        .reconnect_window_s = 60};
    *state = scene;
    return 0;
}

void relay_scene_start(struct relay_scene *scene) {
    worker_double_start(&scene->worker);
    scene->options.workers = scene->worker.endpoint;
    struct ph_error error = {{0}};
    assert_int_equal(ph_relays_create(&scene->relays, &scene->options, &error), 0);
    assert_int_equal(ph_relays_start(scene->relays), 0);
}

int relay_scene_tear_down(void **state) {
    struct relay_scene *scene = *state;
    ph_relays_destroy(scene->relays);
    worker_double_stop(&scene->worker);
    ph_metrics_destroy(scene->metrics);
    control_double_finish(&scene->control);
    rmdir(scene->folder);
    free(scene);
    return 0;
}

int relay_scene_begin(struct relay_scene *scene, const char *session, struct ph_publishing **publishing) {
    struct ph_admission admission = {.passphrase = ""};
    snprintf(admission.session, sizeof(admission.session), "%s", session);
    const struct ph_publisher_offer offer = {
        .protocol = "srt", .kind = "mpegts", .peer = "192.0.2.1:5000", .wake_fd = -1};
    return ph_publishing_begin(scene->relays, &admission, &offer, publishing);
}

struct ph_publishing *relay_scene_publish(struct relay_scene *scene) {
    struct ph_publishing *publishing;
    assert_int_equal(relay_scene_begin(scene, "s1", &publishing), 0);
    return publishing;
}

struct ph_slice relay_scene_unit(int number, uint8_t bytes[1500]) {
    size_t size = 16 + (size_t)(number * 37) % 1301;
    memset(bytes, number & 0xFF, size);
    memcpy(bytes, &number, sizeof(number));
    return (struct ph_slice){bytes, size};
}

void relay_scene_send(struct relay_scene *scene, struct ph_publishing *publishing, int count) {
    uint8_t bytes[1500];
    for (int i = 0; i < count; i++) {
        assert_int_equal(ph_publishing_unit(publishing, relay_scene_unit(scene->sent++, bytes)), 0);
        if (i % 20 == 19) {
            ph_publishing_flush(publishing);
            usleep(1000);
        }
    }
    ph_publishing_flush(publishing);
}

bool relay_scene_reached(struct worker_double *worker, int index) {
    if (!worker->life_count)
        return false;
    const struct worker_life *life = worker->lives[worker->life_count - 1];
    return life->entry_count && life->entries[life->entry_count - 1].index >= (uint64_t)index;
}

bool relay_scene_finished(struct worker_double *worker, int unused) {
    (void)unused;
    return worker->finished;
}
