#include "api/mail/letter.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/mail/mime.h"
#include "api/mail/unsubscribe.h"
#include "api/session_view.h"
#include "api/token.h"

enum { TOKEN_S = 24 * 3600, URL_BYTES = 8192, NAME_BYTES = 128 };

/* What the payload says; texts are borrowed from it. */
struct payload {
    const char *profile, *guardian, *language, *name;
    const char *session, *recording, *title, *thumbnail;
    bool is_recorded;
    int64_t duration_ms;
};

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool read_payload(const json_t *root, struct payload *payload) {
    const json_t *data = json_object_get(root, "data");
    const json_t *duration = json_object_get(data, "durationMs");
    int64_t started_ms = json_integer_value(json_object_get(data, "startedAt"));
    int64_t ended_ms = json_integer_value(json_object_get(data, "endedAt"));
    *payload = (struct payload){.profile = text_of(root, "profile"),
        .guardian = text_of(root, "guardian"),
        .language = text_of(root, "language"),
        .name = text_of(root, "name"),
        .session = text_of(data, "sessionId"),
        .recording = text_of(data, "recordingId"),
        .title = text_of(data, "title"),
        .thumbnail = text_of(data, "thumbnail"),
        .is_recorded = json_is_true(json_object_get(data, "record")),
        .duration_ms = duration                ? json_integer_value(duration)
                       : ended_ms > started_ms ? ended_ms - started_ms
                       : ended_ms > 0          ? 0
                                               : -1};
    return *payload->profile && *payload->guardian && *payload->session;
}

/* The page the button leads to. The token lets this guardian in, and only while it is one. It stands behind
 * "#": browsers send that to no server, so it is in nobody's log. */
static int make_action(const struct ph_letter_house *house, const char *event, const struct payload *payload,
    int64_t now_s, char url[URL_BYTES]) {
    char *token = NULL;
    int code = ph_token_make(house->secret,
        &(struct ph_token_claims){.role = "viewer",
            .subject = payload->guardian,
            .session = payload->session,
            .is_confined = true,
            .now_s = now_s,
            .expires_s = now_s + TOKEN_S},
        &token, NULL);
    if (code < 0)
        return code;
    if (strcmp(event, "session.started") == 0)
        snprintf(url, URL_BYTES, "%s/watch/%s#token=%s", house->public_url, payload->session, token);
    else if (*payload->recording)
        snprintf(url, URL_BYTES, "%s/recordings?recording=%s#token=%s", house->public_url, payload->recording,
            token);
    else
        snprintf(url, URL_BYTES, "%s/recordings#token=%s", house->public_url, token);
    explicit_bzero(token, strlen(token));
    free(token);
    return 0;
}

static int make_unsubscribe(const struct ph_letter_house *house, const char *event,
    const struct payload *payload, const char *language, char url[URL_BYTES]) {
    struct ph_unsubscription wish = {0};
    char *text = NULL;
    snprintf(wish.event, sizeof(wish.event), "%s", event);
    snprintf(wish.profile, sizeof(wish.profile), "%s", payload->profile);
    snprintf(wish.guardian, sizeof(wish.guardian), "%s", payload->guardian);
    snprintf(wish.language, sizeof(wish.language), "%s", language);
    int code = ph_unsubscription_sign(house->secret, &wish, &text);
    if (code < 0)
        return code;
    snprintf(url, URL_BYTES, "%s/api/mail/unsubscribe?wish=%s", house->public_url, text);
    free(text);
    return 0;
}

/* The sender, "no-reply" at our host when none is set. */
static bool find_sender(const struct ph_letter_house *house, char *name, char *address) {
    char host[256];
    if (*house->mail_from)
        return ph_mail_split_sender(house->mail_from, name, NAME_BYTES, address, PH_MOST_RECIPIENT_BYTES);
    if (!ph_url_host(house->public_url, host, sizeof(host)))
        return false;
    snprintf(name, NAME_BYTES, "Porthole");
    snprintf(address, PH_MOST_RECIPIENT_BYTES, "no-reply@%s", host);
    return ph_mail_is_address(address);
}

static int write_message(const struct ph_letter_house *house, const struct ph_outbox_row *row, int64_t now_s,
    const struct payload *payload, struct ph_letter *letter) {
    char action[URL_BYTES], unsubscribe[URL_BYTES], name[NAME_BYTES], id[PH_SESSION_ID_BYTES + 260];
    struct ph_letter_text text = {0};
    struct ph_builder builder = {0};
    const char *language = ph_words_language(house->words, payload->language);
    if (!find_sender(house, name, letter->from))
        return -EINVAL;
    /* The row's id: a mail that is sent again is the same mail. */
    snprintf(id, sizeof(id), "%s%.256s", row->id, strchr(letter->from, '@'));
    int code = make_action(house, row->event, payload, now_s, action);
    if (code == 0)
        code = make_unsubscribe(house, row->event, payload, language, unsubscribe);
    if (code == 0)
        code = ph_letter_compose(house->words,
            &(struct ph_letter_words){.language = language,
                .event = row->event,
                .name = payload->name,
                .title = payload->title,
                .duration_ms = payload->duration_ms,
                .is_recorded = payload->is_recorded,
                .picture = payload->thumbnail,
                .action = action,
                .unsubscribe = unsubscribe},
            &text);
    if (code == 0)
        code = ph_mime_write(&builder, &(struct ph_mail){.from_name = name,
                                           .from_address = letter->from,
                                           .to = row->recipient,
                                           .subject = text.subject,
                                           .id = id,
                                           .date_s = now_s,
                                           .language = language,
                                           .unsubscribe = unsubscribe,
                                           .text = text.text,
                                           .html = text.html});
    explicit_bzero(action, sizeof(action));
    ph_letter_text_finish(&text);
    letter->message = ph_builder_finish(&builder);
    if (code == 0 && !letter->message)
        code = -ENOMEM;
    return code;
}

int ph_letter_write(const struct ph_letter_house *house, const struct ph_outbox_row *row, int64_t now_s,
    struct ph_letter *letter) {
    struct payload payload;
    *letter = (struct ph_letter){0};
    json_t *root = json_loads(row->payload, 0, NULL);
    int code = root && read_payload(root, &payload) ? 0 : -EINVAL;
    if (code == 0) {
        snprintf(letter->profile, sizeof(letter->profile), "%s", payload.profile);
        snprintf(letter->guardian, sizeof(letter->guardian), "%s", payload.guardian);
        code = write_message(house, row, now_s, &payload, letter);
    }
    if (code < 0)
        ph_letter_finish(letter);
    json_decref(root);
    return code;
}

void ph_letter_finish(struct ph_letter *letter) {
    ph_bytes_unref(&letter->message);
}
