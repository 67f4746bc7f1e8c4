/* A blocking HTTP client on libcurl: one connection kept alive, one request at a time, every wait bounded.
 * One client belongs to one thread. */
#ifndef PH_HTTP_CLIENT_H
#define PH_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

struct ph_http_client;

struct ph_http_exchange {
    /* request */
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value", NULL after the last; may be NULL */
    struct ph_slice body;
    int64_t connect_timeout_us; /* 0: 2 s */
    int64_t timeout_us;         /* 0: 10 s, for the whole exchange */
    size_t most_answer_bytes;   /* 0: 1 MiB; a longer answer fails with -EMSGSIZE */
    const char *authorities; /* a file of certificates to trust instead of the machine's; NULL or "": those */
    /* Asked about each address before it is connected to; NULL: any. Borrowed by the client for its life. */
    bool (*may_connect)(void *opaque, const struct sockaddr *address);
    void *may_connect_opaque;
    /* answer */
    unsigned status;
    struct ph_bytes *answer; /* owned by the exchange; ph_http_exchange_finish() drops it */
    int64_t retry_after_us;  /* from Retry-After, or -1 */
};

/* Initialises libcurl once for the process, for who uses it without a client. -EIO. */
int ph_http_client_init(void) PH_NODISCARD;
int ph_http_client_create(struct ph_http_client **client) PH_NODISCARD;
void ph_http_client_destroy(struct ph_http_client *client);
/* 0 when an answer came, whatever its status; -ETIMEDOUT, -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH,
 * -EMSGSIZE, -EINVAL (bad URL), -EPERM (only addresses that may_connect refused), -ENOKEY (a certificate that
 * is not to be trusted) or -EIO. Redirects are not followed. */
int ph_http_client_perform(struct ph_http_client *client, struct ph_http_exchange *exchange) PH_NODISCARD;
void ph_http_exchange_finish(struct ph_http_exchange *exchange);
/* From any thread: makes a running and every later perform fail with -ECANCELED. */
void ph_http_client_cancel(struct ph_http_client *client);

#endif
