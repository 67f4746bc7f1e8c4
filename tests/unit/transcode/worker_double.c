/* Stands in for `porthole transcode`: speaks the control protocol, carries nothing. What it does is said by
 * the environment (FAKE_START) and by the session's name in the link's HELLO.
 *
 *   FAKE_START     "" ready at once, "slow" after 700 ms, "never" says nothing, "exit" fails at once
 *   HELLO's bytes  "serve" beats and ends with the link, "silent" without a beat, "crash" by a signal,
 *                  "stubborn" does not hear SIGTERM, "describe" answers with what it was given */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <poll.h>
#include <sys/socket.h>

#include "core/media/source_link.h"

enum { control = 3, beat_ms = 100 };

static int take_link(void) {
    char text[64];
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } rights;
    struct iovec block = {text, sizeof(text)};
    struct msghdr message = {.msg_iov = &block,
        .msg_iovlen = 1,
        .msg_control = rights.space,
        .msg_controllen = sizeof(rights.space)};
    ssize_t size = recvmsg(control, &message, 0);
    if (size <= 0)
        exit(0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || size != 13 || memcmp(text, "{\"take\":true}", 13) != 0)
        exit(3);
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

static void start(void) {
    const char *how = getenv("FAKE_START");
    if (how && strcmp(how, "exit") == 0)
        exit(4);
    if (how && strcmp(how, "never") == 0)
        take_link();
    if (how && strcmp(how, "slow") == 0)
        poll(NULL, 0, 700);
    static const char ready[] = "{\"ready\":true}";
    if (send(control, ready, sizeof(ready) - 1, 0) < 0)
        exit(0);
}

static int open_descriptors(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and the folder itself */
}

static void write_frame(int link, enum ph_link_type type, const char *text) {
    struct ph_builder builder = {0};
    ph_link_frame_write(&builder, type, text, strlen(text));
    if (!ph_builder_ok(&builder) || send(link, builder.data, builder.size, MSG_NOSIGNAL) < 0)
        exit(0);
    ph_builder_discard(&builder);
}

static void describe(int link, int argument_count, char **arguments) {
    const char *encoder = getenv("PORTHOLE_ENCODER");
    char text[256];
    snprintf(text, sizeof(text), "argument=%s encoder=%s secret=%s descriptors=%d pid=%d",
        argument_count == 2 ? arguments[1] : "?", encoder ? encoder : "none",
        getenv("PORTHOLE_CLUSTER_SECRET") ? "yes" : "no", open_descriptors(), (int)getpid());
    write_frame(link, PH_LINK_FAILED, text);
}

static void beat(void) {
    struct ph_link_stats stats = {.speed = 1.5, .effort = 2, .frames_in = 7};
    char *text = ph_link_stats_to_json(&stats);
    if (text)
        send(control, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
    free(text);
}

int main(int argument_count, char **arguments) {
    start();
    int link = take_link();
    char hello[64];
    ssize_t size = recv(link, hello, sizeof(hello) - 1, 0);
    if (size <= PH_LINK_HEADER_BYTES)
        return 0;
    hello[size] = 0;
    const char *session = hello + PH_LINK_HEADER_BYTES;
    if (strcmp(session, "crash") == 0)
        raise(SIGKILL);
    if (strcmp(session, "stubborn") == 0)
        signal(SIGTERM, SIG_IGN);
    if (strcmp(session, "describe") == 0)
        describe(link, argument_count, arguments);
    else
        write_frame(link, PH_LINK_ACCEPT, "12345678");
    for (;;) {
        struct pollfd poller = {.fd = link, .events = POLLIN};
        if (poll(&poller, 1, beat_ms) > 0 && recv(link, hello, sizeof(hello), MSG_DONTWAIT) <= 0)
            return 0;
        if (strcmp(session, "silent") != 0)
            beat();
    }
}
