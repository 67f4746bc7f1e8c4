/* A mail's delivery. Its doubts and how each is settled:
 *
 *   the process dies before the final dot      the handover file says so: it is sent, once
 *   … after it                                 the file says so: it counts as sent (handover.h)
 *   the relay refuses, for now or for good     it has not got the mail: again later, or given up
 *   the relay is silent or hangs up after the  RFC 5321 section 4.2.5 lets no client take silence for a yes:
 * again later, as the dot, for ten minutes                       same Message-ID. It lives and had its time,
 * so most likely it has not got it; our own death says nothing of the kind */
#include "api/mail/mail_courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/outbox/events.h"
#include "api/outbox/retry.h"
#include "core/base/log.h"
#include "core/base/random.h"

/* Longer than all waits from DATA to the last reply. */
static const int64_t handing_lease_ms = 15 * 60 * 1000;

struct mail_courier {
    struct ph_courier base;
    struct ph_mail_courier_options options;
    struct ph_smtp *smtp;
    const struct ph_outbox_row *row; /* being delivered */
    int slot;                        /* of the handover file; -1: none */
    bool is_reachable;
};

static struct mail_courier *from_base(struct ph_courier *base) {
    return (struct mail_courier *)base;
}

static int64_t now_ms(struct mail_courier *courier) {
    return ph_clock_utc_us(courier->options.clock) / PH_MILLISECOND_US;
}

static int begin(void *opaque) {
    struct mail_courier *courier = opaque;
    courier->slot = ph_handover_take(courier->options.handover, courier->row->id);
    if (courier->slot < 0)
        return courier->slot;
    return ph_outbox_mark(courier->options.db, courier->row->id, ph_handover_owner(courier->options.handover),
        now_ms(courier) + handing_lease_ms);
}

static void give(void *opaque) {
    struct mail_courier *courier = opaque;
    ph_handover_give(courier->options.handover, courier->slot);
}

static void try_again(
    struct mail_courier *courier, const struct ph_outbox_row *row, struct ph_outbox_result *result) {
    result->outcome = PH_OUTBOX_AGAIN;
    result->next_ms = now_ms(courier) + ph_retry_wait_ms(row->attempts, ph_random_unit());
}

/* What a relay answers may repeat the address: of its text only the codes are kept. */
static void keep_codes(const char *reply, char reason[PH_OUTBOX_REASON_BYTES]) {
    size_t size = strspn(reply, "0123456789");
    if (reply[size] == ' ')
        size += 1 + strspn(reply + size + 1, "0123456789.");
    snprintf(reason, PH_OUTBOX_REASON_BYTES, "the relay answered %.*s", (int)(size < 16 ? size : 16), reply);
}

static void judge(struct mail_courier *courier, const struct ph_outbox_row *row,
    const struct ph_smtp_outcome *outcome, struct ph_outbox_result *result) {
    keep_codes(outcome->reply, result->reason);
    switch (ph_smtp_judge(outcome->stage, outcome->reply)) {
    case PH_SMTP_GO_ON:
        result->outcome = PH_OUTBOX_SENT;
        return;
    case PH_SMTP_LATER:
        try_again(courier, row, result);
        return;
    case PH_SMTP_NO_MAILBOX:
        result->suppress = true;
        result->outcome = PH_OUTBOX_FAILED;
        return;
    case PH_SMTP_REFUSED:
        result->outcome = PH_OUTBOX_FAILED;
        return;
    }
}

/* Says once that the relay cannot be reached, and once that it can. */
static void note_reachable(struct mail_courier *courier, bool is_reachable, const char *reason) {
    if (is_reachable == courier->is_reachable)
        return;
    courier->is_reachable = is_reachable;
    if (is_reachable)
        ph_log_info("mail relay is reached again");
    else
        ph_log_error("mail relay cannot be used; mails wait: check smtp_url", ph_str("reason", reason));
}

