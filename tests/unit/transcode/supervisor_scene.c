#include "tests/unit/transcode/supervisor_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "core/base/clock.h"

void scene_pause(int milliseconds) {
    poll(NULL, 0, milliseconds);
}

void scene_free_port(char port[6]) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    close(fd);
    snprintf(port, 6, "%u", (unsigned)ntohs(name.sin_port));
}

void scene_begin(struct supervisor_scene *scene, const char *start, uint32_t most_sessions, bool tcp) {
    *scene = (struct supervisor_scene){.folder = "/tmp/ph-supervisor-XXXXXX"};
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof(scene->path), "%s/worker.sock", scene->folder);
    char listen[192];
    snprintf(listen, sizeof(listen), "unix:%s", scene->path);
    if (tcp) {
        scene_free_port(scene->port);
        snprintf(listen, sizeof(listen), "unix:%s,tcp:127.0.0.1:%s", scene->path, scene->port);
    }
    setenv("FAKE_START", start, 1);
    setenv("PORTHOLE_CLUSTER_SECRET", SCENE_SECRET, 1);
    assert_int_equal(ph_metrics_create(&scene->metrics), 0);
    struct ph_supervisor_options options = {
        .listen = listen,
        .secret = {(const uint8_t *)SCENE_SECRET, strlen(SCENE_SECRET)},
        .executable = WORKER_DOUBLE,
        .encoder = "h264_nvenc",
        .most_sessions = most_sessions,
        .metrics = scene->metrics,
    };
    struct ph_error error;
    if (ph_supervisor_create(&scene->supervisor, &options, &error))
        fail_msg("%s", error.text);
    assert_int_equal(ph_supervisor_start(scene->supervisor), 0);
}

void scene_end(struct supervisor_scene *scene) {
    ph_supervisor_destroy(scene->supervisor);
    ph_metrics_destroy(scene->metrics);
    assert_int_equal(rmdir(scene->folder), 0); /* the socket's file is gone */
}

static void set_patience(int fd) {
    struct timeval patience = {.tv_sec = 10};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
}

int scene_connect(const struct supervisor_scene *scene) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, scene->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_patience(fd);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

int scene_connect_tcp(const struct supervisor_scene *scene) {
    struct sockaddr_in name = {.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)atoi(scene->port))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_patience(fd);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

void scene_send(int link, enum ph_link_type type, const void *payload, size_t size) {
    struct ph_builder builder = {0};
    ph_link_frame_write(&builder, type, payload, size);
    assert_true(ph_builder_ok(&builder));
    assert_int_equal(send(link, builder.data, builder.size, MSG_NOSIGNAL), builder.size);
    ph_builder_discard(&builder);
}

void scene_hello(int link, const char *session) {
    scene_send(link, PH_LINK_HELLO, session, strlen(session));
}

int scene_receive(int link, char *payload, size_t size) {
    uint8_t header[PH_LINK_HEADER_BYTES];
    ssize_t got;
    do
        got = recv(link, header, sizeof(header), MSG_WAITALL);
    while (got < 0 && errno == EINTR); /* a descriptor with a timeout is not taken up again by the kernel */
    if (got < 0)
        assert_int_equal(errno, ECONNRESET);
    if (got <= 0)
        return -1;
    assert_int_equal(got, sizeof(header));
    uint32_t bytes =
        (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 | header[3];
    assert_true(bytes < size);
    if (bytes)
        assert_int_equal(recv(link, payload, bytes, MSG_WAITALL), bytes);
    payload[bytes] = 0;
    return header[4];
}

int scene_session(const struct supervisor_scene *scene, const char *session) {
    char payload[64];
    int link = scene_connect(scene);
    scene_hello(link, session);
    assert_int_equal(scene_receive(link, payload, sizeof(payload)), PH_LINK_ACCEPT);
    return link;
}

void scene_expect_refusal(int link, const char *code) {
    char payload[512];
    assert_int_equal(scene_receive(link, payload, sizeof(payload)), PH_LINK_REFUSE);
    struct ph_link_frame frame = {PH_LINK_REFUSE, {(const uint8_t *)payload, strlen(payload)}};
    struct ph_link_reason reason;
    assert_int_equal(ph_link_reason_parse(&frame, &reason), 0);
    assert_string_equal(reason.code, code);
}

unsigned scene_count(const struct supervisor_scene *scene, enum ph_worker_state state) {
    struct ph_worker_view views[16];
    size_t count = ph_supervisor_snapshot(scene->supervisor, views, 16);
    unsigned found = 0;
    for (size_t i = 0; i < count; i++)
        found += views[i].state == state;
    return found;
}

void scene_await(const struct supervisor_scene *scene, enum ph_worker_state state, unsigned count) {
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    while (scene_count(scene, state) != count) {
        if (ph_now_us() > deadline_us)
            fail_msg(
                "%u processes are %s, not %u", scene_count(scene, state), ph_worker_state_name(state), count);
        scene_pause(5);
    }
}

pid_t scene_pid(const struct supervisor_scene *scene, enum ph_worker_state state) {
    struct ph_worker_view views[16];
    int64_t deadline_us = ph_now_us() + 10 * PH_SECOND_US;
    while (ph_now_us() < deadline_us) {
        size_t count = ph_supervisor_snapshot(scene->supervisor, views, 16);
        for (size_t i = 0; i < count; i++)
            if (views[i].state == state)
                return views[i].pid;
        scene_pause(5);
    }
    fail_msg("no process is %s", ph_worker_state_name(state));
    return 0;
}

double scene_crashes(const struct supervisor_scene *scene) {
    return ph_metric_value(ph_metrics_counter(scene->metrics, "porthole_worker_crashes_total", "", NULL));
}
