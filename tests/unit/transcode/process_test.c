/* The transcode process in its sandbox, with the source stood in for: what a session needs must be allowed
 * there. */
#include "transcode/transcode.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "tests/unit/transcode/ingest_double.h"
#include "tests/unit/transcode/origin_double.h"
#include "tests/unit/transcode/source_double.h"

struct scene {
    struct origin_double origin;
    int control;
    pid_t child;
};

static void receive_text(int fd, char *text, size_t size) {
    struct timeval patience = {.tv_sec = 20};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    ssize_t got = recv(fd, text, size - 1, 0);
    assert_true(got > 0);
    text[got] = 0;
}

/* The child is made before the origin has threads. */
static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    scene->child = fork();
    if (scene->child == 0) {
        close(ends[0]);
        dup2(ends[1], PH_TRANSCODE_CONTROL_FD);
        if (ends[1] != PH_TRANSCODE_CONTROL_FD)
            close(ends[1]);
        _exit(ph_transcode_main());
    }
    close(ends[1]);
    scene->control = ends[0];
    char text[64];
    receive_text(scene->control, text, sizeof(text));
    assert_string_equal(text, "{\"ready\":true}");
    origin_double_start(&scene->origin, 0);
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    if (scene->control >= 0)
        close(scene->control);
    if (scene->child > 0) {
        kill(scene->child, SIGKILL);
        waitpid(scene->child, NULL, 0);
    }
    origin_double_stop(&scene->origin);
    free(scene);
    return 0;
}

static void assert_exits_with(struct scene *scene, int code) {
    int status;
    assert_int_equal(waitpid(scene->child, &status, 0), scene->child);
    scene->child = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static void send_frames(struct ingest_double *ingest, int64_t epoch_us, uint64_t from, uint64_t to) {
    for (uint64_t n = from; n < to; n++) {
        int64_t time_us = epoch_us + (int64_t)n * PH_SECOND_US / 30;
        int64_t left_us = time_us - ph_now_us();
        struct timespec pause = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
        if (left_us > 0)
            nanosleep(&pause, NULL);
        struct ph_link_entry entry = {
            .type = PH_LINK_UNIT, .index = n + 1, .time_us = time_us, .bytes = {(const uint8_t *)"unit", 4}};
        ingest_double_send(ingest, &entry);
    }
}

static struct ph_link_hello make_hello(struct scene *scene, int64_t epoch_us) {
    return (struct ph_link_hello){
        .session = (char *)"abcdefghijklmnopqrstuvwxyz",
        .ladder = (char *)"480p30@900k,240p30@300k",
        .preset = (char *)"superfast",
        .encoder = (char *)"h264_vaapi",
        .origins = {scene->origin.url},
        .publish_token = (char *)"token",
        .part_ms = 200,
        .segment_ms = 1000,
        .reconnect_window_ms = 60000,
        .epoch_time_us = epoch_us,
        .epoch_utc_us = INT64_C(1700000000000000),
    };
}

static void a_session_runs_in_the_sandbox(void **state) {
    struct scene *scene = *state;
    int64_t epoch_us = ph_now_us() + 200000;
    struct ph_link_hello hello = make_hello(scene, epoch_us);
    struct ingest_double ingest;
    ingest_double_start(&ingest, &hello, NULL, scene->control);
    send_frames(&ingest, epoch_us, 0, 60);
    char text[4096];
    receive_text(scene->control, text, sizeof(text));
    struct ph_link_stats stats;
    assert_int_equal(
        ph_link_stats_from_json((struct ph_slice){(const uint8_t *)text, strlen(text)}, &stats), 0);
    /* Its supervisor may go: the session goes on. */
    close(scene->control);
    scene->control = -1;
    send_frames(&ingest, epoch_us, 60, 90);
    struct ph_link_entry end = {.type = PH_LINK_END, .index = 91, .time_us = epoch_us + 3 * PH_SECOND_US};
    ingest_double_send(&ingest, &end);
    assert_true(ingest_double_wait(&ingest, &ingest.finished));
    assert_exits_with(scene, 0);
    assert_int_equal(ingest_double_hang_up(&ingest), 0);
    pthread_mutex_lock(&scene->origin.lock);
    assert_int_equal(origin_double_track(&scene->origin, "v480")->count, 15);
    assert_int_equal(scene->origin.thumbnails, 1);
    assert_true(scene->origin.ended);
    pthread_mutex_unlock(&scene->origin.lock);
    ingest_double_finish(&ingest);
}

static void a_closed_link_ends_the_process(void **state) {
    struct scene *scene = *state;
    int64_t epoch_us = ph_now_us();
    struct ph_link_hello hello = make_hello(scene, epoch_us);
    struct ingest_double ingest;
    ingest_double_start(&ingest, &hello, NULL, scene->control);
    send_frames(&ingest, epoch_us, 0, 20);
    ingest_double_hang_up(&ingest);
    assert_exits_with(scene, 0);
    ingest_double_finish(&ingest);
}

static void a_supervisor_that_goes_before_take_ends_the_process(void **state) {
    struct scene *scene = *state;
    close(scene->control);
    scene->control = -1;
    assert_exits_with(scene, 0);
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(a_session_runs_in_the_sandbox),
        scene_test(a_closed_link_ends_the_process),
        scene_test(a_supervisor_that_goes_before_take_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
