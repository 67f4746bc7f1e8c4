#include "api/analytics_store.h"

#include <stdio.h>
#include <string.h>

#include "core/db/sql.h"

/* Of one session in its timeline. */
enum { MOST_VIEWERS = 200000 };

/* One session by its key, or many by owner and time. Both use $1 … $4, where $4 is now. */
#define OF_ONE "s.id = $1"
#define OF_MANY "($1 = '' OR s.owner = $1) AND s.created_ms >= $2 AND s.created_ms < $3"

#define SESSIONS(scope)                                                                                      \
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN s.started_ms IS NULL THEN 0 ELSE COALESCE(s.ended_ms, $4) - "   \
    "s.started_ms END), 0), COALESCE(MAX(c.most), 0) FROM sessions s LEFT JOIN viewer_counts c ON "          \
    "c.session = s.id WHERE " scope
#define VIEWERS(scope)                                                                                       \
    "SELECT COUNT(*), COUNT(DISTINCT CASE WHEN v.subject = '' THEN v.id ELSE v.subject END), "               \
    "COALESCE(SUM(COALESCE(v.left_ms, v.seen_ms) - v.joined_ms), 0) FROM sessions s JOIN viewers v ON "      \
    "v.session = s.id WHERE " scope
#define SHARES(column, scope)                                                                                \
    "SELECT v." column ", COUNT(*) FROM sessions s JOIN viewers v ON v.session = s.id WHERE " scope          \
    " GROUP BY v." column " ORDER BY COUNT(*) DESC, v." column " LIMIT 64"
#define TOTAL(column) "COALESCE(SUM(t." column "), 0)"
#define TOTALS_OF_ANSWERS                                                                                    \
    TOTAL("playlist_requests")                                                                               \
    ", " TOTAL("playlist_bytes") ", " TOTAL("media_requests") ", " TOTAL("media_bytes")
#define TOTALS_OF_FIGURES                                                                                    \
    TOTAL("bitrates") ", " TOTAL("bitrates_kbps") ", " TOTAL("throughputs") ", " TOTAL("throughputs_kbps")
#define TOTALS TOTALS_OF_ANSWERS ", " TOTAL("told") ", " TOTAL("starved") ", " TOTALS_OF_FIGURES
#define DELIVERED(scope) "SELECT " TOTALS " FROM sessions s JOIN traffic t ON t.session = s.id WHERE " scope
#define WATCHED "(COALESCE(v.left_ms, v.seen_ms) - v.joined_ms)"
#define STALLED                                                                                              \
    "COALESCE(SUM(CASE WHEN q.stalled_ms > " WATCHED " THEN " WATCHED " ELSE q.stalled_ms END), 0)"
#define WATCHED_BY_TELLERS "COALESCE(SUM(CASE WHEN q.stalled_ms IS NULL THEN 0 ELSE " WATCHED " END), 0)"
#define MEAN(column) "COUNT(q." column "), COALESCE(SUM(q." column "), 0)"
#define MEANS                                                                                                \
    MEAN("startup_ms") ", " MEAN("bitrate_kbps") ", " MEAN("latency_ms") ", " MEAN("throughput_kbps")
#define QUALITY(scope)                                                                                       \
    "SELECT COUNT(*), COALESCE(SUM(q.stalls), 0), " STALLED ", " WATCHED_BY_TELLERS                          \
    ", COALESCE(SUM(q.dropped_frames), 0), " MEANS " FROM sessions s JOIN qoe q ON q.session = s.id JOIN "   \
    "viewers v ON v.id = q.viewer WHERE " scope
#define BOTH(query)                                                                                          \
    { query(OF_MANY), query(OF_ONE) }
#define BOTH_SHARES(column)                                                                                  \
    { SHARES(column, OF_MANY), SHARES(column, OF_ONE) }

