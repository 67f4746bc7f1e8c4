/* Delivers the outbox's mails to an SMTP relay. */
#ifndef PH_API_MAIL_MAIL_COURIER_H
#define PH_API_MAIL_MAIL_COURIER_H

#include "api/mail/letter.h"
#include "api/mail/smtp.h"
#include "api/outbox/courier.h"
#include "api/outbox/handover.h"
#include "core/base/clock.h"

struct ph_mail_courier_options {
    struct ph_db *db; /* all borrowed */
    struct ph_clock *clock;
    struct ph_handover *handover;
    const struct ph_letter_house *house;
    struct ph_smtp_options smtp;
};

int ph_mail_courier_create(
    struct ph_courier **courier, const struct ph_mail_courier_options *options) PH_NODISCARD;

#endif
