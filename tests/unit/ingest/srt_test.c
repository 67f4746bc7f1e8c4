/* The SRT listener, met by libsrt callers in this process and by srt-live-transmit. */
#include "ingest/ingest.h"

#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netdb.h>
#include <srt/access_control.h>
#include <srt/srt.h>
#include <sys/wait.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "tests/unit/ingest/control_double.h"
#include "tests/unit/ingest/worker_double.h"

extern char **environ;

enum { payload_bytes = 1316 };

struct scene {
    struct control_double control;
    struct worker_double worker;
    struct ph_metrics *metrics;
    struct ph_ingest *ingest;
    struct ph_ingest_options options;
    atomic_bool full;
    char folder[64], path[96], listen[64];
    int port;
};

static bool has_capacity(void *opaque) {
    return !atomic_load((atomic_bool *)opaque);
}

static int free_udp_port(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    close(fd);
    return ntohs(name.sin_port);
}

static struct scene *make_scene(const char *host) {
    struct scene *scene = calloc(1, sizeof(*scene));
    ph_log_set_level(PH_LOG_ERROR);
    srt_startup();
    control_double_init(&scene->control);
    strcpy(scene->folder, "/tmp/ph-srt-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof(scene->path), "%s/worker.sock", scene->folder);
    assert_int_equal(ph_metrics_create(&scene->metrics), 0);
    scene->worker.path = scene->path;
    atomic_store(&scene->worker.ack_every, 20);
    worker_double_start(&scene->worker);
    scene->port = free_udp_port();
    snprintf(scene->listen, sizeof(scene->listen), "%s:%d", host, scene->port);
    static const struct ph_slice secret = {(const uint8_t *)"the secret", 10};
    scene->options = (struct ph_ingest_options){.srt_listen = scene->listen,
        .srt_latency_ms = 50,
        .relays = {.control = &scene->control.base,
            .metrics = scene->metrics,
            .publish_secret = secret,
            .cluster_secret = secret,
            .workers = scene->worker.endpoint,
            .origins = "http://127.0.0.1:8080",
            .ladder = "720p30@2500k",
            .preset = "auto",
            .encoder = "libx264",
            .part_ms = 200,
            .segment_ms = 2000,
            .reconnect_window_s = 60,
            .has_capacity = has_capacity,
            .capacity_opaque = &scene->full}};
    struct ph_error error = {{0}};
    assert_int_equal(ph_ingest_create(&scene->ingest, &scene->options, &error), 0);
    assert_int_equal(ph_ingest_start(scene->ingest, &error), 0);
    return scene;
}

static int set_up(void **state) {
    *state = make_scene("127.0.0.1");
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    ph_ingest_destroy(scene->ingest);
    worker_double_stop(&scene->worker);
    ph_metrics_destroy(scene->metrics);
    control_double_finish(&scene->control);
    rmdir(scene->folder);
    free(scene);
    srt_cleanup();
    return 0;
}

/* A caller in this process. SRT_INVALID_SOCK and the reject code when it is not let in. */
static SRTSOCKET call_as(const struct scene *scene, const char *streamid, const char *passphrase, int *code) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)scene->port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SRTSOCKET socket = srt_create_socket();
    srt_setsockflag(socket, SRTO_STREAMID, streamid, (int)strlen(streamid));
    if (passphrase)
        srt_setsockflag(socket, SRTO_PASSPHRASE, passphrase, (int)strlen(passphrase));
    if (srt_connect(socket, (struct sockaddr *)&name, sizeof(name)) == 0) {
        *code = 0;
        return socket;
    }
    *code = srt_getrejectreason(socket);
    srt_close(socket);
    return SRT_INVALID_SOCK;
}

static SRTSOCKET call(const struct scene *scene, const char *streamid) {
    int code;
    SRTSOCKET socket = call_as(scene, streamid, NULL, &code);
    assert_int_equal(code, 0);
    return socket;
}

static int reject_code(const struct scene *scene, const char *streamid, const char *passphrase) {
    int code;
    SRTSOCKET socket = call_as(scene, streamid, passphrase, &code);
    if (socket != SRT_INVALID_SOCK)
        srt_close(socket);
    return code;
}

static void send_packets(SRTSOCKET socket, int from, int count) {
    char packet[payload_bytes];
    for (int i = from; i < from + count; i++) {
        memset(packet, 0, sizeof(packet));
        for (int cell = 0; cell < payload_bytes; cell += 188)
            packet[cell] = 0x47;
        memcpy(packet + 4, &i, sizeof(i));
        assert_int_equal(srt_sendmsg(socket, packet, sizeof(packet), -1, 1), payload_bytes);
        usleep(500);
    }
}

