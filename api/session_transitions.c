/* A session's way from state to state: by events, by the sweep, at the start of a process. Each step is a
 * row's update that names the state it leaves, so that of two at once one makes it, and the observers hear it
 * once. */
#include <stdlib.h>
#include <string.h>

#include "api/sessions_store_internal.h"

enum { MOST_TRIES = 3, SWEPT_AT_ONCE = 100 };

/* 1 when the session was in the state it is known to be in, else 0. */
static int64_t write_state(struct ph_db_transaction *transaction, const struct ph_session *session,
    enum ph_session_state state, const char *reason, int64_t now_ms) {
    static const char live[] =
        "UPDATE sessions SET state = $2, started_ms = COALESCE(started_ms, $3), lost_ms "
        "= NULL, carried_ms = $3 WHERE id = $1 AND state = $4";
    static const char lost[] = "UPDATE sessions SET state = $2, lost_ms = $3 WHERE id = $1 AND state = $4";
    const char *name = ph_session_state_name(state), *before = ph_session_state_name(session->state);
    /* What only a publisher needs goes with the session's end. */
    if (ph_session_state_is_over(state))
        return ph_db_change(
            transaction, PH_SQL("UPDATE sessions SET state = $2, ended_ms = $3, reason = $5, passphrase = '' "
                                "WHERE id = $1 AND state = $4",
                             ph_sql_text(session->id), ph_sql_text(name), ph_sql_integer(now_ms),
                             ph_sql_text(before), ph_sql_text(reason)));
    return ph_db_change(transaction, PH_SQL(state == PH_SESSION_LIVE ? live : lost, ph_sql_text(session->id),
                                         ph_sql_text(name), ph_sql_integer(now_ms), ph_sql_text(before)));
}

static int announce(struct ph_sessions *sessions, struct ph_db_transaction *transaction,
    const struct ph_session *before, int64_t now_ms) {
    struct ph_session session;
    int code = ph_sessions_find_in(transaction, before->id, &session);
    if (code < 0)
        return code;
    return ph_sessions_announce(sessions, transaction,
        &(struct ph_session_change){.session = &session,
            .before = before->state,
            .is_first_live = before->started_ms == 0 && session.started_ms > 0,
            .at_ms = now_ms});
}

int ph_sessions_apply_in(struct ph_sessions *sessions, struct ph_db_transaction *transaction, const char *id,
    enum ph_session_event event, const char *reason, int64_t now_ms) {
    struct ph_session session;
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        int code = ph_sessions_find_in(transaction, id, &session);
        if (code < 0)
            return code;
        enum ph_session_state state = ph_session_state_after(session.state, event);
        if (state == session.state)
            return 0;
        int64_t changed = write_state(transaction, &session, state, reason, now_ms);
        if (changed < 0)
            return (int)changed;
        if (changed == 1)
            return announce(sessions, transaction, &session, now_ms);
    }
    return -EAGAIN;
}

int ph_sessions_apply(struct ph_sessions *sessions, const char *id, enum ph_session_event event,
    const char *reason, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(sessions->db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    return ph_db_settle(transaction, ph_sessions_apply_in(sessions, transaction, id, event, reason, now_ms));
}

/* A query of ids, whose one parameter is a time, and what it means for the sessions it finds. */
struct rule {
    const char *sql;
    int64_t time_ms;
    enum ph_session_event event;
    const char *reason;
};

/* Whether the rule finds any, as 1 or 0: most of the time it does not, and nobody who writes has to wait. */
static int has_any(struct ph_sessions *sessions, const struct rule *rule) {
    return ph_db_read(sessions->db, PH_SQL(rule->sql, ph_sql_integer(rule->time_ms)), 1, NULL, NULL);
}

/* The number of sessions it was applied to. */
static int apply_rule(struct ph_sessions *sessions, const struct rule *rule, int64_t now_ms) {
    char ids[SWEPT_AT_ONCE][PH_SESSION_ID_BYTES];
    struct ph_db_transaction *transaction;
    int code = has_any(sessions, rule);
    if (code <= 0)
        return code;
    code = ph_db_begin(sessions->db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int count = ph_db_query(transaction, PH_SQL(rule->sql, ph_sql_integer(rule->time_ms)), SWEPT_AT_ONCE,
        ph_sessions_take_id, ids);
    code = count;
    for (int i = 0; code >= 0 && i < count; i++)
        code = ph_sessions_apply_in(sessions, transaction, ids[i], rule->event, rule->reason, now_ms);
    code = ph_db_settle(transaction, code);
    return code < 0 ? code : count;
}

int ph_sessions_sweep(struct ph_sessions *sessions, int64_t now_ms, int64_t lost_before_ms) {
    const struct rule rules[] = {
        {"SELECT id FROM sessions WHERE state = 'created' AND COALESCE(beat_ms, created_ms) < $1 LIMIT 100",
            now_ms - PH_SESSION_UNUSED_MS, PH_SESSION_END, "no media arrived within a day"},
        {"SELECT id FROM sessions WHERE state = 'reconnecting' AND lost_ms < $1 LIMIT 100", lost_before_ms,
            PH_SESSION_END, "the publisher did not come back"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        int code = apply_rule(sessions, &rules[i], now_ms);
        if (code < 0)
            return code;
    }
    return 0;
}

int ph_sessions_carry(
    struct ph_sessions *sessions, char (*ids)[PH_SESSION_ID_BYTES], size_t count, int64_t now_ms) {
    struct ph_db_transaction *transaction;
    int64_t answer = 0;
    int code = count ? ph_db_begin_keyed(sessions->db, "carriers", &transaction) : 0;
    if (code < 0 || count == 0)
        return code;
    for (size_t i = 0; answer >= 0 && i < count; i++)
        answer = ph_db_change(
            transaction, PH_SQL("UPDATE sessions SET carried_ms = $2 WHERE id = $1 AND state = 'live'",
                             ph_sql_text(ids[i]), ph_sql_integer(now_ms)));
    return ph_db_settle(transaction, answer);
}

int ph_sessions_miss(struct ph_sessions *sessions, int64_t now_ms, int64_t carried_before_ms) {
    const struct rule rule = {"SELECT id FROM sessions WHERE state = 'live' AND carried_ms < $1 LIMIT 100",
        carried_before_ms, PH_SESSION_LOST, ""};
    int code = apply_rule(sessions, &rule, now_ms);
    return code < 0 ? code : 0;
}

int ph_sessions_wait_anew(struct ph_sessions *sessions, int64_t now_ms) {
    int64_t changed = ph_db_write(sessions->db,
        PH_SQL("UPDATE sessions SET lost_ms = $1 WHERE state = 'reconnecting'", ph_sql_integer(now_ms)));
    return changed < 0 ? (int)changed : 0;
}

int ph_sessions_recover(struct ph_sessions *sessions, int64_t now_ms) {
    const struct rule rule = {"SELECT id FROM sessions WHERE state = 'live' AND created_ms <= $1 LIMIT 100",
        INT64_MAX, PH_SESSION_LOST, ""};
    int code = ph_sessions_wait_anew(sessions, now_ms);
    while (code == 0 && (code = apply_rule(sessions, &rule, now_ms)) == SWEPT_AT_ONCE)
        code = 0;
    return code < 0 ? code : 0;
}
