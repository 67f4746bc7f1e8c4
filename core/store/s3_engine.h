/* HTTP to an S3 server: one thread drives all transfers on connections that stay open; callers wait for
 * theirs.
 *
 *   phase      begins with              what may be called
 *   open       ph_s3_engine_create      perform, from any thread
 *   cancelled  ph_s3_engine_cancel      everything; running and later transfers fail with -ECANCELED
 *   gone       ph_s3_engine_destroy     nothing; nobody is in a call */
#ifndef PH_STORE_S3_ENGINE_H
#define PH_STORE_S3_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/error.h"
#include "core/store/s3_headers.h"

struct ph_s3_engine;

/* Where an object's bytes go as they come. Starts as {.most_bytes = …}. */
struct ph_s3_sink {
    uint8_t *block; /* malloc'ed, owned */
    size_t size;
    size_t capacity;
    size_t most_bytes;
};

struct ph_s3_exchange {
    /* request; borrowed */
    const char *method;
    const char *url;
    const char *const *headers; /* "name: value", NULL after the last */
    struct ph_slice body;
    bool has_file; /* instead of `body` */
    int file;
    uint64_t file_bytes;
    int64_t timeout_us;      /* for all of it */
    bool is_slow;            /* nothing may come for long */
    struct ph_s3_sink *sink; /* of a body that comes with 200 or 206 and a tag; NULL: it goes to `answer` */
    bool is_ranged;          /* only 206 from this byte on may go to the sink */
    uint64_t range_begin;
    /* answer */
    unsigned status;
    struct ph_s3_headers answered;
    struct ph_builder answer; /* owned; ph_s3_exchange_finish() discards it */
    /* of the engine */
    bool has_head; /* whole */
    int failure;
    uint64_t sent_bytes;
};

/* `ca_file`: certificates to trust instead of the machine's; NULL or "": those. */
int ph_s3_engine_create(struct ph_s3_engine **engine, const char *ca_file) PH_NODISCARD;
void ph_s3_engine_cancel(struct ph_s3_engine *engine);
/* NULL is fine. */
void ph_s3_engine_destroy(struct ph_s3_engine *engine);

/* 0 when a whole answer came, whatever its status; -ETIMEDOUT, -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH,
 * -EMSGSIZE, -EBADMSG (not the range that was asked for), -ENOKEY (a certificate that is not to be trusted),
 * -ENOMEM, -EIO or -ECANCELED. What came before a failure stays in the sink. Redirects are not followed. */
int ph_s3_engine_perform(struct ph_s3_engine *engine, struct ph_s3_exchange *exchange) PH_NODISCARD;
void ph_s3_exchange_finish(struct ph_s3_exchange *exchange);

#endif
