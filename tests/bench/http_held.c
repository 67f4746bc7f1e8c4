/* Opens `count` connections that all wait on /held, releases them at once, and prints when their answers were
 * whole: http_held <port> <count> [rounds] */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"

enum { most_events = 512, answer_bytes = 16384 };

struct viewer {
    int fd;
    size_t received;
    size_t expected; /* head and body, once the head is known */
};

static int dial(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        perror("connect");
        exit(1);
    }
    return fd;
}

static void ask(int fd, const char *request) {
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request)) {
        perror("send");
        exit(1);
    }
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* True when the answer is whole. */
static int receive(struct viewer *viewer) {
    static char bytes[answer_bytes];
    ssize_t got = recv(viewer->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN)
            return 0;
        fprintf(stderr, "a held connection broke\n");
        exit(1);
    }
    if (viewer->received == 0) {
        bytes[got < (ssize_t)sizeof(bytes) ? got : (ssize_t)sizeof(bytes) - 1] = '\0';
        const char *length = strcasestr(bytes, "Content-Length: "), *end = strstr(bytes, "\r\n\r\n");
        if (!length || !end) {
            fprintf(stderr, "an answer without a whole head\n");
            exit(1);
        }
        viewer->expected = (size_t)(end + 4 - bytes) + strtoul(length + 16, NULL, 10);
    }
    viewer->received += (size_t)got;
    return viewer->received == viewer->expected;
}

static void run_round(struct viewer *viewers, size_t count, uint16_t port, int epoll, int64_t *done_us) {
    struct epoll_event events[most_events];
    char text[64];
    int control = dial(port);
    for (size_t i = 0; i < count; i++) {
        viewers[i].received = 0;
        ask(viewers[i].fd, "GET /held HTTP/1.1\r\nHost: bench\r\n\r\n");
    }
    do { /* the server says how many it holds */
        char answer[1024] = "";
        ask(control, "GET /count HTTP/1.1\r\nHost: bench\r\n\r\n");
        if (recv(control, answer, sizeof(answer) - 1, 0) <= 0)
            exit(1);
        const char *body = strstr(answer, "\r\n\r\n");
        snprintf(text, sizeof(text), "%s", body ? body + 4 : "");
    } while (strtoul(text, NULL, 10) < count);
    int64_t start_us = ph_now_us();
    ask(control, "POST /release HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n");
    for (size_t done = 0; done < count;) {
        int ready = epoll_wait(epoll, events, most_events, 10000);
        if (ready <= 0) {
            fprintf(stderr, "%zu of %zu answered\n", done, count);
            exit(1);
        }
        for (int i = 0; i < ready; i++) {
            if (receive(events[i].data.ptr))
                done_us[done++] = ph_now_us() - start_us;
        }
    }
    qsort(done_us, count, sizeof(done_us[0]), compare);
    printf("held %zu: p50 %.1f ms, p99 %.1f ms, last %.1f ms\n", count, (double)done_us[count / 2] / 1000,
        (double)done_us[count * 99 / 100] / 1000, (double)done_us[count - 1] / 1000);
    close(control);
}

int main(int argc, char **argv) {
    uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 0;
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    int rounds = argc > 3 ? atoi(argv[3]) : 5;
    if (!port || !count) {
        fprintf(stderr, "usage: http_held PORT COUNT [ROUNDS]\n");
        return 2;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    struct viewer *viewers = calloc(count, sizeof(*viewers));
    int64_t *done_us = calloc(count, sizeof(*done_us));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!viewers || !done_us || epoll < 0)
        return 1;
    for (size_t i = 0; i < count; i++) {
        viewers[i].fd = dial(port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &viewers[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, viewers[i].fd, &event);
    }
    for (int round = 0; round < rounds; round++)
        run_round(viewers, count, port, epoll, done_us);
    for (size_t i = 0; i < count; i++)
        close(viewers[i].fd);
    close(epoll);
    free(done_us);
    free(viewers);
    return 0;
}
