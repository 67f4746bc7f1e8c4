#include "api/profile_request.h"

#include <stdio.h>
#include <string.h>

#include "api/auth.h"

static bool is_avatar_url(const char *text) {
    return *text == '\0' ||
           (strncmp(text, "https://", 8) == 0 && text[8] != '\0' && strpbrk(text, " \"<>\\^`{|}") == NULL);
}

/* The shape of an address, no more: whether it exists, its mails will tell (RFC 5321, section 4.1.2). */
static bool is_mail_address(const char *text) {
    const char *at = strrchr(text, '@');
    return *text == '\0' || (at && at > text && at - text <= 64 && at[1] && at[1] != '.' &&
                                strpbrk(text, " \"(),:;<>[\\]") == NULL && strchr(text, '@') == at);
}

static void take_mail_kind(void *opaque, const char *text) {
    struct ph_guardian *guardian = opaque;
    for (int kind = 0; kind < PH_MAIL_KINDS; kind++)
        guardian->wants[kind] |= strcmp(text, ph_mail_kinds[kind]) == 0;
}

static bool is_mail_kind(const char *text) {
    for (int kind = 0; kind < PH_MAIL_KINDS; kind++) {
        if (strcmp(text, ph_mail_kinds[kind]) == 0)
            return true;
    }
    return false;
}

static void take_guardian(struct ph_body *body, struct ph_guardian *guardian) {
    static const struct ph_text_rule subject_rule = {.least = 1, .most = PH_MOST_SUBJECT_CHARACTERS};
    static const struct ph_text_rule address_rule = {
        .most = PH_MAIL_ADDRESS_BYTES - 1, .has_form = is_mail_address, .form = "a mail address"};
    static const struct ph_text_rule kind_rule = {
        .most = 16, .has_form = is_mail_kind, .form = "\"started\", \"ended\" or \"recording\""};
    int language = 0;
    ph_body_require(body, "subject");
    ph_body_text(body, "subject", subject_rule, guardian->subject, sizeof(guardian->subject));
    ph_body_text(body, "mail", address_rule, guardian->mail_address, sizeof(guardian->mail_address));
    ph_body_choice(body, "language", ph_languages, PH_LANGUAGES, &language);
    snprintf(guardian->language, sizeof(guardian->language), "%s", ph_languages[language]);
    ph_body_texts(body, "wants", PH_MAIL_KINDS, kind_rule, take_mail_kind, guardian);
}

static bool is_repeated(const struct ph_profile *profile, const char *subject) {
    for (size_t i = 0; i < profile->guardian_count; i++) {
        if (strcmp(profile->guardians[i].subject, subject) == 0)
            return true;
    }
    return false;
}

static void take_guardians(struct ph_body *body, struct ph_profile *profile) {
    if (!ph_body_enter_list(body, "guardians", PH_MOST_GUARDIANS))
        return;
    while (ph_body_next(body)) {
        struct ph_guardian *guardian = &profile->guardians[profile->guardian_count];
        take_guardian(body, guardian);
        if (is_repeated(profile, guardian->subject))
            ph_body_refuse(body, "subject", "is a guardian already");
        profile->guardian_count++;
        ph_body_leave(body);
    }
    ph_body_leave(body);
}

int ph_profile_request_parse(struct ph_slice bytes, struct ph_profile *profile, struct ph_body_fault *fault) {
    static const struct ph_text_rule name_rule = {.least = 1, .most = PH_MOST_NAME_CHARACTERS};
    static const struct ph_text_rule avatar_rule = {
        .most = PH_AVATAR_URL_BYTES - 1, .has_form = is_avatar_url, .form = "an https:// URL"};
    struct ph_body body;
    *profile = (struct ph_profile){0};
    ph_body_open(&body, bytes);
    ph_body_require(&body, "displayName");
    ph_body_text(&body, "displayName", name_rule, profile->display_name, sizeof(profile->display_name));
    ph_body_text(&body, "avatarUrl", avatar_rule, profile->avatar_url, sizeof(profile->avatar_url));
    take_guardians(&body, profile);
    return ph_body_close(&body, fault);
}
