#include "tests/unit/http/raw_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"

int raw_serve(struct ph_http_server **server, const struct ph_http_server_options *options,
    const struct ph_http_route *routes, size_t count, uint16_t *port) {
    int code = ph_http_server_create(server, options, NULL);
    for (size_t i = 0; i < count && !code; i++)
        code = ph_http_server_add_route(*server, &routes[i]);
    if (!code)
        code = ph_http_server_start(*server, NULL);
    *port = code ? 0 : ph_http_server_port(*server);
    return code;
}

int raw_dial(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval timeout = {30, 0};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* A peer may have closed meanwhile: what it answered is what the test looks at. */
void raw_send_bytes(int fd, const void *bytes, size_t size) {
    const char *next = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, next, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        next += sent;
        size -= (size_t)sent;
    }
}

void raw_send(int fd, const char *text) {
    raw_send_bytes(fd, text, strlen(text));
}

const char *answer_header(const struct answer *answer, const char *name) {
    static char value[1024];
    size_t size = strlen(name);
    for (const char *line = strstr(answer->head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, size) != 0 || line[2 + size] != ':')
            continue;
        const char *start = line + 2 + size + 1 + strspn(line + 2 + size + 1, " ");
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(start, "\r"), start);
        return value;
    }
    return NULL;
}

static bool receive_head(int fd, struct answer *answer) {
    size_t size = 0;
    while (size + 1 < sizeof(answer->head)) {
        if (recv(fd, answer->head + size, 1, 0) != 1)
            return false;
        answer->head[++size] = '\0';
        if (size >= 4 && memcmp(answer->head + size - 4, "\r\n\r\n", 4) == 0)
            return sscanf(answer->head, "HTTP/1.%*c %u", &answer->status) == 1;
    }
    return false;
}

struct answer raw_receive(int fd, bool is_head) {
    struct answer answer = {0};
    do {
        if (!receive_head(fd, &answer)) {
            answer.status = 0;
            return answer;
        }
    } while (answer.status == 100);
    const char *length = answer_header(&answer, "Content-Length");
    if (is_head)
        return answer;
    if (answer.status != 304 && length)
        answer.body_bytes = strtoul(length, NULL, 10);
    answer.body = calloc(1, answer.body_bytes + 1);
    assert_non_null(answer.body);
    for (size_t got = 0; got < answer.body_bytes;) {
        ssize_t more = recv(fd, answer.body + got, answer.body_bytes - got, 0);
        if (more <= 0)
            fail_msg("the body ends after %zu of %zu bytes", got, answer.body_bytes);
        got += (size_t)more;
    }
    return answer;
}

void answer_finish(struct answer *answer) {
    free(answer->body);
    answer->body = NULL;
}

struct answer raw_ask(uint16_t port, const char *method, const char *target, const char *headers) {
    char request[4096];
    int fd = raw_dial(port);
    snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: test\r\n%s\r\n", method, target, headers);
    raw_send(fd, request);
    struct answer answer = raw_receive(fd, strcmp(method, "HEAD") == 0);
    close(fd);
    return answer;
}

bool raw_is_closed(int fd) {
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

void raw_assert_drip_is_cut(uint16_t port, const char *start_text) {
    int fd = raw_dial(port);
    int64_t start_us = ph_now_us();
    raw_send(fd, start_text);
    while (send(fd, "a", 1, MSG_NOSIGNAL) == 1 && ph_now_us() < start_us + 10 * PH_SECOND_US) {
        struct timeval pause = {0, 100000};
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(fd, &readable);
        if (select(fd + 1, &readable, NULL, NULL, &pause) > 0 && raw_is_closed(fd))
            break;
    }
    int64_t took_us = ph_now_us() - start_us;
    close(fd);
    assert_in_range(took_us, PH_SECOND_US, 9 * PH_SECOND_US);
}