static uint32_t packet_checksum(int number) {
    uint8_t packet[payload_bytes] = {0};
    for (int cell = 0; cell < payload_bytes; cell += 188)
        packet[cell] = 0x47;
    memcpy(packet + 4, &number, sizeof(number));
    return worker_double_checksum((struct ph_slice){packet, sizeof(packet)});
}

static int count_type(const struct worker_double *worker, enum ph_link_type type) {
    int count = 0;
    for (int n = 0; n < worker->life_count; n++) {
        for (int i = 0; i < worker->lives[n]->entry_count; i++)
            count += worker->lives[n]->entries[i].type == type;
    }
    return count;
}

static bool has_units(struct worker_double *worker, int number) {
    return count_type(worker, PH_LINK_UNIT) >= number;
}

static bool has_gone(struct worker_double *worker, int number) {
    return count_type(worker, PH_LINK_GONE) >= number;
}

static void callers_are_rejected_with_the_guidelines_codes(void **state) {
    struct scene *scene = *state;
    assert_int_equal(reject_code(scene, "nonsense", NULL), SRT_REJX_UNAUTHORIZED);
    assert_int_equal(reject_code(scene, "#!::m=publish,s=nonsense", NULL), SRT_REJX_UNAUTHORIZED);
    assert_int_equal(reject_code(scene, "", NULL), SRT_REJX_UNAUTHORIZED);
    assert_int_equal(reject_code(scene, "#!::m=request,s=key-s1", NULL), SRT_REJX_BAD_MODE);
    assert_int_equal(reject_code(scene, "#!::m", NULL), SRT_REJX_BAD_REQUEST);
    assert_int_equal(reject_code(scene, "bad key", NULL), SRT_REJX_BAD_REQUEST);
    assert_int_equal(reject_code(scene, "ended", NULL), SRT_REJX_FORBIDDEN);
    assert_int_equal(reject_code(scene, "down", NULL), SRT_REJX_DOWN);
    atomic_store(&scene->full, true);
    assert_int_equal(reject_code(scene, "key-s1", NULL), SRT_REJX_OVERLOAD);
    assert_int_equal(control_double_read(&scene->control, &scene->control.connected), 0);
}

static void packets_of_any_content_reach_the_worker_as_they_are(void **state) {
    struct scene *scene = *state;
    SRTSOCKET socket = call(scene, "#!::r=any,m=publish,s=key-s1");
    send_packets(socket, 0, 200);
    assert_int_equal(srt_sendmsg(socket, "odd", 3, -1, 1), 3);
    assert_true(worker_double_wait(&scene->worker, has_units, 201, 30));
    pthread_mutex_lock(&scene->worker.lock);
    const struct worker_life *life = scene->worker.lives[0];
    assert_int_equal(life->entries[0].type, PH_LINK_CONNECTION);
    for (int i = 0; i < 200; i++)
        assert_int_equal(life->entries[i + 1].checksum, packet_checksum(i));
    assert_int_equal(
        life->entries[201].checksum, worker_double_checksum((struct ph_slice){(const uint8_t *)"odd", 3}));
    pthread_mutex_unlock(&scene->worker.lock);
    srt_close(socket);
    assert_true(worker_double_wait(&scene->worker, has_gone, 1, 30));
    assert_true(control_double_wait(&scene->control, &scene->control.disconnected, 1));
}

static void a_second_publisher_waits_until_the_first_is_silent(void **state) {
    struct scene *scene = *state;
    SRTSOCKET first = call(scene, "key-s1");
    send_packets(first, 0, 50);
    assert_true(worker_double_wait(&scene->worker, has_units, 1, 30));
    assert_int_equal(reject_code(scene, "key-s1", NULL), SRT_REJX_CONFLICT);
    int code = SRT_REJX_CONFLICT;
    SRTSOCKET second = SRT_INVALID_SOCK;
    int64_t silent_since_us = ph_now_us();
    while (code == SRT_REJX_CONFLICT && ph_now_us() - silent_since_us < 30 * PH_SECOND_US)
        second = call_as(scene, "key-s1", NULL, &code);
    assert_int_equal(code, 0);
    assert_true(ph_now_us() - silent_since_us < 4 * PH_SECOND_US);
    send_packets(second, 50, 50);
    assert_true(worker_double_wait(&scene->worker, has_units, 100, 30));
    assert_int_equal(count_type(&scene->worker, PH_LINK_CONNECTION), 2);
    assert_int_equal(count_type(&scene->worker, PH_LINK_GONE), 1);
    assert_int_equal(scene->worker.life_count, 1);
    int64_t give_up_us = ph_now_us() + 30 * PH_SECOND_US;
    while (srt_getsockstate(first) == SRTS_CONNECTED && ph_now_us() < give_up_us)
        usleep(10000);
    assert_int_not_equal(srt_getsockstate(first), SRTS_CONNECTED);
    assert_int_equal(srt_getsockstate(second), SRTS_CONNECTED);
    srt_close(first);
    srt_close(second);
}

