/* A peer that speaks HTTP by hand, so that tests can break it. */
#ifndef PH_TEST_RAW_PEER_H
#define PH_TEST_RAW_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http/server.h"

/* Makes a server with these routes and starts it. 0 or a code; `*port` is 0 then. */
int raw_serve(struct ph_http_server **server, const struct ph_http_server_options *options,
    const struct ph_http_route *routes, size_t count, uint16_t *port);

struct answer {
    unsigned status; /* 0: the connection ended without an answer */
    char head[4096];
    char *body; /* malloc'ed and NUL-terminated; free with answer_finish() */
    size_t body_bytes;
};

/* Connects to the loopback address; every receive waits 5 s at most. */
int raw_dial(uint16_t port);
void raw_send(int fd, const char *text);
void raw_send_bytes(int fd, const void *bytes, size_t size);
/* One answer with the body its Content-Length says; none for HEAD. */
struct answer raw_receive(int fd, bool is_head);
void answer_finish(struct answer *answer);
/* The value of a header, in a static buffer; NULL when it is not there. */
const char *answer_header(const struct answer *answer, const char *name);
/* Dials, sends "<method> <target> HTTP/1.1" with these further header lines (each ending in \r\n), receives,
 * closes. */
struct answer raw_ask(uint16_t port, const char *method, const char *target, const char *headers);
/* Whether the peer closes or resets the connection within 5 s, without another byte. */
bool raw_is_closed(int fd);
/* Sends the text, then a byte now and then, which keeps a connection busy but not alive: it must end within 5
 * s. */
void raw_assert_drip_is_cut(uint16_t port, const char *start_text);

#endif
