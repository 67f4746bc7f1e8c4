#include "api/health_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/session_view.h"

static int tell(struct ph_db_transaction *transaction, const struct ph_carried_health *carried) {
    struct ph_event event = {.type = PH_EVENT_HEALTH, .at_ms = carried->health.stats_ms};
    memcpy(event.session, carried->session, sizeof(event.session));
    json_t *body = json_pack(
        "{s:s, s:o}", "sessionId", carried->session, "health", ph_session_health_view(&carried->health));
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    event.body = text;
    int code = text ? ph_events_put(transaction, &event) : -ENOMEM;
    free(text);
    return code;
}

/* Keyed by what nobody else uses: figures wait for nobody and decide nothing. */
static int tell_all(struct ph_db *db, const struct ph_carried_health *list, size_t count) {
    struct ph_db_transaction *transaction;
    char key[PH_EVENTS_KEY_BYTES + 8];
    snprintf(key, sizeof(key), "health:%s", list[0].session);
    int code = ph_db_begin_keyed(db, key, &transaction);
    if (code < 0)
        return code;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = tell(transaction, &list[i]);
    return ph_db_settle(transaction, code);
}

void ph_health_events_tell(
    struct ph_health_events *events, struct ph_db *db, struct ph_session_feed *feed, struct ph_clock *clock) {
    struct ph_carried_health *list;
    int64_t now_ms = ph_clock_utc_us(clock) / PH_MILLISECOND_US;
    size_t count = ph_session_feed_healths(feed, events->told_ms, &list);
    if (count > 0 && tell_all(db, list, count) == 0)
        events->told_ms = now_ms;
    free(list);
}
