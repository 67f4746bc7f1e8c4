#include "tests/unit/api/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/api/stage.h"
#include "tests/unit/http/raw_peer.h"

void listener_open(struct listener *listener, const char *query, char *token, const char *last_id) {
    char request[4096];
    listener->heard[0] = '\0';
    listener->fd = raw_dial(stage_port());
    snprintf(request, sizeof(request), "GET /api/events%s HTTP/1.1\r\nHost: test\r\n%s%s%s%s%s%s\r\n", query,
        token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "",
        last_id ? "Last-Event-ID: " : "", last_id ? last_id : "", last_id ? "\r\n" : "");
    free(token);
    raw_send(listener->fd, request);
    listener_await(listener, "HTTP/1.1 200 OK\r\n", NULL);
    listener_await(listener, "text/event-stream", NULL);
    listener_await(listener, "\r\n\r\n", NULL);
}

void listener_await(struct listener *listener, const char *text, char *skipped) {
    char *found;
    while (!(found = strstr(listener->heard, text))) {
        size_t size = strlen(listener->heard);
        ssize_t got = recv(listener->fd, listener->heard + size, sizeof(listener->heard) - 1 - size, 0);
        if (got <= 0)
            fail_msg("no \"%s\" in \"%s\"", text, listener->heard);
        listener->heard[size + (size_t)got] = '\0';
    }
    *found = '\0';
    if (skipped)
        strcpy(skipped, listener->heard);
    found += strlen(text);
    memmove(listener->heard, found, strlen(found) + 1);
}

void listener_close(struct listener *listener) {
    close(listener->fd);
}