static bool judge_end(struct mail_courier *courier, const struct ph_outbox_row *row,
    const struct ph_smtp_outcome *outcome, struct ph_outbox_result *result) {
    if (outcome->end != PH_SMTP_STOPPED)
        note_reachable(courier, outcome->end != PH_SMTP_UNREACHABLE, outcome->reply);
    switch (outcome->end) {
    case PH_SMTP_REPLIED:
        judge(courier, row, outcome, result);
        return true;
    case PH_SMTP_UNREACHABLE:
        snprintf(result->reason, sizeof(result->reason), "%.200s", outcome->reply);
        try_again(courier, row, result);
        return true;
    case PH_SMTP_BROKEN:
        snprintf(result->reason, sizeof(result->reason), "the relay hung up or was silent");
        try_again(courier, row, result);
        return true;
    case PH_SMTP_STOPPED:
        if (outcome->was_given)
            return false;
        snprintf(result->reason, sizeof(result->reason), "the node stopped");
        result->outcome = PH_OUTBOX_AGAIN;
        result->next_ms = now_ms(courier);
        return true;
    }
    return true;
}

/* What is known not to be the relay's must not count as given if we die before the database has it. */
static bool conclude(struct mail_courier *courier, const struct ph_outbox_row *row,
    const struct ph_smtp_outcome *outcome, struct ph_outbox_result *result) {
    bool is_known = judge_end(courier, row, outcome, result);
    if (is_known && result->outcome != PH_OUTBOX_SENT && courier->slot >= 0) {
        ph_handover_clear(courier->options.handover, courier->slot);
        courier->slot = -1;
    }
    return is_known;
}

static bool give_up(struct ph_outbox_result *result, const char *reason) {
    result->outcome = PH_OUTBOX_FAILED;
    snprintf(result->reason, sizeof(result->reason), "%s", reason);
    return true;
}

static bool deliver(
    struct ph_courier *base, const struct ph_outbox_row *row, struct ph_outbox_result *result) {
    struct mail_courier *courier = from_base(base);
    struct ph_letter letter;
    struct ph_smtp_outcome outcome;
    courier->row = row;
    courier->slot = -1;
    int code = ph_letter_write(courier->options.house, row, now_ms(courier) / 1000, &letter);
    if (code == -EINVAL)
        return give_up(result, "the mail cannot be written: is its address one?");
    if (code == 0)
        code = ph_outbox_is_wanted(courier->options.db, row->event, letter.profile, letter.guardian);
    if (code <= 0) {
        ph_letter_finish(&letter);
        if (code == 0)
            return give_up(result, "the guardian wants it no more");
        try_again(courier, row, result);
        snprintf(result->reason, sizeof(result->reason), "the node was short of memory or database");
        return true;
    }
    const struct ph_smtp_hooks hooks = {begin, give, courier};
    ph_smtp_send(
        courier->smtp, letter.from, row->recipient, ph_bytes_slice(letter.message), &hooks, &outcome);
    ph_letter_finish(&letter);
    return conclude(courier, row, &outcome, result);
}

static void settled(struct ph_courier *base, const struct ph_outbox_row *row) {
    struct mail_courier *courier = from_base(base);
    (void)row;
    if (courier->slot >= 0)
        ph_handover_clear(courier->options.handover, courier->slot);
    courier->slot = -1;
}

static void cancel(struct ph_courier *base) {
    ph_smtp_cancel(from_base(base)->smtp);
}

static void destroy(struct ph_courier *base) {
    struct mail_courier *courier = from_base(base);
    ph_smtp_destroy(courier->smtp);
    free(courier);
}

int ph_mail_courier_create(struct ph_courier **result, const struct ph_mail_courier_options *options) {
    static const struct ph_courier_impl impl = {PH_OUTBOX_MAIL, deliver, settled, cancel, destroy};
    struct mail_courier *courier = calloc(1, sizeof(*courier));
    if (!courier)
        return -ENOMEM;
    courier->base.impl = &impl;
    courier->options = *options;
    courier->slot = -1;
    courier->is_reachable = true;
    int code = ph_smtp_create(&courier->smtp, &options->smtp);
    if (code < 0) {
        free(courier);
        return code;
    }
    *result = &courier->base;
    return 0;
}
