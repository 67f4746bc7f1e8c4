#include "api/outbox/events.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/outbox/outbox.h"
#include "api/sessions_store.h"
#include "core/db/sql.h"

/* Guardians of one profile that get a mail; the rest of a longer list gets none. */
enum { MOST_GUARDIANS = 32, MOST_WEBHOOKS = 64, KEY_BYTES = 96, LANGUAGE_BYTES = 16 };

/* An event, and which of a guardian's wishes it belongs to. */
struct kind {
    const char *event;
    const char *select_guardians; /* NULL: no mails */
    const char *is_wanted, *unsubscribe;
};

#define WISH(column)                                                                                         \
    .select_guardians =                                                                                      \
        "SELECT g.subject, g.mail_address, g.language, p.display_name FROM guardians AS g "                  \
        "JOIN profiles AS p ON p.subject = g.profile WHERE g.profile = $1 AND g." column                     \
        " = 1 AND g.mail_address <> '' AND NOT EXISTS (SELECT 1 FROM mail_suppressions AS s WHERE "          \
        "s.address = lower(g.mail_address)) ORDER BY g.subject LIMIT $2",                                    \
    .is_wanted = "SELECT 1 FROM guardians WHERE profile = $1 AND subject = $2 AND " column " = 1",           \
    .unsubscribe = "UPDATE guardians SET " column " = 0 WHERE profile = $1 AND subject = $2"

static const struct kind kinds[] = {
    {"session.started", WISH("wants_started")},
    {"session.ended", WISH("wants_ended")},
    {"recording.ready", WISH("wants_recording")},
    {.event = "recording.deleted"},
    {.event = "worker.died"},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct guardian {
    char subject[PH_SUBJECT_BYTES];
    char address[PH_MOST_RECIPIENT_BYTES];
    char language[LANGUAGE_BYTES];
    char name[PH_SUBJECT_BYTES]; /* of the profile */
};

static const struct kind *kind_of(const char *event) {
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].event, event) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* Whether "session.*" or "session.started" takes "session.started". */
static bool takes(const char *pattern, size_t size, const char *event) {
    if (size >= 2 && strncmp(pattern + size - 2, ".*", 2) == 0)
        return strncmp(event, pattern, size - 1) == 0;
    return strlen(event) == size && strncmp(event, pattern, size) == 0;
}

bool ph_outbox_is_event(const char *pattern) {
    for (size_t i = 0; i < KINDS; i++) {
        if (takes(pattern, strlen(pattern), kinds[i].event))
            return true;
    }
    return false;
}

static bool is_asked_for(const char *patterns, const char *event) {
    while (*patterns) {
        size_t size = strcspn(patterns, " ");
        if (takes(patterns, size, event))
            return true;
        patterns += size + (patterns[size] == ' ');
    }
    return false;
}

static void take_guardian(void *rows, size_t index, struct ph_db_statement *row) {
    struct guardian *guardian = (struct guardian *)rows + index;
    snprintf(guardian->subject, sizeof(guardian->subject), "%s", ph_db_text(row, 0));
    snprintf(guardian->address, sizeof(guardian->address), "%s", ph_db_text(row, 1));
    snprintf(guardian->language, sizeof(guardian->language), "%s", ph_db_text(row, 2));
    snprintf(guardian->name, sizeof(guardian->name), "%s", ph_db_text(row, 3));
}

/* Takes over `payload`. */
static int add(struct ph_db_transaction *transaction, enum ph_outbox_kind kind, const char *key,
    const char *recipient, const char *event, json_t *payload, int64_t now_ms) {
    char *text = payload ? json_dumps(payload, JSON_COMPACT) : NULL;
    int code =
        text ? ph_outbox_add(transaction,
                   &(struct ph_outbox_note){
                       .kind = kind, .key = key, .recipient = recipient, .event = event, .payload = text},
                   now_ms)
             : -ENOMEM;
    free(text);
    json_decref(payload);
    return code;
}

static int add_mails(struct ph_db_transaction *transaction, const struct kind *kind, const char *key,
    const char *profile, json_t *data, int64_t now_ms) {
    struct guardian *guardians = calloc(MOST_GUARDIANS, sizeof(*guardians));
    if (!guardians)
        return -ENOMEM;
    int count = ph_db_query(transaction,
        PH_SQL(kind->select_guardians, ph_sql_text(profile), ph_sql_integer(MOST_GUARDIANS)), MOST_GUARDIANS,
        take_guardian, guardians);
    int code = count < 0 ? count : 0;
    for (int i = 0; code == 0 && i < count; i++)
        code = add(transaction, PH_OUTBOX_MAIL, key, guardians[i].address, kind->event,
            json_pack("{s:s, s:s, s:s, s:s, s:O}", "profile", profile, "guardian", guardians[i].subject,
                "language", guardians[i].language, "name", guardians[i].name, "data", data),
            now_ms);
    free(guardians);
    return code;
}

