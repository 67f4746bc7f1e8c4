/* Viewers that wait: COUNT connections each ask for PATH and hold until it is answered.
 *
 *     held_requests PORT PATH COUNT
 *
 * Prints `waiting` once all have asked, then, when all are answered whole, the UTC microseconds of the first
 * answer, of the median, of the 99th percentile and of the last, and how many were not 200. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { most_events = 512, answer_bytes = 65536, patience_ms = 30000 };

struct viewer {
    int fd;
    size_t received, expected;
    bool is_good;
};

static int64_t utc_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int fail(const char *what) {
    perror(what);
    exit(1);
}

static void ask(struct viewer *viewer, uint16_t port, const char *request) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    viewer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (viewer->fd < 0 || connect(viewer->fd, (struct sockaddr *)&address, sizeof(address)))
        fail("connect");
    if (send(viewer->fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        fail("send");
}

/* Whether the answer is whole. */
static bool receive(struct viewer *viewer) {
    static char bytes[answer_bytes + 1];
    ssize_t got = recv(viewer->fd, bytes, answer_bytes, MSG_DONTWAIT);
    if (got <= 0)
        fail("a held connection broke");
    bytes[got] = '\0';
    if (!viewer->received) {
        const char *length = strcasestr(bytes, "Content-Length: "), *end = strstr(bytes, "\r\n\r\n");
        if (!length || !end)
            fail("an answer without a whole head");
        viewer->expected = (size_t)(end + 4 - bytes) + strtoul(length + 16, NULL, 10);
        viewer->is_good = strncmp(bytes, "HTTP/1.1 200", 12) == 0;
    }
    viewer->received += (size_t)got;
    return viewer->received >= viewer->expected;
}

static void collect(struct viewer *viewers, size_t count, int64_t *answered_us) {
    struct epoll_event events[most_events];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &viewers[i]};
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, viewers[i].fd, &event))
            fail("epoll");
    }
    for (size_t done = 0; done < count;) {
        int ready = epoll_wait(epoll, events, most_events, patience_ms);
        if (ready <= 0)
            fail("no answer");
        for (int i = 0; i < ready; i++) {
            if (receive(events[i].data.ptr))
                answered_us[done++] = utc_us();
        }
    }
    close(epoll);
}

int main(int argc, char **argv) {
    uint16_t port = argc == 4 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
    size_t count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    char request[512];
    if (!port || !count) {
        fprintf(stderr, "usage: held_requests PORT PATH COUNT\n");
        return 2;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    struct viewer *viewers = calloc(count, sizeof(*viewers));
    int64_t *answered_us = calloc(count, sizeof(*answered_us));
    if (!viewers || !answered_us)
        fail("memory");
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", argv[2]);
    for (size_t i = 0; i < count; i++)
        ask(&viewers[i], port, request);
    printf("waiting\n");
    fflush(stdout);
    collect(viewers, count, answered_us);
    size_t refused = 0;
    for (size_t i = 0; i < count; i++) {
        refused += !viewers[i].is_good;
        close(viewers[i].fd);
    }
    printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %zu\n", answered_us[0], answered_us[count / 2],
        answered_us[count * 99 / 100], answered_us[count - 1], refused);
    free(answered_us);
    free(viewers);
    return 0;
}
