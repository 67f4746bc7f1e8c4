#include "api/messenger.h"

#include <stdlib.h>
#include <string.h>

#include "api/mail/mail_courier.h"
#include "api/mail/unsubscribe_page.h"
#include "api/outbox/events.h"
#include "api/outbox/sender.h"
#include "api/webhook/webhook_courier.h"
#include "api/webhook/webhooks.h"
#include "core/base/log.h"

/* A relay takes a mail in some tens of milliseconds; a receiver of webhooks may take its ten seconds, and may
 * hold up nobody else's. */
enum { MAIL_COURIERS = 4, WEBHOOK_COURIERS = 12 };

struct ph_messenger {
    struct ph_session_observer observer;
    struct ph_messenger_options options;
    struct ph_words *words;
    struct ph_letter_house house;
    struct ph_handover *handover;
    struct ph_outbox_sender *sender;
    struct ph_unsubscribe_resource unsubscribe;
    struct ph_webhooks_resource webhooks;
};

static int changed(struct ph_session_observer *observer, struct ph_db_transaction *transaction,
    const struct ph_session_change *change) {
    (void)observer;
    if (change->is_first_live)
        return ph_outbox_session_started(transaction, change->session, change->at_ms);
    if (!change->is_new && ph_session_state_is_over(change->session->state))
        return ph_outbox_session_ended(transaction, change->session, change->at_ms);
    return 0;
}

static int settle(void *opaque, const char *owner, const char (*given)[PH_SESSION_ID_BYTES], size_t count) {
    struct ph_messenger *messenger = opaque;
    int64_t now_ms = ph_clock_utc_us(messenger->options.clock) / PH_MILLISECOND_US;
    int code = ph_outbox_settle_owner(messenger->options.db, owner, given, count, now_ms);
    if (code == 0 && count > 0)
        ph_log_info(
            "mails that were handed over as this node died count as sent", ph_int("mails", (int64_t)count));
    return code;
}

static bool allows_private(const struct ph_settings *settings) {
    return strcmp(settings->webhook_private_addresses, "yes") == 0;
}

static int add_mail_courier(struct ph_messenger *messenger) {
    const struct ph_settings *settings = messenger->options.settings;
    struct ph_courier *courier;
    int code =
        ph_mail_courier_create(&courier, &(struct ph_mail_courier_options){.db = messenger->options.db,
                                             .clock = messenger->options.clock,
                                             .handover = messenger->handover,
                                             .house = &messenger->house,
                                             .smtp = {.url = settings->smtp_url,
                                                 .may_be_plain = strcmp(settings->smtp_tls, "optional") == 0,
                                                 .authorities = settings->ca_file}});
    return code < 0 ? code : ph_outbox_sender_add(messenger->sender, courier);
}

static int add_webhook_courier(struct ph_messenger *messenger) {
    struct ph_courier *courier;
    int code = ph_webhook_courier_create(
        &courier, &(struct ph_webhook_courier_options){.db = messenger->options.db,
                      .clock = messenger->options.clock,
                      .authorities = messenger->options.settings->ca_file,
                      .allow_private = allows_private(messenger->options.settings)});
    return code < 0 ? code : ph_outbox_sender_add(messenger->sender, courier);
}

static int create_sender(struct ph_messenger *messenger) {
    const struct ph_messenger_options *options = &messenger->options;
    int code =
        ph_outbox_sender_create(&messenger->sender, &(struct ph_outbox_sender_options){.db = options->db,
                                                        .clock = options->clock,
                                                        .metrics = options->metrics,
                                                        .owner = ph_handover_owner(messenger->handover)});
    for (int i = 0; code == 0 && *options->settings->smtp_url && i < MAIL_COURIERS; i++)
        code = add_mail_courier(messenger);
    for (int i = 0; code == 0 && i < WEBHOOK_COURIERS; i++)
        code = add_webhook_courier(messenger);
    return code;
}

static int create_parts(struct ph_messenger *messenger) {
    const struct ph_settings *settings = messenger->options.settings;
    int code = ph_words_create(&messenger->words);
    messenger->house = (struct ph_letter_house){.words = messenger->words,
        .public_url = settings->public_url,
        .mail_from = settings->mail_from,
        .secret = settings->jwt_secret};
    messenger->unsubscribe = (struct ph_unsubscribe_resource){
        .db = messenger->options.db, .words = messenger->words, .secret = settings->jwt_secret};
    messenger->webhooks = (struct ph_webhooks_resource){.db = messenger->options.db,
        .clock = messenger->options.clock,
        .allow_private = allows_private(settings)};
    if (code == 0)
        code = ph_handover_open(&messenger->handover, settings->data_dir, settle, messenger);
    return code < 0 ? code : create_sender(messenger);
}

int ph_messenger_create(
    struct ph_messenger **result, const struct ph_messenger_options *options, struct ph_error *error) {
    static const struct ph_session_observer_impl impl = {changed};
    char reason[64];
    struct ph_messenger *messenger = calloc(1, sizeof(*messenger));
    if (!messenger)
        return ph_error_set(error, -ENOMEM, "out of memory");
    messenger->observer.impl = &impl;
    messenger->options = *options;
    int code = create_parts(messenger);
    if (code < 0) {
        ph_messenger_destroy(messenger);
        return ph_error_set(error, code, "mails and webhooks cannot start: %s: check data_dir",
            ph_error_name(code, reason, sizeof(reason)));
    }
    *result = messenger;
    return 0;
}

struct ph_session_observer *ph_messenger_observer(struct ph_messenger *messenger) {
    return &messenger->observer;
}

int ph_messenger_add_routes(
    struct ph_messenger *messenger, struct ph_dispatch *dispatch, struct ph_http_server *server) {
    int code = ph_dispatch_add_routes(
        dispatch, server, ph_unsubscribe_routes, ph_unsubscribe_route_count, &messenger->unsubscribe);
    if (code == 0)
        code = ph_dispatch_add_routes(
            dispatch, server, ph_webhooks_routes, ph_webhooks_route_count, &messenger->webhooks);
    return code;
}

int ph_messenger_start(struct ph_messenger *messenger) {
    return ph_outbox_sender_start(messenger->sender);
}

void ph_messenger_stop(struct ph_messenger *messenger) {
    if (messenger && messenger->sender)
        ph_outbox_sender_stop(messenger->sender);
}

void ph_messenger_destroy(struct ph_messenger *messenger) {
    if (!messenger)
        return;
    ph_outbox_sender_destroy(messenger->sender);
    ph_handover_close(messenger->handover);
    ph_words_destroy(messenger->words);
    free(messenger);
}