/* The webhooks that ask for an event. */
struct subscribers {
    const char *event;
    char ids[MOST_WEBHOOKS][PH_SESSION_ID_BYTES];
    size_t count;
};

static void take_subscriber(void *opaque, size_t index, struct ph_db_statement *row) {
    struct subscribers *subscribers = opaque;
    (void)index;
    if (is_asked_for(ph_db_text(row, 1), subscribers->event))
        snprintf(subscribers->ids[subscribers->count++], PH_SESSION_ID_BYTES, "%s", ph_db_text(row, 0));
}

static int add_deliveries(
    struct ph_db_transaction *transaction, const char *event, const char *key, json_t *data, int64_t now_ms) {
    struct subscribers subscribers = {.event = event};
    int code = ph_db_query(transaction,
        PH_SQL("SELECT id, events FROM webhooks WHERE state = 'active' ORDER BY created_ms, id"),
        MOST_WEBHOOKS, take_subscriber, &subscribers);
    for (size_t i = 0; code >= 0 && i < subscribers.count; i++)
        code = add(transaction, PH_OUTBOX_WEBHOOK, key, subscribers.ids[i], event, json_incref(data), now_ms);
    return code < 0 ? code : 0;
}

/* Takes over `data`. `owner` NULL: no mails. */
static int tell(struct ph_db_transaction *transaction, const char *event, const char *subject,
    const char *owner, json_t *data, int64_t now_ms) {
    const struct kind *kind = kind_of(event);
    char key[KEY_BYTES];
    snprintf(key, sizeof(key), "%s:%s", event, subject);
    int code = !data ? -ENOMEM : !kind ? -EINVAL : 0;
    if (code == 0 && owner && kind->select_guardians)
        code = add_mails(transaction, kind, key, owner, data, now_ms);
    if (code == 0)
        code = add_deliveries(transaction, event, key, data, now_ms);
    if (code == 0)
        code = ph_db_notify(transaction, PH_OUTBOX_CHANNEL, "");
    json_decref(data);
    return code;
}

static json_t *time_or_null(int64_t time_ms) {
    return time_ms ? json_integer(time_ms) : json_null();
}

static json_t *describe(const struct ph_session *session) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o}", "sessionId", session->id, "owner",
        session->owner, "title", session->title, "visibility", ph_visibility_name(session->visibility),
        "state", ph_session_state_name(session->state), "reason", session->reason, "record", session->record,
        "startedAt", time_or_null(session->started_ms), "endedAt", time_or_null(session->ended_ms));
}

int ph_outbox_session_started(
    struct ph_db_transaction *transaction, const struct ph_session *session, int64_t now_ms) {
    return tell(transaction, "session.started", session->id, session->owner, describe(session), now_ms);
}

int ph_outbox_session_ended(
    struct ph_db_transaction *transaction, const struct ph_session *session, int64_t now_ms) {
    if (!session->started_ms)
        return 0;
    return tell(transaction, "session.ended", session->id, session->owner, describe(session), now_ms);
}

static json_t *describe_recording(const struct ph_recording_note *recording) {
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "recordingId", recording->id, "sessionId",
        recording->session, "owner", recording->owner, "title", recording->title, "durationMs",
        (json_int_t)recording->duration_ms, "bytes", (json_int_t)recording->bytes, "thumbnail",
        recording->thumbnail);
}

int ph_outbox_recording_ready(
    struct ph_db_transaction *transaction, const struct ph_recording_note *recording, int64_t now_ms) {
    return tell(transaction, "recording.ready", recording->id, recording->is_clip ? NULL : recording->owner,
        describe_recording(recording), now_ms);
}

int ph_outbox_recording_deleted(
    struct ph_db_transaction *transaction, const struct ph_recording_note *recording, int64_t now_ms) {
    return tell(transaction, "recording.deleted", recording->id, NULL, describe_recording(recording), now_ms);
}

int ph_outbox_worker_event(
    struct ph_db_transaction *transaction, const struct ph_worker_note *note, int64_t now_ms) {
    return tell(transaction, note->event, note->id, NULL,
        json_pack(
            "{s:s, s:s, s:s}", "worker", note->worker, "sessionId", note->session, "reason", note->reason),
        now_ms);
}

int ph_outbox_is_wanted(struct ph_db *db, const char *event, const char *profile, const char *guardian) {
    const struct kind *kind = kind_of(event);
    if (!kind || !kind->is_wanted)
        return -EINVAL;
    return ph_db_read(
        db, PH_SQL(kind->is_wanted, ph_sql_text(profile), ph_sql_text(guardian)), 1, NULL, NULL);
}

int ph_outbox_unsubscribe(struct ph_db *db, const char *event, const char *profile, const char *guardian) {
    const struct kind *kind = kind_of(event);
    if (!kind || !kind->unsubscribe)
        return -ENOENT;
    return ph_db_found(
        ph_db_write(db, PH_SQL(kind->unsubscribe, ph_sql_text(profile), ph_sql_text(guardian))));
}
