#include "api/webhook/webhook_courier.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/outbox/retry.h"
#include "api/webhook/address_guard.h"
#include "api/webhook/signature.h"
#include "api/webhook/webhooks_store.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/http/client.h"

/* What a receiver may cost: it answers soon, and what it says is thrown away. */
static const int64_t connect_us = 5 * PH_SECOND_US, exchange_us = 10 * PH_SECOND_US;
static const size_t most_answer_bytes = 64 * 1024;
static const int64_t most_retry_after_ms = 3600 * 1000;

struct webhook_courier {
    struct ph_courier base;
    struct ph_webhook_courier_options options;
    struct ph_http_client *client;
};

static struct webhook_courier *from_base(struct ph_courier *base) {
    return (struct webhook_courier *)base;
}

static int64_t now_ms(struct webhook_courier *courier) {
    return ph_clock_utc_us(courier->options.clock) / PH_MILLISECOND_US;
}

static bool may_connect(void *opaque, const struct sockaddr *address) {
    struct webhook_courier *courier = opaque;
    return ph_address_is_allowed(address, courier->options.allow_private);
}

/* The envelope; malloc'ed, NULL when out of memory or for a row that is no JSON. */
static char *write_body(const struct ph_outbox_row *row) {
    json_t *data = json_loads(row->payload, 0, NULL);
    json_t *body = data ? json_pack("{s:s, s:s, s:I, s:o}", "id", row->id, "event", row->event, "at",
                              (json_int_t)row->created_ms, "data", data)
                        : NULL;
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

static int post(struct webhook_courier *courier, const struct ph_webhook *webhook,
    const struct ph_outbox_row *row, struct ph_http_exchange *exchange) {
    char signature[PH_WEBHOOK_SIGNATURE_BYTES], event[64], delivery[64];
    char *body = write_body(row);
    if (!body)
        return -ENOMEM;
    struct ph_slice slice = {(const uint8_t *)body, strlen(body)};
    int code = ph_webhook_sign(webhook->secret, now_ms(courier) / 1000, slice, signature);
    snprintf(event, sizeof(event), "Porthole-Event: %s", row->event);
    snprintf(delivery, sizeof(delivery), "Porthole-Delivery: %s", row->id);
    const char *const headers[] = {
        "Content-Type: application/json", "User-Agent: Porthole", signature, event, delivery, NULL};
    *exchange = (struct ph_http_exchange){.method = "POST",
        .url = webhook->url,
        .headers = headers,
        .body = slice,
        .connect_timeout_us = connect_us,
        .timeout_us = exchange_us,
        .most_answer_bytes = most_answer_bytes,
        .authorities = courier->options.authorities,
        .may_connect = may_connect,
        .may_connect_opaque = courier};
    if (code == 0)
        code = ph_http_client_perform(courier->client, exchange);
    free(body);
    exchange->headers = NULL;
    return code;
}

static void explain(int code, unsigned status, char reason[PH_OUTBOX_REASON_BYTES]) {
    char name[64];
    if (code == -EPERM)
        snprintf(reason, PH_OUTBOX_REASON_BYTES, "its address is one that webhooks may not reach");
    else if (code < 0)
        snprintf(reason, PH_OUTBOX_REASON_BYTES, "%s", ph_error_name(code, name, sizeof(name)));
    else
        snprintf(reason, PH_OUTBOX_REASON_BYTES, "it answered %u", status);
}

static int64_t wait_ms(int64_t tries, const struct ph_http_exchange *exchange) {
    int64_t wait = ph_retry_wait_ms(tries, ph_random_unit());
    int64_t asked_ms = exchange->retry_after_us / PH_MILLISECOND_US;
    if (asked_ms > most_retry_after_ms)
        asked_ms = most_retry_after_ms;
    return asked_ms > wait ? asked_ms : wait;
}

/* The receiver's state is for people and for leaving it alone; that it is not written once does no harm. */
static void report(struct webhook_courier *courier, const struct ph_webhook *webhook, unsigned status,
    const struct ph_outbox_result *result) {
    bool was_disabled;
    int64_t now = now_ms(courier);
    int code = ph_webhook_note(courier->options.db, webhook->id,
        &(struct ph_webhook_report){.is_good = result->outcome == PH_OUTBOX_SENT,
            .is_gone = status == 410,
            .reason = result->reason,
            .now_ms = now,
            .retry_ms = now + ph_retry_wait_ms(webhook->failures + 1, ph_random_unit())},
        &was_disabled);
    if (code < 0)
        ph_log_warning("webhook's state was not written", ph_str("webhook", webhook->id), ph_code(code));
    if (code == 0 && was_disabled)
        ph_log_warning("webhook is disabled: it took nothing for too long, or wants no more",
            ph_str("webhook", webhook->id), ph_str("reason", result->reason));
}

static bool deliver(
    struct ph_courier *base, const struct ph_outbox_row *row, struct ph_outbox_result *result) {
    struct webhook_courier *courier = from_base(base);
    struct ph_webhook webhook = {0};
    struct ph_http_exchange exchange = {0};
    int code = ph_webhook_find(courier->options.db, row->recipient, &webhook);
    if (code == -ENOENT) {
        result->outcome = PH_OUTBOX_FAILED;
        snprintf(result->reason, sizeof(result->reason), "the webhook was removed");
        return true;
    }
    if (code == 0)
        code = post(courier, &webhook, row, &exchange);
    bool is_good = code == 0 && exchange.status >= 200 && exchange.status < 300;
    result->outcome = is_good ? PH_OUTBOX_SENT : exchange.status == 410 ? PH_OUTBOX_FAILED : PH_OUTBOX_AGAIN;
    result->next_ms = now_ms(courier) + (code == -ECANCELED ? 0 : wait_ms(row->attempts, &exchange));
    if (!is_good)
        explain(code, exchange.status, result->reason);
    if (code != -ECANCELED && *webhook.id)
        report(courier, &webhook, exchange.status, result);
    explicit_bzero(webhook.secret, sizeof(webhook.secret));
    ph_http_exchange_finish(&exchange);
    return true;
}

static void settled(struct ph_courier *base, const struct ph_outbox_row *row) {
    (void)base, (void)row;
}

static void cancel(struct ph_courier *base) {
    ph_http_client_cancel(from_base(base)->client);
}

static void destroy(struct ph_courier *base) {
    struct webhook_courier *courier = from_base(base);
    ph_http_client_destroy(courier->client);
    free(courier);
}

int ph_webhook_courier_create(struct ph_courier **result, const struct ph_webhook_courier_options *options) {
    static const struct ph_courier_impl impl = {PH_OUTBOX_WEBHOOK, deliver, settled, cancel, destroy};
    struct webhook_courier *courier = calloc(1, sizeof(*courier));
    if (!courier)
        return -ENOMEM;
    courier->base.impl = &impl;
    courier->options = *options;
    int code = ph_http_client_create(&courier->client);
    if (code < 0) {
        free(courier);
        return code;
    }
    *result = &courier->base;
    return 0;
}
