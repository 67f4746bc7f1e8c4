/* A connection to an SMTP relay (RFC 5321). libcurl connects, upgrades to TLS and logs in; the transaction of
 * a mail is spoken here, because who must not send a mail twice has to know what was said when (handover.h).
 *
 * One connection belongs to one thread; it is kept and used again, and renewed when it broke. Every wait has
 * a deadline. */
#ifndef PH_API_MAIL_SMTP_H
#define PH_API_MAIL_SMTP_H

#include <stdbool.h>
#include <stdint.h>

#include "api/outbox/retry.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

enum { PH_SMTP_REPLY_BYTES = 512 };

struct ph_smtp;

struct ph_smtp_options {
    const char *url;         /* smtp://user:password@host:587 or smtps://…; borrowed */
    bool may_be_plain;       /* without TLS, when the relay offers none; on loopback always */
    const char *authorities; /* a file of certificates to trust instead of the machine's; "" for those */
    int64_t connect_us;      /* 0: 20 s: connection, TLS and login */
    int64_t command_us;      /* 0: 30 s for each reply */
    int64_t content_us;      /* 0: 10 min for the last one (RFC 5321 section 4.5.3.2.6) */
};

/* What happens around the point after which the mail is the relay's. */
struct ph_smtp_hooks {
    /* The recipient is accepted: the content follows. A negative code gives up, before DATA. */
    int (*begin)(void *opaque);
    /* The final dot is sent by the next system call. */
    void (*give)(void *opaque);
    void *opaque;
};

enum ph_smtp_end {
    PH_SMTP_REPLIED,     /* `stage` and `reply` tell how it went */
    PH_SMTP_UNREACHABLE, /* no connection, no TLS, no login: no fault of the mail; `reply` has a sentence */
    PH_SMTP_BROKEN,      /* the connection ended or was silent at `stage` */
    PH_SMTP_STOPPED,     /* cancelled, or `begin` gave up; after `give`, nobody knows */
};
struct ph_smtp_outcome {
    enum ph_smtp_end end;
    enum ph_smtp_stage stage;
    bool was_given;
    char reply[PH_SMTP_REPLY_BYTES]; /* printable ASCII */
};

int ph_smtp_create(struct ph_smtp **smtp, const struct ph_smtp_options *options) PH_NODISCARD;
/* Says goodbye without waiting for an answer. NULL is fine. */
void ph_smtp_destroy(struct ph_smtp *smtp);
/* Hands one mail over. `message` has CRLF line ends; dots are stuffed here. */
void ph_smtp_send(struct ph_smtp *smtp, const char *from, const char *to, struct ph_slice message,
    const struct ph_smtp_hooks *hooks, struct ph_smtp_outcome *outcome);
/* From any thread: a running and every later send ends with PH_SMTP_STOPPED. */
void ph_smtp_cancel(struct ph_smtp *smtp);

#endif