static int prepare(struct ph_db_transaction *transaction, const char *const texts[2],
    const struct ph_analytics_scope *scope, struct ph_db_statement **statement) {
    int code = ph_db_prepare(transaction, texts[scope->session != NULL], statement);
    if (code < 0)
        return code;
    ph_db_bind_text(*statement, 1, scope->session ? scope->session : scope->owner);
    if (!scope->session) {
        ph_db_bind_integer(*statement, 2, scope->from_ms);
        ph_db_bind_integer(*statement, 3, scope->to_ms);
    }
    return 0;
}

static int read_totals(struct ph_db_transaction *transaction, const struct ph_analytics_scope *scope,
    struct ph_analytics *analytics) {
    static const char *const sessions[2] = BOTH(SESSIONS), *const viewers[2] = BOTH(VIEWERS);
    struct ph_db_statement *statement;
    int code = prepare(transaction, sessions, scope, &statement);
    if (code < 0)
        return code;
    ph_db_bind_integer(statement, 4, scope->now_ms);
    code = ph_db_step(statement);
    if (code == 1) {
        analytics->sessions = ph_db_integer(statement, 0);
        analytics->live_ms = ph_db_integer(statement, 1);
        analytics->most_at_once = ph_db_integer(statement, 2);
    }
    ph_db_finish(statement);
    if (code < 0 || (code = prepare(transaction, viewers, scope, &statement)) < 0)
        return code;
    code = ph_db_step(statement);
    if (code == 1) {
        analytics->viewers = ph_db_integer(statement, 0);
        analytics->people = ph_db_integer(statement, 1);
        analytics->watched_ms = ph_db_integer(statement, 2);
    }
    ph_db_finish(statement);
    return code < 0 ? code : 0;
}

static struct ph_mean mean_at(struct ph_db_statement *row, int column) {
    return (struct ph_mean){.count = ph_db_integer(row, column), .sum = ph_db_integer(row, column + 1)};
}

static int read_delivered(struct ph_db_transaction *transaction, const struct ph_analytics_scope *scope,
    struct ph_delivered *delivered) {
    static const char *const texts[2] = BOTH(DELIVERED);
    struct ph_db_statement *statement;
    int code = prepare(transaction, texts, scope, &statement);
    if (code < 0)
        return code;
    code = ph_db_step(statement);
    if (code == 1)
        *delivered = (struct ph_delivered){.playlist_requests = ph_db_integer(statement, 0),
            .playlist_bytes = ph_db_integer(statement, 1),
            .media_requests = ph_db_integer(statement, 2),
            .media_bytes = ph_db_integer(statement, 3),
            .told = ph_db_integer(statement, 4),
            .starved = ph_db_integer(statement, 5),
            .bitrate_kbps = mean_at(statement, 6),
            .throughput_kbps = mean_at(statement, 8)};
    ph_db_finish(statement);
    return code < 0 ? code : 0;
}

static int read_quality(struct ph_db_transaction *transaction, const struct ph_analytics_scope *scope,
    struct ph_quality *quality) {
    static const char *const texts[2] = BOTH(QUALITY);
    struct ph_db_statement *statement;
    int code = prepare(transaction, texts, scope, &statement);
    if (code < 0)
        return code;
    code = ph_db_step(statement);
    if (code == 1)
        *quality = (struct ph_quality){.viewers = ph_db_integer(statement, 0),
            .stalls = ph_db_integer(statement, 1),
            .stalled_ms = ph_db_integer(statement, 2),
            .watched_ms = ph_db_integer(statement, 3),
            .dropped_frames = ph_db_integer(statement, 4),
            .startup_ms = mean_at(statement, 5),
            .bitrate_kbps = mean_at(statement, 7),
            .latency_ms = mean_at(statement, 9),
            .throughput_kbps = mean_at(statement, 11)};
    ph_db_finish(statement);
    return code < 0 ? code : 0;
}