static void garbage_from_twenty_senders_disturbs_nobody(void **state) {
    struct scene *scene = *state;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)scene->port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int senders[20];
    for (int i = 0; i < 20; i++)
        senders[i] = socket(AF_INET, SOCK_DGRAM, 0);
    SRTSOCKET publisher = call(scene, "key-s1");
    uint8_t garbage[1400];
    for (int round = 0; round < 100; round++) {
        send_packets(publisher, round * 10, 10);
        for (int i = 0; i < 20; i++) {
            size_t size = (size_t)(ph_random_unit() * sizeof(garbage));
            ph_random_bytes(garbage, size);
            if (i % 3 == 0 && size > 16) /* looks like a handshake */
                memcpy(garbage, "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
            ssize_t ignored = sendto(senders[i], garbage, size, 0, (struct sockaddr *)&name, sizeof(name));
            (void)ignored;
        }
    }
    assert_true(worker_double_wait(&scene->worker, has_units, 1000, 30));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(scene->worker.lives[0]->entries[i + 1].checksum, packet_checksum(i));
    for (int i = 0; i < 20; i++)
        close(senders[i]);
    srt_close(publisher);
}

static void a_port_in_use_is_named(void **state) {
    struct scene *scene = *state;
    struct ph_ingest *second;
    struct ph_error error = {{0}};
    assert_int_equal(ph_ingest_create(&second, &scene->options, &error), 0);
    assert_int_equal(ph_ingest_start(second, &error), -EADDRINUSE);
    assert_non_null(strstr(error.text, "PORTHOLE_SRT_LISTEN"));
    assert_non_null(strstr(error.text, "in use"));
    ph_ingest_destroy(second);
    struct ph_ingest_options options = scene->options;
    options.srt_listen = "nonsense";
    assert_int_equal(ph_ingest_create(&second, &options, &error), -EINVAL);
    assert_non_null(strstr(error.text, "PORTHOLE_SRT_LISTEN"));
}

static void a_session_that_ends_disconnects_its_publisher(void **state) {
    struct scene *scene = *state;
    SRTSOCKET socket = call(scene, "key-s1");
    send_packets(socket, 0, 50);
    assert_true(worker_double_wait(&scene->worker, has_units, 50, 30));
    ph_ingest_end_session(scene->ingest, "s1", "by its owner");
    assert_true(control_double_wait(&scene->control, &scene->control.ended, 1));
    int64_t give_up_us = ph_now_us() + 30 * PH_SECOND_US;
    while (srt_getsockstate(socket) == SRTS_CONNECTED && ph_now_us() < give_up_us)
        usleep(10000);
    assert_int_not_equal(srt_getsockstate(socket), SRTS_CONNECTED);
    srt_close(socket);
    assert_int_equal(ph_ingest_drain(scene->ingest, ph_now_us() + 30 * PH_SECOND_US), 0);
    assert_int_equal(reject_code(scene, "key-s2", NULL), SRT_REJX_DOWN);
}

