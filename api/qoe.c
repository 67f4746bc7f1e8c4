#include "api/qoe.h"

#include "core/db/sql.h"

/* What no player reaches, so that sums stay far from the end of their type. */
static const struct {
    const char *key;
    int64_t most;
} figures[PH_QOE_FIGURES] = {
    [PH_QOE_STARTUP_MS] = {"msd", 3600000},
    [PH_QOE_STALLS] = {"bsa", 1000000},
    [PH_QOE_STALLED_MS] = {"bsda", 604800000},
    [PH_QOE_BITRATE_KBPS] = {"br", 1000000},
    [PH_QOE_LATENCY_MS] = {"ltc", 86400000},
    [PH_QOE_THROUGHPUT_KBPS] = {"mtp", 100000000},
    [PH_QOE_DROPPED_FRAMES] = {"dfa", 1000000000},
};

bool ph_qoe_read(struct ph_body *body, const char *name, struct ph_qoe *qoe) {
    for (size_t i = 0; i < PH_QOE_FIGURES; i++)
        qoe->figures[i] = -1;
    if (!ph_body_enter(body, name))
        return false;
    for (size_t i = 0; i < PH_QOE_FIGURES; i++)
        ph_body_integer(body, figures[i].key, 0, figures[i].most, &qoe->figures[i]);
    ph_body_leave(body);
    return true;
}

/* What was not told leaves what was told before. */
static struct ph_sql_value told(const struct ph_qoe *qoe, enum ph_qoe_figure figure) {
    return qoe->figures[figure] < 0 ? ph_sql_null() : ph_sql_integer(qoe->figures[figure]);
}

int ph_qoe_keep(struct ph_db_transaction *transaction, const char *session, const char *viewer,
    const struct ph_qoe *qoe, int64_t now_ms) {
    int64_t kept = ph_db_change(transaction,
        PH_SQL(
            "INSERT INTO qoe (viewer, session, told_ms, startup_ms, stalls, stalled_ms, bitrate_kbps, "
            "latency_ms, throughput_kbps, dropped_frames) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
            "ON CONFLICT (viewer) DO UPDATE SET told_ms = excluded.told_ms, startup_ms = "
            "COALESCE(excluded.startup_ms, qoe.startup_ms), stalls = COALESCE(excluded.stalls, qoe.stalls), "
            "stalled_ms = COALESCE(excluded.stalled_ms, qoe.stalled_ms), bitrate_kbps = "
            "COALESCE(excluded.bitrate_kbps, qoe.bitrate_kbps), latency_ms = COALESCE(excluded.latency_ms, "
            "qoe.latency_ms), throughput_kbps = COALESCE(excluded.throughput_kbps, qoe.throughput_kbps), "
            "dropped_frames = COALESCE(excluded.dropped_frames, qoe.dropped_frames)",
            ph_sql_text(viewer), ph_sql_text(session), ph_sql_integer(now_ms), told(qoe, PH_QOE_STARTUP_MS),
            told(qoe, PH_QOE_STALLS), told(qoe, PH_QOE_STALLED_MS), told(qoe, PH_QOE_BITRATE_KBPS),
            told(qoe, PH_QOE_LATENCY_MS), told(qoe, PH_QOE_THROUGHPUT_KBPS),
            told(qoe, PH_QOE_DROPPED_FRAMES)));
    return kept < 0 ? (int)kept : 0;
}