static int read_shares(struct ph_db_transaction *transaction, const char *const texts[2],
    const struct ph_analytics_scope *scope, struct ph_share *shares, size_t *count) {
    struct ph_db_statement *statement;
    int code = prepare(transaction, texts, scope, &statement);
    if (code < 0)
        return code;
    while ((code = ph_db_step(statement)) == 1 && *count < PH_MOST_SHARES) {
        struct ph_share *share = &shares[(*count)++];
        snprintf(share->name, sizeof(share->name), "%s", ph_db_text(statement, 0));
        share->viewers = ph_db_integer(statement, 1);
    }
    ph_db_finish(statement);
    return code < 0 ? code : 0;
}

int ph_analytics_read(
    struct ph_db *db, const struct ph_analytics_scope *scope, struct ph_analytics *analytics) {
    static const char *const devices[2] = BOTH_SHARES("device"), *const browsers[2] = BOTH_SHARES("browser"),
                             *const countries[2] = BOTH_SHARES("country");
    struct ph_db_transaction *transaction;
    memset(analytics, 0, sizeof(*analytics));
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = read_totals(transaction, scope, analytics);
    if (code == 0)
        code = read_delivered(transaction, scope, &analytics->delivered);
    if (code == 0)
        code = read_quality(transaction, scope, &analytics->quality);
    if (code == 0)
        code = read_shares(transaction, devices, scope, analytics->devices, &analytics->device_count);
    if (code == 0)
        code = read_shares(transaction, browsers, scope, analytics->browsers, &analytics->browser_count);
    if (code == 0)
        code = read_shares(transaction, countries, scope, analytics->countries, &analytics->country_count);
    ph_db_rollback(transaction);
    return code;
}

/* The span a time lies in, within the timeline. */
static size_t span_of(const struct ph_timeline *timeline, int64_t time_ms) {
    int64_t span = (time_ms - timeline->begin_ms) / timeline->span_ms;
    if (span < 0)
        return 0;
    return span < (int64_t)timeline->count ? (size_t)span : timeline->count - 1;
}

/* How many came and went in each span of a timeline. */
struct changes {
    const struct ph_timeline *timeline;
    int64_t of_span[PH_MOST_TIMELINE + 1];
};

static void take_viewer(void *opaque, size_t index, struct ph_db_statement *row) {
    struct changes *changes = opaque;
    (void)index;
    changes->of_span[span_of(changes->timeline, ph_db_integer(row, 0))]++;
    changes->of_span[span_of(changes->timeline, ph_db_integer(row, 1)) + 1]--;
}

int ph_analytics_timeline(
    struct ph_db *db, const char *session, int64_t begin_ms, int64_t end_ms, struct ph_timeline *timeline) {
    struct changes changes = {.timeline = timeline};
    int64_t duration_ms = end_ms > begin_ms ? end_ms - begin_ms : 0;
    int64_t minutes = (duration_ms / PH_MOST_TIMELINE + PH_LEAST_SPAN_MS - 1) / PH_LEAST_SPAN_MS;
    *timeline = (struct ph_timeline){
        .begin_ms = begin_ms, .span_ms = (minutes ? minutes : 1) * (int64_t)PH_LEAST_SPAN_MS};
    timeline->count = (size_t)(duration_ms / timeline->span_ms) + 1;
    if (timeline->count > PH_MOST_TIMELINE)
        timeline->count = PH_MOST_TIMELINE;
    int code = ph_db_read(db,
        PH_SQL("SELECT joined_ms, COALESCE(left_ms, seen_ms) FROM viewers WHERE session = $1 LIMIT $2",
            ph_sql_text(session), ph_sql_integer(MOST_VIEWERS)),
        MOST_VIEWERS, take_viewer, &changes);
    int64_t viewers = 0;
    for (size_t i = 0; i < timeline->count; i++)
        timeline->viewers[i] = viewers += changes.of_span[i];
    return code < 0 ? code : 0;
}
