#include "api/events.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/text.h"
#include "core/db/sql.h"

const char ph_events_channel[] = "porthole_events";

static const char *const names[PH_EVENT_TYPES] = {"state", "viewers", "chat", "health", "recording"};

const char *ph_event_type_name(enum ph_event_type type) {
    return names[type];
}

static int parse_type(const char *name, size_t size) {
    for (int i = 0; i < PH_EVENT_TYPES; i++) {
        if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
            return i;
    }
    return -1;
}

void ph_events_key(const char *session, char key[PH_EVENTS_KEY_BYTES]) {
    snprintf(key, PH_EVENTS_KEY_BYTES, "session:%s", session);
}

int ph_events_number(struct ph_db_transaction *transaction, const char *session, int64_t *sequence) {
    int64_t number =
        ph_db_number(transaction, PH_SQL("INSERT INTO event_heads (session, last) VALUES ($1, 1) ON CONFLICT "
                                         "(session) DO UPDATE SET last = event_heads.last + 1 RETURNING last",
                                      ph_sql_text(session)));
    if (number < 0)
        return (int)number;
    *sequence = number;
    return 0;
}

static int64_t keep(struct ph_db_transaction *transaction, const struct ph_event *event) {
    return ph_db_change(transaction,
        PH_SQL("INSERT INTO events (session, sequence, type, body, at_ms) VALUES ($1, $2, $3, $4, $5)",
            ph_sql_text(event->session), ph_sql_integer(event->sequence), ph_sql_text(names[event->type]),
            ph_sql_text(event->body), ph_sql_integer(event->at_ms)));
}

static int64_t drop_up_to(struct ph_db_transaction *transaction, const char *session, int64_t sequence) {
    return ph_db_change(transaction, PH_SQL("DELETE FROM events WHERE session = $1 AND sequence <= $2",
                                         ph_sql_text(session), ph_sql_integer(sequence)));
}

int ph_events_put(struct ph_db_transaction *transaction, const struct ph_event *event) {
    char payload[PH_MOST_EVENT_BODY_BYTES + 128];
    if (strlen(event->body) > PH_MOST_EVENT_BODY_BYTES)
        return -EINVAL;
    int64_t code = 0;
    if (event->sequence)
        code = keep(transaction, event);
    if (code >= 0 && event->sequence > PH_EVENTS_KEPT)
        code = drop_up_to(transaction, event->session, event->sequence - PH_EVENTS_KEPT);
    if (code < 0)
        return (int)code;
    snprintf(payload, sizeof(payload), "%s %s %" PRId64 " %s", names[event->type], event->session,
        event->sequence, event->sequence ? "" : event->body);
    return ph_db_notify(transaction, ph_events_channel, payload);
}

int ph_events_replace(
    struct ph_db_transaction *transaction, const char *session, int64_t sequence, const char *body) {
    int64_t changed =
        ph_db_change(transaction, PH_SQL("UPDATE events SET body = $3 WHERE session = $1 AND sequence = $2",
                                      ph_sql_text(session), ph_sql_integer(sequence), ph_sql_text(body)));
    return changed < 0 ? (int)changed : 0;
}

bool ph_events_parse(const char *payload, struct ph_event *event) {
    size_t name_size = strcspn(payload, " ");
    int type = parse_type(payload, name_size);
    const char *session = payload + name_size + 1;
    if (type < 0 || payload[name_size] != ' ' || strcspn(session, " ") != PH_SESSION_ID_CHARACTERS)
        return false;
    const char *number = session + PH_SESSION_ID_CHARACTERS + 1;
    size_t digits = number[-1] == ' ' ? strspn(number, "0123456789") : 0;
    if (digits < 1 || digits > 18 || number[digits] != ' ')
        return false;
    *event = (struct ph_event){.type = (enum ph_event_type)type, .body = number + digits + 1};
    memcpy(event->session, session, PH_SESSION_ID_CHARACTERS);
    event->sequence = strtoll(number, NULL, 10);
    return ph_text_is_session_id(event->session);
}

char *ph_state_event_body(const struct ph_session *session) {
    json_t *body = json_pack("{s:s, s:s, s:s?, s:o, s:o}", "sessionId", session->id, "state",
        ph_session_state_name(session->state), "reason", *session->reason ? session->reason : NULL,
        "startedAt", session->started_ms ? json_integer(session->started_ms) : json_null(), "endedAt",
        session->ended_ms ? json_integer(session->ended_ms) : json_null());
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

static int state_changed(struct ph_session_observer *observer, struct ph_db_transaction *transaction,
    const struct ph_session_change *change) {
    (void)observer;
    struct ph_event event = {.type = PH_EVENT_STATE, .at_ms = change->at_ms};
    memcpy(event.session, change->session->id, sizeof(event.session));
    char *body = ph_state_event_body(change->session);
    if (!body)
        return -ENOMEM;
    event.body = body;
    int code = ph_events_number(transaction, event.session, &event.sequence);
    if (code == 0)
        code = ph_events_put(transaction, &event);
    free(body);
    return code;
}

void ph_state_events_init(struct ph_state_events *events) {
    static const struct ph_session_observer_impl impl = {.changed = state_changed};
    *events = (struct ph_state_events){.observer.impl = &impl};
}