static void a_publishers_figures_are_metrics(void **state) {
    struct scene *scene = *state;
    SRTSOCKET socket = call(scene, "key-s1");
    send_packets(socket, 0, 3000);
    struct ph_builder text = {0};
    bool found = false;
    for (int64_t give_up_us = ph_now_us() + 30 * PH_SECOND_US; !found && ph_now_us() < give_up_us;
         usleep(20000)) {
        ph_builder_clear(&text);
        ph_metrics_render(scene->metrics, &text);
        ph_builder_u8(&text, 0);
        found = strstr((char *)text.data, "porthole_srt_rtt_seconds{session=\"s1\"}") != NULL;
    }
    assert_true(found);
    static const char *const names[] = {"porthole_srt_lost_packets_total{session=\"s1\"}",
        "porthole_srt_retransmitted_packets_total{session=\"s1\"}",
        "porthole_srt_bandwidth_bits{session=\"s1\"}", "porthole_srt_belated_packets_total{session=\"s1\"}",
        "porthole_ingest_publishers{protocol=\"srt\"} 1", "porthole_ingest_bytes_total{protocol=\"srt\"}"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(strstr((char *)text.data, names[i]));
    ph_builder_discard(&text);
    srt_close(socket);
}

/* srt-live-transmit, fed through the pipe `feed`. */
static pid_t transmit(const struct scene *scene, const char *query, int *feed) {
    char url[256];
    snprintf(url, sizeof(url), "srt://127.0.0.1:%d?%s", scene->port, query);
    char *const arguments[] = {
        (char *)"srt-live-transmit", (char *)"-q", (char *)"-a:no", (char *)"file://con", url, NULL};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    pid_t pid;
    assert_int_equal(posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    *feed = ends[1];
    return pid;
}

static void feed_until_units(struct scene *scene, int feed, int units) {
    char cells[payload_bytes] = {0x47};
    for (int i = 0; i < 2000; i++) {
        if (write(feed, cells, sizeof(cells)) < 0 || worker_double_wait(&scene->worker, has_units, units, 0))
            break;
        usleep(5000);
    }
    assert_true(worker_double_wait(&scene->worker, has_units, units, 30));
}

static void stop(pid_t pid, int feed, int number) {
    kill(pid, number);
    close(feed);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void encrypted_publishers_are_decrypted_at_both_key_lengths(void **state) {
    struct scene *scene = *state;
    static const char *const queries[] = {"streamid=locked-a&passphrase=correct-horse&pbkeylen=16",
        "streamid=locked-b&passphrase=correct-horse&pbkeylen=32"};
    for (int i = 0; i < 2; i++) {
        int feed;
        char query[128];
        snprintf(query, sizeof(query), "%s", queries[i]);
        pid_t pid = transmit(scene, query, &feed);
        feed_until_units(scene, feed, (i + 1) * 40);
        stop(pid, feed, SIGINT);
        ph_ingest_end_session(scene->ingest, i ? "b" : "a", "test");
        assert_true(control_double_wait(&scene->control, &scene->control.ended, i + 1));
    }
}

static void a_wrong_or_missing_passphrase_is_rejected(void **state) {
    struct scene *scene = *state;
    assert_int_equal(reject_code(scene, "locked-s1", "wrong password"), SRT_REJ_BADSECRET);
    assert_int_equal(reject_code(scene, "locked-s1", NULL), SRT_REJ_UNSECURE);
    assert_int_equal(reject_code(scene, "key-s1", "not asked for"), SRT_REJ_UNSECURE);
    assert_int_equal(reject_code(scene, "locked-s1", "correct-horse"), 0);
}

static void a_killed_publisher_is_gone_and_its_successor_carries_on(void **state) {
    struct scene *scene = *state;
    int feed;
    pid_t pid = transmit(scene, "streamid=key-s1", &feed);
    feed_until_units(scene, feed, 50);
    stop(pid, feed, SIGKILL);
    assert_true(worker_double_wait(&scene->worker, has_gone, 1, 30));
    pid = transmit(scene, "streamid=#!::m=publish,s=key-s1", &feed);
    feed_until_units(scene, feed, 100);
    stop(pid, feed, SIGINT);
    assert_int_equal(scene->worker.life_count, 1);
}

static void ipv6_callers_are_served(void **state) {
    (void)state;
    struct scene *scene = make_scene("[::]");
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)scene->port)};
    name.sin6_addr = in6addr_loopback;
    SRTSOCKET socket = srt_create_socket();
    srt_setsockflag(socket, SRTO_STREAMID, "key-six", 7);
    assert_int_equal(srt_connect(socket, (struct sockaddr *)&name, sizeof(name)), 0);
    send_packets(socket, 0, 20);
    assert_true(worker_double_wait(&scene->worker, has_units, 20, 30));
    SRTSOCKET four = call(scene, "key-four");
    srt_close(four);
    srt_close(socket);
    tear_down((void **)&scene);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        SCENE(callers_are_rejected_with_the_guidelines_codes),
        SCENE(packets_of_any_content_reach_the_worker_as_they_are),
        SCENE(a_second_publisher_waits_until_the_first_is_silent),
        SCENE(garbage_from_twenty_senders_disturbs_nobody),
        SCENE(a_port_in_use_is_named),
        SCENE(a_session_that_ends_disconnects_its_publisher),
        SCENE(a_publishers_figures_are_metrics),
        SCENE(encrypted_publishers_are_decrypted_at_both_key_lengths),
        SCENE(a_wrong_or_missing_passphrase_is_rejected),
        SCENE(a_killed_publisher_is_gone_and_its_successor_carries_on),
        cmocka_unit_test(ipv6_callers_are_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
