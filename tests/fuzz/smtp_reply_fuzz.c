/* links: ph_api */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/outbox/retry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *reply = malloc(size + 1);
    if (!reply)
        return 0;
    memcpy(reply, data, size);
    reply[size] = '\0';
    for (int stage = PH_SMTP_MAIL; stage <= PH_SMTP_CONTENT; stage++) {
        enum ph_smtp_verdict verdict = ph_smtp_judge((enum ph_smtp_stage)stage, reply);
        /* An address is suppressed for what was said of it alone. */
        if (verdict > PH_SMTP_NO_MAILBOX || (verdict == PH_SMTP_NO_MAILBOX && stage != PH_SMTP_RCPT))
            abort();
    }
    free(reply);
    return 0;
}
