/* The events that are kept, as they are read. */
#include <stdio.h>
#include <string.h>

#include "api/events.h"
#include "core/db/sql.h"

struct range {
    int64_t oldest, newest;
};

static void read_range(void *ranges, size_t index, struct ph_db_statement *row) {
    struct range *range = (struct range *)ranges + index;
    range->newest = ph_db_integer(row, 0);
    range->oldest = ph_db_integer(row, 1);
}

int ph_events_range(struct ph_db *db, const char *session, int64_t *oldest, int64_t *newest) {
    struct range range = {0};
    int code = ph_db_read(db,
        PH_SQL("SELECT last, (SELECT MIN(sequence) FROM events WHERE session = $1) FROM event_heads WHERE "
               "session = $1",
            ph_sql_text(session)),
        1, read_range, &range);
    *newest = range.newest;
    *oldest = range.oldest;
    return code < 0 ? code : 0;
}

static enum ph_event_type type_of(const char *name) {
    for (int i = 0; i < PH_EVENT_TYPES; i++) {
        if (strcmp(name, ph_event_type_name((enum ph_event_type)i)) == 0)
            return (enum ph_event_type)i;
    }
    return PH_EVENT_STATE;
}

/* Who is given the events. */
struct reader {
    ph_events_take *take;
    void *opaque;
};

/* A row of session, sequence, type, body, at_ms. */
static void read_event(void *opaque, size_t index, struct ph_db_statement *row) {
    const struct reader *reader = opaque;
    struct ph_event event = {.sequence = ph_db_integer(row, 1),
        .type = type_of(ph_db_text(row, 2)),
        .body = ph_db_text(row, 3),
        .at_ms = ph_db_integer(row, 4)};
    (void)index;
    snprintf(event.session, sizeof(event.session), "%s", ph_db_text(row, 0));
    reader->take(reader->opaque, &event);
}

int ph_events_read(
    struct ph_db *db, const char *session, int64_t after, size_t most, ph_events_take *take, void *opaque) {
    struct reader reader = {take, opaque};
    return ph_db_read(db,
        PH_SQL("SELECT session, sequence, type, body, at_ms FROM events WHERE session = $1 AND sequence > $2 "
               "ORDER BY sequence LIMIT $3",
            ph_sql_text(session), ph_sql_integer(after), ph_sql_integer((int64_t)most)),
        most, read_event, &reader);
}

int ph_events_since(struct ph_db *db, int64_t since_ms, size_t most, ph_events_take *take, void *opaque) {
    struct reader reader = {take, opaque};
    return ph_db_read(db,
        PH_SQL("SELECT session, sequence, type, '' AS body, at_ms FROM events WHERE at_ms >= $1 ORDER BY "
               "at_ms DESC, sequence DESC LIMIT $2",
            ph_sql_integer(since_ms), ph_sql_integer((int64_t)most)),
        most, read_event, &reader);
}

int ph_events_prune(struct ph_db *db, int64_t now_ms) {
    int64_t dropped = ph_db_write_keyed(db, "events:prune",
        PH_SQL("DELETE FROM events WHERE at_ms < $1", ph_sql_integer(now_ms - PH_EVENTS_KEPT_MS)));
    return dropped < 0 ? (int)dropped : 0;
}
