#include "api/outbox/retry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const int64_t first_wait_ms = 5000, most_wait_ms = 3600 * 1000;

int64_t ph_retry_wait_ms(int64_t tries, double unit) {
    int64_t wait_ms = first_wait_ms;
    for (int64_t i = 1; i < tries && wait_ms < most_wait_ms; i++)
        wait_ms *= 2;
    if (wait_ms > most_wait_ms)
        wait_ms = most_wait_ms;
    return (int64_t)((double)wait_ms * (0.5 + unit));
}

/* Enhanced status codes that say of the address itself that it takes no mail (RFC 3463, and RFC 7505's 5.1.10
 * for domains without any). */
static bool is_dead_mailbox(const char *status) {
    static const char *const dead[] = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"};
    size_t size = strcspn(status, " ");
    for (size_t i = 0; i < sizeof(dead) / sizeof(dead[0]); i++) {
        if (strlen(dead[i]) == size && strncmp(status, dead[i], size) == 0)
            return true;
    }
    return false;
}

static bool has_enhanced_status(const char *text) {
    return text[0] == '5' && text[1] == '.' && text[2] >= '0' && text[2] <= '9';
}

/* A recipient that is refused for good. Without an enhanced status the basic code has to do: 550, 551 and 553
 * speak of the mailbox, 552 and 554 of its size or of us. */
static enum ph_smtp_verdict judge_recipient(long code, const char *text) {
    if (has_enhanced_status(text))
        return is_dead_mailbox(text) ? PH_SMTP_NO_MAILBOX : PH_SMTP_REFUSED;
    return code == 550 || code == 551 || code == 553 ? PH_SMTP_NO_MAILBOX : PH_SMTP_REFUSED;
}

enum ph_smtp_verdict ph_smtp_judge(enum ph_smtp_stage stage, const char *reply) {
    char *text;
    long code = strtol(reply, &text, 10);
    if (*text == ' ' || *text == '-')
        text++;
    if (stage == PH_SMTP_DATA && code == 354)
        return PH_SMTP_GO_ON;
    if (stage != PH_SMTP_DATA && code >= 200 && code < 300)
        return PH_SMTP_GO_ON;
    if (code < 500 || code > 599)
        return PH_SMTP_LATER;
    /* Who refuses the sender, or wants us to log in, will refuse every mail until our settings are right. */
    if (stage == PH_SMTP_MAIL || code == 530 || code == 538 || code == 503)
        return PH_SMTP_LATER;
    return stage == PH_SMTP_RCPT ? judge_recipient(code, text) : PH_SMTP_REFUSED;
}
