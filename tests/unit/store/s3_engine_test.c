#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/store/s3_engine.h"

static char folder[] = "/tmp/ph-s3-engine-XXXXXX";
static char certificate[64], private_key[64], url[64];
static pid_t server;

/* A port that was free a moment ago. */
static unsigned free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int held = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(held, (struct sockaddr *)&address, size) ||
        getsockname(held, (struct sockaddr *)&address, &size))
        abort();
    close(held);
    return ntohs(address.sin_port);
}

static int make_certificate(void) {
    char command[512];
    snprintf(command, sizeof(command),
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test "
        "-addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>%s/log",
        private_key, certificate, folder);
    return system(command);
}

/* A server over TLS that answers each GET with a page. */
static int start_server(void **state) {
    char port[16];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(certificate, sizeof(certificate), "%s/certificate", folder);
    snprintf(private_key, sizeof(private_key), "%s/key", folder);
    snprintf(port, sizeof(port), "%u", free_port());
    snprintf(url, sizeof(url), "https://127.0.0.1:%s/", port);
    if (make_certificate())
        return -1;
    server = fork();
    if (server == 0) {
        execlp("openssl", "openssl", "s_server", "-quiet", "-www", "-accept", port, "-cert", certificate,
            "-key", private_key, NULL);
        _exit(127);
    }
    return server < 0 ? -1 : 0;
}

static int stop_server(void **state) {
    char command[64];
    (void)state;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static int get(const char *ca_file, unsigned *status) {
    struct ph_s3_engine *engine;
    struct ph_s3_exchange exchange = {.method = "GET", .url = url, .timeout_us = 10 * PH_SECOND_US};
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    int code;
    assert_int_equal(ph_s3_engine_create(&engine, ca_file), 0);
    do /* until it listens */
        code = ph_s3_engine_perform(engine, &exchange);
    while (code == -ECONNREFUSED && ph_now_us() < deadline_us);
    *status = exchange.status;
    ph_s3_exchange_finish(&exchange);
    ph_s3_engine_destroy(engine);
    return code;
}

static void certificates_are_checked(void **state) {
    (void)state;
    unsigned status;
    assert_int_equal(get(certificate, &status), 0);
    assert_int_equal(status, 200);
    assert_int_equal(get("", &status), -ENOKEY);
    assert_int_equal(status, 0);
    assert_int_equal(get("/nowhere/to/be/found", &status), -ENOKEY);
}

static void name_in_a_certificate_is_checked(void **state) {
    (void)state;
    unsigned status;
    char *host = strstr(url, "127.0.0.1");
    memcpy(host, "127.0.0.2", 9);
    assert_int_equal(get(certificate, &status), -ENOKEY);
    memcpy(host, "127.0.0.1", 9);
}

static void cancelled_engine_does_nothing(void **state) {
    (void)state;
    struct ph_s3_engine *engine;
    struct ph_s3_exchange exchange = {.method = "GET", .url = url, .timeout_us = PH_SECOND_US};
    assert_int_equal(ph_s3_engine_create(&engine, NULL), 0);
    ph_s3_engine_cancel(engine);
    assert_int_equal(ph_s3_engine_perform(engine, &exchange), -ECANCELED);
    ph_s3_engine_destroy(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_checked),
        cmocka_unit_test(name_in_a_certificate_is_checked),
        cmocka_unit_test(cancelled_engine_does_nothing),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
