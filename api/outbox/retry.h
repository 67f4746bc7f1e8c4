/* When a delivery is tried again, and what an SMTP server's reply means for it (pure). */
#ifndef PH_API_OUTBOX_RETRY_H
#define PH_API_OUTBOX_RETRY_H

#include <stdint.h>

/* Nothing is tried after this age: news of yesterday is none. */
#define PH_OUTBOX_MOST_AGE_MS (INT64_C(24) * 3600 * 1000)

/* How long to wait after the n-th failed try (1 …): 5 s, doubled each time, an hour at most, give or take
 * half of it by `unit` (0 … 1). */
int64_t ph_retry_wait_ms(int64_t tries, double unit);

/* Where a mail's transaction stood when the reply came. */
enum ph_smtp_stage {
    PH_SMTP_MAIL,    /* MAIL FROM */
    PH_SMTP_RCPT,    /* RCPT TO */
    PH_SMTP_DATA,    /* DATA */
    PH_SMTP_CONTENT, /* after the final dot */
};

enum ph_smtp_verdict {
    PH_SMTP_GO_ON,      /* this stage is passed; after the last one the mail is accepted */
    PH_SMTP_LATER,      /* passing, or the fault of our settings, not of this mail: try again */
    PH_SMTP_REFUSED,    /* this mail is refused for good */
    PH_SMTP_NO_MAILBOX, /* and every mail to this address will be */
};

/* `reply` is the last line of the reply, "550 5.1.1 No such user" (RFC 5321 section 4.2, RFC 3463). */
enum ph_smtp_verdict ph_smtp_judge(enum ph_smtp_stage stage, const char *reply);

#endif
